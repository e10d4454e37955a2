// JSON lines: reading by simdjson, and strings that survive whatever bytes they hold.
#ifndef SEKISHO_CONNECTORS_COMMON_JSON_H_
#define SEKISHO_CONNECTORS_COMMON_JSON_H_

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

namespace sekisho::connectors {

// Thread-compatible. Memory grows to that of the longest line.
class JsonReader {
 public:
  // The object that `line` is (its values are valid until the next call), or nullopt: no JSON, no UTF-8, no object, or
  // more than 1,024 levels deep.
  std::optional<simdjson::dom::object> Parse(std::string_view line);

  // The string member `key`, empty where it is missing or something else. Of members of one name, the first.
  static std::string_view Text(const simdjson::dom::object& object, std::string_view key);

 private:
  simdjson::dom::parser parser_;
  std::string padded_;
};

// Appends `text` in quotes as a JSON string, valid whatever `text` is. A byte that is no part of valid UTF-8 becomes the
// private-use character U+EF00 + byte; so do the bytes of a character from U+EF80 to U+EFFF itself. Therefore two texts
// never look alike, and RawBytes() gives back the very bytes.
void AppendJsonString(std::string_view text, std::string* out);

// Undoes that substitution in a string read from JSON. Returns `text`, or a view into `buffer` where anything was
// substituted.
std::string_view RawBytes(std::string_view text, std::string* buffer);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_JSON_H_
