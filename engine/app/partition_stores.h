// A node's state directory: one RocksDB store for each partition, lent to the worker that owns the partition, and otherwise
// to the standby. Who has a store has it alone; closing it gives it back.
//
//   STATE/LOCK            held while the node runs, so that no second one uses this directory
//   STATE/p-3             the store of partition 3
//   STATE/p-3/FOLLOWED    how far the standby has read the snapshots into it
//   STATE/p-3.filling     what the standby reads from the snapshots' beginning, until it may take p-3's place
//   STATE/p-3.damaged     what was found unreadable and set aside; the latest only
//
// A damaged store is no reason to give up: all that it held is in the snapshots topic and the log. It is set aside, said, and
// an empty one takes its place.
#ifndef SEKISHO_ENGINE_APP_PARTITION_STORES_H_
#define SEKISHO_ENGINE_APP_PARTITION_STORES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/notice.h"
#include "engine/base/time.h"
#include "engine/cluster/stores.h"
#include "engine/state/store.h"

namespace sekisho::app {

class StandbyLease;

// Thread-safe, but for the stores it lends (see RecordStore). Outlives them.
class PartitionStores final : public Stores {
 public:
  // Makes the directory where it is missing. `memory` bounds what RocksDB uses for all stores together. `notice` may be
  // called from any thread.
  //   FailedPrecondition  another process uses the directory
  //   others              as the file system says
  static absl::StatusOr<std::unique_ptr<PartitionStores>> Open(const std::string& directory, uint64_t memory,
                                                               NoticeSink notice);
  ~PartitionStores() override;
  PartitionStores(const PartitionStores&) = delete;
  PartitionStores& operator=(const PartitionStores&) = delete;

  // For workers. Unavailable while another one, or the standby, hasn't closed it; the standby is asked to.
  absl::StatusOr<std::unique_ptr<RecordStore>> Open(PartitionId partition) override;
  absl::StatusOr<std::unique_ptr<RecordStore>> Recreate(PartitionId partition) override;

  // For the standby. Unavailable while a worker has the store or asks for it, and until `grace` has passed since a worker
  // may have closed it, in which it usually comes back. `now` never jumps.
  absl::StatusOr<std::unique_ptr<StandbyLease>> Lend(PartitionId partition, Span now, Span grace);

  struct Usage {
    PartitionId partition;
    uint64_t records_about = 0, bytes_on_disk = 0;
  };
  // Of the stores that are open.
  std::vector<Usage> usage() const;

  // What all of them share.
  const StoreMemory* memory() const { return memory_.get(); }

 private:
  friend class StandbyLease;
  enum class Holder : uint8_t { kNobody, kWorker, kStandby };
  struct Entry {
    Holder holder = Holder::kNobody;
    bool wanted = false;             // by a worker
    bool after_worker = true;        // the last holder was none of the standby's
    std::optional<Span> free_since;  // when Lend first found it free
    const StateStore* store = nullptr;
  };
  class Lent;

  PartitionStores(std::string directory, uint64_t memory, NoticeSink notice);
  std::string Path(PartitionId partition) const;
  absl::StatusOr<std::unique_ptr<RecordStore>> OpenForWorker(PartitionId partition, bool recreate);
  // What is there, or an empty one if that can't be read.
  absl::StatusOr<std::unique_ptr<StateStore>> OpenStore(PartitionId partition, const std::string& path);
  void SetAside(PartitionId partition, const absl::Status& why);
  void GiveBack(PartitionId partition);

  const std::string directory_;
  const NoticeSink notice_;
  const std::shared_ptr<const StoreMemory> memory_;
  int lock_ = -1;
  mutable std::mutex mutex_;
  std::map<PartitionId, Entry> entries_;
};

// The standby's hold on one partition's state. Thread-compatible.
class StandbyLease {
 public:
  ~StandbyLease();
  StandbyLease(const StandbyLease&) = delete;
  StandbyLease& operator=(const StandbyLease&) = delete;

  // A worker waits for it: give it back.
  bool wanted() const;

  // Of the store. Nothing: it is empty.
  const std::optional<StateMarker>& marker() const { return store_->marker(); }
  // The place in the snapshots before which everything is in the store; there may be more in it. Kept with the store, and lost
  // with it. Nothing: none is known.
  std::optional<Offset> followed() const { return followed_; }
  // One whole commit of the owner's, which ends before `followed` in the snapshots.
  absl::Status Keep(const PackedRecords& records, const StateMarker& marker, Offset followed);
  // The same for a commit that the store holds already.
  absl::Status Pass(Offset followed);

  // A second, empty store, which takes the first one's place once it is full.
  absl::Status BeginFilling();
  absl::Status Spill(const PackedRecords& records);
  absl::Status EndFilling(const std::optional<StateMarker>& marker, std::optional<Offset> followed);

 private:
  friend class PartitionStores;
  StandbyLease(PartitionStores* owner, PartitionId partition, std::unique_ptr<StateStore> store);
  std::string filling_path() const;
  void Own(std::unique_ptr<StateStore> store);
  absl::Status Note(absl::Status status);

  PartitionStores* const owner_;
  const PartitionId partition_;
  std::unique_ptr<StateStore> store_, filling_;
  std::optional<Offset> followed_;
  absl::Status damage_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_PARTITION_STORES_H_
