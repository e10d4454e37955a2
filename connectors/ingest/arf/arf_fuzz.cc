// Fuzzes the ARF parser: the input is one mail message. Whatever it says, it ends, and what is told is bounded.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "connectors/common/mail_text.h"
#include "connectors/ingest/arf/arf.h"

using sekisho::HashKey;
using namespace sekisho::connectors;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Canonicalizer canonicalizer({}, HashKey{});
  const auto parser = MakeArfParser(&canonicalizer, {{"X-Account"}, "bounces+*@example.jp"});
  const auto sink = [](const Event& e) {
    if (e.kind != Kind::kComplaint || e.time.never() || e.account.size() > Canonicalizer::kLoginBytesMax ||
        e.queue_id.size() > 24) {
      std::abort();
    }
  };
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  LooksLikeMail(input.substr(0, input.find('\n')));
  std::string_view why;
  parser->Parse({{}, "", kMailProgram, input}, sink, &why);
  return 0;
}
