// A shard's marker as the local store keeps it.
#ifndef SEKISHO_ENGINE_CLUSTER_MARKER_H_
#define SEKISHO_ENGINE_CLUSTER_MARKER_H_

#include "absl/status/statusor.h"
#include "engine/model/snapshot.h"
#include "engine/state/codec.h"

namespace sekisho {

StateMarker ToStateMarker(const ShardMarker& marker);
// DataLoss: not what ToStateMarker wrote. FailedPrecondition: a later version's.
absl::StatusOr<ShardMarker> FromStateMarker(const StateMarker& marker);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_MARKER_H_
