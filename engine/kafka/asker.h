// Asks the brokers what has to be waited for, on a thread of its own.
#ifndef SEKISHO_ENGINE_KAFKA_ASKER_H_
#define SEKISHO_ENGINE_KAFKA_ASKER_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/kafka/wake.h"

namespace sekisho::kafka {

class Asker {
 public:
  // `wake` outlives it.
  explicit Asker(Wake* wake);
  // Waits for the question that is being asked.
  ~Asker();

  // One after the other, in this order. `ask` should take a second at most.
  void Run(std::function<absl::Status()> ask);

 private:
  void Loop();

  Wake* const wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<absl::Status()>> questions_;
  bool stop_ = false;
  std::thread thread_;
};

// One kind of question, asked for different keys. Thread-compatible.
template <typename Key, typename T>
class Questions {
 public:
  explicit Questions(Asker* asker) : asker_(asker) {}

  // The answer, once; Unavailable until it is there. An answer is as old as the first time of asking, at the most.
  absl::StatusOr<T> Ask(const Key& key, std::function<absl::StatusOr<T>()> how) {
    std::shared_ptr<Slot>& slot = slots_[key];
    if (slot == nullptr) {
      slot = std::make_shared<Slot>();
      asker_->Run([slot = slot, how = std::move(how)] {
        absl::StatusOr<T> answer = how();
        absl::Status status = answer.status();
        std::lock_guard<std::mutex> lock(slot->mutex);
        slot->answer.emplace(std::move(answer));
        return status;
      });
      return absl::UnavailableError("being asked");
    }
    const std::shared_ptr<Slot> asked = slot;
    std::lock_guard<std::mutex> lock(asked->mutex);
    if (!asked->answer.has_value()) return absl::UnavailableError("being asked");
    slots_.erase(key);
    return *std::move(asked->answer);
  }
  // Answers to what was asked so far won't be given.
  void Forget() { slots_.clear(); }
  void Forget(const Key& key) { slots_.erase(key); }

 private:
  struct Slot {
    std::mutex mutex;
    std::optional<absl::StatusOr<T>> answer;
  };
  Asker* const asker_;
  std::map<Key, std::shared_ptr<Slot>> slots_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_ASKER_H_
