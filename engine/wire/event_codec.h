// Event: protobuf to model and back.
#ifndef SEKISHO_ENGINE_WIRE_EVENT_CODEC_H_
#define SEKISHO_ENGINE_WIRE_EVENT_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/model/event.h"
#include "sekisho/v1/event.pb.h"

namespace sekisho::wire {

// The schema this version knows; see Event.schema_min in event.proto.
inline constexpr uint32_t kSchema = 1;

// Limits on what is taken from the wire. An honest event has a login of tens of bytes and a few hundred recipients.
inline constexpr size_t kEventBytesMax = 1 << 20;
inline constexpr size_t kAccountBytesMax = 1024;
inline constexpr int kRecipientListMax = 10'000;
// 9999-12-31T23:59:59.999Z: the last time that RFC 3339 can print.
inline constexpr int64_t kTimeMsMax = INT64_C(253402300799999);

// What a decoded event's views point into; must outlive them. Reuse it: it keeps its memory.
struct EventBuffer {
  v1::Event message;
  std::vector<EventRecipient> recipients;
};

// Event time, account, address and body are taken over; `place` stays unknown, `id` is made from the account.
//   InvalidArgument: not an Event, or a field that cannot be (no account, no time, an address of five bytes).
//   ResourceExhausted: over a limit above.
//   Unimplemented: says something this version does not know (a newer schema, kind or enum value). Upgrade the reader.
// The message names the field. On failure `event` is unspecified.
absl::Status DecodeEvent(std::string_view bytes, EventBuffer* buffer, Event* event);

// The same of a message that was parsed as part of another; it, too, must outlive the event. `buffer->message` is left alone.
absl::Status TakeEvent(const v1::Event& message, EventBuffer* buffer, Event* event);

// Everything but `id` and `place`, which the reader makes itself. Overwrites `message`.
void EncodeEvent(const Event& event, v1::Event* message);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_EVENT_CODEC_H_
