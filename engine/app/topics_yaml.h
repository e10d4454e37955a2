// The file that says which topics a cluster wants (deploy/topics.yaml), read strictly.
#ifndef SEKISHO_ENGINE_APP_TOPICS_YAML_H_
#define SEKISHO_ENGINE_APP_TOPICS_YAML_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/kafka/topics.h"

namespace sekisho::app {

// What a cluster may want otherwise than the file says; 0 and absent groups: as the file says.
struct TopicOverrides {
  int replication = 0;                    // also bounds min.insync.replicas
  std::map<std::string, int> partitions;  // by group
};

// In the order of their names. InvalidArgument: "FILE:LINE:COLUMN: what is wrong": an unknown key, a group that isn't
// there, a number out of range. In `at_least`, a key that ends in ".ms" also takes "7d", and every key "unlimited".
absl::StatusOr<std::vector<kafka::TopicSpec>> ParseTopics(std::string_view yaml, const std::string& file_name,
                                                          const TopicOverrides& overrides);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_TOPICS_YAML_H_
