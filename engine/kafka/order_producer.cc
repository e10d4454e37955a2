#include "engine/kafka/order_producer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/plain_client.h"

namespace sekisho::kafka {

class OrderProducer::Impl {
 public:
  std::unique_ptr<PlainClient> client;
  TopicHandle topic;
  int partitions = 0;

  // Each record's fate waits at its message's opaque.
  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    auto* const fate = static_cast<OrderFate*>(message->_private);
    fate->partition = PartitionId{message->partition};
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      fate->offset = Offset{message->offset};
    } else {
      fate->offset = absl::UnavailableError(rd_kafka_err2str(message->err));
    }
  }
};

OrderProducer::OrderProducer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

OrderProducer::~OrderProducer() {
  // The topic is the client's.
  impl_->topic.reset();
}

absl::StatusOr<std::unique_ptr<OrderProducer>> OrderProducer::Connect(const KafkaSettings& settings, const std::string& topic,
                                                                      Span timeout) {
  KafkaSettings all = settings;
  // After these, since later ones win: without them an order could be lost, doubled, or go where its account isn't.
  all.emplace_back("enable.idempotence", "true");
  all.emplace_back("partitioner", "murmur2_random");
  all.emplace_back("message.timeout.ms", absl::StrCat(timeout.millis()));
  auto impl = std::make_unique<Impl>();
  auto client = PlainClient::Make(RD_KAFKA_PRODUCER, all, timeout, Impl::OnReport);
  if (!client.ok()) return client.status();
  impl->client = *std::move(client);
  const auto partitions = impl->client->Partitions(topic);
  if (!partitions.ok()) return partitions.status();
  impl->partitions = *partitions;
  impl->topic.reset(rd_kafka_topic_new(impl->client->get(), topic.c_str(), nullptr));
  if (impl->topic == nullptr) return absl::InvalidArgumentError(absl::StrCat("topic ", topic, ": ", rd_kafka_err2str(rd_kafka_last_error())));
  return std::unique_ptr<OrderProducer>(new OrderProducer(std::move(impl)));
}

int OrderProducer::partitions() const { return impl_->partitions; }

std::vector<OrderFate> OrderProducer::Send(const std::vector<OrderRecord>& records) {
  rd_kafka_t* const client = impl_->client->get();
  std::vector<OrderFate> fates;
  for (const OrderRecord& record : records) {
    fates.push_back({record.partition.value_or(PartitionId{-1}), absl::UnavailableError("not acknowledged in time")});
  }
  for (size_t i = 0; i < records.size(); ++i) {
    const OrderRecord& record = records[i];
    const int produced = rd_kafka_produce(
        impl_->topic.get(), record.partition.has_value() ? record.partition->value : RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
        const_cast<char*>(record.value.data()), record.value.size(), record.key.empty() ? nullptr : record.key.data(),
        record.key.size(), &fates[i]);
    if (produced != 0) fates[i].offset = absl::UnavailableError(rd_kafka_err2str(rd_kafka_last_error()));
  }
  // Every message is reported once its own time is over, so a little more than that is enough.
  rd_kafka_flush(client, impl_->client->timeout_ms() + 1000);
  if (rd_kafka_outq_len(client) > 0) {
    // Never expected; a report that came later would write into `fates`.
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_flush(client, 1000) == RD_KAFKA_RESP_ERR__TIMED_OUT) continue;
  }
  return fates;
}

}  // namespace sekisho::kafka
