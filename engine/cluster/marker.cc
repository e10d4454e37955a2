#include "engine/cluster/marker.h"

#include <string>
#include <utility>

#include "engine/base/bytes.h"

namespace sekisho {
namespace {

// Stored at the head of both parts. Moves only when an old reader would misread new bytes.
// 2: the policy's first offset.
constexpr uint64_t kMarkerFormat = 2;

}  // namespace

StateMarker ToStateMarker(const ShardMarker& marker) {
  StateMarker out;
  ByteWriter input(&out.input);
  input.PutVarint(kMarkerFormat);
  input.PutZigzag(marker.next.value);
  input.PutFixed64(marker.log_id.high);
  input.PutFixed64(marker.log_id.low);
  input.PutBytes(marker.policy);
  input.PutBytes(marker.geo);
  input.PutZigzag(marker.time.millis());
  input.PutZigzag(marker.policy_from.value);
  ByteWriter dedupe(&out.dedupe);
  dedupe.PutVarint(kMarkerFormat);
  dedupe.PutVarint(marker.marks.size());
  for (const StreamMark& mark : marker.marks) {
    dedupe.PutBytes(mark.connector);
    dedupe.PutFixed64(mark.epoch);
    dedupe.PutVarint(mark.stream);
    dedupe.PutVarint(mark.position.byte);
    dedupe.PutVarint(mark.position.index);
  }
  out.fold = marker.globals;
  return out;
}

absl::StatusOr<ShardMarker> FromStateMarker(const StateMarker& marker) {
  ShardMarker out;
  ByteReader input(marker.input);
  ByteReader dedupe(marker.dedupe);
  const uint64_t input_format = input.Varint();
  const uint64_t dedupe_format = dedupe.Varint();
  if (input.ok() && dedupe.ok() && (input_format > kMarkerFormat || dedupe_format > kMarkerFormat)) {
    return absl::FailedPreconditionError("the shard's marker is of a later version");
  }
  out.next = Offset{input.Zigzag()};
  out.log_id.high = input.Fixed64();
  out.log_id.low = input.Fixed64();
  out.policy = input.Bytes();
  out.geo = input.Bytes();
  out.time = EventTime::FromMillis(input.Zigzag());
  if (input_format >= 2) out.policy_from = Offset{input.Zigzag()};
  constexpr size_t kMarkBytesMin = 12;
  const size_t marks = dedupe.Length(kMarkBytesMin);
  for (size_t i = 0; i < marks && dedupe.ok(); ++i) {
    StreamMark mark;
    mark.connector = dedupe.Bytes();
    mark.epoch = dedupe.Fixed64();
    mark.stream = static_cast<uint32_t>(dedupe.VarintUpTo(UINT32_MAX));
    mark.position.byte = dedupe.Varint();
    mark.position.index = static_cast<uint32_t>(dedupe.VarintUpTo(UINT32_MAX));
    out.marks.push_back(std::move(mark));
  }
  if (!input.done() || !dedupe.done()) return absl::DataLossError("the shard's marker is damaged");
  out.globals = marker.fold;
  return out;
}

}  // namespace sekisho
