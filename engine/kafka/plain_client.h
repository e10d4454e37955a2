// A client of librdkafka that a command uses for a moment: connected or an error that says why not.
#ifndef SEKISHO_ENGINE_KAFKA_PLAIN_CLIENT_H_
#define SEKISHO_ENGINE_KAFKA_PLAIN_CLIENT_H_

#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/time.h"
#include "engine/kafka/handles.h"
#include "engine/kafka/topics.h"
#include "engine/kafka/trouble.h"

namespace sekisho::kafka {

class PlainClient {
 public:
  // `report` is called for each record's fate from rd_kafka_poll, with `opaque` of each message; null for consumers.
  //   InvalidArgument: a setting that librdkafka doesn't know or can't use; the message names it.
  static absl::StatusOr<std::unique_ptr<PlainClient>> Make(rd_kafka_type_t type, const KafkaSettings& settings, Span timeout,
                                                           void (*report)(rd_kafka_t*, const rd_kafka_message_t*, void*));

  rd_kafka_t* get() const { return client_.get(); }
  int timeout_ms() const { return timeout_ms_; }

  // How many partitions the topic has. Unavailable: no broker answered. NotFound: no such topic.
  absl::StatusOr<int> Partitions(const std::string& topic);
  // Unavailable, with the last thing that went wrong inside.
  absl::Status Trouble(std::string_view what, rd_kafka_resp_err_t error);

 private:
  PlainClient() = default;
  static void OnTrouble(rd_kafka_t*, int, const char* reason, void* self);

  std::mutex mutex_;  // errors come on whichever thread polls
  LastWords last_words_;
  int timeout_ms_ = 0;
  Handle<rd_kafka_t, rd_kafka_destroy> client_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_PLAIN_CLIENT_H_
