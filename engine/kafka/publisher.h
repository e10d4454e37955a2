// Transactions over librdkafka: one producer and one helper thread for outputs, and the same for snapshots, because
// librdkafka's calls for transactions block.
#ifndef SEKISHO_ENGINE_KAFKA_PUBLISHER_H_
#define SEKISHO_ENGINE_KAFKA_PUBLISHER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/kafka/client.h"
#include "engine/kafka/group.h"
#include "engine/kafka/outputs.h"
#include "engine/kafka/trouble.h"
#include "engine/kafka/wake.h"
#include "engine/stream/log.h"

namespace sekisho::kafka {

// The two producers of a worker. Also the beginning of the names of fail points: "outputs_begun" and so on.
inline constexpr std::string_view kOutputsKind = "outputs";
inline constexpr std::string_view kSnapshotsKind = "snapshots";

std::string TransactionalId(std::string_view group, std::string_view instance, std::string_view kind);
// What is kept beside a committed offset: who committed it. Empty for what nobody here wrote.
std::string OwnerMetadata(std::string_view instance);
std::string OwnerFromMetadata(std::string_view metadata);
// Ends the transaction that is open under that id, if there is one, and fences whoever began it. Blocks for a few seconds at
// most.
absl::Status AbortOpenTransaction(const KafkaSettings& settings, const std::string& transactional_id);

// One transaction at a time, on a thread of its own.
class TransactionChannel {
 public:
  struct Options {
    KafkaSettings settings;
    std::string group, instance;
    std::string_view kind;
    std::string topic;  // whose offsets the transactions commit
    std::vector<std::string> produced;  // the topics that are produced to
    std::function<Span()> steady;
  };
  struct Job {
    std::function<absl::Status(const Emit&)> produce;
    // What must be acknowledged before the transaction begins, and is in none. Empty: nothing.
    std::function<absl::Status(const Emit&)> announce;
    std::vector<std::pair<PartitionId, Offset>> offsets;
    std::shared_ptr<const Generation> generation;  // null: it must not be published
  };
  // The thread may outlive the object by a little, and shares these with it.
  TransactionChannel(const Options& options, std::shared_ptr<Trouble> trouble, std::shared_ptr<Wake> wake);
  ~TransactionChannel();
  TransactionChannel(const TransactionChannel&) = delete;
  TransactionChannel& operator=(const TransactionChannel&) = delete;

  void Begin(Job job);
  absl::StatusOr<Publishing> Poll();
  std::vector<TransactionReport> TakeReports();

 private:
  class Worker;
  const std::shared_ptr<Worker> worker_;
};

class KafkaPublisher final : public Publisher {
 public:
  struct Options {
    KafkaSettings settings;
    std::string group, instance;
    OutputContext context;
    std::function<Span()> steady;
  };
  // `group` outlives it.
  KafkaPublisher(const Options& options, KafkaGroup* group, const std::shared_ptr<Trouble>& trouble,
                 const std::shared_ptr<Wake>& wake);

  void BeginOutputs(std::vector<OutputPart> parts) override;
  absl::StatusOr<Publishing> PollOutputs() override { return outputs_.Poll(); }
  void BeginSnapshots(std::vector<SnapshotPart> parts) override;
  absl::StatusOr<Publishing> PollSnapshots() override { return snapshots_.Poll(); }

  std::vector<TransactionReport> TakeReports();

 private:
  const std::shared_ptr<const OutputContext> context_;
  const std::string instance_;
  KafkaGroup* const group_;
  TransactionChannel outputs_, snapshots_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_PUBLISHER_H_
