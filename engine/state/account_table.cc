#include "engine/state/account_table.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace sekisho {
namespace {

enum Flag : uint8_t {
  kUsed = 1,
  kReferenced = 2,  // since the clock's hand passed
  kDirty = 4,
  kLeaving = 8,  // among the victims of the present sweep
  kFrozen = 16,  // its copy isn't in the store yet
  kUncopied = 32,  // frozen, and to be copied before it changes
};

// Records that one spill writes, at most; a multiple of what a memtable likes, small against any memory.
constexpr size_t kSpillRecords = 1024;

// What malloc adds to a record's few blocks, and the share of the index, flags and lists: so that the bound is near what
// the machine sees.
constexpr size_t kOverheadBytes = 64;

void PrefetchLine(const void* address) { __builtin_prefetch(address, 1, 3); }

}  // namespace

struct AccountTable::Slot {
  AccountId id;
  uint32_t heap_bytes = 0;  // as last measured
  AccountWindow account;
};

AccountTable::AccountTable(const AccountTableOptions& options, RecordStore* store)
    : options_(options), store_(store), index_(1024) {}

AccountTable::~AccountTable() {
  scratch_.reset();
  std::error_code ignored;
  if (!scratch_directory_.empty()) std::filesystem::remove_all(scratch_directory_, ignored);
}

uint64_t AccountTable::IndexHash(AccountId id) const { return PinnedMix64(id.hash.low ^ options_.index_seed); }

AccountTable::Slot& AccountTable::slot(uint32_t number) const {
  return blocks_[number / kBlockSlots][number % kBlockSlots];
}

std::optional<uint32_t> AccountTable::Lookup(AccountId id) const {
  const uint64_t hash = IndexHash(id);
  const size_t mask = index_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const IndexEntry& entry = index_[i];
    if (entry.slot_plus_1 == 0) return std::nullopt;
    if (entry.tag == static_cast<uint32_t>(hash >> 32) && slot(entry.slot_plus_1 - 1).id == id) {
      return entry.slot_plus_1 - 1;
    }
  }
}

void AccountTable::GrowIndex() {
  std::vector<IndexEntry> old(index_.size() * 2);
  old.swap(index_);
  const size_t mask = index_.size() - 1;
  for (const IndexEntry& entry : old) {
    if (entry.slot_plus_1 == 0) continue;
    size_t i = IndexHash(slot(entry.slot_plus_1 - 1).id) & mask;
    while (index_[i].slot_plus_1 != 0) i = (i + 1) & mask;
    index_[i] = entry;
  }
}

uint32_t AccountTable::Insert(AccountId id) {
  if ((in_memory_ + 1) * 4 > index_.size() * 3) GrowIndex();
  if (free_.empty()) {
    const uint32_t first = static_cast<uint32_t>(blocks_.size()) * kBlockSlots;
    blocks_.emplace_back(new Slot[kBlockSlots]);
    flags_.resize(first + kBlockSlots);
    for (uint32_t i = kBlockSlots; i-- > 0;) free_.push_back(first + i);
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  slot(number).id = id;
  flags_[number] = kUsed | kReferenced;
  ++in_memory_;
  record_bytes_ += sizeof(Slot) + kOverheadBytes;

  const uint64_t hash = IndexHash(id);
  const size_t mask = index_.size() - 1;
  size_t i = hash & mask;
  while (index_[i].slot_plus_1 != 0) i = (i + 1) & mask;
  index_[i] = {number + 1, static_cast<uint32_t>(hash >> 32)};
  return number;
}

void AccountTable::Remove(uint32_t number) {
  Slot& gone = slot(number);
  const size_t mask = index_.size() - 1;
  size_t hole = IndexHash(gone.id) & mask;
  while (index_[hole].slot_plus_1 != number + 1) hole = (hole + 1) & mask;
  // Close the gap: move up what probing would otherwise no longer reach.
  for (size_t i = (hole + 1) & mask; index_[i].slot_plus_1 != 0; i = (i + 1) & mask) {
    const size_t home = IndexHash(slot(index_[i].slot_plus_1 - 1).id) & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    index_[hole] = index_[i];
    hole = i;
  }
  index_[hole] = {};
  record_bytes_ -= sizeof(Slot) + kOverheadBytes + gone.heap_bytes;
  --in_memory_;
  gone.account = AccountWindow();
  gone.heap_bytes = 0;
  flags_[number] = 0;
  free_.push_back(number);
  ++stats_.evicted;
}

void AccountTable::Measure(uint32_t number) {
  Slot& measured = slot(number);
  record_bytes_ -= measured.heap_bytes;
  measured.heap_bytes = static_cast<uint32_t>(std::min<size_t>(measured.account.heap_bytes(), UINT32_MAX));
  record_bytes_ += measured.heap_bytes;
}

// What was handed out last may have grown, and is still in the processor's cache.
void AccountTable::MeasureTouched() {
  if (touched_.has_value()) Measure(*std::exchange(touched_, std::nullopt));
}

AccountWindow* AccountTable::Touch(uint32_t number) {
  if ((flags_[number] & kUncopied) != 0) CopyFrozen(number);
  if (durable() && (flags_[number] & kDirty) == 0) dirty_.push_back(number);
  flags_[number] |= kReferenced | kDirty;
  touched_ = number;
  return &slot(number).account;
}

absl::StatusOr<AccountWindow*> AccountTable::FindOrCreate(AccountId id) {
  MeasureTouched();
  std::optional<uint32_t> number = Lookup(id);
  if (!number.has_value()) {
    if (absl::Status status = Load({&id, 1}); !status.ok()) return status;
    number = Lookup(id);
  }
  return Touch(*number);
}

absl::StatusOr<AccountWindow*> AccountTable::Find(AccountId id) {
  MeasureTouched();
  std::optional<uint32_t> number = Lookup(id);
  if (!number.has_value()) {
    if (absl::Status status = Load({&id, 1}); !status.ok()) return status;
    number = Lookup(id);
  }
  // An empty record stands for an account that the store doesn't know either.
  if (slot(*number).account.login.empty()) return nullptr;
  return Touch(*number);
}

absl::Status AccountTable::Prefetch(std::span<const AccountId> ids) {
  MeasureTouched();
  const size_t mask = index_.size() - 1;
  for (const AccountId& id : ids) PrefetchLine(&index_[IndexHash(id) & mask]);
  for (const AccountId& id : ids) {
    const uint64_t hash = IndexHash(id);
    const IndexEntry& entry = index_[hash & mask];
    if (entry.slot_plus_1 != 0) PrefetchLine(&slot(entry.slot_plus_1 - 1));
  }
  missing_.clear();
  for (const AccountId& id : ids) {
    const std::optional<uint32_t> number = Lookup(id);
    if (!number.has_value()) {
      missing_.push_back(id);
      continue;
    }
    const char* begin = reinterpret_cast<const char*>(&slot(*number).account);
    for (size_t at = 0; at < sizeof(AccountWindow); at += 64) PrefetchLine(begin + at);
  }
  if (missing_.empty()) return absl::OkStatus();
  std::sort(missing_.begin(), missing_.end());
  missing_.erase(std::unique(missing_.begin(), missing_.end()), missing_.end());
  return Load(missing_);
}

absl::Status AccountTable::Load(std::span<const AccountId> ids) {
  if (absl::Status status = MakeRoom(); !status.ok()) return status;
  packed_.clear();
  if (store_ != nullptr) {
    if (absl::Status status = store_->Read(ids, &packed_); !status.ok()) return status;
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint32_t number = Insert(ids[i]);
    if (store_ == nullptr) continue;
    if (!packed_[i].has_value()) {
      ++stats_.absent;
      continue;
    }
    if (absl::Status status = DecodeRecord(*packed_[i], &slot(number).account); !status.ok()) {
      return {status.code(), store_->name() + ": " + std::string(status.message())};
    }
    Measure(number);
    ++stats_.read;
  }
  return absl::OkStatus();
}

// A clock: a record that was used since the hand passed last is spared once.
absl::Status AccountTable::MakeRoom() {
  if (record_bytes_ <= options_.memory_bytes_max || all_dirty_) return absl::OkStatus();
  // Some more than needed, so that spills are worth their while.
  const size_t goal = options_.memory_bytes_max - options_.memory_bytes_max / 64;
  std::vector<uint32_t> victims;
  size_t freed = 0;
  for (size_t looked = 0; looked < 2 * flags_.size() && record_bytes_ > goal + freed; ++looked) {
    const uint32_t number = hand_;
    hand_ = hand_ + 1 < flags_.size() ? hand_ + 1 : 0;
    uint8_t& flags = flags_[number];
    if ((flags & kUsed) == 0 || (flags & (kLeaving | kFrozen)) != 0) continue;
    if ((flags & kReferenced) != 0) {
      flags &= static_cast<uint8_t>(~kReferenced);
    } else if ((flags & kDirty) == 0) {
      Remove(number);
    } else if (!durable()) {
      flags |= kLeaving;
      victims.push_back(number);
      freed += sizeof(Slot) + kOverheadBytes + slot(number).heap_bytes;
      if (victims.size() < kSpillRecords) continue;
      if (absl::Status status = SpillAndRemove(&victims); !status.ok()) return status;
      freed = 0;
    }
  }
  if (absl::Status status = SpillAndRemove(&victims); !status.ok()) return status;
  all_dirty_ = durable() && record_bytes_ > options_.memory_bytes_max;
  return absl::OkStatus();
}

absl::Status AccountTable::SpillAndRemove(std::vector<uint32_t>* victims) {
  if (victims->empty()) return absl::OkStatus();
  if (scratch_ == nullptr) {
    std::string path = options_.scratch_parent + "/sekisho-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return absl::UnavailableError("can't make a scratch directory in " + options_.scratch_parent +
                                    "; name one that can be written, or allow more memory");
    }
    scratch_directory_ = path;
    StoreOptions scratch_options;
    scratch_options.durability = Durability::kScratch;
    auto opened = StateStore::Open(path, scratch_options);
    if (!opened.ok()) return opened.status();
    scratch_ = *std::move(opened);
    store_ = scratch_.get();
  }
  if (absl::Status status = scratch_->Spill(Encode(victims)); !status.ok()) return status;
  for (const uint32_t number : *victims) Remove(number);
  victims->clear();
  return absl::OkStatus();
}

PackedRecords AccountTable::Encode(std::vector<uint32_t>* numbers) {
  std::sort(numbers->begin(), numbers->end(), [this](uint32_t a, uint32_t b) { return slot(a).id < slot(b).id; });
  PackedRecords records;
  for (const uint32_t number : *numbers) {
    buffer_.clear();
    EncodeRecord(slot(number).account, &buffer_);
    records.Add(slot(number).id, buffer_);
    flags_[number] &= static_cast<uint8_t>(~kDirty);
  }
  stats_.written += numbers->size();
  return records;
}

bool AccountTable::commit_due() const {
  if (!durable()) return false;
  return dirty_.size() >= kCommitRecordsMax || all_dirty_ ||
         (record_bytes_ > options_.memory_bytes_max && dirty_.size() * 2 >= in_memory_);
}

absl::Status AccountTable::Commit(const StateMarker& marker) {
  if (!durable()) return absl::OkStatus();
  MeasureTouched();
  if (absl::Status status = store_->Commit(Encode(&dirty_), marker); !status.ok()) return status;
  dirty_.clear();
  all_dirty_ = false;
  ++stats_.commits;
  return MakeRoom();
}

void AccountTable::CopyFrozen(uint32_t number) {
  buffer_.clear();
  EncodeRecord(slot(number).account, &buffer_);
  copy_->Add(slot(number).id, buffer_);
  flags_[number] &= static_cast<uint8_t>(~kUncopied);
  ++stats_.written;
}

void AccountTable::BeginFreeze(PackedRecords* copy) {
  MeasureTouched();
  for (const uint32_t number : dirty_) {
    flags_[number] = static_cast<uint8_t>((flags_[number] & ~kDirty) | kFrozen | kUncopied);
  }
  frozen_.swap(dirty_);
  dirty_.clear();
  copy_ = copy;
  frozen_looked_ = 0;
}

bool AccountTable::FreezeSome(size_t* records_max) {
  for (; frozen_looked_ < frozen_.size() && *records_max > 0; ++frozen_looked_) {
    const uint32_t number = frozen_[frozen_looked_];
    if ((flags_[number] & kUncopied) == 0) continue;
    CopyFrozen(number);
    --*records_max;
  }
  if (frozen_looked_ < frozen_.size()) return false;
  copy_ = nullptr;
  return true;
}

absl::Status AccountTable::Thaw() {
  MeasureTouched();
  for (const uint32_t number : frozen_) flags_[number] &= static_cast<uint8_t>(~kFrozen);
  frozen_.clear();
  all_dirty_ = false;
  ++stats_.commits;
  return MakeRoom();
}

AccountTableStats AccountTable::stats() const {
  AccountTableStats stats = stats_;
  stats.in_memory = in_memory_;
  stats.dirty = dirty_.size();
  stats.bytes = record_bytes_;
  return stats;
}

}  // namespace sekisho
