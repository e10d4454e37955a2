#include "engine/app/stop.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace sekisho::app {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

int empty_input = -1;

// Only async-signal-safe calls. A read that waits for standard input is begun again after a signal, and then finds its
// end.
void OnSignal(int) {
  stop_requested = 1;
  if (empty_input >= 0) dup2(empty_input, STDIN_FILENO);
}

}  // namespace

void CatchStopSignals() {
  empty_input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
}

bool StopRequested() { return stop_requested != 0; }

}  // namespace sekisho::app
