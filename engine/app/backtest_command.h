// What a backtest begins and ends with, whether it is over files or over a cluster's log.
#ifndef SEKISHO_ENGINE_APP_BACKTEST_COMMAND_H_
#define SEKISHO_ENGINE_APP_BACKTEST_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/app/backtest.h"
#include "engine/app/commands.h"
#include "engine/policy/policy.h"

namespace sekisho::app {

// One of the two policies, and what comes of it.
struct BacktestSide {
  std::string file;  // empty: the built-in policy
  Policy policy;
  OutcomeSink sink;
};

// What the policy would do is asked, so it isn't held back as a whole; detectors and rules in shadow stay there. The errors of
// LoadPolicy.
absl::StatusOr<BacktestSide> OpenSide(const std::string& file);

// Compares the two, and writes the report to standard output. `frame` tells what was folded; the rest of it is filled in here.
absl::Status PrintBacktest(const BacktestOptions& options, const BacktestSide& now, const BacktestSide& before, BacktestFrame frame);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_BACKTEST_COMMAND_H_
