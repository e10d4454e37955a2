// See geo.h. GeoLoader reads a file into a GeoDatabase; GeoDatabase only looks up.
#include "engine/geo/geo.h"

#include <maxminddb.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/hash.h"
#include "engine/geo/mmdb_check.h"

namespace sekisho {
namespace {

// The metadata lie within the last 128 KiB, after the last of these marks.
constexpr std::string_view kMetadataMark("\xab\xcd\xefMaxMind.com", 14);
constexpr size_t kMetadataBytesMax = 128 * 1024;
constexpr uint64_t kMetadataValuesMax = 10'000;
// Between the tree and the data.
constexpr uint64_t kSeparatorBytes = 16;

absl::Status Refuse(const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", std::string(what), "; give another country or AS database in MMDB format, or fetch this one again"));
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::not_found) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file; give the path of a country database in MMDB format"));
  }
  if (kind != std::filesystem::file_type::regular) return Refuse(path, "not a regular file");
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return Refuse(path, absl::StrCat("cannot be read: ", error.message()));
  if (bytes > kGeoFileBytesMax) return Refuse(path, "larger than 1 GiB");
  std::string content(static_cast<size_t>(bytes), '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(content.data(), static_cast<std::streamsize>(bytes));
  if (!in || in.gcount() != static_cast<std::streamsize>(bytes)) return Refuse(path, "cannot be read to its end");
  return content;
}

absl::Status CheckMetadata(const std::string& path, std::string_view content) {
  const std::string_view tail = content.substr(content.size() - std::min(content.size(), kMetadataBytesMax));
  const size_t mark = tail.rfind(kMetadataMark);
  if (mark == std::string_view::npos) return Refuse(path, "not an MMDB file (it has no metadata)");
  MmdbChecker checker(tail.substr(mark + kMetadataMark.size()), kMetadataValuesMax);
  if (absl::Status s = checker.Check(0, /*follow=*/true); !s.ok()) {
    return Refuse(path, absl::StrCat("damaged metadata: ", std::string(s.message())));
  }
  // libmaxminddb multiplies these in 32 bits, and then believes in a tree that is larger than the file.
  const uint64_t nodes = checker.FindUint(0, "node_count").value_or(0);
  const uint64_t record_bits = checker.FindUint(0, "record_size").value_or(0);
  if (record_bits != 24 && record_bits != 28 && record_bits != 32) return Refuse(path, "damaged metadata: no record size");
  if (nodes > UINT32_MAX || nodes * record_bits / 4 + kSeparatorBytes > content.size() - tail.size() + mark) {
    return Refuse(path, "its search tree is larger than the file");
  }
  return absl::OkStatus();
}

// A file's own name for its type, fit for a log line.
std::string Printable(std::string_view type) {
  std::string out(type.substr(0, 64));
  for (char& c : out) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
    if (!plain) c = '_';
  }
  return out;
}

}  // namespace

std::string CountryName(uint16_t country) {
  if (country == 0) return "";
  return {static_cast<char>(country >> 8), static_cast<char>(country & 0xff)};
}

uint16_t ParseCountry(std::string_view text) {
  if (text.size() != 2) return 0;
  uint16_t country = 0;
  for (char c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c < 'A' || c > 'Z') return 0;
    country = static_cast<uint16_t>(country << 8 | static_cast<uint8_t>(c));
  }
  return country;
}

// Reads one open file into `db`. Every step is counted against a budget that no honest file comes near.
class GeoLoader {
 public:
  GeoLoader(MMDB_s* mmdb, GeoDatabase* db)
      : mmdb_(mmdb),
        db_(db),
        data_(reinterpret_cast<const char*>(mmdb->data_section), mmdb->data_section_size),
        checker_(data_, 8 * uint64_t{mmdb->data_section_size} + 4096) {}

  absl::Status Load();

 private:
  struct Visit {
    uint64_t record = 0;
    GeoDatabase::V6Start prefix;  // of an IPv4-only tree: the address in the upper half of `low`'s lower half
    int depth = 0;
  };

  absl::StatusOr<GeoInfo> InfoAtRecord(uint64_t record);
  absl::StatusOr<GeoInfo> DecodeRecord(uint32_t offset);
  absl::StatusOr<std::optional<MMDB_entry_data_s>> Member(uint32_t map_offset, const char* key);
  absl::StatusOr<uint16_t> CountryIn(uint32_t record_offset, const char* key);
  uint64_t FindV4Node() const;
  void Emit(const GeoDatabase::V6Start& prefix, int depth, const GeoInfo& info);

  MMDB_s* mmdb_;
  GeoDatabase* db_;
  std::string_view data_;
  MmdbChecker checker_;
  absl::flat_hash_map<uint32_t, GeoInfo> decoded_;
};

// The member `key` of the map at `map_offset`, which has been checked; a pointer is followed. Nullopt: no such member, or
// not a map.
absl::StatusOr<std::optional<MMDB_entry_data_s>> GeoLoader::Member(uint32_t map_offset, const char* key) {
  MMDB_entry_s entry{mmdb_, map_offset};
  MMDB_entry_data_s data;
  const int result = MMDB_get_value(&entry, &data, key, nullptr);
  if (result == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR) return std::optional<MMDB_entry_data_s>();
  if (result != MMDB_SUCCESS) return absl::DataLossError(MMDB_strerror(result));
  if (!data.has_data) return std::optional<MMDB_entry_data_s>();
  return std::optional<MMDB_entry_data_s>(data);
}

// The country under `key`: text itself, or a map with an "iso_code". 0: none.
absl::StatusOr<uint16_t> GeoLoader::CountryIn(uint32_t record_offset, const char* key) {
  auto value = Member(record_offset, key);
  if (!value.ok()) return value.status();
  if (*value && (*value)->type == MMDB_DATA_TYPE_MAP) {
    // It may be shared, and lie outside the record that was checked.
    const uint32_t inner = (*value)->offset;
    if (absl::Status s = checker_.Check(inner, /*follow=*/false); !s.ok()) return s;
    value = Member(inner, "iso_code");
    if (!value.ok()) return value.status();
  }
  if (!*value || (*value)->type != MMDB_DATA_TYPE_UTF8_STRING) return uint16_t{0};
  return ParseCountry({(*value)->utf8_string, (*value)->data_size});
}

namespace {

// 15169 from 15169, "AS15169" or "15169"; 0 from anything else.
uint32_t AsNumber(const MMDB_entry_data_s& value) {
  if (value.type == MMDB_DATA_TYPE_UINT16) return value.uint16;
  if (value.type == MMDB_DATA_TYPE_UINT32) return value.uint32;
  if (value.type == MMDB_DATA_TYPE_UINT64) return value.uint64 <= UINT32_MAX ? static_cast<uint32_t>(value.uint64) : 0;
  if (value.type != MMDB_DATA_TYPE_UTF8_STRING) return 0;
  std::string_view text(value.utf8_string, value.data_size);
  if (text.starts_with("AS")) text.remove_prefix(2);
  uint64_t number = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
    if (number > UINT32_MAX) return 0;
  }
  return static_cast<uint32_t>(number);
}

}  // namespace

absl::StatusOr<GeoInfo> GeoLoader::DecodeRecord(uint32_t offset) {
  if (absl::Status s = checker_.Check(offset, /*follow=*/false); !s.ok()) return s;
  GeoInfo info;
  for (const char* key : {"country_code", "country", "registered_country"}) {
    auto country = CountryIn(offset, key);
    if (!country.ok()) return country.status();
    info.country = *country;
    if (info.country != 0) break;
  }
  for (const char* key : {"autonomous_system_number", "asn"}) {
    auto value = Member(offset, key);
    if (!value.ok()) return value.status();
    if (*value) info.asn = AsNumber(**value);
    if (info.asn != 0) break;
  }
  return info;
}

absl::StatusOr<GeoInfo> GeoLoader::InfoAtRecord(uint64_t record) {
  const uint64_t nodes = mmdb_->metadata.node_count;
  if (record == nodes) return GeoInfo{};
  if (record < nodes + kSeparatorBytes || record - nodes - kSeparatorBytes >= data_.size()) {
    return absl::DataLossError("its search tree leads outside the data");
  }
  const uint32_t offset = static_cast<uint32_t>(record - nodes - kSeparatorBytes);
  if (auto it = decoded_.find(offset); it != decoded_.end()) return it->second;
  absl::StatusOr<GeoInfo> info = DecodeRecord(offset);
  if (!info.ok()) return info.status();
  db_->has_country_ |= info->country != 0;
  db_->has_asn_ |= info->asn != 0;
  decoded_.emplace(offset, *info);
  return info;
}

// The node at ::/96, where the IPv4 tree begins. No node's number where the tree ends before.
uint64_t GeoLoader::FindV4Node() const {
  const uint64_t none = mmdb_->metadata.node_count;
  uint64_t record = 0;
  for (int depth = 0; depth < 96; ++depth) {
    MMDB_search_node_s node;
    if (record >= mmdb_->metadata.node_count ||
        MMDB_read_node(mmdb_, static_cast<uint32_t>(record), &node) != MMDB_SUCCESS) {
      return none;
    }
    record = node.left_record;
  }
  return std::min(record, none);
}

// Ranges arrive in the order of their addresses and leave no gap, so only a change begins a new one.
void GeoLoader::Emit(const GeoDatabase::V6Start& prefix, int depth, const GeoInfo& info) {
  const bool holds_v4 = prefix.high == 0 && prefix.low >> 32 == 0;  // depth <= 96: the whole of it, which starts at 0
  if (holds_v4 && (db_->v4_infos_.empty() || !(db_->v4_infos_.back() == info))) {
    db_->v4_starts_.push_back(static_cast<uint32_t>(prefix.low));
    db_->v4_infos_.push_back(info);
  }
  if (holds_v4 && depth > 96) return;  // IPv4 is never looked up among the IPv6 ranges
  if (db_->v6_infos_.empty() || !(db_->v6_infos_.back() == info)) {
    db_->v6_starts_.push_back(prefix);
    db_->v6_infos_.push_back(info);
  }
}

absl::Status GeoLoader::Load() {
  const bool v6 = mmdb_->metadata.ip_version == 6;
  if (!v6 && mmdb_->metadata.ip_version != 4) return absl::DataLossError("neither an IPv4 nor an IPv6 tree");
  const uint64_t nodes = mmdb_->metadata.node_count;
  const uint64_t v4_node = v6 ? FindV4Node() : nodes;
  // A tree visits each node once. Only the known second ways into the IPv4 tree are cut off below.
  uint64_t visits_left = 2 * nodes + 1024;
  if (v6) {
    db_->v6_starts_.push_back({});
    db_->v6_infos_.push_back({});
  }

  // Depth first, left first. An IPv4-only tree hangs at ::/96.
  std::vector<Visit> stack = {{0, {}, v6 ? 0 : 96}};
  while (!stack.empty()) {
    const Visit visit = stack.back();
    stack.pop_back();
    const bool is_node = visit.record < nodes;
    const bool at_v4_root = visit.depth == 96 && visit.prefix == GeoDatabase::V6Start{};
    if (is_node && visit.record == v4_node && !at_v4_root) {
      Emit(visit.prefix, visit.depth, {});  // ::ffff:0:0/96, 2002::/16 or 2001::/32 as a second way to IPv4
      continue;
    }
    if (!is_node) {
      absl::StatusOr<GeoInfo> info = InfoAtRecord(visit.record);
      if (!info.ok()) return info.status();
      Emit(visit.prefix, visit.depth, *info);
      continue;
    }
    MMDB_search_node_s node;
    if (visit.depth == 128 || visits_left-- == 0 ||
        MMDB_read_node(mmdb_, static_cast<uint32_t>(visit.record), &node) != MMDB_SUCCESS) {
      return absl::DataLossError("its search tree is not a tree");
    }
    Visit right{node.right_record, visit.prefix, visit.depth + 1};
    uint64_t& half = visit.depth < 64 ? right.prefix.high : right.prefix.low;
    half |= uint64_t{1} << (63 - visit.depth % 64);
    stack.push_back(right);
    stack.push_back({node.left_record, visit.prefix, visit.depth + 1});
  }
  if (!db_->has_country_ && !db_->has_asn_) return absl::DataLossError("no record names a country or an AS number");
  db_->BuildBuckets();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<GeoDatabase>> GeoDatabase::Open(const std::string& path) {
  absl::StatusOr<std::string> content = ReadWhole(path);
  if (!content.ok()) return content.status();
  if (absl::Status s = CheckMetadata(path, *content); !s.ok()) return s;

  MMDB_s mmdb;
  if (const int result = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &mmdb); result != MMDB_SUCCESS) {
    return Refuse(path, MMDB_strerror(result));
  }
  std::unique_ptr<GeoDatabase> db(new GeoDatabase);
  const absl::Status loaded = GeoLoader(&mmdb, db.get()).Load();
  db->version_ = absl::StrCat(Printable(mmdb.metadata.database_type), "-", mmdb.metadata.build_epoch, "-",
                              PinnedHash128(*content).ToHex());
  MMDB_close(&mmdb);
  if (!loaded.ok()) return Refuse(path, std::string(loaded.message()));
  return db;
}

void GeoDatabase::BuildBuckets() {
  v4_buckets_.resize(65'537);
  uint32_t range = 0;
  for (uint32_t n = 0; n < 65'536; ++n) {
    while (range < v4_starts_.size() && v4_starts_[range] < n << 16) ++range;
    v4_buckets_[n] = range;
  }
  v4_buckets_[65'536] = static_cast<uint32_t>(v4_starts_.size());
}

GeoInfo GeoDatabase::LookupV4(uint32_t address) const {
  if (v4_starts_.empty()) return {};
  const uint32_t bucket = address >> 16;
  const auto after = std::upper_bound(v4_starts_.begin() + v4_buckets_[bucket],
                                      v4_starts_.begin() + v4_buckets_[bucket + 1], address);
  return v4_infos_[static_cast<size_t>(after - v4_starts_.begin()) - 1];
}

GeoInfo GeoDatabase::Lookup(const IpAddress& ip) const {
  if (ip.is_private()) return {};
  if (ip.is_v4()) return LookupV4(ip.v4());
  V6Start key;
  for (size_t i = 0; i < 8; ++i) key.high = key.high << 8 | ip.bytes()[i];
  for (size_t i = 8; i < 16; ++i) key.low = key.low << 8 | ip.bytes()[i];
  if (key.high >> 32 == 0x20010000) return {};  // Teredo, RFC 4380
  if (key.high >> 48 == 0x2002) {               // 6to4, RFC 3056
    const IpAddress inner = IpAddress::FromV4(static_cast<uint32_t>(key.high >> 16));
    return inner.is_private() ? GeoInfo{} : LookupV4(inner.v4());
  }
  if (v6_starts_.empty()) return {};
  const auto after = std::upper_bound(v6_starts_.begin(), v6_starts_.end(), key);
  return v6_infos_[static_cast<size_t>(after - v6_starts_.begin()) - 1];
}

GeoInfo GeoSet::Lookup(const IpAddress& ip) const {
  GeoInfo info;
  if (country_) info = country_->Lookup(ip);
  if (asn_) info.asn = asn_->Lookup(ip).asn;
  return info;
}

std::string GeoSet::version() const {
  if (empty()) return "none";
  if (!country_ || !asn_) return (country_ ? country_ : asn_)->version();
  return absl::StrCat(country_->version(), "+", asn_->version());
}

std::string FindGeoFile(const std::vector<std::string>& directories, std::string_view name) {
  for (const std::string& directory : directories) {
    const std::filesystem::path path = std::filesystem::path(directory) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path.string();
  }
  return "";
}

}  // namespace sekisho
