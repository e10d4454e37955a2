// recipient_tendency: within an hour, most recipients are people this account never wrote to.
//
// Observed: operators judge geography, volume and recipient tendency together; spam goes to bought lists, the owner
// writes to the same people again and again. Novelty of recipients outranks their number: a newsletter to known
// subscribers is normal whatever its size, and an account that always writes to strangers (a shop's application) is
// measured against that habit: how many strangers in a row it would write to by chance.
// Limits: knows a recipient only once a delivery line has named it, some seconds after the submission; from the owner's
// own source it hardly weighs.
#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

bool DetectRecipientTendency(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::RecipientTendency& p = in.policy.recipient_tendency;
  const bool far = f.familiarity == Familiarity::kFar;
  if (TooYoung(f)) return false;
  const Span hour = Span::Hours(1);
  // Familiar, but in a country that hardly any reading comes from: who watched before he sends may take days for it.
  if (!f.stray && f.country_read_percent <= in.policy.source_burst.side_percent_max && f.judged_24h > 0) {
    const bool strange = f.new_recipients_24h * 100 >= p.new_percent_min * f.judged_24h;
    const Limit side{std::max(p.side_country.at_least, f.strangers_by_chance), p.side_country.score};
    if (strange && Reach(in, side, "new_recipients_24h", f.new_recipients_24h, Span::Hours(24), signal)) return true;
  }
  const bool habitual = f.usual_new_percent > p.usual_new_percent_max;
  if (habitual && !(f.stray && far)) return false;
  const int64_t judged = f.stray ? f.stray_judged_1h : f.judged_1h;
  const int64_t strangers = f.stray ? f.stray_new_recipients_1h : f.new_recipients_1h;
  if (judged == 0 || strangers * 100 < p.new_percent_min * judged) return false;
  if (!f.stray) {
    // In the owner's surroundings, but from an address that never read mail, while the owner does read; or an account that begins with
    // this after a week of silence.
    const bool unread = (f.source_messages > 0 && !f.source_reads && f.reads_mail) || (f.young && f.latecomer && f.usual_messages_day == 0);
    return Reach(in, unread ? p.unread_source : p.known_source, "new_recipients_1h", strangers, hour, signal);
  }
  // Who never reads, and moves to another server nearby, shows no habit to break by that.
  if (!far && !f.reads_mail && !f.newcomer() && f.stray_sources_24h < 2) return false;
  if (habitual) return Reach(in, p.habitual, "stray_new_recipients_1h", strangers, hour, signal);
  // Who often writes to strangers needs more of them before that is odd.
  const auto by_habit = [&](const Limit& limit, int64_t times) {
    return Limit{std::max(limit.at_least, f.strangers_by_chance) * times, limit.score};
  };
  const auto reach = [&](const Limit& limit) { return Reach(in, limit, "stray_new_recipients_1h", strangers, hour, signal); };
  const bool settled = !f.young || f.newcomer();
  const int64_t times = UnsettledTimes(f);
  // A few messages to many may be an owner's who tells everybody of his move.
  const bool repeated = f.stray_messages_1h >= p.messages_min;
  if (far) {
    const Limit few = by_habit(p.few, f.reads_there > 0 ? 2 * times : times);
    return (repeated && (reach(by_habit(p.many, times)) || (settled && reach(few)))) || reach(p.first);
  }
  return reach(p.near_many) || (settled && reach(p.near_few));
}

}  // namespace sekisho
