// Any bytes as the state of a shard, the marks of orders or a marker: no crash, and what is accepted is written and read again as
// itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/cluster/marker.h"
#include "engine/cluster/order_marks.h"
#include "engine/shard/shard.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sekisho;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Policy policy;
  Shard shard({}, &policy, nullptr), again({}, &policy, nullptr);
  if (shard.DecodeState(bytes).ok()) {
    std::string once, twice;
    shard.EncodeState(&once);
    if (!again.DecodeState(once).ok()) std::abort();
    again.EncodeState(&twice);
    if (once != twice) std::abort();
    // A damaged state that passes must still work.
    Exception exception;
    exception.subject.name = "a@b";
    shard.Except(exception);
  }
  OrderMarks marks, marks_again;
  ByteReader reader(bytes);
  if (marks.Decode(&reader) && reader.done()) {
    std::string once;
    ByteWriter writer(&once);
    marks.Encode(&writer);
    ByteReader second(once);
    if (!marks_again.Decode(&second) || !second.done()) std::abort();
    marks.Take(Order());
  }
  const size_t half = size / 2;
  StateMarker stored;
  stored.input = bytes.substr(0, half);
  stored.dedupe = bytes.substr(half);
  if (const auto marker = FromStateMarker(stored); marker.ok()) {
    const auto back = FromStateMarker(ToStateMarker(*marker));
    if (!back.ok() || back->next != marker->next || back->marks != marker->marks) std::abort();
  }
  return 0;
}
