// Dispatch, and the rules that span systems.
#include "connectors/ingest/ingest.h"

#include <algorithm>

#include "connectors/common/mail_text.h"
#include "connectors/ingest/dovecot/dovecot.h"
#include "connectors/ingest/exim/exim.h"
#include "connectors/ingest/jsonl/jsonl.h"
#include "connectors/ingest/postfix/postfix.h"
#include "connectors/ingest/roundcube/roundcube.h"
#include "engine/base/bytes.h"

namespace sekisho::connectors {
namespace {

constexpr char kStateVersion = 1;

}  // namespace

Pipeline::Pipeline(const Options& options)
    : options_(options),
      canonicalizer_(options.canonical, options.key),
      take_([this](const Event& event) { Take(event); }) {
  Forget();
}

void Pipeline::Forget() {
  sasl_failures_.assign(kSaslSlots, {});
  PostfixOptions postfix;
  postfix.own_relays = options_.own_relays;
  EximOptions exim;
  exim.own_relays = options_.own_relays;
  RoundcubeOptions roundcube;
  roundcube.trusted_proxies = options_.trusted_proxies;
  parsers_[kPostfix] = MakePostfixParser(&canonicalizer_, postfix);
  parsers_[kDovecot] = MakeDovecotParser(&canonicalizer_);
  parsers_[kExim] = MakeEximParser(&canonicalizer_, exim);
  parsers_[kRoundcube] = MakeRoundcubeParser(&canonicalizer_, roundcube);
  parsers_[kJsonl] = MakeJsonlParser(&canonicalizer_);
  parsers_[kArf] = MakeArfParser(&canonicalizer_, options_.complaints);
}

Pipeline::~Pipeline() = default;

ParseResult Pipeline::Ask(Index parser, const LogLine& line, std::string_view* reason) {
  asked_ = parser;
  return parsers_[parser]->Parse(line, take_, reason);
}

ParseResult Pipeline::Dispatch(const LogLine& line, std::string_view* reason) {
  const std::string_view program = line.program;
  if (program == kMailProgram) return Ask(kArf, line, reason);
  if (program.starts_with("postfix")) return Ask(kPostfix, line, reason);
  if (program == "dovecot") return Ask(kDovecot, line, reason);
  if (program.empty()) {
    if (!line.message.starts_with('{')) return Ask(kExim, line, reason);
    const ParseResult result = Ask(kJsonl, line, reason);
    return result == ParseResult::kNotMine ? Ask(kDovecot, line, reason) : result;
  }
  if (program.starts_with("exim")) return Ask(kExim, line, reason);
  if (program == "roundcube") return Ask(kRoundcube, line, reason);
  return Ask(kDovecot, line, reason);  // PAM, in the name of Dovecot's processes
}

ParseResult Pipeline::Line(const LogLine& line, const EventSink& sink, std::string_view* reason) {
  sink_ = &sink;
  given_ = dropped_ = untimed_ = 0;
  ++counters_.lines;
  ParseResult result = Dispatch(line, reason);
  if (result == ParseResult::kEvents && given_ == 0) {
    if (untimed_ > 0) {
      *reason = "no time, or an impossible one";
      result = ParseResult::kMalformed;
    } else if (dropped_ > 0) {
      result = ParseResult::kIgnored;
    }
  }
  switch (result) {
    case ParseResult::kNotMine:
      *reason = line.program.empty() ? "no known log format" : "another program's line";
      ++counters_.unrecognised;
      break;
    case ParseResult::kIgnored:
      ++counters_.ignored;
      break;
    case ParseResult::kMalformed:
      ++counters_.malformed;
      break;
    case ParseResult::kEvents:
      break;
  }
  return result;
}

void Pipeline::SaveState(std::string* out) const {
  out->assign(1, kStateVersion);
  ByteWriter writer(out);
  std::string bytes;
  for (size_t i = 0; i < kSavedParsers; ++i) {
    bytes.clear();
    parsers_[i]->SaveState(&bytes);
    writer.PutBytes(bytes);
  }
  EventTime newest;
  for (const SaslFailures& slot : sasl_failures_) newest = std::max(newest, slot.last);
  for (const SaslFailures& slot : sasl_failures_) {
    if (slot.count == 0 || newest - slot.last > kSaslFailureWindow) continue;
    writer.PutVarint(slot.count);
    writer.PutFixed64(slot.key);
    writer.PutZigzag(slot.last.millis());
  }
  writer.PutVarint(0);  // no slot's count: the end
}

absl::Status Pipeline::RestoreState(std::string_view bytes) {
  absl::Status restored = TakeState(bytes);
  if (!restored.ok()) Forget();
  return restored;
}

absl::Status Pipeline::TakeState(std::string_view bytes) {
  const absl::Status damaged = absl::DataLossError("parsers: damaged state, or of another version");
  if (bytes.empty() || bytes.front() != kStateVersion) return damaged;
  ByteReader reader(bytes.substr(1));
  for (size_t i = 0; i < kSavedParsers; ++i) {
    const std::string_view state = reader.Bytes();
    if (!reader.ok()) return damaged;
    if (absl::Status restored = parsers_[i]->RestoreState(state); !restored.ok()) return restored;
  }
  sasl_failures_.assign(kSaslSlots, {});
  while (const uint32_t count = static_cast<uint32_t>(reader.VarintUpTo(UINT32_MAX))) {
    const uint64_t key = reader.Fixed64();
    const EventTime last = EventTime::FromMillis(reader.Zigzag());
    if (reader.ok()) sasl_failures_[key % kSaslSlots] = {key, last, count};
  }
  return reader.done() ? absl::OkStatus() : damaged;
}

bool Pipeline::FromWebmailHost(const IpAddress& ip) const {
  for (const IpNetwork& host : options_.webmail) {
    if (host.Contains(ip)) return true;
  }
  return false;
}

Pipeline::SaslFailures& Pipeline::SaslSlot(const IpAddress& ip, std::string_view account, EventTime t) {
  const uint64_t key =
      PinnedHash64(account, PinnedHash64({reinterpret_cast<const char*>(ip.bytes().data()), ip.bytes().size()}));
  SaslFailures& slot = sasl_failures_[key % kSaslSlots];
  if (slot.key != key || slot.last.never() || t - slot.last > kSaslFailureWindow || slot.last - t > kSaslFailureWindow) {
    slot = {key, t, 0};
  }
  return slot;
}

bool Pipeline::ToldByDovecot(const Event& event) {
  const bool by_dovecot = asked_ == kDovecot && event.session.empty();
  const bool by_mta = asked_ == kPostfix || asked_ == kExim;
  if ((!by_dovecot && !by_mta) || (event.service != Service::kUnknown && event.service != Service::kSmtp)) return false;
  if (by_dovecot) {
    for (const std::string_view account : {event.account, std::string_view()}) {
      SaslFailures& slot = SaslSlot(event.ip, account, event.time);
      ++slot.count;
      slot.last = event.time;
    }
    return false;
  }
  SaslFailures& told = SaslSlot(event.ip, event.account, event.time);
  if (told.count == 0) return false;
  --told.count;
  if (!event.account.empty()) {
    SaslFailures& anybody = SaslSlot(event.ip, {}, event.time);
    if (anybody.count > 0) --anybody.count;
  }
  return true;
}

void Pipeline::Take(const Event& event) {
  if (event.time < kEventTimeMin || event.time >= kEventTimeMax) {
    ++untimed_;
    return;
  }
  const bool login = event.kind == Kind::kLogin || event.kind == Kind::kLoginFailed;
  const bool webmail_host =
      !options_.webmail.empty() && event.service != Service::kWebmail && FromWebmailHost(event.ip);
  const bool webmails_own = webmail_host && login && event.service != Service::kSmtp && asked_ == kDovecot;
  if (webmails_own || (event.kind == Kind::kLoginFailed && ToldByDovecot(event))) {
    ++dropped_;
    ++counters_.counted_once;
    return;
  }
  ++given_;
  ++counters_.events[static_cast<size_t>(event.kind)];
  if (!webmail_host) return (*sink_)(event);
  Event marked = event;
  marked.via_webmail = true;
  (*sink_)(marked);
}

}  // namespace sekisho::connectors
