// What a durable run stores beside its accounts, in the same atomic batch: how far it has come, and what it was asked to
// do, so that another run can go on exactly there or refuse.
#ifndef SEKISHO_ENGINE_APP_RUN_MARKER_H_
#define SEKISHO_ENGINE_APP_RUN_MARKER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/hash.h"
#include "engine/base/ids.h"

namespace sekisho::app {

// An input file and how much of it was folded in.
struct InputMark {
  std::string path;
  uint64_t end_offset = 0;  // bytes of the stream as unpacked
  uint64_t digest = 0;      // of these bytes
  bool operator==(const InputMark&) const = default;
};

struct RunMarker {
  // Everything that decides what a record is and what follows from it, by name, as text: options, policy, geo version.
  // Compared as it is, so that a refusal can name what differs.
  std::vector<std::pair<std::string, std::string>> setup;
  std::vector<InputMark> inputs;
  uint64_t lines = 0;  // folded in, of all inputs together
  Offset next;         // of the first record that isn't folded in
  uint64_t dead_letter_bytes = 0;  // written when this was committed
  std::string entities;  // LocalEntities::Encode
  bool finished = false;

  // What StateMarker::input holds.
  std::string Encode() const;
  // FailedPrecondition: another version. DataLoss: damaged.
  static absl::StatusOr<RunMarker> Decode(std::string_view bytes);
};

// FailedPrecondition that names what differs, if a run that was set up like `present` must not go on from `stored`.
absl::Status CheckSameRun(const RunMarker& stored, const RunMarker& present);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_RUN_MARKER_H_
