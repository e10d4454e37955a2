#include "engine/kafka/last_value.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/plain_client.h"

namespace sekisho::kafka {
namespace {

// A marker is the last but one of its transaction's records; what else is near the end are records of an open one.
constexpr int64_t kFirstLook = 64;
constexpr int64_t kWiden = 16;

class Finder {
 public:
  Finder(PlainClient* client, const std::string& topic, const std::string& key) : client_(client), topic_(topic), key_(key) {}

  absl::StatusOr<std::optional<std::string>> Find(int partition) {
    int64_t low = 0, high = 0;
    const rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(client_->get(), topic_.c_str(), partition, &low, &high, client_->timeout_ms());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Trouble(Name(partition), error);
    for (int64_t look = kFirstLook, end = high; low < end; look *= kWiden) {
      const int64_t from = std::max(low, end - look);
      auto found = Newest(partition, from, end);
      if (!found.ok() || found->has_value()) return found;
      end = from;
    }
    return std::optional<std::string>();
  }

 private:
  std::string Name(int partition) const { return absl::StrCat("topic ", topic_, ", partition ", partition); }

  // The newest committed one of [from, end).
  absl::StatusOr<std::optional<std::string>> Newest(int partition, int64_t from, int64_t end) {
    PartitionsHandle one(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(one.get(), topic_.c_str(), partition)->offset = from;
    if (const rd_kafka_resp_err_t error = rd_kafka_assign(client_->get(), one.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return client_->Trouble(Name(partition), error);
    }
    std::optional<std::string> newest;
    while (true) {
      const MessageHandle message(rd_kafka_consumer_poll(client_->get(), client_->timeout_ms()));
      if (message == nullptr) return client_->Trouble(Name(partition), RD_KAFKA_RESP_ERR__TIMED_OUT);
      // The end of what is committed: an open transaction may hide the rest.
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return newest;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Trouble(Name(partition), message->err);
      if (message->offset >= end) return newest;
      if (std::string_view(static_cast<const char*>(message->key), message->key_len) != key_ || message->payload == nullptr) continue;
      newest.emplace(static_cast<const char*>(message->payload), message->len);
    }
  }

  PlainClient* const client_;
  const std::string& topic_;
  const std::string& key_;
};

}  // namespace

absl::StatusOr<std::map<PartitionId, std::optional<std::string>>> LastValues(const KafkaSettings& settings, const std::string& topic,
                                                                           const std::string& key, Span timeout) {
  KafkaSettings all = settings;
  all.emplace_back("isolation.level", "read_committed");
  all.emplace_back("enable.partition.eof", "true");
  all.emplace_back("enable.auto.commit", "false");
  all.emplace_back("auto.offset.reset", "earliest");  // compaction may have taken what was asked for
  all.emplace_back("group.id", "sekisho-look");       // librdkafka wants one; no group is joined
  auto client = PlainClient::Make(RD_KAFKA_CONSUMER, all, timeout, nullptr);
  if (!client.ok()) return client.status();
  rd_kafka_poll_set_consumer((*client)->get());
  const auto partitions = (*client)->Partitions(topic);
  if (!partitions.ok()) return partitions.status();
  std::map<PartitionId, std::optional<std::string>> values;
  Finder finder(client->get(), topic, key);
  for (int p = 0; p < *partitions; ++p) {
    auto found = finder.Find(p);
    if (!found.ok()) return found.status();
    values[PartitionId{p}] = *std::move(found);
  }
  rd_kafka_consumer_close((*client)->get());
  return values;
}

}  // namespace sekisho::kafka
