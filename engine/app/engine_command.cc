#include "engine/app/engine_command.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/app/daemon_log.h"
#include "engine/app/engine_config.h"
#include "engine/app/engine_metrics.h"
#include "engine/app/exit_code.h"
#include "engine/app/finding.h"
#include "engine/app/geo_setup.h"
#include "engine/app/partition_stores.h"
#include "engine/app/policy_yaml.h"
#include "engine/app/run_setup.h"
#include "engine/app/standby.h"
#include "engine/app/stop.h"
#include "engine/app/worker_thread.h"
#include "engine/base/clock.h"
#include "engine/base/fail_point.h"
#include "engine/cluster/entity_partition.h"
#include "engine/geo/geo.h"
#include "engine/kafka/client.h"
#include "engine/kafka/cluster_watch.h"
#include "engine/kafka/settings.h"
#include "engine/metrics/metrics.h"
#include "engine/wire/record_codec.h"

namespace sekisho::app {
namespace {

// How long one question to the cluster may take; between them the stop signal is looked at.
constexpr Span kAsk = Span::Seconds(2);
constexpr Span kLookEvery = Span::Millis(50);
constexpr Span kWatchEvery = Span::Seconds(1);
constexpr Span kCompareEvery = Span::Seconds(5);  // a node joins one of its two groups a moment before the other
constexpr Span kUpdateEvery = Span::Seconds(1);  // of metrics
// An entity shard's state is written whole, and what a restart folds again is little.
constexpr Span kEntitiesCommitEvery = Span::Seconds(10);

constexpr std::string_view kEntitiesInstance = "entities";

struct EngineOptions {
  std::string config;
  bool standby = false;
  bool check = false;
};

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "sekisho: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

void Say(NoticeLevel level, std::string_view name, std::vector<std::pair<std::string_view, std::string>> fields) {
  LogNotice({level, name, std::move(fields)});
}

void Pause(Span span) { absl::SleepFor(absl::Milliseconds(span.millis())); }

std::vector<std::string> TopicsOf(const EngineConfig& config) {
  const kafka::Topics& t = config.topics;
  std::vector<std::string> topics = {t.events,         t.snapshots, t.verdicts,   t.actions_suspend,
                                     t.actions_notify, t.findings,  t.dead_letter};
  if (config.entities) topics.push_back(t.sightings);
  return topics;
}

// What has to be the same for every shard of an account topic: a record's partition is where all it leads to goes.
absl::StatusOr<int> CheckTopics(const EngineConfig& config, const std::map<std::string, int>& found) {
  const kafka::Topics& topics = config.topics;
  for (const std::string& name : TopicsOf(config)) {
    if (found.contains(name)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("topic ", name, " isn't there, or this user may not see it: \"sekisho topics create\" makes what is missing"));
  }
  const int partitions = found.at(topics.events);
  for (const std::string& name : {topics.snapshots, topics.verdicts, topics.actions_suspend, topics.actions_notify}) {
    if (found.at(name) == partitions) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "topic ", name, " has ", found.at(name), " partitions, but ", topics.events, " has ", partitions,
        ": they must have equally many. Delete it if it is still empty, and make it by \"sekisho topics create --partitions accounts=",
        partitions, "\""));
  }
  return partitions;
}

// Of the instance ids in a group: NAME-NUMBER, NAME-entities.
std::set<std::string> NodesOf(const std::vector<std::string>& instances) {
  std::set<std::string> nodes;
  for (const std::string& instance : instances) {
    if (const size_t dash = instance.rfind('-'); dash != std::string::npos) nodes.insert(instance.substr(0, dash));
  }
  return nodes;
}

// Those that have workers and take no part in judging while others do; empty: they all do, or none does.
std::string NodesWithoutEntities(const std::vector<std::string>& workers, const std::vector<std::string>& judges) {
  const std::set<std::string> with = NodesOf(judges);
  std::string without;
  if (with.empty()) return without;
  for (const std::string& node : NodesOf(workers)) {
    if (!with.contains(node)) absl::StrAppend(&without, without.empty() ? "" : ", ", node);
  }
  return without;
}

// Top to bottom: what is needed first is built first. After Start nothing is constructed, but for the workers of a standby
// that joins the group.
class Engine {
 public:
  Engine(const EngineOptions& options, EngineConfig config) : options_(options), config_(std::move(config)) {}

  int Run() {
    if (absl::Status status = Prepare(); !status.ok()) return Complain(status);
    if (options_.check) {
      std::printf("%s: valid; the policy's version is %s, the geo data's %s\n", options_.config.c_str(), fold_.policy.version.c_str(),
                  fold_.geo_version.c_str());
      return kExitOk;
    }
    if (absl::Status status = OpenHere(); !status.ok()) return Complain(status);
    absl::Status status = MeetCluster();
    if (status.ok()) status = Start();
    if (status.ok()) status = Watch();
    Finish(&status);
    if (status.ok()) {
      Say(NoticeLevel::kInfo, "stopped", {{"name", config_.name}});
      return kExitOk;
    }
    Say(NoticeLevel::kError, "engine_failed", {{"name", config_.name}, {"why", std::string(status.message())}});
    return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
  }

 private:
  // What can be known without the cluster and without taking anything.
  absl::Status Prepare() {
    absl::StatusOr<PolicyText> policy = LoadPolicyText(config_.policy);
    if (!policy.ok()) return absl::InvalidArgumentError(policy.status().message());
    absl::StatusOr<GeoSet> geo = OpenGeo({config_.policy, config_.geo, config_.asn});
    if (!geo.ok()) return geo.status();
    geo_ = *std::move(geo);
    absl::StatusOr<std::map<std::string, std::string>> keys = LoadOperatorKeys(config_);
    if (!keys.ok()) return keys.status();
    for (auto& [id, key] : *keys) {
      if (absl::Status status = operator_keys_.Add(id, std::move(key)); !status.ok()) return status;
    }
    absl::StatusOr<std::optional<HashKey>> pseudonym_key = LoadPseudonymKey(config_);
    if (!pseudonym_key.ok()) return pseudonym_key.status();
    finding_.pseudonym_key = *pseudonym_key;
    absl::Status settings = kafka::CheckSettings(config_.kafka);
    absl::StatusOr<std::unique_ptr<kafka::ClusterWatch>> watch = kafka::ClusterWatch::Connect(config_.kafka);
    settings.Update(watch.status());
    if (!settings.ok()) return absl::InvalidArgumentError(absl::StrCat(options_.config, ": ", std::string(settings.message())));
    watch_ = *std::move(watch);
    fold_.policy = std::move(policy->policy);
    fold_.policy_yaml = std::move(policy->yaml);
    fold_.compile = [](std::string_view yaml) { return ParsePolicy(yaml, "policy"); };
    fold_.geo_version = geo_.version();
    return absl::OkStatus();
  }

  absl::Status OpenHere() {
    absl::StatusOr<std::unique_ptr<PartitionStores>> stores = PartitionStores::Open(config_.state, config_.memory / 4, LogNotice);
    if (!stores.ok()) return stores.status();
    stores_ = *std::move(stores);
    if (config_.entities) {
      stores = PartitionStores::Open(config_.state + "/entities", config_.memory / 64, LogNotice);
      if (!stores.ok()) return stores.status();
      entity_stores_ = *std::move(stores);
    }
    if (config_.metrics.empty()) return absl::OkStatus();
    return metrics_.Serve(config_.metrics).status();
  }

  // Waits for the cluster, as long as it takes.
  absl::Status MeetCluster() {
    const kafka::Topics& topics = config_.topics;
    std::optional<std::map<std::string, int>> found;
    bool said = false;
    std::string_view said_hint;
    while (!StopRequested()) {
      absl::Status status;
      if (!found.has_value()) {
        absl::StatusOr<std::map<std::string, int>> partitions =
            watch_->Partitions(TopicsOf(config_), kAsk);
        if (partitions.ok()) found = *std::move(partitions);
        status = partitions.status();
      }
      if (found.has_value()) {
        absl::StatusOr<int> partitions = CheckTopics(config_, *found);
        if (!partitions.ok()) return partitions.status();
        partitions_ = *partitions;
        entities_on_ = config_.entities && found->at(topics.sightings) <= partitions_;
        fold_.sightings = entities_on_;
        absl::StatusOr<Hash128> log_id = kafka::LogId(config_.kafka, topics.events, config_.log_generation, kAsk);
        if (log_id.ok()) {
          fold_.log_id = *log_id;
          // Of the accounts in use: a node may have to take every partition, so each has an equal share.
          fold_.table = TableOptions(config_.memory / static_cast<uint64_t>(partitions_));
          if (said) Say(NoticeLevel::kInfo, "brokers_answer", {});
          return absl::OkStatus();
        }
        status = log_id.status();
      }
      if (!absl::IsUnavailable(status)) return status;
      // A busy broker may tell of a wrong password only when asked again.
      if (const std::string_view hint = watch_->hint(); !said || hint != said_hint) {
        Say(NoticeLevel::kWarning, "brokers_away",
            {{"why", std::string(status.message())}, {"what_now", hint.empty() ? "waiting for them" : "waiting; if the settings are wrong, mend them and start anew"}});
        said_hint = hint;
      }
      said = true;
      Pause(kLookEvery);
    }
    return absl::OkStatus();
  }

  absl::Status Start() {
    if (StopRequested()) return absl::OkStatus();
    Say(NoticeLevel::kInfo, "started",
        {{"name", config_.name},
         {"version", SEKISHO_VERSION},
         {"partitions", std::to_string(partitions_)},
         {"workers", std::to_string(Workers())},
         {"policy", fold_.policy.version},
         {"geo", fold_.geo_version},
         {"state", config_.state},
         {"log_id", fold_.log_id.ToHex()}});
    // Nothing else suffers from it, and all nodes see the same numbers.
    if (config_.entities && !entities_on_) {
      Say(NoticeLevel::kWarning, "entities_off",
          {{"why", absl::StrCat(config_.topics.sightings, " has more partitions than ", config_.topics.snapshots,
                                ", where the states of its shards belong: source networks are not judged")},
           {"what_now", absl::StrCat("stop all nodes, delete ", config_.topics.sightings, ", make it anew by \"sekisho topics create --partitions ",
                                     "entities=", partitions_, "\"; or say entities: false")}});
    }
    if (config_.standby == StandbyMode::kAll) {
      absl::StatusOr<std::unique_ptr<kafka::Client>> client = kafka::Client::Connect(ClientOptions("standby"));
      if (!client.ok()) return client.status();
      standby_thread_ = std::thread([this, c = std::shared_ptr<kafka::Client>(*std::move(client))] { Follow(c.get()); });
    }
    return options_.standby ? absl::OkStatus() : StartWorkers();
  }

  int Workers() const {
    const int wanted = config_.workers > 0 ? config_.workers : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    return std::min(wanted, std::max(1, partitions_));
  }

  kafka::ClientOptions ClientOptions(const std::string& number) const {
    kafka::ClientOptions client;
    client.settings = config_.kafka;
    client.group = config_.group;
    client.instance = absl::StrCat(config_.name, "-", number);
    client.topics = config_.topics;
    client.log_id = fold_.log_id;
    client.event_partitions = partitions_;
    client.keys = &operator_keys_;
    client.locate = [this](const IpAddress& ip) {
      const GeoInfo info = geo_.Lookup(ip);
      return Place{info.country, info.asn};
    };
    client.finding = [this](const Action& action) { return FindingJson(action, finding_); };
    client.notice = LogNotice;
    client.steady = SteadyNow;
    return client;
  }

  absl::Status StartWorkers() {
    for (int n = 0; n < Workers(); ++n) {
      WorkerThreadOptions options;
      options.number = n;
      options.worker.commit_every = config_.commit_every;
      options.worker.linger = config_.linger;
      options.fold = &fold_;
      options.stores = stores_.get();
      options.client = ClientOptions(std::to_string(n));
      options.notice = LogNotice;
      worker_metrics_.push_back(std::make_unique<WorkerMetrics>(&engine_metrics_, n));
      options.metrics = worker_metrics_.back().get();
      absl::StatusOr<std::unique_ptr<WorkerThread>> worker = WorkerThread::Start(options);
      if (!worker.ok()) return worker.status();
      workers_.push_back(*std::move(worker));
    }
    return entities_on_ ? StartEntities() : absl::OkStatus();
  }

  // One thread is plenty: an account is told of some ten times a day. It isn't followed by standbys; a takeover reads the
  // snapshots.
  absl::Status StartEntities() {
    WorkerThreadOptions options;
    options.number = Workers();
    options.worker.commit_every = std::max(config_.commit_every, kEntitiesCommitEvery);
    options.worker.linger = config_.linger;
    options.worker.heartbeat_after = Span();  // sightings tell the time
    // Sightings are numbered by the offsets of the log of events: with another log of those, the state is another one too.
    entities_.log_id = PinnedHash128(absl::StrCat("sightings of ", fold_.log_id.ToHex()));
    entities_.on_super_source = [](PartitionId shard, const IpAddress& network, uint64_t accounts) {
      Say(NoticeLevel::kWarning, "network_not_judged",
          {{"network", absl::StrCat(network.ToString(), "/", SourceNetworkBits(network))},
           {"entity_shard", std::to_string(shard.value)},
           {"accounts", std::to_string(accounts)},
           {"why", "accounts were suspended over it, but too many use it: is it a gateway of your own? Or did a detector go wrong?"}});
    };
    options.open = [setup = &entities_](PartitionId id, RecordStore* store, Offset fresh_from,
                            FoldCounts* counts) -> absl::StatusOr<std::unique_ptr<PartitionFold>> {
      return EntityPartition::Open(setup, id, store, fresh_from, counts);
    };
    options.stores = entity_stores_.get();
    options.client = ClientOptions(std::string(kEntitiesInstance));
    options.client.group = EntitiesGroup();
    options.client.role = kafka::Role::kEntities;
    options.notice = LogNotice;
    absl::StatusOr<std::unique_ptr<WorkerThread>> worker = WorkerThread::Start(options);
    if (!worker.ok()) return worker.status();
    workers_.push_back(*std::move(worker));
    return absl::OkStatus();
  }

  // The standby's thread.
  void Follow(kafka::Client* client) {
    StandbyOptions options;
    options.partitions = partitions_;
    options.log_id = fold_.log_id;
    if (options_.standby) options.grace = Span();
    Standby standby(options, stores_.get(), client->snapshots(), LogNotice);
    Span update_at;
    while (!stop_standby_.load(std::memory_order_relaxed)) {
      if (const Span now = SteadyNow(); now >= update_at) {
        update_at = now + kUpdateEvery;
        UpdateStandby(standby);
      }
      if (!standby.Step(SteadyNow())) client->Wait(kLookEvery);
    }
  }

  void UpdateStandby(const Standby& standby) {
    int whole = 0, filling = 0;
    for (const Standby::View& view : standby.views()) ++(view.whole ? whole : filling);
    engine_metrics_.UpdateStandby(whole, filling, standby.commits());
  }

  std::string EntitiesGroup() const { return absl::StrCat(config_.group, "-", std::string(kEntitiesInstance)); }

  // What a node with `entities: false` folds is told to nobody, and no node by itself knows of the others' configuration.
  void CompareEntities() {
    const absl::StatusOr<std::vector<std::string>> workers = watch_->Members(config_.group, kAsk);
    if (!workers.ok()) return;
    const absl::StatusOr<std::vector<std::string>> judges = watch_->Members(EntitiesGroup(), kAsk);
    if (!judges.ok()) return;
    std::string silent = NodesWithoutEntities(*workers, *judges);
    // Who has just joined is in one group, and a moment later in the other.
    if (silent == silent_nodes_ && silent != silent_nodes_said_) {
      silent_nodes_said_ = silent;
      if (silent.empty()) {
        Say(NoticeLevel::kInfo, "entities_agree", {});
      } else {
        Say(NoticeLevel::kWarning, "entities_differ",
            {{"nodes", silent},
             {"why", "these nodes have entities: false, others have not: the networks that their accounts use are not judged"},
             {"what_now", "give all nodes the same"}});
      }
    }
    silent_nodes_ = std::move(silent);
  }

  // Until a signal comes or a worker fails.
  absl::Status Watch() {
    Span watch_at, update_at, compare_at = SteadyNow() + kCompareEvery;
    while (!StopRequested()) {
      if (const Span now = SteadyNow(); now >= update_at) {
        update_at = now + kUpdateEvery;
        engine_metrics_.UpdateProcess(stores_->memory());
      }
      for (size_t n = 0; n < workers_.size(); ++n) {
        if (!workers_[n]->done()) continue;
        return absl::Status(workers_[n]->status().code(),
                            absl::StrCat("worker ", n, ": ", std::string(workers_[n]->status().message())));
      }
      if (SteadyNow() >= compare_at) {
        CompareEntities();
        compare_at = SteadyNow() + kCompareEvery;
      }
      if (workers_.empty() && SteadyNow() >= watch_at) {
        watch_at = SteadyNow() + kWatchEvery;
        if (GroupNeedsUs()) {
          if (absl::Status status = StartWorkers(); !status.ok()) return status;
        }
      }
      Pause(kLookEvery);
    }
    return absl::OkStatus();
  }

  bool GroupNeedsUs() {
    const absl::StatusOr<std::vector<std::string>> members = watch_->Members(config_.group, kAsk);
    if (!members.ok()) {
      if (!watch_trouble_said_) {
        Say(NoticeLevel::kWarning, "group_unseen", {{"why", std::string(members.status().message())}, {"what_now", "looking again"}});
      }
      watch_trouble_said_ = true;
      return false;
    }
    watch_trouble_said_ = false;
    const int count = static_cast<int>(members->size());
    if (count >= config_.standby_join_below) return false;
    Say(NoticeLevel::kWarning, "standby_joins",
        {{"members", std::to_string(count)}, {"wanted", std::to_string(config_.standby_join_below)}});
    return true;
  }

  // Whatever `status` says, the others finish in good order.
  void Finish(absl::Status* status) {
    if (status->ok()) Say(NoticeLevel::kInfo, "stopping", {{"name", config_.name}});
    for (const auto& worker : workers_) worker->Stop();
    stop_standby_.store(true, std::memory_order_relaxed);
    if (standby_thread_.joinable()) standby_thread_.join();
    for (size_t n = 0; n < workers_.size(); ++n) {
      while (!workers_[n]->done()) Pause(kLookEvery);
      if (!workers_[n]->status().ok()) {
        status->Update(absl::Status(workers_[n]->status().code(),
                                    absl::StrCat("worker ", n, ": ", std::string(workers_[n]->status().message()))));
      }
    }
    workers_.clear();
  }

  const EngineOptions options_;
  const EngineConfig config_;
  FoldSetup fold_;
  EntitySetup entities_;
  GeoSet geo_;
  wire::OperatorKeys operator_keys_;
  FindingOptions finding_;
  Metrics metrics_;
  EngineMetrics engine_metrics_{&metrics_};
  std::vector<std::unique_ptr<WorkerMetrics>> worker_metrics_;
  std::unique_ptr<kafka::ClusterWatch> watch_;
  std::unique_ptr<PartitionStores> stores_, entity_stores_;
  int partitions_ = 0;
  bool entities_on_ = false;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::thread standby_thread_;
  std::atomic<bool> stop_standby_ = false;
  bool watch_trouble_said_ = false;
  std::string silent_nodes_, silent_nodes_said_;  // at the last look; in the last notice
};

int RunEngine(const EngineOptions& options) {
  if (const char* point = std::getenv("SEKISHO_FAIL_POINT"); point != nullptr && !ArmFailPoint(point)) {
    return Complain(absl::InvalidArgumentError("SEKISHO_FAIL_POINT: NAME or NAME:N is wanted, or either behind stop:"));
  }
  absl::StatusOr<EngineConfig> config = LoadEngineConfig(options.config);
  if (!config.ok()) return Complain(config.status());
  if (options.standby && config->standby == StandbyMode::kNone) {
    return Complain(absl::InvalidArgumentError(absl::StrCat(options.config, ": standby: none makes --standby pointless")));
  }
  return Engine(options, *std::move(config)).Run();
}

}  // namespace

void AddEngine(CLI::App* app, std::function<int()>* run) {
  static EngineOptions options;
  CLI::App* command = app->add_subcommand("engine", "Run a node of the cluster: fold events from Kafka, publish actions");
  command->add_option("--config", options.config, "The node's configuration in YAML")->required();
  command->add_flag("--standby", options.standby,
                    "Only follow the others' states, and join the group when it has too few members (standby_join_below)");
  command->add_flag("--check", options.check, "Only say whether configuration, policy, geo data and keys are good");
  command->footer(
      "\nExamples:\n"
      "  sekisho engine --config /etc/sekisho/engine.yaml\n"
      "  sekisho engine --check --config engine.yaml\n"
      "  sekisho engine --standby --config spare.yaml\n"
      "The least that a configuration must say:\n"
      "  name: node1\n"
      "  state: /var/lib/sekisho\n"
      "  kafka: {bootstrap.servers: \"kafka1:9092,kafka2:9092\"}\n"
      "\n"
      "SIGTERM or Ctrl-C: the node commits, gives its partitions up, and ends with exit code 0; the second signal ends it at\n"
      "once. Others take over when its session ends, session.timeout.ms (6 s) later, unless it is back before.\n"
      "\n"
      "Exit codes:\n"
      "  0  stopped by a signal, in good order; or --check found nothing\n"
      "  1  failed: a state directory in use, topics that don't fit, a full disk, records that are lost; the last line of the\n"
      "     log says what to do\n"
      "  2  wrong usage, or an invalid configuration, policy or key\n");
  command->callback([run] { *run = [] { return RunEngine(options); }; });
}

}  // namespace sekisho::app
