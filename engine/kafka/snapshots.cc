#include "engine/kafka/snapshots.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/wire/snapshot_codec.h"

namespace sekisho::kafka {
namespace {

constexpr Span kSnapshotsAskMax = Span::Seconds(2);
constexpr size_t kMessagesPerRead = 4096;
constexpr size_t kBatchBytes = 4 << 20;
// The newest marker stands at the end, unless what follows was aborted.
constexpr int64_t kLookBack = 4096;
constexpr int64_t kLookBackFactor = 16;
constexpr Span kLookWait = Span::Millis(200);
constexpr int kSilentMax = 25;  // times kLookWait

std::string_view KeyOf(const rd_kafka_message_t& message) { return {static_cast<const char*>(message.key), message.key_len}; }
std::string_view ValueOf(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.len};
}

absl::StatusOr<std::optional<Offset>> NewestMarker(Reader* reader, const std::string& topic, wire::SnapshotOwner owner, PartitionId partition,
                                                   Offset from, Offset end) {
  absl::StatusOr<std::unique_ptr<PartitionStream>> stream = reader->Open(topic, partition, from);
  if (!stream.ok()) return stream.status();
  std::optional<Offset> newest;
  std::vector<rd_kafka_message_t*> messages;
  int silent = 0;
  while ((*stream)->next() < end && !(*stream)->at_end()) {
    if (absl::Status status = (*stream)->Next(kMessagesPerRead, kLookWait, &messages); !status.ok()) return status;
    silent = messages.empty() ? silent + 1 : 0;
    if (silent > kSilentMax) return absl::UnavailableError("the snapshots can't be read yet");
    for (const rd_kafka_message_t* message : messages) {
      if (message->offset >= end.value) continue;
      if (wire::KindOfSnapshot(KeyOf(*message), owner) == wire::SnapshotKind::kMarker) newest = Offset{message->offset};
    }
  }
  return newest;
}

class KafkaSnapshotReader final : public SnapshotReader {
 public:
  struct Range {
    Offset closed;        // everything before it may be passed on as it comes
    bool follow = false;
    wire::SnapshotOwner owner = wire::SnapshotOwner::kAccounts;
  };
  KafkaSnapshotReader(std::unique_ptr<PartitionStream> stream, PartitionId partition, std::string name, const Range& range)
      : stream_(std::move(stream)), partition_(partition), name_(std::move(name)), range_(range), assembler_(range.owner) {}

  absl::StatusOr<SnapshotBatch> Read() override {
    SnapshotBatch batch;
    if (!ended_ && position_ >= range_.closed) return End(std::move(batch));  // nothing was ever committed
    if (ended_ && !range_.follow) return End(std::move(batch));
    while (true) {
      if (at_ == messages_.size()) {
        at_ = 0;
        absl::Status status = stream_->Next(kMessagesPerRead, Span(), &messages_);
        if (absl::IsOutOfRange(status)) {
          return absl::OutOfRangeError(absl::StrCat(name_, ": what follows was compacted away meanwhile; begin anew"));
        }
        if (!status.ok()) return status;
        if (messages_.empty()) break;
      }
      for (; at_ < messages_.size() && (ended_ || batch.records.bytes() < kBatchBytes); ) {
        const rd_kafka_message_t& message = *messages_[at_++];
        position_ = Offset{message.offset + 1};
        absl::StatusOr<bool> closed = Take(message, ended_ ? &held_ : &batch);
        if (!closed.ok()) return Damaged(closed.status());
        if (!*closed) continue;
        if (ended_) batch = std::exchange(held_, SnapshotBatch());
        batch.next = position_;
        if (position_ >= range_.closed) return End(std::move(batch));
        return batch;
      }
      if (!ended_ && batch.records.bytes() >= kBatchBytes) return batch;
      if (held_.records.bytes() > kHeldBytesMax) {
        return absl::OutOfRangeError(absl::StrCat(name_, ": too far ahead to be followed; begin anew"));
      }
    }
    return batch;
  }
  // For a follower that goes on where it was: nothing may be passed on before its marker.
  void HoldFromNow() { ended_ = true; }

 private:
  absl::StatusOr<SnapshotBatch> End(SnapshotBatch batch) {
    ended_ = true;
    batch.end = true;
    return batch;
  }
  absl::Status Damaged(const absl::Status& status) const {
    return absl::Status(status.code(), absl::StrCat(name_, ", offset ", position_.value - 1, ": ", std::string(status.message())));
  }

  // True: it was the marker that closes what came so far.
  absl::StatusOr<bool> Take(const rd_kafka_message_t& message, SnapshotBatch* batch) {
    const std::string_view key = KeyOf(message);
    switch (wire::KindOfSnapshot(key, range_.owner)) {
      case wire::SnapshotKind::kAccount: {
        if (message.payload == nullptr) return false;  // forgotten; nobody writes that yet
        absl::StatusOr<wire::AccountState> state = wire::DecodeAccountSnapshot(key, ValueOf(message), &buffer_);
        if (!state.ok()) return state.status();
        batch->records.Add(state->id, state->state);
        return false;
      }
      case wire::SnapshotKind::kMarkerPart:
      case wire::SnapshotKind::kMarker: {
        absl::StatusOr<std::optional<ShardMarker>> marker = assembler_.Take(partition_, key, ValueOf(message));
        if (!marker.ok()) return marker.status();
        if (!marker->has_value()) return false;
        batch->marker = **std::move(marker);
        return true;
      }
      case wire::SnapshotKind::kOther: return false;
    }
    return false;
  }

  const std::unique_ptr<PartitionStream> stream_;
  const PartitionId partition_;
  const std::string name_;
  const Range range_;
  bool ended_ = false;
  Offset position_;  // follows what was taken
  std::vector<rd_kafka_message_t*> messages_;
  size_t at_ = 0;
  SnapshotBatch held_;
  wire::MarkerAssembler assembler_;
  std::string buffer_;
};

}  // namespace

absl::StatusOr<KafkaSnapshots::Extent> KafkaSnapshots::Find(Reader* reader, const std::string& topic, wire::SnapshotOwner owner,
                                                            PartitionId partition) {
  absl::StatusOr<Watermarks> watermarks = reader->Ask(topic, partition, kSnapshotsAskMax);
  if (!watermarks.ok()) return watermarks.status();
  Extent extent{watermarks->begin, watermarks->begin, watermarks->end};
  Offset end = watermarks->end;
  for (int64_t back = kLookBack; end > watermarks->begin; back *= kLookBackFactor) {
    const Offset from = std::max(watermarks->begin, Offset{end.value - back});
    absl::StatusOr<std::optional<Offset>> newest = NewestMarker(reader, topic, owner, partition, from, end);
    // It was compacted meanwhile: look again.
    if (absl::IsOutOfRange(newest.status())) return absl::UnavailableError(newest.status().message());
    if (!newest.ok()) return newest.status();
    if (newest->has_value()) {
      extent.closed = Offset{(*newest)->value + 1};
      break;
    }
    end = from;
  }
  return extent;
}

absl::StatusOr<KafkaSnapshots::Extent> KafkaSnapshots::Ask(PartitionId partition) {
  return extents_.Ask(partition, [reader = reader_, topic = topic_, owner = owner_, partition] { return Find(reader, topic, owner, partition); });
}

absl::StatusOr<std::unique_ptr<SnapshotReader>> KafkaSnapshots::Open(PartitionId partition) {
  absl::StatusOr<Extent> extent = Ask(partition);
  if (!extent.ok()) return extent.status();
  absl::StatusOr<std::unique_ptr<PartitionStream>> stream = reader_->Open(topic_, partition, extent->begin);
  if (!stream.ok()) return stream.status();
  const Offset closed = extent->closed > extent->begin ? extent->closed : Offset{};
  return std::make_unique<KafkaSnapshotReader>(*std::move(stream), partition, absl::StrCat(topic_, " [", partition.value, "]"),
                                               KafkaSnapshotReader::Range{closed, false, owner_});
}

absl::StatusOr<std::unique_ptr<SnapshotReader>> KafkaSnapshots::Follow(PartitionId partition, Offset from) {
  absl::StatusOr<Extent> extent = Ask(partition);
  if (!extent.ok()) return extent.status();
  const bool anew = from == Offset{};
  if (!anew && (from < extent->begin || from > extent->end)) {
    return absl::OutOfRangeError(absl::StrCat(topic_, " [", partition.value, "]: offset ", from.value,
                                              " isn't there (any more); begin anew"));
  }
  absl::StatusOr<std::unique_ptr<PartitionStream>> stream = reader_->Open(topic_, partition, anew ? extent->begin : from);
  if (!stream.ok()) return stream.status();
  const Offset closed = extent->closed > extent->begin ? extent->closed : Offset{};
  auto reader = std::make_unique<KafkaSnapshotReader>(*std::move(stream), partition, absl::StrCat(topic_, " [", partition.value, "]"),
                                                      KafkaSnapshotReader::Range{closed, true, owner_});
  if (!anew) reader->HoldFromNow();
  return reader;
}

}  // namespace sekisho::kafka
