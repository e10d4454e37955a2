// simdjson reads past the end of its input, so lines are copied to where they may be read past.
#include "connectors/common/json.h"

#include <cstdint>

namespace sekisho::connectors {
namespace {

uint8_t ByteAt(std::string_view s, size_t i) { return static_cast<uint8_t>(s[i]); }

// U+EF80 to U+EFFF stand for the bytes 0x80 to 0xff.
bool IsStandIn(std::string_view s) {
  return s.size() >= 3 && ByteAt(s, 0) == 0xee && (ByteAt(s, 1) & 0xfe) == 0xbe && (ByteAt(s, 2) & 0xc0) == 0x80;
}

// Bytes of the valid UTF-8 character of two bytes or more that `s` begins with; 0 where there is none.
size_t WideCharBytes(std::string_view s) {
  const uint8_t lead = ByteAt(s, 0);
  // The second byte's range keeps out overlong forms, surrogates, and what is beyond U+10FFFF (RFC 3629, section 4).
  uint8_t low = 0x80, high = 0xbf;
  size_t bytes;
  if (lead >= 0xc2 && lead <= 0xdf) {
    bytes = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    bytes = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    bytes = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (s.size() < bytes || ByteAt(s, 1) < low || ByteAt(s, 1) > high) return 0;
  for (size_t i = 2; i < bytes; ++i) {
    if ((ByteAt(s, i) & 0xc0) != 0x80) return 0;
  }
  return bytes;
}

void AppendStandIn(uint8_t byte, std::string* out) {
  out->push_back('\xee');
  out->push_back(static_cast<char>(byte < 0xc0 ? 0xbe : 0xbf));
  out->push_back(static_cast<char>(byte < 0xc0 ? byte : byte - 0x40));
}

}  // namespace

std::optional<simdjson::dom::object> JsonReader::Parse(std::string_view line) {
  padded_.assign(line);
  padded_.append(simdjson::SIMDJSON_PADDING, '\0');
  simdjson::dom::object object;
  if (parser_.parse(padded_.data(), line.size(), false).get(object) != simdjson::SUCCESS) return std::nullopt;
  return object;
}

std::string_view JsonReader::Text(const simdjson::dom::object& object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

void AppendJsonString(std::string_view text, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out->push_back('"');
  for (size_t i = 0; i < text.size();) {
    const uint8_t byte = ByteAt(text, i);
    if (byte >= 0x20 && byte < 0x7f) {
      if (byte == '"' || byte == '\\') out->push_back('\\');
      out->push_back(static_cast<char>(byte));
      ++i;
    } else if (byte < 0x80) {
      out->append("\\u00").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
      ++i;
    } else {
      const size_t bytes = WideCharBytes(text.substr(i));
      if (bytes == 0 || IsStandIn(text.substr(i))) {
        AppendStandIn(byte, out);
        ++i;
      } else {
        out->append(text.substr(i, bytes));
        i += bytes;
      }
    }
  }
  out->push_back('"');
}

std::string_view RawBytes(std::string_view text, std::string* buffer) {
  size_t i = text.find('\xee');
  while (i != std::string_view::npos && !IsStandIn(text.substr(i))) i = text.find('\xee', i + 1);
  if (i == std::string_view::npos) return text;
  buffer->assign(text.substr(0, i));
  while (i < text.size()) {
    if (IsStandIn(text.substr(i))) {
      buffer->push_back(static_cast<char>(ByteAt(text, i + 2) + (ByteAt(text, i + 1) == 0xbf ? 0x40 : 0)));
      i += 3;
    } else {
      buffer->push_back(text[i++]);
    }
  }
  return *buffer;
}

}  // namespace sekisho::connectors
