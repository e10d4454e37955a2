#include "engine/app/daemon_log.h"

#include <cstdio>
#include <string>

#include "engine/base/notice_text.h"

namespace sekisho::app {

void LogNotice(const Notice& notice) {
  // One call: the stream's own lock keeps the line together, and standard error isn't buffered.
  std::fputs((NoticeText(notice) + "\n").c_str(), stderr);
}

}  // namespace sekisho::app
