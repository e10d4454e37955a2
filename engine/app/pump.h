// Moves records from a source through a shard to a sink: the same few lines for files and for a broker.
#ifndef SEKISHO_ENGINE_APP_PUMP_H_
#define SEKISHO_ENGINE_APP_PUMP_H_

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/cluster/local_entities.h"
#include "engine/shard/shard.h"
#include "engine/state/account_table.h"
#include "engine/stream/stream.h"

namespace sekisho::app {

// Thread-compatible: belongs to the thread that owns the shard. Nothing is owned; all outlives the pump.
class Pump {
 public:
  // `table` is the shard's: it is told ahead which accounts come next.
  Pump(Source* source, Shard* shard, Sink* sink, AccountTable* table)
      : source_(source), shard_(shard), sink_(sink), table_(table) {}

  // Records before `next` were folded in by an earlier run: they are polled, and passed over.
  void ResumeAt(Offset next) { next_ = next; }
  // Told of each record that the shard refused, by its index in the present batch, while that batch is valid.
  void OnRefused(std::function<void(size_t index, FoldResult)> told) { refused_ = std::move(told); }

  // Where what the shard tells of networks, domains and campaigns is judged, after each record. Null: nowhere.
  void JudgeBy(LocalEntities* entities) { entities_ = entities; }

  // Told of each event that was folded in, right after it was.
  void OnFolded(std::function<void(const Event&)> told) { folded_ = std::move(told); }

  // Polls one batch, folds it, publishes what it led to. False: the source has ended. After an error the shard must be
  // reopened from what is committed.
  absl::StatusOr<bool> Once();
  // Commits everything up to next().
  absl::Status Commit() { return sink_->Commit(next_); }
  Offset next() const { return next_; }

 private:
  absl::Status Fold(std::span<const Record> records, size_t first_index);

  Source* const source_;
  Shard* const shard_;
  Sink* const sink_;
  AccountTable* const table_;
  LocalEntities* entities_ = nullptr;
  std::function<void(size_t, FoldResult)> refused_;
  std::function<void(const Event&)> folded_;
  std::vector<AccountId> ids_;
  std::vector<Action> actions_;
  Offset next_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_PUMP_H_
