// The durable tier: packed records by account, and the marker they stand for, in one RocksDB directory. The only home of
// RocksDB.
//
// Records and the marker share one key space (16-byte hashes beside one-byte names) and so one memtable: whatever makes a
// batch durable, log or flush, holds all of it or nothing. A second column family would need atomic_flush for that, and
// twice the memtables.
#ifndef SEKISHO_ENGINE_STATE_STORE_H_
#define SEKISHO_ENGINE_STATE_STORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/state/codec.h"
#include "engine/state/record_store.h"

namespace rocksdb {
class WriteBatch;
}

namespace sekisho {

// What a commit survives. Neither loses anything when the process dies; when the machine dies, kLog falls back to an
// earlier commit, whole.
enum class Durability {
  kLog,      // written to the log, which is not synced: the default, for its latency
  kFlush,    // no log; a finished and synced flush at each commit: for few, large commits
  kScratch,  // nothing survives: for a directory that is thrown away
};

// A number that RocksDB keeps, over all stores that share one memory.
struct StoreTicker {
  std::string_view name;  // ends in "_total" or "_bytes_total" where it only grows; e.g. "block_cache_hits_total"
  std::string_view help;
  bool grows = true;
  uint64_t value = 0;
};

// One bound for several stores of a process: blocks, indexes, filters, and writes that aren't on disk yet, of which it holds
// at most half. Thread-safe.
class StoreMemory {
 public:
  explicit StoreMemory(size_t bytes_max);
  ~StoreMemory();
  StoreMemory(const StoreMemory&) = delete;
  StoreMemory& operator=(const StoreMemory&) = delete;

  // Always the same ones in the same order.
  std::vector<StoreTicker> tickers() const;

 private:
  friend class StateStore;
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

struct StoreOptions {
  Durability durability = Durability::kLog;
  // For blocks, their indexes and filters; and for writes that aren't on disk yet (at most twice this).
  size_t cache_bytes = size_t{64} << 20;
  size_t write_buffer_bytes = size_t{32} << 20;
  // Instead of a cache of its own, this one; writes count against it too.
  std::shared_ptr<const StoreMemory> shared_memory;
};

// Threads: see RecordStore. Every error names the directory and what to do about it.
class StateStore final : public RecordStore {
 public:
  // Opens or creates `directory` (its parent must exist). Errors:
  //   FailedPrecondition  open in another process; or of another format; or not a state directory
  //   DataLoss            damaged
  //   ResourceExhausted   the disk is full
  //   others              as the file system says
  static absl::StatusOr<std::unique_ptr<StateStore>> Open(const std::string& directory, const StoreOptions& options = {});
  ~StateStore() override;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  const std::optional<StateMarker>& marker() const override { return marker_; }
  absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) override;
  absl::Status Commit(const PackedRecords& records, const StateMarker& marker) override;
  absl::Status Spill(const PackedRecords& records) override;

  // No record was ever written: every read would miss.
  bool empty() const { return empty_; }
  // About how many records are held; exact after a compaction.
  uint64_t records_about() const;
  uint64_t bytes_on_disk() const override;
  const std::string& directory() const { return directory_; }
  std::string name() const override { return "state directory " + directory_; }

 private:
  struct Db;
  StateStore(std::string directory, const StoreOptions& options, std::unique_ptr<Db> db);
  absl::Status Load();
  absl::Status Write(rocksdb::WriteBatch* batch);
  friend class StoreTestPeer;  // writes other format numbers
  absl::Status PutFormat(uint64_t format);

  const std::string directory_;
  const StoreOptions options_;
  std::unique_ptr<Db> db_;
  std::optional<StateMarker> marker_;
  std::atomic<bool> empty_ = true;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_STORE_H_
