// `sekisho simulate`: options to engine/simulate, and what to do with the result.
#include <cstdio>
#include <string>

#include "absl/time/time.h"
#include "engine/app/commands.h"
#include "engine/app/exit_code.h"
#include "engine/app/terminal.h"
#include "engine/simulate/simulate.h"

namespace sekisho::app {
namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "sekisho: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

}  // namespace

int RunSimulate(const SimulateOptions& options) {
  simulate::SimulateOptions simulation = options.simulation;
  if (!options.attacks.empty()) {
    const absl::Status parsed = simulate::ParseAttacks(options.attacks, &simulation.attack_weights);
    if (!parsed.ok()) return Fail(parsed);
  }
  if (!options.start.empty()) {
    absl::Time start;
    std::string error;
    if (!absl::ParseTime("%Y-%m-%d", options.start, absl::UTCTimeZone(), &start, &error)) {
      return Fail(absl::InvalidArgumentError("--start: \"" + Printable(options.start) + "\" is no date like 2026-03-02"));
    }
    simulation.start = EventTime::FromMillis(absl::ToUnixMillis(start));
  }
  if (options.draw) simulation = simulate::DrawOptions(simulation.seed, simulation);
  if (options.iso_time) simulation.header = simulate::HeaderStyle::kIso8601;
  if (const absl::Status valid = simulate::ValidateOptions(simulation); !valid.ok()) return Fail(valid);

  simulate::SimulateSummary summary;
  if (const absl::Status done = simulate::Simulate(simulation, &summary); !done.ok()) return Fail(done);

  Table table;
  table.Row({"lines", WithCommas(static_cast<int64_t>(summary.lines)), FormatBytes(summary.bytes)});
  table.Row({"submissions", WithCommas(static_cast<int64_t>(summary.submissions))});
  table.Row({"logins", WithCommas(static_cast<int64_t>(summary.logins))});
  table.Row({"failed logins", WithCommas(static_cast<int64_t>(summary.failures))});
  table.Row({"stolen accounts", WithCommas(summary.stolen_accounts)});
  for (int attack = 0; attack < simulate::kAttackCount; ++attack) {
    table.Row({"  " + std::string(simulate::AttackName(static_cast<simulate::Attack>(attack))),
               WithCommas(summary.stolen_by_attack[static_cast<size_t>(attack)])});
  }
  table.Row({"abusive messages", WithCommas(static_cast<int64_t>(summary.abusive_messages))});
  std::fputs(table.ToString().c_str(), stderr);
  const std::string& out = simulation.out_dir;
  std::fprintf(stderr,
               "Next:\n  sekisho replay --default-realm %s --webmail-host %s --out actions.jsonl %s/*.log\n"
               "  sekisho evaluate %s/truth.json actions.jsonl\n",
               summary.default_realm.c_str(), summary.webmail_host.c_str(), out.c_str(), out.c_str());
  return kExitOk;
}

}  // namespace sekisho::app
