// What the fold says, as records of the output topics.
#ifndef SEKISHO_ENGINE_KAFKA_OUTPUTS_H_
#define SEKISHO_ENGINE_KAFKA_OUTPUTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/hash.h"
#include "engine/kafka/client.h"
#include "engine/stream/log.h"
#include "engine/wire/snapshot_codec.h"

namespace sekisho::kafka {

// A dead letter's bytes beyond this are cut: with their headers they must fit into one record.
inline constexpr size_t kDeadLetterBytesMax = 900 << 10;

struct OutRecord {
  std::string_view topic;
  int32_t partition = -1;  // -1: as the key's hash says
  std::string_view key;
  std::optional<std::string_view> value;  // none: a tombstone
  std::vector<std::pair<std::string_view, std::string>> headers;
};
using Emit = std::function<absl::Status(const OutRecord&)>;

struct OutputContext {
  Topics topics;
  Role role = Role::kAccounts;
  int event_partitions = 0;
  Hash128 log_id;
  std::function<std::string(const Action&)> finding;
};

// `owner`: who publishes, "INSTANCE/GENERATION". Stops at the first error of `emit`, and returns it. An action goes to
//   actions.suspend  throttle, suspend, release; in the input's partition, like all but the last two
//   actions.notify   notify, observe
//   verdicts         what stands from now on, of those that are enforced
//   findings         every one, where there is a `finding`
// and a dead letter to dead-letter. Judgements are left out.
absl::Status EmitOutputs(const OutputPart& part, const OutputContext& context, std::string_view owner, const Emit& emit);
// Judgements, to every partition of events. They are in no transaction: one that its owner's death leaves open would keep every
// reader of events waiting. They need none: the same records of an entity shard give the same batch, whoever folds them, so one
// that comes twice, late, or from a stale owner is dropped by its mark.
absl::Status EmitJudgements(const OutputPart& part, const OutputContext& context, const Emit& emit);
// Sightings, accounts, then the marker that closes them.
absl::Status EmitSnapshot(const SnapshotPart& part, const OutputContext& context, const Emit& emit);

inline wire::SnapshotOwner OwnerOf(Role role) {
  return role == Role::kAccounts ? wire::SnapshotOwner::kAccounts : wire::SnapshotOwner::kEntities;
}

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_OUTPUTS_H_
