#include "engine/app/store_writer.h"

#include <utility>

#include "engine/base/fail_point.h"

namespace sekisho::app {

StoreWriterThread::StoreWriterThread() : thread_([this] { Run(); }) {}

StoreWriterThread::~StoreWriterThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void StoreWriterThread::Begin(std::vector<StoreWrite> writes) {
  {
    const std::lock_guard lock(mutex_);
    writes_ = std::move(writes);
    outcome_.reset();
    busy_ = true;
  }
  changed_.notify_all();
}

std::optional<absl::Status> StoreWriterThread::Poll() {
  const std::lock_guard lock(mutex_);
  return std::exchange(outcome_, std::nullopt);
}

void StoreWriterThread::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return busy_ || stopping_; });
    if (!busy_) return;
    const std::vector<StoreWrite> writes = std::move(writes_);
    writes_.clear();
    lock.unlock();
    absl::Status status = Write(writes);
    lock.lock();
    outcome_ = std::move(status);
    busy_ = false;
  }
}

absl::Status StoreWriterThread::Write(const std::vector<StoreWrite>& writes) {
  FailPoint("store_before_batch");
  bool first = true;
  for (const StoreWrite& write : writes) {
    if (!std::exchange(first, false)) FailPoint("store_between_batches");
    if (absl::Status status = write.store->Commit(*write.records, write.marker); !status.ok()) return status;
  }
  FailPoint("store_after_batch");
  return absl::OkStatus();
}

}  // namespace sekisho::app
