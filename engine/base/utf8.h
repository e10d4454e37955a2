// UTF-8 one character at a time, for text that may hold anything.
#ifndef SEKISHO_ENGINE_BASE_UTF8_H_
#define SEKISHO_ENGINE_BASE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sekisho {

struct Utf8Char {
  uint32_t code = 0;
  size_t bytes = 0;  // 0: the text doesn't begin with a valid character
};

// The first character of `text`, which isn't empty. Overlong forms, surrogates and code points past U+10FFFF are invalid
// (RFC 3629).
Utf8Char FirstUtf8Char(std::string_view text);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_UTF8_H_
