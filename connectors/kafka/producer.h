// The seam to Kafka: records in, reports of their fate out.
#ifndef SEKISHO_CONNECTORS_KAFKA_PRODUCER_H_
#define SEKISHO_CONNECTORS_KAFKA_PRODUCER_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// Within a partition, records are appended in the order of Produce, and none behind one that has failed: after a failure
// everything else fails too, until Reset. Thread-compatible.
class Producer {
 public:
  enum class Answer : uint8_t {
    kTaken,     // a report will follow
    kFull,      // Poll, and try again
    kTooLarge,  // no broker would take it
    kBroken,    // Reset first
  };
  enum class Fate : uint8_t {
    kAcknowledged,  // by as many brokers as the topic demands
    kFailed,        // not delivered, or nobody knows; may work another time
    kRefused,       // the broker takes others, but not this one
  };
  struct Report {
    uint64_t tag = 0;
    Fate fate = Fate::kFailed;
    int32_t partition = -1;
  };

  virtual ~Producer() = default;
  // To the partition that the key's hash says. Copies what it takes.
  virtual Answer Produce(std::string_view key, std::string_view value, uint64_t tag) = 0;
  // To a partition of choice, or a key's, without a report; in order with what Produce takes, and failing as that does. False: not
  // taken.
  virtual bool Tell(int32_t partition, std::string_view value) = 0;
  virtual bool Tell(std::string_view key, std::string_view value) = 0;
  // Appends what has become known; waits for it up to `wait`.
  virtual void Poll(Span wait, std::vector<Report>* reports) = 0;
  // Nothing more will be delivered until Reset; Poll gives the reports that are outstanding.
  virtual bool broken() const = 0;
  // Forgets all that hasn't been reported, whose fate stays unknown, and starts anew.
  virtual absl::Status Reset() = 0;
  // Of the topic; 0 while not known, which may be until the first record has gone out.
  virtual int32_t partitions() const = 0;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_PRODUCER_H_
