#include "engine/base/notice_text.h"

#include <string_view>

#include "engine/base/printable.h"

namespace sekisho {
namespace {

std::string_view NameOf(NoticeLevel level) {
  switch (level) {
    case NoticeLevel::kInfo:
      return "info";
    case NoticeLevel::kWarning:
      return "warning";
    case NoticeLevel::kError:
      break;
  }
  return "error";
}

}  // namespace

std::string NoticeText(const Notice& notice) {
  std::string text(NameOf(notice.level));
  text += ' ';
  text += notice.name;
  for (const auto& [key, value] : notice.fields) {
    // First what Printable writes itself, so that its escapes can't be forged either.
    std::string quoted;
    for (const char c : std::string_view(value).substr(0, 2 * kNoticeValueBytesMax)) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    text += ' ';
    text += key;
    text += "=\"";
    text += Printable(quoted, kNoticeValueBytesMax);
    text += '"';
  }
  return text;
}

}  // namespace sekisho
