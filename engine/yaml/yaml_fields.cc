#include "engine/yaml/yaml_fields.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "engine/base/printable.h"

namespace sekisho {
namespace {

constexpr size_t kYamlBytesMax = 1 << 20;
constexpr size_t kDocColumnsMax = 100;

struct SpanUnit {
  std::string_view suffix;
  int64_t ms;
};
constexpr SpanUnit kSpanUnits[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};

struct SizeUnit {
  std::string_view suffix;
  uint64_t bytes;
};
constexpr SizeUnit kSizeUnits[] = {
    {"TiB", uint64_t{1} << 40}, {"GiB", uint64_t{1} << 30}, {"MiB", uint64_t{1} << 20}, {"KiB", uint64_t{1} << 10}, {"B", 1}, {"", 1}};

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// In double quotes, as YAML reads it back.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string Where(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file + ": ";
  return file + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": ";
}

size_t Depth(std::string_view path) { return static_cast<size_t>(std::count(path.begin(), path.end(), '.')); }

std::string_view LastPart(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

// `text` as comment lines, broken between words.
void AppendComment(std::string_view text, size_t indent, std::string* out) {
  const size_t columns = kDocColumnsMax - indent - 2;
  while (!text.empty()) {
    size_t cut = text.size();
    if (cut > columns) {
      cut = text.rfind(' ', columns);
      if (cut == std::string_view::npos || cut == 0) cut = columns;
    }
    out->append(indent, ' ');
    *out += "# ";
    *out += text.substr(0, cut);
    *out += '\n';
    text.remove_prefix(cut);
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
}

}  // namespace

std::optional<Span> ParseSpan(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<int64_t> n = ParseInteger(text.substr(0, digits));
  if (!n) return std::nullopt;
  for (const SpanUnit& unit : kSpanUnits) {
    if (text.substr(digits) != unit.suffix) continue;
    if (*n > std::numeric_limits<int64_t>::max() / unit.ms) return std::nullopt;
    return Span::Millis(*n * unit.ms);
  }
  return std::nullopt;
}

std::string SpanToText(Span span) {
  if (span == Span()) return "0s";
  for (const SpanUnit& unit : kSpanUnits) {
    if (span.millis() % unit.ms == 0) return std::to_string(span.millis() / unit.ms) + std::string(unit.suffix);
  }
  return "0s";
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<int64_t> n = ParseInteger(text.substr(0, digits));
  if (!n) return std::nullopt;
  for (const SizeUnit& unit : kSizeUnits) {
    if (text.substr(digits) != unit.suffix) continue;
    if (static_cast<uint64_t>(*n) > std::numeric_limits<uint64_t>::max() / unit.bytes) return std::nullopt;
    return static_cast<uint64_t>(*n) * unit.bytes;
  }
  return std::nullopt;
}

std::string SizeToText(uint64_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes) + std::string(unit.suffix);
  }
  return "0B";
}

void YamlFields::Add(Field field) {
  by_path_[field.path] = fields_.size();
  fields_.push_back(std::move(field));
}

void YamlFields::Section(std::string path, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  Add(std::move(field));
}

void YamlFields::AddInteger(std::string path, int64_t min, int64_t max, std::string doc,
                            std::function<int64_t()> get, std::function<void(int64_t)> set) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = "from " + std::to_string(min) + " to " + std::to_string(max);
  field.set = [min, max, expects = field.expects, set = std::move(set)](const std::string& text) -> std::string {
    const std::optional<int64_t> value = ParseInteger(text);
    if (!value || *value < min || *value > max) return "expected a whole number " + expects;
    set(*value);
    return "";
  };
  field.print = [get = std::move(get)] { return std::to_string(get()); };
  Add(std::move(field));
}

void YamlFields::Bool(std::string path, bool* field_value, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = "true or false";
  field.set = [field_value](const std::string& text) -> std::string {
    if (text != "true" && text != "false") return "expected true or false";
    *field_value = text == "true";
    return "";
  };
  field.print = [field_value]() -> std::string { return *field_value ? "true" : "false"; };
  Add(std::move(field));
}

template <typename T>
void YamlFields::AddMeasure(std::string path, T* field_value, T min, T max, std::string doc, const Measure<T>& measure) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = "from " + measure.print(min) + " to " + measure.print(max);
  field.set = [=, expects = field.expects](const std::string& text) -> std::string {
    const std::optional<T> value = measure.parse(text);
    if (!value || *value < min || *value > max) {
      return "expected a " + std::string(measure.noun) + " " + expects + ", such as " + std::string(measure.examples);
    }
    *field_value = *value;
    return "";
  };
  field.print = [=] { return measure.print(*field_value); };
  Add(std::move(field));
}

void YamlFields::Duration(std::string path, Span* field, Span min, Span max, std::string doc) {
  AddMeasure<Span>(std::move(path), field, min, max, std::move(doc), {"length of time", "90s, 10m, 1h or 7d", ParseSpan, SpanToText});
}

void YamlFields::Size(std::string path, uint64_t* field, uint64_t min, uint64_t max, std::string doc) {
  AddMeasure<uint64_t>(std::move(path), field, min, max, std::move(doc), {"size", "512MiB or 2GiB", ParseSize, SizeToText});
}

void YamlFields::Text(std::string path, std::string* field_value, size_t bytes_max, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = "at most " + std::to_string(bytes_max) + " characters";
  field.set = [=, expects = field.expects](const std::string& text) -> std::string {
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    if (text.size() > bytes_max || !printable) return "expected a text of " + expects + ", ASCII";
    *field_value = text;
    return "";
  };
  field.print = [field_value] { return Quoted(*field_value); };
  Add(std::move(field));
}

void YamlFields::Word(std::string path, std::string expects, std::function<std::string(const std::string&)> set,
                      std::function<std::string()> get, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = std::move(expects);
  field.set = std::move(set);
  field.print = [get = std::move(get)] { return Quoted(get()); };
  Add(std::move(field));
}

void YamlFields::AddEnum(std::string path, std::vector<Choice> choices, std::string doc, std::function<int()> get,
                         std::function<void(int)> set) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  for (const Choice& choice : choices) {
    field.expects += field.expects.empty() ? "" : " or ";
    field.expects += choice.name;
  }
  field.set = [choices, expects = field.expects, set = std::move(set)](const std::string& text) -> std::string {
    for (const Choice& choice : choices) {
      if (text != choice.name) continue;
      set(choice.value);
      return "";
    }
    return "expected " + expects;
  };
  field.print = [choices, get = std::move(get)]() -> std::string {
    for (const Choice& choice : choices) {
      if (choice.value == get()) return std::string(choice.name);
    }
    return "";
  };
  Add(std::move(field));
}

void YamlFields::Words(std::string path, size_t items_max, std::string expects,
                       std::function<std::string(const std::vector<std::string>&)> set,
                       std::function<std::vector<std::string>()> get, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = std::move(expects);
  field.items_max = items_max;
  field.set_words = std::move(set);
  field.print = [get = std::move(get)] {
    std::string out = "[";
    for (const std::string& word : get()) out += (out.size() > 1 ? ", " : "") + word;
    return out + "]";
  };
  Add(std::move(field));
}

void YamlFields::Items(std::string path, size_t items_max, std::string expects, std::function<void()> clear,
                       std::function<std::string(const std::string&)> add, std::function<std::vector<std::string>()> get,
                       std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = std::move(expects);
  field.items_max = items_max;
  field.clear = std::move(clear);
  field.add = std::move(add);
  field.print = [get = std::move(get)] {
    std::string out = "[";
    for (const std::string& item : get()) out += (out.size() > 1 ? ", " : "") + Quoted(item);
    return out + "]";
  };
  Add(std::move(field));
}

void YamlFields::AddRecords(std::string path, size_t items_max, Records records, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = records.expects;
  field.items_max = items_max;
  field.clear = records.clear;
  field.print = [records] {
    std::string out = "[";
    const size_t size = records.size();
    for (size_t i = 0; i < size; ++i) out += (i > 0 ? ", " : "") + records.fields(i).PrintFlow();
    return out + "]";
  };
  field.records = std::move(records);
  Add(std::move(field));
}

void YamlFields::Map(std::string path, size_t items_max, std::string expects, std::function<std::string(const WordMap&)> set,
                     std::function<WordMap()> get, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = std::move(expects);
  field.items_max = items_max;
  field.set_map = std::move(set);
  field.print = [get = std::move(get)] {
    std::string out = "{";
    for (const auto& [key, value] : get()) out += (out.size() > 1 ? ", " : "") + Quoted(key) + ": " + Quoted(value);
    return out + "}";
  };
  Add(std::move(field));
}

void YamlFields::Expression(std::string path, std::string expects, std::function<std::optional<Flaw>(const std::string&)> set,
                            std::function<std::string()> get, std::string doc) {
  Field field;
  field.path = std::move(path);
  field.doc = std::move(doc);
  field.expects = std::move(expects);
  field.set_expression = std::move(set);
  field.print = [get = std::move(get)] { return Quoted(get()); };
  Add(std::move(field));
}

namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The place in `yaml` of the byte `at` of a scalar's value; the scalar begins at `mark`. Between the two only quotes, block
// headers and white space may differ, so bytes that are no white space are matched one by one. `mark` itself where they don't.
YAML::Mark PlaceWithin(std::string_view yaml, const YAML::Mark& mark, std::string_view value, size_t at) {
  YAML::Mark here;
  here.pos = here.line = here.column = 0;
  size_t i = 0;
  const auto step = [&] {
    if (yaml[i++] == '\n') {
      ++here.line;
      here.column = 0;
    } else {
      ++here.column;
    }
  };
  if (yaml.starts_with("\xef\xbb\xbf")) i = 3;
  while (i < yaml.size() && (here.line < mark.line || here.column < mark.column)) step();
  if (i < yaml.size() && (yaml[i] == '"' || yaml[i] == '\'')) {
    step();
  } else if (i < yaml.size() && (yaml[i] == '|' || yaml[i] == '>')) {
    while (i < yaml.size() && yaml[i] != '\n') step();
  }
  YAML::Mark after = here;  // behind the last byte that matched
  for (size_t j = 0; j <= at; ++j) {
    if (j < value.size() && IsSpace(value[j])) continue;
    while (i < yaml.size() && IsSpace(yaml[i])) step();
    if (j >= value.size()) return after;
    if (i >= yaml.size() || yaml[i] != value[j]) return mark;
    if (j == at) return here;
    step();
    after = here;
  }
  return after;  // a blank
}

}  // namespace

class YamlFields::Loader {
 public:
  Loader(const YamlFields& table, const std::string& file, std::string_view yaml) : table_(table), file_(file), yaml_(yaml) {}

  // `called` is what messages call the map; it differs from `path` in an item of a list.
  absl::Status Map(const YAML::Node& node, const std::string& path, const std::string& called) {
    if (node.IsNull()) return absl::OkStatus();  // everything below it is commented out
    if (!node.IsMap()) return Error(node.Mark(), called, "expected keys and values");
    std::set<std::string> seen;
    for (const auto& pair : node) {
      const YAML::Mark mark = pair.first.Mark();
      if (!pair.first.IsScalar()) return Error(mark, called, "a key must be a word");
      const std::string key = pair.first.Scalar();
      const std::string full = path.empty() ? key : path + "." + key;
      const std::string shown = called.empty() ? key : called + "." + key;
      if (!seen.insert(key).second) return Error(mark, shown, "is given twice");
      const auto found = table_.by_path_.find(full);
      if (found == table_.by_path_.end() || key.find('.') != std::string::npos) {
        return Error(mark, shown, "unknown key");
      }
      const Field& field = table_.fields_[found->second];
      if (absl::Status status = Value(field, pair.second, shown); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Value(const Field& field, const YAML::Node& node, const std::string& called) {
    if (field.section()) return Map(node, field.path, called);
    if (field.set_words) return Sequence(field, node, called);
    if (field.set_map) return Words(field, node, called);
    if (field.clear) return Items(field, node, called);
    if (!node.IsScalar()) return Error(node.Mark(), called, "expected one value, " + field.expects);
    if (field.set_expression) {
      if (node.Tag() != "?" && node.Tag() != "!") return Error(node.Mark(), called, "what begins with \"!\" must be in quotes");
      const std::optional<Flaw> flaw = field.set_expression(node.Scalar());
      if (!flaw) return absl::OkStatus();
      return Error(PlaceWithin(yaml_, node.Mark(), node.Scalar(), flaw->at), called, Printable(flaw->what, 400));
    }
    const std::string wrong = field.set(node.Scalar());
    if (wrong.empty()) return absl::OkStatus();
    return Error(node.Mark(), called, wrong + ", not \"" + Printable(node.Scalar(), 60) + "\"");
  }

  absl::Status Sequence(const Field& field, const YAML::Node& node, const std::string& called) {
    if (!node.IsSequence() || node.size() > field.items_max) {
      return Error(node.Mark(), called,
                   "expected a list of at most " + std::to_string(field.items_max) + ", " + field.expects);
    }
    std::vector<std::string> words;
    for (const YAML::Node& item : node) {
      if (!item.IsScalar()) return Error(item.Mark(), called, "expected " + field.expects);
      words.push_back(item.Scalar());
    }
    const std::string wrong = field.set_words(words);
    return wrong.empty() ? absl::OkStatus() : Error(node.Mark(), called, wrong);
  }

  absl::Status Items(const Field& field, const YAML::Node& node, const std::string& called) {
    if (node.IsNull() && !field.add) return absl::OkStatus();  // all its maps are commented out
    if (!node.IsSequence() || node.size() > field.items_max) {
      return Error(node.Mark(), called,
                   "expected a list of at most " + std::to_string(field.items_max) + ", " + field.expects);
    }
    field.clear();
    size_t index = 0;
    for (const YAML::Node& item : node) {
      const std::string path = called + "[" + std::to_string(index) + "]";
      if (absl::Status read = field.add ? Text(field, path, item) : Record(field, path, index, item); !read.ok()) return read;
      ++index;
    }
    return absl::OkStatus();
  }

  absl::Status Text(const Field& field, const std::string& path, const YAML::Node& item) {
    if (!item.IsScalar()) return Error(item.Mark(), path, "expected " + field.expects);
    const std::string wrong = field.add(item.Scalar());
    return wrong.empty() ? absl::OkStatus() : Error(item.Mark(), path, wrong + ", not \"" + Printable(item.Scalar(), 60) + "\"");
  }

  absl::Status Record(const Field& field, const std::string& path, size_t index, const YAML::Node& item) {
    if (!item.IsMap()) return Error(item.Mark(), path, "expected keys and values, " + field.expects);
    const YamlFields fields = field.records.fields(index);
    if (absl::Status read = Loader(fields, file_, yaml_).Map(item, "", path); !read.ok()) return read;
    const std::string wrong = field.records.check(index);
    return wrong.empty() ? absl::OkStatus() : Error(item.Mark(), path, wrong);
  }

  absl::Status Words(const Field& field, const YAML::Node& node, const std::string& called) {
    if (!node.IsMap() || node.size() > field.items_max) {
      return Error(node.Mark(), called, "expected at most " + std::to_string(field.items_max) + " keys and values, " + field.expects);
    }
    WordMap words;
    std::set<std::string> seen;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) return Error(pair.first.Mark(), called, "a key must be a word");
      const std::string key = pair.first.Scalar();
      if (!seen.insert(key).second) return Error(pair.first.Mark(), called + "." + key, "is given twice");
      if (!pair.second.IsScalar()) return Error(pair.second.Mark(), called + "." + key, "expected one value");
      words.emplace_back(key, pair.second.Scalar());
    }
    const std::string wrong = field.set_map(words);
    return wrong.empty() ? absl::OkStatus() : Error(node.Mark(), called, wrong);
  }

  absl::Status Error(const YAML::Mark& mark, const std::string& path, const std::string& what) const {
    return absl::InvalidArgumentError(Where(file_, mark) + (path.empty() ? "" : Printable(path) + ": ") + what);
  }

  const YamlFields& table_;
  const std::string& file_;
  const std::string_view yaml_;
};

absl::Status YamlFields::Load(std::string_view yaml, const std::string& file_name) {
  if (yaml.size() > kYamlBytesMax) return absl::InvalidArgumentError(file_name + ": larger than 1 MiB");
  // yaml-cpp reports by exception; none gets past here.
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (documents.empty()) return absl::OkStatus();
    if (documents.size() > 1) {
      return absl::InvalidArgumentError(Where(file_name, documents[1].Mark()) + "expected one document only");
    }
    return Loader(*this, file_name, yaml).Map(documents[0], "", "");
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(Where(file_name, error.mark) + "no valid YAML: " + Printable(error.msg));
  }
}

std::string YamlFields::PrintFlow() const {
  std::string out = "{";
  size_t open = 0;
  for (const Field& field : fields_) {
    for (; open > Depth(field.path); --open) out += "}";
    if (out.back() != '{') out += ", ";
    out += std::string(LastPart(field.path)) + ": ";
    if (field.section()) {
      out += "{";
      ++open;
    } else {
      out += field.print();
    }
  }
  return out.append(open + 1, '}');
}

std::string YamlFields::Print() const {
  std::string out;
  for (const Field& field : fields_) {
    const size_t indent = 2 * Depth(field.path);
    const bool section = field.section();
    if (section && !out.empty()) out += '\n';
    const bool example = static_cast<bool>(field.records.example);
    if (example && !out.empty()) out += '\n';
    AppendComment(section ? field.doc : field.doc + " (" + field.expects + ")", indent, &out);
    if (example) {
      const YamlFields keys = field.records.example();
      for (const Field& key : keys.fields_) {
        AppendComment("  " + key.path + ": " + key.doc + " (" + key.expects + ")", indent, &out);
      }
    }
    out.append(indent, ' ');
    out += LastPart(field.path);
    out += ':';
    if (!section) out += " " + field.print();
    out += '\n';
  }
  return out;
}

}  // namespace sekisho
