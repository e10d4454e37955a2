// recipient_tendency: within an hour, most recipients are people this account never wrote to.
//
// Observed: operators judge geography, volume and recipient tendency together; spam goes to bought lists, the owner
// writes to the same people again and again. Novelty of recipients outranks their number: a newsletter to known
// subscribers is normal whatever its size, and an account that always writes to strangers (a shop's application) is
// measured against that habit.
// Limits: knows a recipient only once a delivery line has named it, some seconds after the submission; from the owner's
// own source it hardly weighs.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectRecipientTendency(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::RecipientTendency& p = in.policy.recipient_tendency;
  const bool far = f.familiarity == Familiarity::kFar;
  // While an account is young, only a foreign source against a home where mail is read is odd: a new customer may begin
  // with a mailing.
  if (f.young && (f.log_young || !far || !f.reads_mail)) return false;
  const Span hour = Span::Hours(1);
  const bool habitual = f.usual_new_percent > p.usual_new_percent_max;
  if (habitual && !(f.stray && far)) return false;
  const int64_t judged = f.stray ? f.stray_judged_1h : f.judged_1h;
  const int64_t strangers = f.stray ? f.stray_new_recipients_1h : f.new_recipients_1h;
  if (judged == 0 || strangers * 100 < p.new_percent_min * judged) return false;
  if (!f.stray) {
    // In the owner's surroundings, but from an address that never read mail, while the owner does read.
    const bool unread = f.source_messages > 0 && !f.source_reads && f.reads_mail;
    return Reach(in, unread ? p.unread_source : p.known_source, "new_recipients_1h", strangers, hour, signal);
  }
  if (habitual) return Reach(in, p.habitual, "stray_new_recipients_1h", strangers, hour, signal);
  return Reach(in, far ? p.many : p.near_many, "stray_new_recipients_1h", strangers, hour, signal) ||
         Reach(in, far ? Limit{p.few.at_least * (f.reads_there > 0 ? 2 : 1), p.few.score} : p.near_few, "stray_new_recipients_1h", strangers, hour, signal);
}

}  // namespace sekisho
