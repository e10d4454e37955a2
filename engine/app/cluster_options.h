// How a command is told where a cluster is: the same options for each command that goes to one.
#ifndef SEKISHO_ENGINE_APP_CLUSTER_OPTIONS_H_
#define SEKISHO_ENGINE_APP_CLUSTER_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/time.h"
#include "engine/kafka/topics.h"

namespace sekisho::app {

struct ClusterOptions {
  std::string brokers;                // HOST:PORT,…
  std::vector<std::string> settings;  // librdkafka's, "key=value"
  int timeout_s = 30;
  Span timeout() const { return Span::Seconds(timeout_s); }
};

// Returns --brokers, which is required unless the caller says otherwise.
CLI::Option* AddCluster(CLI::App* command, ClusterOptions* options);

// `client_id` is how the brokers' logs name the command. InvalidArgument: a setting that is no NAME=VALUE.
absl::StatusOr<kafka::KafkaSettings> SettingsOf(const ClusterOptions& options, const std::string& client_id);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_CLUSTER_OPTIONS_H_
