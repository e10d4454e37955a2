// Commits a worker's frozen copies on a thread of its own, one store after the other.
// Fail points: store_before_batch, store_between_batches, store_after_batch.
#ifndef SEKISHO_ENGINE_APP_STORE_WRITER_H_
#define SEKISHO_ENGINE_APP_STORE_WRITER_H_

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "engine/cluster/stores.h"

namespace sekisho::app {

// Begin and Poll belong to the worker's thread.
class StoreWriterThread final : public StoreWriter {
 public:
  StoreWriterThread();
  // Waits for the set that is being written: its stores may be closed after this.
  ~StoreWriterThread() override;
  StoreWriterThread(const StoreWriterThread&) = delete;
  StoreWriterThread& operator=(const StoreWriterThread&) = delete;

  void Begin(std::vector<StoreWrite> writes) override;
  std::optional<absl::Status> Poll() override;

 private:
  void Run();
  static absl::Status Write(const std::vector<StoreWrite>& writes);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool busy_ = false;                   // a set waits or is being written
  std::vector<StoreWrite> writes_;
  std::optional<absl::Status> outcome_;  // not yet told
  std::thread thread_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_STORE_WRITER_H_
