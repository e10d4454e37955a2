// Where a worker's partitions keep their states on this machine, and who writes them beside the fold.
#ifndef SEKISHO_ENGINE_CLUSTER_STORES_H_
#define SEKISHO_ENGINE_CLUSTER_STORES_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/model/snapshot.h"
#include "engine/state/codec.h"
#include "engine/state/record_store.h"

namespace sekisho {

class Stores {
 public:
  virtual ~Stores() = default;
  // The partition's store, new or as it was left. Unavailable: an earlier owner in this process hasn't closed it yet, ask
  // again.
  virtual absl::StatusOr<std::unique_ptr<RecordStore>> Open(PartitionId partition) = 0;
  // An empty one in place of what is there. The caller has closed that.
  virtual absl::StatusOr<std::unique_ptr<RecordStore>> Recreate(PartitionId partition) = 0;
};

struct StoreWrite {
  RecordStore* store = nullptr;
  std::shared_ptr<const PackedRecords> records;
  StateMarker marker;
};

// Commits frozen copies while the fold goes on. One set at a time.
class StoreWriter {
 public:
  virtual ~StoreWriter() = default;
  // The stores must outlive the writing.
  virtual void Begin(std::vector<StoreWrite> writes) = 0;
  // Nothing while it is writing; then, once, how it went.
  virtual std::optional<absl::Status> Poll() = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_STORES_H_
