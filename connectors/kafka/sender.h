// Takes events out of the spool to Kafka, in order, and knows how far they have been acknowledged.
#ifndef SEKISHO_CONNECTORS_KAFKA_SENDER_H_
#define SEKISHO_CONNECTORS_KAFKA_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
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
// Thread-compatible.
class Sender {
 public:
  struct Options {
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

  // Goes on at `place`, which begins an entry. Spool and producer outlive it.
  Sender(Spool* spool, uint64_t place, Producer* producer, EventEncoder* encoder, const Options& options, NoticeSink notice);

  // One round: takes reports in, waiting for them up to `wait`, and sends what may be sent. `now`: a clock that never jumps.
  // `newest`: how far this connector's logs have come; Never() as long as unknown. DataLoss: the spool can't be read.
  absl::StatusOr<bool> Step(EventTime now, EventTime newest, Span wait);

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
  absl::StatusOr<bool> Send();
  void Heartbeats(EventTime now, EventTime newest);
  void PassOver(uint64_t place);
  void Lose(std::string_view reason, size_t bytes);

  Spool* const spool_;
  Producer* const producer_;
  EventEncoder* const encoder_;
  const Options options_;
  const NoticeSink notice_;
  Spool::Reader reader_;
  uint64_t acknowledged_;
  std::deque<InFlight> in_flight_;
  uint64_t first_tag_ = 0;       // of in_flight_.front()
  uint64_t alone_until_ = 0;     // below this place, events go one by one
  bool refused_ = false, failed_ = false;  // among the reports just taken
  EventTime retry_at_;
  Span backoff_;
  std::vector<Producer::Report> reports_;
  std::vector<Partition> partitions_;
  std::string heartbeat_;
  Counters counters_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_SENDER_H_
