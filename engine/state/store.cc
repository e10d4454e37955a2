#include "engine/state/store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/iterator.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/base/bytes.h"

namespace sekisho {
namespace {

// One-byte names: no account's key is that short.
constexpr std::string_view kFormatKey = "F";
constexpr std::string_view kMarkerKey = "M";
constexpr uint64_t kStoreFormat = 2;

rocksdb::Slice ToSlice(std::string_view s) { return {s.data(), s.size()}; }

// Big-endian, so that keys sort as ids do.
using Key = std::array<char, 16>;
Key KeyOf(AccountId id) {
  Key key;
  for (int i = 0; i < 8; ++i) {
    key[static_cast<size_t>(i)] = static_cast<char>(id.hash.high >> (56 - 8 * i));
    key[static_cast<size_t>(8 + i)] = static_cast<char>(id.hash.low >> (56 - 8 * i));
  }
  return key;
}
rocksdb::Slice ToSlice(const Key& key) { return {key.data(), key.size()}; }

// In ascending order of id, which the memtable likes, whatever order the records are in.
rocksdb::WriteBatch ToBatch(const PackedRecords& records) {
  std::vector<std::pair<AccountId, size_t>> order;
  order.reserve(records.size());
  for (size_t i = 0; i < records.size(); ++i) order.emplace_back(records.id(i), i);
  std::sort(order.begin(), order.end());
  rocksdb::WriteBatch batch(records.bytes() + 8 * records.size());
  for (const auto& [id, i] : order) batch.Put(ToSlice(KeyOf(id)), ToSlice(records.record(i)));
  return batch;
}

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// RocksDB's status in our words: which directory, what it means, what to do.
absl::Status Explain(const std::string& directory, const rocksdb::Status& status) {
  const std::string detail = " (" + status.ToString() + ")";
  const std::string where = "state directory " + directory;
  if (status.IsNoSpace() || Contains(status.ToString(), "No space left")) {
    return absl::ResourceExhaustedError(where + ": the disk is full; nothing since the last commit is kept: make room and run "
                                                "again" + detail);
  }
  // "block" is in many a message.
  if (status.IsIOError() && (Contains(status.ToString(), "lock file") || Contains(status.ToString(), "lock hold"))) {
    return absl::FailedPreconditionError(where + " is open in another process; stop that one or name another directory" +
                                         detail);
  }
  if (status.IsCorruption() || Contains(status.ToString(), "No such file")) {
    return absl::DataLossError(where + " is damaged; move it away and run again from the start of the input" + detail);
  }
  if (status.IsInvalidArgument() || status.IsNotSupported()) {
    return absl::FailedPreconditionError(where + " can't be read by this version; use the version that wrote it, or move it "
                                                 "away and run again from the start of the input" + detail);
  }
  return absl::UnavailableError(where + ": " + status.ToString());
}

// RocksDB would keep a log of its own doings in the state directory, and on a full disk its second line there ends the process
// (an assertion in Debian's 7.8.3, EnvLogger). What goes wrong is told by the calls that fail.
class NoInfoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options DbOptions(const StoreOptions& options, std::shared_ptr<rocksdb::Cache> cache,
                           std::shared_ptr<rocksdb::WriteBufferManager> writes) {
  rocksdb::BlockBasedTableOptions table;
  // Most reads of a young store are of accounts it has never seen: filters of whole keys answer those.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.block_size = 4096;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.block_cache = cache != nullptr ? std::move(cache) : rocksdb::NewLRUCache(options.cache_bytes);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;

  rocksdb::Options db;
  db.create_if_missing = true;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  db.write_buffer_size = options.write_buffer_bytes;
  db.write_buffer_manager = std::move(writes);
  db.max_write_buffer_number = 2;
  db.memtable_whole_key_filtering = true;
  db.memtable_prefix_bloom_size_ratio = 0.02;
  db.compression = rocksdb::kLZ4Compression;
  // What was just flushed is rewritten soon: compressing it is work for nothing.
  db.compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  db.level_compaction_dynamic_level_bytes = true;
  db.max_background_jobs = 2;
  db.max_open_files = 256;
  db.max_total_wal_size = 4 * options.write_buffer_bytes;
  db.info_log = std::make_shared<NoInfoLog>();
  db.avoid_flush_during_shutdown = options.durability == Durability::kScratch;
  return db;
}

// A directory that holds something else must not be filled with our files.
absl::Status CheckIsOurs(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path(directory);
  if (!std::filesystem::exists(path, error)) return absl::OkStatus();
  if (!std::filesystem::is_directory(path, error)) {
    return absl::FailedPreconditionError("state directory " + directory + " is not a directory");
  }
  bool current = false;
  bool anything = false;
  std::filesystem::directory_iterator files(path, error);
  if (error) return absl::UnavailableError("state directory " + directory + ": " + error.message());
  for (const auto& file : files) {
    const std::string name = file.path().filename().string();
    // What an open that was cut short leaves behind is fine too.
    current |= name == "CURRENT" || name == "LOCK" || name == "LOG";
    anything = true;
  }
  if (anything && !current) {
    return absl::FailedPreconditionError("state directory " + directory +
                                         " holds files, but no state; name an empty or new directory");
  }
  return absl::OkStatus();
}

}  // namespace

struct StoreMemory::Impl {
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> writes;
  std::shared_ptr<rocksdb::Statistics> statistics;
};

StoreMemory::StoreMemory(size_t bytes_max) : impl_(std::make_unique<Impl>()) {
  impl_->cache = rocksdb::NewLRUCache(bytes_max);
  impl_->writes = std::make_shared<rocksdb::WriteBufferManager>(bytes_max / 2, impl_->cache);
  impl_->statistics = rocksdb::CreateDBStatistics();
  // Counting costs next to nothing; the clock that timers ask does.
  impl_->statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
}

StoreMemory::~StoreMemory() = default;

std::vector<StoreTicker> StoreMemory::tickers() const {
  struct Entry {
    rocksdb::Tickers ticker;
    std::string_view name, help;
  };
  static constexpr Entry kEntries[] = {
      {rocksdb::BLOCK_CACHE_HIT, "block_cache_hits_total", "Blocks that were found in memory."},
      {rocksdb::BLOCK_CACHE_MISS, "block_cache_misses_total", "Blocks that had to be read from the disk."},
      {rocksdb::BLOOM_FILTER_USEFUL, "bloom_filter_useful_total", "Reads of a file that a filter spared."},
      {rocksdb::MEMTABLE_HIT, "memtable_hits_total", "Records that were found among the latest writes."},
      {rocksdb::MEMTABLE_MISS, "memtable_misses_total", "Records that were not among the latest writes."},
      {rocksdb::NUMBER_KEYS_WRITTEN, "keys_written_total", "Records written."},
      {rocksdb::NUMBER_MULTIGET_KEYS_READ, "keys_read_total", "Records asked for."},
      {rocksdb::NUMBER_MULTIGET_KEYS_FOUND, "keys_found_total", "Of the records asked for, those that were there."},
      {rocksdb::BYTES_WRITTEN, "written_bytes_total", "Bytes of records written by commits."},
      {rocksdb::WAL_FILE_BYTES, "log_bytes_total", "Bytes written to the write-ahead log."},
      {rocksdb::FLUSH_WRITE_BYTES, "flush_bytes_total", "Bytes written by flushes."},
      {rocksdb::COMPACT_READ_BYTES, "compaction_read_bytes_total", "Bytes read by compactions."},
      {rocksdb::COMPACT_WRITE_BYTES, "compaction_written_bytes_total", "Bytes written by compactions."},
  };
  std::vector<StoreTicker> tickers;
  for (const Entry& entry : kEntries) {
    tickers.push_back({entry.name, entry.help, true, impl_->statistics->getTickerCount(entry.ticker)});
  }
  tickers.push_back({"block_cache_bytes", "Bytes in use of what all stores share, writes that aren't on disk yet included.", false,
                     impl_->cache->GetUsage()});
  tickers.push_back({"memtable_bytes", "Bytes of the latest writes that are in memory.", false, impl_->writes->memory_usage()});
  return tickers;
}

struct StateStore::Db {
  std::unique_ptr<rocksdb::DB> db;
  // Scratch of Read.
  std::vector<Key> keys;
  std::vector<rocksdb::Slice> slices;
  std::vector<rocksdb::PinnableSlice> values;
  std::vector<rocksdb::Status> statuses;
};

StateStore::StateStore(std::string directory, const StoreOptions& options, std::unique_ptr<Db> db)
    : directory_(std::move(directory)), options_(options), db_(std::move(db)) {}

StateStore::~StateStore() = default;

absl::StatusOr<std::unique_ptr<StateStore>> StateStore::Open(const std::string& directory, const StoreOptions& options) {
  if (absl::Status status = CheckIsOurs(directory); !status.ok()) return status;
  // The one place that opens; later versions of RocksDB hand out a unique_ptr instead.
  rocksdb::DB* raw = nullptr;
  const StoreMemory* shared = options.shared_memory.get();
  rocksdb::Options db_options = shared != nullptr ? DbOptions(options, shared->impl_->cache, shared->impl_->writes)
                                                  : DbOptions(options, nullptr, nullptr);
  if (shared != nullptr) db_options.statistics = shared->impl_->statistics;
  const rocksdb::Status opened = rocksdb::DB::Open(db_options, directory, &raw);
  if (!opened.ok()) return Explain(directory, opened);
  auto db = std::make_unique<Db>();
  db->db.reset(raw);
  std::unique_ptr<StateStore> store(new StateStore(directory, options, std::move(db)));
  if (absl::Status status = store->Load(); !status.ok()) return status;
  return store;
}

absl::Status StateStore::Load() {
  std::string value;
  rocksdb::Status status = db_->db->Get(rocksdb::ReadOptions(), ToSlice(kFormatKey), &value);
  if (!status.ok() && !status.IsNotFound()) return Explain(directory_, status);
  if (status.ok()) {
    ByteReader reader(value);
    const uint64_t format = reader.Varint();
    if (!reader.done() || format != kStoreFormat) {
      return absl::FailedPreconditionError(
          "state directory " + directory_ + " was written by another version (format " +
          (reader.done() ? std::to_string(format) : "unknown") + ", this one reads " + std::to_string(kStoreFormat) +
          "); use the version that wrote it, or move it away and run again from the start of the input");
    }
  }
  const bool has_format = status.ok();
  status = db_->db->Get(rocksdb::ReadOptions(), ToSlice(kMarkerKey), &value);
  if (!status.ok() && !status.IsNotFound()) return Explain(directory_, status);
  if (status.ok()) {
    StateMarker marker;
    if (absl::Status decoded = DecodeMarker(value, &marker); !decoded.ok()) {
      return {decoded.code(), "state directory " + directory_ + ": " + std::string(decoded.message()) +
                                  "; move it away and run again from the start of the input"};
    }
    marker_ = std::move(marker);
  }
  {
    std::unique_ptr<rocksdb::Iterator> it(db_->db->NewIterator(rocksdb::ReadOptions()));
    for (it->SeekToFirst(); it->Valid() && it->key().size() != sizeof(Key); it->Next()) {
    }
    if (!it->status().ok()) return Explain(directory_, it->status());
    empty_ = !it->Valid();
  }
  if (has_format) return absl::OkStatus();
  if (marker_.has_value() || !empty_) {
    return absl::FailedPreconditionError("state directory " + directory_ +
                                         " holds a database of another program; name an empty or new directory");
  }
  return PutFormat(kStoreFormat);
}

absl::Status StateStore::PutFormat(uint64_t format) {
  std::string bytes;
  ByteWriter(&bytes).PutVarint(format);
  rocksdb::WriteBatch batch;
  batch.Put(ToSlice(kFormatKey), bytes);
  return Write(&batch);
}

absl::Status StateStore::Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) {
  records->assign(ids.size(), std::nullopt);
  if (empty_ || ids.empty()) return absl::OkStatus();
  const size_t n = ids.size();
  db_->keys.resize(n);
  db_->slices.resize(n);
  db_->values.resize(n);
  db_->statuses.resize(n);
  for (size_t i = 0; i < n; ++i) {
    db_->keys[i] = KeyOf(ids[i]);
    db_->slices[i] = ToSlice(db_->keys[i]);
    db_->values[i].Reset();
  }
  db_->db->MultiGet(rocksdb::ReadOptions(), db_->db->DefaultColumnFamily(), n, db_->slices.data(), db_->values.data(),
                    db_->statuses.data(), /*sorted_input=*/false);
  for (size_t i = 0; i < n; ++i) {
    if (db_->statuses[i].ok()) {
      (*records)[i].emplace(db_->values[i].data(), db_->values[i].size());
    } else if (!db_->statuses[i].IsNotFound()) {
      return Explain(directory_, db_->statuses[i]);
    }
    db_->values[i].Reset();
  }
  return absl::OkStatus();
}

absl::Status StateStore::Write(rocksdb::WriteBatch* batch) {
  rocksdb::WriteOptions write;
  write.disableWAL = options_.durability != Durability::kLog;
  rocksdb::Status status = db_->db->Write(write, batch);
  if (status.ok() && options_.durability == Durability::kFlush) status = db_->db->Flush(rocksdb::FlushOptions());
  return status.ok() ? absl::OkStatus() : Explain(directory_, status);
}

absl::Status StateStore::Commit(const PackedRecords& records, const StateMarker& marker) {
  std::string bytes;
  EncodeMarker(marker, &bytes);
  rocksdb::WriteBatch batch = ToBatch(records);
  batch.Put(ToSlice(kMarkerKey), bytes);
  if (absl::Status status = Write(&batch); !status.ok()) return status;
  marker_ = marker;
  if (!records.empty()) empty_ = false;
  return absl::OkStatus();
}

absl::Status StateStore::Spill(const PackedRecords& records) {
  if (records.empty()) return absl::OkStatus();
  rocksdb::WriteBatch batch = ToBatch(records);
  empty_ = false;
  return Write(&batch);
}

uint64_t StateStore::records_about() const {
  uint64_t n = 0;
  db_->db->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &n);
  return n > 2 ? n - 2 : 0;  // the format and the marker
}

uint64_t StateStore::bytes_on_disk() const {
  uint64_t n = 0;
  db_->db->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &n);
  return n;
}

}  // namespace sekisho
