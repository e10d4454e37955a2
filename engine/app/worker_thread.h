// One thread that owns its share of the cluster: connection, fold, and the helper that writes its stores.
#ifndef SEKISHO_ENGINE_APP_WORKER_THREAD_H_
#define SEKISHO_ENGINE_APP_WORKER_THREAD_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/app/engine_metrics.h"
#include "engine/base/notice.h"
#include "engine/base/time.h"
#include "engine/cluster/worker.h"
#include "engine/kafka/client.h"

namespace sekisho::app {

struct WorkerThreadOptions {
  int number = 0;                // among this node's
  WorkerOptions worker;
  const FoldSetup* fold = nullptr;  // of accounts
  OpenFold open;                 // or of entities, where it is set
  Stores* stores = nullptr;      // thread-safe
  kafka::ClientOptions client;
  NoticeSink notice;             // from any thread
  WorkerMetrics* metrics = nullptr;  // used on the worker's thread; may be null
};

// What `options` point at outlives it.
class WorkerThread {
 public:
  // Starts it; waits for no broker. InvalidArgument: as kafka::Client::Connect.
  static absl::StatusOr<std::unique_ptr<WorkerThread>> Start(const WorkerThreadOptions& options);
  // Stops, and waits for the end.
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // From now on: finish what was begun, commit, and give the partitions up. Thread-safe, like the following.
  void Stop() { stop_.store(true, std::memory_order_relaxed); }
  bool done() const { return done_.load(std::memory_order_acquire); }
  // Once done: why it ended by itself; OK where it was stopped.
  const absl::Status& status() const { return status_; }

 private:
  WorkerThread(const WorkerThreadOptions& options, std::unique_ptr<kafka::Client> client);
  void Run();
  absl::Status Loop(Worker* worker);
  void UpdateMetrics(const Worker& worker);
  // Says which partitions have come and gone since the last look.
  void SayChanges(const Worker& worker, Span now);

  const WorkerThreadOptions options_;
  std::unique_ptr<kafka::Client> client_;
  struct Seen {
    bool live = false;
    Span since;
  };
  std::map<PartitionId, Seen> seen_;
  std::atomic<bool> stop_ = false, done_ = false;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_WORKER_THREAD_H_
