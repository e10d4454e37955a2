// Takes the transport's header off a log line: time, host, program, and the message that is left.
//
// Understood, told apart line by line without configuration; "<PRI>" may stand before any of them:
//   RFC 3164     Mar  1 09:00:00 host prog[pid]: message            (no year, no zone; the host may be missing, and a day's padding)
//   RFC 5424     <22>1 2026-03-01T09:00:00.123Z host prog pid mid [data] message
//   ISO 8601     2026-03-01T09:00:00.123456+09:00 host prog[pid]: message        (rsyslog)
//   journald     {"__REALTIME_TIMESTAMP":"…","_HOSTNAME":…,"SYSLOG_IDENTIFIER":…,"MESSAGE":…}
//   JSON         any other object: the message is the whole line; the time that of its member "time" or "…_time"
//   Dovecot      Mar 01 09:00:00 imap-login: Info: message          (its own log_path; also "2026-03-01 09:00:00 …")
//   Exim         2026-03-01 09:00:00[.123] [+0900] [[pid]] message
//   Roundcube    [01-Mar-2026 09:00:00 +0900]: <session> message
//   multilog     @400000004c91b044077a9e94 message                  (TAI64N)
// A line of none of these forms is all message.
//
// What a client can write into a line stands in the message, or, in Dovecot's own format, in the program's parentheses:
// a host or program is taken only where no such character can be part of it, so a forged header is never believed.
#ifndef SEKISHO_CONNECTORS_COMMON_SYSLOG_H_
#define SEKISHO_CONNECTORS_COMMON_SYSLOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "connectors/common/log_time.h"
#include "connectors/common/parser.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

struct HeaderOptions {
  absl::TimeZone zone = absl::UTCTimeZone();  // of times that carry none
  // The year of the first date without one. Later dates follow on: the year turns when the date falls back by more than
  // half a year, and turns back when it jumps ahead by more than 330 days (a few lines out of order at New Year).
  std::optional<int> first_year;
  // Without `first_year`: such a date is in the latest year in which it is at most a day after this time (the file's
  // last change). Never(): those lines have no time.
  EventTime reference;
};

// One for each stream, because the year is inferred from what came before. Thread-compatible.
class HeaderParser {
 public:
  explicit HeaderParser(const HeaderOptions& options);
  ~HeaderParser();
  HeaderParser(HeaderParser&&) noexcept;

  // `raw` has no line end. The views point into `raw`, or (journald) into a buffer of this object: they are valid as
  // long as `raw` is, and until the second next call.
  LogLine Parse(std::string_view raw);

  // From now on `reference` stands for HeaderOptions::reference: a file that grows over New Year has no one last change.
  void SetReference(EventTime reference);

 private:
  struct Json;

  bool ParseRfc3164(std::string_view raw, LogLine* line);
  bool ParseIso(std::string_view raw, LogLine* line);
  bool ParseRfc5424(std::string_view raw, LogLine* line);
  bool ParseRoundcube(std::string_view raw, LogLine* line);
  bool ParseTai64n(std::string_view raw, LogLine* line);
  void ParseJson(std::string_view raw, LogLine* line);
  bool ParseJournald(std::string_view raw, LogLine* line);
  // The day number of a date without a year; nullopt where there is none.
  std::optional<int64_t> InferDay(int month, int day);
  EventTime FromLocal(int64_t day, int clock_s, int millis);

  ZoneClock clock_;
  std::optional<int> year_;
  EventTime reference_;
  int64_t last_day_ = 0;      // with year_: of the last date
  bool has_last_day_ = false;
  char short_date_[6] = {};   // "Mar  1": the last one, and its day
  std::optional<int64_t> short_day_;
  char long_date_[10] = {};   // "2026-03-01"
  std::optional<int64_t> long_day_;
  std::unique_ptr<Json> json_;  // made by the first JSON line
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_SYSLOG_H_
