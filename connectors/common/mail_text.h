// What is common to all mail messages (RFC 5322) as text, their lines ended by LF: header fields, dates, mbox files.
#ifndef SEKISHO_CONNECTORS_COMMON_MAIL_TEXT_H_
#define SEKISHO_CONNECTORS_COMMON_MAIL_TEXT_H_

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sekisho::connectors {

// Stands for the program of a LogLine that is a whole mail message. No log's header can bring it: it holds a blank.
inline constexpr std::string_view kMailProgram = "mail message";

bool EqualsIgnoringCase(std::string_view a, std::string_view b);
std::string_view TrimmedOfBlanks(std::string_view s);

// Whether a file that begins with this line holds mail: "From " with an address or a name and a date (mbox), or one of the
// fields that messages begin with.
bool LooksLikeMail(std::string_view first_line);

// Reads header fields one after another. The views point into the text.
class MailFields {
 public:
  explicit MailFields(std::string_view text) : rest_(text) {}

  // The next field; false behind the last one, where body() begins. Its value is as it stands, folded lines and all; what is no
  // field is passed over.
  bool Next(std::string_view* name, std::string_view* value);
  // Valid once Next has returned false: what comes after the empty line.
  std::string_view body() const { return rest_; }

 private:
  std::string_view rest_;
};

// The value of the first field of that name, unfolded (each line end one blank) and trimmed; nullopt where there is none. At most
// kMailFieldBytesMax bytes of it.
std::optional<std::string> FindMailField(std::string_view text, std::string_view name);
inline constexpr size_t kMailFieldBytesMax = 4096;

// "Thu, 26 Nov 2026 13:05:30 +0900 (JST)": the day's name and the seconds may be missing; the zone may be "GMT" or "UT".
std::optional<EventTime> ParseMailDate(std::string_view date);

// When a message came: by its topmost Received field, else by its Date; Never() where neither tells.
EventTime MailTime(std::string_view message);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_MAIL_TEXT_H_
