// An action as one line of JSON, for files and for people's scripts. The format is documented in README.md and only
// ever grows.
#ifndef SEKISHO_ENGINE_APP_ACTION_JSON_H_
#define SEKISHO_ENGINE_APP_ACTION_JSON_H_

#include <string>

#include "engine/model/action.h"

namespace sekisho::app {

// Appends the object and a newline. The same action always gives the same bytes.
void AppendActionJson(const Action& action, std::string* out);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_ACTION_JSON_H_
