// Goal: the copy that a worker takes over is the owner's state as of one commit, whatever happened on the way to it.
// Method: commits in memory by a pretended owner; each changes some of a few accounts, so that a copy that mixes two commits
// is seen at once. Real stores below.
#include "engine/app/standby.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/cluster/marker.h"
#include "engine/state/testing/temporary_directory.h"
#include "engine/stream/testing/fake_snapshots.h"

namespace sekisho::app {
namespace {

using ::testing::ElementsAre;

constexpr Hash128 kLog{1, 2};
constexpr PartitionId kZero{0};
constexpr int kAccounts = 8;

AccountId Id(int n) { return AccountId{Hash128{0, static_cast<uint64_t>(n)}}; }

class StandbyTest : public ::testing::Test {
 protected:
  StandbyTest() {
    auto opened = PartitionStores::Open(directory_.path() + "/state", size_t{8} << 20, [this](const Notice& n) { Hear(n); });
    EXPECT_TRUE(opened.ok()) << opened.status();
    stores_ = *std::move(opened);
    Restart();
  }
  void Restart() {
    standby_.reset();
    StandbyOptions options;
    options.partitions = 2;
    options.log_id = kLog;
    options.grace = Span();
    standby_ = std::make_unique<Standby>(options, stores_.get(), &snapshots_, [this](const Notice& n) { Hear(n); });
  }
  void Hear(const Notice& notice) { notices_.emplace_back(notice.name); }

  // The n-th commit changes accounts n, n + 1 and n + 2 (of kAccounts, in a circle), and stands for offset 10 n.
  void OwnerCommits(int n, Hash128 log = kLog) {
    snapshots_.Commit(kZero, Changes(n), ShardMarkerOf(n, log));
    committed_ = n;
  }
  PackedRecords Changes(int n) {
    PackedRecords records;
    for (int i = 0; i < 3; ++i) records.Add(Id((n + i) % kAccounts), std::to_string(n));
    return records;
  }
  static ShardMarker ShardMarkerOf(int n, Hash128 log = kLog) {
    ShardMarker marker;
    marker.next = Offset{10 * n};
    marker.log_id = log;
    return marker;
  }
  // What the accounts are after commit n.
  static std::vector<std::string> After(int n) {
    std::vector<std::string> records(kAccounts, "-");
    for (int i = 1; i <= n; ++i) {
      for (int j = 0; j < 3; ++j) records[static_cast<size_t>((i + j) % kAccounts)] = std::to_string(i);
    }
    return records;
  }

  void Settle() {
    now_ = now_ + Span::Minutes(1);
    while (standby_->Step(now_)) {
    }
  }
  // As a worker would, which gives it back at once.
  std::unique_ptr<RecordStore> TakeOver() {
    auto store = stores_->Open(kZero);
    if (absl::IsUnavailable(store.status())) {
      standby_->Step(now_);
      store = stores_->Open(kZero);
    }
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  static std::vector<std::string> Contents(RecordStore* store) {
    std::vector<AccountId> ids;
    for (int i = 0; i < kAccounts; ++i) ids.push_back(Id(i));
    std::vector<std::optional<std::string>> found;
    EXPECT_TRUE(store->Read(ids, &found).ok());
    std::vector<std::string> records;
    for (const auto& record : found) records.push_back(record.value_or("-"));
    return records;
  }
  void ExpectStandsFor(RecordStore* store, int n) {
    ASSERT_TRUE(store->marker().has_value());
    EXPECT_EQ(FromStateMarker(*store->marker())->next, Offset{10 * n});
    EXPECT_EQ(Contents(store), After(n));
  }

  TemporaryDirectory directory_;
  FakeSnapshots snapshots_;
  std::vector<std::string> notices_;
  std::unique_ptr<PartitionStores> stores_;
  std::unique_ptr<Standby> standby_;
  Span now_ = Span::Minutes(1);
  int committed_ = 0;
};

TEST_F(StandbyTest, FollowsFromTheBeginningAndGoesOn) {
  for (int n = 1; n <= 5; ++n) OwnerCommits(n);
  Settle();
  for (int n = 6; n <= 9; ++n) OwnerCommits(n);
  Settle();
  ASSERT_EQ(standby_->views().size(), 2u);
  EXPECT_TRUE(standby_->views()[0].whole);
  EXPECT_EQ(standby_->views()[0].next, Offset{90});
  EXPECT_FALSE(standby_->views()[1].whole) << "nobody committed anything there";
  ExpectStandsFor(TakeOver().get(), 9);
  EXPECT_TRUE(notices_.empty());
}

TEST_F(StandbyTest, BeginsBeforeAnyCommit) {
  Settle();
  OwnerCommits(1);
  OwnerCommits(2);
  Settle();
  ExpectStandsFor(TakeOver().get(), 2);
}

TEST_F(StandbyTest, GoesOnAfterARestartWhereItWas) {
  for (int n = 1; n <= 3; ++n) OwnerCommits(n);
  Settle();
  Restart();
  OwnerCommits(4);
  Settle();
  ExpectStandsFor(TakeOver().get(), 4);
  EXPECT_EQ(snapshots_.followed().back().second, Offset{0}) << "partition 1, which was never committed";
  EXPECT_THAT(snapshots_.followed(), ::testing::Contains(std::pair(kZero, Offset{3})));
}

// Goal: what this node committed itself, as the owner, isn't overwritten by older states of the snapshots.
// Method: the standby knows the place of commit 3; the node then owns the partition and keeps 4 to 6; another owner makes 7.
TEST_F(StandbyTest, OlderCommitsThanItsOwnArePassedOver) {
  for (int n = 1; n <= 3; ++n) OwnerCommits(n);
  Settle();
  {
    std::unique_ptr<RecordStore> worker = TakeOver();
    for (int n = 4; n <= 6; ++n) {
      OwnerCommits(n);
      ASSERT_TRUE(worker->Commit(Changes(n), ToStateMarker(ShardMarkerOf(n))).ok());
      EXPECT_FALSE(standby_->Step(now_) && !standby_->views().empty() && standby_->views()[0].partition == kZero);
    }
  }
  standby_->Step(now_);  // takes it back
  ASSERT_FALSE(standby_->views().empty());
  EXPECT_EQ(standby_->views()[0].next, Offset{60});
  // At no step is it a mixture.
  OwnerCommits(7);
  for (int steps = 0; steps < 4; ++steps) {
    ExpectStandsFor(TakeOver().get(), standby_->views().empty() || steps == 0 ? 6 : 7);
    Settle();
  }
  ExpectStandsFor(TakeOver().get(), 7);
}

TEST_F(StandbyTest, AWorkerMayTakeOverWhileACopyIsBeingFilledAndGetsTheOldState) {
  // The node owned the partition until commit 2, and has never followed it.
  for (int n = 1; n <= 2; ++n) {
    OwnerCommits(n);
    ASSERT_TRUE(TakeOver()->Commit(Changes(n), ToStateMarker(ShardMarkerOf(n))).ok());
  }
  for (int n = 3; n <= 6; ++n) OwnerCommits(n);
  standby_->Step(now_);
  standby_->Step(now_);
  ExpectStandsFor(TakeOver().get(), 2);
  Settle();
  ExpectStandsFor(TakeOver().get(), 6);
}

TEST_F(StandbyTest, BeginsAnewWhenTheSnapshotsNoLongerHoldWhatFollows) {
  for (int n = 1; n <= 3; ++n) OwnerCommits(n);
  Settle();
  for (int n = 4; n <= 5; ++n) OwnerCommits(n);
  snapshots_.FailNextRead(absl::OutOfRangeError("compacted away"));
  Settle();
  ExpectStandsFor(TakeOver().get(), 5);
  EXPECT_TRUE(notices_.empty());
}

TEST_F(StandbyTest, TroubleIsSaidHoldsNothingBackAndIsTriedAgain) {
  OwnerCommits(1);
  Settle();
  OwnerCommits(2);
  snapshots_.FailNextRead(absl::DataLossError("a record is damaged"));
  while (standby_->Step(now_)) {
  }
  EXPECT_THAT(notices_, ElementsAre("standby_failed"));
  ExpectStandsFor(TakeOver().get(), 1);
  now_ = now_ + Span::Minutes(1);
  Settle();
  ExpectStandsFor(TakeOver().get(), 2);
  snapshots_.FailNextOpen(absl::UnavailableError("no broker"));
  Settle();
  EXPECT_EQ(notices_.size(), 1u) << "brokers that are away are the client's to say";
}

TEST_F(StandbyTest, SnapshotsOfAnotherLogAreRefused) {
  OwnerCommits(1);
  Settle();
  OwnerCommits(2, Hash128{9, 9});
  Settle();
  EXPECT_THAT(notices_, ElementsAre("standby_failed"));
  ExpectStandsFor(TakeOver().get(), 1);
}

}  // namespace
}  // namespace sekisho::app
