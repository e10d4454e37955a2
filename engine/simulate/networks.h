// The internet as far as the simulation needs it: for some sixty countries a few well-known address blocks of
// each country's carriers and hosters, taken from public routing data, so that a real country database sees
// what is meant. Owners and thieves draw from the same blocks: an address alone never says which of the two
// used it.
#ifndef SEKISHO_ENGINE_SIMULATE_NETWORKS_H_
#define SEKISHO_ENGINE_SIMULATE_NETWORKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ip.h"

namespace sekisho::simulate {

enum class Role : uint8_t { kResidential, kMobile, kHosting };

// A country by its place in the table.
using CountryIndex = int;

struct CountryRow {
  const char* code;  // ISO 3166-1 alpha-2
  int utc_offset_minutes;
};
struct NetworkRow {
  const char* country;
  Role role;
  uint32_t carrier;    // its AS number
  const char* blocks;  // CIDR, separated by spaces; IPv4 and IPv6
};
extern const CountryRow kCountryRows[];
extern const int kCountryRowCount;
extern const NetworkRow kNetworkRows[];
extern const int kNetworkRowCount;

// One block. Hosts are drawn from it by a 64-bit number.
struct Block {
  IpAddress base;
  int bits = 0;  // prefix length, of 32 for IPv4 and of 128 for IPv6
  bool v6 = false;
};

struct Carrier {
  CountryIndex country = 0;
  Role role = Role::kResidential;
  uint32_t number = 0;
  std::vector<Block> v4;  // never empty
  std::vector<Block> v6;  // may be empty
};

// Built once, then read-only and thread-safe.
class Networks {
 public:
  Networks();

  int country_count() const { return kCountryRowCount; }
  // Nothing for a country that isn't in the table.
  std::optional<CountryIndex> FindCountry(std::string_view code) const;
  std::string_view code(CountryIndex country) const { return kCountryRows[country].code; }
  int utc_offset_minutes(CountryIndex country) const { return kCountryRows[country].utc_offset_minutes; }

  // Carriers of one role in a country, by index into carrier(). A country without hosters gives its
  // residential ones.
  const std::vector<int>& carriers(CountryIndex country, Role role) const;
  const Carrier& carrier(int index) const { return carriers_[static_cast<size_t>(index)]; }
  // Countries that have hosters of their own: where VPN exits and rented servers can be.
  const std::vector<CountryIndex>& hosting_countries() const { return hosting_countries_; }

  // An IPv4 address of the carrier. `area` chooses a neighbourhood of 2^(32 - area_bits) addresses (a pool of
  // one exchange, a rack), `host` the address in it. Never ends in .0 or .255.
  IpAddress AddressV4(int carrier, uint64_t area, uint64_t host, int area_bits = 20) const;
  // A /64 of the carrier chosen by `subnet`, and in it an interface identifier chosen by `interface`. Falls
  // back on AddressV4 where the carrier has no IPv6.
  IpAddress AddressV6(int carrier, uint64_t subnet, uint64_t interface) const;

 private:
  std::vector<Carrier> carriers_;
  std::vector<std::vector<int>> by_country_role_;  // country * 3 + role
  std::vector<CountryIndex> hosting_countries_;
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_NETWORKS_H_
