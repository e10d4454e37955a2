#include "engine/app/cluster_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/app/operator_key.h"
#include "engine/base/clock.h"

namespace sekisho::app {
namespace {

constexpr size_t kBatchRecords = 1024;
constexpr Span kLook = Span::Millis(100);

}  // namespace

CLI::Option* AddClusterLog(CLI::App* command, ClusterLogOptions* options) {
  CLI::Option* brokers = AddCluster(command, &options->cluster);
  command->add_option("--topic", options->topic, "The events")->capture_default_str();
  command->add_option("--operator-key", options->operator_keys, "ID=FILE, a key whose orders the engines believe; may be repeated")
      ->allow_extra_args(false);
  return brokers;
}

absl::StatusOr<std::unique_ptr<ClusterLog>> OpenClusterLog(const ClusterLogOptions& options, const std::string& client_id,
                                                           const GeoSet* geo) {
  const absl::StatusOr<kafka::KafkaSettings> settings = SettingsOf(options.cluster, client_id);
  if (!settings.ok()) return settings.status();
  auto opened = std::make_unique<ClusterLog>();
  for (const std::string& text : options.operator_keys) {
    const size_t at = text.find('=');
    if (at == std::string::npos || at == 0) return absl::InvalidArgumentError(absl::StrCat("--operator-key ", text, ": must be ID=FILE"));
    absl::StatusOr<std::string> key = ReadOperatorKey(text.substr(at + 1));
    if (!key.ok()) return key.status();
    if (absl::Status status = opened->keys.Add(text.substr(0, at), *std::move(key)); !status.ok()) return status;
  }
  const auto locate = [geo](const IpAddress& ip) {
    const GeoInfo info = geo->Lookup(ip);
    return Place{info.country, info.asn};
  };
  absl::StatusOr<std::unique_ptr<kafka::OfflineLog>> log =
      kafka::OfflineLog::Connect(*settings, options.topic, &opened->keys, locate, options.cluster.timeout());
  if (!log.ok()) return log.status();
  opened->log = *std::move(log);
  return opened;
}

absl::Status ReadRange(kafka::OfflineLog* log, PartitionId partition, Offset begin, Offset end, const ReadLimits& limits,
                       const std::function<absl::Status(const LogBatch& batch)>& fold) {
  if (begin >= end) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<LogReader>> reader = log->Open(partition, begin);
  if (!reader.ok()) return reader.status();
  Offset next = begin;
  Span moved = SteadyNow();
  while (next < end && !limits.stop()) {
    absl::StatusOr<LogBatch> batch = (*reader)->Read(kBatchRecords);
    if (!batch.ok()) return batch.status();
    if (batch->next > next) {
      // Not past the end that was seen first: a live log has no other.
      const auto stays = [end](const LogRecord& record) { return record.offset < end; };
      batch->records = batch->records.first(
          static_cast<size_t>(std::find_if_not(batch->records.begin(), batch->records.end(), stays) - batch->records.begin()));
      next = batch->next = std::min(batch->next, end);
      if (absl::Status status = fold(*batch); !status.ok()) return status;
      moved = SteadyNow();
      continue;
    }
    if (SteadyNow() - moved > limits.patience) {
      return absl::UnavailableError(absl::StrCat("nothing more came after offset ", next.value, ", but the log ends at ", end.value,
                                                 ": is a broker away?"));
    }
    log->Wait(kLook);
  }
  return absl::OkStatus();
}

}  // namespace sekisho::app
