// Producers of librdkafka, as the publisher and the announcer make, use and end them.
#ifndef SEKISHO_ENGINE_KAFKA_PRODUCER_H_
#define SEKISHO_ENGINE_KAFKA_PRODUCER_H_

#include <functional>

#include "absl/status/statusor.h"
#include "engine/kafka/handles.h"
#include "engine/kafka/outputs.h"
#include "engine/kafka/trouble.h"

namespace sekisho::kafka {

using ReportCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque);

// `trouble_of` is the opaque of its callbacks, and outlives it; null: its errors are told to nobody. `on_report` is called from within
// calls that serve the producer, once for each record. InvalidArgument: librdkafka can't use the settings. The error of `conf` is passed on.
absl::StatusOr<rd_kafka_t*> MakeProducer(absl::StatusOr<ConfHandle> conf, TroubleOf* trouble_of, ReportCallback on_report = nullptr);

// Forgets what isn't sent, and ends it; within seconds, whatever the brokers do. Null: nothing to do.
void DestroyProducer(rd_kafka_t* producer);

// Hands a record over, of which librdkafka keeps a copy. While its queue is full, serves the producer and asks `gives_up`, some fifty
// times a second: once that says so, the answer is RD_KAFKA_RESP_ERR__QUEUE_FULL.
rd_kafka_resp_err_t ProduceRecord(rd_kafka_t* producer, const OutRecord& record, const std::function<bool()>& gives_up);

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_PRODUCER_H_
