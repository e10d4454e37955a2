// Takes events out of the spool to Kafka, in order, and knows how far they have been acknowledged.
#ifndef SEKISHO_CONNECTORS_KAFKA_SENDER_H_
#define SEKISHO_CONNECTORS_KAFKA_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "connectors/kafka/event_encoder.h"
#include "connectors/kafka/journal.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/spool.h"
#include "engine/base/notice.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// After a failure everything from the oldest unacknowledged event on is sent again by a new producer: nothing overtakes
// it, and what had arrived all the same arrives twice under one origin, which a shard drops.
//
// An event that the brokers refuse though they take others (too large for the topic) is sent alone once more; refused
// again, it is lost: counted and said.
//
// Time: an engine sets an event aside that is far ahead of its partition's time, since one broken clock must not move time
// for everybody. Where a log is old and sparse, honest events look just like that. So the sender, which has the log before it,
// tells every partition the time of an event that is `jump` or more ahead of what it told last, right before that event.
//   Evidence: the event's own word isn't enough. It and the next `witnesses` events are asked, and more of them must agree than
//   not: those agree that are less than a jump older than the event, or newer. An event that finds no majority goes as it is,
//   and is the engine's to judge. While lines are still being read, witnesses are waited for, up to `witness_wait`. The last
//   event of all logs has none, and is believed, as the newest line is that a quiet partition is told of. At the end of
//   the logs, an event less than a jump from the wall clock is believed, too, though lines of a file that lags follow it.
//   Bounds: nothing is told ahead of the wall clock, nor of an event that is a jump ahead of it. What is told only goes forward
//   until a failure or a restart, so a day of logs costs each partition a day's number of jumps at most. Where partitions are
//   further on already, because another connector leads, it means nothing to them. Events of one that lags stay welcome for
//   the day that engines take late ones; what a leader tells is no newer than the events it sends.
// A lost heartbeat fails whatever follows it, as a lost event does, and is told again.
//
// Thread-compatible.
class Sender {
 public:
  struct Options {
    Span jump = Span::Minutes(5);        // half of what engines take without being told
    size_t witnesses = 32;               // enough that a burst of one host with a broken clock seldom is the majority
    Span witness_wait = Span::Seconds(1);
    size_t in_flight_max = 20'000;       // events; about 300 B each with librdkafka's own
    Span heartbeat = Span::Seconds(1);   // a partition that has been quiet for so long is told the time
    Span backoff_min = Span::Seconds(1), backoff_max = Span::Seconds(30);
  };
  struct Counters {
    uint64_t produced = 0;      // handed to the producer, again after a failure
    uint64_t acknowledged = 0;
    uint64_t failures = 0;      // times that a new producer had to go back
    uint64_t lost = 0;          // events that no broker took
    uint64_t heartbeats = 0;
  };

  // How far reading has come.
  struct Reading {
    EventTime newest;   // of this connector's logs, not ahead of `wall`; Never() as long as unknown
    EventTime wall;     // the wall clock
    bool more = false;  // lines were read just now, so others may follow
  };

  // Goes on at `place`, which begins an entry. Spool and producer outlive it.
  Sender(Spool* spool, uint64_t place, Producer* producer, EventEncoder* encoder, const Options& options, NoticeSink notice);

  // One round: takes reports in, waiting for them up to `wait`, and sends what may be sent. `now`: a clock that never jumps.
  // DataLoss: the spool can't be read.
  absl::StatusOr<bool> Step(EventTime now, const Reading& reading, Span wait);

  // Every event before it has been acknowledged, or given up.
  uint64_t acknowledged() const { return acknowledged_; }
  // Everything in the spool has been.
  bool idle() const { return in_flight_.empty() && acknowledged_ == spool_->end(); }
  size_t in_flight() const { return in_flight_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  struct InFlight {
    uint64_t end = 0;  // place behind the event, and behind entries of other kinds that follow it
    bool acknowledged = false;
  };
  struct Partition {
    EventTime active;   // `now` of the last report
    EventTime told;     // the time last told
  };

  void TakeReports(EventTime now);
  void GoBack(EventTime now);
  absl::StatusOr<bool> Send(EventTime now, const Reading& reading);
  // Tells the time before the next event, of `at`, where that is a jump that others agree on. kWait: not to be sent yet.
  enum class Telling : uint8_t { kDone, kWait };
  absl::StatusOr<Telling> TellJump(EventTime at, std::string_view key, EventTime now, const Reading& reading);
  // Whether the events behind reader_ agree on `at`; nothing where more of them should be waited for.
  absl::StatusOr<std::optional<bool>> Agreed(EventTime at, EventTime now, const Reading& reading);
  void Heartbeats(EventTime now, EventTime newest);
  void PassOver(uint64_t place);
  void Lose(std::string_view reason, size_t bytes);

  Spool* const spool_;
  Producer* const producer_;
  EventEncoder* const encoder_;
  const Options options_;
  const NoticeSink notice_;
  Spool::Reader reader_, ahead_;
  uint64_t acknowledged_;
  std::deque<InFlight> in_flight_;
  uint64_t first_tag_ = 0;       // of in_flight_.front()
  uint64_t alone_until_ = 0;     // below this place, events go one by one
  bool refused_ = false, failed_ = false;  // among the reports just taken
  EventTime retry_at_;
  Span backoff_;
  std::vector<Producer::Report> reports_;
  std::vector<Partition> partitions_;
  EventTime told_;               // to all partitions, amid the events; Never() after a failure
  EventTime witnesses_since_;    // since when they are waited for
  std::string heartbeat_;
  Counters counters_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_SENDER_H_
