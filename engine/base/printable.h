// Text that anybody may have written, made fit for a terminal or a log.
#ifndef SEKISHO_ENGINE_BASE_PRINTABLE_H_
#define SEKISHO_ENGINE_BASE_PRINTABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace sekisho {

// Text that a stranger chose (a login, a host) made safe for a terminal: control characters, bytes that are no UTF-8
// and the characters that turn the writing direction appear as \xNN; longer than `bytes_max`, it is cut and ends in "…".
std::string Printable(std::string_view text, size_t bytes_max = 128);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_PRINTABLE_H_
