// Strings in JSON, whatever bytes they hold.
#ifndef SEKISHO_ENGINE_APP_JSON_TEXT_H_
#define SEKISHO_ENGINE_APP_JSON_TEXT_H_

#include <string>
#include <string_view>

namespace sekisho::app {

// Appends `text` in quotes as a JSON string (RFC 8259). Control characters are escaped. A byte that is no part of valid
// UTF-8 becomes the private-use character U+EF00 + byte, so that the result is valid everywhere, nothing is lost and two
// different texts stay different (but for one that uses those characters itself).
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_JSON_TEXT_H_
