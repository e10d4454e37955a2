#include "engine/app/topics_command.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/app/cluster_options.h"
#include "engine/app/exit_code.h"
#include "engine/app/topics_yaml.h"
#include "engine/kafka/topics.h"

namespace sekisho::app {
namespace {

// How long brokers may take to learn of a topic that was made.
constexpr int kTriesMax = 50;
constexpr std::chrono::milliseconds kPause(100);

struct TopicsOptions {
  ClusterOptions cluster;
  std::string config;                   // file; empty: the topics that come with the program
  std::vector<std::string> partitions;  // "group=number", instead of the file's
  int replication = 0;                  // instead of the file's; 0: the file's
};

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "sekisho: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

// Beside the program in a build, or where the installation has it.
std::string ShippedTopics() {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"share/sekisho/topics.yaml", "../share/sekisho/topics.yaml"}) {
    if (std::filesystem::exists(folder / place, error)) return (folder / place).string();
  }
  return "";
}

absl::StatusOr<std::vector<kafka::TopicSpec>> WantedTopics(const TopicsOptions& options) {
  TopicOverrides overrides;
  overrides.replication = options.replication;
  for (const std::string& text : options.partitions) {
    const size_t at = text.find('=');
    if (at == std::string::npos || at == 0) return absl::InvalidArgumentError(absl::StrCat("--partitions ", text, ": must be NAME=VALUE"));
    int number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + at + 1, end, number);
    if (error != std::errc() || stop != end || number < 1) {
      return absl::InvalidArgumentError(absl::StrCat("--partitions ", text, ": not a number from 1 on"));
    }
    overrides.partitions[text.substr(0, at)] = number;
  }
  const std::string file_name = options.config.empty() ? ShippedTopics() : options.config;
  if (file_name.empty()) return absl::InvalidArgumentError("no topics.yaml found beside the program: name one by --config");
  std::ifstream file(file_name, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return absl::InvalidArgumentError(absl::StrCat(file_name, ": can't be read"));
  return ParseTopics(text.str(), file_name, overrides);
}

absl::StatusOr<std::unique_ptr<kafka::TopicAdmin>> ConnectTo(const TopicsOptions& options) {
  const auto settings = SettingsOf(options.cluster, "sekisho-topics");
  if (!settings.ok()) return settings.status();
  return kafka::TopicAdmin::Connect(*settings, options.cluster.timeout());
}

int Run(const TopicsOptions& options, bool create) {
  const auto wanted = WantedTopics(options);
  if (!wanted.ok()) return Complain(wanted.status());
  const auto admin = ConnectTo(options);
  if (!admin.ok()) return Complain(admin.status());
  std::vector<std::string> made;
  if (create) {
    auto created = (*admin)->CreateMissing(*wanted);
    if (!created.ok()) return Complain(created.status());
    made = *std::move(created);
    for (const std::string& name : made) std::printf("%s: created\n", name.c_str());
  }
  auto differences = (*admin)->Check(*wanted);
  // Each broker learns of new topics in its own time, and any of them may have answered.
  const auto is_new = [&made](const kafka::TopicDifference& difference) {
    return std::find(made.begin(), made.end(), difference.topic) != made.end();
  };
  for (int tries = 0; tries < kTriesMax && differences.ok() && std::any_of(differences->begin(), differences->end(), is_new); ++tries) {
    std::this_thread::sleep_for(kPause);
    differences = (*admin)->Check(*wanted);
  }
  if (!differences.ok()) return Complain(differences.status());
  for (const kafka::TopicDifference& difference : *differences) {
    std::printf("%s: %s\n", difference.topic.c_str(), difference.what.c_str());
  }
  if (differences->empty()) {
    std::printf("%zu topics are as wanted\n", wanted->size());
    return kExitOk;
  }
  std::fprintf(stderr,
               "sekisho: the cluster differs from what is wanted, see above. A missing topic is made by \"sekisho topics\n"
               "create\", a setting is changed by Kafka's own kafka-configs; a number of partitions can't be changed once\n"
               "there are events.\n");
  return kExitFailed;
}

void AddOptions(CLI::App* command, TopicsOptions* options) {
  AddCluster(command, &options->cluster);
  command->add_option("--config", options->config, "The wanted topics in YAML (default: those that come with the program)");
  command->add_option("--partitions", options->partitions, "GROUP=NUMBER, instead of the file's; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--replication", options->replication, "Copies of each partition, instead of the file's")
      ->check(CLI::Range(1, 100));
}

}  // namespace

void AddTopics(CLI::App* app, std::function<int()>* run) {
  static TopicsOptions options;
  CLI::App* command = app->add_subcommand("topics", "Make a Kafka cluster's topics, or say how they differ from what is wanted");
  command->require_subcommand(1);
  CLI::App* create = command->add_subcommand("create", "Make the topics that are missing, then check");
  CLI::App* check = command->add_subcommand("check", "Say what differs; exit code 1 if anything does");
  AddOptions(create, &options);
  AddOptions(check, &options);
  create->callback([run] { *run = [] { return Run(options, true); }; });
  check->callback([run] { *run = [] { return Run(options, false); }; });
  command->footer(
      "\nExamples:\n"
      "  sekisho topics create --brokers kafka1:9092,kafka2:9092\n"
      "  sekisho topics create --brokers localhost:9092 --replication 1 --partitions accounts=4 \\\n                         --partitions entities=4\n"
      "  sekisho topics check --brokers kafka1:9093 -X security.protocol=SASL_SSL -X sasl.mechanism=PLAIN \\\n"
      "    -X sasl.username=admin -X sasl.password=secret -X ssl.ca.location=ca.pem\n");
}

}  // namespace sekisho::app
