#include "engine/cluster/partition.h"

#include <algorithm>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/cluster/marker.h"

namespace sekisho {
namespace {

constexpr uint64_t kGlobalsFormat = 1;

std::string_view ReasonOf(FoldResult result) {
  switch (result) {
    case FoldResult::kLate: return "late";
    case FoldResult::kFuture: return "future";
    case FoldResult::kInvalid: return "invalid";
    case FoldResult::kFolded: break;
  }
  return "";
}

}  // namespace

Partition::Partition(const FoldSetup* setup, PartitionId id, RecordStore* store, Offset fresh_from, FoldCounts* counts)
    : setup_(setup),
      id_(id),
      table_(setup->table, store),
      shard_(ShardOptions{setup->log_id, id}, &setup->policy, &table_),
      next_(fresh_from),
      counts_(counts) {}

absl::StatusOr<std::unique_ptr<Partition>> Partition::Open(const FoldSetup* setup, PartitionId id, RecordStore* store,
                                                           Offset fresh_from, FoldCounts* counts) {
  std::unique_ptr<Partition> partition(new Partition(setup, id, store, fresh_from, counts));
  if (store->marker().has_value()) {
    if (absl::Status status = partition->Restore(*store->marker()); !status.ok()) {
      return absl::Status(status.code(), store->name() + ": " + std::string(status.message()));
    }
  }
  return partition;
}

absl::Status Partition::Restore(const StateMarker& stored) {
  absl::StatusOr<ShardMarker> marker = FromStateMarker(stored);
  if (!marker.ok()) return marker.status();
  if (marker->log_id != setup_->log_id) {
    return absl::FailedPreconditionError(
        "the state is of another log (" + marker->log_id.ToHex() + ", not " + setup_->log_id.ToHex() +
        "); was the topic made anew? Then move the state directory away and begin with new snapshots");
  }
  next_ = marker->next;
  marks_.Restore(std::move(marker->marks));
  ByteReader reader(marker->globals);
  if (reader.Varint() > kGlobalsFormat) return absl::FailedPreconditionError("the state is of a later version");
  const std::string_view shard = reader.Bytes();
  for (size_t n = reader.Length(2); n > 0 && reader.ok(); --n) {
    const EventTime at = EventTime::FromMillis(reader.Zigzag());
    const std::string account(reader.Bytes());
    forget_at_.emplace(at, account);
    forget_[account] = at;
  }
  if (!reader.done()) return absl::DataLossError("the state's globals are damaged");
  return shard_.DecodeState(shard);
}

ShardMarker Partition::Marker() const {
  ShardMarker marker;
  marker.next = next_;
  marker.log_id = setup_->log_id;
  marker.policy = setup_->policy.version;
  marker.geo = setup_->geo_version;
  marker.time = shard_.now();
  marker.marks = marks_.marks();
  ByteWriter writer(&marker.globals);
  writer.PutVarint(kGlobalsFormat);
  const size_t begin = writer.BeginBytes();
  shard_.EncodeState(&marker.globals);
  writer.EndBytes(begin);
  writer.PutVarint(forget_at_.size());
  for (const auto& [at, account] : forget_at_) {
    writer.PutZigzag(at.millis());
    writer.PutBytes(account);
  }
  return marker;
}

SnapshotPart Partition::Freeze() {
  auto records = std::make_shared<PackedRecords>();
  table_.Freeze(records.get());
  return {id_, std::move(records), Marker()};
}

absl::Status Partition::Fold(const LogBatch& batch, Offset published, std::vector<Output>* outputs) {
  const std::span<const LogRecord> records = batch.records;
  for (size_t i = 0; i < records.size(); ++i) {
    if (i % AccountTable::kPrefetchBest == 0) {
      prefetch_.clear();
      for (size_t j = i; j < std::min(records.size(), i + AccountTable::kPrefetchBest); ++j) {
        if (const Event* event = std::get_if<Event>(&records[j].value)) prefetch_.push_back(event->id);
      }
      if (absl::Status status = table_.Prefetch(prefetch_); !status.ok()) return status;
    }
    const LogRecord& record = records[i];
    if (record.offset < next_) continue;  // a reader may begin somewhat early
    actions_.clear();
    dead_letter_.reset();
    repeat_ = false;
    if (absl::Status status = FoldRecord(record); !status.ok()) return status;
    next_ = Offset{record.offset.value + 1};
    ++stats_.records;
    const bool muted = record.offset < published;
    Count(record, muted);
    Say(muted, outputs);
  }
  next_ = std::max(next_, batch.next);
  return absl::OkStatus();
}

absl::Status Partition::FoldRecord(const LogRecord& record) {
  if (const Event* event = std::get_if<Event>(&record.value)) {
    if (!marks_.Advance(record.origin)) {
      ++stats_.repeats;
      repeat_ = true;
      return absl::OkStatus();
    }
    absl::StatusOr<FoldResult> result = shard_.Fold(*event, record.offset, &actions_);
    if (!result.ok()) return result.status();
    if (*result != FoldResult::kFolded) {
      dead_letter_ = DeadLetter{record.offset, std::string(ReasonOf(*result)), "", std::string(record.bytes)};
    }
    return absl::OkStatus();
  }
  if (const Heartbeat* heartbeat = std::get_if<Heartbeat>(&record.value)) {
    return shard_.Tick(heartbeat->time, record.offset, &actions_);
  }
  const Unusable& unusable = std::get<Unusable>(record.value);
  dead_letter_ = DeadLetter{record.offset, std::string(unusable.reason), std::string(unusable.detail),
                            std::string(record.bytes)};
  return absl::OkStatus();
}

void Partition::Count(const LogRecord& record, bool muted) {
  const Event* event = std::get_if<Event>(&record.value);
  if (!muted && !actions_.empty() && event != nullptr && !record.appended.never()) acted_on_.push_back(record.appended);
  if (counts_ == nullptr) return;
  if (muted) {
    ++counts_->muted;
    return;
  }
  ++counts_->live;
  if (dead_letter_.has_value()) {
    counts_->AddDeadLetter(dead_letter_->reason);
  } else if (repeat_) {
    ++counts_->repeats;
  } else if (event != nullptr) {
    ++counts_->events[static_cast<size_t>(event->kind)][static_cast<size_t>(event->service)];
  }
  for (const Action& action : actions_) counts_->AddAction(action);
}

void Partition::Say(bool muted, std::vector<Output>* outputs) {
  // Before the actions: they may be of the very accounts that are forgotten.
  ForgetVerdicts(outputs, muted);
  for (Action& action : actions_) {
    NoteVerdict(action);
    if (!muted) outputs->push_back(std::move(action));
  }
  if (dead_letter_.has_value()) {
    ++stats_.dead_letters;
    if (!muted) outputs->push_back(*std::move(dead_letter_));
  }
}

void Partition::NoteVerdict(const Action& action) {
  if (action.mode != Mode::kEnforce || action.kind < ActionKind::kThrottle) return;
  if (const auto found = forget_.find(action.account); found != forget_.end()) {
    forget_at_.erase({found->second, found->first});
    forget_.erase(found);
  }
  if (action.kind != ActionKind::kRelease) return;
  const EventTime at = action.time + kVerdictForgottenAfter;
  forget_at_.emplace(at, action.account);
  forget_[action.account] = at;
}

void Partition::ForgetVerdicts(std::vector<Output>* outputs, bool muted) {
  while (!forget_at_.empty() && forget_at_.begin()->first <= shard_.now()) {
    std::string account = forget_at_.begin()->second;
    forget_at_.erase(forget_at_.begin());
    forget_.erase(account);
    if (!muted) outputs->push_back(Forgotten{std::move(account)});
  }
}

}  // namespace sekisho
