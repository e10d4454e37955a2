// One JSON line at a time, by simdjson.
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
  std::optional<simdjson::dom::object> Parse(std::string_view line) {
    // simdjson reads past the end of its input, so the line is copied to where it may be read past.
    padded_.assign(line);
    padded_.append(simdjson::SIMDJSON_PADDING, '\0');
    simdjson::dom::object object;
    if (parser_.parse(padded_.data(), line.size(), false).get(object) != simdjson::SUCCESS) return std::nullopt;
    return object;
  }

  // The string member `key`, empty where it is missing or something else. Of members of one name, the first.
  static std::string_view Text(const simdjson::dom::object& object, std::string_view key) {
    std::string_view text;
    return object[key].get(text) == simdjson::SUCCESS ? text : std::string_view();
  }

 private:
  simdjson::dom::parser parser_;
  std::string padded_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_JSON_H_
