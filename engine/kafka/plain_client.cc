#include "engine/kafka/plain_client.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sekisho::kafka {
absl::StatusOr<std::unique_ptr<PlainClient>> PlainClient::Make(rd_kafka_type_t type, const KafkaSettings& settings, Span timeout,
                                                               void (*report)(rd_kafka_t*, const rd_kafka_message_t*, void*)) {
  std::unique_ptr<PlainClient> self(new PlainClient);
  self->timeout_ms_ = static_cast<int>(timeout.millis());
  char text[kTextBytesMax];
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), text, sizeof(text)) != RD_KAFKA_CONF_OK) {
      return absl::InvalidArgumentError(absl::StrCat("Kafka setting ", key, ": ", text));
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), self.get());
  rd_kafka_conf_set_error_cb(conf.get(), OnTrouble);
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);  // what matters comes through OnTrouble
  if (report != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), report);
  self->client_.reset(rd_kafka_new(type, conf.get(), text, sizeof(text)));
  if (self->client_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf.release();  // the client's now
  return self;
}

absl::StatusOr<int> PlainClient::Partitions(const std::string& topic) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(get(), 1, nullptr, &metadata, timeout_ms_);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Trouble("the cluster can't be asked for its topics", error);
  int partitions = 0;
  for (int t = 0; t < metadata->topic_cnt; ++t) {
    if (topic == metadata->topics[t].topic) partitions = metadata->topics[t].partition_cnt;
  }
  rd_kafka_metadata_destroy(metadata);
  if (partitions > 0) return partitions;
  return absl::NotFoundError(absl::StrCat("the cluster has no topic ", topic, ": \"sekisho topics create\" makes it"));
}

absl::Status PlainClient::Trouble(std::string_view what, rd_kafka_resp_err_t error) {
  rd_kafka_poll(get(), 0);  // serves OnTrouble
  std::string message = absl::StrCat(std::string(what), ": ", rd_kafka_err2str(error));
  const std::lock_guard lock(mutex_);
  if (const std::string words = last_words_.text(); !words.empty()) absl::StrAppend(&message, " (", words, ")");
  return absl::UnavailableError(message);
}

void PlainClient::OnTrouble(rd_kafka_t*, int code, const char* reason, void* self) {
  auto* const client = static_cast<PlainClient*>(self);
  const std::lock_guard lock(client->mutex_);
  client->last_words_.Take(static_cast<rd_kafka_resp_err_t>(code), reason);
}

}  // namespace sekisho::kafka
