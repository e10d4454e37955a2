// From "who did what, when" to a host's log file: keeps the lines of a day, puts them in order, gives each
// the pid of the process that wrote it, the header of its host, and the faults of the log's way.
#ifndef SEKISHO_ENGINE_SIMULATE_LINES_H_
#define SEKISHO_ENGINE_SIMULATE_LINES_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "engine/simulate/random.h"
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

// Replaced, when the line is written, by the pid of the line's session.
inline constexpr char kPidMark = '\x01';

// Thread-compatible.
class LogBuffer {
 public:
  LogBuffer(const SimulateOptions& options, LogSink* sink);

  // One line's message, without header and newline. Lines may come in any order of time, but none earlier
  // than the end of the last Flush.
  void Add(Micros at, LogFile file, Program program, Place place, uint64_t session, std::string_view message);

  // Hands every line before `end` to the sink, in order of time; lines of the same microsecond in the order
  // they were added. Later ones are kept.
  absl::Status Flush(Micros end);

  // A number for a new connection, never 0.
  uint64_t NewSession() { return ++last_session_; }

  uint64_t lines() const { return lines_; }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Ref {
    Micros at;
    uint64_t session;
    uint64_t offset;  // into text_; also the order of arrival
    uint16_t length;
    LogFile file;
    Program program;
    Place place;
  };
  struct Process {
    uint32_t pid = 0;
    uint32_t uses = 0;
  };
  struct Host {
    std::array<std::vector<Process>, kProgramCount> free;
    uint32_t next_pid = 0;
    uint32_t qmgr_pid = 0;
    Micros clock_offset = 0;
  };

  Process Take(Host* host, Program program);
  void GiveBack(Host* host, Program program, Process process);
  uint32_t PidOf(const Ref& ref);
  absl::Status Write(const Ref& ref);
  void AppendHeader(const Ref& ref, uint32_t pid);
  absl::Status Emit(const Ref& ref);

  const SimulateOptions& options_;
  LogSink* sink_;
  std::string text_;
  std::vector<Ref> refs_;
  std::array<Host, kLogFileCount> hosts_;
  absl::flat_hash_map<uint64_t, Process> busy_;  // by session
  Random faults_;
  Random pids_;
  uint64_t last_session_ = 0;
  uint64_t lines_ = 0;
  uint64_t bytes_ = 0;
  std::string line_;  // being put together
};

// The calendar, proleptic Gregorian, of a day number since 1970-01-01.
struct CivilDay {
  int year, month, day;  // month 1 to 12
};
CivilDay CivilFromDays(int64_t day_number);

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_LINES_H_
