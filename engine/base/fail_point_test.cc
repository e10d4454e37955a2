// Goal: a test can kill or stop a process at a named place, the N-th time it comes past. Method: death tests, a child.
#include "engine/base/fail_point.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

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

TEST(FailPointTest, StopsAtTheNamedPlaceAndGoesOnFromThere) {
  const pid_t child = fork();
  if (child == 0) {
    if (!ArmFailPoint("stop:here:2")) _exit(1);
    for (int i = 0; i < 3; ++i) FailPoint("here");
    _exit(7);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status)) << status;
  ASSERT_EQ(kill(child, SIGCONT), 0);
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(FailPointTest, RefusesWhatIsNoPlace) {
  for (const char* spec : {"", ":1", "here:", "here:0", "here:x", "here:1x", "stop:", "stop:here:0"}) EXPECT_FALSE(ArmFailPoint(spec)) << spec;
  FailPoint("here");  // nothing is armed
}

}  // namespace
}  // namespace sekisho
