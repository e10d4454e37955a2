// A look at the cluster from outside: how many partitions topics have, and which live members a group has.
#ifndef SEKISHO_ENGINE_KAFKA_CLUSTER_WATCH_H_
#define SEKISHO_ENGINE_KAFKA_CLUSTER_WATCH_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/time.h"
#include "engine/kafka/topics.h"

namespace sekisho::kafka {

// Thread-compatible. Calls block, at most for the time they are given.
class ClusterWatch {
 public:
  // Waits for no broker. InvalidArgument: a setting that librdkafka doesn't know or can't use; the message names it.
  static absl::StatusOr<std::unique_ptr<ClusterWatch>> Connect(const KafkaSettings& settings);
  ~ClusterWatch();
  ClusterWatch(const ClusterWatch&) = delete;
  ClusterWatch& operator=(const ClusterWatch&) = delete;

  // By topic; those that aren't there, or may not be seen by this user, are left out. Unavailable: no broker answered;
  // the message ends in the last thing that went wrong (refused, wrong password, no such host).
  absl::StatusOr<std::map<std::string, int>> Partitions(const std::vector<std::string>& topics, Span timeout);
  // Each live member's group.instance.id (client.id, if it has none), in no order; none where there is no such group, or this user
  // may not see it. Unavailable: nobody could say.
  absl::StatusOr<std::vector<std::string>> Members(const std::string& group, Span timeout);

  // What may be done about the last failure; empty where that isn't known, or nothing failed.
  std::string_view hint() const;

 private:
  class Impl;
  explicit ClusterWatch(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_CLUSTER_WATCH_H_
