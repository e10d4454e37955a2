#include "tests/simulation/node.h"

#include <algorithm>
#include <utility>

namespace sekisho::simulation {

const std::vector<std::string>& AllFailPoints() {
  static const std::vector<std::string> points = {
      "read",           "append",         "poll_group",      "release",        "ask_committed",
      "begin_outputs",  "outputs_produced", "outputs_offsets", "outputs_ended", "outputs_acked", "outputs_unknown",
      "begin_snapshots", "snapshots_produced", "snapshots_offsets", "snapshots_ended", "snapshots_acked", "snapshots_unknown",
      "open_store",     "recreate_store", "spill_store",     "restored_store",
      "begin_write",    "before_write",   "between_writes",  "after_writes",
      "open_snapshots", "read_snapshots",
  };
  return points;
}

void Node::Point(std::string_view name) {
  if (options_.crash_point != name || --options_.crash_countdown > 0) return;
  ++fail_points_->killed[std::string(name)];
  options_.crash_point.clear();
  throw Crash{name};
}

int64_t Node::Delay() {
  if (!options_.faults) return random_.Between(0, 5);
  if (random_.OneIn(100)) return random_.Between(1'000, 12'000);
  return random_.OneIn(5) ? random_.Between(0, 400) : random_.Between(0, 20);
}

struct Node::LogSeam final : Log {
  explicit LogSeam(Node* owner) : node(owner), broker(owner->broker_) {}

  struct Reader final : LogReader {
    Reader(LogSeam* owner, int which, int64_t from) : log_seam(owner), partition(which), position(from) {}
    absl::StatusOr<LogBatch> Read(size_t records_max) override {
      log_seam->node->Point("read");
      records.clear();
      const auto& log = log_seam->broker->log(partition);
      const int64_t most = std::min<int64_t>(static_cast<int64_t>(records_max), 40);
      const int64_t n = log_seam->node->Fault(4) ? 0 : log_seam->node->random_.Between(1, most);
      // Sometimes what was given already is given again, as a client does after it has lost its place.
      if (log_seam->node->Fault(50)) position = std::max<int64_t>(0, position - log_seam->node->random_.Between(1, 3));
      for (int64_t i = 0; i < n && position < static_cast<int64_t>(log.size()); ++i, ++position) {
        records.push_back(log[static_cast<size_t>(position)]->record);
      }
      return LogBatch{records, Offset{position}};
    }
    LogSeam* log_seam;
    int partition;
    int64_t position;
    std::vector<LogRecord> records;
  };
  absl::StatusOr<Offset> Begin(PartitionId) override {
    if (node->Fault(10)) return absl::UnavailableError("try again");
    return Offset{0};
  }
  absl::StatusOr<std::unique_ptr<LogReader>> Open(PartitionId partition, Offset from) override {
    return std::make_unique<Reader>(this, partition.value, from.value);
  }
  void AppendHeartbeat(PartitionId partition, EventTime time) override {
    node->Point("append");
    if (!node->options_.faults || time.never()) return;
    auto record = std::make_unique<OwnedRecord>();
    record->record.value = Heartbeat{time};
    broker->Append(partition.value, std::move(record));
  }

  Node* const node;
  Broker* const broker;
};

struct Node::GroupSeam final : Group {
  explicit GroupSeam(Node* owner) : node(owner), broker(owner->broker_) { member = broker->Join(node->options_.instance); }

  absl::StatusOr<GroupChange> Poll() override {
    node->Point("poll_group");
    if (broker->InstanceTakenFrom(node->options_.instance, member)) {
      return absl::FailedPreconditionError("fenced: another process runs under this instance's name");
    }
    if (node->Fault(8)) return GroupChange();
    GroupChange change = broker->PollMember(member);
    lost = change.kind == GroupChange::Kind::kLost;
    return change;
  }
  void Release() override {
    node->Point("release");
    if (lost) {
      lost = false;
      if (!broker->InstanceTakenFrom(node->options_.instance, member)) member = broker->Join(node->options_.instance);
    } else {
      broker->Rejoin(member);
    }
  }
  absl::StatusOr<std::optional<Offset>> Committed(PartitionId partition) override {
    node->Point("ask_committed");
    const std::optional<std::optional<Offset>> stable = broker->CommittedStable(partition.value);
    if (!stable.has_value() || node->Fault(10)) return absl::UnavailableError("a transaction is open");
    return *stable;
  }

  Node* const node;
  Broker* const broker;
  uint64_t member = 0;
  bool lost = false;
};

struct Node::PublisherSeam final : Publisher {
  explicit PublisherSeam(Node* owner) : node(owner), broker(owner->broker_) {
    outputs.id = node->options_.instance + "/outputs";
    snapshots.id = node->options_.instance + "/snapshots";
  }

  struct Channel {
    enum class State { kInit, kIdle, kProduce, kOffsets, kEnd, kAck };
    std::string id;
    State state = State::kInit;
    uint64_t epoch = 0;
    int64_t due = 0;
    std::shared_ptr<Txn> txn;
    uint64_t member = 0, generation = 0;  // as they were when it began
    bool late = false;  // part of it is on its way until after the offsets were sent
    std::vector<OutputPart> outputs;
    std::vector<SnapshotPart> snapshots;
  };
  void Begin(Channel* channel, std::string_view point) {
    node->Point(point);
    channel->state = Channel::State::kProduce;
    channel->due = broker->now + node->Delay();
    channel->member = node->member();
    channel->generation = broker->GenerationOf(channel->member);
    channel->late = node->random_.OneIn(2);
  }
  void BeginOutputs(std::vector<OutputPart> parts) override {
    outputs.outputs = std::move(parts);
    Begin(&outputs, "begin_outputs");
  }
  void BeginSnapshots(std::vector<SnapshotPart> parts) override {
    snapshots.snapshots = std::move(parts);
    Begin(&snapshots, "begin_snapshots");
  }
  absl::StatusOr<Publishing> PollOutputs() override { return PollChannel(&outputs, "events", "outputs_"); }
  absl::StatusOr<Publishing> PollSnapshots() override { return PollChannel(&snapshots, "snapshots", "snapshots_"); }

  void Produce(Channel* channel) {
    for (OutputPart& part : channel->outputs) {
      for (Output& output : part.outputs) broker->Produce(channel->txn, part.partition.value, output);
    }
    for (const SnapshotPart& part : channel->snapshots) {
      for (const Sighting& sighting : part.sightings) {
        broker->Produce(channel->txn, part.partition.value, SnapshotEntry{sighting, nullptr});
      }
      for (size_t i = 0; i < part.records->size(); ++i) {
        broker->Produce(channel->txn, part.partition.value,
                        SnapshotEntry{AccountState{part.records->id(i), std::string(part.records->record(i))}, nullptr});
      }
      broker->Produce(channel->txn, part.partition.value, SnapshotEntry{part.marker, nullptr});
    }
  }
  Publishing Fail(Channel* channel, std::string_view name) {
    channel->state = Channel::State::kInit;
    channel->due = broker->now + node->Delay();
    channel->outputs.clear();
    channel->snapshots.clear();
    node->Point(std::string(name) + "unknown");
    return Publishing::kUnknown;
  }
  Publishing PollChannel(Channel* channel, const std::string& topic, std::string_view name) {
    using State = Channel::State;
    if (channel->state == State::kIdle) return Publishing::kIdle;
    if (broker->now < channel->due) return Publishing::kBusy;
    channel->due = broker->now + node->Delay();
    switch (channel->state) {
      case State::kInit:
        if (node->Fault(4)) return Publishing::kBusy;
        channel->epoch = broker->InitProducer(channel->id);
        channel->state = State::kIdle;
        return Publishing::kIdle;
      case State::kIdle:
        return Publishing::kIdle;
      case State::kProduce:
        channel->txn = broker->BeginTxn(channel->id, channel->epoch);
        if (channel->txn == nullptr || node->Fault(40)) return Fail(channel, name);
        if (!channel->late) Produce(channel);
        channel->state = State::kOffsets;
        node->Point(std::string(name) + "produced");
        return Publishing::kBusy;
      case State::kOffsets: {
        std::vector<std::pair<int, int64_t>> offsets;
        for (const OutputPart& part : channel->outputs) offsets.push_back({part.partition.value, part.next.value});
        for (const SnapshotPart& part : channel->snapshots) {
          offsets.push_back({part.partition.value, part.marker.next.value});
        }
        if (node->Fault(40) ||
            !broker->SendOffsets(channel->txn, topic, channel->member, channel->generation, offsets)) {
          return Fail(channel, name);
        }
        channel->state = State::kEnd;
        node->Point(std::string(name) + "offsets");
        return Publishing::kBusy;
      }
      case State::kEnd:
        if (channel->late) Produce(channel);
        if (node->Fault(40)) return Fail(channel, name);              // the request is lost
        if (!broker->EndTxn(channel->txn)) return Fail(channel, name);
        node->Point(std::string(name) + "ended");
        if (node->Fault(20)) return Fail(channel, name);              // the answer is lost
        channel->state = State::kAck;
        return Publishing::kBusy;
      case State::kAck:
        channel->outputs.clear();
        channel->snapshots.clear();
        channel->state = State::kIdle;
        node->Point(std::string(name) + "acked");
        return Publishing::kCommitted;
    }
    return Publishing::kBusy;
  }

  Node* const node;
  Broker* const broker;
  Channel outputs, snapshots;
};

struct Node::SnapshotSeam final : Snapshots {
  explicit SnapshotSeam(Node* owner) : node(owner), broker(owner->broker_) {}

  struct FakeSnapshotReader final : SnapshotReader {
    absl::StatusOr<SnapshotBatch> Read() override {
      seam->node->Point("read_snapshots");
      SnapshotBatch batch;
      const auto& entries = seam->broker->snapshots(partition);
      const size_t stop = std::min(end, position + static_cast<size_t>(seam->node->random_.Between(0, 60)));
      for (; position < stop; ++position) {
        const SnapshotEntry& entry = entries[position];
        if (entry.compacted || entry.txn->state != TxnState::kCommitted) continue;
        if (const AccountState* state = std::get_if<AccountState>(&entry.value)) {
          batch.records.Add(state->first, state->second);
        } else if (std::holds_alternative<ShardMarker>(entry.value)) {
          batch.marker = std::get<ShardMarker>(entry.value);
        }
      }
      batch.end = position == end;
      if (batch.marker.has_value()) batch.next = Offset{static_cast<int64_t>(position)};
      return batch;
    }
    SnapshotSeam* seam = nullptr;
    int partition = 0;
    size_t position = 0, end = 0;
  };
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(PartitionId partition) override {
    node->Point("open_snapshots");
    if (node->Fault(10)) return absl::UnavailableError("try again");
    auto reader = std::make_unique<FakeSnapshotReader>();
    reader->seam = this;
    reader->partition = partition.value;
    reader->end = broker->StableEnd(partition.value);
    return reader;
  }
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Follow(PartitionId, Offset) override {
    return absl::UnimplementedError("a worker follows nobody");
  }

  Node* const node;
  Broker* const broker;
};

struct Node::StoreSeam final : Stores {
  explicit StoreSeam(Node* owner) : node(owner), broker(owner->broker_) {}

  struct Store final : RecordStore {
    Store(StoreSeam* owner, std::shared_ptr<Disk::Partition> on_disk) : seam(owner), disk(std::move(on_disk)) {
      disk->open = true;
    }
    ~Store() override {
      disk->open = false;
      seam->node->StoreClosed(this);
    }
    const std::optional<StateMarker>& marker() const override { return disk->marker; }
    absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) override {
      records->assign(ids.size(), std::nullopt);
      for (size_t i = 0; i < ids.size(); ++i) {
        if (const auto it = disk->records.find(ids[i]); it != disk->records.end()) (*records)[i] = it->second;
      }
      return absl::OkStatus();
    }
    absl::Status Commit(const PackedRecords& records, const StateMarker& marker) override {
      Put(records);
      disk->marker = marker;
      seam->node->Point("restored_store");
      return absl::OkStatus();
    }
    absl::Status Spill(const PackedRecords& records) override {
      seam->node->Point("spill_store");
      Put(records);
      return absl::OkStatus();
    }
    void Put(const PackedRecords& records) {
      for (size_t i = 0; i < records.size(); ++i) disk->records[records.id(i)] = std::string(records.record(i));
    }
    std::string name() const override { return "store in memory"; }
    StoreSeam* seam;
    std::shared_ptr<Disk::Partition> disk;
  };
  absl::StatusOr<std::unique_ptr<RecordStore>> OpenStore(PartitionId partition, bool recreate) {
    std::shared_ptr<Disk::Partition>& on_disk = node->disk_->partitions[partition.value];
    if (on_disk == nullptr) on_disk = std::make_shared<Disk::Partition>();
    if (on_disk->open) return absl::InternalError("opened twice");
    if (recreate) *on_disk = Disk::Partition();
    return std::make_unique<Store>(this, on_disk);
  }
  absl::StatusOr<std::unique_ptr<RecordStore>> Open(PartitionId partition) override {
    node->Point("open_store");
    if (node->Fault(10)) return absl::UnavailableError("still open");
    return OpenStore(partition, false);
  }
  absl::StatusOr<std::unique_ptr<RecordStore>> Recreate(PartitionId partition) override {
    node->Point("recreate_store");
    return OpenStore(partition, true);
  }

  Node* const node;
  Broker* const broker;
};

struct Node::WriterSeam final : StoreWriter {
  explicit WriterSeam(Node* owner) : node(owner), broker(owner->broker_) {}

  void Begin(std::vector<StoreWrite> set) override {
    writes = std::move(set);
    write_due = broker->now + node->Delay();
    node->Point("begin_write");
  }
  std::optional<absl::Status> Poll() override {
    if (broker->now < write_due) return std::nullopt;
    node->Point("before_write");
    if (closed) return absl::InternalError("a store was closed while it was written");
    if (node->Fault(200)) return absl::ResourceExhaustedError("the disk is full");
    bool first = true;
    for (const StoreWrite& write : writes) {
      if (!std::exchange(first, false)) node->Point("between_writes");
      auto* store = static_cast<StoreSeam::Store*>(write.store);
      store->Put(*write.records);
      store->disk->marker = write.marker;
    }
    writes.clear();
    node->Point("after_writes");
    return absl::OkStatus();
  }

  Node* const node;
  Broker* const broker;
  std::vector<StoreWrite> writes;
  bool closed = false;
  int64_t write_due = 0;
};

struct Node::Seams {
  explicit Seams(Node* node) : log(node), group(node), publisher(node), snapshots(node), stores(node), writer(node) {}
  LogSeam log;
  GroupSeam group;
  PublisherSeam publisher;
  SnapshotSeam snapshots;
  StoreSeam stores;
  WriterSeam writer;
};

Node::Node(const NodeOptions& options, Broker* broker, const FoldSetup* setup, std::shared_ptr<Disk> disk,
           FailPoints* fail_points)
    : options_(options),
      broker_(broker),
      disk_(std::move(disk)),
      fail_points_(fail_points),
      random_(options.seed),
      seams_(std::make_unique<Seams>(this)) {
  WorkerOptions worker;
  worker.outputs_max = static_cast<size_t>(random_.Between(1, 30));
  worker.replay_records_max = random_.Between(20, 1'000);
  if (random_.OneIn(2)) worker.linger = Span::Millis(random_.Between(1, 20));
  // Copies of a few records at a time, with folds between them.
  if (random_.OneIn(2)) worker.freeze_records = static_cast<size_t>(random_.Between(1, 5));
  worker_ = std::make_unique<Worker>(worker, setup,
                                     WorkerSeams{&seams_->log, &seams_->group, &seams_->publisher, &seams_->snapshots,
                                                 &seams_->stores, &seams_->writer});
}

Node::~Node() { dying_ = true; }

void Node::StoreClosed(const RecordStore* store) {
  if (dying_) return;
  for (const StoreWrite& write : seams_->writer.writes) seams_->writer.closed |= write.store == store;
}

uint64_t Node::member() const { return seams_->group.member; }

absl::StatusOr<bool> Node::Step(EventTime wall) { return worker_->Step({Span::Millis(broker_->now), wall}); }

void Node::LeaveGroup() { broker_->Leave(member()); }

}  // namespace sekisho::simulation
