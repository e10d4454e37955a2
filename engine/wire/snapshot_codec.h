// The records of the topic "snapshots": states of accounts, and the marker that closes them. See snapshot.proto.
#ifndef SEKISHO_ENGINE_WIRE_SNAPSHOT_CODEC_H_
#define SEKISHO_ENGINE_WIRE_SNAPSHOT_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/model/snapshot.h"

namespace sekisho::wire {

// Of `state` in AccountSnapshot and of `globals` in ShardMarker: both say more of their form themselves, inside.
inline constexpr uint32_t kSnapshotStateFormat = 1;
// A marker beyond it is cut. Kafka's own bound of a record is 1 MiB.
inline constexpr size_t kMarkerPartBytes = 512 << 10;

// Whose they are. Both kinds of shards keep theirs in one topic, in which neither sees the other's.
enum class SnapshotOwner { kAccounts, kEntities };

struct SnapshotRecord {
  std::string key, value;
};

std::string AccountSnapshotKey(AccountId id);
// Overwrites both. `offset`: the marker's.
void EncodeAccountSnapshot(AccountId id, std::string_view state, Offset offset, std::string* key, std::string* value);
// In the order in which they must stand, behind the accounts.
std::vector<SnapshotRecord> EncodeShardMarker(PartitionId partition, const ShardMarker& marker,
                                              SnapshotOwner owner = SnapshotOwner::kAccounts);

enum class SnapshotKind { kAccount, kMarkerPart, kMarker, kOther };
// By the key alone. kOther: another owner's, or a later version's, to be passed over.
SnapshotKind KindOfSnapshot(std::string_view key, SnapshotOwner owner = SnapshotOwner::kAccounts);

struct AccountState {
  AccountId id;
  std::string_view state;  // into `buffer`
};
// Of kind kAccount. Overwrites `buffer`, which must outlive the state.
// DataLoss: not an AccountSnapshot, or another account's than its key says. FailedPrecondition: a later version's.
absl::StatusOr<AccountState> DecodeAccountSnapshot(std::string_view key, std::string_view bytes, std::string* buffer);

// Puts markers together. Thread-compatible.
class MarkerAssembler {
 public:
  explicit MarkerAssembler(SnapshotOwner owner = SnapshotOwner::kAccounts) : owner_(owner) {}

  // Takes a record of kind kMarkerPart or kMarker, in their order. A marker at kMarker, unless parts of it are missing:
  // that is one which a later one has replaced already, and compaction has taken its parts.
  //   DataLoss: not what EncodeShardMarker wrote, or another partition's. FailedPrecondition: a later version's.
  absl::StatusOr<std::optional<ShardMarker>> Take(PartitionId partition, std::string_view key, std::string_view value);

 private:
  SnapshotOwner owner_;
  std::map<uint32_t, std::string> parts_;
};

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_SNAPSHOT_CODEC_H_
