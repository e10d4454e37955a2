// relapse: the account was suspended, was let go, and strays send again.
//
// Observed: thieves keep what they bought. Where the password is still the old one they are back as soon as sending works
// again, from the same hosts or the next ones; probing for limits goes over days. Whoever was let go is on a shorter leash:
// the same source once more weighs from its first message on, other strays from a few, unless the password was changed in
// between. A changed one is believed: those strays are judged afresh; the very source that came back isn't.
// An operator's release has a grace of its own (see engine/shard), which this doesn't shorten: within it all the signals that
// led to the verdict must be there again.
// Limits: an owner who was suspended wrongly, and is let go by the clock, is on the short leash too. So it takes other evidence
// besides, and a mere throttling leaves none.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectRelapse(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::Relapse& p = in.policy.relapse;
  if (!f.stray || f.released_hours_ago < 0 || f.released_hours_ago > p.hours_max) return false;
  // In his own country the owner's phone may be a stray, too.
  const auto weighed = [&](const Limit& limit) {
    const bool far = f.familiarity == Familiarity::kFar;
    return Limit{limit.at_least, static_cast<int32_t>(far ? limit.score : limit.score * p.near_score_percent / 100)};
  };
  bool any = false;
  if (f.source_returned) {
    any = Reach(in, weighed(p.same_source), "stray_messages_since_release", f.stray_messages_since_release, Span(), signal);
  }
  if (!f.password_changed) {
    any |= Reach(in, weighed(p.other_source), "stray_messages_since_release", f.stray_messages_since_release, Span(), signal);
  }
  any = any && signal->score > 0;
  if (any) signal->evidence.push_back({"released_hours_ago", f.released_hours_ago, p.hours_max, Span::Hours(p.hours_max)});
  return any;
}

}  // namespace sekisho
