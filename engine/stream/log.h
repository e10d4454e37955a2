// The seam between a worker and a cluster: a partitioned log to read, a group that shares its partitions out, and
// transactions that publish. engine/kafka implements it over a broker, tests/simulation in memory, with every fault.
//
// The promise of the whole, kept together with engine/cluster: what a record leads to becomes visible to readers of
// committed data exactly once, whatever dies when.
//
// Nothing here blocks for long: what takes time is begun, and polled for. Everything is thread-compatible and belongs to
// one worker's thread.
#ifndef SEKISHO_ENGINE_STREAM_LOG_H_
#define SEKISHO_ENGINE_STREAM_LOG_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/model/order.h"
#include "engine/model/origin.h"
#include "engine/model/sighting.h"
#include "engine/model/snapshot.h"
#include "engine/stream/stream.h"

namespace sekisho {

// A record that says nothing this version can use.
struct Unusable {
  std::string_view reason;  // a few words, the same for all records of that kind
  std::string_view detail;  // what exactly; without content and without recipients
};

// Sightings stand in the log of entity shards, all else in that of account shards.
using LogValue = std::variant<Event, Heartbeat, Order, JudgementBatch, Sighting, Unusable>;

// One record of a partition, decoded. Views are valid until the reader's next Read.
struct LogRecord {
  Offset offset;
  Origin origin;            // of an event
  LogValue value;
  std::string_view bytes;   // as it stands in the log
  // Processing time, by the clock of whoever appended it; Never(): unknown. For figures, never for the fold.
  EventTime appended = EventTime::Never();
};

struct LogBatch {
  std::span<const LogRecord> records;  // empty: nothing has come
  // Follows what was read. May be past the last record's successor: not every offset of a log holds a record.
  Offset next;
};

// Reads one partition in order.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // At most `records_max` of the records that follow those already read. OutOfRange: the log no longer holds them.
  virtual absl::StatusOr<LogBatch> Read(size_t records_max) = 0;
};

class Log {
 public:
  virtual ~Log() = default;
  // The first offset that the log still holds. Unavailable: ask again.
  virtual absl::StatusOr<Offset> Begin(PartitionId partition) = 0;
  virtual absl::StatusOr<std::unique_ptr<LogReader>> Open(PartitionId partition, Offset from) = 0;
  // Appends a record that says what time it is, some time; or never, which the caller makes good by the next one.
  virtual void AppendHeartbeat(PartitionId partition, EventTime time) = 0;
};

// What the group decided since it was asked last.
struct GroupChange {
  enum class Kind {
    kNone,
    kAssigned,  // `partitions` are this worker's now, and no others
    kRevoked,   // give up all, in good order, then call Release
    kLost,      // all have been given to others already; drop everything, then call Release
  };
  Kind kind = Kind::kNone;
  std::vector<PartitionId> partitions;
};

// Shares the partitions out among the workers of all nodes.
class Group {
 public:
  virtual ~Group() = default;
  // After kRevoked and kLost nothing more comes until Release. An error is final: this worker can't take part.
  virtual absl::StatusOr<GroupChange> Poll() = 0;
  virtual void Release() = 0;
  // The input offset up to which outputs are published; nothing if none ever was. Only what can't change any more by a
  // transaction of an earlier owner: while one is open, Unavailable, ask again.
  virtual absl::StatusOr<std::optional<Offset>> Committed(PartitionId partition) = 0;
};

// A record that couldn't be used, kept aside with the reason.
struct DeadLetter {
  Offset offset;
  std::string reason, detail;
  std::string bytes;  // as it stood in the log
};

// An account's release is seven days old: nothing need be remembered of its verdict.
struct Forgotten {
  std::string account;
};

// A batch of judgements goes to every partition of the account shards.
using Output = std::variant<Action, Forgotten, DeadLetter, JudgementBatch>;

// What a partition's records led to, in their order, and the offset that follows those records.
struct OutputPart {
  PartitionId partition;
  Offset next;
  std::vector<Output> outputs;
};

// States of a partition's accounts that changed since its last snapshot.
struct SnapshotPart {
  PartitionId partition;
  std::shared_ptr<const PackedRecords> records;
  ShardMarker marker;
  // What the records since the last snapshot mean for entity shards, published beside it. As often as a snapshot may be sent
  // again, so may they: who reads them drops what he has seen (Sighting::place).
  std::vector<Sighting> sightings;
};

enum class Publishing {
  kIdle,       // the next transaction may begin
  kBusy,       // one is under way, or the last one is being cleared up
  kCommitted,  // said once: it is visible, and so are its offsets
  kUnknown,    // said once: it failed, or may have; Group::Committed knows, once this is kIdle again
};

// Publishes in transactions, of which a worker that lost its partitions can't complete any more. Outputs and snapshots go
// side by side, each one transaction at a time: a snapshot is large, and no action should wait for it.
class Publisher {
 public:
  virtual ~Publisher() = default;
  // Outputs and offsets become visible together, or never.
  virtual void BeginOutputs(std::vector<OutputPart> parts) = 0;
  virtual absl::StatusOr<Publishing> PollOutputs() = 0;
  virtual void BeginSnapshots(std::vector<SnapshotPart> parts) = 0;
  virtual absl::StatusOr<Publishing> PollSnapshots() = 0;
};

struct SnapshotBatch {
  PackedRecords records;
  std::optional<ShardMarker> marker;  // the last one of the batch; closes all records read so far
  bool end = false;                   // all that was committed when the reader was opened has been read
  // In the snapshots' own partition; follows what was read. Only with a marker: where Follow may go on once the batch is kept.
  std::optional<Offset> next;
};

// Reads a partition's snapshots. Never gives records of a commit whose marker can't be read yet.
class SnapshotReader {
 public:
  virtual ~SnapshotReader() = default;
  virtual absl::StatusOr<SnapshotBatch> Read() = 0;
};

class Snapshots {
 public:
  virtual ~Snapshots() = default;
  // From their beginning to what is committed now. Unavailable: ask again.
  virtual absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(PartitionId partition) = 0;
  // For a standby: never ends, what is committed later comes as well. An empty batch: nothing has come.
  //   `from` 0: begins like Open, into an empty store, whose records stand for nothing until the first batch with `end`,
  //   which holds the marker, if any was ever committed. From then on each batch is whole: its records, and the marker
  //   that closes them, to be kept at once or not at all.
  //   `from` a batch's `next`: into a store that holds that batch; whole batches from the beginning.
  // Unavailable: ask again. Read's OutOfRange: the snapshots no longer hold what follows, or are too far ahead; begin anew
  // with an empty store.
  virtual absl::StatusOr<std::unique_ptr<SnapshotReader>> Follow(PartitionId partition, Offset from) = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STREAM_LOG_H_
