#include "engine/kafka/asker.h"

#include <chrono>

namespace sekisho::kafka {
namespace {

// After a question that found no answer, so that asking again and again costs little.
constexpr std::chrono::milliseconds kPause{50};

}  // namespace

Asker::Asker(Wake* wake) : wake_(wake), thread_([this] { Loop(); }) {}

Asker::~Asker() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Asker::Run(std::function<absl::Status()> ask) {
  std::lock_guard<std::mutex> lock(mutex_);
  questions_.push_back(std::move(ask));
  changed_.notify_all();
}

void Asker::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !questions_.empty(); });
    if (stop_) return;
    const std::function<absl::Status()> ask = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    const absl::Status asked = ask();
    wake_->Signal();
    lock.lock();
    if (!asked.ok()) changed_.wait_for(lock, kPause, [this] { return stop_; });
  }
}

}  // namespace sekisho::kafka
