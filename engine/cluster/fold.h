// What a worker needs of the fold of one partition: of accounts (partition.h) or of source networks (entity_partition.h).
#ifndef SEKISHO_ENGINE_CLUSTER_FOLD_H_
#define SEKISHO_ENGINE_CLUSTER_FOLD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/cluster/observer.h"
#include "engine/state/record_store.h"
#include "engine/stream/log.h"

namespace sekisho {

class Partition;

// Thread-compatible: belongs to the worker that owns the partition.
class PartitionFold {
 public:
  virtual ~PartitionFold() = default;
  // Folds the batch, whose records are [next(), batch.next). Appends what the records from `published` on lead to; what the
  // ones before led to has been said. An error is the store's: this object must be given up.
  virtual absl::Status Fold(const LogBatch& batch, Offset published, std::vector<Output>* outputs) = 0;
  virtual Offset next() const = 0;
  // Memory is full of changes: freeze soon.
  virtual bool freeze_due() const = 0;
  // A copy of what changed since the last one, and the marker that stands for next() as it is now. It is made a little at a
  // time, while the fold goes on: FreezeSome copies at most *records_max records, and takes their number off; once it says
  // that the copy is whole, TakeFrozen gives it. The copied records stay in memory until Thaw, called when the copy is in the
  // store. One at a time.
  virtual void BeginFreeze() = 0;
  virtual bool FreezeSome(size_t* records_max) = 0;
  virtual SnapshotPart TakeFrozen() = 0;
  virtual absl::Status Thaw() = 0;
  // At once.
  SnapshotPart Freeze() {
    BeginFreeze();
    size_t all = SIZE_MAX;
    FreezeSome(&all);
    return TakeFrozen();
  }
  // When the events were appended whose actions Fold has given since the last call; nothing of those with an unknown time.
  virtual std::vector<EventTime> TakeActedOn() { return {}; }
  // Itself, if it is of accounts.
  virtual const Partition* accounts() const { return nullptr; }
};

// Goes on from the store's marker; without one, begins at `fresh_from` with no state. `store` and `counts` outlive the fold.
using OpenFold = std::function<absl::StatusOr<std::unique_ptr<PartitionFold>>(PartitionId id, RecordStore* store, Offset fresh_from,
                                                                              FoldCounts* counts)>;

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_FOLD_H_
