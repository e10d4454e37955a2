// One partition's fold, with what surrounds the shard: repeats are dropped before it, what can't be used becomes a dead
// letter, verdicts long released are forgotten, and everything can be frozen into a copy that stands for one offset.
//
// The policy belongs to the state: a partition begins with the one it is given, and from then on only an order in its log
// changes it. Its full text is kept with the state, so a restart under another configuration changes nothing.
//
// Below `published` the fold is muted: it changes the state as it did the first time, and says nothing, because that has
// been said.
#ifndef SEKISHO_ENGINE_CLUSTER_PARTITION_H_
#define SEKISHO_ENGINE_CLUSTER_PARTITION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/cluster/fold.h"
#include "engine/cluster/observer.h"
#include "engine/cluster/order_marks.h"
#include "engine/cluster/origin_marks.h"
#include "engine/model/order.h"
#include "engine/model/snapshot.h"
#include "engine/policy/policy.h"
#include "engine/shard/shard.h"
#include "engine/state/account_table.h"
#include "engine/state/record_store.h"
#include "engine/stream/log.h"

namespace sekisho {

// A released verdict is forgotten after this, so that a generation outlives every reader's restart.
inline constexpr Span kVerdictForgottenAfter = Span::Days(7);

// Sightings that wait for the next snapshot. From so many on it comes early; while a partition catches up with its own past,
// in which nothing is frozen, there may be three times as many as records that are replayed. 110 B each.
inline constexpr size_t kSightingsWaiting = 20'000;

// What is the same for every partition of a log; an input of the fold.
struct FoldSetup {
  Hash128 log_id;
  // With what a partition without a state begins, and its full text. Equal on all nodes until each partition has stored a state.
  Policy policy;
  std::string policy_yaml;
  // A policy out of its text; none: orders that bring one are refused. The same text must always give the same policy.
  std::function<absl::StatusOr<Policy>(std::string_view yaml)> compile;
  std::string geo_version;
  AccountTableOptions table;
  // Whether entity shards are told of sightings. Equal on all nodes: what one doesn't tell, nobody tells.
  bool sightings = false;
};

struct PartitionStats {
  uint64_t records = 0;       // folded, muted or not, by this object
  uint64_t repeats = 0;       // events and batches of judgements seen before, dropped
  uint64_t dead_letters = 0;
  uint64_t orders = 0;        // obeyed
  uint64_t judgements = 0;    // batches of them taken in
  uint64_t orders_idle = 0;   // of those, the ones that changed nothing: the policy was active, nothing was to be withdrawn
};

// Thread-compatible: belongs to the worker that owns the partition.
class Partition final : public PartitionFold {
 public:
  // Goes on from the store's marker; without one, begins at `fresh_from` with no state. `setup`, `store` and `counts` outlive
  // it. Null `store`: for a fold whose state nobody keeps; then there is nothing to freeze.
  //   FailedPrecondition  the state is of another log
  //   DataLoss            the state is damaged
  //   InvalidArgument     the policy that the state was decided by can't be read
  static absl::StatusOr<std::unique_ptr<Partition>> Open(const FoldSetup* setup, PartitionId id, RecordStore* store,
                                                         Offset fresh_from, FoldCounts* counts = nullptr);

  // Folds the batch, whose records are [next(), batch.next). Appends what the records from `published` on lead to. An
  // error is the store's: this object must be given up.
  absl::Status Fold(const LogBatch& batch, Offset published, std::vector<Output>* outputs) override;

  Offset next() const override { return next_; }
  EventTime time() const { return shard_.now(); }
  bool freeze_due() const override { return table_.commit_due() || sightings_.size() >= kSightingsWaiting; }
  // With the sightings of all records since the last one, also of those that were folded muted: what the state lacks, no
  // snapshot brought.
  void BeginFreeze() override;
  bool FreezeSome(size_t* records_max) override { return table_.FreezeSome(records_max); }
  SnapshotPart TakeFrozen() override { return std::move(freezing_); }
  absl::Status Thaw() override { return table_.Thaw(); }
  const Partition* accounts() const override { return this; }
  ShardMarker Marker() const;

  // What decides now, and the first record that it decided; 0: the partition began with it.
  const Policy& policy() const { return *policy_; }
  Offset policy_from() const { return policy_from_; }

  const PartitionStats& stats() const { return stats_; }
  AccountTableStats table_stats() const { return table_.stats(); }
  std::string_view policy_version() const { return policy_->version; }
  std::vector<EventTime> TakeActedOn() override { return std::exchange(acted_on_, {}); }
  const ShardStats& shard_stats() const { return shard_.stats(); }

 private:
  Partition(const FoldSetup* setup, PartitionId id, RecordStore* store, Offset fresh_from, FoldCounts* counts);
  absl::Status Restore(const StateMarker& marker);
  absl::Status FoldRecord(const LogRecord& record);
  absl::Status Obey(const Order& order, const LogRecord& record);
  void Refuse(const LogRecord& record, std::string_view reason, std::string detail);
  absl::StatusOr<Policy> Compile(std::string_view yaml) const;
  // Empty, or why not.
  std::string Activate(const PolicyActivation& order, Offset at);
  void Count(const LogRecord& record, bool muted);
  void NoteVerdict(const Action& action);
  void ForgetVerdicts(std::vector<Output>* outputs, bool muted);
  void Say(bool muted, std::vector<Output>* outputs);

  const FoldSetup* const setup_;
  const PartitionId id_;
  // The active policy: the setup's, or one of our own.
  std::unique_ptr<const Policy> own_policy_;
  const Policy* policy_;
  std::string policy_yaml_;
  Offset policy_from_;
  AccountTable table_;
  Shard shard_;
  OrderMarks orders_;
  OriginMarks marks_;
  // Released accounts and when to forget them, both ways round.
  std::set<std::pair<EventTime, std::string>> forget_at_;
  std::map<std::string, EventTime, std::less<>> forget_;
  Offset next_;
  SnapshotPart freezing_;
  PartitionStats stats_;
  FoldCounts* const counts_;
  std::vector<EventTime> acted_on_;
  std::vector<Sighting> sightings_;
  // What the present record led to.
  std::vector<Action> actions_;
  std::optional<DeadLetter> dead_letter_;
  bool repeat_ = false;
  std::vector<AccountId> prefetch_;  // scratch
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_PARTITION_H_
