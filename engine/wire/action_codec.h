// Action: model to protobuf and back.
#ifndef SEKISHO_ENGINE_WIRE_ACTION_CODEC_H_
#define SEKISHO_ENGINE_WIRE_ACTION_CODEC_H_

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "engine/model/action.h"
#include "sekisho/v1/action.pb.h"

namespace sekisho::wire {

inline constexpr size_t kActionBytesMax = 1 << 20;

// Overwrites `message`.
void EncodeAction(const Action& action, v1::Action* message);

// The decoded action's feature names and rule are views into `buffer`, which must outlive it.
//   InvalidArgument: not an Action, or a field that cannot be.  ResourceExhausted: over the limit above.
//   Unimplemented: a kind, mode, family or detector that this version does not know.
// The message names the field. On failure `action` is unspecified.
absl::Status DecodeAction(std::string_view bytes, v1::Action* buffer, Action* action);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_ACTION_CODEC_H_
