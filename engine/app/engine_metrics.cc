#include "engine/app/engine_metrics.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "engine/app/words.h"
#include "engine/base/clock.h"
#include "engine/base/printable.h"

namespace sekisho::app {
namespace {

constexpr std::array<std::string_view, kServices> kSources = {"unknown", "smtp", "imap", "pop3", "webmail", "sieve"};
constexpr std::array<const char*, 2> kTransactions = {"outputs", "snapshots"};

EngineMetrics::Clocks MachineClocks() {
  return {[] {
            return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
                .count();
          },
          [] { return RealClock().Now(); }};
}

double Seconds(Span span) { return static_cast<double>(span.millis()) / 1e3; }
// Clocks of two machines differ a little; nothing is read before it was written.
double SecondsSince(EventTime then, EventTime now) { return std::max(0.0, Seconds(now - then)); }

// A table that began anew counts from zero.
uint64_t Growth(uint64_t before, uint64_t now) { return now < before ? now : now - before; }

}  // namespace

EngineMetrics::EngineMetrics(Metrics* metrics) : EngineMetrics(metrics, MachineClocks()) {}

EngineMetrics::EngineMetrics(Metrics* metrics, Clocks clocks)
    : metrics_(metrics),
      clocks_(std::move(clocks)),
      process_(metrics),
      standby_whole_(metrics->AddGauge("sekisho_standby_partitions", "Partitions of others that are kept ready here.", {{"state", "ready"}})),
      standby_filling_(metrics->AddGauge("sekisho_standby_partitions", "Partitions of others that are kept ready here.", {{"state", "filling"}})),
      standby_commits_(metrics->AddCounter("sekisho_standby_commits_total", "Commits of others that were taken over.")) {
  metrics_->AddGauge("sekisho_build_info", "Always 1; the label says which version runs.", {{"version", SEKISHO_VERSION}})->Set(1);
}

void EngineMetrics::UpdateProcess(const StoreMemory* memory) {
  process_.Update();
  if (memory == nullptr) return;
  for (const StoreTicker& ticker : memory->tickers()) {
    const std::string name = "sekisho_rocksdb_" + std::string(ticker.name), help(ticker.help);
    if (ticker.grows) {
      metrics_->AddCounter(name, help)->Set(ticker.value);
    } else {
      metrics_->AddGauge(name, help)->Set(static_cast<double>(ticker.value));
    }
  }
}

void EngineMetrics::UpdateStandby(int whole, int filling, uint64_t commits) {
  standby_whole_->Set(whole);
  standby_filling_->Set(filling);
  standby_commits_->Set(commits);
}

WorkerMetrics::WorkerMetrics(EngineMetrics* engine, int number)
    : engine_(engine),
      metrics_(engine->metrics_),
      number_(std::to_string(number)),
      fold_seconds_(metrics_->AddHistogram("sekisho_fold_batch_seconds", "Reading and folding one batch.", LatencyBounds())),
      fold_delay_(metrics_->AddHistogram("sekisho_fold_delay_seconds",
                                         "From the append of a batch's oldest record to the end of folding it.", LatencyBounds())),
      detection_latency_(metrics_->AddHistogram(
          "sekisho_detection_latency_seconds",
          "From the append of an event to when the actions it led to could be read.", LatencyBounds())),
      commit_seconds_(metrics_->AddHistogram("sekisho_commit_seconds", "From a frozen copy of what changed to its being stored.",
                                             LatencyBounds())),
      worker_busy_(metrics_->AddSecondsCounter("sekisho_worker_busy_seconds_total", "Time that a worker's thread had work to do.",
                                               {{"worker", number_}})),
      live_(metrics_->AddGauge("sekisho_partitions", "Partitions of a worker.", {{"worker", number_}, {"state", "live"}})),
      opening_(metrics_->AddGauge("sekisho_partitions", "Partitions of a worker.", {{"worker", number_}, {"state", "opening"}})) {
  for (size_t i = 0; i < kTransactions.size(); ++i) {
    transaction_seconds_[i] = metrics_->AddHistogram("sekisho_transaction_seconds", "One transaction, begin to outcome.",
                                                     LatencyBounds(), {{"kind", kTransactions[i]}});
  }
  // So that everything is there, at zero, before it first happens.
  UpdateCounts(WorkerStats());
  UpdateTransactions({});
}

void WorkerMetrics::Grow(const std::string& name, const std::string& help, const Metrics::Labels& labels, uint64_t total) {
  Grown& grown = grown_[{name, labels}];
  if (grown.counter == nullptr) grown.counter = metrics_->AddCounter(name, help, labels);
  grown.counter->Add(total - grown.seen);
  grown.seen = total;
}

void WorkerMetrics::OnStepEnd() {
  worker_busy_->Add(static_cast<uint64_t>(std::max<int64_t>(0, engine_->clocks_.steady_micros() - step_begin_)));
}

void WorkerMetrics::OnFoldBegin(PartitionId) { fold_begin_ = engine_->clocks_.steady_micros(); }

void WorkerMetrics::OnFoldEnd(PartitionId partition, std::span<const LogRecord> records) {
  if (records.empty()) return;
  const int64_t took = std::max<int64_t>(0, engine_->clocks_.steady_micros() - fold_begin_);
  fold_seconds_->Observe(static_cast<double>(took) / 1e6);
  Of(partition).busy->Add(static_cast<uint64_t>(took));
  if (!records.front().appended.never()) {
    fold_delay_->Observe(SecondsSince(records.front().appended, engine_->clocks_.wall()));
  }
}

void WorkerMetrics::OnPublished(std::span<const EventTime> appended) {
  if (appended.empty()) return;
  const EventTime now = engine_->clocks_.wall();
  for (const EventTime at : appended) detection_latency_->Observe(SecondsSince(at, now));
}

void WorkerMetrics::OnCommitBegin() { commit_begin_ = engine_->clocks_.steady_micros(); }

void WorkerMetrics::OnCommitEnd() {
  commit_seconds_->Observe(static_cast<double>(engine_->clocks_.steady_micros() - commit_begin_) / 1e6);
}

void WorkerMetrics::UpdateCounts(const WorkerStats& stats) {
  const FoldCounts& fold = stats.fold;
  for (size_t kind = 0; kind < fold.events.size(); ++kind) {
    for (size_t source = 0; source < kServices; ++source) {
      Grow("sekisho_events_total", "Events folded, by the service they came from and their kind.",
           {{"source", std::string(kSources[source])}, {"kind", std::string(Name(static_cast<EventKind>(kind)))}},
           fold.events[kind][source]);
    }
  }
  const auto records = [this](const char* pass, uint64_t n) {
    Grow("sekisho_records_total", "Records read: live, or replayed after a start or a takeover.", {{"pass", pass}}, n);
  };
  records("live", fold.live);
  records("replay", fold.muted);
  const auto dropped = [this](const std::string& reason, uint64_t n) {
    Grow("sekisho_records_dropped_total", "Records not folded; all but repeats are in the topic dead-letter.", {{"reason", reason}}, n);
  };
  dropped("repeat", fold.repeats);
  for (const char* known : {"late", "future", "invalid"}) {
    if (fold.dead_letters.count(known) == 0) dropped(known, 0);
  }
  for (const auto& [reason, n] : fold.dead_letters) dropped(reason, n);
  for (size_t k = 0; k < kActionKinds; ++k) {
    for (size_t m = 0; m < kModes; ++m) {
      const std::string kind(Name(static_cast<ActionKind>(k))), mode(Name(static_cast<Mode>(m)));
      Grow("sekisho_actions_total", "Actions decided. One whose transaction had an unknown outcome may count twice.",
           {{"kind", kind}, {"mode", mode}}, fold.actions[k][m]);
      if (k == static_cast<size_t>(ActionKind::kRelease)) continue;
      for (size_t d = 1; d < kDetectors; ++d) {
        Grow("sekisho_action_signals_total", "Detectors that spoke for an action; several may speak for one.",
             {{"kind", kind}, {"mode", mode}, {"detector", std::string(Name(static_cast<DetectorId>(d)))}},
             fold.by_detector[k][m][d]);
      }
    }
  }
  Grow("sekisho_circuit_breaker_actions_total", "Throttles instead of suspensions, because too many came at once.", {},
       fold.circuit_breaker);
  Grow("sekisho_rebalances_total", "Times that this process was given partitions anew.", {}, stats.rebalances);
  const auto recovered = [this](const char* from, uint64_t n) {
    Grow("sekisho_recoveries_total", "States opened: from the local disk, or restored from the snapshots.", {{"from", from}}, n);
  };
  recovered("disk", stats.recoveries);
  recovered("snapshots", stats.restores);
}

void WorkerMetrics::UpdateTransactions(std::span<const kafka::TransactionReport> transactions) {
  for (const kafka::TransactionReport& report : transactions) {
    const size_t kind = report.snapshots ? 1 : 0;
    ++(report.committed ? committed_ : unknown_)[kind];
    transaction_seconds_[kind]->Observe(Seconds(report.took));
    if (!report.committed) continue;
    transaction_records_[kind] += report.records;
    transaction_bytes_[kind] += report.bytes;
  }
  for (size_t i = 0; i < kTransactions.size(); ++i) {
    const std::string kind = kTransactions[i];
    const auto ended = [&](const char* result, uint64_t n) {
      Grow("sekisho_transactions_total", "Transactions that ended; after one of unknown outcome its partitions recover.",
           {{"kind", kind}, {"result", result}}, n);
    };
    ended("committed", committed_[i]);
    ended("unknown", unknown_[i]);
    Grow("sekisho_transaction_records_total", "Records that committed transactions published.", {{"kind", kind}}, transaction_records_[i]);
    Grow("sekisho_transaction_bytes_total", "Bytes of the records that committed transactions published.", {{"kind", kind}},
         transaction_bytes_[i]);
  }
}

WorkerMetrics::PartitionGauges& WorkerMetrics::Of(PartitionId partition) {
  const auto [it, added] = partitions_.try_emplace(partition);
  PartitionGauges& gauges = it->second;
  if (!added) return gauges;
  const Metrics::Labels labels = {{"partition", std::to_string(partition.value)}};
  const auto add = [&](const char* name, const char* help) { return metrics_->AddGauge(name, help, labels); };
  gauges.lag_records = add("sekisho_lag_records", "Records of a partition that are in the log and not folded yet.");
  gauges.lag_seconds = add("sekisho_lag_seconds", "How long ago the record was appended that was folded last; 0 if it is the newest.");
  gauges.event_time_lag = add("sekisho_event_time_lag_seconds", "How far a partition's time is behind the clock.");
  gauges.accounts_in_memory = add("sekisho_accounts_in_memory", "Accounts whose records are in memory.");
  gauges.accounts_changed = add("sekisho_accounts_changed", "Accounts that changed since the last commit began.");
  gauges.accounts_on_disk = add("sekisho_accounts_on_disk", "Accounts of a partition; all are on disk once what changed is committed.");
  gauges.memory_bytes = add("sekisho_accounts_memory_bytes", "Memory of the accounts that are in memory.");
  gauges.disk_bytes = add("sekisho_state_disk_bytes", "Bytes of the local store's files.");
  gauges.busy = metrics_->AddSecondsCounter("sekisho_partition_busy_seconds_total", "Time spent on reading and folding a partition.",
                                            labels);
  Hide(&gauges);
  return gauges;
}

void WorkerMetrics::Hide(PartitionGauges* gauges) {
  for (Gauge* gauge : {gauges->lag_records, gauges->lag_seconds, gauges->event_time_lag, gauges->accounts_in_memory,
                       gauges->accounts_changed, gauges->accounts_on_disk, gauges->memory_bytes, gauges->disk_bytes}) {
    gauge->Hide();
  }
  gauges->table = {};
}

void WorkerMetrics::UpdatePartition(const Worker::PartitionView& view, PartitionGauges* gauges) {
  if (view.store != nullptr) gauges->disk_bytes->Set(static_cast<double>(view.store->bytes_on_disk()));
  if (view.partition == nullptr) return;
  const AccountTableStats table = view.partition->table_stats();
  gauges->accounts_on_disk->Set(static_cast<double>(view.partition->shard_stats().accounts));
  gauges->accounts_in_memory->Set(static_cast<double>(table.in_memory));
  gauges->accounts_changed->Set(static_cast<double>(table.dirty));
  gauges->memory_bytes->Set(static_cast<double>(table.bytes));
  evicted_ += Growth(gauges->table.evicted, table.evicted);
  reads_found_ += Growth(gauges->table.read, table.read);
  reads_absent_ += Growth(gauges->table.absent, table.absent);
  gauges->table = table;
  if (!view.partition->time().never()) {
    gauges->event_time_lag->Set(SecondsSince(view.partition->time(), engine_->clocks_.wall()));
  }
}

void WorkerMetrics::UpdatePartitions(const Worker& worker, std::span<const kafka::PartitionLag> lags) {
  for (auto& [id, gauges] : partitions_) gauges.present = false;
  std::map<std::string, int> policies;
  int live = 0, opening = 0;
  for (const Worker::PartitionView& view : worker.partitions()) {
    PartitionGauges& gauges = Of(view.id);
    gauges.present = true;
    ++(view.live ? live : opening);
    UpdatePartition(view, &gauges);
    if (view.partition != nullptr) ++policies[Printable(view.partition->policy_version(), 64)];
    const auto lag = std::find_if(lags.begin(), lags.end(), [&view](const auto& l) { return l.partition == view.id; });
    if (lag == lags.end()) continue;
    const int64_t records = std::max<int64_t>(0, lag->end.value - lag->next.value);
    gauges.lag_records->Set(static_cast<double>(records));
    if (records == 0) {
      gauges.lag_seconds->Set(0);
      continue;
    }
    const EventTime newest = view.appended.never() ? lag->newest : view.appended;
    if (!newest.never()) gauges.lag_seconds->Set(SecondsSince(newest, engine_->clocks_.wall()));
  }
  for (auto& [id, gauges] : partitions_) {
    if (!gauges.present) Hide(&gauges);
  }
  live_->Set(live);
  opening_->Set(opening);
  for (const auto& [version, n] : policies) {
    Gauge*& gauge = policies_[version];
    if (gauge == nullptr) {
      gauge = metrics_->AddGauge("sekisho_policy_partitions", "Partitions of a worker by the version of the policy they fold under.",
                                 {{"worker", number_}, {"version", version}});
    }
  }
  for (const auto& [version, gauge] : policies_) {
    const auto found = policies.find(version);
    if (found == policies.end()) {
      gauge->Hide();
    } else {
      gauge->Set(found->second);
    }
  }
}

void WorkerMetrics::Update(const Worker& worker, std::span<const kafka::PartitionLag> lags,
                           std::span<const kafka::TransactionReport> transactions) {
  UpdateCounts(worker.stats());
  UpdateTransactions(transactions);
  UpdatePartitions(worker, lags);
  Grow("sekisho_accounts_evicted_total", "Accounts dropped from memory; they are on disk.", {}, evicted_);
  const auto reads = [this](const char* result, uint64_t n) {
    Grow("sekisho_account_reads_total", "Accounts looked for on disk, because they were not in memory.", {{"result", result}}, n);
  };
  reads("found", reads_found_);
  reads("absent", reads_absent_);
}

void WorkerMetrics::Close() {
  for (auto& [id, gauges] : partitions_) Hide(&gauges);
  for (const auto& [version, gauge] : policies_) gauge->Hide();
  live_->Set(0);
  opening_->Set(0);
}

}  // namespace sekisho::app
