// Topics as they should be, held against a live cluster: makes those that are missing, and says what differs.
//
// Nothing is ever changed or deleted: a topic that differs holds somebody's log, and what to do about it is for a person.
#ifndef SEKISHO_ENGINE_KAFKA_TOPICS_H_
#define SEKISHO_ENGINE_KAFKA_TOPICS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/time.h"

namespace sekisho::kafka {

// A number that stands for "without bound" where a topic's setting allows it, as Kafka writes it.
inline constexpr int64_t kUnlimited = -1;

struct TopicSpec {
  std::string name;
  int partitions = 1;
  int replication = 1;
  std::map<std::string, std::string> exactly;  // e.g. cleanup.policy: compact
  std::map<std::string, int64_t> at_least;     // e.g. retention.ms; more, or kUnlimited, is as good
};

struct TopicDifference {
  std::string topic;
  std::string what;  // "8 partitions, wanted 12"
};

// librdkafka's own settings, "bootstrap.servers" among them; later ones win.
using KafkaSettings = std::vector<std::pair<std::string, std::string>>;

// Thread-compatible. Calls block, at most for the time given to Connect.
class TopicAdmin {
 public:
  // InvalidArgument: a setting that librdkafka doesn't know or can't use; the message names it. Unavailable: no broker
  // answered within `timeout`; the message ends in the last thing that went wrong (refused, wrong password, no such host).
  static absl::StatusOr<std::unique_ptr<TopicAdmin>> Connect(const KafkaSettings& settings, Span timeout);
  ~TopicAdmin();
  TopicAdmin(const TopicAdmin&) = delete;
  TopicAdmin& operator=(const TopicAdmin&) = delete;

  // Makes the topics that don't exist, and leaves the others alone. Returns the names of those made. On an error, which
  // names the topic, some may have been made: calling it again goes on.
  absl::StatusOr<std::vector<std::string>> CreateMissing(const std::vector<TopicSpec>& specs);

  // What differs, in the order of `specs`; empty when all is as wanted.
  absl::StatusOr<std::vector<TopicDifference>> Check(const std::vector<TopicSpec>& specs);

 private:
  class Impl;
  explicit TopicAdmin(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_TOPICS_H_
