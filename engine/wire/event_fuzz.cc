// Arbitrary bytes as an event: an event or a status. An event that came through goes out and in again unchanged.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/wire/event_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sekisho::wire::DecodeEvent;
  sekisho::wire::EventBuffer buffer, again_buffer;
  sekisho::Event event, again;
  if (!DecodeEvent({reinterpret_cast<const char*>(data), size}, &buffer, &event).ok()) return 0;
  sekisho::v1::Event message;
  sekisho::wire::EncodeEvent(event, &message);
  const std::string bytes = message.SerializeAsString();
  if (!DecodeEvent(bytes, &again_buffer, &again).ok()) std::abort();
  if (again.kind != event.kind || again.ip != event.ip || again.id != event.id || again.time != event.time) std::abort();
  return 0;
}
