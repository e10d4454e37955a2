// Millions of accounts through the engine's state: the very worker, stores and store writer of `sekisho engine`, over a log
// that makes its records up instead of a broker's (so no decoding, and publishing takes no time).
//   1. Every account gets a past: one of 20,000 lives of two weeks (some never send, some send 60 messages a day), under its
//      own name, written to the stores as a restore from snapshots writes them.
//   2. Events of uniformly drawn accounts: nearly each needs a record that isn't in memory, and changes it. Folded until
//      memory is full, then measured.
// Prints disk, memory beside its bound, and events a second. Wanted, of ten million: disk at most 8 GB, memory within bounds.
// Usage: accounts_bench [--quick] [--accounts N] [--events N] [--memory-mib N] [--partitions N] [--dir DIR]
//   Defaults: 10,000,000 accounts, 2,000,000 events measured, 1024 MiB for accounts in use (and a quarter as much for
//   RocksDB), 8 partitions, /tmp. --quick: 200,000, 200,000, 64 MiB.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/app/partition_stores.h"
#include "engine/app/store_writer.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/cluster/marker.h"
#include "engine/cluster/partition.h"
#include "engine/cluster/worker.h"
#include "engine/state/codec.h"
#include "engine/stream/log.h"

namespace sekisho {
namespace {

using std::chrono::steady_clock;

constexpr int kDaysBefore = 14;
constexpr size_t kSpillRecords = 100'000;
const EventTime kBegin = EventTime::FromSeconds(1'772'409'600);

struct Options {
  uint64_t accounts = 10'000'000, events = 2'000'000, memory_mib = 1024, partitions = 8;
  size_t lives = 20'000;
  std::string directory = "/tmp";
};

std::string Login(uint64_t account) { return "user" + std::to_string(account) + "@example.jp"; }

IpAddress Address(uint64_t place) { return IpAddress::FromV4(static_cast<uint32_t>(0x85000000u | (PinnedMix64(place) & 0xffffff))); }
Place PlaceOf(uint64_t place) { return {0x4a50, static_cast<uint32_t>(2000 + PinnedMix64(place) % 40)}; }

// Two weeks of one account.
AccountWindow Life(uint64_t seed) {
  AccountWindow account;
  Population population;
  population.log_began = kBegin - Span::Days(60);
  account.login = Login(0);
  uint64_t state = PinnedMix64(seed);
  const auto draw = [&state] { return PinnedMix64(state += 0x9e3779b97f4a7c15ull); };
  const uint64_t kind = seed % 100;
  const int messages_a_day = kind < 50 ? 0 : kind < 80 ? 1 : kind < 97 ? 6 : 60;
  const uint64_t sources = kind < 97 ? 1 + draw() % 3 : 8;
  const int reads_a_day = kind % 2 != 0 ? 12 : 4;
  const auto apply = [&](EventKind event_kind, Service service, EventTime at) {
    Event event;
    event.account = account.login;
    event.kind = event_kind;
    event.service = service;
    event.time = at;
    const uint64_t place = seed * 64 + draw() % sources;
    event.ip = Address(place);
    event.place = PlaceOf(place);
    const EventRecipient recipient{"partner.example", PinnedMix64(seed * 32 + draw() % 32)};
    if (event_kind == EventKind::kDelivery) {
      event.recipient_list = {&recipient, 1};
      event.delivery = DeliveryStatus::kSent;
    }
    account.Apply(event, population, true);
  };
  for (int day = 0; day < kDaysBefore; ++day) {
    const EventTime midnight = kBegin - Span::Days(kDaysBefore - day);
    for (int i = 0; i < reads_a_day; ++i) {
      apply(EventKind::kLogin, Service::kImap, midnight + Span::Millis(86'400'000 / reads_a_day * i + static_cast<int64_t>(draw() % 3'600'000)));
    }
    // Of those who write a message a day, one in three days has none.
    for (int i = 0; i < messages_a_day && (messages_a_day > 1 || draw() % 3 != 0); ++i) {
      const EventTime at = midnight + Span::Hours(8) + Span::Millis(static_cast<int64_t>(draw() % 36'000'000));
      apply(EventKind::kSubmission, Service::kSmtp, at);
      apply(EventKind::kDelivery, Service::kSmtp, at + Span::Seconds(1));
    }
  }
  return account;
}

// Events of the accounts whose number leaves the partition's as remainder, drawn uniformly.
class MadeUpReader final : public LogReader {
 public:
  MadeUpReader(const Options& options, PartitionId partition, Offset from)
      : options_(options), partition_(static_cast<uint64_t>(partition.value)), next_(from.value) {}

  absl::StatusOr<LogBatch> Read(size_t records_max) override {
    records_.clear();
    logins_.resize(records_max);
    for (std::string& login : logins_) {
      const uint64_t r = PinnedMix64(static_cast<uint64_t>(next_) * options_.partitions + partition_);
      const uint64_t in_partition = (options_.accounts + options_.partitions - 1 - partition_) / options_.partitions;
      const uint64_t account = (r >> 8) % in_partition * options_.partitions + partition_;
      login = Login(account);
      Event event;
      event.account = login;
      event.id = AccountId::FromLogin(login);
      // As if each account had twenty events a day.
      event.time = kBegin + Span::Millis(static_cast<int64_t>(static_cast<double>(next_) * static_cast<double>(options_.partitions) * 4'320'000 /
                                                              static_cast<double>(options_.accounts)));
      const uint64_t place = (account % options_.lives) * 64;
      event.ip = Address(place);
      event.place = PlaceOf(place);
      event.kind = r % 10 < 6 ? EventKind::kLogin : r % 10 < 8 ? EventKind::kMailboxAccess : EventKind::kSubmission;
      event.service = event.kind == EventKind::kSubmission ? Service::kSmtp : Service::kImap;
      Origin origin;
      origin.connector = "made-up";
      origin.epoch = 1;
      origin.stream = 1;
      origin.position.byte = static_cast<uint64_t>(next_ + 1);
      records_.push_back({Offset{next_++}, origin, event, login});
    }
    return LogBatch{records_, Offset{next_}};
  }

 private:
  const Options& options_;
  const uint64_t partition_;
  int64_t next_;
  std::vector<std::string> logins_;
  std::vector<LogRecord> records_;
};

// A cluster without anybody else, in which everything is published at once.
class MadeUpCluster final : public Log, public Group, public Publisher, public Snapshots {
 public:
  explicit MadeUpCluster(const Options& options) : options_(options) {}

  absl::StatusOr<Offset> Begin(PartitionId) override { return Offset{0}; }
  absl::StatusOr<std::unique_ptr<LogReader>> Open(PartitionId partition, Offset from) override {
    return std::make_unique<MadeUpReader>(options_, partition, from);
  }
  void AppendHeartbeat(PartitionId, EventTime) override {}

  absl::StatusOr<GroupChange> Poll() override {
    GroupChange change;
    if (std::exchange(assigned_, true)) return change;
    change.kind = GroupChange::Kind::kAssigned;
    for (uint64_t p = 0; p < options_.partitions; ++p) change.partitions.push_back(PartitionId{static_cast<int32_t>(p)});
    return change;
  }
  void Release() override {}
  absl::StatusOr<std::optional<Offset>> Committed(PartitionId) override { return std::optional<Offset>(Offset{0}); }

  void BeginOutputs(std::vector<OutputPart> parts) override {
    for (const OutputPart& part : parts) outputs_ += part.outputs.size();
    outputs_committed_ = true;
  }
  absl::StatusOr<Publishing> PollOutputs() override {
    return std::exchange(outputs_committed_, false) ? Publishing::kCommitted : Publishing::kIdle;
  }
  void BeginSnapshots(std::vector<SnapshotPart> parts) override {
    for (const SnapshotPart& part : parts) snapshot_records_ += part.records->size();
    snapshots_committed_ = true;
  }
  absl::StatusOr<Publishing> PollSnapshots() override {
    return std::exchange(snapshots_committed_, false) ? Publishing::kCommitted : Publishing::kIdle;
  }

  absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(PartitionId) override { return absl::InternalError("no state was kept"); }
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Follow(PartitionId, Offset) override { return absl::InternalError("nobody follows"); }

  uint64_t outputs() const { return outputs_; }
  uint64_t snapshot_records() const { return snapshot_records_; }

 private:
  const Options& options_;
  bool assigned_ = false, outputs_committed_ = false, snapshots_committed_ = false;
  uint64_t outputs_ = 0, snapshot_records_ = 0;
};

double Seconds(steady_clock::time_point since) { return std::chrono::duration<double>(steady_clock::now() - since).count(); }

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// "VmRSS", "VmHWM" (its highest).
uint64_t MemoryMib(std::string_view key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) / 1024;
  }
  return 0;
}

uint64_t DiskBytes(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, gone)) {
    if (entry.is_regular_file(gone)) bytes += entry.file_size(gone);
  }
  return bytes;
}

double Gigabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

absl::Status GivePast(const Options& options, const FoldSetup& setup, Stores* stores) {
  std::vector<AccountWindow> lives;
  lives.reserve(options.lives);
  for (size_t n = 0; n < options.lives; ++n) lives.push_back(Life(n));
  uint64_t bytes = 0;
  std::string record;
  for (uint64_t p = 0; p < options.partitions; ++p) {
    const PartitionId id{static_cast<int32_t>(p)};
    absl::StatusOr<std::unique_ptr<RecordStore>> store = stores->Open(id);
    if (!store.ok()) return store.status();
    ShardMarker marker;
    {
      auto partition = Partition::Open(&setup, id, store->get(), Offset{0});
      if (!partition.ok()) return partition.status();
      marker = (*partition)->Marker();
    }
    std::vector<std::pair<AccountId, uint64_t>> chunk;
    const auto spill = [&]() -> absl::Status {
      std::sort(chunk.begin(), chunk.end());
      PackedRecords packed;
      for (const auto& [account_id, account] : chunk) {
        AccountWindow& life = lives[account % options.lives];
        life.login = Login(account);
        record.clear();
        EncodeRecord(life, &record);
        packed.Add(account_id, record);
        bytes += record.size();
      }
      chunk.clear();
      return (*store)->Spill(packed);
    };
    for (uint64_t account = p; account < options.accounts; account += options.partitions) {
      chunk.emplace_back(AccountId::FromLogin(Login(account)), account);
      if (chunk.size() < kSpillRecords) continue;
      if (absl::Status status = spill(); !status.ok()) return status;
    }
    if (absl::Status status = spill(); !status.ok()) return status;
    if (absl::Status status = (*store)->Commit(PackedRecords(), ToStateMarker(marker)); !status.ok()) return status;
  }
  std::printf("a past for each: %" PRIu64 " B of record an account on average\n", bytes / options.accounts);
  return absl::OkStatus();
}

struct Totals {
  uint64_t in_memory = 0, read = 0, evicted = 0, bytes = 0;
};

Totals Sum(const Worker& worker) {
  Totals totals;
  for (const Worker::PartitionView& view : worker.partitions()) {
    if (view.partition == nullptr) continue;
    const AccountTableStats stats = view.partition->table_stats();
    totals.in_memory += stats.in_memory;
    totals.read += stats.read;
    totals.evicted += stats.evicted;
    totals.bytes += stats.bytes;
  }
  return totals;
}

absl::Status FoldCold(const Options& options, const FoldSetup& setup, Stores* stores, const std::string& directory) {
  MadeUpCluster cluster(options);
  WorkerOptions worker_options;
  worker_options.linger = Span::Millis(5);
  app::StoreWriterThread writer;
  Worker worker(worker_options, &setup, {&cluster, &cluster, &cluster, &cluster, stores, &writer});
  const auto fold_until = [&worker](const std::function<bool()>& done) -> absl::Status {
    while (!done()) {
      const absl::StatusOr<bool> progress = worker.Step({SteadyNow(), RealClock().Now()});
      if (!progress.ok()) return progress.status();
    }
    return absl::OkStatus();
  };
  // Until as much was dropped as there is room, so that what is in memory was drawn like what is asked for.
  const auto begun = steady_clock::now();
  const auto full = [&] {
    const Totals totals = Sum(worker);
    return totals.evicted > totals.in_memory / 4 || (totals.in_memory >= options.accounts && totals.evicted == 0);
  };
  if (absl::Status status = fold_until(full); !status.ok()) return status;
  std::printf("memory filled by %" PRIu64 " events in %.1f s\n", worker.stats().records_live, Seconds(begun));

  const Totals before = Sum(worker);
  const uint64_t events_before = worker.stats().records_live, commits_before = worker.stats().commits;
  const uint64_t snapshots_before = cluster.snapshot_records();
  const double cpu = CpuSeconds();
  const auto start = steady_clock::now();
  const auto enough = [&] { return worker.stats().records_live - events_before >= options.events; };
  if (absl::Status status = fold_until(enough); !status.ok()) return status;
  const double seconds = Seconds(start);
  const Totals after = Sum(worker);
  const double events = static_cast<double>(worker.stats().records_live - events_before);
  std::printf("uniformly cold: %.0f events/s (%.0f in %.1f s), %.1f us of CPU an event; %.0f%% of them read a record back; %" PRIu64
              " commits with %.0f records each; %" PRIu64 " outputs in all\n",
              events / seconds, events, seconds, (CpuSeconds() - cpu) / events * 1e6,
              100 * static_cast<double>(after.read - before.read) / events, worker.stats().commits - commits_before,
              static_cast<double>(cluster.snapshot_records() - snapshots_before) /
                  std::max(1.0, static_cast<double>(worker.stats().commits - commits_before)),
              cluster.outputs());
  std::printf("memory: %" PRIu64 " MiB resident, %" PRIu64 " MiB at most; bounds: %" PRIu64 " MiB for accounts (now %" PRIu64
              ", for %" PRIu64 " accounts) and %" PRIu64 " MiB for RocksDB\n",
              MemoryMib("VmRSS"), MemoryMib("VmHWM"), options.memory_mib, after.bytes >> 20, after.in_memory, options.memory_mib / 4);
  worker.Stop();
  if (absl::Status status = fold_until([&worker] { return worker.stopped(); }); !status.ok()) return status;
  std::printf("disk: %.2f GB, %.0f B an account\n", Gigabytes(DiskBytes(directory)),
              static_cast<double>(DiskBytes(directory)) / static_cast<double>(options.accounts));
  return absl::OkStatus();
}

absl::Status Run(const Options& options, const std::string& directory) {
  FoldSetup setup;
  setup.log_id = PinnedHash128("accounts_bench");
  setup.policy = Policy::Default();
  setup.table.memory_bytes_max = (options.memory_mib << 20) / options.partitions;
  const auto open = [&] {
    return app::PartitionStores::Open(directory, (options.memory_mib << 20) / 4, [](const Notice& notice) {
      std::printf("%s\n", std::string(notice.name).c_str());
    });
  };
  {
    auto stores = open();
    if (!stores.ok()) return stores.status();
    const auto start = steady_clock::now();
    if (absl::Status status = GivePast(options, setup, stores->get()); !status.ok()) return status;
    std::printf("%" PRIu64 " accounts in %" PRIu64 " partitions, written in %.1f s; disk %.2f GB\n", options.accounts, options.partitions,
                Seconds(start), Gigabytes(DiskBytes(directory)));
  }
  // What GivePast held says nothing of an engine: the highest counts from here.
  std::ofstream("/proc/self/clear_refs") << "5";
  auto stores = open();
  if (!stores.ok()) return stores.status();
  return FoldCold(options, setup, stores->get(), directory);
}

// "" or what is wrong.
std::string Parse(int argc, char** argv, Options* options) {
  const std::map<std::string_view, uint64_t*> numbers = {{"--accounts", &options->accounts},
                                                         {"--events", &options->events},
                                                         {"--memory-mib", &options->memory_mib},
                                                         {"--partitions", &options->partitions}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--quick") {
      *options = {200'000, 200'000, 64, 4, 500, options->directory};
      continue;
    }
    if (i + 1 == argc) return std::string(name) + " wants a value";
    const std::string_view value = argv[++i];
    if (name == "--dir") {
      options->directory = value;
    } else if (const auto number = numbers.find(name); number != numbers.end()) {
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), *number->second);
      if (error != std::errc() || stop != value.data() + value.size() || *number->second == 0) return std::string(name) + " wants a number";
    } else {
      return "unknown option " + std::string(name);
    }
  }
  return options->accounts < options->partitions ? "fewer accounts than partitions" : "";
}

}  // namespace
}  // namespace sekisho

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a run takes minutes: each figure as soon as it is there
  sekisho::Options options;
  if (const std::string wrong = sekisho::Parse(argc, argv, &options); !wrong.empty()) {
    std::fprintf(stderr, "accounts_bench: %s\n", wrong.c_str());
    return 2;
  }
  std::string directory = options.directory + "/sekisho-accounts-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) {
    std::fprintf(stderr, "accounts_bench: no directory can be made in %s\n", options.directory.c_str());
    return 1;
  }
  const absl::Status status = sekisho::Run(options, directory);
  std::filesystem::remove_all(directory);
  if (!status.ok()) std::fprintf(stderr, "accounts_bench: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
