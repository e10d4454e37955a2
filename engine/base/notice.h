// What an operator should hear of, as a name and fields, so that the daemon's log can be searched and nobody's text can
// pass for a field. The daemon writes it out and escapes it.
#ifndef SEKISHO_ENGINE_BASE_NOTICE_H_
#define SEKISHO_ENGINE_BASE_NOTICE_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sekisho {

enum class NoticeLevel : unsigned char { kInfo, kWarning, kError };

struct Notice {
  NoticeLevel level = NoticeLevel::kInfo;
  std::string_view name;  // a constant, static storage; e.g. "file_rotated"
  std::vector<std::pair<std::string_view, std::string>> fields;
};

// May be called from the thread that calls the object that was given it, only.
using NoticeSink = std::function<void(const Notice&)>;

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_NOTICE_H_
