#include "engine/wire/policy_mark.h"

#include "sekisho/v1/snapshot.pb.h"

namespace sekisho::wire {

absl::StatusOr<PolicyMark> DecodePolicyMark(std::string_view bytes) {
  v1::ShardMarker message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::DataLossError("not a sekisho.v1.ShardMarker");
  PolicyMark mark;
  mark.next = Offset{message.offset()};
  mark.version = message.policy_version();
  mark.from = Offset{message.policy_from()};
  if (message.watermark_ms() != 0) mark.time = EventTime::FromMillis(message.watermark_ms());
  return mark;
}

}  // namespace sekisho::wire
