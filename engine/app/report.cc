#include "engine/app/report.h"

#include <algorithm>
#include <cstdio>

#include "connectors/ingest/jsonl/jsonl.h"
#include "engine/app/exit_code.h"
#include "engine/app/terminal.h"
#include "engine/app/words.h"

namespace sekisho::app {
namespace {

constexpr size_t kProgramsShown = 10;

std::string Count(uint64_t n) { return WithCommas(static_cast<int64_t>(n)); }

std::string ProgramTable(const InputStats& stats) {
  std::vector<std::pair<uint64_t, std::string>> programs;
  for (const auto& [program, n] : stats.other_programs) programs.emplace_back(n, Printable(program, 40));
  std::sort(programs.begin(), programs.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  Table table;
  for (size_t i = 0; i < std::min(programs.size(), kProgramsShown); ++i) {
    table.Row({programs[i].second, Count(programs[i].first)});
  }
  if (programs.size() > kProgramsShown) table.Row({"and others"});
  return table.ToString();
}

}  // namespace

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "sekisho: %s\n", Printable(std::string(status.message()), 2000).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

int FinishInput(const FileSource& source, bool stopped) {
  const std::vector<std::string> unreadable = source.unreadable();
  for (const std::string& message : unreadable) {
    std::fprintf(stderr, "sekisho: %s\n", Printable(message, 2000).c_str());
  }
  if (stopped) {
    std::fputs("sekisho: stopped before the end of the input\n", stderr);
    return kExitInterrupted;
  }
  return unreadable.empty() ? kExitOk : kExitInputUnreadable;
}

std::string InputReport(const FileSource& source, const DeadLetters& dead_letters) {
  const InputStats& stats = source.stats();
  const connectors::Pipeline::Counters& counters = source.counters();
  std::string out = "Lines\n";
  Table lines;
  lines.Row({"read", Count(stats.lines)});
  lines.Row({"understood, silent about accounts", Count(counters.ignored)});
  uint64_t others = 0;
  for (const auto& [program, n] : stats.other_programs) others += n;
  lines.Row({"unrecognised: of other programs", Count(others)});
  for (const auto& [reason, n] : dead_letters.by_reason()) {
    lines.Row({"dead letter: " + Printable(reason, 80), Count(n)});
  }
  out += lines.ToString();
  if (others > 0) out += "Other programs\n" + ProgramTable(stats);
  out += "Events\n";
  Table events;
  for (size_t kind = 0; kind < counters.events.size(); ++kind) {
    if (counters.events[kind] == 0) continue;
    events.Row({std::string(connectors::KindName(static_cast<connectors::Kind>(kind))), Count(counters.events[kind])});
  }
  if (stats.no_account > 0) events.Row({"of these, naming no account", Count(stats.no_account)});
  if (counters.counted_once > 0) events.Row({"told by two programs, counted once", Count(counters.counted_once)});
  return out + events.ToString();
}

void ActionReport::Add(const Action& action) {
  if (action.kind != ActionKind::kSuspend || action.rule == "renewed") return;
  if (suspended_.size() >= kSuspendedMax) {
    ++suspended_more_;
    return;
  }
  std::string line = HumanTime(action.time) + "  " + Printable(action.account, 60);
  if (action.messages_since_onset > 0) line += "  after " + Count(action.messages_since_onset) + " messages";
  line += "  " + SignalList(action.signals);
  if (action.mode == Mode::kShadow) line += "  (shadow: not enforced)";
  suspended_.push_back(std::move(line));
}

std::string ActionReport::ToString(const ShardStats& stats) const {
  std::string out = "Decisions\n";
  Table table;
  table.Row({"accounts", Count(stats.accounts)});
  for (size_t kind = 0; kind < stats.actions.size(); ++kind) {
    table.Row({std::string(sekisho::Name(static_cast<ActionKind>(kind))), Count(stats.actions[kind])});
  }
  out += table.ToString();
  if (suspended_.empty() && suspended_before_ == 0) return out;
  out += "Suspended\n";
  if (suspended_before_ > 0) out += "  " + Count(suspended_before_) + " before this run was resumed\n";
  for (const std::string& line : suspended_) out += "  " + line + "\n";
  if (suspended_more_ > 0) out += "  and " + Count(suspended_more_) + " more\n";
  return out;
}

}  // namespace sekisho::app
