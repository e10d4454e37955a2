#include "connectors/app/connect_config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "connectors/common/log_time.h"
#include "engine/base/hash.h"
#include "engine/base/ip.h"
#include "engine/base/printable.h"

namespace sekisho::connectors {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr size_t kPathBytesMax = 4096;  // Linux's PATH_MAX
constexpr size_t kKeyBytesMax = 4096;

bool IsName(std::string_view text, size_t bytes_max) {
  static constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !text.empty() && text.size() <= bytes_max && text.find_first_not_of(kAllowed) == std::string_view::npos;
}

void NameField(YamlFields* fields, const std::string& path, std::string* field, size_t bytes_max, std::string doc) {
  const std::string expects = absl::StrCat("1 to ", bytes_max, " letters, digits, '.', '_' or '-'");
  fields->Word(path, expects,
               [field, bytes_max, expects](const std::string& text) -> std::string {
                 *field = text;
                 return IsName(text, bytes_max) ? "" : "expected " + expects;
               },
               [field] { return *field; }, std::move(doc));
}

void PathField(YamlFields* fields, const std::string& path, std::string* field, std::string doc) {
  fields->Word(path, "a path",
               [field](const std::string& text) -> std::string {
                 *field = text;
                 return text.size() <= kPathBytesMax && text.find('\0') == std::string::npos ? "" : "expected a path";
               },
               [field] { return *field; }, std::move(doc));
}

void NetworksField(YamlFields* fields, const std::string& path, std::vector<std::string>* words, std::vector<IpNetwork>* networks,
                   std::string doc) {
  fields->Words(path, ConnectConfig::kNetworksMax, "each an address or a network such as 192.0.2.0/24",
                [words, networks](const std::vector<std::string>& given) -> std::string {
                  *words = given;
                  for (const std::string& word : given) {
                    const std::optional<IpNetwork> network = IpNetwork::Parse(word);
                    if (!network) return "\"" + Printable(word) + "\" is no address or network";
                    networks->push_back(*network);
                  }
                  return "";
                },
                [words] { return *words; }, std::move(doc));
}

std::string WrongFile(const std::string& file) {
  if (file.empty() || file == "-" || file.size() > kPathBytesMax || file.find('\0') != std::string::npos) {
    return "\"" + Printable(file) + "\" is no path of a file";
  }
  for (const std::string_view compressed : {".gz", ".zst", ".xz", ".bz2"}) {
    if (std::string_view(file).ends_with(compressed)) {
      return Printable(file) + " is compressed: only plain files can be followed; unpack it, or use sekisho replay";
    }
  }
  return "";
}

std::string Absolute(const std::string& path, const std::string& folder) {
  if (path.empty() || path.front() == '/') return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

// What stands in the first line. NotFound, InvalidArgument.
absl::StatusOr<std::string> ReadKey(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": can't be read: ", std::strerror(errno)));
  std::string key;
  std::getline(file, key);
  if (!key.empty() && key.back() == '\r') key.pop_back();
  if (key.empty() || key.size() > kKeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a secret of 1 to ", kKeyBytesMax, " bytes in its first line"));
  }
  return key;
}

}  // namespace

YamlFields ConnectFields(ConnectConfig* config) {
  YamlFields fields;
  NameField(&fields, "name", &config->name, kNameBytesMax,
            "The connector's own name, unique in the fleet. It stands in the origin of each event: one that goes on under another "
            "name, or two under one, would have events counted twice or dropped.");
  PathField(&fields, "state", &config->state,
            "Folder for the position in the log files and for what Kafka has not acknowledged yet. On a disk that survives; its "
            "parent exists; belongs to this connector alone.");
  fields.Map("kafka", ConnectConfig::kSettingsMax, "settings of librdkafka",
             [config](const YamlFields::WordMap& map) -> std::string {
               config->kafka = map;
               const auto is_bootstrap = [](const auto& setting) { return setting.first == "bootstrap.servers" && !setting.second.empty(); };
               return std::any_of(map.begin(), map.end(), is_bootstrap) ? "" : "bootstrap.servers is missing: where the brokers are";
             },
             [config] { return config->kafka; },
             "Settings of librdkafka, passed on as they are: the brokers, TLS, passwords. https://github.com/confluentinc/librdkafka "
             "lists them in CONFIGURATION.md.");
  NameField(&fields, "topic", &config->topic, 249, "The topic that events go to, made by \"sekisho topics create\".");
  fields.Words("files", ConnectConfig::kFilesMax, "each the path of a log file",
               [config](const std::vector<std::string>& files) -> std::string {
                 if (files.empty()) return "expected one file at least";
                 std::set<std::string> seen;
                 for (const std::string& file : files) {
                   if (std::string wrong = WrongFile(file); !wrong.empty()) return wrong;
                   if (!seen.insert(file).second) return Printable(file) + " is there twice";
                 }
                 config->files = files;
                 return "";
               },
               [config] { return config->files; },
               "The log files to follow, of one host or of many, in any order. Rotated ones are found by themselves. New files go to "
               "the list's end.");
  fields.Text("default_realm", &config->pipeline.canonical.default_realm, 255,
              "Appended as @REALM to logins that have none. The same at all connectors that see these accounts.");
  fields.Word("timezone", "UTC, a name such as Asia/Tokyo, or an offset such as +09:00",
              [config](const std::string& text) -> std::string {
                const absl::StatusOr<absl::TimeZone> zone = ParseTimeZone(text);
                if (!zone.ok()) return std::string(zone.status().message());
                config->timezone = text;
                config->zone = *zone;
                return "";
              },
              [config] { return config->timezone; }, "Zone of time stamps that carry none.");
  NetworksField(&fields, "webmail_hosts", &config->webmail_hosts, &config->pipeline.webmail,
                "Addresses of the webmail hosts: what they submit is an account's webmail, from wherever its user is.");
  NetworksField(&fields, "trusted_proxies", &config->trusted_proxies, &config->pipeline.trusted_proxies,
                "Addresses of proxies in front of the webmail, whose X-Forwarded-For is believed.");
  NetworksField(&fields, "own_relays", &config->own_relays, &config->pipeline.own_relays,
                "Public addresses of the fleet's own mail hosts whose logs are read.");
  PathField(&fields, "recipient_key_file", &config->recipient_key_file,
            "File with the secret, in its first line, under which recipients are hashed: the same at all connectors, for ever. Without "
            "it, a fixed key is used, under which anybody can test a guessed address against a hash.");
  fields.Size("spool_max", &config->spool_max, uint64_t{1} << 20, uint64_t{1} << 40,
              "How much is kept on the disk while Kafka is away, about 200 B an event. When it is full, reading stops, and the log "
              "files themselves are the rest of the buffer, for as long as logrotate keeps them.");
  fields.Duration("position_every", &config->position_every, Span::Millis(100), Span::Minutes(10),
                  "How often the position is written down: what a restart goes over again.");
  fields.Duration("heartbeat", &config->heartbeat, Span::Millis(100), Span::Minutes(1),
                  "A partition that was quiet for so long is told the time.");
  fields.Text("metrics", &config->metrics, 300, "HOST:PORT that answers GET /metrics for Prometheus. Empty: none.");
  return fields;
}

absl::StatusOr<ConnectConfig> ParseConnectConfig(std::string_view yaml, const std::string& file_name, const std::string& folder) {
  ConnectConfig config;
  if (absl::Status loaded = ConnectFields(&config).Load(yaml, file_name); !loaded.ok()) return loaded;
  const auto missing = [&file_name](std::string_view key) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", std::string(key), ": is missing"));
  };
  if (config.name.empty()) return missing("name");
  if (config.state.empty()) return missing("state");
  if (config.kafka.empty()) return missing("kafka");
  if (config.files.empty()) return missing("files");
  for (std::string* path : {&config.state, &config.recipient_key_file}) *path = Absolute(*path, folder);
  for (std::string& path : config.files) path = Absolute(path, folder);
  std::string key(kDefaultRecipientKey);
  if (!config.recipient_key_file.empty()) {
    absl::StatusOr<std::string> read = ReadKey(config.recipient_key_file);
    if (!read.ok()) return absl::InvalidArgumentError(absl::StrCat(file_name, ": recipient_key_file: ", std::string(read.status().message())));
    key = *std::move(read);
  }
  config.pipeline.key = HashKey::FromPassphrase(key);
  return config;
}

absl::StatusOr<ConnectConfig> LoadConnectConfig(const std::string& file_name) {
  std::ifstream file(file_name, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, ": can't be read: ", std::strerror(errno)));
  }
  std::error_code error;
  return ParseConnectConfig(text.str(), file_name, std::filesystem::absolute(file_name, error).parent_path().string());
}

}  // namespace sekisho::connectors
