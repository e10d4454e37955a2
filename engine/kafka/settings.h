// What each kind of client inside is configured with: what may be changed by the operator's settings, and what may not.
#ifndef SEKISHO_ENGINE_KAFKA_SETTINGS_H_
#define SEKISHO_ENGINE_KAFKA_SETTINGS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/kafka/handles.h"
#include "engine/kafka/topics.h"

namespace sekisho::kafka {

// InvalidArgument: a setting that the promise doesn't allow to be changed, or that contradicts another; names it.
absl::Status CheckSettings(const KafkaSettings& settings);

// A member of the group, which reads nothing.
absl::StatusOr<ConfHandle> MemberConf(const KafkaSettings& settings, const std::string& group, const std::string& instance);
// Asks what the group has committed, also within transactions that are open; joins nothing.
absl::StatusOr<ConfHandle> OffsetsConf(const KafkaSettings& settings, const std::string& group);
// Reads partitions of choice, committed records only, without a group.
absl::StatusOr<ConfHandle> ReaderConf(const KafkaSettings& settings);
absl::StatusOr<ConfHandle> TransactionConf(const KafkaSettings& settings, const std::string& transactional_id);
// Of a transaction that TransactionConf's producer began; `settings` have been checked.
Span TransactionTimeout(const KafkaSettings& settings);
// For records that are in no transaction and may come twice, but must come.
absl::StatusOr<ConfHandle> AnnouncementConf(const KafkaSettings& settings);
absl::StatusOr<ConfHandle> HeartbeatConf(const KafkaSettings& settings);
// Asks, and does nothing else.
absl::StatusOr<ConfHandle> AdminConf(const KafkaSettings& settings);

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_SETTINGS_H_
