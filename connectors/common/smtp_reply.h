// What an SMTP server's answer tells: its enhanced status code, and whether the words say "spam". The words are the
// remote server's own, so nothing but this one bit is ever taken from them.
#ifndef SEKISHO_CONNECTORS_COMMON_SMTP_REPLY_H_
#define SEKISHO_CONNECTORS_COMMON_SMTP_REPLY_H_

#include <string_view>

#include "connectors/common/event.h"

namespace sekisho::connectors {

// "5.7.1" at the start of `text` (RFC 3463: class 2, 4 or 5; subject and detail up to three digits), followed by
// anything but a further digit or '.'; 0.0.0 where there is none.
StatusCode ParseStatusCode(std::string_view text);

// As an answer begins: "550 5.7.1 …", "550-5.7.1 …", "5.7.1 …". A basic code alone ("550 …") gives {5, 0, 0}.
StatusCode ParseReplyCode(std::string_view reply);

// Whether a refusal (never call it for a success) is about spam or policy: a code x.7.x, or words to that effect. An
// unknown recipient (x.1.x) and greylisting are not, whatever else the text says; words between '<' and '>', and the
// name of the host that "said" it, are not counted. Looks at the first kReplyBytesMax bytes.
bool IsSpamRefusal(StatusCode code, std::string_view reply);

inline constexpr size_t kReplyBytesMax = 1024;

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_SMTP_REPLY_H_
