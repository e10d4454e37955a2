// Any bytes read as a record or a marker: no crash, and what is accepted is written and read again as itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/state/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  sekisho::AccountWindow account;
  if (sekisho::DecodeRecord(bytes, &account).ok()) {
    std::string once, twice;
    sekisho::EncodeRecord(account, &once);
    sekisho::AccountWindow again;
    if (!sekisho::DecodeRecord(once, &again).ok()) std::abort();
    sekisho::EncodeRecord(again, &twice);
    if (once != twice) std::abort();
    // A damaged record that passes must still work.
    const sekisho::EventTime at = again.messages.newest() + sekisho::Span::Seconds(1);
    for (uint32_t i = 0; i < 100; ++i) {
      again.messages.Add(at, i);
      again.sources_seen.Add(at, i);
      again.known_recipients.AddAndTestNew(at, i);
      again.messages_a_day.Add(at, i);
    }
    again.messages.Count(at, sekisho::kWindowMax);
    again.sources_seen.Count(at, sekisho::kWindowMax);
    again.heap_bytes();
  }
  sekisho::StateMarker marker;
  if (sekisho::DecodeMarker(bytes, &marker).ok()) {
    std::string once;
    sekisho::EncodeMarker(marker, &once);
    sekisho::StateMarker again;
    if (!sekisho::DecodeMarker(once, &again).ok() || !(again == marker)) std::abort();
  }
  return 0;
}
