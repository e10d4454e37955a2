// The input log over a Reader.
#ifndef SEKISHO_ENGINE_KAFKA_LOG_H_
#define SEKISHO_ENGINE_KAFKA_LOG_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/kafka/asker.h"
#include "engine/kafka/client.h"
#include "engine/kafka/decode.h"
#include "engine/kafka/reader.h"
#include "engine/stream/log.h"

namespace sekisho::kafka {

// All of it outlives the log.
struct LogParts {
  Reader* reader = nullptr;
  Asker* asker = nullptr;
  Trouble* trouble = nullptr;
};

class KafkaLog final : public Log {
 public:
  // Null `keys`: no order is believed.
  static absl::StatusOr<std::unique_ptr<KafkaLog>> Make(const KafkaSettings& settings, const std::string& topic, Role role,
                                                        const wire::OperatorKeys* keys, Locate locate, const LogParts& parts);
  ~KafkaLog() override;

  absl::StatusOr<Offset> Begin(PartitionId partition) override;
  absl::StatusOr<std::unique_ptr<LogReader>> Open(PartitionId partition, Offset from) override;
  void AppendHeartbeat(PartitionId partition, EventTime time) override;

  void Poll();
  std::vector<PartitionLag> lags() const;

 private:
  class PartitionReader;
  KafkaLog(const std::string& topic, Role role, const wire::OperatorKeys* keys, Locate locate, const LogParts& parts);

  const std::string topic_;
  const Role role_;
  const wire::OperatorKeys no_keys_;
  const wire::OperatorKeys* const keys_;
  const Locate locate_;
  const LogParts parts_;
  TroubleOf trouble_of_;
  rd_kafka_t* producer_ = nullptr;
  TopicHandle producer_topic_;
  Questions<PartitionId, Watermarks> watermarks_;
  std::set<const PartitionReader*> readers_;
};

// Of any partition: what KafkaLog's readers are made of.
std::unique_ptr<LogReader> MakeLogReader(std::unique_ptr<PartitionStream> stream, const wire::OperatorKeys* keys, Locate locate);

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_LOG_H_
