// How a notice reads in a daemon's log: one line, in which nobody's text can pass for a field or for another line.
#ifndef SEKISHO_ENGINE_BASE_NOTICE_TEXT_H_
#define SEKISHO_ENGINE_BASE_NOTICE_TEXT_H_

#include <cstddef>
#include <string>

#include "engine/base/notice.h"

namespace sekisho {

inline constexpr size_t kNoticeValueBytesMax = 1024;

//   error gap what="the file was truncated" bytes_known="17" file="/var/log/mail.log"
// A value stands in double quotes, with \" and \\ for these two, \xNN for what isn't printable (see printable.h); a longer one
// than kNoticeValueBytesMax is cut and ends in "…". No line end.
std::string NoticeText(const Notice& notice);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_NOTICE_TEXT_H_
