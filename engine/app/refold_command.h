// `sekisho refold`: reads the partition logs that a cluster's engines fold, folds them once more from their beginnings, and
// writes the actions that must have been published. Whoever doubts what a cluster did can ask here.
#ifndef SEKISHO_ENGINE_APP_REFOLD_COMMAND_H_
#define SEKISHO_ENGINE_APP_REFOLD_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>

namespace sekisho::app {

// Adds the subcommand; when the user chose it, `run` is set to what does it.
void AddRefold(CLI::App* app, std::function<int()>* run);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_REFOLD_COMMAND_H_
