// The durable tier: packed records by account, and the marker they stand for, in one RocksDB directory. The only home of
// RocksDB.
//
// Records and the marker share one key space (16-byte hashes beside one-byte names) and so one memtable: whatever makes a
// batch durable, log or flush, holds all of it or nothing. A second column family would need atomic_flush for that, and
// twice the memtables.
#ifndef SEKISHO_ENGINE_STATE_STORE_H_
#define SEKISHO_ENGINE_STATE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/state/codec.h"

namespace sekisho {

// What a commit survives. Neither loses anything when the process dies; when the machine dies, kLog falls back to an
// earlier commit, whole.
enum class Durability {
  kLog,      // written to the log, which is not synced: the default, for its latency
  kFlush,    // no log; a finished and synced flush at each commit: for few, large commits
  kScratch,  // nothing survives: for a directory that is thrown away
};

struct StoreOptions {
  Durability durability = Durability::kLog;
  // For blocks, their indexes and filters; and for writes that aren't on disk yet (at most twice this).
  size_t cache_bytes = size_t{64} << 20;
  size_t write_buffer_bytes = size_t{32} << 20;
};

// Thread-compatible. Every error names the directory and what to do about it.
class StateStore {
 public:
  // Opens or creates `directory` (its parent must exist). Errors:
  //   FailedPrecondition  open in another process; or of another format; or not a state directory
  //   DataLoss            damaged
  //   ResourceExhausted   the disk is full
  //   others              as the file system says
  static absl::StatusOr<std::unique_ptr<StateStore>> Open(const std::string& directory, const StoreOptions& options = {});
  ~StateStore();
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  // The marker of the last commit; nothing in a new store.
  const std::optional<StateMarker>& marker() const { return marker_; }

  // For each id its packed record, or nothing. Valid until the next read. Sorted ids read fastest.
  absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records);

  // What one commit changes. Put in ascending order of id for speed.
  class Batch {
   public:
    Batch();
    ~Batch();
    Batch(Batch&&) noexcept;
    Batch& operator=(Batch&&) noexcept;
    void Put(AccountId id, std::string_view record);
    size_t bytes() const;

   private:
    friend class StateStore;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  // All of the batch and the marker, or nothing. After an error the store takes no more writes: reopen it.
  absl::Status Commit(Batch batch, const StateMarker& marker);
  // Records alone, for Durability::kScratch.
  absl::Status Spill(Batch batch);

  // No record was ever written: every read would miss.
  bool empty() const { return empty_; }
  // About how many records are held; exact after a compaction.
  uint64_t records_about() const;
  uint64_t bytes_on_disk() const;
  const std::string& directory() const { return directory_; }

 private:
  struct Db;
  StateStore(std::string directory, const StoreOptions& options, std::unique_ptr<Db> db);
  absl::Status Load();
  absl::Status Write(Batch* batch);

  const std::string directory_;
  const StoreOptions options_;
  std::unique_ptr<Db> db_;
  std::optional<StateMarker> marker_;
  bool empty_ = true;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_STORE_H_
