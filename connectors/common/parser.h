// What every ingest library implements: one log line in, any number of plain events out.
#ifndef SEKISHO_CONNECTORS_COMMON_PARSER_H_
#define SEKISHO_CONNECTORS_COMMON_PARSER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "connectors/common/event.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// A line whose transport header (syslog, journald, a program's own prefix) has been taken off.
struct LogLine {
  EventTime time;             // from the header; Never() where the line carries none
  std::string_view host;      // empty where the header names none
  std::string_view program;   // e.g. "postfix/submission/smtpd", "dovecot", "exim"; empty where none
  std::string_view message;   // the rest
};

enum class ParseResult : uint8_t {
  kNotMine,    // another system's line: ask the next parser
  kIgnored,    // mine, understood, and says nothing of accounts
  kEvents,     // mine; zero or more events went to the sink (zero: remembered, to be joined with a later line)
  kMalformed,  // mine, but broken: counted and dead-lettered with `reason`
};

// Canonical account names, the same for every system; see canonical.h.
class Canonicalizer;

// Thread-compatible: one per input pipeline. No input may abort the process, and no call may take more than O(line).
class Parser {
 public:
  virtual ~Parser() = default;
  virtual std::string_view name() const = 0;  // "postfix", for counters
  // `reason` is set (a constant string) when kMalformed is returned.
  virtual ParseResult Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) = 0;

  // What is remembered of earlier lines, as bytes to be kept with the log's position. Save and restore between two lines.
  // A parser that remembers nothing has nothing to save.
  virtual void SaveState(std::string* out) const { out->clear(); }
  // DataLoss: not such bytes; the parser goes on as if new.
  virtual absl::Status RestoreState(std::string_view bytes) {
    return bytes.empty() ? absl::OkStatus() : absl::DataLossError("state of a parser that has none");
  }
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_PARSER_H_
