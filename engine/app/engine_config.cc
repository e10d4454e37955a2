#include "engine/app/engine_config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/app/operator_key.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::app {
namespace {

constexpr size_t kPathBytesMax = 4096;
constexpr size_t kNameBytesMax = 100;

// What may stand in the names of consumers, producers and topics.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

constexpr std::string_view kNameRule = "letters, digits, dots, dashes and underscores, at most 100";

std::string* TopicOf(kafka::Topics* topics, std::string_view key) {
  const std::pair<std::string_view, std::string*> all[] = {
      {"events", &topics->events},
      {"sightings", &topics->sightings},
      {"actions.suspend", &topics->actions_suspend},
      {"actions.notify", &topics->actions_notify},
      {"verdicts", &topics->verdicts},
      {"findings", &topics->findings},
      {"snapshots", &topics->snapshots},
      {"dead-letter", &topics->dead_letter},
  };
  for (const auto& [name, topic] : all) {
    if (name == key) return topic;
  }
  return nullptr;
}

std::string SetTopics(kafka::Topics* topics, const YamlFields::WordMap& words) {
  for (const auto& [key, value] : words) {
    std::string* topic = TopicOf(topics, key);
    if (topic == nullptr) return absl::StrCat("there is no topic ", key);
    if (!IsName(value)) return absl::StrCat(key, ": a name is wanted: ", std::string(kNameRule));
    *topic = value;
  }
  return "";
}

std::string SetKeys(std::map<std::string, std::string>* keys, const YamlFields::WordMap& words) {
  for (const auto& [id, file] : words) {
    if (!IsName(id)) return absl::StrCat("an id is wanted before each file: ", std::string(kNameRule));
    if (file.empty()) return absl::StrCat(id, ": a file is wanted");
    (*keys)[id] = file;
  }
  return "";
}

// The table that the file is read by. `config` outlives it.
YamlFields Table(EngineConfig* config) {
  YamlFields fields;
  fields.Text("name", &config->name, kNameBytesMax,
              "Name of this node: no two nodes of a group share one, and a node keeps its own over restarts");
  fields.Text("state", &config->state, kPathBytesMax, "Directory for this node's states, on a local disk; made if missing");
  fields.Map("kafka", 200, "settings of librdkafka",
             [config](const YamlFields::WordMap& words) {
               config->kafka = words;
               return std::string();
             },
             [config] { return config->kafka; },
             "How to reach the cluster, handed to librdkafka as it stands: bootstrap.servers, security.protocol and so on");
  fields.Text("group", &config->group, kNameBytesMax, "The consumer group that all nodes of this engine share");
  fields.Text("log_generation", &config->log_generation, kNameBytesMax,
              "To be changed when the events topic was deleted and made anew: ids of actions then differ from the old ones");
  fields.Map("topics", 8, "topics by their usual name",
             [config](const YamlFields::WordMap& words) { return SetTopics(&config->topics, words); },
             [] { return YamlFields::WordMap(); }, "Other names for topics, e.g. events: mail.events");
  fields.Integer("workers", &config->workers, 0, 256, "Threads that fold, each a member of the group; 0: one a core");
  fields.Size("memory", &config->memory, uint64_t{16} << 20, uint64_t{1} << 44,
              "Memory for accounts in use, for the case that this node must take every partition: each gets an equal share. "
              "RocksDB gets a quarter as much on top");
  fields.Text("geo", &config->geo, kPathBytesMax, "Country database in MMDB format; empty: the one that comes along");
  fields.Text("asn", &config->asn, kPathBytesMax, "Database of AS numbers in MMDB format; empty: none");
  fields.Text("policy", &config->policy, kPathBytesMax, "The policy that a partition begins with; empty: the default one");
  fields.Text("metrics", &config->metrics, 300, "HOST:PORT where /metrics is served; empty: nowhere");
  fields.Enum("standby", &config->standby,
              {{"all", static_cast<int>(StandbyMode::kAll)}, {"none", static_cast<int>(StandbyMode::kNone)}},
              "Whether this node keeps the states of partitions that others own up to date, so that it takes over quickly");
  fields.Integer("standby_join_below", &config->standby_join_below, 1, 10'000,
                 "With --standby: join the group once it has fewer live members (worker threads of all nodes) than this");
  fields.Bool("entities", &config->entities,
              "Whether source networks are judged by all accounts seen there: this node's accounts then tell of the networks they use, "
              "and it takes a share in judging them. Equal on all nodes");
  fields.Map("operator_keys", 1000, "files by the id of a key",
             [config](const YamlFields::WordMap& words) { return SetKeys(&config->operator_keys, words); },
             [] { return YamlFields::WordMap(); },
             "Who may give orders: for each key's id a file of at least 32 secret bytes. Orders under other keys are refused");
  fields.Text("pseudonym_key_file", &config->pseudonym_key_file, kPathBytesMax,
              "File of at least 32 secret bytes: findings then carry a keyed hash instead of the account; empty: the account");
  fields.Duration("commit_every", &config->commit_every, Span::Millis(50), Span::Minutes(5),
                  "How often changed states are kept; what a restart has to fold again");
  fields.Duration("linger", &config->linger, Span(), Span::Seconds(10),
                  "How long an action may wait for others, to be published in one transaction");
  return fields;
}

std::string Absolute(const std::string& path, const std::string& folder) {
  if (path.empty() || path.front() == '/') return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

absl::StatusOr<std::string> ReadKey(const std::string& what, const std::string& path) {
  absl::StatusOr<std::string> key = ReadOperatorKey(path);
  if (key.ok()) return key;
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", std::string(key.status().message())));
}

absl::Status Missing(const std::string& file_name, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", what));
}

}  // namespace

absl::StatusOr<EngineConfig> ParseEngineConfig(std::string_view yaml, const std::string& file_name,
                                               const std::string& folder) {
  EngineConfig config;
  if (absl::Status status = Table(&config).Load(yaml, file_name); !status.ok()) return status;
  if (!IsName(config.name)) {
    return Missing(file_name, absl::StrCat("name: must be given, of ", std::string(kNameRule), ": what this node is called"));
  }
  if (!IsName(config.group)) return Missing(file_name, absl::StrCat("group: must be of ", std::string(kNameRule)));
  if (config.state.empty()) return Missing(file_name, "state: must be given: the directory where this node keeps its states");
  const bool reachable = std::any_of(config.kafka.begin(), config.kafka.end(), [](const auto& setting) {
    return (setting.first == "bootstrap.servers" || setting.first == "metadata.broker.list") && !setting.second.empty();
  });
  if (!reachable) return Missing(file_name, "kafka.bootstrap.servers: must be given: HOST:PORT, several with commas");
  for (std::string* path : {&config.state, &config.geo, &config.asn, &config.policy, &config.pseudonym_key_file}) {
    *path = Absolute(*path, folder);
  }
  for (auto& [id, path] : config.operator_keys) path = Absolute(path, folder);
  return config;
}

absl::StatusOr<EngineConfig> LoadEngineConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return absl::InvalidArgumentError(absl::StrCat(path, ": can't be read"));
  return ParseEngineConfig(text.str(), path, std::filesystem::absolute(path).parent_path().string());
}

absl::StatusOr<std::map<std::string, std::string>> LoadOperatorKeys(const EngineConfig& config) {
  std::map<std::string, std::string> keys;
  for (const auto& [id, path] : config.operator_keys) {
    absl::StatusOr<std::string> key = ReadKey(absl::StrCat("operator_keys: ", id), path);
    if (!key.ok()) return key.status();
    keys[id] = *std::move(key);
  }
  return keys;
}

absl::StatusOr<std::optional<HashKey>> LoadPseudonymKey(const EngineConfig& config) {
  if (config.pseudonym_key_file.empty()) return std::optional<HashKey>();
  const absl::StatusOr<std::string> key = ReadKey("pseudonym_key_file", config.pseudonym_key_file);
  if (!key.ok()) return key.status();
  return std::optional<HashKey>(HashKey::FromPassphrase(*key));
}

}  // namespace sekisho::app
