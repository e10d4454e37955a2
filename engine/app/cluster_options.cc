#include "engine/app/cluster_options.h"

#include "absl/strings/str_cat.h"

namespace sekisho::app {

CLI::Option* AddCluster(CLI::App* command, ClusterOptions* options) {
  CLI::Option* brokers = command->add_option("--brokers", options->brokers, "Where the cluster is: HOST:PORT, several with commas")->required();
  command->add_option("-X", options->settings, "A setting of librdkafka, KEY=VALUE; may be repeated")->allow_extra_args(false);
  command->add_option("--timeout", options->timeout_s, "Seconds to wait for the cluster")->check(CLI::Range(1, 3600))->capture_default_str();
  return brokers;
}

absl::StatusOr<kafka::KafkaSettings> SettingsOf(const ClusterOptions& options, const std::string& client_id) {
  kafka::KafkaSettings settings = {{"bootstrap.servers", options.brokers}, {"client.id", client_id}};
  for (const std::string& text : options.settings) {
    const size_t at = text.find('=');
    if (at == std::string::npos || at == 0) return absl::InvalidArgumentError(absl::StrCat("-X ", text, ": must be NAME=VALUE"));
    settings.emplace_back(text.substr(0, at), text.substr(at + 1));
  }
  return settings;
}

}  // namespace sekisho::app
