// Where an event came from, for ever: a place in one stream (a file, a hook) of one connector. Sent twice, an event has the
// same origin both times.
#ifndef SEKISHO_ENGINE_MODEL_ORIGIN_H_
#define SEKISHO_ENGINE_MODEL_ORIGIN_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace sekisho {

// A place in a stream. Rises strictly from event to event.
struct StreamPosition {
  uint64_t byte = 0;   // of the line that completed the event
  uint32_t index = 0;  // among the events of that line
  auto operator<=>(const StreamPosition&) const = default;
};

struct Origin {
  std::string_view connector;  // its configured name; empty: the origin is not known
  uint64_t epoch = 0;          // changes only when the connector's memory of its position is lost
  uint32_t stream = 0;
  StreamPosition position;
};

// How far a stream has been seen.
struct StreamMark {
  std::string connector;
  uint64_t epoch = 0;
  uint32_t stream = 0;
  StreamPosition position;
  bool operator==(const StreamMark&) const = default;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_ORIGIN_H_
