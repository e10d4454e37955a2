#include "engine/wire/address.h"

#include <array>
#include <cstdint>

namespace sekisho::wire {

std::optional<IpAddress> AddressFromBytes(const std::string& bytes) {
  if (bytes.empty()) return IpAddress();
  if (bytes.size() == 4) {
    uint32_t v4 = 0;
    for (const char c : bytes) v4 = v4 << 8 | static_cast<uint8_t>(c);
    return IpAddress::FromV4(v4);
  }
  if (bytes.size() != 16) return std::nullopt;
  std::array<uint8_t, 16> all;
  for (size_t i = 0; i < 16; ++i) all[i] = static_cast<uint8_t>(bytes[i]);
  return IpAddress::FromBytes(all);
}

std::string BytesOf(const IpAddress& ip) {
  if (ip.unspecified()) return "";
  const auto& b = ip.bytes();
  return {b.begin() + (ip.is_v4() ? 12 : 0), b.end()};
}

}  // namespace sekisho::wire
