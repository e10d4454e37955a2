// Fills the fields of a struct from YAML, strictly, and prints them back with their documentation: one table of fields
// serves reading, printing and checking, so that the three can't drift apart.
//
// Strict means: a key that isn't in the table, a key given twice, a value of the wrong type or out of its range is an
// error that names the file, line, column and key. A key that isn't given leaves its field as it is.
#ifndef SEKISHO_ENGINE_YAML_YAML_FIELDS_H_
#define SEKISHO_ENGINE_YAML_YAML_FIELDS_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/time.h"

namespace sekisho {

// "90s", "10m", "1h", "7d", "250ms", "0s": a whole number and one unit. nullopt for anything else.
std::optional<Span> ParseSpan(std::string_view text);
// The shortest such text; ParseSpan gives `span` back.
std::string SpanToText(Span span);

// "512KiB", "2GiB", "100": a whole number of bytes, with B, KiB, MiB, GiB or TiB behind it or nothing. nullopt for anything else.
std::optional<uint64_t> ParseSize(std::string_view text);
// The shortest such text; ParseSize gives `bytes` back.
std::string SizeToText(uint64_t bytes);

// Thread-compatible. The struct outlives the table.
class YamlFields {
 public:
  struct Choice {
    std::string_view name;
    int value = 0;
  };

  // Paths are dotted ("ladder.suspend.risk"); fields are printed in the order in which they are added. `doc` is plain
  // English, without line breaks.
  void Section(std::string path, std::string doc);
  // Inclusive ranges.
  template <typename T>
  void Integer(std::string path, T* field, int64_t min, int64_t max, std::string doc) {
    static_assert(std::numeric_limits<T>::is_integer);
    AddInteger(std::move(path), min, max, std::move(doc), [field] { return static_cast<int64_t>(*field); },
               [field](int64_t value) { *field = static_cast<T>(value); });
  }
  void Bool(std::string path, bool* field, std::string doc);
  void Duration(std::string path, Span* field, Span min, Span max, std::string doc);
  void Size(std::string path, uint64_t* field, uint64_t min, uint64_t max, std::string doc);
  // At most `bytes_max` bytes, printable ASCII.
  void Text(std::string path, std::string* field, size_t bytes_max, std::string doc);
  // One value with rules of its own: `set` says what is wrong with it ("" if nothing).
  void Word(std::string path, std::string expects, std::function<std::string(const std::string&)> set,
            std::function<std::string()> get, std::string doc);
  template <typename T>
  void Enum(std::string path, T* field, std::vector<Choice> choices, std::string doc) {
    AddEnum(std::move(path), std::move(choices), std::move(doc), [field] { return static_cast<int>(*field); },
            [field](int value) { *field = static_cast<T>(value); });
  }

  // A sequence of words; at most `items_max`. `set` gets them all, and says what is wrong with one ("" if nothing).
  void Words(std::string path, size_t items_max, std::string expects,
             std::function<std::string(const std::vector<std::string>&)> set,
             std::function<std::vector<std::string>()> get, std::string doc);

  // A sequence of texts; at most `items_max`. `add` gets each, and says what is wrong with it ("" if nothing): the mistake is named
  // by the text's own line. `clear` comes first, whenever the key is given.
  void Items(std::string path, size_t items_max, std::string expects, std::function<void()> clear,
             std::function<std::string(const std::string&)> add, std::function<std::vector<std::string>()> get, std::string doc);

  // A sequence of maps, each with fields of its own; at most `items_max`. `fields` makes the table of the map with this index, which
  // is made when that is one more than there are; `check` says what is wrong with the map just read as a whole, such as a missing
  // key. In messages a field is called "PATH[INDEX].KEY".
  struct Records {
    std::string expects;
    std::function<void()> clear;
    std::function<size_t()> size;
    std::function<YamlFields(size_t index)> fields;
    std::function<std::string(size_t index)> check;
    std::function<YamlFields()> example;  // if set, the documentation tells its keys; of a map that is in no list
  };
  void AddRecords(std::string path, size_t items_max, Records records, std::string doc);

  // A map from words to words, each key once, in the file's order; at most `items_max`. `set` gets it all, and says what is
  // wrong with one ("" if nothing). Its values may be secrets: no error repeats them.
  using WordMap = std::vector<std::pair<std::string, std::string>>;
  void Map(std::string path, size_t items_max, std::string expects, std::function<std::string(const WordMap&)> set,
           std::function<WordMap()> get, std::string doc);

  // What is wrong with a text, and from which of its bytes on (its size: at its end).
  struct Flaw {
    size_t at = 0;
    std::string what;
  };
  // One line of text with a grammar of its own, in printable ASCII without quotes and backslashes. An error names the line and
  // column of the flaw itself, however the text is quoted or folded.
  void Expression(std::string path, std::string expects, std::function<std::optional<Flaw>(const std::string&)> set,
                  std::function<std::string()> get, std::string doc);

  // InvalidArgument: "FILE:LINE:COLUMN: KEY: what is wrong". Fields may be changed in part then.
  absl::Status Load(std::string_view yaml, const std::string& file_name);

  // The fields' present values as YAML, each under its documentation. Load gives them back.
  std::string Print() const;

 private:
  struct Field {
    std::string path, doc;
    // "" or what is wrong with the text.
    std::function<std::string(const std::string&)> set;  // of a scalar
    std::function<std::string(const std::vector<std::string>&)> set_words;  // of a sequence
    std::function<std::string(const WordMap&)> set_map;  // of a map
    std::function<std::optional<Flaw>(const std::string&)> set_expression;
    std::function<void()> clear;                         // of a sequence of texts or maps
    std::function<std::string(const std::string&)> add;
    Records records;                                     // none of all these: a section
    std::function<std::string()> print;
    std::string expects;  // "from 1 to 100"; appended to the documentation
    size_t items_max = 0;
    bool section() const { return !set && !set_words && !set_map && !set_expression && !clear; }
  };
  class Loader;

  void Add(Field field);
  // As "{key: value, ...}", without documentation; sections' keys stand in maps of their own.
  std::string PrintFlow() const;
  // A number with a unit, as a person writes it.
  template <typename T>
  struct Measure {
    std::string_view noun, examples;
    std::optional<T> (*parse)(std::string_view text);
    std::string (*print)(T value);
  };
  template <typename T>
  void AddMeasure(std::string path, T* field, T min, T max, std::string doc, const Measure<T>& measure);
  void AddInteger(std::string path, int64_t min, int64_t max, std::string doc, std::function<int64_t()> get,
                  std::function<void(int64_t)> set);
  void AddEnum(std::string path, std::vector<Choice> choices, std::string doc, std::function<int()> get,
               std::function<void(int)> set);

  std::vector<Field> fields_;
  std::map<std::string, size_t> by_path_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_YAML_YAML_FIELDS_H_
