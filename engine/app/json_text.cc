#include "engine/app/json_text.h"

#include <cstdint>

#include "engine/app/utf8.h"

namespace sekisho::app {
namespace {

void AppendEscape(uint32_t code, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  *out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) *out += kDigits[code >> shift & 15];
}

bool Plain(char c) {
  const uint8_t byte = static_cast<uint8_t>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && Plain(text[plain])) ++plain;
    *out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Utf8Char c = FirstUtf8Char(text);
    if (c.bytes == 0) {
      AppendEscape(0xef00 + static_cast<uint8_t>(text[0]), out);
    } else if (c.code == '"' || c.code == '\\') {
      *out += '\\';
      *out += text[0];
    } else if (c.code < 0x20 || (c.code >= 0x7f && c.code < 0xa0) || c.code == 0x2028 || c.code == 0x2029) {
      AppendEscape(c.code, out);
    } else {
      *out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes == 0 ? 1 : c.bytes);
  }
  *out += '"';
}

}  // namespace sekisho::app
