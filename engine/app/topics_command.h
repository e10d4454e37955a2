// `sekisho topics create` and `sekisho topics check`.
#ifndef SEKISHO_ENGINE_APP_TOPICS_COMMAND_H_
#define SEKISHO_ENGINE_APP_TOPICS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>

namespace sekisho::app {

// Adds the command to `app`. Once it has been asked for, `*run` does it and returns an ExitCode: kExitFailed when the
// cluster can't be asked, or differs from what is wanted.
void AddTopics(CLI::App* app, std::function<int()>* run);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_TOPICS_COMMAND_H_
