// Searching from the end, for parsers that trust the last occurrence only.
#ifndef SEKISHO_CONNECTORS_COMMON_TEXT_H_
#define SEKISHO_CONNECTORS_COMMON_TEXT_H_

#include <cstddef>
#include <cstring>
#include <string_view>

namespace sekisho::connectors {

// Where the last `needle` (not empty) begins in `text`; npos where there is none. The same as text.rfind(needle), which
// compares at every byte; this one jumps from one occurrence of the needle's first byte to the next.
inline size_t FindLast(std::string_view text, std::string_view needle) {
  if (text.size() < needle.size()) return std::string_view::npos;
  size_t candidates = text.size() - needle.size() + 1;
  while (candidates > 0) {
    const void* const hit = memrchr(text.data(), needle.front(), candidates);
    if (hit == nullptr) break;
    const size_t at = static_cast<size_t>(static_cast<const char*>(hit) - text.data());
    if (std::memcmp(hit, needle.data(), needle.size()) == 0) return at;
    candidates = at;
  }
  return std::string_view::npos;
}

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_TEXT_H_
