// A cluster's log of events as commands read it: in no group, committing nothing, committed records only, from where to where
// they say.
#ifndef SEKISHO_ENGINE_APP_CLUSTER_LOG_H_
#define SEKISHO_ENGINE_APP_CLUSTER_LOG_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/app/cluster_options.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/geo/geo.h"
#include "engine/kafka/client.h"
#include "engine/wire/record_codec.h"

namespace sekisho::app {

struct ClusterLogOptions {
  ClusterOptions cluster;
  std::string topic = "events";
  std::vector<std::string> operator_keys;  // "id=file"
};

// Returns --brokers, as AddCluster.
CLI::Option* AddClusterLog(CLI::App* command, ClusterLogOptions* options);

struct ClusterLog {
  wire::OperatorKeys keys;  // the log looks at them
  std::unique_ptr<kafka::OfflineLog> log;
};

// `client_id` as for SettingsOf; `geo` outlives the log.
//   InvalidArgument  an option, or the file of a key
//   NotFound         no such topic
//   Unavailable      no broker answers
absl::StatusOr<std::unique_ptr<ClusterLog>> OpenClusterLog(const ClusterLogOptions& options, const std::string& client_id,
                                                           const GeoSet* geo);

struct ReadLimits {
  // If nothing comes for so long, though the log isn't at its end.
  Span patience = Span::Seconds(60);
  // Looked at several times a second: true ends the reading early.
  std::function<bool()> stop;
};

// Gives `fold` a partition's records of [begin, end), a batch at a time, with nothing from `end` on. OK also when it was
// stopped. Unavailable: out of patience.
absl::Status ReadRange(kafka::OfflineLog* log, PartitionId partition, Offset begin, Offset end, const ReadLimits& limits,
                       const std::function<absl::Status(const LogBatch& batch)>& fold);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_CLUSTER_LOG_H_
