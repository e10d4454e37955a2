// What a shard's marker says of the policy, for whoever only asks by what a partition decides.
#ifndef SEKISHO_ENGINE_WIRE_POLICY_MARK_H_
#define SEKISHO_ENGINE_WIRE_POLICY_MARK_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"

namespace sekisho::wire {

// The key of the markers in the topic "snapshots".
inline constexpr std::string_view kMarkerKey = "m";

struct PolicyMark {
  Offset next;          // the marker stands for the records before it
  std::string version;
  Offset from;          // the first record that is decided by it; 0: the partition began with it
  EventTime time;       // the partition's
};

// Of a record with kMarkerKey. DataLoss: not a v1.ShardMarker.
absl::StatusOr<PolicyMark> DecodePolicyMark(std::string_view bytes);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_POLICY_MARK_H_
