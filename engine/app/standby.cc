#include "engine/app/standby.h"

#include <string>
#include <utility>

#include "engine/cluster/marker.h"

namespace sekisho::app {

struct Standby::Slot {
  PartitionId id;
  std::unique_ptr<StandbyLease> lease;
  std::unique_ptr<SnapshotReader> reader;
  bool anew = false;     // read from the beginning, whatever the copy holds
  bool filling = false;  // from the beginning, into a second store
  bool whole = false;    // the copy holds a commit
  Offset next;           // that it stands for
  std::optional<ShardMarker> marker;  // the last one while filling
  std::optional<Offset> followed;
  std::optional<Span> retry_at;

  void Release() {
    reader.reset();
    lease.reset();
    filling = whole = false;
    marker.reset();
    followed.reset();
  }
};

Standby::Standby(const StandbyOptions& options, PartitionStores* stores, Snapshots* snapshots, NoticeSink notice)
    : options_(options), stores_(stores), snapshots_(snapshots), notice_(std::move(notice)) {
  for (int32_t p = 0; p < options_.partitions; ++p) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->id = PartitionId{p};
  }
}

Standby::~Standby() = default;

std::vector<Standby::View> Standby::views() const {
  std::vector<View> views;
  for (const auto& slot : slots_) {
    if (slot->lease != nullptr) views.push_back({slot->id, slot->whole, slot->next});
  }
  return views;
}

bool Standby::Step(Span now) {
  bool progress = false;
  for (const auto& slot : slots_) {
    if (slot->retry_at.has_value() && now < *slot->retry_at) continue;
    slot->retry_at.reset();
    const absl::StatusOr<bool> stepped = StepSlot(slot.get(), now);
    if (stepped.ok()) {
      progress |= *stepped;
      continue;
    }
    slot->Release();
    slot->retry_at = now + options_.retry;
    notice_({NoticeLevel::kError,
             "standby_failed",
             {{"partition", std::to_string(slot->id.value)},
              {"why", std::string(stepped.status().message())},
              {"what_now", "this node's copy isn't kept up to date; trying again later"}}});
  }
  return progress;
}

absl::StatusOr<bool> Standby::StepSlot(Slot* slot, Span now) {
  if (slot->lease != nullptr && slot->lease->wanted()) {
    slot->Release();
    return true;
  }
  if (slot->lease == nullptr) {
    absl::StatusOr<std::unique_ptr<StandbyLease>> lease = stores_->Lend(slot->id, now, options_.grace);
    if (absl::IsUnavailable(lease.status())) return false;
    if (!lease.ok()) return lease.status();
    slot->lease = *std::move(lease);
    if (slot->lease->marker().has_value()) {
      const absl::StatusOr<ShardMarker> marker = FromStateMarker(*slot->lease->marker());
      if (!marker.ok()) return marker.status();
      slot->whole = true;
      slot->next = marker->next;
    }
  }
  if (slot->reader == nullptr) {
    absl::Status begun = Begin(slot);
    if (absl::IsUnavailable(begun)) return false;
    if (!begun.ok()) return begun;
  }
  absl::StatusOr<SnapshotBatch> batch = slot->reader->Read();
  if (absl::IsOutOfRange(batch.status())) {
    slot->reader.reset();
    slot->anew = true;
    return true;
  }
  if (absl::IsUnavailable(batch.status())) return false;
  if (!batch.ok()) return batch.status();
  if (batch->records.empty() && !batch->marker.has_value() && !batch->end) return false;
  if (absl::Status status = Take(slot, *batch); !status.ok()) return status;
  return true;
}

absl::Status Standby::Begin(Slot* slot) {
  const std::optional<Offset> from = slot->anew ? std::nullopt : slot->lease->followed();
  absl::StatusOr<std::unique_ptr<SnapshotReader>> reader = snapshots_->Follow(slot->id, from.value_or(Offset{0}));
  if (!reader.ok()) return reader.status();
  slot->filling = !from.has_value();
  slot->marker.reset();
  slot->followed.reset();
  if (slot->filling) {
    if (absl::Status status = slot->lease->BeginFilling(); !status.ok()) return status;
  }
  slot->reader = *std::move(reader);
  slot->anew = false;
  return absl::OkStatus();
}

absl::Status Standby::Take(Slot* slot, const SnapshotBatch& batch) {
  if (batch.marker.has_value() && batch.marker->log_id != options_.log_id) {
    return absl::FailedPreconditionError("the snapshots are of another log (" + batch.marker->log_id.ToHex() + ", not " +
                                         options_.log_id.ToHex() + ")");
  }
  if (slot->filling) {
    if (batch.marker.has_value()) {
      slot->marker = batch.marker;
      slot->followed = batch.next;
    }
    if (absl::Status status = slot->lease->Spill(batch.records); !status.ok()) return status;
    if (!batch.end) return absl::OkStatus();
    std::optional<StateMarker> marker;
    if (slot->marker.has_value()) marker = ToStateMarker(*slot->marker);
    if (absl::Status status = slot->lease->EndFilling(marker, slot->followed); !status.ok()) return status;
    slot->filling = false;
    slot->whole = slot->marker.has_value();
    slot->next = slot->whole ? slot->marker->next : Offset{0};
    commits_ += slot->whole;
    return absl::OkStatus();
  }
  if (!batch.marker.has_value()) return absl::InternalError("records without the marker that closes them");
  const Offset followed = batch.next.value_or(slot->lease->followed().value_or(Offset{0}));
  // This node owned the partition for a while and holds more than it has read here.
  if (slot->whole && batch.marker->next <= slot->next) return slot->lease->Pass(followed);
  if (absl::Status status = slot->lease->Keep(batch.records, ToStateMarker(*batch.marker), followed); !status.ok()) {
    return status;
  }
  slot->whole = true;
  slot->next = batch.marker->next;
  ++commits_;
  return absl::OkStatus();
}

}  // namespace sekisho::app
