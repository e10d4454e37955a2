// Record: what stands in an input partition of an account shard, protobuf to model and back. Orders are believed only under
// the signature of a configured operator's key.
//
// Who may write to the topic may pretend to be a connector, but not to be an operator. What a signature doesn't keep out is
// a copy of an order: that it takes effect once is the fold's business (engine/cluster/order_marks.h).
#ifndef SEKISHO_ENGINE_WIRE_RECORD_CODEC_H_
#define SEKISHO_ENGINE_WIRE_RECORD_CODEC_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/time.h"
#include "engine/model/order.h"
#include "engine/model/origin.h"
#include "engine/wire/event_codec.h"
#include "sekisho/v1/record.pb.h"

namespace sekisho::wire {

// Limits on what is taken from the wire, beside those of events.
inline constexpr size_t kOperatorKeyBytesMin = 32;
inline constexpr size_t kPolicyBytesMax = 256 << 10;   // a full policy, every key explained, has 13 kB
inline constexpr size_t kOrderTextBytesMax = 1024;     // a reason, an operator's name, an owner
inline constexpr Span kGraceMax = Span::Days(366);
inline constexpr size_t kConnectorBytesMax = 256;      // one name is kept for each stream
inline constexpr int kJudgementsMax = 10'000;

// The keys that orders may be signed with, by id.
class OperatorKeys {
 public:
  // InvalidArgument: an empty id, one that was added before, or fewer than kOperatorKeyBytesMin bytes.
  absl::Status Add(std::string id, std::string key);
  // Null: no such key.
  const std::string* Find(std::string_view id) const;

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
  std::variant<Event, TimePasses, Order, JudgementBatch> value;
  Origin origin;  // of an event
};

// A whole record. As DecodeEvent, and
//   PermissionDenied: an order without a good signature by a known key.
// On failure `record` is unspecified.
absl::Status DecodeRecord(std::string_view bytes, const OperatorKeys& keys, RecordBuffer* buffer, DecodedRecord* record);

// A few words for why DecodeRecord refused, the same for each record of a kind: "undecodable", "too large", "newer schema",
// "signature".
std::string_view RefusalReason(const absl::Status& status);

// A serialised Record each. Events, with their origins, are the connectors' to encode.
std::string EncodeTimePasses(EventTime time);
std::string EncodeJudgements(const JudgementBatch& batch);
// InvalidArgument: an order that DecodeRecord would refuse, or a key id that `keys` hasn't.
absl::StatusOr<std::string> SignOrder(const Order& order, const OperatorKeys& keys, std::string_view key_id);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_RECORD_CODEC_H_
