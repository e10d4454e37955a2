// The accounts in use, as live records in memory of a bounded size, over the store that holds all of them.
//
// What is in memory, what was dropped and when the store was written never changes an answer: a record read back behaves
// exactly as the one that was dropped.
#ifndef SEKISHO_ENGINE_STATE_ACCOUNT_TABLE_H_
#define SEKISHO_ENGINE_STATE_ACCOUNT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/state/codec.h"
#include "engine/state/record_store.h"
#include "engine/state/store.h"
#include "engine/window/account_window.h"

namespace sekisho {

struct AccountTableOptions {
  // Of live records, their heap and this table's own arrays. Passed by at most what one batch of events adds, and by what
  // waits for a commit.
  size_t memory_bytes_max = size_t{2} << 30;
  // Without a store: where a scratch store is made once memory is full. It is removed with the table.
  std::string scratch_parent = "/tmp";
  // Any number that senders of hostile account names can't know. It never reaches an answer.
  uint64_t index_seed = 0;
};

struct AccountTableStats {
  uint64_t in_memory = 0;   // accounts
  uint64_t dirty = 0;       // of these, changed since the last commit; 0 without a store
  uint64_t bytes = 0;       // what memory_bytes_max bounds
  uint64_t evicted = 0;     // since the table began, like all below
  uint64_t read = 0;        // records read back from the store
  uint64_t absent = 0;      // asked of the store in vain
  uint64_t written = 0;     // records
  uint64_t commits = 0;
};

// Thread-compatible: belongs to the thread that owns the shard.
class AccountTable {
 public:
  // With a store, which must outlive the table, records become durable by Commit alone, so changed ones stay in memory
  // until then. Without one, nothing is durable, and changed records may go to a scratch store at any time.
  explicit AccountTable(const AccountTableOptions& options = {}, RecordStore* store = nullptr);
  ~AccountTable();
  AccountTable(const AccountTable&) = delete;
  AccountTable& operator=(const AccountTable&) = delete;

  // The account's record, for changing; a new one has an empty login, which the caller fills in. Valid until the next
  // call of any non-const function here. Errors are the store's; the table must then be given up.
  absl::StatusOr<AccountWindow*> FindOrCreate(AccountId id);
  // The same for an account that is known already; null for one that isn't.
  absl::StatusOr<AccountWindow*> Find(AccountId id);

  // Brings near what the next calls for `ids` will touch: resident records into the cache, others from the store, all in
  // one read. Changes no answer. Worth the call from a few ids on; kPrefetchBest is enough to hide memory's latency.
  absl::Status Prefetch(std::span<const AccountId> ids);
  static constexpr size_t kPrefetchBest = 16;

  // Memory is full of records that wait for a commit, or a commit would be of kCommitRecordsMax records: commit soon.
  bool commit_due() const;
  // A record is a few hundred bytes: such a commit takes about 64 MB of memory while it is written.
  static constexpr size_t kCommitRecordsMax = 100'000;

  // Makes all changes durable together with the marker. Without a store: does nothing.
  absl::Status Commit(const StateMarker& marker);

  // The same for a commit that somebody else writes while the fold goes on, and that is copied a little at a time, so that the
  // fold needn't wait for all of it. The copy is of all changes as they are when BeginFreeze is called; they count as unchanged
  // from here on, and what changes again is copied just before. FreezeSome copies at most *records_max records, and takes their
  // number off; `copy` is written to, in no particular order, until it says that the copy is whole. The records stay in
  // memory until Thaw says that the copy is in the store. One copy at a time; with a store only.
  void BeginFreeze(PackedRecords* copy);
  bool FreezeSome(size_t* records_max);
  absl::Status Thaw();

  AccountTableStats stats() const;

 private:
  struct Slot;
  // Slots live in blocks that never move.
  static constexpr uint32_t kBlockSlots = 32;
  // Where a slot number is found: open addressing, linear probing, at most 3/4 full. 0: free, else slot + 1.
  struct IndexEntry {
    uint32_t slot_plus_1 = 0;
    uint32_t tag = 0;
  };

  uint64_t IndexHash(AccountId id) const;
  Slot& slot(uint32_t number) const;
  std::optional<uint32_t> Lookup(AccountId id) const;
  uint32_t Insert(AccountId id);
  void GrowIndex();
  void Remove(uint32_t number);

  bool durable() const { return store_ != nullptr && store_ != scratch_.get(); }
  AccountWindow* Touch(uint32_t number);
  void Measure(uint32_t number);
  void MeasureTouched();
  // Brings absent records in from the store, or as empty ones.
  absl::Status Load(std::span<const AccountId> ids);
  absl::Status MakeRoom();
  absl::Status SpillAndRemove(std::vector<uint32_t>* victims);
  // The numbers in ascending order of id, encoded; they are no longer dirty.
  PackedRecords Encode(std::vector<uint32_t>* numbers);
  void CopyFrozen(uint32_t number);

  const AccountTableOptions options_;
  RecordStore* store_;
  std::unique_ptr<StateStore> scratch_;
  std::string scratch_directory_;

  std::vector<std::unique_ptr<Slot[]>> blocks_;
  std::vector<uint8_t> flags_;       // by slot number
  std::vector<uint32_t> free_;       // slot numbers
  std::vector<uint32_t> dirty_;      // slot numbers, for the next commit
  std::vector<uint32_t> frozen_;     // slot numbers that wait for Thaw
  PackedRecords* copy_ = nullptr;    // of those, while it isn't whole
  size_t frozen_looked_ = 0;         // at so many of frozen_; the rest may be copied already
  std::vector<IndexEntry> index_;    // a power of two
  uint64_t in_memory_ = 0;
  uint64_t record_bytes_ = 0;        // slots in use and their heap, as last measured
  uint32_t hand_ = 0;                // of the clock
  bool all_dirty_ = false;           // the hand came around without a record that may be dropped
  std::optional<uint32_t> touched_;  // may have grown since it was measured

  // Scratch of Load and Encode.
  std::vector<AccountId> missing_;
  std::vector<std::optional<std::string>> packed_;
  std::string buffer_;
  AccountTableStats stats_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_ACCOUNT_TABLE_H_
