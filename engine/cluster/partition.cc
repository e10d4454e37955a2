#include "engine/cluster/partition.h"

#include <algorithm>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/cluster/marker.h"

namespace sekisho {
namespace {

// 2: the policy and which orders were obeyed.
constexpr uint64_t kGlobalsFormat = 2;

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
      policy_(&setup->policy),
      policy_yaml_(setup->policy_yaml),
      table_(setup->table, store),
      shard_(ShardOptions{setup->log_id, id}, policy_, &table_),
      next_(fresh_from),
      counts_(counts) {
  if (setup->sightings) shard_.set_sightings(&sightings_);
}

absl::StatusOr<std::unique_ptr<Partition>> Partition::Open(const FoldSetup* setup, PartitionId id, RecordStore* store,
                                                           Offset fresh_from, FoldCounts* counts) {
  std::unique_ptr<Partition> partition(new Partition(setup, id, store, fresh_from, counts));
  if (store != nullptr && store->marker().has_value()) {
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
  const uint64_t format = reader.Varint();
  if (format > kGlobalsFormat) return absl::FailedPreconditionError("the state is of a later version");
  const std::string_view shard = reader.Bytes();
  for (size_t n = reader.Length(2); n > 0 && reader.ok(); --n) {
    const EventTime at = EventTime::FromMillis(reader.Zigzag());
    const std::string account(reader.Bytes());
    forget_at_.emplace(at, account);
    forget_[account] = at;
  }
  // Before there were orders, every partition went by what it was configured with.
  std::string yaml = setup_->policy_yaml;
  if (format >= 2) {
    yaml = reader.Bytes();
    policy_from_ = Offset{reader.Zigzag()};
    if (!orders_.Decode(&reader)) reader.Fail();
  }
  if (!reader.done()) return absl::DataLossError("the state's globals are damaged");
  if (yaml != setup_->policy_yaml) {
    absl::StatusOr<Policy> policy = Compile(yaml);
    if (!policy.ok()) {
      return absl::InvalidArgumentError("policy " + marker->policy + ", by which this partition decides, can't be read any more: " +
                                        std::string(policy.status().message()) +
                                        ". Run the version that could, push a policy that this one can read, then upgrade");
    }
    own_policy_ = std::make_unique<const Policy>(*std::move(policy));
    policy_ = own_policy_.get();
    policy_yaml_ = std::move(yaml);
    shard_.SetPolicy(policy_);
  }
  return shard_.DecodeState(shard);
}

absl::StatusOr<Policy> Partition::Compile(std::string_view yaml) const {
  if (setup_->compile) return setup_->compile(yaml);
  return absl::UnimplementedError("policies can't be read here");
}

ShardMarker Partition::Marker() const {
  ShardMarker marker;
  marker.next = next_;
  marker.log_id = setup_->log_id;
  marker.policy = policy_->version;
  marker.policy_from = policy_from_;
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
  writer.PutBytes(policy_yaml_);
  writer.PutZigzag(policy_from_.value);
  orders_.Encode(&writer);
  return marker;
}

void Partition::BeginFreeze() {
  auto records = std::make_shared<PackedRecords>();
  table_.BeginFreeze(records.get());
  freezing_ = {id_, std::move(records), Marker(), std::exchange(sightings_, {})};
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
      Refuse(record, ReasonOf(*result), "");
    }
    return absl::OkStatus();
  }
  if (const Heartbeat* heartbeat = std::get_if<Heartbeat>(&record.value)) {
    return shard_.Tick(heartbeat->time, record.offset, &actions_);
  }
  if (const Order* order = std::get_if<Order>(&record.value)) return Obey(*order, record);
  if (const Unusable* unusable = std::get_if<Unusable>(&record.value)) {
    Refuse(record, unusable->reason, std::string(unusable->detail));
  }
  if (const JudgementBatch* judgements = std::get_if<JudgementBatch>(&record.value)) {
    if (shard_.Judge(*judgements)) {
      ++stats_.judgements;
    } else {
      ++stats_.repeats;
      repeat_ = true;
    }
  }
  return absl::OkStatus();
}

void Partition::Refuse(const LogRecord& record, std::string_view reason, std::string detail) {
  dead_letter_ = DeadLetter{record.offset, std::string(reason), std::move(detail), std::string(record.bytes)};
}

absl::Status Partition::Obey(const Order& order, const LogRecord& record) {
  switch (orders_.Take(order)) {
    case OrderMarks::Outcome::kNew: break;
    case OrderMarks::Outcome::kRepeat:
      Refuse(record, "repeated order", "");
      return absl::OkStatus();
    case OrderMarks::Outcome::kStale:
      Refuse(record, "stale order", "given before others that are forgotten");
      return absl::OkStatus();
  }
  if (const PolicyActivation* activation = std::get_if<PolicyActivation>(&order.what)) {
    if (std::string wrong = Activate(*activation, record.offset); !wrong.empty()) {
      Refuse(record, "policy", std::move(wrong));
      return absl::OkStatus();
    }
  } else if (const AccountRelease* release = std::get_if<AccountRelease>(&order.what)) {
    absl::StatusOr<bool> known = shard_.Release(*release, order.time, record.offset, &actions_);
    if (!known.ok()) return known.status();
    if (!*known) {
      Refuse(record, "unknown account", "a release of an account that had no event in this partition");
      return absl::OkStatus();
    }
    stats_.orders_idle += actions_.empty();
  } else {
    const Exceptions::Outcome outcome = shard_.Except(std::get<Exception>(order.what));
    if (outcome == Exceptions::Outcome::kFull) {
      Refuse(record, "exceptions full", std::to_string(kExceptionsMax) + " stand, none of them expired");
      return absl::OkStatus();
    }
    stats_.orders_idle += outcome == Exceptions::Outcome::kNothing;
  }
  ++stats_.orders;
  return absl::OkStatus();
}

std::string Partition::Activate(const PolicyActivation& order, Offset at) {
  if (order.yaml == policy_yaml_ && order.version == policy_->version) {
    ++stats_.orders_idle;
    return "";
  }
  absl::StatusOr<Policy> policy = Compile(order.yaml);
  if (!policy.ok()) return std::string(policy.status().message());
  // Otherwise what runs would not be what was checked.
  if (policy->version != order.version) {
    return "its text is " + policy->version + " to this program, not " + order.version + ": push it by the version of sekisho that runs here";
  }
  // The version stands for every value, whatever the text says around them.
  if (policy->version == policy_->version) {
    ++stats_.orders_idle;
    return "";
  }
  auto next = std::make_unique<const Policy>(*std::move(policy));
  shard_.SetPolicy(next.get());
  policy_ = next.get();
  own_policy_ = std::move(next);
  policy_yaml_ = order.yaml;
  policy_from_ = Offset{at.value + 1};
  return "";
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
