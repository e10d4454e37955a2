#include "engine/app/topics_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::app {
namespace {

constexpr size_t kYamlBytesMax = 1 << 20;
constexpr int kPartitionsMax = 10'000;
constexpr int kReplicationMax = 100;

std::optional<int64_t> ParseInteger(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reads one document. The first thing that is wrong is kept, and reading goes on harmlessly.
class Reader {
 public:
  Reader(std::string file, const TopicOverrides& overrides) : file_(std::move(file)), overrides_(overrides) {}

  absl::StatusOr<std::vector<kafka::TopicSpec>> Read(const YAML::Node& root) {
    YAML::Node groups, replication, topics;
    for (const auto& [key, value] : Entries(root, "the file")) {
      if (key == "groups") groups = value;
      else if (key == "replication") replication = value;
      else if (key == "topics") topics = value;
      else Wrong(value, absl::StrCat("unknown key ", key));
    }
    for (const auto& [name, value] : Entries(groups, "groups")) groups_[name] = Number(value, name, kPartitionsMax);
    for (const auto& [name, partitions] : overrides_.partitions) {
      if (!groups_.contains(name)) Wrong(groups, absl::StrCat("there is no group ", name));
      groups_[name] = partitions;
    }
    replication_ = overrides_.replication != 0 ? overrides_.replication : Number(replication, "replication", kReplicationMax);
    std::vector<kafka::TopicSpec> specs;
    for (const auto& [name, value] : Entries(topics, "topics")) specs.push_back(Topic(name, value));
    if (specs.empty()) Wrong(topics, "no topics");
    if (!status_.ok()) return status_;
    return specs;
  }

 private:
  void Wrong(const YAML::Node& node, const std::string& what) {
    if (!status_.ok()) return;
    const YAML::Mark mark = node.Mark();
    status_ = absl::InvalidArgumentError(
        mark.is_null() ? absl::StrCat(file_, ": ", what) : absl::StrCat(file_, ":", mark.line + 1, ":", mark.column + 1, ": ", what));
  }

  // The entries of a map by key; each key once.
  std::map<std::string, YAML::Node> Entries(const YAML::Node& node, const std::string& what) {
    std::map<std::string, YAML::Node> entries;
    if (!node.IsDefined() || !node.IsMap()) {
      Wrong(node, absl::StrCat(what, " must be a map"));
      return entries;
    }
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        Wrong(entry.first, "a key must be a word");
      } else if (!entries.emplace(entry.first.Scalar(), entry.second).second) {
        Wrong(entry.first, absl::StrCat("key ", entry.first.Scalar(), " is there twice"));
      }
    }
    return entries;
  }

  std::string Word(const YAML::Node& node, const std::string& key) {
    if (node.IsDefined() && node.IsScalar()) return node.Scalar();
    Wrong(node, absl::StrCat(key, " must be one value"));
    return "";
  }

  int Number(const YAML::Node& node, const std::string& key, int max) {
    const std::optional<int64_t> number = ParseInteger(Word(node, key));
    if (number && *number >= 1 && *number <= max) return static_cast<int>(*number);
    Wrong(node, absl::StrCat(key, " must be from 1 to ", max));
    return 1;
  }

  int64_t Bound(const YAML::Node& node, const std::string& key) {
    const std::string word = Word(node, key);
    if (word == "unlimited") return kafka::kUnlimited;
    if (const std::optional<int64_t> number = ParseInteger(word); number && *number >= 0) return *number;
    if (const std::optional<Span> span = ParseSpan(word); span && absl::EndsWith(key, ".ms")) return span->millis();
    Wrong(node, absl::StrCat(key, " must be a number", absl::EndsWith(key, ".ms") ? ", a duration like 7d," : "", " or \"unlimited\""));
    return 0;
  }

  kafka::TopicSpec Topic(const std::string& name, const YAML::Node& node) {
    kafka::TopicSpec spec;
    spec.name = name;
    spec.replication = replication_;
    std::string group;
    for (const auto& [key, value] : Entries(node, absl::StrCat("topic ", name))) {
      if (key == "group") {
        group = Word(value, key);
      } else if (key == "exactly") {
        for (const auto& [setting, wanted] : Entries(value, key)) spec.exactly[setting] = Word(wanted, setting);
      } else if (key == "at_least") {
        for (const auto& [setting, wanted] : Entries(value, key)) spec.at_least[setting] = Bound(wanted, setting);
      } else {
        Wrong(value, absl::StrCat("unknown key ", key));
      }
    }
    const auto at = groups_.find(group);
    if (at == groups_.end()) Wrong(node, absl::StrCat("topic ", name, " names no group of this file"));
    else spec.partitions = at->second;
    // More copies in sync than there are would refuse every write.
    if (const auto in_sync = spec.at_least.find("min.insync.replicas"); in_sync != spec.at_least.end()) {
      in_sync->second = std::min<int64_t>(in_sync->second, replication_);
    }
    return spec;
  }

  const std::string file_;
  const TopicOverrides& overrides_;
  std::map<std::string, int> groups_;
  int replication_ = 1;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::vector<kafka::TopicSpec>> ParseTopics(std::string_view yaml, const std::string& file_name,
                                                          const TopicOverrides& overrides) {
  if (yaml.size() > kYamlBytesMax) return absl::InvalidArgumentError(absl::StrCat(file_name, ": over ", kYamlBytesMax, " bytes"));
  try {
    return Reader(file_name, overrides).Read(YAML::Load(std::string(yaml)));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name, ":", error.mark.line + 1, ":", error.mark.column + 1, ": ", error.msg));
  }
}

}  // namespace sekisho::app
