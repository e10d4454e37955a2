// Writes JSON text as it comes, without a tree: objects and arrays are opened and closed by the caller, commas come by
// themselves. The same calls always give the same bytes. Strings may hold anything, see AppendJsonString.
#ifndef SEKISHO_ENGINE_APP_JSON_WRITER_H_
#define SEKISHO_ENGINE_APP_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/common/json.h"

namespace sekisho::app {

// Appends to `out`, which outlives it. Thread-compatible.
class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) : out_(out) {}

  // The outermost object.
  void Begin() { *out_ += '{'; }
  void End() { *out_ += '}'; }

  // Members of the object that is open. Keys are ours, never a stranger's.
  void Text(std::string_view key, std::string_view value) {
    Key(key);
    connectors::AppendJsonString(value, out_);
  }
  void Number(std::string_view key, int64_t value) {
    Key(key);
    *out_ += std::to_string(value);
  }
  void Bool(std::string_view key, bool value) {
    Key(key);
    *out_ += value ? "true" : "false";
  }
  void Null(std::string_view key) {
    Key(key);
    *out_ += "null";
  }
  void BeginObject(std::string_view key) {
    Key(key);
    *out_ += '{';
  }
  void BeginArray(std::string_view key) {
    Key(key);
    *out_ += '[';
  }
  void EndObject() { *out_ += '}'; }
  void EndArray() { *out_ += ']'; }

  // Elements of the array that is open.
  void BeginObject() {
    Comma();
    *out_ += '{';
  }
  void Text(std::string_view value) {
    Comma();
    connectors::AppendJsonString(value, out_);
  }

 private:
  // A string ends in a quote, so an opening bracket at the end is one of ours.
  void Comma() {
    if (out_->back() != '{' && out_->back() != '[') *out_ += ',';
  }
  void Key(std::string_view key) {
    Comma();
    *out_ += '"';
    *out_ += key;
    *out_ += "\":";
  }

  std::string* const out_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_JSON_WRITER_H_
