// Membership of the consumer group: who has which partitions, and under which generation.
//
// The member itself reads nothing: to the group it takes what it is given, and to librdkafka it assigns nothing at all.
#ifndef SEKISHO_ENGINE_KAFKA_GROUP_H_
#define SEKISHO_ENGINE_KAFKA_GROUP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/kafka/asker.h"
#include "engine/kafka/client.h"
#include "engine/kafka/handles.h"
#include "engine/kafka/trouble.h"
#include "engine/stream/log.h"

namespace sekisho::kafka {

// Under which generation a transaction's offsets are sent; shared with the publisher's threads.
struct Generation {
  GroupMetadataHandle metadata;
  int32_t number = -1;
};

class KafkaGroup final : public Group {
 public:
  struct Options {
    KafkaSettings settings;
    std::string group, instance;
    Topics topics;
    Role role = Role::kAccounts;

    const std::string& input() const { return InputTopic(topics, role); }
  };
  // `asker` and `trouble` outlive it.
  static absl::StatusOr<std::unique_ptr<KafkaGroup>> Make(const Options& options, Asker* asker, Trouble* trouble, Wake* wake);
  ~KafkaGroup() override;

  absl::StatusOr<GroupChange> Poll() override;
  void Release() override;
  absl::StatusOr<std::optional<Offset>> Committed(PartitionId partition) override;

  // The present assignment's; null where there is none, so that nothing can be published.
  std::shared_ptr<const Generation> generation() const { return generation_; }
  // What was asked of this partition's offset is out of date.
  void Forget(PartitionId partition);

 private:
  struct Answer {
    std::optional<Offset> offset;
  };
  KafkaGroup(const Options& options, Asker* asker, Trouble* trouble);
  absl::StatusOr<bool> CheckTopics();
  absl::StatusOr<Answer> AskCommitted(PartitionId partition);
  // What outputs and what snapshots commit, to be asked for.
  PartitionsHandle BothOffsets(PartitionId partition) const;
  absl::StatusOr<std::string> PreviousOwner(PartitionId partition);
  absl::Status AbortPrevious(PartitionId partition);
  void OnRebalance(rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t* partitions);
  absl::Status TakeMessage(const rd_kafka_message_t& message);
  absl::Status Fatal() const;

  const Options options_;
  Trouble* const trouble_;
  TroubleOf trouble_of_;
  QueueHandle queue_;
  rd_kafka_t* client_ = nullptr;
  bool subscribed_ = false;
  GroupChange change_;          // waits for Poll
  bool await_release_ = false;
  std::shared_ptr<const Generation> generation_;
  Questions<int, bool> checks_;
  Questions<PartitionId, Answer> committed_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_GROUP_H_
