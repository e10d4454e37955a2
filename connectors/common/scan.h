// Small steps for reading a line from left to right. Each takes what it found off the front of `*s`.
#ifndef SEKISHO_CONNECTORS_COMMON_SCAN_H_
#define SEKISHO_CONNECTORS_COMMON_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sekisho::connectors {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlnum(char c) { return IsDigit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Takes `prefix`; false, and `*s` as it was, where it doesn't stand there.
inline bool Consume(std::string_view* s, std::string_view prefix) {
  if (!s->starts_with(prefix)) return false;
  s->remove_prefix(prefix.size());
  return true;
}

// Takes all up to and including the first `mark`, and returns what was before it; nullopt, and `*s` as it was, where
// there is none.
inline std::optional<std::string_view> TakeUntil(std::string_view* s, std::string_view mark) {
  const size_t at = s->find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = s->substr(0, at);
  s->remove_prefix(at + mark.size());
  return taken;
}

// Takes a decimal number, 0 where there is no digit; one that doesn't fit gives the largest value.
inline uint64_t TakeNumber(std::string_view* s) {
  uint64_t v = 0;
  size_t i = 0;
  for (; i < s->size() && IsDigit((*s)[i]); ++i) {
    const uint64_t digit = static_cast<uint64_t>((*s)[i] - '0');
    v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
  }
  s->remove_prefix(i);
  return v;
}

// The bytes of the quoted string that `s` begins with, with both quotes (a backslash takes the next byte with it); all
// of `s` where it isn't closed; 0 where `s` begins with no quote.
inline size_t QuotedBytes(std::string_view s) {
  if (s.empty() || s[0] != '"') return 0;
  for (size_t i = 1; i < s.size(); ++i) {
    if (s[i] == '\\') {
      ++i;
    } else if (s[i] == '"') {
      return i + 1;
    }
  }
  return s.size();
}

// Takes an envelope address, whose '<' was taken, and its '>': a quoted local part may hold a '>' of its own.
inline std::optional<std::string_view> TakeBracketed(std::string_view* s) {
  const size_t close = s->find('>', QuotedBytes(*s));
  if (close == std::string_view::npos) return std::nullopt;
  const std::string_view address = s->substr(0, close);
  s->remove_prefix(close + 1);
  return address;
}

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_SCAN_H_
