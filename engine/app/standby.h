// Keeps this node's copies of partitions that others own up to date, from the snapshots topic, so that taking one over
// costs the log's tail only. Gives each copy to the worker that asks for it.
//
// A copy takes whole commits of the owner's alone, in their order, so it always stands for one offset of the log, and is
// never ahead of the snapshots: what a worker wants of a local store.
#ifndef SEKISHO_ENGINE_APP_STANDBY_H_
#define SEKISHO_ENGINE_APP_STANDBY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/app/partition_stores.h"
#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/notice.h"
#include "engine/base/time.h"
#include "engine/stream/log.h"

namespace sekisho::app {

struct StandbyOptions {
  int partitions = 0;              // of the log
  Hash128 log_id;
  // A partition that no worker here has had or asked for during this time is followed.
  Span grace = Span::Seconds(10);
  Span retry = Span::Seconds(30);  // after something went wrong with a partition
};

// Thread-compatible: belongs to the standby's own thread, like `snapshots`.
class Standby {
 public:
  // All outlive it.
  Standby(const StandbyOptions& options, PartitionStores* stores, Snapshots* snapshots, NoticeSink notice);
  ~Standby();
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;

  // Does what can be done without waiting. False: nothing could be done. What goes wrong with a partition is said, and
  // tried again later: a standby that doesn't work is no reason to stop.
  bool Step(Span now);

  struct View {
    PartitionId partition;
    bool whole = false;  // holds a commit, and follows from there
    Offset next;         // the copy holds the records before it
  };
  // Of the partitions that are followed.
  std::vector<View> views() const;
  uint64_t commits() const { return commits_; }

 private:
  struct Slot;
  absl::StatusOr<bool> StepSlot(Slot* slot, Span now);
  absl::Status Begin(Slot* slot);
  absl::Status Take(Slot* slot, const SnapshotBatch& batch);

  const StandbyOptions options_;
  PartitionStores* const stores_;
  Snapshots* const snapshots_;
  const NoticeSink notice_;
  std::vector<std::unique_ptr<Slot>> slots_;
  uint64_t commits_ = 0;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_STANDBY_H_
