// source_rotation: stray sources in turn, each sending a few messages and not coming back.
//
// Observed: in nine of ten stolen accounts each foreign address was used for a few messages only, hundreds to thousands
// of addresses with hardly any overlap (published example: 38 messages from 37 addresses in two hours). No owner moves
// like that: a person's sources come back, and the mailbox is read from them.
// Limits: a botnet that sends many messages from each address looks like source_burst instead.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSourceRotation(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray) return false;
  const Policy::SourceRotation& p = in.policy.source_rotation;
  // In an account's first week, which networks are its own isn't known.
  const auto settled = [&](const Limit& limit) { return Limit{limit.at_least * (f.unsettled() ? 2 : 1), limit.score}; };
  const bool fast = Reach(in, settled(p.two_hours), "stray_passing_2h", f.stray_passing_2h, Span::Hours(2), signal);
  // An owner who answers his own people from one network after another.
  if (f.ToKnownPeople24h(p.judged_min)) return fast;
  const bool slow = Reach(in, settled(p.day), "stray_passing_24h", f.stray_passing_24h, Span::Hours(24), signal);
  const bool far = Reach(in, p.far_day, "far_passing_24h", f.far_passing_24h, Span::Hours(24), signal);
  return fast || slow || far;
}

}  // namespace sekisho
