// What an engine shows of itself at /metrics. Names and labels are a contract with deploy/grafana and deploy/prometheus; they
// are listed in deploy/README.md.
//
// Counters count what happened in this process, once: a record that is folded again after a crash counts as replayed only.
// Gauges of a partition are shown by the worker that has it and taken off the page when it is given up; where it moves between
// two workers of one process, they may be missing for a second.
//
// Durations are of processing time:
//   sekisho_fold_batch_seconds         reading and folding one batch of at least one record
//   sekisho_fold_delay_seconds         from a record's append, by the clock of whoever appended it, to the end of folding its
//                                      batch; the oldest of each live batch
//   sekisho_detection_latency_seconds  from the append of an event to when the actions it led to were visible to readers of
//                                      committed data: folding, waiting for other outputs, and the transaction
//   sekisho_commit_seconds             from the frozen copy to its being in the local store
//   sekisho_transaction_seconds        one transaction, of outputs or of snapshots
#ifndef SEKISHO_ENGINE_APP_ENGINE_METRICS_H_
#define SEKISHO_ENGINE_APP_ENGINE_METRICS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "engine/cluster/observer.h"
#include "engine/cluster/worker.h"
#include "engine/kafka/client.h"
#include "engine/metrics/metrics.h"
#include "engine/metrics/process.h"
#include "engine/state/store.h"

namespace sekisho::app {

// What is counted for the whole process; each worker adds its part.
class EngineMetrics {
 public:
  struct Clocks {
    std::function<int64_t()> steady_micros;
    std::function<EventTime()> wall;
  };

  // `metrics` outlives it. Clocks: the machine's, but in tests.
  explicit EngineMetrics(Metrics* metrics);
  EngineMetrics(Metrics* metrics, Clocks clocks);
  EngineMetrics(const EngineMetrics&) = delete;
  EngineMetrics& operator=(const EngineMetrics&) = delete;

  // Of the process and of what all its stores share; `memory` may be null. From one thread, about each second.
  void UpdateProcess(const StoreMemory* memory);
  // Of the standby, from its thread: partitions whose copy holds a whole commit, those still being filled, and commits taken.
  void UpdateStandby(int whole, int filling, uint64_t commits);

 private:
  friend class WorkerMetrics;
  Metrics* const metrics_;
  const Clocks clocks_;
  ProcessMetrics process_;
  Gauge* const standby_whole_;
  Gauge* const standby_filling_;
  Counter* const standby_commits_;
};

// One worker's part. Belongs to the worker's thread, but for its construction. It outlives the worker.
class WorkerMetrics final : public WorkerObserver {
 public:
  // `engine` outlives it.
  WorkerMetrics(EngineMetrics* engine, int number);

  // About each second. `lags` are those of the worker's readers, `transactions` those that ended since the last call.
  void Update(const Worker& worker, std::span<const kafka::PartitionLag> lags,
              std::span<const kafka::TransactionReport> transactions);
  // The worker has ended, or failed: takes its gauges off the page.
  void Close();

  // Around each step, for the share of time that the worker's thread is busy.
  void OnStepBegin() { step_begin_ = engine_->clocks_.steady_micros(); }
  void OnStepEnd();

  void OnFoldBegin(PartitionId partition) override;
  void OnFoldEnd(PartitionId partition, std::span<const LogRecord> records) override;
  void OnPublished(std::span<const EventTime> appended) override;
  void OnCommitBegin() override;
  void OnCommitEnd() override;

 private:
  struct PartitionGauges {
    Gauge *lag_records, *lag_seconds, *event_time_lag;
    Gauge *accounts_in_memory, *accounts_changed, *accounts_on_disk, *memory_bytes, *disk_bytes;
    Counter* busy;
    AccountTableStats table;  // as it was last
    bool present = false;     // scratch of Update
  };
  PartitionGauges& Of(PartitionId partition);
  static void Hide(PartitionGauges* gauges);
  // Adds to a counter of the process what grew in this worker since the last call.
  void Grow(const std::string& name, const std::string& help, const Metrics::Labels& labels, uint64_t total);
  void UpdateCounts(const WorkerStats& stats);
  void UpdateTransactions(std::span<const kafka::TransactionReport> transactions);
  void UpdatePartitions(const Worker& worker, std::span<const kafka::PartitionLag> lags);
  void UpdatePartition(const Worker::PartitionView& view, PartitionGauges* gauges);

  EngineMetrics* const engine_;
  Metrics* const metrics_;
  const std::string number_;
  Histogram* const fold_seconds_;
  Histogram* const fold_delay_;
  Histogram* const detection_latency_;
  Histogram* const commit_seconds_;
  Counter* const worker_busy_;
  Gauge* const live_;
  Gauge* const opening_;
  std::map<PartitionId, PartitionGauges> partitions_;
  std::map<std::string, Gauge*> policies_;
  std::array<Histogram*, 2> transaction_seconds_;  // of outputs, of snapshots
  struct Grown {
    Counter* counter = nullptr;
    uint64_t seen = 0;
  };
  std::map<std::pair<std::string, Metrics::Labels>, Grown> grown_;
  std::array<uint64_t, 2> committed_{}, unknown_{}, transaction_records_{}, transaction_bytes_{};
  uint64_t evicted_ = 0, reads_found_ = 0, reads_absent_ = 0;
  int64_t step_begin_ = 0, fold_begin_ = 0, commit_begin_ = 0;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_ENGINE_METRICS_H_
