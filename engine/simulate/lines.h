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
#include "engine/simulate/line_store.h"
#include "engine/simulate/random.h"
#include "engine/simulate/simulate.h"

namespace sekisho::simulate {

// Replaced, when the line is written, by the pid of the line's session.
inline constexpr char kPidMark = '\x01';

// Thread-compatible.
class LogBuffer {
 public:
  // Either lines for `sink` or activities for `activities`; the other is null.
  LogBuffer(const SimulateOptions& options, LogSink* sink, ActivitySink* activities);

  // Whether text is wanted: if not, only Tell counts, and Add must not be called.
  bool wants_text() const { return sink_ != nullptr; }
  // An activity, in the place of the line that says it.
  void Tell(Micros at, const Activity& activity);

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
  uint32_t PidOf(const LineInfo& line);
  absl::Status Write(const LineInfo& line, std::string_view message);
  void AppendHeader(const LineInfo& line, uint32_t pid);
  absl::Status Emit(const LineInfo& line);
  absl::Status EmitActivity(const LineInfo& line, std::string_view bytes);

  const SimulateOptions& options_;
  LogSink* sink_;
  ActivitySink* activities_;
  LineStore store_;
  std::array<Host, kLogFileCount> hosts_;
  absl::flat_hash_map<uint64_t, Process> busy_;  // by session
  Random faults_;
  Random pids_;
  uint64_t last_session_ = 0;
  uint64_t lines_ = 0;
  uint64_t bytes_ = 0;
  std::string line_;  // being put together
  std::vector<std::string_view> recipients_;
};

// The calendar, proleptic Gregorian, of a day number since 1970-01-01.
struct CivilDay {
  int year, month, day;  // month 1 to 12
};
CivilDay CivilFromDays(int64_t day_number);

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_LINES_H_
