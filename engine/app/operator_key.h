// A file that holds a key, as the engine and the commands that give orders both read it.
#ifndef SEKISHO_ENGINE_APP_OPERATOR_KEY_H_
#define SEKISHO_ENGINE_APP_OPERATOR_KEY_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace sekisho::app {

inline constexpr size_t kOperatorKeyBytesMin = 32;
inline constexpr size_t kOperatorKeyBytesMax = 4096;

// The file's bytes, without line feeds at their end.
// InvalidArgument: it can't be read, or is too short or too long for a key; the message names the file.
absl::StatusOr<std::string> ReadOperatorKey(const std::string& path);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_OPERATOR_KEY_H_
