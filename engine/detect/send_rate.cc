// send_rate: more messages in an hour or a day than the account's class may and its owner ever did.
//
// Observed: rate control per login is the common defence, and its fixed limits are worked out by thieves within days; so
// the limit here follows the account's own largest day, and moves by keyed jitter.
// Limits: says nothing of who sends. A large mailing is normal, which is why volume alone never suspends.
#include "engine/detect/rate.h"

namespace sekisho {

bool DetectSendRate(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  return DetectRate(in, in.policy.send_rate, in.policy.sender_send_rate, "messages_1h", f.messages_1h, "messages_24h", f.messages_24h,
                    f.usual_messages_day, signal);
}

}  // namespace sekisho
