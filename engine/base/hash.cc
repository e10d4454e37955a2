// Pinned hashes over xxHash (unkeyed) and libsodium (keyed).
#include "engine/base/hash.h"

#include <sodium.h>
#include <xxhash.h>

#include <cstdio>
#include <cstring>

namespace sekisho {

std::string Hash128::ToHex() const {
  char buf[33];
  std::snprintf(buf, sizeof buf, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return buf;
}

uint64_t PinnedHash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 PinnedHash128(std::string_view bytes, uint64_t seed) {
  const XXH128_hash_t h = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return Hash128{h.high64, h.low64};
}

HashKey HashKey::FromPassphrase(std::string_view passphrase) {
  HashKey key;
  static_assert(sizeof key.bytes == crypto_shorthash_KEYBYTES);
  crypto_generichash(key.bytes.data(), key.bytes.size(), reinterpret_cast<const unsigned char*>(passphrase.data()),
                     passphrase.size(), nullptr, 0);
  return key;
}

uint64_t KeyedHash64(const HashKey& key, std::string_view bytes) {
  unsigned char out[crypto_shorthash_BYTES];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), key.bytes.data());
  uint64_t v = 0;
  for (int i = 7; i >= 0; --i) v = v << 8 | out[i];  // little-endian on every machine
  return v;
}

}  // namespace sekisho
