#include "engine/kafka/producer.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sekisho::kafka {
namespace {

constexpr int kRoomMs = 20;

}  // namespace

absl::StatusOr<rd_kafka_t*> MakeProducer(absl::StatusOr<ConfHandle> conf, TroubleOf* trouble_of, ReportCallback on_report) {
  if (!conf.ok()) return conf.status();
  if (trouble_of != nullptr) {
    rd_kafka_conf_set_opaque(conf->get(), trouble_of);
    rd_kafka_conf_set_error_cb(conf->get(), Trouble::OnError);
  }
  if (on_report != nullptr) rd_kafka_conf_set_dr_msg_cb(conf->get(), on_report);
  char text[kTextBytesMax];
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), text, sizeof(text));
  if (producer == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf->release();  // the producer's now
  return producer;
}

void DestroyProducer(rd_kafka_t* producer) {
  if (producer == nullptr) return;
  rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  DestroyWithin(producer, kDestroyMax);
}

rd_kafka_resp_err_t ProduceRecord(rd_kafka_t* producer, const OutRecord& record, const std::function<bool()>& gives_up) {
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(), static_cast<ssize_t>(value.size()));
    }
  }
  const std::string topic(record.topic);
  const std::string_view value = record.value.value_or(std::string_view());
  while (true) {
    // librdkafka copies the value and never writes to it.
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(record.partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(record.key.data(), record.key.size()),
        RD_KAFKA_V_VALUE(record.value.has_value() ? const_cast<char*>(value.data()) : nullptr, value.size()), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return error;  // the headers are the producer's now
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || gives_up()) {
      if (headers != nullptr) rd_kafka_headers_destroy(headers);
      return error;
    }
    rd_kafka_poll(producer, kRoomMs);
  }
}

}  // namespace sekisho::kafka
