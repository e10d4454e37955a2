#include "connectors/app/connect_daemon.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "connectors/app/connect_config.h"
#include "connectors/app/connect_metrics.h"
#include "connectors/app/pipeline_handler.h"
#include "connectors/kafka/connector.h"
#include "connectors/kafka/kafka_producer.h"
#include "engine/base/clock.h"
#include "engine/base/notice_text.h"
#include "engine/metrics/metrics.h"
#include "engine/metrics/process.h"

namespace sekisho::connectors {
namespace {

constexpr int kExitOk = 0, kExitFailed = 1, kExitUsage = 2, kExitIncomplete = 3;

// How soon a new line is seen.
constexpr Span kIdleWait = Span::Millis(50);
// How long a stop waits for Kafka. What it hasn't acknowledged by then stays in the spool for the next start.
constexpr Span kDrainMax = Span::Seconds(5);
constexpr Span kProcessEvery = Span::Seconds(1);  // figures of the process

volatile std::sig_atomic_t stop_requested = 0;

void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = 1; };
  action.sa_flags = SA_RESETHAND;  // the second one ends the process at once
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is like a full disk: an error of write
  signal(SIGPIPE, SIG_IGN);
}

// systemd's journal has its own time and takes the level from "<N>"; anybody else gets the time.
void WriteNotice(const Notice& notice) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  static constexpr const char* kPriorities[] = {"<6>", "<4>", "<3>"};
  std::string line = journal ? kPriorities[static_cast<size_t>(notice.level)] : FormatRfc3339(RealClock().Now()) + " ";
  absl::StrAppend(&line, NoticeText(notice), "\n");
  // In one piece; a log that can't be written is no reason to stop.
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = ::write(STDERR_FILENO, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "sekisho-connect: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

uint64_t NewEpoch() {
  std::random_device random;
  const uint64_t epoch = uint64_t{random()} << 32 | random();
  return epoch == 0 ? 1 : epoch;
}

absl::Status MakeStateFolder(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  if (std::filesystem::create_directory(path, error) && !error) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
    return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat("state: ", path, ": can't be made: ", error ? error.message() : "something else is there"));
}

ConnectorOptions OptionsOf(const ConnectConfig& config) {
  ConnectorOptions options;
  options.name = config.name;
  options.state_folder = config.state;
  options.files = config.files;
  options.header.zone = config.zone;
  options.spool_bytes_max = config.spool_max;
  options.position_every = config.position_every;
  options.new_epoch = NewEpoch();
  options.sender.heartbeat = config.heartbeat;
  return options;
}

// Says what a start would have trouble with, though the configuration itself is right.
int Check(const ConnectConfig& config, const std::string& file_name) {
  // Settings of librdkafka are known only to librdkafka.
  const auto producer = MakeKafkaProducer(config.kafka, config.topic, [](const Notice&) {});
  if (!producer.ok()) return Complain(absl::InvalidArgumentError(absl::StrCat(file_name, ": ", std::string(producer.status().message()))));
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::absolute(config.state, error).parent_path();
  if (!std::filesystem::is_directory(config.state, error) && !std::filesystem::is_directory(parent, error)) {
    std::fprintf(stderr, "sekisho-connect: warning: state: %s isn't there, nor the folder that it would be made in\n", config.state.c_str());
  }
  for (const std::string& file : config.files) {
    if (::access(file.c_str(), R_OK) == 0) continue;
    std::fprintf(stderr, "sekisho-connect: warning: files: %s: %s\n", file.c_str(), std::strerror(errno));
  }
  std::printf("%s: ok, %zu files\n", file_name.c_str(), config.files.size());
  return kExitOk;
}

// What `once` must tell: files that weren't there, ends that are no lines yet.
int SayWhatWasLeft(const Connector& connector) {
  int code = kExitOk;
  for (size_t i = 0; i < connector.file_count(); ++i) {
    const LogFollower& file = connector.file(i);
    if (file.position().inode == 0) {
      code = kExitIncomplete;  // it was said as "file_missing"
    } else if (file.lag_bytes() > 0) {
      WriteNotice({NoticeLevel::kWarning, "line_unfinished", {{"bytes", absl::StrCat(file.lag_bytes())}, {"file", file.path()}}});
      code = kExitIncomplete;
    }
  }
  return code;
}

}  // namespace

int RunDaemon(const DaemonOptions& options) {
  absl::StatusOr<ConnectConfig> config = LoadConnectConfig(options.config);
  if (!config.ok()) return Complain(config.status());
  if (options.check) return Check(*config, options.config);
  CatchSignals();

  Metrics metrics;
  ConnectMetrics connect_metrics(&metrics, SEKISHO_VERSION, config->spool_max);
  ProcessMetrics process_metrics(&metrics);
  std::string metrics_port;
  if (!config->metrics.empty()) {
    const absl::StatusOr<int> port = metrics.Serve(config->metrics);
    if (!port.ok()) return Complain(port.status());
    metrics_port = absl::StrCat(*port);
  }
  PipelineHandler handler(config->pipeline);
  const absl::StatusOr<std::unique_ptr<Producer>> producer = MakeKafkaProducer(config->kafka, config->topic, WriteNotice);
  if (!producer.ok()) return Complain(absl::InvalidArgumentError(absl::StrCat(options.config, ": ", std::string(producer.status().message()))));
  if (absl::Status made = MakeStateFolder(config->state); !made.ok()) return Complain(made);
  const absl::StatusOr<std::unique_ptr<Connector>> opened = Connector::Open(OptionsOf(*config), &handler, producer->get(), WriteNotice);
  if (!opened.ok()) return Complain(opened.status());
  Connector& connector = **opened;
  WriteNotice({NoticeLevel::kInfo,
               "started",
               {{"name", config->name},
                {"version", SEKISHO_VERSION},
                {"epoch", absl::StrCat(connector.epoch())},
                {"files", absl::StrCat(connector.file_count())},
                {"metrics_port", metrics_port}}});
  if (config->recipient_key_file.empty()) {
    WriteNotice({NoticeLevel::kWarning, "recipient_key", {{"hint", "recipients are hashed under a key that everybody knows: set recipient_key_file"}}});
  }

  EventTime stop_at, process_at;
  while (true) {
    const EventTime now = EventTime::FromMillis(SteadyNow().millis());
    if (stop_requested != 0 && stop_at.never()) stop_at = now + kDrainMax;
    const bool stopping = !stop_at.never();
    if (absl::Status stepped = connector.Step(now, RealClock().Now(), stopping, kIdleWait); !stepped.ok()) return Complain(stepped);
    const bool drained = connector.drained();
    const bool done = stopping ? drained || now >= stop_at : options.once && drained && connector.at_end();
    connect_metrics.Update(connector);
    if (now >= process_at) {
      process_at = now + kProcessEvery;
      process_metrics.Update();
    }
    if (done) break;
  }
  if (absl::Status saved = connector.SavePosition(); !saved.ok()) return Complain(saved);
  WriteNotice({NoticeLevel::kInfo,
               "stopped",
               {{"lines", absl::StrCat(connector.stats().lines)},
                {"acknowledged", absl::StrCat(connector.sender().counters().acknowledged)},
                {"all_acknowledged", connector.drained() ? "yes" : "no: the rest is in the spool"}}});
  return options.once && stop_at.never() ? SayWhatWasLeft(connector) : kExitOk;
}

}  // namespace sekisho::connectors
