// A record of the topic "events", or "sightings", as the fold sees it. What can be in such a record is decided here and in engine/wire.
#ifndef SEKISHO_ENGINE_KAFKA_DECODE_H_
#define SEKISHO_ENGINE_KAFKA_DECODE_H_

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "engine/kafka/client.h"
#include "engine/stream/log.h"
#include "engine/wire/record_codec.h"

namespace sekisho::kafka {

// Thread-compatible; keeps its memory between batches.
class Decoder {
 public:
  // `keys` outlive it. Null `locate`: every place is unknown.
  Decoder(const wire::OperatorKeys* keys, Locate locate, Role role = Role::kAccounts)
      : keys_(keys), locate_(std::move(locate)), role_(role) {}

  // What was decoded so far is no longer valid.
  void Reset() { used_ = 0; }
  // `bytes` must outlive the record. Whatever they are, there is a record: the rest is Unusable.
  LogRecord Decode(Offset offset, std::string_view bytes);

 private:
  struct Buffer {
    wire::RecordBuffer record;
    std::string detail;
  };
  const wire::OperatorKeys* const keys_;
  const Locate locate_;
  const Role role_;
  std::deque<Buffer> buffers_;  // one a record: what was decoded points into them
  size_t used_ = 0;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_DECODE_H_
