// What the memory table needs of the tier below it: packed records by account, committed together with a marker.
// StateStore keeps them in RocksDB; simulations keep them in memory and fail on demand.
#ifndef SEKISHO_ENGINE_STATE_RECORD_STORE_H_
#define SEKISHO_ENGINE_STATE_RECORD_STORE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/ids.h"
#include "engine/model/snapshot.h"
#include "engine/state/codec.h"

namespace sekisho {

// Thread-compatible, but for this: one thread may Commit while another Reads. Such a Read gives records as they were
// before the commit or after it, record by record.
class RecordStore {
 public:
  virtual ~RecordStore() = default;
  // The marker of the last commit; nothing in a new store. Not while another thread commits.
  virtual const std::optional<StateMarker>& marker() const = 0;
  // For each id its packed record, or nothing. Sorted ids read fastest.
  virtual absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) = 0;
  // All of the records and the marker, or nothing. After an error the store takes no more writes: reopen it.
  virtual absl::Status Commit(const PackedRecords& records, const StateMarker& marker) = 0;
  // Records alone, which a later Commit closes: to fill a new store. Until then they stand for nothing.
  virtual absl::Status Spill(const PackedRecords& records) = 0;
  // For figures; at any time, from any thread.
  virtual uint64_t bytes_on_disk() const { return 0; }
  // For messages: "state directory /var/lib/sekisho/p-3".
  virtual std::string name() const = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_RECORD_STORE_H_
