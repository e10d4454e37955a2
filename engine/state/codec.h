// The stored form of an account's record and of the marker that says what the records stand for.
//
// A record is a format number, then the tagged fields of AccountWindow::Encode. Tags are pinned for ever: a reader skips
// those it doesn't know, a writer leaves out what is empty. The golden files in testdata/ hold each form that is read.
#ifndef SEKISHO_ENGINE_STATE_CODEC_H_
#define SEKISHO_ENGINE_STATE_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/window/account_window.h"

namespace sekisho {

// Moves only when an old reader would misread new bytes; a new field needs a new tag, not a new number.
inline constexpr uint64_t kRecordFormat = 2;

// Appends the record to `out`.
void EncodeRecord(const AccountWindow& account, std::string* out);
// DataLoss for bytes that are no record, FailedPrecondition for a format of another version; `account` is then empty.
absl::Status DecodeRecord(std::string_view bytes, AccountWindow* account);

// What the stored records stand for: everything of the fold that isn't keyed by account. Opaque to the store.
struct StateMarker {
  std::string input;           // the position in the input up to which the records are folded
  std::string fold;            // the fold's own state
  std::string dedupe;          // marks of what was seen, by stream
  uint64_t output_length = 0;  // bytes of output that belong to this state
  bool operator==(const StateMarker&) const = default;
};

void EncodeMarker(const StateMarker& marker, std::string* out);
absl::Status DecodeMarker(std::string_view bytes, StateMarker* marker);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_CODEC_H_
