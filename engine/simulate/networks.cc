#include "engine/simulate/networks.h"

#include <array>

#include "engine/base/hash.h"

namespace sekisho::simulate {
namespace {

// "192.0.2.0/24". The table is ours, so what doesn't parse is left out, and a test counts the blocks.
std::optional<Block> ParseBlock(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<IpAddress> base = IpAddress::Parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  Block block;
  block.base = *base;
  block.v6 = !base->is_v4();
  for (char c : text.substr(slash + 1)) block.bits = block.bits * 10 + (c - '0');
  return block;
}

}  // namespace

Networks::Networks() : by_country_role_(static_cast<size_t>(kCountryRowCount) * 3) {
  for (int i = 0; i < kNetworkRowCount; ++i) {
    const NetworkRow& row = kNetworkRows[i];
    const std::optional<CountryIndex> country = FindCountry(row.country);
    if (!country) continue;
    Carrier carrier{*country, row.role, row.carrier, {}, {}};
    std::string_view rest = row.blocks;
    while (!rest.empty()) {
      const size_t space = rest.find(' ');
      const std::optional<Block> block = ParseBlock(rest.substr(0, space));
      if (block) (block->v6 ? carrier.v6 : carrier.v4).push_back(*block);
      rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
    }
    if (carrier.v4.empty()) continue;  // AddressV4 must have something to give
    by_country_role_[static_cast<size_t>(*country) * 3 + static_cast<size_t>(row.role)].push_back(
        static_cast<int>(carriers_.size()));
    carriers_.push_back(std::move(carrier));
  }
  for (CountryIndex c = 0; c < kCountryRowCount; ++c) {
    const size_t first = static_cast<size_t>(c) * 3;
    if (!by_country_role_[first + static_cast<size_t>(Role::kHosting)].empty()) {
      hosting_countries_.push_back(c);
    } else {
      by_country_role_[first + static_cast<size_t>(Role::kHosting)] = by_country_role_[first];
    }
    std::vector<int>& mobile = by_country_role_[first + static_cast<size_t>(Role::kMobile)];
    if (mobile.empty()) mobile = by_country_role_[first];
  }
}

std::optional<CountryIndex> Networks::FindCountry(std::string_view code) const {
  for (CountryIndex c = 0; c < kCountryRowCount; ++c) {
    if (code == kCountryRows[c].code) return c;
  }
  return std::nullopt;
}

const std::vector<int>& Networks::carriers(CountryIndex country, Role role) const {
  return by_country_role_[static_cast<size_t>(country) * 3 + static_cast<size_t>(role)];
}

IpAddress Networks::AddressV4(int carrier_index, uint64_t area, uint64_t host, int area_bits) const {
  const std::vector<Block>& blocks = carrier(carrier_index).v4;
  const uint64_t mixed_area = PinnedMix64(area);
  const Block& block = blocks[mixed_area % blocks.size()];
  const int bits = area_bits > block.bits ? area_bits : block.bits;
  const uint32_t area_mask = bits == block.bits ? 0 : ((1u << (bits - block.bits)) - 1) << (32 - bits);
  const uint32_t host_mask = bits >= 32 ? 0 : (1u << (32 - bits)) - 1;
  uint32_t address = block.base.v4() | (static_cast<uint32_t>(mixed_area >> 16) & area_mask) |
                     (static_cast<uint32_t>(PinnedMix64(host ^ 0xa5)) & host_mask);
  if ((address & 0xff) == 0) address |= 1;
  if ((address & 0xff) == 0xff) address &= ~1u;
  return IpAddress::FromV4(address);
}

IpAddress Networks::AddressV6(int carrier_index, uint64_t subnet, uint64_t interface) const {
  const std::vector<Block>& blocks = carrier(carrier_index).v6;
  if (blocks.empty()) return AddressV4(carrier_index, subnet, interface);
  const uint64_t mixed = PinnedMix64(subnet);
  const Block& block = blocks[mixed % blocks.size()];
  std::array<uint8_t, 16> bytes = block.base.bytes();
  // Fill the bits between the block's prefix and /64 from the subnet, the last 64 from the interface.
  const uint64_t subnet_bits = PinnedMix64(mixed);
  for (int bit = block.bits; bit < 64; ++bit) {
    if (((subnet_bits >> (bit - block.bits)) & 1) == 0) continue;
    bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  }
  const uint64_t interface_bits = PinnedMix64(interface);
  for (size_t i = 0; i < 8; ++i) bytes[8 + i] = static_cast<uint8_t>(interface_bits >> (8 * i));
  return IpAddress::FromBytes(bytes);
}

}  // namespace sekisho::simulate
