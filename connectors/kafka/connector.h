// The whole of a connector between its log files and Kafka: what is read, in which order, what of it leaves, and what a
// restart goes on from.
//
//   files ─▶ LogFollower ─▶ LineHandler (the parsers) ─▶ EventEncoder ─▶ Spool ─▶ Sender ─▶ Producer ─▶ Kafka
//
// The promise: every line that was read leads to its events in Kafka, at least once, in the order of their origins, and an
// event that comes twice bears the same origin each time. It holds through the death of the process at any point,
// through rotation of the files, and for as long as Kafka is away.
//
// Why a spool of events, and not just the log files: the order in which lines of several files were taken decides what the
// parsers make of them (a bounce is joined to the account by lines of another host's log), and log files go away. So what
// was decided is written down before it leaves; see spool.h and journal.h. While Kafka is away the spool grows to its
// bound; then reading stops, and the log files themselves, held open, are the rest of the buffer.
#ifndef SEKISHO_CONNECTORS_KAFKA_CONNECTOR_H_
#define SEKISHO_CONNECTORS_KAFKA_CONNECTOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/common/event.h"
#include "connectors/common/parser.h"
#include "connectors/common/syslog.h"
#include "connectors/kafka/event_encoder.h"
#include "connectors/kafka/journal.h"
#include "connectors/kafka/log_follower.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/sender.h"
#include "connectors/kafka/spool.h"
#include "engine/base/notice.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// The parsers. The same lines in the same order must give the same events.
class LineHandler {
 public:
  virtual ~LineHandler() = default;
  // As Parser::Parse; `reason` also for kNotMine.
  virtual ParseResult Line(const LogLine& line, const EventSink& sink, std::string_view* reason) = 0;
  // The system whose log the last line was taken for: a constant, one of few.
  virtual std::string_view Source() const = 0;
  virtual void SaveState(std::string* out) const = 0;
  // On an error the handler is as new.
  virtual absl::Status RestoreState(std::string_view bytes) = 0;
};

struct ConnectorOptions {
  std::string name;                   // unique in the fleet
  std::string state_folder;           // exists; belongs to one process at a time
  std::vector<std::string> files;
  HeaderOptions header;
  // Of events that Kafka hasn't acknowledged; beyond it, reading stops. The disk holds two segments more at most.
  uint64_t spool_bytes_max = uint64_t{1} << 30;
  Span position_every = Span::Seconds(10);
  uint64_t new_epoch = 1;             // used where no position file says another; random
  Sender::Options sender;
};

struct ConnectorStats {
  static constexpr size_t kKinds = static_cast<size_t>(Kind::kComplaint) + 1;
  uint64_t lines = 0, ignored = 0, too_long = 0;
  std::map<std::string_view, std::array<uint64_t, kKinds>> events;  // that leave for Kafka, by source and kind
  uint64_t unattributed = 0;          // events of no account, or of a kind no engine is told of
  std::map<std::string_view, uint64_t> unrecognised;  // lines by reason, which is a constant
  EventTime newest;                   // of a line
  bool spool_full = false;
  uint64_t spool_failures = 0;        // times that the disk didn't take what was to be written
  uint64_t state_losses = 0;          // restarts that couldn't rebuild what the parsers knew
};

// Thread-compatible.
class Connector {
 public:
  // Takes up the state in the folder, or begins anew. Handler and producer outlive it.
  //   FailedPrecondition: another process has the folder. Unavailable: the disk.
  static absl::StatusOr<std::unique_ptr<Connector>> Open(const ConnectorOptions& options, LineHandler* handler, Producer* producer,
                                                         NoticeSink notice);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // One round: reads some lines unless `drain`, sends, keeps the position from time to time. Waits up to `wait` for Kafka
  // where there is nothing else to do. `now` is a clock that never jumps, and measures durations; `wall` is the wall clock,
  // which heartbeats never run ahead of. Errors are the disk's, and final.
  absl::Status Step(EventTime now, EventTime wall, bool drain, Span wait);

  // All that was read has been acknowledged.
  bool drained() const { return spool_->buffered_bytes() == 0 && sender_->idle(); }

  // The last Step found every file read to its end.
  bool at_end() const;

  // Writes the position down, as Step does from time to time.
  absl::Status SavePosition();

  const ConnectorStats& stats() const { return stats_; }
  const Sender& sender() const { return *sender_; }
  // In the spool, and not acknowledged.
  uint64_t waiting_bytes() const { return spool_->end() - sender_->acknowledged(); }
  // On the disk.
  uint64_t spool_bytes() const { return spool_->end() - spool_->begin(); }
  uint64_t epoch() const { return epoch_; }
  // Of the configured files, in their order.
  size_t file_count() const { return configured_.size(); }
  const LogFollower& file(size_t i) const { return *streams_[configured_[i]].follower; }

 private:
  struct Stream {
    std::string path;
    std::unique_ptr<LogFollower> follower;  // null: no longer configured
    FilePosition noted;                     // what the spool says
    EventTime key;                          // of the line peeked, or the last one that had a time
    bool exhausted = false;                 // in this round
  };

  Connector(const ConnectorOptions& options, LineHandler* handler, NoticeSink notice);
  absl::Status Lock();
  absl::Status Load(Producer* producer);
  absl::StatusOr<uint64_t> Replay(uint64_t from);
  void ReplayTaken(Stream* stream, uint64_t offset, bool* lost);
  bool ReadLines(EventTime now);
  // The stream whose next line is the earliest; nullptr where none has one.
  Stream* Earliest(EventTime now, FollowedLine* line);
  void TakeLine(Stream* stream, const FollowedLine& line);
  void Note(Stream* stream);
  void TakeEvent(const Event& event);
  std::string PositionPath() const { return options_.state_folder + "/position"; }

  const ConnectorOptions options_;
  LineHandler* const handler_;
  const NoticeSink notice_;
  int lock_fd_ = -1;
  uint64_t epoch_ = 0;
  std::vector<Stream> streams_;       // by stream number
  std::vector<uint32_t> configured_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<EventEncoder> encoder_;
  std::unique_ptr<Sender> sender_;
  EventSink sink_;
  // While a line is being parsed.
  Origin origin_;
  std::string value_, entry_;
  EventTime next_position_;
  uint64_t saved_place_ = 0, saved_acknowledged_ = 0;  // that were last written down
  bool spool_failing_ = false;
  ConnectorStats stats_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_CONNECTOR_H_
