// Fuzzes the Postfix parser: each line of the input is "HOST PROGRAM MESSAGE", with a digit for host and daemon so that
// lines can join; an input that begins with 'S' goes to RestoreState, and the parser must work on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/ingest/postfix/postfix.h"

using sekisho::EventTime;
using sekisho::HashKey;
using sekisho::Span;
using sekisho::connectors::Canonicalizer;
using sekisho::connectors::Event;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr std::string_view kPrograms[] = {"postfix/smtpd", "postfix/submission/smtpd", "postfix/qmgr", "postfix/smtp",
                                                   "postfix/cleanup", "postfix/bounce", "postfix/pickup", "postfix/local"};
  static constexpr std::string_view kHosts[] = {"a", "b"};
  Canonicalizer canonicalizer({}, HashKey{});
  const auto parser = sekisho::connectors::MakePostfixParser(&canonicalizer, {.own_relays = {}, .queue_entries_max = 64});
  size_t told = 0;
  const auto sink = [&told](const Event& e) { told += e.account.size() + e.queue_id.size() + e.recipient_list.size(); };
  std::string_view input(reinterpret_cast<const char*>(data), size);
  EventTime now = EventTime::FromSeconds(1'772'355'600);
  if (input.starts_with('S')) {
    const size_t end = input.find("\n\n");
    (void)parser->RestoreState(input.substr(1, end == std::string_view::npos ? end : end - 1));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 2);
  }
  while (input.size() > 2) {
    const uint8_t choice = static_cast<uint8_t>(input[0]);
    const size_t end = std::min(input.find('\n'), input.size());
    std::string_view why;
    if (end > 1) parser->Parse({now, kHosts[choice / 8 % 2], kPrograms[choice % 8], input.substr(1, end - 1)}, sink, &why);
    now = now + (choice >= 128 ? Span::Days(choice - 190) : Span::Seconds(choice));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  std::string saved, again;
  parser->SaveState(&saved);
  if (!parser->RestoreState(saved).ok()) __builtin_trap();
  parser->SaveState(&again);
  if (saved != again) __builtin_trap();
  return 0;
}
