// Ctrl-C and SIGTERM as a flag that loops look at. The second signal ends the process at once.
#ifndef SEKISHO_ENGINE_APP_STOP_H_
#define SEKISHO_ENGINE_APP_STOP_H_

namespace sekisho::app {

// From now on SIGINT and SIGTERM set the flag and bring standard input to its end, so that nobody waits for it; SIGXFSZ is ignored, so that a file-size limit is an error of write(2)
// like a full disk, not the end of the process. Call once, before any thread is started.
void CatchStopSignals();

// True once a signal came. Thread-safe.
bool StopRequested();

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_STOP_H_
