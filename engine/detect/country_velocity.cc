// country_velocity: one account sends from several countries that aren't its owner's within a short time.
//
// Observed: operators of large Japanese mail services saw stolen IDs used from 30 countries and more, a few messages
// from each; stopping an ID's SMTP AUTH when it authenticates from several countries in a short time was the remedy that
// worked for them. Only stray sources count: a roaming phone or a VPN reads mail where it sends, and countries that the
// account has a history in are its owner's.
// Limits: blind without a country database, and to rotation inside the owner's country (source_rotation sees that).
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectCountryVelocity(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray) return false;
  const Policy::CountryVelocity& p = in.policy.country_velocity;
  const bool fast = Reach(in, p.two_hours, "far_countries_2h", f.far_countries_2h, Span::Hours(2), signal) ||
                    // Who is new to us may be on the road, or a team in two countries.
                    (!f.unsettled() && Reach(in, p.first_two, "far_countries_2h", f.far_countries_2h, Span::Hours(2), signal));
  // An owner who answers his own people through one exit of a VPN after another.
  const bool slow = !f.ToKnownPeople24h(p.judged_min) && Reach(in, p.day, "far_countries_24h", f.far_countries_24h, Span::Hours(24), signal);
  return fast || slow;
}

}  // namespace sekisho
