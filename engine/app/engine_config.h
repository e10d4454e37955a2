// The configuration of `sekisho engine`: one YAML file, read strictly. Every key is documented in the table of
// engine_config.cc; an example comes with the program.
#ifndef SEKISHO_ENGINE_APP_ENGINE_CONFIG_H_
#define SEKISHO_ENGINE_APP_ENGINE_CONFIG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/kafka/client.h"
#include "engine/kafka/topics.h"

namespace sekisho::app {

enum class StandbyMode : uint8_t { kNone, kAll };

struct EngineConfig {
  std::string name;               // of this node, unique in the group
  std::string state;              // directory
  kafka::KafkaSettings kafka;     // librdkafka's, "bootstrap.servers" among them
  std::string group = "sekisho";
  std::string log_generation = "1";
  kafka::Topics topics;
  int workers = 0;                // 0: as many as there are cores
  uint64_t memory = uint64_t{1} << 30;  // bytes
  std::string geo, asn, policy;   // files; empty: what comes with the program, none, the default
  std::string metrics;            // HOST:PORT; empty: not served
  StandbyMode standby = StandbyMode::kAll;
  int standby_join_below = 1;     // live members of the group
  std::map<std::string, std::string> operator_keys;  // id → file
  std::string pseudonym_key_file;  // findings hide accounts by the key in it; empty: they name them
  Span commit_every = Span::Seconds(1);
  Span linger = Span::Millis(5);
  bool entities = true;           // judges source networks; tells sightings of them
};

// Paths that aren't absolute are taken from `folder`. InvalidArgument: "FILE:LINE:COLUMN: KEY: what is wrong".
absl::StatusOr<EngineConfig> ParseEngineConfig(std::string_view yaml, const std::string& file_name,
                                               const std::string& folder);

// Of a file; also InvalidArgument when it can't be read.
absl::StatusOr<EngineConfig> LoadEngineConfig(const std::string& path);


// The operators' secrets by id: each file's bytes, without line ends at its end. InvalidArgument: a file can't be read, or
// holds too few or too many bytes.
absl::StatusOr<std::map<std::string, std::string>> LoadOperatorKeys(const EngineConfig& config);

// The key of pseudonym_key_file, or none. InvalidArgument: as above.
absl::StatusOr<std::optional<HashKey>> LoadPseudonymKey(const EngineConfig& config);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_ENGINE_CONFIG_H_
