#include "engine/cluster/local_entities.h"

#include <optional>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/cluster/marker.h"
#include "engine/state/codec.h"

namespace sekisho {
namespace {

constexpr PartitionId kOnlyOne{0};

// Holds a state to begin with, and nothing else: an entity shard has no records.
class Beginning final : public RecordStore {
 public:
  explicit Beginning(std::optional<StateMarker> marker) : marker_(std::move(marker)) {}
  const std::optional<StateMarker>& marker() const override { return marker_; }
  absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) override {
    records->assign(ids.size(), std::nullopt);
    return absl::OkStatus();
  }
  absl::Status Commit(const PackedRecords&, const StateMarker&) override { return absl::OkStatus(); }
  absl::Status Spill(const PackedRecords&) override { return absl::OkStatus(); }
  std::string name() const override { return "what is known of networks and domains"; }

 private:
  std::optional<StateMarker> marker_;
};

}  // namespace

LocalEntities::LocalEntities(Hash128 log_id, Shard* shard) : setup_{PinnedHash128("sightings of " + log_id.ToHex()), nullptr}, shard_(shard) {
  Beginning nothing(std::nullopt);
  entities_ = *EntityPartition::Open(&setup_, kOnlyOne, &nothing, Offset{0});
  shard_->set_sightings(&sightings_);
}

absl::Status LocalEntities::Settle() {
  if (sightings_.empty()) return absl::OkStatus();
  for (const Sighting& sighting : sightings_) {
    const LogRecord record{entities_->next(), {}, sighting, ""};
    const LogBatch batch{{&record, 1}, Offset{record.offset.value + 1}};
    if (absl::Status status = entities_->Fold(batch, Offset{0}, &outputs_); !status.ok()) return status;
  }
  sightings_.clear();
  for (const Output& output : outputs_) {
    if (const JudgementBatch* judgements = std::get_if<JudgementBatch>(&output)) shard_->Judge(*judgements);
  }
  outputs_.clear();
  return absl::OkStatus();
}

std::string LocalEntities::Encode() {
  std::string bytes;
  EncodeMarker(ToStateMarker(entities_->Freeze().marker), &bytes);
  return bytes;
}

absl::Status LocalEntities::Decode(std::string_view bytes) {
  StateMarker marker;
  if (absl::Status status = DecodeMarker(bytes, &marker); !status.ok()) return status;
  Beginning stored(std::move(marker));
  absl::StatusOr<std::unique_ptr<EntityPartition>> opened = EntityPartition::Open(&setup_, kOnlyOne, &stored, Offset{0});
  if (!opened.ok()) return opened.status();
  entities_ = *std::move(opened);
  return absl::OkStatus();
}

}  // namespace sekisho
