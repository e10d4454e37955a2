// recipient_rate: more recipients in an hour or a day than the account's class may and its owner ever wrote to.
//
// Observed: thieves answer limits on messages with many recipients in each; operators therefore count both.
// Limits: as send_rate. A club's yearly mailing does this too, so it needs a second family beside it.
#include "engine/detect/rate.h"

namespace sekisho {

bool DetectRecipientRate(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  return DetectRate(in, in.policy.recipient_rate, in.policy.sender_recipient_rate, "recipients_1h", f.recipients_1h, "recipients_24h", f.recipients_24h,
                    f.usual_recipients_day, signal);
}

}  // namespace sekisho
