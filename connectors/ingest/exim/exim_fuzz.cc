// Fuzzes the Exim parser: each line of the input is a message, its first byte choosing host and step of time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/ingest/exim/exim.h"

using sekisho::EventTime;
using sekisho::HashKey;
using sekisho::Span;
using sekisho::connectors::Canonicalizer;
using sekisho::connectors::Event;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Canonicalizer canonicalizer({}, HashKey{});
  const auto parser = sekisho::connectors::MakeEximParser(&canonicalizer, {.own_relays = {}, .queue_entries_max = 64});
  size_t told = 0;
  const auto sink = [&told](const Event& e) {
    told += e.account.size() + e.queue_id.size();
    for (const auto& r : e.recipient_list) told += r.domain.size();
  };
  std::string_view input(reinterpret_cast<const char*>(data), size);
  EventTime now = EventTime::FromSeconds(1'772'355'600);
  while (input.size() > 2) {
    const uint8_t choice = static_cast<uint8_t>(input[0]);
    const size_t end = std::min(input.find('\n'), input.size());
    std::string_view why;
    if (end > 1) parser->Parse({now, choice % 2 ? "a" : "b", choice % 3 ? "" : "exim", input.substr(1, end - 1)}, sink, &why);
    now = now + (choice >= 128 ? Span::Days(choice - 190) : Span::Seconds(choice));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return 0;
}
