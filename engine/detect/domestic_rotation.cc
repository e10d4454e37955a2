// domestic_rotation: in the owner's own country, one network after another sends a message or two and never reads.
//
// Observed: thieves who rent residential proxies rotate inside the owner's country, so that no rule on countries sees them.
// What they can't choose is whose line they get: each message comes from another provider's or another region's network,
// none of which the account was ever used from. An owner on the move passes through networks too, but his phone reads
// where it sends, and tomorrow he is in the same ones. So areas count that sent and never read, against this owner's mean
// day, of which abuse can move little: few of one day are learned, and none while a verdict stands.
// Limits: a thief within one provider's region looks like the owner. An account that only ever sends, from phones, takes some
// days to become usual. One family: recipients, bounces or volume must agree.
#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

bool DetectDomesticRotation(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (f.log_young || f.young || f.passing_areas_24h == 0) return false;
  const Policy::DomesticRotation& p = in.policy.domestic_rotation;
  const int64_t habit = f.usual_passing_day * p.usual_factor_percent / 10'000;
  const auto above_habit = [&](const Limit& limit) { return Limit{std::max(limit.at_least, habit + 1), limit.score}; };
  const Span two = Span::Hours(2);
  const bool fast = Reach(in, above_habit(p.two_hours_most), "passing_areas_2h", f.passing_areas_2h, two, signal) ||
                    Reach(in, above_habit(p.two_hours_high), "passing_areas_2h", f.passing_areas_2h, two, signal) ||
                    Reach(in, above_habit(p.two_hours), "passing_areas_2h", f.passing_areas_2h, two, signal);
  const bool slow = Reach(in, above_habit(p.day), "passing_areas_24h", f.passing_areas_24h, Span::Hours(24), signal);
  return fast || slow;
}

}  // namespace sekisho
