// All ingest libraries behind one door: log lines of any system in, plain events out.
//
//   auto files = MergedFiles::Open({"mail.log", "mail.log.1.gz", "userlogins.log"}, {zone, year});
//   Pipeline pipeline({...});
//   for (MergedLine line; files->Next(&line);) pipeline.Line(line.line, sink, &reason);
#ifndef SEKISHO_CONNECTORS_INGEST_INGEST_H_
#define SEKISHO_CONNECTORS_INGEST_INGEST_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "connectors/common/canonical.h"
#include "connectors/common/event.h"
#include "connectors/common/parser.h"
#include "connectors/ingest/arf/arf.h"
#include "connectors/ingest/merged_files.h"
#include "engine/base/hash.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// An event outside [1990-01-01, 2200-01-01) has no time that a log can carry.
inline constexpr EventTime kEventTimeMin = EventTime::FromSeconds(631'152'000);
inline constexpr EventTime kEventTimeMax = EventTime::FromSeconds(7'258'118'400);

// Dovecot, asked by an MTA about a password, logs a failure of its own before the MTA does: at most so long before
// (auth_failure_delay is 2 s, the MTA's answer may be tarpitted).
inline constexpr Span kSaslFailureWindow = Span::Seconds(30);

// Chooses the parser by the line's program; only lines without one (Exim's own files, JSON) are told by their look, so
// that what another program logs is never taken for mail. Beyond the parsers' own rules, two things count once:
//  - A failure that both Dovecot (as the MTA's SASL server: no session id) and the MTA log counts as Dovecot's; the MTA's
//    within kSaslFailureWindow from the same address, for the same account or none, is dropped.
//  - IMAP, POP3 and sieve logins from a webmail host are the webmail's own, and dropped: its log tells of them, with
//    their true source. Other events from there are marked via_webmail.
//
// Deterministic: no clock, no randomness. Thread-compatible: one for each input.
class Pipeline {
 public:
  struct Options {
    CanonicalOptions canonical;
    HashKey key;                            // hashes recipients and senders
    std::vector<IpNetwork> webmail;         // the webmail's hosts
    std::vector<IpNetwork> trusted_proxies;  // in front of the webmail: their X-Forwarded-For is believed
    ArfOptions complaints;                  // how a feedback report names the account
    std::vector<IpNetwork> own_relays;      // public addresses of the fleet's mail hosts whose logs are read
  };
  struct Counters {
    uint64_t lines = 0, ignored = 0, malformed = 0, unrecognised = 0;
    uint64_t counted_once = 0;  // events dropped by the two rules above
    std::array<uint64_t, static_cast<size_t>(Kind::kComplaint) + 1> events{};
  };

  explicit Pipeline(const Options& options);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // `reason`, a constant, is set on kMalformed and on kNotMine. Events have a time in [kEventTimeMin, kEventTimeMax).
  ParseResult Line(const LogLine& line, const EventSink& sink, std::string_view* reason);

  // What is remembered of earlier lines (queue ids under way, failures told once), as bytes to be kept with the inputs'
  // position. Save and restore between two lines.
  void SaveState(std::string* out) const;
  // DataLoss: damaged, or of another version; the pipeline goes on as if new.
  absl::Status RestoreState(std::string_view bytes);

  // The parser that the last line was given to: "postfix", "dovecot", …
  std::string_view source() const { return parsers_[asked_]->name(); }
  const Counters& counters() const { return counters_; }

 private:
  enum Index : size_t { kPostfix, kDovecot, kExim, kRoundcube, kJsonl, kArf, kParsers };
  // A mail message stands alone: its parser has nothing to save. Pinned by kStateVersion.
  static constexpr size_t kSavedParsers = kJsonl + 1;
  // Failures of one address (and account) that Dovecot told of and the MTA hasn't yet.
  struct SaslFailures {
    uint64_t key = 0;
    EventTime last;
    uint32_t count = 0;
  };
  static constexpr size_t kSaslSlots = 8192;  // 24 B each

  void Forget();
  absl::Status TakeState(std::string_view bytes);
  ParseResult Dispatch(const LogLine& line, std::string_view* reason);
  ParseResult Ask(Index parser, const LogLine& line, std::string_view* reason);
  void Take(const Event& event);
  bool FromWebmailHost(const IpAddress& ip) const;
  // True when Dovecot has told of this failure of the MTA's.
  bool ToldByDovecot(const Event& event);
  SaslFailures& SaslSlot(const IpAddress& ip, std::string_view account, EventTime t);

  const Options options_;
  Canonicalizer canonicalizer_;
  std::array<std::unique_ptr<Parser>, kParsers> parsers_;
  const EventSink take_;
  std::vector<SaslFailures> sasl_failures_;
  Counters counters_;
  // While a line is being parsed.
  Index asked_ = kPostfix;
  const EventSink* sink_ = nullptr;
  uint32_t given_ = 0, dropped_ = 0, untimed_ = 0;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_INGEST_H_
