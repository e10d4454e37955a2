// A worker's connection to the cluster: the four seams of engine/stream/log.h over librdkafka.
//
// Inside are five clients of librdkafka, each with threads of its own: a member of the consumer group, which only tells
// whose the partitions are; a reader of logs and snapshots; two transactional producers, driven by a helper thread each,
// because their calls block; and a plain producer for heartbeats. Whatever else has to be asked of a broker is asked by one
// more helper thread. The calls of the seams only look, so they don't block.
//
// Exactly once rests on this: offsets go into the transaction together with the group generation under which the
// partitions were assigned (KIP-447), and are asked for with "require stable". Outputs commit the offset of `events`,
// snapshots that of `snapshots`; both are held against the generation, so a zombie's transactions of either kind are refused.
#ifndef SEKISHO_ENGINE_KAFKA_CLIENT_H_
#define SEKISHO_ENGINE_KAFKA_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/notice.h"
#include "engine/base/time.h"
#include "engine/kafka/topics.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/stream/log.h"

namespace sekisho::wire {
class OperatorKeys;
}

namespace sekisho::kafka {

// What the topics of deploy/topics.yaml are called here.
struct Topics {
  std::string events = "events";
  std::string sightings = "sightings";
  std::string actions_suspend = "actions.suspend";
  std::string actions_notify = "actions.notify";
  std::string verdicts = "verdicts";
  std::string findings = "findings";
  std::string snapshots = "snapshots";
  std::string dead_letter = "dead-letter";
};

// Which shards a client is for, each with a group of its own: those of accounts fold `events`, those of entities `sightings`.
enum class Role { kAccounts, kEntities };
inline const std::string& InputTopic(const Topics& topics, Role role) {
  return role == Role::kAccounts ? topics.events : topics.sightings;
}

using Locate = std::function<Place(const IpAddress&)>;

struct ClientOptions {
  KafkaSettings settings;  // for all clients inside; what only producers or only consumers know goes to those alone
  std::string group;
  std::string instance;    // static membership: two live workers never share one
  Topics topics;
  Role role = Role::kAccounts;
  int event_partitions = 0;  // of the topic `events`: where judgements go
  Hash128 log_id;          // of LogId, for ce_source
  // Outlive the client. Null: no order is believed.
  const wire::OperatorKeys* keys = nullptr;
  // From the worker's thread. Null: every place is unknown.
  Locate locate;
  // JSON of a finding, without a line feed. From a helper thread. Null: no findings are published.
  std::function<std::string(const Action&)> finding;
  // Called on the thread that calls Wait and the seams.
  NoticeSink notice;
  // Never jumps; from any thread; for durations only. Null: they are zero.
  std::function<Span()> steady;
};

// How one transaction went.
struct TransactionReport {
  bool snapshots = false;  // or of outputs
  bool committed = false;
  Span took;               // from Begin… to its outcome
  uint64_t records = 0, bytes = 0;
};

struct PartitionLag {
  PartitionId partition;
  Offset next;  // what Read gives next
  Offset end;   // of the log, as the brokers told last; may be a little old
  EventTime newest;  // the producer's time of the newest record that was read; Never(): none
};

// Thread-compatible: all of it belongs to one worker's thread.
class Client {
 public:
  // Waits for no broker: those that are away are said through `notice`, and waited for.
  //   InvalidArgument: a setting that librdkafka doesn't know or can't use, or that this class must own; the message names it.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ClientOptions& options);
  // Leaves at most a few seconds later, whatever the brokers do. A static member doesn't leave its group by this: its
  // partitions stay its own until it is back or its session times out.
  virtual ~Client() = default;

  virtual Log* log() = 0;
  virtual Group* group() = 0;
  virtual Publisher* publisher() = 0;
  virtual Snapshots* snapshots() = 0;

  // Returns as soon as something may have come, at the latest after `at_most`.
  virtual void Wait(Span at_most) = 0;

  // Of the readers that are open.
  virtual std::vector<PartitionLag> lags() = 0;
  // Those that ended since the last call, oldest first.
  virtual std::vector<TransactionReport> TakeTransactions() = 0;
};

// Logs of any partition, without a group: for replays and backtests. Heartbeats go nowhere. Open takes any offset that the
// log holds; where to stop is the caller's business (End). Calls block, at most for `timeout`.
class OfflineLog : public Log {
 public:
  static absl::StatusOr<std::unique_ptr<OfflineLog>> Connect(const KafkaSettings& settings, const std::string& topic,
                                                             const wire::OperatorKeys* keys, Locate locate, Span timeout);
  // Of the topic.
  virtual absl::StatusOr<int> Partitions() = 0;
  // The offset that the next record will get.
  virtual absl::StatusOr<Offset> End(PartitionId partition) = 0;
  // Of the first record whose own time stamp, which its producer gave it, is `time` or later; without one, End.
  virtual absl::StatusOr<Offset> At(PartitionId partition, EventTime time) = 0;
  // Returns once a reader has something, at the latest after `at_most`.
  virtual void Wait(Span at_most) = 0;
};

// Names one input log: a hash of the cluster's id, the topic's name and `generation`, which a person changes when the topic
// was deleted and made anew. Blocks, at most for `timeout`. Unavailable: no broker answered; the message says why.
absl::StatusOr<Hash128> LogId(const KafkaSettings& settings, const std::string& topic, const std::string& generation,
                              Span timeout);

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_CLIENT_H_
