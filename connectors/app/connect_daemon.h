// The daemon: everything is built here, from top to bottom, and then turns.
#ifndef SEKISHO_CONNECTORS_APP_CONNECT_DAEMON_H_
#define SEKISHO_CONNECTORS_APP_CONNECT_DAEMON_H_

#include <string>

namespace sekisho::connectors {

struct DaemonOptions {
  std::string config;  // file
  bool check = false;  // only say whether it is right
  bool once = false;   // end when all files have been read and all events acknowledged
};

// Exit codes, as sekisho's: 0 done, or stopped in order; 1 failed; 2 the configuration is wrong; 3 done, but a file was missing
// or not read to its end.
int RunDaemon(const DaemonOptions& options);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_APP_CONNECT_DAEMON_H_
