// Pinned hashes. What is stored, published or compared between machines is hashed here and nowhere else: abseil's and
// the standard library's hashes are seeded per process.
#ifndef SEKISHO_ENGINE_BASE_HASH_H_
#define SEKISHO_ENGINE_BASE_HASH_H_

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sekisho {

struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Hash128& v) {
    return H::combine(std::move(h), v.low);  // already uniform
  }
  // 32 lower-case hex digits, high word first.
  std::string ToHex() const;
};

// XXH3, 64 and 128 bits, whose results its specification fixes since 0.8.0. Not for secrets.
uint64_t PinnedHash64(std::string_view bytes, uint64_t seed = 0);
Hash128 PinnedHash128(std::string_view bytes, uint64_t seed = 0);

// One round that spreads the bits of an integer (the finaliser of SplitMix64). Pinned. A bijection.
constexpr uint64_t PinnedMix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// SipHash-2-4 under a 128-bit key: for recipient addresses and threshold jitter, so that nobody without the key can
// tell whom a hash stands for, or foresee a threshold.
struct HashKey {
  std::array<uint8_t, 16> bytes{};
  // The first 16 bytes of BLAKE2b of the passphrase.
  static HashKey FromPassphrase(std::string_view passphrase);
};
uint64_t KeyedHash64(const HashKey& key, std::string_view bytes);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_HASH_H_
