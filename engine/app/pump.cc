#include "engine/app/pump.h"

#include <algorithm>
#include <variant>

namespace sekisho::app {

absl::StatusOr<bool> Pump::Once() {
  absl::StatusOr<Batch> batch = source_->Poll();
  if (!batch.ok()) return batch.status();
  actions_.clear();
  for (size_t i = 0; i < batch->records.size(); i += AccountTable::kPrefetchBest) {
    const size_t n = std::min(AccountTable::kPrefetchBest, batch->records.size() - i);
    if (absl::Status status = Fold(batch->records.subspan(i, n), i); !status.ok()) return status;
  }
  next_ = std::max(next_, batch->next);
  if (!actions_.empty()) {
    if (absl::Status status = sink_->Publish(actions_); !status.ok()) return status;
  }
  return !batch->end;
}

absl::Status Pump::Fold(std::span<const Record> records, size_t first_index) {
  if (records.back().offset < next_) return absl::OkStatus();
  ids_.clear();
  for (const Record& record : records) {
    if (const Event* event = std::get_if<Event>(&record.value)) ids_.push_back(event->id);
  }
  if (absl::Status status = table_->Prefetch(ids_); !status.ok()) return status;
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    if (record.offset < next_) continue;
    if (const Event* event = std::get_if<Event>(&record.value)) {
      const absl::StatusOr<FoldResult> folded = shard_->Fold(*event, record.offset, &actions_);
      if (!folded.ok()) return folded.status();
      if (*folded != FoldResult::kFolded) {
        if (refused_) refused_(first_index + i, *folded);
      } else if (folded_) {
        folded_(*event);
      }
    } else {
      const Heartbeat& heartbeat = std::get<Heartbeat>(record.value);
      if (absl::Status status = shard_->Tick(heartbeat.time, record.offset, &actions_); !status.ok()) return status;
    }
    if (entities_ == nullptr) continue;
    if (absl::Status status = entities_->Settle(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sekisho::app
