// A broker in memory with what a real one does to a worker: partitions, a group with generations and fencing, transactions
// whose outcome may stay unknown, last stable offsets, compaction. Time is a number that the simulation moves on.
//
// Modelled after Kafka's classic group protocol (eager), KIP-98 and KIP-447; clients' retries are left out, because each of
// them ends as one of the outcomes here.
#ifndef SEKISHO_TESTS_SIMULATION_BROKER_H_
#define SEKISHO_TESTS_SIMULATION_BROKER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/stream/log.h"

namespace sekisho::simulation {

// A record with what its views point at.
struct OwnedRecord {
  std::string account, connector, bytes;
  std::vector<EventRecipient> recipients;
  LogRecord record;
};

enum class TxnState { kOpen, kPrepared, kCommitted, kAborted };

struct Txn {
  std::string id;  // of the producer
  uint64_t epoch = 0;
  TxnState state = TxnState::kOpen;
  int64_t opened = 0;
  // Offsets that wait for the outcome, by (topic, partition).
  std::map<std::pair<std::string, int>, int64_t> offsets;
};

using AccountState = std::pair<AccountId, std::string>;

struct SnapshotEntry {
  std::variant<AccountState, ShardMarker, Sighting> value;  // sightings have a topic of their own; here they stand beside
  std::shared_ptr<Txn> txn;
  bool compacted = false;
};

class Broker {
 public:
  explicit Broker(int partitions)
      : logs_(static_cast<size_t>(partitions)),
        snapshots_(static_cast<size_t>(partitions)),
        outputs_(static_cast<size_t>(partitions)) {}

  int partitions() const { return static_cast<int>(logs_.size()); }
  int64_t now = 0;  // ms

  // The log.
  void Append(int partition, std::unique_ptr<OwnedRecord> record);
  const std::deque<std::unique_ptr<OwnedRecord>>& log(int partition) const { return logs_[Index(partition)]; }

  // The group. A member that restarts under its instance's name takes the old one's place, which is fenced from then on.
  static constexpr int64_t kSessionMs = 6'000;
  uint64_t Join(const std::string& instance);
  bool InstanceTakenFrom(const std::string& instance, uint64_t member) const;
  // kLost: fenced or forgotten.
  GroupChange PollMember(uint64_t member);
  // The member has given up what was revoked.
  void Rejoin(uint64_t member);
  void Leave(uint64_t member);
  uint64_t GenerationOf(uint64_t member) const;  // 0: none
  // Nothing while a transaction that covers the partition is unresolved.
  std::optional<std::optional<Offset>> CommittedStable(int partition) const;
  std::optional<Offset> Committed(int partition) const;

  // Transactions.
  static constexpr int64_t kTransactionMs = 10'000;
  // Fences whoever used the id before, and aborts what it left open.
  uint64_t InitProducer(const std::string& id);
  // Null if fenced.
  std::shared_ptr<Txn> BeginTxn(const std::string& id, uint64_t epoch);
  void Produce(const std::shared_ptr<Txn>& txn, int partition, Output output);
  void Produce(const std::shared_ptr<Txn>& txn, int partition, SnapshotEntry entry);
  // False: the member isn't of that generation any more, or the transaction isn't open.
  bool SendOffsets(const std::shared_ptr<Txn>& txn, const std::string& topic, uint64_t member, uint64_t generation,
                   const std::vector<std::pair<int, int64_t>>& offsets);
  // False: fenced, or timed out. The markers reach the partitions at a later Tick.
  bool EndTxn(const std::shared_ptr<Txn>& txn);

  // What readers of committed data see.
  std::vector<const Output*> VisibleOutputs(int partition) const;
  size_t StableEnd(int partition) const;  // of the snapshots
  const std::vector<SnapshotEntry>& snapshots(int partition) const { return snapshots_[Index(partition)]; }
  void Compact(int partition);

  // Evicts silent members, times transactions out, delivers markers.
  void Tick();

 private:
  struct Member {
    std::string instance;
    int64_t heard = 0;
    bool joined = false;      // waits for the generation that is being formed
    uint64_t generation = 0;  // of its assignment; 0: none yet
    bool told_assigned = false, told_revoked = false;
    std::vector<PartitionId> partitions;
  };
  struct OutputEntry {
    Output output;
    std::shared_ptr<Txn> txn;
  };
  static size_t Index(int partition) { return static_cast<size_t>(partition); }
  void StartRebalance();
  void TryFinishRebalance();
  void Resolve(const std::shared_ptr<Txn>& txn, TxnState state);

  std::vector<std::deque<std::unique_ptr<OwnedRecord>>> logs_;
  std::vector<std::vector<SnapshotEntry>> snapshots_;
  std::vector<std::vector<OutputEntry>> outputs_;

  std::map<uint64_t, Member> members_;
  uint64_t next_member_ = 1;
  uint64_t generation_ = 0;
  bool rebalancing_ = false;

  std::map<std::string, uint64_t> producers_;
  std::vector<std::shared_ptr<Txn>> unresolved_;
  std::map<std::pair<std::string, int>, int64_t> committed_;
};

}  // namespace sekisho::simulation

#endif  // SEKISHO_TESTS_SIMULATION_BROKER_H_
