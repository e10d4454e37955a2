// Internet addresses as values: 16 bytes, IPv4 kept as ::ffff:a.b.c.d, so that both spellings of one address are equal.
#ifndef SEKISHO_ENGINE_BASE_IP_H_
#define SEKISHO_ENGINE_BASE_IP_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sekisho {

class IpAddress {
 public:
  // The unspecified address "::" ("no address").
  constexpr IpAddress() = default;

  // Accepts dotted IPv4, IPv6, and "IPv6:" before either (as MTAs print). Nothing else: no brackets, no port, no scope
  // id, no leading zeros in dotted parts, no surrounding space.
  static std::optional<IpAddress> Parse(std::string_view text);
  static IpAddress FromV4(uint32_t host_order);
  static IpAddress FromBytes(const std::array<uint8_t, 16>& bytes) {
    IpAddress ip;
    ip.bytes_ = bytes;
    return ip;
  }

  bool unspecified() const { return *this == IpAddress(); }
  bool is_v4() const;
  // Only for is_v4().
  uint32_t v4() const;
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }

  // Loopback, link-local, private (RFC 1918, RFC 4193), shared (RFC 6598), unspecified: such an address says nothing
  // of where somebody is.
  bool is_private() const;

  // What counts as one source: an IPv4 address, or an IPv6 /64 (a home gets one; privacy addresses move within it).
  // Never 0.
  uint64_t source_key() const;
  // What counts as one network: an IPv4 /24, an IPv6 /48. Never 0.
  uint64_t network_key() const;
  // A wider neighbourhood, for use where no ASN is known: an IPv4 /16, an IPv6 /32. Never 0.
  uint64_t region_key() const;

  // The first address of the network of so many bits that this one is in: of the 16 bytes, so an IPv4 /24 is 120.
  // `bits` in [0, 128].
  IpAddress Masked(int bits) const;

  // Canonical text: dotted for IPv4, RFC 5952 for IPv6.
  std::string ToString() const;

  auto operator<=>(const IpAddress&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& v) {
    return H::combine(std::move(h), v.bytes_);
  }

 private:
  std::array<uint8_t, 16> bytes_{};
};

// A network in CIDR notation, e.g. "192.0.2.0/24", "2001:db8::/32", or a single address.
class IpNetwork {
 public:
  static std::optional<IpNetwork> Parse(std::string_view text);
  // `prefix_bits` as in the notation: [0, 32] for an IPv4 address, [0, 128] for an IPv6 one; nullopt for others.
  static std::optional<IpNetwork> Of(const IpAddress& address, int prefix_bits);
  bool Contains(const IpAddress& ip) const;

  IpAddress first() const { return base_.Masked(bits_); }
  // As in the notation.
  int prefix_bits() const { return first().is_v4() && bits_ >= 96 ? bits_ - 96 : bits_; }
  std::string ToString() const { return first().ToString() + "/" + std::to_string(prefix_bits()); }

 private:
  IpAddress base_;
  int bits_ = 128;  // of the 16-byte form
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_IP_H_
