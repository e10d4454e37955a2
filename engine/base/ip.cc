// Parsing by hand for IPv4 (the hot path of every log line), by inet_pton for IPv6.
#include "engine/base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "engine/base/hash.h"

namespace sekisho {
namespace {

constexpr uint8_t kV4Prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ParseV4(std::string_view s, uint32_t* out) {
  uint32_t value = 0;
  size_t i = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (i >= s.size() || s[i] != '.') return false;
      ++i;
    }
    const size_t start = i;
    uint32_t octet = 0;
    while (i < s.size() && s[i] >= '0' && s[i] <= '9' && i - start < 3) octet = octet * 10 + (s[i++] - '0');
    if (i == start || octet > 255 || (i - start > 1 && s[start] == '0')) return false;
    value = value << 8 | octet;
  }
  *out = value;
  return i == s.size();
}

uint64_t NonZero(uint64_t h) { return h == 0 ? 1 : h; }

}  // namespace

IpAddress IpAddress::FromV4(uint32_t v) {
  IpAddress ip;
  std::memcpy(ip.bytes_.data(), kV4Prefix, 12);
  for (int i = 0; i < 4; ++i) ip.bytes_[12 + i] = static_cast<uint8_t>(v >> (24 - 8 * i));
  return ip;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  uint32_t v4;
  if (ParseV4(text, &v4)) return FromV4(v4);
  if (text.size() > 5 && (text[0] == 'I' || text[0] == 'i') && (text[1] == 'P' || text[1] == 'p') &&
      (text[2] == 'v' || text[2] == 'V') && text[3] == '6' && text[4] == ':') {
    text.remove_prefix(5);
  }
  char buf[INET6_ADDRSTRLEN];
  if (text.size() < 2 || text.size() >= sizeof buf) return std::nullopt;
  std::memcpy(buf, text.data(), text.size());
  buf[text.size()] = '\0';
  if (std::strlen(buf) != text.size()) return std::nullopt;  // an embedded NUL
  IpAddress ip;
  if (inet_pton(AF_INET6, buf, ip.bytes_.data()) != 1) return std::nullopt;
  return ip;
}

bool IpAddress::is_v4() const { return std::memcmp(bytes_.data(), kV4Prefix, 12) == 0; }

uint32_t IpAddress::v4() const {
  return uint32_t{bytes_[12]} << 24 | uint32_t{bytes_[13]} << 16 | uint32_t{bytes_[14]} << 8 | bytes_[15];
}

bool IpAddress::is_private() const {
  if (is_v4()) {
    const uint32_t v = v4();
    return v >> 24 == 10 || v >> 24 == 127 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8 || v >> 16 == 0xa9fe ||
           v >> 22 == (0x64400000u >> 22) || v >> 24 == 0;
  }
  if ((bytes_[0] & 0xfe) == 0xfc) return true;                          // fc00::/7
  if (bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80) return true;     // fe80::/10
  for (int i = 0; i < 15; ++i) {
    if (bytes_[i] != 0) return false;
  }
  return bytes_[15] <= 1;  // :: and ::1
}

uint64_t IpAddress::source_key() const {
  if (is_v4()) return NonZero(PinnedMix64(v4()));
  return NonZero(PinnedHash64({reinterpret_cast<const char*>(bytes_.data()), 8}));
}

uint64_t IpAddress::network_key() const {
  if (is_v4()) return NonZero(PinnedMix64((uint64_t{1} << 40) | v4() >> 8));
  return NonZero(PinnedHash64({reinterpret_cast<const char*>(bytes_.data()), 6}));
}

uint64_t IpAddress::region_key() const {
  if (is_v4()) return NonZero(PinnedMix64((uint64_t{2} << 40) | v4() >> 16));
  return NonZero(PinnedHash64({reinterpret_cast<const char*>(bytes_.data()), 4}));
}

std::string IpAddress::ToString() const {
  char buf[INET6_ADDRSTRLEN];
  if (is_v4()) {
    inet_ntop(AF_INET, bytes_.data() + 12, buf, sizeof buf);
  } else {
    inet_ntop(AF_INET6, bytes_.data(), buf, sizeof buf);
  }
  return buf;
}

IpAddress IpAddress::Masked(int bits) const {
  IpAddress masked = *this;
  for (int i = 0; i < 16; ++i) {
    const int kept = std::clamp(bits - 8 * i, 0, 8);
    masked.bytes_[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> kept);
  }
  return masked;
}

std::optional<IpNetwork> IpNetwork::Of(const IpAddress& address, int prefix_bits) {
  if (prefix_bits < 0 || prefix_bits > (address.is_v4() ? 32 : 128)) return std::nullopt;
  IpNetwork net;
  net.base_ = address;
  net.bits_ = address.is_v4() ? prefix_bits + 96 : prefix_bits;
  return net;
}

std::optional<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto ip = IpAddress::Parse(text.substr(0, slash));
  if (!ip) return std::nullopt;
  IpNetwork net;
  net.base_ = *ip;
  if (slash == std::string_view::npos) return net;
  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3) return std::nullopt;
  int bits = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    bits = bits * 10 + (c - '0');
  }
  const int limit = ip->is_v4() && text.substr(0, slash).find(':') == std::string_view::npos ? 32 : 128;
  if (bits > limit) return std::nullopt;
  net.bits_ = limit == 32 ? bits + 96 : bits;
  return net;
}

bool IpNetwork::Contains(const IpAddress& ip) const {
  const int whole = bits_ / 8;
  if (std::memcmp(ip.bytes().data(), base_.bytes().data(), whole) != 0) return false;
  if (bits_ % 8 == 0) return true;
  const int shift = 8 - bits_ % 8;
  return ip.bytes()[whole] >> shift == base_.bytes()[whole] >> shift;
}

}  // namespace sekisho
