// Goal: a test can kill a process at a named place, the N-th time it comes past. Method: death tests.
#include "engine/base/fail_point.h"

#include <csignal>

#include "gtest/gtest.h"

namespace sekisho {
namespace {

TEST(FailPointTest, DiesAtTheNamedPlaceTheNthTimeOnly) {
  EXPECT_EXIT(
      {
        ASSERT_TRUE(ArmFailPoint("here:2"));
        FailPoint("elsewhere");
        FailPoint("here");
        std::fputs("still alive\n", stderr);
        FailPoint("here");
      },
      ::testing::KilledBySignal(SIGKILL), "still alive");
}

TEST(FailPointTest, RefusesWhatIsNoPlace) {
  for (const char* spec : {"", ":1", "here:", "here:0", "here:x", "here:1x"}) EXPECT_FALSE(ArmFailPoint(spec)) << spec;
  FailPoint("here");  // nothing is armed
}

}  // namespace
}  // namespace sekisho
