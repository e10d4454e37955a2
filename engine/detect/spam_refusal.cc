// spam_refusal: receivers say that what this account sends is spam: 5.7.x, "blocked", "policy", "reputation".
//
// Observed: the road to a block list begins with such answers from a few large receivers, while unknown recipients, which
// bounce_surge counts too, come from any old address book. So these stand apart, and a handful of them says much when
// strays sent the messages; for the owner's own sources it takes many, a good share, and more than is usual for him: a
// newsletter is refused by somebody every day.
// Answers for now (4.7.x: slow down, try later) happen to everybody. They weigh little, and only where a good part of what
// strays send meets them; an answer that speaks of greylisting is not even counted.
// Limits: answers come some seconds after the message, and receivers that take the mail and file it as spam say nothing. A
// receiver that refuses our whole service hits all our accounts: hence the share, and no suspension by this alone.
#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSpamRefusal(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::SpamRefusal& p = in.policy.spam_refusal;
  const Span day = Span::Hours(24);
  if (!f.stray) {
    const int64_t habit = f.usual_refused_day * p.usual_factor_percent / 100;
    if (f.refused_24h * 100 < p.own_percent_min * f.finished_24h) return false;
    return Reach(in, {std::max(p.own.at_least, habit), p.own.score}, "refused_24h", f.refused_24h, day, signal);
  }
  bool any = false;
  if (f.stray_refused_24h > 0 && f.stray_refused_24h * 100 >= p.percent_min * f.stray_judged_24h) {
    any = Reach(in, p.many, "stray_refused_24h", f.stray_refused_24h, day, signal) ||
          Reach(in, p.few, "stray_refused_24h", f.stray_refused_24h, day, signal);
  }
  if (f.stray_put_off_24h * 100 >= p.put_off_percent_min * f.stray_judged_24h) {
    any |= Reach(in, p.put_off, "stray_put_off_24h", f.stray_put_off_24h, day, signal);
  }
  return any;
}

}  // namespace sekisho
