// Goal: a partition's store has one holder at a time, on one node; and whatever is found there, there is a store to go on with.
// Method: real RocksDB in a folder of the test's own, holders played by hand.
#include "engine/app/partition_stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/app/store_writer.h"
#include "engine/state/testing/temporary_directory.h"

namespace sekisho::app {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr PartitionId kThree{3};
constexpr Span kGrace = Span::Seconds(10);

AccountId Id(uint64_t n) { return AccountId{Hash128{0, n}}; }
PackedRecords Records(std::vector<std::pair<uint64_t, std::string>> all) {
  PackedRecords records;
  for (const auto& [id, record] : all) records.Add(Id(id), record);
  return records;
}
StateMarker Marker(const std::string& input) {
  StateMarker marker;
  marker.input = input;
  return marker;
}
std::string Read(RecordStore* store, uint64_t id) {
  std::vector<std::optional<std::string>> found;
  const AccountId ids[] = {Id(id)};
  EXPECT_TRUE(store->Read(ids, &found).ok());
  return found[0].value_or("-");
}

class PartitionStoresTest : public ::testing::Test {
 protected:
  PartitionStoresTest() { Restart(); }
  void Restart() {
    stores_.reset();
    auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    stores_ = *std::move(opened);
  }
  absl::StatusOr<std::unique_ptr<PartitionStores>> Open() {
    return PartitionStores::Open(path(), size_t{8} << 20, [this](const Notice& notice) { notices_.emplace_back(notice.name); });
  }
  std::string path(const std::string& below = "") const { return directory_.path() + "/state" + below; }
  std::unique_ptr<RecordStore> Worker() {
    auto store = stores_->Open(kThree);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  std::unique_ptr<StandbyLease> Lease() {
    auto lease = stores_->Lend(kThree, Span(), Span());
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.ok() ? *std::move(lease) : nullptr;
  }

  TemporaryDirectory directory_;
  std::vector<std::string> notices_;
  std::unique_ptr<PartitionStores> stores_;
};

TEST_F(PartitionStoresTest, ASecondNodeIsToldWhoUsesTheDirectory) {
  const absl::Status refused = Open().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("in use by another engine (process " + std::to_string(getpid()) + ")"));
  stores_.reset();
  EXPECT_TRUE(Open().ok());
}

TEST_F(PartitionStoresTest, AWorkerWaitsForAnotherAndFindsWhatThatLeft) {
  std::unique_ptr<RecordStore> first = Worker();
  ASSERT_TRUE(first->Commit(Records({{1, "one"}}), Marker("a")).ok());
  EXPECT_TRUE(absl::IsUnavailable(stores_->Open(kThree).status()));
  EXPECT_EQ(stores_->usage().size(), 1u);
  first.reset();
  EXPECT_EQ(stores_->usage().size(), 0u);
  std::unique_ptr<RecordStore> second = Worker();
  EXPECT_EQ(Read(second.get(), 1), "one");
  EXPECT_EQ(second->marker()->input, "a");
  EXPECT_NE(second->name().find("p-3"), std::string::npos);
}

TEST_F(PartitionStoresTest, RecreateGivesAnEmptyOne) {
  ASSERT_TRUE(Worker()->Commit(Records({{1, "one"}}), Marker("a")).ok());
  auto store = stores_->Recreate(kThree);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_FALSE((*store)->marker().has_value());
  EXPECT_EQ(Read(store->get(), 1), "-");
}

TEST_F(PartitionStoresTest, TheStandbyLeavesAStoreToAWorkerForAWhile) {
  EXPECT_TRUE(absl::IsUnavailable(stores_->Lend(kThree, Span::Seconds(100), kGrace).status())) << "the node has just begun";
  EXPECT_TRUE(stores_->Lend(kThree, Span::Seconds(110), kGrace).ok());
  EXPECT_TRUE(stores_->Lend(kThree, Span::Seconds(110), kGrace).ok()) << "no worker had it since";
  std::unique_ptr<RecordStore> worker = Worker();
  EXPECT_TRUE(absl::IsUnavailable(stores_->Lend(kThree, Span::Seconds(200), kGrace).status()));
  worker.reset();
  EXPECT_TRUE(absl::IsUnavailable(stores_->Lend(kThree, Span::Seconds(300), kGrace).status()));
  EXPECT_TRUE(absl::IsUnavailable(stores_->Lend(kThree, Span::Seconds(309), kGrace).status()));
  EXPECT_TRUE(stores_->Lend(kThree, Span::Seconds(310), kGrace).ok());
}

TEST_F(PartitionStoresTest, TheStandbyIsAskedForAStoreAndDoesNotGetItBackBeforeTheWorkerHadIt) {
  std::unique_ptr<StandbyLease> lease = Lease();
  EXPECT_FALSE(lease->wanted());
  EXPECT_TRUE(absl::IsUnavailable(stores_->Open(kThree).status()));
  EXPECT_TRUE(lease->wanted());
  lease.reset();
  EXPECT_TRUE(absl::IsUnavailable(stores_->Lend(kThree, Span::Seconds(500), Span()).status()));
  EXPECT_NE(Worker(), nullptr);
}

TEST_F(PartitionStoresTest, WhatTheStandbyKeptIsTheWorkersAndItsPlaceOutlivesBoth) {
  {
    std::unique_ptr<StandbyLease> lease = Lease();
    EXPECT_FALSE(lease->followed().has_value());
    ASSERT_TRUE(lease->Keep(Records({{1, "one"}}), Marker("a"), Offset{17}).ok());
  }
  {
    std::unique_ptr<RecordStore> worker = Worker();
    EXPECT_EQ(Read(worker.get(), 1), "one");
    ASSERT_TRUE(worker->Commit(Records({{1, "later"}}), Marker("b")).ok());
  }
  Restart();
  std::unique_ptr<StandbyLease> lease = Lease();
  EXPECT_EQ(lease->marker()->input, "b");
  EXPECT_EQ(lease->followed(), Offset{17});
  ASSERT_TRUE(lease->Pass(Offset{20}).ok());
  lease.reset();
  EXPECT_EQ(Lease()->followed(), Offset{20});
  // An empty store has read nothing.
  ASSERT_TRUE(stores_->Recreate(kThree).ok());
  EXPECT_FALSE(Lease()->followed().has_value());
}

TEST_F(PartitionStoresTest, AFilledStoreReplacesTheOldOneWholeOrNotAtAll) {
  ASSERT_TRUE(Worker()->Commit(Records({{1, "old"}, {2, "old"}}), Marker("a")).ok());
  {
    std::unique_ptr<StandbyLease> lease = Lease();
    ASSERT_TRUE(lease->BeginFilling().ok());
    ASSERT_TRUE(lease->Spill(Records({{1, "new"}})).ok());
  }
  EXPECT_FALSE(fs::exists(path("/p-3.filling")));
  {
    std::unique_ptr<RecordStore> worker = Worker();
    EXPECT_EQ(Read(worker.get(), 1), "old") << "the filling was cut short";
    EXPECT_EQ(worker->marker()->input, "a");
  }
  {
    std::unique_ptr<StandbyLease> lease = Lease();
    ASSERT_TRUE(lease->BeginFilling().ok());
    ASSERT_TRUE(lease->Spill(Records({{1, "new"}})).ok());
    ASSERT_TRUE(lease->EndFilling(Marker("b"), Offset{9}).ok());
    EXPECT_EQ(lease->marker()->input, "b");
    EXPECT_EQ(lease->followed(), Offset{9});
  }
  std::unique_ptr<RecordStore> worker = Worker();
  EXPECT_EQ(Read(worker.get(), 1), "new");
  EXPECT_EQ(Read(worker.get(), 2), "-");
}

TEST_F(PartitionStoresTest, WhatAKilledNodeHadBegunToFillOrToRemoveIsRemoved) {
  for (const std::string leftover : {"/p-3.filling", "/p-3.removed"}) {
    fs::create_directories(path(leftover));
    std::ofstream(path(leftover) + "/MANIFEST-000010") << "x";
    Restart();
    EXPECT_FALSE(fs::exists(path(leftover)));
  }
}

TEST_F(PartitionStoresTest, WhatAnEarlierRemovalLeftIsNotInTheWayOfTheNext) {
  { auto store = *stores_->Open(kThree); ASSERT_TRUE(store->Commit(Records({{1, "old"}}), Marker("a")).ok()); }
  std::ofstream(path("/p-3.removed")) << "x";
  auto store = *stores_->Recreate(kThree);
  EXPECT_EQ(Read(store.get(), 1), "-");
  EXPECT_FALSE(fs::exists(path("/p-3.removed")));
}

TEST_F(PartitionStoresTest, ADamagedStoreIsSetAsideAndSaid) {
  ASSERT_TRUE(Worker()->Commit(Records({{1, "one"}}), Marker("a")).ok());
  std::ofstream(path("/p-3/CURRENT"), std::ios::trunc) << "no manifest\n";
  std::unique_ptr<RecordStore> store = Worker();
  ASSERT_NE(store, nullptr);
  EXPECT_FALSE(store->marker().has_value());
  EXPECT_TRUE(fs::exists(path("/p-3.damaged/CURRENT")));
  EXPECT_THAT(notices_, ::testing::ElementsAre("store_damaged"));
}

// Goal: bytes that turn out unreadable only while the store is in use don't come up again and again.
// Method: overwrite the store's table file; the read fails, and the next Open finds an empty store.
TEST_F(PartitionStoresTest, DamageFoundWhileReadingIsSetAsideWhenTheStoreIsClosed) {
  PackedRecords records;
  for (uint64_t id = 0; id < 300; ++id) records.Add(Id(id), std::string(1000, 'x'));
  ASSERT_TRUE(Worker()->Commit(records, Marker("a")).ok());
  Worker().reset();  // what the log held is in a file now
  int overwritten = 0;
  for (const auto& file : fs::directory_iterator(path("/p-3"))) {
    if (file.path().extension() != ".sst") continue;
    std::fstream table(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto bytes = static_cast<std::streamoff>(fs::file_size(file.path()));
    table.seekp(bytes / 4);  // not what is read when it is opened
    table << std::string(static_cast<size_t>(bytes / 4), 'y');
    ++overwritten;
  }
  ASSERT_GT(overwritten, 0);
  Restart();  // nothing is cached any more
  {
    std::unique_ptr<RecordStore> store = Worker();
    std::vector<std::optional<std::string>> found;
    std::vector<AccountId> ids;
    for (uint64_t id = 0; id < 300; ++id) ids.push_back(Id(id));
    const absl::Status unreadable = store->Read(ids, &found);
    EXPECT_TRUE(absl::IsDataLoss(unreadable)) << unreadable;
    EXPECT_FALSE(fs::exists(path("/p-3.damaged")));
  }
  EXPECT_TRUE(fs::exists(path("/p-3.damaged")));
  std::unique_ptr<RecordStore> again = Worker();
  ASSERT_NE(again, nullptr);
  EXPECT_FALSE(again->marker().has_value());
}

TEST_F(PartitionStoresTest, TheWriterCommitsASetAndTellsItsOutcomeOnce) {
  std::unique_ptr<RecordStore> three = Worker();
  auto four = stores_->Open(PartitionId{4});
  ASSERT_TRUE(four.ok());
  {
    StoreWriterThread writer;
    EXPECT_FALSE(writer.Poll().has_value());
    for (const std::string round : {"a", "b"}) {
      const auto records = std::make_shared<const PackedRecords>(Records({{1, round}}));
      writer.Begin({{three.get(), records, Marker(round)}, {four->get(), records, Marker(round)}});
      std::optional<absl::Status> outcome;
      while (!(outcome = writer.Poll()).has_value()) std::this_thread::yield();
      EXPECT_TRUE(outcome->ok());
      EXPECT_FALSE(writer.Poll().has_value());
      EXPECT_EQ(Read(three.get(), 1), round);
      EXPECT_EQ((*four)->marker()->input, round);
    }
    // What has been begun is finished before the writer goes.
    writer.Begin({{three.get(), std::make_shared<const PackedRecords>(Records({{1, "c"}})), Marker("c")}});
  }
  EXPECT_EQ(three->marker()->input, "c");
}

// A store that takes no writes.
class FullStore final : public RecordStore {
 public:
  const std::optional<StateMarker>& marker() const override { return marker_; }
  absl::Status Read(std::span<const AccountId>, std::vector<std::optional<std::string>>*) override { return absl::OkStatus(); }
  absl::Status Commit(const PackedRecords&, const StateMarker&) override { return absl::ResourceExhaustedError("the disk is full"); }
  absl::Status Spill(const PackedRecords&) override { return absl::ResourceExhaustedError("the disk is full"); }
  std::string name() const override { return "full"; }

 private:
  std::optional<StateMarker> marker_;
};

TEST_F(PartitionStoresTest, TheWriterStopsAtTheFirstStoreThatFails) {
  FullStore full;
  std::unique_ptr<RecordStore> three = Worker();
  StoreWriterThread writer;
  const auto records = std::make_shared<const PackedRecords>(Records({{1, "x"}}));
  writer.Begin({{&full, records, Marker("a")}, {three.get(), records, Marker("a")}});
  std::optional<absl::Status> outcome;
  while (!(outcome = writer.Poll()).has_value()) std::this_thread::yield();
  EXPECT_TRUE(absl::IsResourceExhausted(*outcome)) << *outcome;
  EXPECT_FALSE(three->marker().has_value());
}

}  // namespace
}  // namespace sekisho::app
