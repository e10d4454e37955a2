// Plain event → the wire's Record, byte for byte as it goes to the topic "events".
#ifndef SEKISHO_CONNECTORS_KAFKA_EVENT_ENCODER_H_
#define SEKISHO_CONNECTORS_KAFKA_EVENT_ENCODER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/common/event.h"
#include "engine/base/time.h"
#include "sekisho/v1/record.pb.h"

namespace sekisho::connectors {

// Kafka's own default bound of a record is 1 MiB. A message with more recipients than fit keeps its full count, and the
// first of the list.
inline constexpr size_t kRecipientListBytesMax = 256 << 10;
inline constexpr int kRecipientListMax = 10'000;

// Who the connector is, on every event.
struct ConnectorName {
  std::string name;    // unique in the fleet
  uint64_t epoch = 0;  // see Origin in event.proto
};

// Thread-compatible; keeps its memory between calls.
class EventEncoder {
 public:
  explicit EventEncoder(ConnectorName connector);

  // False, and nothing is encoded, where there is nothing to tell an engine: an event of no account, our own refusals and
  // sessions' counters. Overwrites `bytes`.
  bool Encode(const Event& event, const Origin& origin, std::string* bytes);

  // Of an encoded event. Never(): it has none, or is none.
  EventTime TimeOf(std::string_view bytes);

  // Says that time has come to `time` at this connector.
  void EncodeHeartbeat(EventTime time, std::string* bytes);

 private:
  const ConnectorName connector_;
  v1::Record record_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_EVENT_ENCODER_H_
