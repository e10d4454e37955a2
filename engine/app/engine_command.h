// `sekisho engine`: a node of the cluster, as a daemon.
#ifndef SEKISHO_ENGINE_APP_ENGINE_COMMAND_H_
#define SEKISHO_ENGINE_APP_ENGINE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>

namespace sekisho::app {

// Adds the command to `app`. Once it has been asked for, `*run` does it and returns an ExitCode.
void AddEngine(CLI::App* app, std::function<int()>* run);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_ENGINE_COMMAND_H_
