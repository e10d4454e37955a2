// Goal: what a worker did is on the page, once, and what it gave up is not.
// Method: a real worker over the simplest of seams, clocks moved by hand, and the page's text.
#include "engine/app/engine_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/state/testing/temporary_directory.h"

namespace sekisho::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

struct World {
  TemporaryDirectory directory;
  std::shared_ptr<StoreMemory> memory = std::make_shared<StoreMemory>(size_t{8} << 20);
  std::deque<std::vector<LogRecord>> batches;  // of whatever partition reads first
  GroupChange change;
  std::optional<Offset> committed;
  Publishing outputs = Publishing::kIdle, snapshots = Publishing::kIdle;
  Publishing outcome = Publishing::kCommitted;  // of the next outputs
  std::optional<absl::Status> written;
};

struct FakeReader : LogReader {
  FakeReader(World* of, Offset from) : world(of), next(from) {}
  absl::StatusOr<LogBatch> Read(size_t) override {
    if (world->batches.empty()) return LogBatch{{}, next};
    current = std::move(world->batches.front());
    world->batches.pop_front();
    for (LogRecord& record : current) record.offset = Offset{next.value++};
    return LogBatch{current, next};
  }
  World* const world;
  std::vector<LogRecord> current;
  Offset next;
};

struct FakeLog : Log {
  explicit FakeLog(World* of) : world(of) {}
  absl::StatusOr<Offset> Begin(PartitionId) override { return Offset{0}; }
  absl::StatusOr<std::unique_ptr<LogReader>> Open(PartitionId, Offset from) override {
    return std::make_unique<FakeReader>(world, from);
  }
  void AppendHeartbeat(PartitionId, EventTime) override {}
  World* const world;
};

struct FakeGroup : Group {
  explicit FakeGroup(World* of) : world(of) {}
  absl::StatusOr<GroupChange> Poll() override { return std::exchange(world->change, GroupChange()); }
  void Release() override {}
  absl::StatusOr<std::optional<Offset>> Committed(PartitionId) override { return world->committed; }
  World* const world;
};

struct FakePublisher : Publisher {
  explicit FakePublisher(World* of) : world(of) {}
  void BeginOutputs(std::vector<OutputPart> parts) override {
    world->outputs = world->outcome;
    if (world->outcome == Publishing::kCommitted) world->committed = parts[0].next;
  }
  absl::StatusOr<Publishing> PollOutputs() override { return std::exchange(world->outputs, Publishing::kIdle); }
  void BeginSnapshots(std::vector<SnapshotPart>) override { world->snapshots = Publishing::kCommitted; }
  absl::StatusOr<Publishing> PollSnapshots() override { return std::exchange(world->snapshots, Publishing::kIdle); }
  World* const world;
};

struct NoSnapshots : Snapshots, SnapshotReader {
  absl::StatusOr<SnapshotBatch> Read() override {
    SnapshotBatch batch;
    batch.end = true;
    return batch;
  }
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(PartitionId) override { return std::make_unique<NoSnapshots>(); }
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Follow(PartitionId, Offset) override { return absl::UnimplementedError("no"); }
};

struct FakeStores : Stores {
  explicit FakeStores(World* of) : world(of) {}
  absl::StatusOr<std::unique_ptr<RecordStore>> Open(PartitionId partition) override {
    StoreOptions options;
    options.shared_memory = world->memory;
    auto store = StateStore::Open(world->directory.path() + "/p-" + std::to_string(partition.value), options);
    if (!store.ok()) return store.status();
    return std::unique_ptr<RecordStore>(*std::move(store));
  }
  absl::StatusOr<std::unique_ptr<RecordStore>> Recreate(PartitionId partition) override {
    std::filesystem::remove_all(world->directory.path() + "/p-" + std::to_string(partition.value));
    return Open(partition);
  }
  World* const world;
};

struct FakeWriter : StoreWriter {
  explicit FakeWriter(World* of) : world(of) {}
  void Begin(std::vector<StoreWrite> writes) override {
    for (const StoreWrite& write : writes) world->written = write.store->Commit(*write.records, write.marker);
  }
  std::optional<absl::Status> Poll() override { return std::exchange(world->written, std::nullopt); }
  World* const world;
};

class EngineMetricsTest : public ::testing::Test {
 protected:
  EngineMetricsTest() {
    seams_ = {&log_, &group_, &publisher_, &snapshots_, &stores_, &writer_, &mine_};
    setup_.log_id = Hash128{1, 2};
    setup_.policy.version = "v7";
    worker_ = std::make_unique<Worker>(WorkerOptions(), &setup_, seams_);
  }
  // Each call of a clock takes a millisecond.
  EngineMetrics::Clocks Clocks() {
    return {[this] { return steady_ += 1000; }, [this] { return wall_; }};
  }
  LogRecord Sent(uint16_t country, uint32_t source, EventTime at) {
    Event event;
    event.kind = EventKind::kSubmission;
    event.service = Service::kSmtp;
    event.account = "u@example.jp";
    event.id = AccountId::FromLogin(event.account);
    event.time = at;
    event.ip = IpAddress::FromV4(source);
    event.place.country = country;
    LogRecord record{Offset{}, Origin{}, event, "bytes", wall_ - Span::Millis(40)};
    return record;
  }
  // Two days at home, then a theft that ends in a suspension.
  std::vector<LogRecord> LifeAndTheft() {
    std::vector<LogRecord> records;
    EventTime at = kStart;
    for (int i = 0; i < 16; ++i, at = at + Span::Hours(3)) records.push_back(Sent(0x4a50, 0xcb007105, at));
    const uint16_t countries[] = {0x5255, 0x5541, 0x4259, 0x504c, 0x524f};
    for (uint32_t i = 0; i < 5; ++i) records.push_back(Sent(countries[i], 0xc6336400 + 300 * i, at + Span::Minutes(i)));
    std::vector<LogRecord> all;
    for (LogRecord& record : records) {
      all.push_back({Offset{}, Origin{}, Heartbeat{std::get<Event>(record.value).time}, "bytes", record.appended});
      all.push_back(record);
    }
    return all;
  }
  void Steps(int n = 30) {
    for (int i = 0; i < n; ++i) {
      now_ = now_ + Span::Millis(200);
      mine_.OnStepBegin();
      const absl::StatusOr<bool> stepped = worker_->Step({now_, wall_});
      ASSERT_TRUE(stepped.ok()) << stepped.status();
      mine_.OnStepEnd();
    }
  }
  static kafka::PartitionLag Lag(int partition, int64_t end) {
    return {PartitionId{partition}, Offset{42}, Offset{end}, EventTime::Never()};
  }
  std::string Page(std::vector<kafka::PartitionLag> lags = {}, std::vector<kafka::TransactionReport> transactions = {}) {
    mine_.Update(*worker_, lags, transactions);
    engine_.UpdateProcess(world_.memory.get());
    return metrics_.Text();
  }

  int64_t steady_ = 0;
  EventTime wall_ = kStart + Span::Days(3);
  Span now_;
  World world_;
  FakeLog log_{&world_};
  FakeGroup group_{&world_};
  FakePublisher publisher_{&world_};
  NoSnapshots snapshots_;
  FakeStores stores_{&world_};
  FakeWriter writer_{&world_};
  Metrics metrics_;
  EngineMetrics engine_{&metrics_, Clocks()};
  WorkerMetrics mine_{&engine_, 0};
  FoldSetup setup_;
  WorkerSeams seams_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(EngineMetricsTest, EverythingIsThereBeforeItHappens) {
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("sekisho_build_info{version=\"" SEKISHO_VERSION "\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_events_total{source=\"imap\",kind=\"login_failed\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_actions_total{kind=\"suspend\",mode=\"enforce\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_records_dropped_total{reason=\"late\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_transactions_total{kind=\"outputs\",result=\"unknown\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_rocksdb_block_cache_hits_total 0\n"));
  EXPECT_THAT(page, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(page, HasSubstr("sekisho_standby_partitions{state=\"ready\"} 0\n"));
  EXPECT_THAT(page, Not(HasSubstr("partition=")));
}

TEST_F(EngineMetricsTest, WhatAWorkerDoes) {
  world_.change = {GroupChange::Kind::kAssigned, {PartitionId{3}}};
  world_.batches.push_back(LifeAndTheft());
  Steps();
  kafka::TransactionReport report;
  report.committed = true;
  report.took = Span::Millis(7);
  report.records = 4;
  report.bytes = 900;
  const std::string page = Page({Lag(3, 52)}, {report});
  EXPECT_THAT(page, HasSubstr("sekisho_events_total{source=\"smtp\",kind=\"submission\"} 21\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_records_total{pass=\"live\"} 42\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_records_total{pass=\"replay\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_actions_total{kind=\"suspend\",mode=\"enforce\"} 1\n"));
  EXPECT_THAT(page,
              HasSubstr("sekisho_action_signals_total{kind=\"suspend\",mode=\"enforce\",detector=\"source_rotation\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_lag_records{partition=\"3\"} 10\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_lag_seconds{partition=\"3\"} 0.04\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_event_time_lag_seconds{partition=\"3\"} 86160\n"));  // a day but for the theft's four minutes
  EXPECT_THAT(page, HasSubstr("sekisho_accounts_in_memory{partition=\"3\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_accounts_on_disk{partition=\"3\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_partitions{worker=\"0\",state=\"live\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_policy_partitions{worker=\"0\",version=\"v7\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_fold_batch_seconds_count 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_fold_batch_seconds_sum 0.001\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_fold_delay_seconds_sum 0.04\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_commit_seconds_count 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_partition_busy_seconds_total{partition=\"3\"} 0.001\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_transactions_total{kind=\"outputs\",result=\"committed\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_transaction_seconds_sum{kind=\"outputs\"} 0.007\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_transaction_records_total{kind=\"outputs\"} 4\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_rebalances_total 1\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_rocksdb_keys_written_total "));
  EXPECT_THAT(page, Not(HasSubstr("u@example.jp")));
  // Each action was visible 40 ms after its event was appended.
  uint64_t actions = 0;
  for (const auto& modes : worker_->stats().fold.actions) actions += modes[0] + modes[1];
  EXPECT_GT(actions, 0u);
  EXPECT_THAT(page, HasSubstr("sekisho_detection_latency_seconds_count " + std::to_string(actions) + "\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_detection_latency_seconds_bucket{le=\"0.025\"} 0\n"));
  // Nothing is counted twice, and a log that was read to its end has no lag.
  const std::string again = Page({Lag(3, 42)});
  EXPECT_THAT(again, HasSubstr("sekisho_records_total{pass=\"live\"} 42\n"));
  EXPECT_THAT(again, HasSubstr("sekisho_transactions_total{kind=\"outputs\",result=\"committed\"} 1\n"));
  EXPECT_THAT(again, HasSubstr("sekisho_lag_seconds{partition=\"3\"} 0\n"));
}

TEST_F(EngineMetricsTest, WhatIsReplayedIsNotCountedAgain) {
  world_.committed = Offset{1'000};
  world_.change = {GroupChange::Kind::kAssigned, {PartitionId{3}}};
  world_.batches.push_back(LifeAndTheft());
  Steps();
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("sekisho_records_total{pass=\"replay\"} 42\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_records_total{pass=\"live\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_events_total{source=\"smtp\",kind=\"submission\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_detection_latency_seconds_count 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_partitions{worker=\"0\",state=\"opening\"} 1\n"));
}

// Nothing was published, as far as anybody knows: there is no latency to speak of.
TEST_F(EngineMetricsTest, AnUnknownOutcomeIsNoDetection) {
  world_.outcome = Publishing::kUnknown;
  world_.change = {GroupChange::Kind::kAssigned, {PartitionId{3}}};
  world_.batches.push_back(LifeAndTheft());
  Steps();
  EXPECT_THAT(Page(), HasSubstr("sekisho_detection_latency_seconds_count 0\n"));
}

TEST_F(EngineMetricsTest, APartitionThatWentElsewhereIsOffThePage) {
  world_.change = {GroupChange::Kind::kAssigned, {PartitionId{3}}};
  world_.batches.push_back(LifeAndTheft());
  Steps();
  EXPECT_THAT(Page({Lag(3, 42)}), HasSubstr("sekisho_lag_records{partition=\"3\"} 0\n"));
  world_.change = {GroupChange::Kind::kRevoked, {}};
  Steps();
  world_.change = {GroupChange::Kind::kAssigned, {PartitionId{4}}};
  Steps();
  std::string page = Page({Lag(4, 42)});
  EXPECT_THAT(page, Not(HasSubstr("sekisho_lag_records{partition=\"3\"}")));
  EXPECT_THAT(page, Not(HasSubstr("sekisho_accounts_on_disk{partition=\"3\"}")));
  EXPECT_THAT(page, HasSubstr("sekisho_lag_records{partition=\"4\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_rebalances_total 2\n"));
  mine_.Close();
  page = metrics_.Text();
  EXPECT_THAT(page, Not(HasSubstr("sekisho_lag_records")));
  EXPECT_THAT(page, HasSubstr("sekisho_partitions{worker=\"0\",state=\"live\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_rebalances_total 2\n"));
}

// Goal: workers of one process add up.
TEST_F(EngineMetricsTest, TwoWorkers) {
  world_.change = {GroupChange::Kind::kAssigned, {PartitionId{3}}};
  world_.batches.push_back(LifeAndTheft());
  Steps();
  WorkerMetrics second(&engine_, 1);
  const Worker idle(WorkerOptions(), &setup_, seams_);
  second.Update(idle, {}, {});
  mine_.Update(*worker_, {}, {});
  second.Update(*worker_, {}, {});
  const std::string page = metrics_.Text();
  EXPECT_THAT(page, HasSubstr("sekisho_events_total{source=\"smtp\",kind=\"submission\"} 42\n"));
  EXPECT_THAT(page, HasSubstr("sekisho_partitions{worker=\"1\",state=\"live\"} 1\n"));
}

}  // namespace
}  // namespace sekisho::app
