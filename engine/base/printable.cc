#include "engine/base/printable.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/utf8.h"

namespace sekisho {
namespace {

// C0 and C1 controls, line and paragraph separators, and the marks that reorder text (Unicode Bidirectional Algorithm).
bool Unprintable(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

void AppendHex(std::string* out, std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    *out += "\\x";
    *out += kDigits[static_cast<uint8_t>(c) >> 4];
    *out += kDigits[static_cast<uint8_t>(c) & 15];
  }
}

}  // namespace

std::string Printable(std::string_view text, size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= bytes_max) return out + "…";
    const Utf8Char c = FirstUtf8Char(text);
    const size_t bytes = std::max<size_t>(c.bytes, 1);
    if (c.bytes == 0 || Unprintable(c.code)) {
      AppendHex(&out, text.substr(0, bytes));
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace sekisho
