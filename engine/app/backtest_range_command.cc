#include "engine/app/backtest_range_command.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "connectors/common/log_time.h"
#include "engine/app/backtest_command.h"
#include "engine/app/backtest_range.h"
#include "engine/app/cluster_log.h"
#include "engine/app/exit_code.h"
#include "engine/app/geo_setup.h"
#include "engine/app/report.h"
#include "engine/app/stop.h"
#include "engine/app/terminal.h"
#include "engine/base/clock.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::app {
namespace {

struct RangeOptions {
  ClusterLogOptions log;
  std::string since, until;
};

// Never() for an empty text.
absl::StatusOr<EventTime> TimeOf(const std::string& text, const std::string& option) {
  if (text.empty()) return EventTime::Never();
  if (const std::optional<Span> ago = ParseSpan(text)) return RealClock().Now() - *ago;
  const char* const at_midnight = text.size() == 10 ? "T00:00:00Z" : "";
  if (const std::optional<EventTime> time = connectors::ParseRfc3339(absl::StrCat(text, at_midnight))) return *time;
  return absl::InvalidArgumentError(absl::StrCat(option, " ", text, ": must be a date such as 2027-03-31, a time such as ",
                                                 "2027-03-31T18:00:00+09:00, or how long ago, such as 7d"));
}

absl::Status Run(const BacktestOptions& options, const RangeOptions& where) {
  RangeFold fold;
  for (const auto& [text, option, time] : {std::tuple(&where.since, "--since", &fold.range.since),
                                           std::tuple(&where.until, "--until", &fold.range.until)}) {
    const absl::StatusOr<EventTime> parsed = TimeOf(*text, option);
    if (!parsed.ok()) return parsed.status();
    *time = *parsed;
  }
  if (!fold.range.until.never() && fold.range.since >= fold.range.until) {
    return absl::InvalidArgumentError("--until: must be later than --since");
  }
  absl::StatusOr<BacktestSide> now = OpenSide(options.judgement.policy);
  if (!now.ok()) return now.status();
  absl::StatusOr<BacktestSide> before = OpenSide(options.against);
  if (!before.ok()) return before.status();
  const absl::StatusOr<GeoSet> geo = OpenGeo(options.judgement);
  if (!geo.ok()) return geo.status();
  const absl::StatusOr<std::unique_ptr<ClusterLog>> opened = OpenClusterLog(where.log, "sekisho-backtest", &*geo);
  if (!opened.ok()) return opened.status();

  BacktestFrame frame;
  Progress progress(&RealClock());
  fold.limits.stop = StopRequested;
  fold.memory_bytes_max = options.memory_bytes_max;
  fold.progress = [&progress](uint64_t done, uint64_t all) {
    progress.Update(done, all, WithCommas(static_cast<int64_t>(done)) + " records");
  };
  const absl::Status folded = FoldRange(fold, (*opened)->log.get(), &*now, &*before, &frame);
  progress.Wipe();
  if (!folded.ok()) return absl::Status(folded.code(), absl::StrCat("topic ", where.log.topic, ": ", std::string(folded.message())));
  return PrintBacktest(options, *now, *before, frame);
}

int RunRange(const BacktestOptions& options, const RangeOptions& where) {
  const absl::Status status = Run(options, where);
  if (StopRequested()) {
    std::fputs("sekisho: stopped before the end of the range\n", stderr);
    return kExitInterrupted;
  }
  return status.ok() ? static_cast<int>(kExitOk) : Complain(status);
}

}  // namespace

void AddBacktestRange(CLI::App* command, const std::vector<CLI::Option*>& of_files, const BacktestOptions* options,
                      std::function<int()>* run) {
  static RangeOptions where;
  const size_t before = command->get_options().size();
  CLI::Option* brokers = AddClusterLog(command, &where.log)->required(false);
  command->add_option("--since", where.since, "From this time on: a date, an RFC 3339 time, or how long ago, e.g. 7d (default: all)");
  command->add_option("--until", where.until, "Up to this time, likewise (default: the end that the log has now)");
  const std::vector<CLI::Option*> all = command->get_options();
  for (size_t i = before; i < all.size(); ++i) {
    all[i]->group("A cluster's log, in place of FILE");
    if (all[i] != brokers) all[i]->needs(brokers);
  }
  for (CLI::Option* option : of_files) brokers->excludes(option->required(false));
  command->footer(
      "From a cluster:\n"
      "  sekisho backtest --policy new.yaml --against site.yaml --brokers kafka1:9092 --since 7d\n"
      "  sekisho backtest --policy new.yaml --brokers kafka1:9092 --operator-key noc=noc.key --since 2027-03-01 --until 2027-03-31\n"
      "Each partition of the topic is read once, in no group; nothing in the cluster changes. --since and --until go by when the\n"
      "records were sent. Both policies see the releases, the exceptions and what was judged of networks, domains and campaigns as they\n"
      "stand in the range; orders are believed by --operator-key. What stood before it isn't known, so begin a week or more before\n"
      "what you want to see. Policies pushed in the range are passed over: each side keeps its own. What can't be read is counted.\n");
  command->callback([options, run] {
    *run = [options] { return where.log.cluster.brokers.empty() ? RunBacktest(*options) : RunRange(*options, where); };
  });
}

}  // namespace sekisho::app
