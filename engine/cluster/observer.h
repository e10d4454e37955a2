// What a worker tells of its work, for figures only: nothing here changes what it does. The worker has no clock; whoever wants
// durations reads one between two calls.
#ifndef SEKISHO_ENGINE_CLUSTER_OBSERVER_H_
#define SEKISHO_ENGINE_CLUSTER_OBSERVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/stream/log.h"

namespace sekisho {

inline constexpr size_t kServices = 6;
inline constexpr size_t kActionKinds = 5;
inline constexpr size_t kModes = 2;

// Of a worker since it began. Records that are folded a second time, muted, count as such and as nothing else; so what is
// counted here was counted once, unless nobody could say whether its transaction took effect.
struct FoldCounts {
  uint64_t live = 0, muted = 0;  // records
  std::array<std::array<uint64_t, kServices>, kEventKinds> events{};  // folded
  uint64_t repeats = 0;          // events seen before, dropped
  // By reason. The reasons are few; beyond kReasonsMax, "other".
  std::map<std::string, uint64_t, std::less<>> dead_letters;
  static constexpr size_t kReasonsMax = 32;
  std::array<std::array<uint64_t, kModes>, kActionKinds> actions{};
  // Of these, those that a detector spoke for.
  std::array<std::array<std::array<uint64_t, kDetectors>, kModes>, kActionKinds> by_detector{};
  uint64_t circuit_breaker = 0;  // actions that are less than they would have been, because too many came at once

  void AddDeadLetter(const std::string& reason);
  void AddAction(const Action& action);
};

// Called on the worker's thread.
class WorkerObserver {
 public:
  virtual ~WorkerObserver() = default;
  // Around each reading and folding of a batch, which may turn out to be empty.
  virtual void OnFoldBegin(PartitionId partition) = 0;
  virtual void OnFoldEnd(PartitionId partition, std::span<const LogRecord> records) = 0;
  // The actions of these records, by the times of their append, are visible now.
  virtual void OnPublished(std::span<const EventTime> appended) = 0;
  // Around a commit, from the frozen copy to the local store. One that is given up has no end.
  virtual void OnCommitBegin() = 0;
  virtual void OnCommitEnd() = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_OBSERVER_H_
