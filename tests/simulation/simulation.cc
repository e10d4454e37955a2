#include "tests/simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/cluster/marker.h"
#include "tests/simulation/life.h"

namespace sekisho::simulation {
namespace {

constexpr int64_t kFaultsMs = 40'000;
constexpr int64_t kPeaceMs = 300'000;

// A process, or the place of one that isn't running.
struct Place {
  std::string instance;
  std::shared_ptr<Disk> disk = std::make_shared<Disk>();
  std::unique_ptr<Node> node;
  int64_t asleep_until = 0, starts_at = 0;
};

std::string Describe(const Output& output) {
  if (const Action* action = std::get_if<Action>(&output)) {
    return action->id.ToHex() + " " + action->account + " " + std::string(Name(action->kind)) + " " +
           std::to_string(action->generation);
  }
  if (const Forgotten* forgotten = std::get_if<Forgotten>(&output)) return "forgotten " + forgotten->account;
  const DeadLetter& letter = std::get<DeadLetter>(output);
  return "dead letter " + std::to_string(letter.offset.value) + " " + letter.reason;
}

bool Fenced(const absl::Status& status) { return status.message().find("fenced") != std::string_view::npos; }

// A store that nothing happens to.
class PlainStore final : public RecordStore {
 public:
  const std::optional<StateMarker>& marker() const override { return marker_; }
  absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) override {
    records->assign(ids.size(), std::nullopt);
    return absl::OkStatus();
  }
  absl::Status Commit(const PackedRecords& records, const StateMarker& marker) override {
    for (size_t i = 0; i < records.size(); ++i) records_[records.id(i)] = std::string(records.record(i));
    marker_ = marker;
    return absl::OkStatus();
  }
  absl::Status Spill(const PackedRecords&) override { return absl::OkStatus(); }
  std::string name() const override { return "oracle"; }

  const std::map<AccountId, std::string>& records() const { return records_; }

 private:
  std::map<AccountId, std::string> records_;
  std::optional<StateMarker> marker_;
};

class Schedule {
 public:
  Schedule(uint64_t seed, FailPoints* fail_points)
      : random_(seed), fail_points_(fail_points), broker_(static_cast<int>(random_.Between(1, 4))) {
    setup_.log_id = Hash128{seed, 1};
    setup_.geo_version = "none";
    setup_.policy_yaml = "first";
    setup_.policy = CompilePolicy(setup_.policy_yaml).value();
    setup_.compile = CompilePolicy;
    setup_.sightings = true;
    // Small enough that records are dropped and read back.
    setup_.table.memory_bytes_max = static_cast<size_t>(random_.OneIn(2) ? 20'000 : 10'000'000);
    LifeOptions life;
    life.partitions = broker_.partitions();
    life.records = static_cast<int>(random_.Between(100, 500));
    life.connectors = static_cast<int>(random_.Between(1, 3));
    sent_ = Live(life, &random_);
    sent_to_.resize(sent_.size());
    const int64_t nodes = random_.Between(1, 3);
    for (int64_t i = 0; i < nodes; ++i) AddPlace("node" + std::to_string(i));
  }

  ScheduleResult Run() {
    while (broker_.now < kFaultsMs && result_.failure.empty()) {
      Turn();
      Mischief();
    }
    for (Place& place : places_) {
      place.asleep_until = 0;
      place.starts_at = broker_.now;
      if (place.node != nullptr) place.node->Calm();
    }
    peace_ = true;
    const int64_t until = broker_.now + kPeaceMs;
    while (result_.failure.empty() && !Done()) {
      Turn();
      if (broker_.now > until) Fail("stuck: " + Progress());
    }
    // What was begun under faults may still be slow.
    for (const int64_t settled = broker_.now + 20'000; broker_.now < settled && result_.failure.empty();) Turn();
    if (result_.failure.empty()) CloseAndCheck();
    return result_;
  }

 private:
  void Fail(const std::string& what) {
    if (result_.failure.empty()) result_.failure = what;
  }

  void AddPlace(const std::string& instance) {
    places_.emplace_back();
    places_.back().instance = instance;
    places_.back().starts_at = broker_.now;
  }

  void Start(Place* place) {
    NodeOptions options;
    options.instance = place->instance;
    options.seed = random_.Next();
    options.faults = !peace_;
    if (!peace_ && random_.OneIn(2)) {
      const auto& points = AllFailPoints();
      options.crash_point = points[static_cast<size_t>(random_.Between(0, static_cast<int64_t>(points.size()) - 1))];
      options.crash_countdown = random_.Between(1, 6);
      // An unknown outcome is rare by itself.
      if (options.crash_point.ends_with("unknown")) options.crash_countdown = 1;
    }
    place->node = std::make_unique<Node>(options, &broker_, &setup_, place->disk, fail_points_);
  }

  void Kill(Place* place) {
    AddStats(*place->node);
    place->node.reset();
    place->starts_at = broker_.now + random_.Between(0, 12'000);
    ++result_.stats.kills;
    if (random_.OneIn(4)) {
      place->disk = std::make_shared<Disk>();
      ++result_.stats.lost_disks;
    }
  }

  void AddStats(const Node& node) {
    const WorkerStats& stats = node.worker().stats();
    result_.stats.rebalances += stats.rebalances;
    result_.stats.unknown += stats.transactions_unknown;
    result_.stats.restores += stats.restores;
    result_.stats.muted += stats.records_muted;
  }

  void Turn() {
    broker_.now += random_.Between(1, 60);
    broker_.Tick();
    if (random_.OneIn(3)) Append();
    Place& place = places_[static_cast<size_t>(random_.Between(0, static_cast<int64_t>(places_.size()) - 1))];
    if (place.asleep_until > broker_.now) return;
    if (place.node == nullptr) {
      if (place.starts_at <= broker_.now) Start(&place);
      return;
    }
    try {
      const absl::StatusOr<bool> stepped = place.node->Step(newest_);
      if (!stepped.ok()) {
        // What a process may end with: a full disk, and being replaced under its own name. Everything else is wrong.
        const bool fenced = Fenced(stepped.status());
        if (!fenced && !absl::IsResourceExhausted(stepped.status())) Fail("worker: " + stepped.status().ToString());
        Kill(&place);
        if (fenced) places_.erase(places_.begin() + (&place - places_.data()));
        return;
      }
      if (place.node->stopped()) {
        AddStats(*place.node);
        place.node.reset();
        place.starts_at = broker_.now + random_.Between(0, 8'000);
      }
    } catch (const Crash&) {
      Kill(&place);
    }
  }

  void Append() {
    auto connector = static_cast<size_t>(random_.Between(0, static_cast<int64_t>(sent_.size()) - 1));
    if (!random_.OneIn(4)) {
      // Mostly they keep step.
      for (size_t c = 0; c < sent_.size(); ++c) {
        if (sent_to_[c] * sent_[connector].size() < sent_to_[connector] * sent_[c].size()) connector = c;
      }
    }
    size_t& to = sent_to_[connector];
    const auto& records = sent_[connector];
    if (!peace_ && random_.OneIn(30)) {
      // It lost its place and goes back.
      to -= std::min(to, static_cast<size_t>(random_.Between(1, 30)));
    }
    for (int64_t n = random_.Between(1, peace_ ? 50 : 4); n > 0 && to < records.size(); --n, ++to) {
      const SentRecord& sent = *records[to];
      if (const Event* event = std::get_if<Event>(&sent.record.record.value)) newest_ = std::max(newest_, event->time);
      broker_.Append(sent.partition, Clone(sent.record));
    }
  }

  void Mischief() {
    Place& place = places_[static_cast<size_t>(random_.Between(0, static_cast<int64_t>(places_.size()) - 1))];
    if (random_.OneIn(200)) broker_.Compact(static_cast<int>(random_.Between(0, broker_.partitions() - 1)));
    if (place.node == nullptr) return;
    switch (random_.Between(1, 600)) {
      case 1:
        Kill(&place);
        return;
      case 2:
      case 3:
        place.asleep_until = broker_.now + random_.Between(500, 20'000);
        ++result_.stats.sleeps;
        return;
      case 4:
        if (places_.size() < 4) AddPlace("node" + std::to_string(next_name_++));
        return;
      case 5:
        place.node->Stop();
        return;
      case 6:
        // It sleeps, and its supervisor starts another one under the same name elsewhere.
        if (places_.size() < 4) {
          place.asleep_until = broker_.now + random_.Between(500, 20'000);
          AddPlace(std::string(place.instance));
        }
        return;
      default:
        return;
    }
  }

  bool Done() const {
    for (size_t c = 0; c < sent_.size(); ++c) {
      if (sent_to_[c] < sent_[c].size()) return false;
    }
    for (int p = 0; p < broker_.partitions(); ++p) {
      const auto size = static_cast<int64_t>(broker_.log(p).size());
      if (broker_.Committed(p).value_or(Offset{0}).value != size) return false;
    }
    return true;
  }

  std::string Progress() const {
    std::ostringstream out;
    for (int p = 0; p < broker_.partitions(); ++p) {
      out << "partition " << p << ": " << broker_.Committed(p).value_or(Offset{-1}).value << " of " << broker_.log(p).size()
          << "; ";
    }
    return out.str();
  }

  void CloseAndCheck() {
    for (Place& place : places_) {
      if (place.node == nullptr) continue;
      place.node->Stop();
      bool fenced = false;
      for (int i = 0; i < 2'000 && !fenced && !place.node->stopped(); ++i) {
        broker_.now += 5;
        broker_.Tick();
        const auto stepped = place.node->Step(newest_);
        fenced = Fenced(stepped.status());
        if (!stepped.ok() && !fenced) return Fail("worker at its end: " + stepped.status().ToString());
      }
      if (!fenced && !place.node->stopped()) return Fail("a worker does not stop");
      AddStats(*place.node);
    }
    broker_.Tick();
    for (int p = 0; p < broker_.partitions() && result_.failure.empty(); ++p) Check(p);
  }

  void Check(int p) {
    const std::string where = "partition " + std::to_string(p) + ": ";
    PlainStore store;
    FoldSetup setup = setup_;
    setup.table.memory_bytes_max = size_t{1} << 30;
    auto oracle = Partition::Open(&setup, PartitionId{p}, &store, Offset{0});
    std::vector<LogRecord> records;
    for (const auto& record : broker_.log(p)) records.push_back(record->record);
    std::vector<Output> expected;
    const LogBatch all{records, Offset{static_cast<int64_t>(records.size())}};
    if (const absl::Status status = (*oracle)->Fold(all, Offset{0}, &expected); !status.ok()) {
      return Fail(where + "oracle: " + status.ToString());
    }
    result_.stats.records += records.size();
    result_.stats.repeats += (*oracle)->stats().repeats;
    result_.stats.orders += (*oracle)->stats().orders;
    result_.stats.policies += (*oracle)->policy_from() > Offset{0};
    for (const Output& output : expected) {
      result_.stats.actions += std::holds_alternative<Action>(output);
      result_.stats.dead_letters += std::holds_alternative<DeadLetter>(output);
      result_.stats.forgotten += std::holds_alternative<Forgotten>(output);
    }
    const std::vector<const Output*> visible = broker_.VisibleOutputs(p);
    for (size_t i = 0; i < std::max(visible.size(), expected.size()); ++i) {
      const std::string seen = i < visible.size() ? Describe(*visible[i]) : "nothing";
      const std::string due = i < expected.size() ? Describe(expected[i]) : "nothing";
      if (seen != due) return Fail(where + "output " + std::to_string(i) + " is " + seen + ", not " + due);
    }
    CheckEachEventOnce(p, **oracle, where);
    const SnapshotPart part = (*oracle)->Freeze();
    (void)store.Commit(*part.records, ToStateMarker(part.marker));
    CheckSnapshots(p, store, where);
    CheckSightings(p, part.sightings, where);
    CheckDisks(p, store, where);
  }

  // The oracle itself: each event that was sent is in the counts once, whatever was sent again.
  void CheckEachEventOnce(int p, const Partition& oracle, const std::string& where) {
    uint64_t events = 0;
    for (const auto& connector : sent_) {
      for (const auto& sent : connector) {
        events += sent->partition == p && std::holds_alternative<Event>(sent->record.record.value);
      }
    }
    const ShardStats& stats = oracle.shard_stats();
    uint64_t folded = stats.late + stats.future + stats.invalid;
    for (const uint64_t n : stats.folded) folded += n;
    if (folded != events) Fail(where + std::to_string(folded) + " events folded of " + std::to_string(events) + " sent");
  }

  void CheckSnapshots(int p, const PlainStore& oracle, const std::string& where) {
    std::map<AccountId, std::string> records;
    std::optional<StateMarker> marker;
    Offset next;
    for (const SnapshotEntry& entry : broker_.snapshots(p)) {
      if (entry.compacted || entry.txn->state != TxnState::kCommitted) continue;
      if (const AccountState* state = std::get_if<AccountState>(&entry.value)) {
        records[state->first] = state->second;
      } else if (std::holds_alternative<ShardMarker>(entry.value)) {
        marker = ToStateMarker(std::get<ShardMarker>(entry.value));
        next = std::get<ShardMarker>(entry.value).next;
      }
    }
    if (oracle.records().empty() && !marker.has_value()) return;
    if (marker != oracle.marker()) Fail(where + "the snapshots stand for " + std::to_string(next.value) + ", or their marker is another");
    if (records != oracle.records()) Fail(where + "the snapshots' states are others");
  }

  // What an entity shard makes of it: in their order, each once, when what was seen before is dropped.
  void CheckSightings(int p, const std::vector<Sighting>& expected, const std::string& where) {
    std::optional<SightingPlace> mark;
    size_t told = 0;
    for (const SnapshotEntry& entry : broker_.snapshots(p)) {
      const Sighting* sighting = std::get_if<Sighting>(&entry.value);
      if (sighting == nullptr || entry.txn->state != TxnState::kCommitted) continue;
      if (mark.has_value() && sighting->place <= *mark) {
        ++result_.stats.sightings_again;
        continue;
      }
      mark = sighting->place;
      if (told >= expected.size() || sighting->place != expected[told].place || sighting->kind != expected[told].kind ||
          sighting->account != expected[told].account || sighting->network != expected[told].network) {
        return Fail(where + "sighting " + std::to_string(told) + " is another one");
      }
      ++told;
    }
    result_.stats.sightings += told;
    if (told != expected.size()) Fail(where + std::to_string(told) + " sightings told of " + std::to_string(expected.size()));
  }

  // Of the node that has the partition last: what it stored stands for the end of the log.
  void CheckDisks(int p, const PlainStore& oracle, const std::string& where) {
    bool found = broker_.log(p).empty();
    for (const Place& place : places_) {
      const auto it = place.disk->partitions.find(p);
      if (it == place.disk->partitions.end() || it->second->marker != oracle.marker()) continue;
      found = true;
      if (it->second->records != oracle.records()) Fail(where + "the states stored by " + place.instance + " are others");
    }
    if (!found) Fail(where + "no node has stored the end of the log");
  }

  Random random_;
  FailPoints* const fail_points_;
  Broker broker_;
  FoldSetup setup_;
  std::vector<std::vector<std::unique_ptr<SentRecord>>> sent_;
  std::vector<size_t> sent_to_;
  std::vector<Place> places_;
  int next_name_ = 10;
  bool peace_ = false;
  EventTime newest_;
  ScheduleResult result_;
};

}  // namespace

ScheduleResult RunSchedule(uint64_t seed, FailPoints* fail_points) { return Schedule(seed, fail_points).Run(); }

}  // namespace sekisho::simulation
