// Goal: a range of a partition is read to its end and no further, and whoever waits for it isn't kept for ever.
// Method: a log in memory that grows, falls silent or fails.
#include "engine/app/cluster_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "engine/app/testing/fake_offline_log.h"

namespace sekisho::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr EventTime kLogBegin = EventTime::FromSeconds(1'772'409'600);
constexpr PartitionId kOne{0};

class ReadRangeTest : public ::testing::Test {
 protected:
  ReadRangeTest() : log_(1) { Grow(7); }
  void Grow(int records) {
    for (int i = 0; i < records; ++i) log_.Add(0, Heartbeat{kLogBegin}, kLogBegin);
  }
  absl::Status Read(int64_t begin, int64_t end) {
    return ReadRange(&log_, kOne, Offset{begin}, Offset{end}, limits_, [this](const LogBatch& batch) {
      for (const LogRecord& record : batch.records) seen_.push_back(record.offset.value);
      next_ = batch.next;
      return folded_;
    });
  }

  testing::FakeOfflineLog log_;
  ReadLimits limits_{.patience = Span::Millis(20), .stop = [] { return false; }};
  std::vector<int64_t> seen_;
  Offset next_;
  absl::Status folded_;
};

TEST_F(ReadRangeTest, GivesWhatIsInTheRangeAlone) {
  EXPECT_TRUE(Read(1, 6).ok());
  EXPECT_THAT(seen_, ElementsAre(1, 2, 3, 4, 5)) << "the second batch would be 4 to 6";
  EXPECT_EQ(next_, Offset{6});
  seen_.clear();
  EXPECT_TRUE(Read(6, 6).ok());
  EXPECT_TRUE(Read(7, 6).ok());
  EXPECT_TRUE(seen_.empty());
}

TEST_F(ReadRangeTest, WhatIsSentMeanwhileIsNotRead) {
  log_.OnRead([this] { Grow(5); });
  EXPECT_TRUE(Read(0, 7).ok());
  EXPECT_THAT(seen_, ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST_F(ReadRangeTest, SilenceIsAnErrorAtLast) {
  log_.StopAt(0, Offset{4});
  const absl::Status status = Read(0, 7);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("nothing more came after offset 4, but the log ends at 7"));
  EXPECT_THAT(seen_, ElementsAre(0, 1, 2, 3));
}

TEST_F(ReadRangeTest, AStopEndsItAlsoAmidSilence) {
  log_.StopAt(0, Offset{4});
  limits_ = {.patience = Span::Hours(1), .stop = [this] { return seen_.size() == 4; }};
  EXPECT_TRUE(Read(0, 7).ok());
  EXPECT_THAT(seen_, ElementsAre(0, 1, 2, 3));
}

TEST_F(ReadRangeTest, ErrorsEndIt) {
  log_.FailNextRead(absl::DataLossError("the record is damaged"));
  EXPECT_TRUE(absl::IsDataLoss(Read(0, 7)));
  EXPECT_TRUE(seen_.empty());
  folded_ = absl::ResourceExhaustedError("disk full");
  EXPECT_TRUE(absl::IsResourceExhausted(Read(0, 7)));
  EXPECT_THAT(seen_, ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace sekisho::app
