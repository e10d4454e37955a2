// Record: what stands in an input partition of an account shard, protobuf to model and back.
#ifndef SEKISHO_ENGINE_WIRE_RECORD_CODEC_H_
#define SEKISHO_ENGINE_WIRE_RECORD_CODEC_H_

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "engine/base/time.h"
#include "engine/model/origin.h"
#include "engine/wire/event_codec.h"
#include "sekisho/v1/record.pb.h"

namespace sekisho::wire {

// The keys that orders may be signed with, by id.
class OperatorKeys {
 private:
  std::map<std::string, std::string, std::less<>> keys_;
};

// What a decoded record's views point into; must outlive them. Reuse it: it keeps its memory.
struct RecordBuffer {
  v1::Record message;
  EventBuffer event;
};

// The partition's owner, or a connector, says that time has come so far.
struct TimePasses {
  EventTime time;
};

struct DecodedRecord {
  std::variant<Event, TimePasses> value;
  Origin origin;  // of an event
};

// A whole record. Fails as DecodeEvent does. On failure `record` is unspecified.
absl::Status DecodeRecord(std::string_view bytes, const OperatorKeys& keys, RecordBuffer* buffer, DecodedRecord* record);

// A few words for why DecodeRecord refused, the same for each record of a kind: "undecodable", "too large", "newer schema".
std::string_view RefusalReason(const absl::Status& status);

// A serialised Record.
std::string EncodeTimePasses(EventTime time);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_RECORD_CODEC_H_
