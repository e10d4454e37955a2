// Lines that couldn't be used: counted by reason, and kept as JSON Lines if somebody wants to see them.
//
// One object a line: {"file", "byte", "reason", "excerpt"}. `byte` is the offset of the line's first byte in the file as
// unpacked. The excerpt is cut at kExcerptBytesMax; the local part of every address in it is replaced by "*", because a
// recipient's address is nobody's business here: whoever may see it has the file.
#ifndef SEKISHO_ENGINE_APP_DEAD_LETTER_H_
#define SEKISHO_ENGINE_APP_DEAD_LETTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/app/output_file.h"

namespace sekisho::app {

inline constexpr size_t kExcerptBytesMax = 512;

// The start of `line` without any local part.
std::string RedactedExcerpt(std::string_view line);

// Thread-compatible.
class DeadLetters {
 public:
  // `file` may be null: count only. Not owned; outlives this.
  explicit DeadLetters(OutputFile* file) : file_(file) {}

  // While muted, letters are counted but not written: a resumed run meets again what it wrote before.
  void set_muted(bool muted) { muted_ = muted; }
  void Add(std::string_view file_name, uint64_t byte, std::string_view reason, std::string_view line);

  // Adds `n` letters that an earlier run wrote.
  void CountOnly(std::string_view reason, uint64_t n);

  // The first error of the file, if any.
  const absl::Status& status() const { return status_; }
  const std::map<std::string, uint64_t, std::less<>>& by_reason() const { return by_reason_; }

 private:
  OutputFile* const file_;
  bool muted_ = false;
  absl::Status status_;
  std::map<std::string, uint64_t, std::less<>> by_reason_;  // reasons are constants of the parsers: few
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_DEAD_LETTER_H_
