// What a command says on standard error when it is done: what was read, what was decided, what went wrong.
#ifndef SEKISHO_ENGINE_APP_REPORT_H_
#define SEKISHO_ENGINE_APP_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/app/dead_letter.h"
#include "engine/app/file_source.h"
#include "engine/model/action.h"
#include "engine/shard/shard.h"

namespace sekisho::app {

// Prints the error; the exit code that goes with it: usage for InvalidArgument, else failed.
int Complain(const absl::Status& status);

// Names inputs that couldn't be read and a stop by signal; the exit code of a command that has done all else.
int FinishInput(const FileSource& source, bool stopped);

// Lines, events by kind, lines that weren't used by reason.
std::string InputReport(const FileSource& source, const DeadLetters& dead_letters);

// Collects what is told of the actions. Bounded by kSuspendedMax.
class ActionReport {
 public:
  void Add(const Action& action);
  // An earlier run told of so many suspensions already.
  void ResumedAfter(uint64_t suspensions) { suspended_before_ = suspensions; }
  // `stats` counts what the shard did, also before this run was resumed.
  std::string ToString(const ShardStats& stats) const;

  static constexpr size_t kSuspendedMax = 50;

 private:
  std::vector<std::string> suspended_;  // a line each
  uint64_t suspended_more_ = 0, suspended_before_ = 0;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_REPORT_H_
