// The producer on librdkafka: idempotent, so that retries neither double nor reorder within a partition.
#ifndef SEKISHO_CONNECTORS_KAFKA_KAFKA_PRODUCER_H_
#define SEKISHO_CONNECTORS_KAFKA_KAFKA_PRODUCER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/kafka/producer.h"
#include "engine/base/notice.h"

namespace sekisho::connectors {

// librdkafka's own settings, "bootstrap.servers" among them; later ones win.
using KafkaSettings = std::vector<std::pair<std::string, std::string>>;

// Connects in the background: brokers that are away, a wrong password and a missing topic are said through `notice`, once
// until something is delivered again, and waited for.
//   InvalidArgument: a setting that librdkafka doesn't know, or that the promise of Producer doesn't allow to be changed.
absl::StatusOr<std::unique_ptr<Producer>> MakeKafkaProducer(const KafkaSettings& settings, const std::string& topic,
                                                            NoticeSink notice);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_KAFKA_PRODUCER_H_
