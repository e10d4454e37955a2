// impossible_travel: a stray source sends from farther away than anyone can have travelled since the owner's last use.
//
// Observed: the classic sign of a password used by two people, and the classic false alarm: VPN exits, providers' mail
// fetchers and roaming phones stand where nobody sits. Those are left out by class where the policy names them, and by
// history elsewhere: an owner who is at home in two countries, in whatever way, isn't measured. Distances are between
// countries, the near way (engine/window/country_distance.h). What the owner sent weighs more than what was only read: a
// computer that was left on at home goes on reading while he is abroad.
// Limits: a first journey with a new VPN looks the same, so the points are few, and of the family that a new country
// already belongs to. Blind within a country, between neighbours, and while the owner is offline.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectImpossibleTravel(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::ImpossibleTravel& p = in.policy.impossible_travel;
  if (!f.stray || f.log_young || f.history_days < p.history_days_min) return false;
  const Span day = Span::Hours(24);
  if (f.travel_sent_km >= p.km_min && Reach(in, {p.kmh_min, p.sent_score}, "travel_sent_kmh", f.travel_sent_kmh, day, signal)) {
    signal->evidence.push_back({"travel_sent_km", f.travel_sent_km, p.km_min, day});
    return true;
  }
  if (f.travel_km < p.km_min || !Reach(in, {p.kmh_min, p.read_score}, "travel_kmh", f.travel_kmh, day, signal)) return false;
  signal->evidence.push_back({"travel_km", f.travel_km, p.km_min, day});
  return true;
}

}  // namespace sekisho
