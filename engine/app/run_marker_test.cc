// Goal: a run goes on only from its own marker.
// Method: round trip, every truncation, and each kind of change against the words it must be refused with.
#include "engine/app/run_marker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sekisho::app {
namespace {

RunMarker Sample() {
  RunMarker marker;
  marker.setup = {{"--timezone", "UTC"}, {"the policy", "default-1"}};
  marker.inputs = {{"a.log", 100, 0x1234}, {"b.log", 7, 9}};
  marker.lines = 12;
  marker.next = Offset{5};
  marker.dead_letter_bytes = 3;
  marker.entities = std::string("\0networks", 9);
  marker.finished = true;
  return marker;
}

TEST(RunMarker, ComesBackAsItWas) {
  const RunMarker marker = Sample();
  const auto back = RunMarker::Decode(marker.Encode());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->setup, marker.setup);
  EXPECT_EQ(back->inputs, marker.inputs);
  EXPECT_EQ(back->lines, 12u);
  EXPECT_EQ(back->next, Offset{5});
  EXPECT_EQ(back->dead_letter_bytes, 3u);
  EXPECT_TRUE(back->finished);
  EXPECT_EQ(back->entities, marker.entities);
}

TEST(RunMarker, RefusesDamageAndOtherVersions) {
  const std::string bytes = Sample().Encode();
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(RunMarker::Decode(bytes.substr(0, n)).ok()) << n;
  EXPECT_FALSE(RunMarker::Decode(bytes + "x").ok());
  std::string later = bytes;
  later[0] = 3;
  EXPECT_EQ(RunMarker::Decode(later).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RunMarker, NamesWhatHasChanged) {
  RunMarker present = Sample();
  present.lines = 0;  // how far it has come is no difference
  EXPECT_TRUE(CheckSameRun(Sample(), present).ok());
  present.setup[0].second = "Asia/Tokyo";
  EXPECT_THAT(std::string(CheckSameRun(Sample(), present).message()),
              ::testing::HasSubstr("--timezone has changed (it was \"UTC\", now \"Asia/Tokyo\")"));
  present = Sample();
  present.inputs.pop_back();
  EXPECT_THAT(std::string(CheckSameRun(Sample(), present).message()),
              ::testing::HasSubstr("the list of input files has changed (it was: a.log b.log)"));
}

}  // namespace
}  // namespace sekisho::app
