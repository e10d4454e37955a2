#include "engine/cluster/worker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/fail_point.h"
#include "engine/cluster/marker.h"

namespace sekisho {

struct Worker::Slot {
  enum class Phase {
    kAsk,      // what is P?
    kOpen,     // the local state
    kRestore,  // from snapshots
    kFold,
    kParked,   // revoked in good order; may come back
  };
  PartitionId id;
  uint64_t serial = 0;  // differs between two stays of one partition
  Phase phase = Phase::kAsk;
  bool doomed = false;  // what is in memory must be dropped
  std::optional<Offset> committed;  // P as the group told it
  Offset published;                 // P
  Offset log_begin;
  Offset frozen;                    // the last copy stands for it
  // In the order in which they depend on each other.
  std::unique_ptr<RecordStore> store;
  std::unique_ptr<PartitionFold> partition;
  std::unique_ptr<LogReader> reader;
  std::unique_ptr<SnapshotReader> snapshots;
  std::optional<ShardMarker> restored;
  std::vector<Output> outputs;  // of [published, partition->next()), unless they are in flight
  std::vector<EventTime> acted_on;  // likewise
  EventTime appended;               // of the last record
  Span last_record;

  std::string name() const { return "partition " + std::to_string(id.value); }
  bool folding() const { return phase == Phase::kFold && !doomed; }
  // Past what others have folded. Only then may it be frozen: an earlier owner's snapshots may stand for any offset up to
  // P, and states of an earlier one among them would stand for nothing.
  bool live() const { return folding() && partition->next() >= published; }
};

Worker::Worker(const WorkerOptions& options, OpenFold open, const WorkerSeams& seams)
    : options_(options), open_(std::move(open)), seams_(seams) {}

Worker::Worker(const WorkerOptions& options, const FoldSetup* setup, const WorkerSeams& seams)
    : Worker(options,
             [setup](PartitionId id, RecordStore* store, Offset fresh_from,
                     FoldCounts* counts) -> absl::StatusOr<std::unique_ptr<PartitionFold>> {
               return Partition::Open(setup, id, store, fresh_from, counts);
             },
             seams) {}

Worker::~Worker() = default;

Worker::Slot* Worker::Find(uint64_t serial) {
  for (const auto& slot : slots_) {
    if (slot->serial == serial) return slot.get();
  }
  return nullptr;
}

std::vector<Worker::PartitionView> Worker::partitions() const {
  std::vector<PartitionView> views;
  for (const auto& slot : slots_) {
    PartitionView& view = views.emplace_back();
    view.id = slot->id;
    view.published = slot->published;
    view.partition = slot->partition == nullptr ? nullptr : slot->partition->accounts();
    view.store = slot->store.get();
    view.appended = slot->appended;
    if (slot->partition != nullptr) view.next = slot->partition->next();
    view.live = slot->live() && mode_ == Mode::kRunning;
  }
  return views;
}

absl::StatusOr<bool> Worker::Step(const WorkerTime& now) {
  if (stopped_) return false;
  bool progress = false;
  if (!release_) {
    absl::StatusOr<GroupChange> change = seams_.group->Poll();
    if (!change.ok()) return change.status();
    if (change->kind != GroupChange::Kind::kNone) {
      OnChange(*change, now);
      progress = true;
    }
  }
  if (stopping_ && mode_ == Mode::kRunning) {
    mode_ = Mode::kDraining;
    drain_committed_ = false;
    drain_until_ = now.steady + options_.drain_max;
  }
  if (absl::Status status = PollPublisher(); !status.ok()) return status;
  const uint64_t folded_before = stats_.records_live + stats_.records_muted;
  for (const auto& slot : slots_) {
    absl::StatusOr<bool> stepped = StepSlot(slot.get(), now);
    if (!stepped.ok()) {
      return absl::Status(stepped.status().code(), slot->name() + ": " + std::string(stepped.status().message()));
    }
    progress |= *stepped;
  }
  if (mode_ != Mode::kAbandoning) {
    progress |= BeginOutputs(now);
    if (mode_ == Mode::kRunning) BeginCommit(now);
    progress |= FreezeSome(stats_.records_live + stats_.records_muted - folded_before);
  }
  if (absl::Status status = StepCommit(); !status.ok()) return status;
  if (mode_ == Mode::kDraining) StepDrain(now);
  if (mode_ == Mode::kAbandoning) StepAbandon();
  return progress;
}

void Worker::OnChange(const GroupChange& change, const WorkerTime& now) {
  switch (change.kind) {
    case GroupChange::Kind::kNone:
      return;
    case GroupChange::Kind::kAssigned: {
      // What was parked comes back, or goes.
      std::vector<std::unique_ptr<Slot>> slots;
      for (const PartitionId id : change.partitions) {
        const auto parked =
            std::find_if(slots_.begin(), slots_.end(), [id](const auto& slot) { return slot != nullptr && slot->id == id; });
        if (parked != slots_.end()) {
          slots.push_back(std::move(*parked));
        } else {
          slots.push_back(std::make_unique<Slot>());
          slots.back()->id = id;
        }
        slots.back()->serial = ++serial_;
        slots.back()->phase = Slot::Phase::kAsk;
      }
      slots_ = std::move(slots);
      commit_at_ = now.steady + options_.commit_every;
      ++stats_.rebalances;
      return;
    }
    case GroupChange::Kind::kRevoked:
      release_ = true;
      mode_ = Mode::kDraining;
      drain_committed_ = false;
      drain_until_ = now.steady + options_.drain_max;
      return;
    case GroupChange::Kind::kLost:
      release_ = true;
      mode_ = Mode::kAbandoning;
      return;
  }
}

absl::Status Worker::PollPublisher() {
  absl::StatusOr<Publishing> outputs = seams_.publisher->PollOutputs();
  if (!outputs.ok()) return outputs.status();
  outputs_state_ = *outputs;
  if (*outputs == Publishing::kCommitted || *outputs == Publishing::kUnknown) {
    for (const InFlight& part : in_flight_) {
      if (*outputs == Publishing::kCommitted && seams_.observer != nullptr) seams_.observer->OnPublished(part.acted_on);
      Slot* slot = Find(part.serial);
      if (slot == nullptr) continue;
      if (*outputs == Publishing::kCommitted) {
        slot->published = part.next;
      } else {
        slot->doomed = true;
      }
    }
    in_flight_.clear();
    ++(*outputs == Publishing::kCommitted ? stats_.transactions : stats_.transactions_unknown);
  }
  absl::StatusOr<Publishing> snapshots = seams_.publisher->PollSnapshots();
  if (!snapshots.ok()) return snapshots.status();
  snapshots_state_ = *snapshots;
  return absl::OkStatus();
}

absl::StatusOr<bool> Worker::StepSlot(Slot* slot, const WorkerTime& now) {
  if (slot->doomed && mode_ != Mode::kAbandoning) {
    if (InCommit(*slot)) {
      // Frozen before the doubt arose, and published since: that copy is good. Otherwise it must not be used.
      if (stage_ != Stage::kFreezing && stage_ != Stage::kAwaitOutputs) return false;
      LeaveCommit(*slot);
    }
    slot->doomed = false;
    slot->outputs.clear();
    slot->acted_on.clear();
    slot->reader.reset();
    slot->partition.reset();
    slot->phase = Slot::Phase::kAsk;
  }
  if (mode_ != Mode::kRunning) return false;
  switch (slot->phase) {
    case Slot::Phase::kAsk: return Ask(slot, now);
    case Slot::Phase::kOpen: return OpenState(slot, now);
    case Slot::Phase::kRestore: return RestoreState(slot, now);
    case Slot::Phase::kFold: return FoldSome(slot, now);
    case Slot::Phase::kParked: return false;
  }
  return false;
}

absl::StatusOr<bool> Worker::Ask(Slot* slot, const WorkerTime& now) {
  // Until our own last transaction is cleared up, nobody knows P.
  if (outputs_state_ != Publishing::kIdle || !in_flight_.empty()) return false;
  absl::StatusOr<std::optional<Offset>> committed = seams_.group->Committed(slot->id);
  if (absl::IsUnavailable(committed.status())) return false;
  if (!committed.ok()) return committed.status();
  slot->committed = *committed;
  // What stayed in memory is as good as a stored state, if it isn't ahead.
  if (slot->partition != nullptr && committed->has_value() && slot->partition->next() <= **committed) {
    if (absl::Status status = StartFolding(slot, now); !status.ok()) return status;
    return true;
  }
  slot->partition.reset();
  slot->phase = Slot::Phase::kOpen;
  return true;
}

absl::StatusOr<bool> Worker::OpenState(Slot* slot, const WorkerTime& now) {
  absl::StatusOr<Offset> begin = seams_.log->Begin(slot->id);
  if (absl::IsUnavailable(begin.status())) return false;
  if (!begin.ok()) return begin.status();
  slot->log_begin = *begin;
  if (slot->store == nullptr) {
    absl::StatusOr<std::unique_ptr<RecordStore>> store = seams_.stores->Open(slot->id);
    if (absl::IsUnavailable(store.status())) return false;
    if (!store.ok()) return store.status();
    slot->store = *std::move(store);
  }
  if (slot->store->marker().has_value()) {
    absl::StatusOr<ShardMarker> marker = FromStateMarker(*slot->store->marker());
    if (!marker.ok()) {
      return absl::Status(marker.status().code(), slot->store->name() + ": " + std::string(marker.status().message()));
    }
    const int64_t behind = slot->committed.has_value() ? slot->committed->value - marker->next.value : 0;
    if (marker->next >= slot->log_begin && behind <= options_.replay_records_max) {
      ++stats_.recoveries;
      if (absl::Status status = StartFolding(slot, now); !status.ok()) return status;
      return true;
    }
  }
  absl::StatusOr<std::unique_ptr<SnapshotReader>> snapshots = seams_.snapshots->Open(slot->id);
  if (absl::IsUnavailable(snapshots.status())) return false;
  if (!snapshots.ok()) return snapshots.status();
  slot->snapshots = *std::move(snapshots);
  slot->restored.reset();
  slot->store.reset();
  absl::StatusOr<std::unique_ptr<RecordStore>> store = seams_.stores->Recreate(slot->id);
  if (!store.ok()) return store.status();
  slot->store = *std::move(store);
  slot->phase = Slot::Phase::kRestore;
  return true;
}

absl::StatusOr<bool> Worker::RestoreState(Slot* slot, const WorkerTime& now) {
  absl::StatusOr<SnapshotBatch> batch = slot->snapshots->Read();
  if (!batch.ok()) return batch.status();
  if (absl::Status status = slot->store->Spill(batch->records); !status.ok()) return status;
  if (batch->marker.has_value()) slot->restored = std::move(batch->marker);
  if (!batch->end) return !batch->records.empty() || slot->restored.has_value();
  slot->snapshots.reset();
  if (slot->restored.has_value()) {
    if (slot->restored->next < slot->log_begin) {
      return absl::OutOfRangeError("the newest snapshot stands for offset " + std::to_string(slot->restored->next.value) +
                                   ", but the log now begins at " + std::to_string(slot->log_begin.value) +
                                   ": records between them are lost. Keep the log longer (retention.ms of the events topic)");
    }
    if (absl::Status status = slot->store->Commit(PackedRecords(), ToStateMarker(*slot->restored)); !status.ok()) {
      return status;
    }
    ++stats_.restores;
  } else if (slot->committed.has_value() && slot->log_begin > Offset{0}) {
    return absl::DataLossError("the group has come to offset " + std::to_string(slot->committed->value) +
                               ", but neither the state directory nor the snapshots topic holds a state, and the log "
                               "begins at " + std::to_string(slot->log_begin.value) +
                               ". Restore the snapshots topic, or begin anew under another group.id");
  }
  if (absl::Status status = StartFolding(slot, now); !status.ok()) return status;
  return true;
}

absl::Status Worker::StartFolding(Slot* slot, const WorkerTime& now) {
  if (slot->partition == nullptr) {
    auto partition = open_(slot->id, slot->store.get(), slot->log_begin, &stats_.fold);
    if (!partition.ok()) return partition.status();
    slot->partition = *std::move(partition);
    slot->frozen = slot->partition->next();
  }
  const Offset next = slot->partition->next();
  slot->published = slot->committed.value_or(next);
  if (next > slot->published) {
    return absl::FailedPreconditionError(
        slot->store->name() + " stands for offset " + std::to_string(next.value) + ", ahead of the group's " +
        std::to_string(slot->published.value) +
        ". Were the group's offsets reset? Then move the state directory away and delete the snapshots");
  }
  absl::StatusOr<std::unique_ptr<LogReader>> reader = seams_.log->Open(slot->id, next);
  if (!reader.ok()) return reader.status();
  slot->reader = *std::move(reader);
  slot->last_record = now.steady;
  slot->phase = Slot::Phase::kFold;
  return absl::OkStatus();
}

absl::StatusOr<bool> Worker::FoldSome(Slot* slot, const WorkerTime& now) {
  if (slot->outputs.size() >= options_.outputs_max) return false;
  if (slot->live() && slot->partition->freeze_due() && stage_ != Stage::kIdle) return false;
  if (seams_.observer != nullptr) seams_.observer->OnFoldBegin(slot->id);
  absl::StatusOr<LogBatch> batch = slot->reader->Read(options_.batch_records);
  if (!batch.ok()) return batch.status();
  const Offset before = slot->partition->next();
  if (absl::Status status = slot->partition->Fold(*batch, slot->published, &slot->outputs); !status.ok()) return status;
  for (const EventTime appended : slot->partition->TakeActedOn()) slot->acted_on.push_back(appended);
  if (!batch->records.empty()) slot->appended = batch->records.back().appended;
  if (seams_.observer != nullptr) seams_.observer->OnFoldEnd(slot->id, batch->records);
  if (!batch->records.empty()) {
    FailPoint("fold_batch");
    (before < slot->published ? stats_.records_muted : stats_.records_live) += batch->records.size();
    slot->last_record = now.steady;
    return true;
  }
  if (options_.heartbeat_after > Span() && before >= slot->published &&
      now.steady - slot->last_record >= options_.heartbeat_after) {
    seams_.log->AppendHeartbeat(slot->id, now.wall);
    slot->last_record = now.steady;
  }
  return slot->partition->next() > before;
}

// Soon after anything is to be said; offsets alone wait for a commit.
bool Worker::BeginOutputs(const WorkerTime& now) {
  bool any = false, due = false;
  for (const auto& slot : slots_) {
    if (!slot->folding() || slot->partition->next() <= slot->published) continue;
    any |= !slot->outputs.empty();
    due |= mode_ == Mode::kDraining || ((stage_ == Stage::kFreezing || stage_ == Stage::kAwaitOutputs) && InCommit(*slot));
  }
  if (!any) outputs_since_.reset();
  if (any && !outputs_since_.has_value()) outputs_since_ = now.steady;
  due |= any && now.steady - *outputs_since_ >= options_.linger;
  if (!due || outputs_state_ != Publishing::kIdle || !in_flight_.empty()) return false;
  outputs_since_.reset();
  std::vector<OutputPart> parts;
  for (const auto& slot : slots_) {
    if (!slot->folding() || slot->partition->next() <= slot->published) continue;
    parts.push_back({slot->id, slot->partition->next(), std::move(slot->outputs)});
    slot->outputs.clear();
    in_flight_.push_back({slot->serial, slot->partition->next(), std::exchange(slot->acted_on, {})});
  }
  seams_.publisher->BeginOutputs(std::move(parts));
  outputs_state_ = Publishing::kBusy;
  return true;
}

void Worker::BeginCommit(const WorkerTime& now) {
  if (stage_ != Stage::kIdle) return;
  bool due = now.steady >= commit_at_ || mode_ == Mode::kDraining;
  for (const auto& slot : slots_) due |= slot->live() && slot->partition->freeze_due();
  if (!due) return;
  commit_at_ = now.steady + options_.commit_every;
  for (const auto& slot : slots_) {
    if (!slot->live() || slot->partition->next() <= slot->frozen) continue;
    if (frozen_.empty() && seams_.observer != nullptr) seams_.observer->OnCommitBegin();
    slot->partition->BeginFreeze();
    slot->frozen = slot->partition->next();
    frozen_.push_back({slot->serial, slot->frozen, {}, false});
  }
  if (!frozen_.empty()) stage_ = Stage::kFreezing;
}

// Copying keeps well ahead of the fold, so that a commit ends soon also where a backlog is folded as fast as can be.
bool Worker::FreezeSome(uint64_t folded) {
  if (stage_ != Stage::kFreezing) return false;
  constexpr uint64_t kCopiesPerFolded = 4;
  size_t records_max = std::max<size_t>(options_.freeze_records, kCopiesPerFolded * folded);
  for (Frozen& frozen : frozen_) {
    if (frozen.whole) continue;
    PartitionFold* partition = Find(frozen.serial)->partition.get();
    frozen.whole = partition->FreezeSome(&records_max);
    if (!frozen.whole) return true;
    frozen.part = partition->TakeFrozen();
    if (records_max == 0) return true;
  }
  stage_ = Stage::kAwaitOutputs;
  return true;
}

absl::Status Worker::StepCommit() {
  if (stage_ == Stage::kAwaitOutputs) {
    if (frozen_.empty()) {
      stage_ = Stage::kIdle;
      return absl::OkStatus();
    }
    if (snapshots_state_ != Publishing::kIdle) return absl::OkStatus();
    for (const Frozen& frozen : frozen_) {
      if (Find(frozen.serial)->published < frozen.next) return absl::OkStatus();
    }
    std::vector<SnapshotPart> parts;
    for (const Frozen& frozen : frozen_) parts.push_back(frozen.part);
    seams_.publisher->BeginSnapshots(std::move(parts));
    snapshots_state_ = Publishing::kBusy;
    stage_ = Stage::kSnapshot;
    return absl::OkStatus();
  }
  if (stage_ == Stage::kSnapshot) {
    // To send the same states twice does no harm.
    if (snapshots_state_ == Publishing::kUnknown) stage_ = Stage::kAwaitOutputs;
    if (snapshots_state_ != Publishing::kCommitted) return absl::OkStatus();
    std::vector<StoreWrite> writes;
    for (const Frozen& frozen : frozen_) {
      writes.push_back({Find(frozen.serial)->store.get(), frozen.part.records, ToStateMarker(frozen.part.marker)});
    }
    stage_ = Stage::kWriting;
    seams_.writer->Begin(std::move(writes));
  }
  if (stage_ == Stage::kWriting) {
    const std::optional<absl::Status> written = seams_.writer->Poll();
    if (!written.has_value()) return absl::OkStatus();
    if (!written->ok()) return *written;
    for (const Frozen& frozen : frozen_) {
      if (absl::Status status = Find(frozen.serial)->partition->Thaw(); !status.ok()) return status;
    }
    frozen_.clear();
    stage_ = Stage::kIdle;
    ++stats_.commits;
    if (seams_.observer != nullptr) seams_.observer->OnCommitEnd();
  }
  return absl::OkStatus();
}

bool Worker::InCommit(const Slot& slot) const {
  return std::any_of(frozen_.begin(), frozen_.end(), [&slot](const Frozen& f) { return f.serial == slot.serial; });
}

void Worker::LeaveCommit(const Slot& slot) {
  std::erase_if(frozen_, [&slot](const Frozen& f) { return f.serial == slot.serial; });
}

void Worker::StepDrain(const WorkerTime& now) {
  if (now.steady >= drain_until_) {
    mode_ = Mode::kAbandoning;
    return;
  }
  if (stage_ != Stage::kIdle) return;
  // Now or never: whoever is told to stop while he waits for his partitions could commit nothing any more.
  if (!drain_committed_) {
    drain_committed_ = true;
    BeginCommit(now);
    if (stage_ != Stage::kIdle) return;
  }
  if (!in_flight_.empty()) return;
  // Whatever isn't cleanly at its published offset goes; the rest may come back to this worker.
  std::erase_if(slots_, [](const auto& slot) {
    return !slot->folding() || slot->partition->next() != slot->published;
  });
  for (const auto& slot : slots_) {
    slot->reader.reset();
    slot->phase = Slot::Phase::kParked;
  }
  Released();
}

void Worker::StepAbandon() {
  // The writer has hold of the stores.
  if (stage_ == Stage::kWriting) return;
  frozen_.clear();
  stage_ = Stage::kIdle;
  in_flight_.clear();
  slots_.clear();
  Released();
}

void Worker::Released() {
  mode_ = Mode::kRunning;
  if (release_) {
    release_ = false;
    seams_.group->Release();
  }
  if (stopping_) stopped_ = true;
}

}  // namespace sekisho
