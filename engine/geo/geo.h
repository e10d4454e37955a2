// Where an address is: country and AS number, from MMDB files (the format MaxMind published; free files of others use
// it too). The only home of libmaxminddb.
//
// A file is read once, at Open: the whole tree is walked, every record it reaches is checked and decoded, and what
// remains is a flat, sorted table of ranges. So a look-up is a short binary search in memory, the file may be replaced
// or truncated at any time afterwards, and a hostile file can do its worst only at Open, where every step is counted.
//
// Layouts understood. Country: "country_code" or "country" as text, "country.iso_code", and "registered_country.iso_code"
// where the former are missing. AS number: "autonomous_system_number" or "asn", as a number or as text with "AS" before
// it. Latitude, city and names are not kept: no detector here wants them.
#ifndef SEKISHO_ENGINE_GEO_GEO_H_
#define SEKISHO_ENGINE_GEO_GEO_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/ip.h"

namespace sekisho {

struct GeoInfo {
  uint16_t country = 0;  // two ASCII capitals, high byte first ("JP" = 0x4a50); 0 unknown
  uint32_t asn = 0;      // 0 unknown
  bool operator==(const GeoInfo&) const = default;
};

// "JP" for 0x4a50, "" for 0.
std::string CountryName(uint16_t country);
// 0 unless `text` is two ASCII letters; small letters become capitals.
uint16_t ParseCountry(std::string_view text);

// Larger files are refused. The largest published one (cities of the world) is a tenth of this.
inline constexpr size_t kGeoFileBytesMax = size_t{1} << 30;

// Immutable once open; thread-safe.
class GeoDatabase {
 public:
  // NotFound: no such file. InvalidArgument: a directory, too large, not an MMDB file, damaged, or without a country and
  // an AS number in any record. The message names the file, what is wrong and what to do.
  static absl::StatusOr<std::unique_ptr<GeoDatabase>> Open(const std::string& path);

  // What the file says of the most specific network around `ip`. Unknown: private addresses, Teredo (it names a relay,
  // not a place), and whatever the file doesn't know. An address of 6to4 is looked up as the IPv4 address in it.
  GeoInfo Lookup(const IpAddress& ip) const;

  // Names this very content: "<type>-<build time, seconds since 1970>-<32 hex digits, hash of the file>". Two runs with
  // equal versions place every address equally, so it is an input of a run.
  const std::string& version() const { return version_; }

  bool has_country() const { return has_country_; }
  bool has_asn() const { return has_asn_; }
  size_t ranges() const { return v4_starts_.size() + v6_starts_.size(); }

 private:
  friend class GeoLoader;
  GeoDatabase() = default;
  GeoInfo LookupV4(uint32_t address) const;
  void BuildBuckets();

  struct V6Start {
    uint64_t high = 0, low = 0;
    auto operator<=>(const V6Start&) const = default;
  };

  // Range i is [starts[i], starts[i + 1]), the last one ends with the address space; starts[0] is 0.
  std::vector<uint32_t> v4_starts_;
  std::vector<GeoInfo> v4_infos_;
  std::vector<V6Start> v6_starts_;
  std::vector<GeoInfo> v6_infos_;
  // v4_buckets_[n] is the first range that starts at or after n << 16; 65,537 entries.
  std::vector<uint32_t> v4_buckets_;
  bool has_country_ = false;
  bool has_asn_ = false;
  std::string version_;
};

// A country file, an AS file, both, or neither: without any, every place is unknown, which the caller must tell its user.
class GeoSet {
 public:
  GeoSet() = default;
  GeoSet(std::unique_ptr<GeoDatabase> country, std::unique_ptr<GeoDatabase> asn)
      : country_(std::move(country)), asn_(std::move(asn)) {}

  // The country from the country file; the AS number from the AS file, else from the country file if it has one.
  GeoInfo Lookup(const IpAddress& ip) const;
  // "none", or the versions of the files, joined by "+".
  std::string version() const;
  bool empty() const { return country_ == nullptr && asn_ == nullptr; }

 private:
  std::unique_ptr<GeoDatabase> country_;
  std::unique_ptr<GeoDatabase> asn_;
};

// The first of `directories` that holds a regular file `name`, as a path to that file; "" if none does. For the database
// that comes with the program: "country.mmdb" beside the build tree or in the installed share directory.
std::string FindGeoFile(const std::vector<std::string>& directories, std::string_view name);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_GEO_GEO_H_
