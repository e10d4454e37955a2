// 128-bit hashes as they go over the wire: 16 bytes, high word first.
#ifndef SEKISHO_ENGINE_WIRE_BYTES_OF_HASH_H_
#define SEKISHO_ENGINE_WIRE_BYTES_OF_HASH_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/hash.h"

namespace sekisho::wire {

constexpr size_t kHashBytes = 16;

inline std::string BytesOf(const Hash128& hash) {
  std::string out;
  for (const uint64_t word : {hash.high, hash.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(word >> shift & 0xff));
  }
  return out;
}

// Of exactly kHashBytes.
inline Hash128 HashFromBytes(std::string_view bytes) {
  Hash128 hash;
  for (size_t i = 0; i < 8; ++i) hash.high = hash.high << 8 | static_cast<uint8_t>(bytes[i]);
  for (size_t i = 8; i < 16; ++i) hash.low = hash.low << 8 | static_cast<uint8_t>(bytes[i]);
  return hash;
}

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_BYTES_OF_HASH_H_
