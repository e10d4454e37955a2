// Verdict: what stands about an account after an action.
#ifndef SEKISHO_ENGINE_WIRE_VERDICT_CODEC_H_
#define SEKISHO_ENGINE_WIRE_VERDICT_CODEC_H_

#include "engine/model/action.h"
#include "sekisho/v1/action.pb.h"

namespace sekisho::wire {

// False, and `message` is left alone, for an action after which nothing stands that didn't before: observe, notify, and
// whatever isn't enforced. Overwrites `message`.
bool EncodeVerdict(const Action& action, v1::Verdict* message);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_VERDICT_CODEC_H_
