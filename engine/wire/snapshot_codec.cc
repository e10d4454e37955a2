#include "engine/wire/snapshot_codec.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/wire/bytes_of_hash.h"
#include "sekisho/v1/snapshot.pb.h"

namespace sekisho::wire {
namespace {

constexpr char kAccountKey = 'a';
constexpr char kMarkerKey = 'm', kEntityMarkerKey = 'M';
constexpr char kPartKey = 'p', kEntityPartKey = 'P';
constexpr size_t kPartKeyBytes = 5;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("a record of the snapshots is damaged: ", std::string(what)));
}

absl::Status Later(std::string_view what, uint32_t format) {
  return absl::FailedPreconditionError(absl::StrCat("the snapshots hold ", std::string(what), " of format ", format,
                                                    ", this version knows ", kSnapshotStateFormat, ": upgrade it"));
}

char MarkerKey(SnapshotOwner owner) { return owner == SnapshotOwner::kAccounts ? kMarkerKey : kEntityMarkerKey; }
char PartKey(SnapshotOwner owner) { return owner == SnapshotOwner::kAccounts ? kPartKey : kEntityPartKey; }

std::string PartKey(SnapshotOwner owner, uint32_t part) {
  std::string key(1, PartKey(owner));
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(part >> shift & 0xff));
  return key;
}

uint32_t PartOfKey(std::string_view key) {
  uint32_t part = 0;
  for (size_t i = 1; i < kPartKeyBytes; ++i) part = part << 8 | static_cast<uint8_t>(key[i]);
  return part;
}

void PutHead(PartitionId partition, const ShardMarker& marker, v1::ShardMarker* out) {
  out->set_partition(static_cast<uint32_t>(partition.value));
  out->set_offset(marker.next.value);
  out->set_log_id(BytesOf(marker.log_id));
  out->set_policy_version(marker.policy);
  out->set_policy_from(marker.policy_from.value);
  out->set_watermark_ms(marker.time.millis());
}

absl::StatusOr<ShardMarker> FromWire(const v1::ShardMarker& in) {
  if (in.globals_format() > kSnapshotStateFormat) return Later("a marker", in.globals_format());
  if (in.log_id().size() != kHashBytes) return Damaged("marker.log_id");
  ShardMarker marker;
  marker.next = Offset{in.offset()};
  marker.log_id = HashFromBytes(in.log_id());
  marker.policy = in.policy_version();
  marker.policy_from = Offset{in.policy_from()};
  marker.geo = in.geo_version();
  marker.time = EventTime::FromMillis(in.watermark_ms());
  for (const v1::StreamMark& mark : in.marks()) {
    marker.marks.push_back({mark.connector(), mark.epoch(), mark.stream(), {mark.byte_position(), mark.index()}});
  }
  marker.globals = in.globals();
  return marker;
}

}  // namespace

std::string AccountSnapshotKey(AccountId id) { return kAccountKey + BytesOf(id.hash); }

void EncodeAccountSnapshot(AccountId id, std::string_view state, Offset offset, std::string* key, std::string* value) {
  *key = AccountSnapshotKey(id);
  v1::AccountSnapshot message;
  message.set_account_id(key->substr(1));
  message.set_state_format(kSnapshotStateFormat);
  message.set_state(state.data(), state.size());
  message.set_offset(offset.value);
  message.SerializeToString(value);
}

std::vector<SnapshotRecord> EncodeShardMarker(PartitionId partition, const ShardMarker& marker, SnapshotOwner owner) {
  v1::ShardMarker whole;
  PutHead(partition, marker, &whole);
  whole.set_geo_version(marker.geo);
  for (const StreamMark& mark : marker.marks) {
    v1::StreamMark* out = whole.add_marks();
    out->set_connector(mark.connector);
    out->set_epoch(mark.epoch);
    out->set_stream(mark.stream);
    out->set_byte_position(mark.position.byte);
    out->set_index(mark.position.index);
  }
  whole.set_globals_format(kSnapshotStateFormat);
  whole.set_globals(marker.globals);
  std::string bytes = whole.SerializeAsString();
  std::vector<SnapshotRecord> records;
  if (bytes.size() <= kMarkerPartBytes) {
    records.push_back({std::string(1, MarkerKey(owner)), std::move(bytes)});
    return records;
  }
  for (size_t at = 0; at < bytes.size(); at += kMarkerPartBytes) {
    records.push_back({PartKey(owner, static_cast<uint32_t>(records.size())), bytes.substr(at, kMarkerPartBytes)});
  }
  v1::ShardMarker head;
  PutHead(partition, marker, &head);
  head.set_parts(static_cast<uint32_t>(records.size()));
  head.set_parts_hash(PinnedHash64(bytes));
  records.push_back({std::string(1, MarkerKey(owner)), head.SerializeAsString()});
  return records;
}

SnapshotKind KindOfSnapshot(std::string_view key, SnapshotOwner owner) {
  if (owner == SnapshotOwner::kAccounts && key.size() == 1 + kHashBytes && key[0] == kAccountKey) return SnapshotKind::kAccount;
  if (key.size() == kPartKeyBytes && key[0] == PartKey(owner)) return SnapshotKind::kMarkerPart;
  if (key.size() == 1 && key[0] == MarkerKey(owner)) return SnapshotKind::kMarker;
  return SnapshotKind::kOther;
}

absl::StatusOr<AccountState> DecodeAccountSnapshot(std::string_view key, std::string_view bytes, std::string* buffer) {
  v1::AccountSnapshot message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Damaged("not an account's");
  if (message.state_format() > kSnapshotStateFormat) return Later("a state", message.state_format());
  if (message.account_id() != key.substr(1)) return Damaged("its key is another account's");
  *buffer = std::move(*message.mutable_state());
  return AccountState{AccountId{HashFromBytes(key.substr(1))}, *buffer};
}

absl::StatusOr<std::optional<ShardMarker>> MarkerAssembler::Take(PartitionId partition, std::string_view key,
                                                                 std::string_view value) {
  if (KindOfSnapshot(key, owner_) == SnapshotKind::kMarkerPart) {
    parts_[PartOfKey(key)] = std::string(value);
    return std::optional<ShardMarker>();
  }
  const std::map<uint32_t, std::string> parts = std::exchange(parts_, {});
  v1::ShardMarker head;
  if (!head.ParseFromArray(value.data(), static_cast<int>(value.size()))) return Damaged("not a marker");
  if (head.partition() != static_cast<uint32_t>(partition.value)) return Damaged("a marker of another partition");
  if (head.parts() == 0) return FromWire(head);
  std::string bytes;
  for (uint32_t part = 0; part < head.parts(); ++part) {
    const auto found = parts.find(part);
    if (found == parts.end()) return std::optional<ShardMarker>();
    bytes += found->second;
  }
  if (PinnedHash64(bytes) != head.parts_hash()) return std::optional<ShardMarker>();
  v1::ShardMarker whole;
  if (!whole.ParseFromString(bytes)) return Damaged("not a marker's parts");
  if (whole.partition() != head.partition() || whole.offset() != head.offset()) return Damaged("another marker's parts");
  return FromWire(whole);
}

}  // namespace sekisho::wire
