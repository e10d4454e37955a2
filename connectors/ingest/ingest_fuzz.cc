// Whatever the bytes, the whole path from raw lines to printed events keeps its promises: it ends, and every event has a
// time, a kind, bounded names, and a JSON form that reads back as the same event.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "connectors/common/syslog.h"
#include "connectors/ingest/ingest.h"
#include "connectors/ingest/jsonl/jsonl.h"

namespace sekisho::connectors {
namespace {

void Require(bool promise) {
  if (!promise) std::abort();
}

// Reads `json` back and prints it again.
std::string ReadBack(Parser* parser, std::string_view json) {
  std::string again;
  LogLine line;
  line.message = json;
  std::string_view reason;
  const auto print = [&](const Event& event) { AppendJson(event, &again); };
  Require(parser->Parse(line, print, &reason) == ParseResult::kEvents);
  return again;
}

void CheckEvent(Parser* parser, const Event& event) {
  Require(event.time >= kEventTimeMin && event.time < kEventTimeMax);
  Require(event.kind <= Kind::kComplaint);
  Require(event.account.size() <= Canonicalizer::kLoginBytesMax);
  Require(event.sender_domain.size() <= 65536);
  std::string json;
  AppendJson(event, &json);
  // What a parser leaves unsaid, the reader fills in once.
  const std::string once = ReadBack(parser, json);
  Require(ReadBack(parser, once) == once);
}

}  // namespace
}  // namespace sekisho::connectors

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sekisho::connectors;  // libFuzzer's entry point cannot live in our namespace
  Pipeline::Options options;
  options.webmail.push_back(*sekisho::IpNetwork::Parse("192.0.2.0/28"));
  options.trusted_proxies.push_back(*sekisho::IpNetwork::Parse("10.0.0.0/8"));
  options.canonical.default_realm = "example.jp";
  static Pipeline* const pipeline = new Pipeline(options);  // its tables are too large to be made for every input
  Canonicalizer canonicalizer(options.canonical, options.key);
  const auto parser = MakeJsonlParser(&canonicalizer);
  HeaderOptions header_options;
  header_options.first_year = 2026;
  HeaderParser header(header_options);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string_view reason;
    pipeline->Line(header.Parse(rest.substr(0, end)), [&](const Event& e) { CheckEvent(parser.get(), e); }, &reason);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return 0;
}
