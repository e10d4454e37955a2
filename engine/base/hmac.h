// HMAC-SHA-256 (RFC 2104, FIPS 180-4) over libsodium: who holds the key wrote this.
#ifndef SEKISHO_ENGINE_BASE_HMAC_H_
#define SEKISHO_ENGINE_BASE_HMAC_H_

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sekisho {

inline constexpr size_t kHmacBytes = 32;

// Of the parts one after the other, as if they were one text. A key may have any length; less than 32 bytes is weak.
std::string HmacSha256(std::string_view key, std::initializer_list<std::string_view> parts);

// Whether two texts are equal, in a time that depends on their lengths only: how far a guess was right stays untold.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_HMAC_H_
