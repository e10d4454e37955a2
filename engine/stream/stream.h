// The seam between a shard and the world: where records come from, and where actions go. Files implement it in
// engine/app; a broker's topics will implement the same two classes.
//
// The promise that both sides keep together: an action is visible if and only if the record that led to it is
// committed. So a reader of the sink never sees an action twice, and never misses one, whatever dies when.
#ifndef SEKISHO_ENGINE_STREAM_STREAM_H_
#define SEKISHO_ENGINE_STREAM_STREAM_H_

#include <cstddef>
#include <span>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/event.h"

namespace sekisho {

// Time has come to `time` although nothing happened: lets timers fire in a quiet partition.
struct Heartbeat {
  EventTime time;
};

// One record of a partition's log. Offsets rise strictly, with gaps allowed.
struct Record {
  Offset offset;
  std::variant<Event, Heartbeat> value;
};

struct Batch {
  // Valid until the source's next Poll. Empty: nothing has come; poll again unless `end`.
  std::span<const Record> records;
  // The offset to commit once all of `records` are folded. May be past the last record's successor: a source skips what
  // is no record.
  Offset next;
  bool end = false;  // nothing will ever follow; only a bounded source says so
};

// One partition's records in order. Thread-compatible: belongs to the thread that owns the shard.
class Source {
 public:
  virtual ~Source() = default;
  // The records that follow those already given. An error means that the source can't go on: the caller closes it and
  // starts again from what is committed. Bad records are the source's own business (counted, dead-lettered), no error.
  virtual absl::StatusOr<Batch> Poll() = 0;
};

// Thread-compatible.
class Sink {
 public:
  virtual ~Sink() = default;
  // Takes actions in the order of their records. They may wait in a buffer until Commit.
  virtual absl::Status Publish(std::span<const Action> actions) = 0;
  // Makes everything published so far visible together with `next` (the next offset to process), or neither. After an
  // error the outcome is unknown: the caller reopens the shard at what turns out to be committed.
  virtual absl::Status Commit(Offset next) = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STREAM_STREAM_H_
