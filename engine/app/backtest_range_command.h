// `sekisho backtest --brokers`: over a cluster's log in place of files.
#ifndef SEKISHO_ENGINE_APP_BACKTEST_RANGE_COMMAND_H_
#define SEKISHO_ENGINE_APP_BACKTEST_RANGE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <vector>

#include "engine/app/commands.h"

namespace sekisho::app {

// Adds to `command`, which is `sekisho backtest` and leaves what it is told in `options`, where a cluster's log is. `of_files` are
// the options that only say how files are read. When the user chose the command, `run` is set to what does it. What --help should
// say of all this is the command's footer.
void AddBacktestRange(CLI::App* command, const std::vector<CLI::Option*>& of_files, const BacktestOptions* options,
                      std::function<int()>* run);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_BACKTEST_RANGE_COMMAND_H_
