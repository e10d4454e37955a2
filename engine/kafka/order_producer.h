// Operators' orders into the log: a plain producer that waits for each record's fate.
//
// No transaction: an order may come twice, which the fold notices, and half-sent orders are finished by giving them again.
#ifndef SEKISHO_ENGINE_KAFKA_ORDER_PRODUCER_H_
#define SEKISHO_ENGINE_KAFKA_ORDER_PRODUCER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/kafka/topics.h"

namespace sekisho::kafka {

struct OrderRecord {
  // Where to; nothing: where events of the account `key` go, which is Kafka's own choice for a key ("murmur2_random").
  std::optional<PartitionId> partition;
  std::string key;  // canonical login; empty: none
  std::string value;
};

// Where a record ended up, or why it didn't.
struct OrderFate {
  PartitionId partition;
  absl::StatusOr<Offset> offset;
};

// Thread-compatible. Calls block, at most for the time given to Connect.
class OrderProducer {
 public:
  // InvalidArgument: a setting that librdkafka doesn't know or can't use; the message names it. NotFound: no such topic.
  // Unavailable: no broker answered; the message ends in the last thing that went wrong.
  static absl::StatusOr<std::unique_ptr<OrderProducer>> Connect(const KafkaSettings& settings, const std::string& topic, Span timeout);
  ~OrderProducer();
  OrderProducer(const OrderProducer&) = delete;
  OrderProducer& operator=(const OrderProducer&) = delete;

  // Of the topic.
  int partitions() const;

  // Sends all, and waits until each is acknowledged by as many brokers as the topic demands, or has failed. One fate a record, in
  // their order.
  std::vector<OrderFate> Send(const std::vector<OrderRecord>& records);

 private:
  class Impl;
  explicit OrderProducer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_ORDER_PRODUCER_H_
