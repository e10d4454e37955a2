// Lines made in any order, given back in the order of time, in bounded memory: what doesn't fit is sorted and
// written to unnamed temporary files, and merged. Lines of the same microsecond come back in the order they
// were added.
#ifndef SEKISHO_ENGINE_SIMULATE_LINE_STORE_H_
#define SEKISHO_ENGINE_SIMULATE_LINE_STORE_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/simulate/simulate.h"

namespace sekisho::simulate {

// Microseconds since 1970-01-01T00:00:00Z: a queue id holds the microsecond at which it was made.
using Micros = int64_t;
inline constexpr Micros kSecond = 1'000'000;
inline constexpr Micros kMinute = 60 * kSecond;
inline constexpr Micros kHour = 60 * kMinute;
inline constexpr Micros kDay = 24 * kHour;

enum class Program : uint8_t {
  kSmtpd,        // postfix/smtpd
  kSubmission,   // postfix/submission/smtpd, port 587
  kSubmissions,  // postfix/submissions/smtpd, port 465
  kCleanup,
  kQmgr,
  kSmtp,
  kLmtp,
  kBounce,
  kDovecot,    // syslog tag without a pid
  kRoundcube,  // not syslog: its own time stamp in brackets
};
inline constexpr int kProgramCount = 10;

// Where a line stands in the life of the process that writes it. A connection has a process for itself; other
// lines come from whichever process is free.
enum class Place : uint8_t {
  kAlone,  // from any free process of this program; session is 0
  kFirst,  // takes a free process for `session`
  kInside,
  kLast,  // and gives it back
};

// What is known of a line beside its message.
struct LineInfo {
  Micros at = 0;
  uint64_t session = 0;
  LogFile file = LogFile::kMx1;
  Program program = Program::kSmtpd;
  Place place = Place::kAlone;
};

// Thread-compatible.
class LineStore {
 public:
  // At most `lines_max` lines are in memory at once, about 120 bytes each.
  explicit LineStore(size_t lines_max = 1'000'000) : lines_max_(lines_max) {}

  // `message` is cut after 65,535 bytes. A failure to write a temporary file is reported by the next Drain.
  void Add(const LineInfo& info, std::string_view message);

  // Hands over and forgets every line before `end`, in order; keeps the others. Ends with the first error of
  // `take`, or with Unavailable if temporary files fail.
  absl::Status Drain(Micros end, const std::function<absl::Status(const LineInfo&, std::string_view)>& take);

 private:
  struct Ref {
    LineInfo info;
    uint64_t offset = 0;  // into text_; also the order of arrival
    uint16_t length = 0;
  };
  // A sorted part, in memory or in a file, and its next line.
  class Run;

  absl::Status Spill();
  void Sort();

  size_t lines_max_;
  std::string text_;
  std::vector<Ref> refs_;
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::vector<std::unique_ptr<std::FILE, Closer>> spilled_;  // earlier arrivals first
  absl::Status status_;
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_LINE_STORE_H_
