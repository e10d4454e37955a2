// Makes records known that are in no transaction.
#ifndef SEKISHO_ENGINE_KAFKA_ANNOUNCER_H_
#define SEKISHO_ENGINE_KAFKA_ANNOUNCER_H_

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "engine/kafka/outputs.h"
#include "engine/kafka/topics.h"
#include "engine/kafka/trouble.h"

namespace sekisho::kafka {

// Belongs to one thread.
class Announcer {
 public:
  Announcer(const KafkaSettings& settings, const TroubleOf& trouble_of) : settings_(settings) { static_cast<TroubleOf&>(state_) = trouble_of; }
  ~Announcer();
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  // Returns once all that `produce` emits is acknowledged. Unavailable: some of it isn't, and may or may not be in the log; once
  // `gives_up` says so, which is asked some fifty times a second, or a record was refused, or its time was over
  // (transaction.timeout.ms). The next call begins with another producer then.
  absl::Status Announce(const std::function<absl::Status(const Emit&)>& produce, const std::function<bool()>& gives_up);

 private:
  // The opaque of librdkafka's callbacks, which run in flush and poll, on the one thread that calls them.
  struct State : TroubleOf {
    size_t failed = 0;
  };

  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque);
  absl::Status AwaitAcknowledgements(const std::function<bool()>& gives_up);

  const KafkaSettings settings_;
  State state_;
  rd_kafka_t* producer_ = nullptr;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_ANNOUNCER_H_
