// A daemon's log: one line a notice on standard error, where the service manager picks it up and dates it.
#ifndef SEKISHO_ENGINE_APP_DAEMON_LOG_H_
#define SEKISHO_ENGINE_APP_DAEMON_LOG_H_

#include "engine/base/notice.h"

namespace sekisho::app {

// Thread-safe: lines of two threads don't mix.
void LogNotice(const Notice& notice);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_DAEMON_LOG_H_
