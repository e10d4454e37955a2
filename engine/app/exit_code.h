// How `sekisho` ends; documented in --help.
#ifndef SEKISHO_ENGINE_APP_EXIT_CODE_H_
#define SEKISHO_ENGINE_APP_EXIT_CODE_H_

namespace sekisho::app {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,           // couldn't do what was asked: a disk is full, a state directory doesn't fit, …
  kExitUsage = 2,            // wrong arguments, or a policy file that says nothing valid
  kExitInputUnreadable = 3,  // the rest was done, but at least one input couldn't be read, or not to its end
  kExitInterrupted = 130,    // Ctrl-C or SIGTERM: stopped cleanly
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_EXIT_CODE_H_
