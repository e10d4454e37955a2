#include "engine/wire/verdict_codec.h"

#include "engine/wire/bytes_of_hash.h"

namespace sekisho::wire {

bool EncodeVerdict(const Action& action, v1::Verdict* message) {
  if (action.mode != Mode::kEnforce) return false;
  v1::VerdictKind kind = v1::VERDICT_KIND_UNSPECIFIED;
  switch (action.kind) {
    case ActionKind::kObserve:
    case ActionKind::kNotify: return false;
    case ActionKind::kThrottle: kind = v1::VERDICT_KIND_THROTTLE; break;
    case ActionKind::kSuspend: kind = v1::VERDICT_KIND_SUSPEND; break;
    case ActionKind::kRelease: kind = v1::VERDICT_KIND_CLEAR; break;
  }
  message->Clear();
  message->set_account(action.account);
  message->set_kind(kind);
  message->set_mode(v1::MODE_ENFORCE);
  message->set_generation(action.generation);
  message->set_time_ms(action.time.millis());
  if (!action.expires.never()) message->set_expires_ms(action.expires.millis());
  message->set_action_id(BytesOf(action.id));
  message->set_policy(action.policy);
  return true;
}

}  // namespace sekisho::wire
