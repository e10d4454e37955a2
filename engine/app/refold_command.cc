#include "engine/app/refold_command.h"

#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "connectors/common/json.h"
#include "engine/app/action_json.h"
#include "engine/app/cluster_log.h"
#include "engine/app/commands.h"
#include "engine/app/exit_code.h"
#include "engine/app/geo_setup.h"
#include "engine/app/output_file.h"
#include "engine/app/policy_yaml.h"
#include "engine/app/run_setup.h"
#include "engine/app/stop.h"
#include "engine/app/terminal.h"
#include "engine/cluster/partition.h"

namespace sekisho::app {
namespace {

constexpr char kClientId[] = "sekisho-refold";

struct RefoldOptions {
  ClusterLogOptions log;
  std::string log_generation = "1";
  std::vector<int> partitions;        // empty: all
  JudgementOptions judgement;
  std::string out = "-";
  std::string summary;                // file; empty: for people only
  uint64_t memory_bytes_max = uint64_t{1} << 30;
};

// What came of one partition.
struct Refolded {
  int partition = 0;
  Offset begin, end;
  uint64_t records = 0, events = 0, repeats = 0, late = 0, future = 0, invalid = 0, dead_letters = 0, actions = 0;
  ShardMarker marker;  // what a snapshot of the state at the end would say
};

void AppendSummary(const Refolded& r, std::string* out) {
  absl::StrAppend(out, "{\"partition\":", r.partition, ",\"begin\":", r.begin.value, ",\"end\":", r.end.value, ",\"records\":",
                  r.records, ",\"events\":", r.events, ",\"repeats\":", r.repeats, ",\"late\":", r.late, ",\"future\":", r.future);
  absl::StrAppend(out, ",\"invalid\":", r.invalid, ",\"dead_letters\":", r.dead_letters, ",\"actions\":", r.actions);
  absl::StrAppend(out, ",\"globals\":\"", absl::BytesToHexString(r.marker.globals), "\",\"marks\":[");
  for (const StreamMark& mark : r.marker.marks) {
    absl::StrAppend(out, out->back() == '[' ? "" : ",", "[");
    connectors::AppendJsonString(mark.connector, out);
    absl::StrAppend(out, ",", mark.epoch, ",", mark.stream, ",", mark.position.byte, ",", mark.position.index, "]");
  }
  absl::StrAppend(out, "]}\n");
}

class Refold {
 public:
  explicit Refold(const RefoldOptions& options) : options_(options) {}

  int Run() {
    if (absl::Status status = Open(); !status.ok()) return Complain(status);
    for (const int partition : partitions_) {
      absl::Status status = FoldPartition(PartitionId{partition});
      if (!status.ok()) return Complain(absl::Status(status.code(), absl::StrCat("partition ", partition, ": ", std::string(status.message()))));
      if (StopRequested()) return kExitInterrupted;
    }
    if (absl::Status status = Finish(); !status.ok()) return Complain(status);
    return kExitOk;
  }

 private:
  static int Complain(const absl::Status& status) {
    std::fprintf(stderr, "sekisho: %s\n", std::string(status.message()).c_str());
    return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
  }

  absl::Status Open() {
    absl::StatusOr<PolicyText> policy = LoadPolicyText(options_.judgement.policy);
    if (!policy.ok()) return policy.status();
    absl::StatusOr<GeoSet> geo = OpenGeo(options_.judgement);
    if (!geo.ok()) return geo.status();
    geo_ = *std::move(geo);
    absl::StatusOr<std::unique_ptr<ClusterLog>> opened = OpenClusterLog(options_.log, kClientId, &geo_);
    if (!opened.ok()) return opened.status();
    opened_ = *std::move(opened);
    log_ = opened_->log.get();
    const absl::StatusOr<kafka::KafkaSettings> settings = SettingsOf(options_.log.cluster, kClientId);
    if (!settings.ok()) return settings.status();
    const absl::StatusOr<Hash128> log_id =
        kafka::LogId(*settings, options_.log.topic, options_.log_generation, options_.log.cluster.timeout());
    if (!log_id.ok()) return log_id.status();
    const absl::StatusOr<int> count = log_->Partitions();
    if (!count.ok()) return count.status();
    partitions_ = options_.partitions;
    if (partitions_.empty()) {
      partitions_.resize(static_cast<size_t>(*count));
      std::iota(partitions_.begin(), partitions_.end(), 0);
    }
    for (const int p : partitions_) {
      if (p >= *count) return absl::InvalidArgumentError(absl::StrCat("--partition ", p, ": ", options_.log.topic, " has ", *count));
    }
    setup_.log_id = *log_id;
    setup_.policy = std::move(policy->policy);
    setup_.policy_yaml = std::move(policy->yaml);
    setup_.compile = [](std::string_view yaml) { return ParsePolicy(yaml, "policy"); };
    setup_.geo_version = geo_.version();
    setup_.table = TableOptions(options_.memory_bytes_max);
    absl::StatusOr<std::unique_ptr<OutputFile>> out =
        options_.out == "-" ? OutputFile::Stdout() : OutputFile::Create(options_.out);
    if (!out.ok()) return out.status();
    out_ = *std::move(out);
    return absl::OkStatus();
  }

  absl::Status FoldPartition(PartitionId id) {
    Refolded result;
    result.partition = id.value;
    const absl::StatusOr<Offset> begin = log_->Begin(id);
    if (!begin.ok()) return begin.status();
    const absl::StatusOr<Offset> end = log_->End(id);
    if (!end.ok()) return end.status();
    result.begin = *begin;
    result.end = *end;
    if (*begin > Offset{0}) {
      std::fprintf(stderr, "sekisho: partition %d: the log begins at offset %lld; what was folded before is not known here\n",
                   result.partition, static_cast<long long>(begin->value));
    }
    absl::StatusOr<std::unique_ptr<Partition>> partition = Partition::Open(&setup_, id, nullptr, *begin);
    if (!partition.ok()) return partition.status();
    std::vector<Output> outputs;
    const auto fold = [&](const LogBatch& batch) {
      for (const LogRecord& record : batch.records) result.events += std::holds_alternative<Event>(record.value);
      if (absl::Status status = (*partition)->Fold(batch, Offset{0}, &outputs); !status.ok()) return status;
      return Write(&outputs, &result);
    };
    if (absl::Status status = ReadRange(log_, id, *begin, *end, {.stop = StopRequested}, fold); !status.ok()) return status;
    const ShardStats& shard = (*partition)->shard_stats();
    result.marker = (*partition)->Marker();
    result.records = (*partition)->stats().records;
    result.repeats = (*partition)->stats().repeats;
    result.dead_letters = (*partition)->stats().dead_letters;
    result.late = shard.late;
    result.future = shard.future;
    result.invalid = shard.invalid;
    refolded_.push_back(result);
    return absl::OkStatus();
  }

  absl::Status Write(std::vector<Output>* outputs, Refolded* result) {
    for (const Output& output : *outputs) {
      const Action* action = std::get_if<Action>(&output);
      if (action == nullptr) continue;
      ++result->actions;
      line_.clear();
      AppendActionJson(*action, &line_);
      if (absl::Status status = out_->Append(line_); !status.ok()) return status;
    }
    outputs->clear();
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (absl::Status status = out_->Flush(); !status.ok()) return status;
    Table table;
    table.Row({"partition", "from", "to", "events", "repeats", "refused", "dead letters", "actions"});
    std::string lines;
    for (const Refolded& r : refolded_) {
      table.Row({std::to_string(r.partition), WithCommas(r.begin.value), WithCommas(r.end.value), WithCommas(static_cast<int64_t>(r.events)),
                 WithCommas(static_cast<int64_t>(r.repeats)), WithCommas(static_cast<int64_t>(r.late + r.future + r.invalid)),
                 WithCommas(static_cast<int64_t>(r.dead_letters)), WithCommas(static_cast<int64_t>(r.actions))});
      AppendSummary(r, &lines);
    }
    std::fputs(table.ToString().c_str(), stderr);
    if (options_.summary.empty()) return absl::OkStatus();
    absl::StatusOr<std::unique_ptr<OutputFile>> file = OutputFile::Create(options_.summary);
    if (!file.ok()) return file.status();
    if (absl::Status status = (*file)->Append(lines); !status.ok()) return status;
    return (*file)->Flush();
  }

  const RefoldOptions options_;
  GeoSet geo_;
  std::unique_ptr<ClusterLog> opened_;
  kafka::OfflineLog* log_ = nullptr;
  std::vector<int> partitions_;
  FoldSetup setup_;
  std::unique_ptr<OutputFile> out_;
  std::vector<Refolded> refolded_;
  std::string line_;
};

}  // namespace

void AddRefold(CLI::App* app, std::function<int()>* run) {
  static RefoldOptions options;
  CLI::App* command = app->add_subcommand("refold", "Fold a cluster's own logs again, and print the actions they lead to");
  AddClusterLog(command, &options.log);
  command->add_option("--log-generation", options.log_generation, "As in the engines' configuration")->capture_default_str();
  command->add_option("--partition", options.partitions, "Only this one; may be repeated")
      ->check(CLI::NonNegativeNumber)
      ->allow_extra_args(false);
  command->add_option("--policy", options.judgement.policy, "The policy file that the partitions began with (default: built in)");
  command->add_option("--geo", options.judgement.geo, "Country database, the one that the engines use");
  command->add_option("--asn", options.judgement.asn, "Database of AS numbers, likewise");
  command->add_option("--out", options.out, "Actions go here as JSON Lines; \"-\" is standard output")->capture_default_str();
  command->add_option("--summary", options.summary, "Counters of each partition, and what its state comes to, go here as JSON Lines");
  command->add_option("--memory-max", options.memory_bytes_max, "Bound of the account table, e.g. 512MiB")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("1GiB");
  command->footer(
      "\nReads each partition from its beginning to the end it has now, in no group, and changes nothing in the cluster. The\n"
      "same policy and geo data as the engines' give the same action ids.\n"
      "\nExamples:\n"
      "  sekisho refold --brokers kafka1:9092 --out actions.jsonl\n"
      "  sekisho refold --brokers kafka1:9092 --partition 3 --policy new.yaml --out what-if.jsonl\n");
  command->callback([run] { *run = [] { return Refold(options).Run(); }; });
}

}  // namespace sekisho::app
