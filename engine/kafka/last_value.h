// The newest record of one key in each partition of a topic, found from the partition's end.
#ifndef SEKISHO_ENGINE_KAFKA_LAST_VALUE_H_
#define SEKISHO_ENGINE_KAFKA_LAST_VALUE_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/kafka/topics.h"

namespace sekisho::kafka {

// By partition, of what is committed; nothing where there is none. A record near the end costs little; one that isn't there costs
// a reading of the whole partition. Blocks, at most for `timeout`.
//   InvalidArgument, Unavailable: as OrderProducer::Connect. NotFound: no such topic.
absl::StatusOr<std::map<PartitionId, std::optional<std::string>>> LastValues(const KafkaSettings& settings, const std::string& topic,
                                                                           const std::string& key, Span timeout);

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_LAST_VALUE_H_
