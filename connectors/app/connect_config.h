// What sekisho-connect is told: a YAML file, read strictly (engine/yaml). deploy/examples/connect.yaml explains every key.
#ifndef SEKISHO_CONNECTORS_APP_CONNECT_CONFIG_H_
#define SEKISHO_CONNECTORS_APP_CONNECT_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/ingest/ingest.h"
#include "connectors/kafka/kafka_producer.h"
#include "engine/base/time.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::connectors {

// Recipients are hashed under this where no key file is named, as `sekisho replay` does without --recipient-key.
inline constexpr std::string_view kDefaultRecipientKey = "sekisho";

struct ConnectConfig {
  static constexpr size_t kFilesMax = 1000;  // one open file each, and two looks at the file system a round
  static constexpr size_t kNetworksMax = 1000;
  static constexpr size_t kSettingsMax = 200;

  std::string name;          // unique in the fleet: letters, digits, '.', '_' and '-'
  std::string state;         // folder
  KafkaSettings kafka;       // librdkafka's settings
  std::string topic = "events";
  std::vector<std::string> files;
  std::string timezone = "UTC";
  absl::TimeZone zone = absl::UTCTimeZone();  // what `timezone` names
  // The parsers': default realm, networks, key.
  Pipeline::Options pipeline;
  std::vector<std::string> webmail_hosts, trusted_proxies, own_relays;  // as written
  std::string recipient_key_file;  // empty: kDefaultRecipientKey
  uint64_t spool_max = uint64_t{1} << 30;
  Span position_every = Span::Seconds(10);
  Span heartbeat = Span::Seconds(1);
  std::string metrics;       // HOST:PORT; empty: not served
};

// The keys of the file, each with its documentation. `config` outlives the table.
YamlFields ConnectFields(ConnectConfig* config);

// Paths that aren't absolute are taken from `folder`. InvalidArgument: "FILE:LINE:COLUMN: KEY: what is wrong". Reads the key
// file too.
absl::StatusOr<ConnectConfig> ParseConnectConfig(std::string_view yaml, const std::string& file_name, const std::string& folder);
// `folder` is the file's.
absl::StatusOr<ConnectConfig> LoadConnectConfig(const std::string& file_name);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_APP_CONNECT_CONFIG_H_
