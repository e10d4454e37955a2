// One thread's share of the cluster, as a state machine: fold, publish, commit, recover, hand over. Pure but for the seams
// it is given, so that a simulator can run this very code through every fault in virtual time.
//
// Of each partition two offsets matter. P: what the records before it led to is published (the group's committed offset).
// L: the stored state holds the records before it. L <= P always, and these steps keep it so:
//   outputs   as soon as there is something to say: {outputs, P} in one transaction. The fold goes on meanwhile.
//   commit    each second or so: the changed states are frozen at L, and copied bit by bit while the fold goes on; once P has
//             passed L, they go to the snapshots topic in one transaction, then to the local store in one batch. So local
//             states are never ahead of the snapshots, and whatever changed since a stored L changes again when [L, P) is
//             replayed.
//   recovery  states at L from the local store, or from snapshots if that is lost or far behind; P from the group; [L, P) is
//             folded muted, then the fold goes live. Nothing is frozen before that.
// If nobody can say whether a transaction took effect, what is in memory is dropped and the partition recovers like after
// a crash.
//
// Whether a stale owner can do harm is not decided here: Publisher refuses it.
#ifndef SEKISHO_ENGINE_CLUSTER_WORKER_H_
#define SEKISHO_ENGINE_CLUSTER_WORKER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/cluster/fold.h"
#include "engine/cluster/observer.h"
#include "engine/cluster/partition.h"
#include "engine/cluster/stores.h"
#include "engine/stream/log.h"

namespace sekisho {

struct WorkerOptions {
  size_t batch_records = 1024;             // folded between two looks at everything else
  size_t freeze_records = 2000;            // copied for a commit between two looks; more where much is folded
  size_t outputs_max = 10'000;             // waiting for a transaction, for each partition; beyond it reading pauses
  Span linger;                             // how long the first of them waits for others to go with it
  Span commit_every = Span::Seconds(1);
  Span drain_max = Span::Seconds(5);       // to finish in good order when partitions are revoked, or on Stop
  Span heartbeat_after = Span::Seconds(1); // without a record; zero: never
  // A local state farther behind is given up for the snapshots. What a replay changes stays in memory until it ends.
  int64_t replay_records_max = 500'000;
};

// Processing time. `steady` never jumps; `wall` is what goes into heartbeats.
struct WorkerTime {
  Span steady;
  EventTime wall;
};

struct WorkerStats {
  uint64_t rebalances = 0;
  uint64_t transactions = 0, transactions_unknown = 0;
  uint64_t commits = 0;
  uint64_t recoveries = 0;         // partitions opened from a stored state
  uint64_t restores = 0;           // from snapshots
  uint64_t records_muted = 0, records_live = 0;
  FoldCounts fold;
};

// What the worker works with. All outlive it.
struct WorkerSeams {
  Log* log = nullptr;
  Group* group = nullptr;
  Publisher* publisher = nullptr;
  Snapshots* snapshots = nullptr;
  Stores* stores = nullptr;
  StoreWriter* writer = nullptr;
  WorkerObserver* observer = nullptr;  // may be null
};

// Thread-compatible: belongs to one thread.
class Worker {
 public:
  Worker(const WorkerOptions& options, OpenFold open, const WorkerSeams& seams);
  // Of accounts. `setup` outlives it.
  Worker(const WorkerOptions& options, const FoldSetup* setup, const WorkerSeams& seams);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Does what can be done without waiting. False: nothing could be done, look again a little later. An error is final:
  // something that a restart won't mend by itself; the message says what to do.
  absl::StatusOr<bool> Step(const WorkerTime& now);

  // From now on: finish what was begun, commit, and give the partitions up.
  void Stop() { stopping_ = true; }
  bool stopped() const { return stopped_; }

  struct PartitionView {
    PartitionId id;
    bool live = false;       // folding what nobody has folded before
    Offset next, published;
    const Partition* partition = nullptr;  // of accounts; null until its state is open
    const RecordStore* store = nullptr;    // likewise
    EventTime appended;      // when the last record that was folded was appended; Never(): none, or unknown
  };
  std::vector<PartitionView> partitions() const;
  const WorkerStats& stats() const { return stats_; }

 private:
  enum class Mode { kRunning, kDraining, kAbandoning };
  enum class Stage { kIdle, kFreezing, kAwaitOutputs, kSnapshot, kWriting };
  struct Slot;

  void OnChange(const GroupChange& change, const WorkerTime& now);
  absl::Status PollPublisher();
  absl::StatusOr<bool> StepSlot(Slot* slot, const WorkerTime& now);
  absl::StatusOr<bool> Ask(Slot* slot, const WorkerTime& now);
  absl::StatusOr<bool> OpenState(Slot* slot, const WorkerTime& now);
  absl::StatusOr<bool> RestoreState(Slot* slot, const WorkerTime& now);
  absl::Status StartFolding(Slot* slot, const WorkerTime& now);
  absl::StatusOr<bool> FoldSome(Slot* slot, const WorkerTime& now);
  bool BeginOutputs(const WorkerTime& now);
  void BeginCommit(const WorkerTime& now);
  bool FreezeSome(uint64_t folded);
  absl::Status StepCommit();
  bool InCommit(const Slot& slot) const;
  void LeaveCommit(const Slot& slot);
  void StepDrain(const WorkerTime& now);
  void StepAbandon();
  void Released();
  Slot* Find(uint64_t serial);

  const WorkerOptions options_;
  const OpenFold open_;
  const WorkerSeams seams_;

  Mode mode_ = Mode::kRunning;
  bool release_ = false;  // the group waits for Release
  bool stopping_ = false, stopped_ = false;
  Span drain_until_;
  bool drain_committed_ = false;

  // Of partitions that are this worker's, and, between a revocation and the next assignment, of those that may come back.
  std::vector<std::unique_ptr<Slot>> slots_;
  uint64_t serial_ = 0;

  struct InFlight {
    uint64_t serial = 0;  // of the slot; it may be gone
    Offset next;
    std::vector<EventTime> acted_on;
  };
  Publishing outputs_state_ = Publishing::kBusy;
  std::vector<InFlight> in_flight_;
  std::optional<Span> outputs_since_;  // something waits to be said

  Publishing snapshots_state_ = Publishing::kBusy;
  Stage stage_ = Stage::kIdle;
  struct Frozen {
    uint64_t serial = 0;
    Offset next;
    SnapshotPart part;
    bool whole = false;
  };
  std::vector<Frozen> frozen_;
  Span commit_at_;
  WorkerStats stats_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_WORKER_H_
