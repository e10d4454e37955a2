// source_dispersion: more distinct sources in a day than this account ever had, a good part of them stray.
//
// Observed: fixed limits such as ten addresses a day stop mobile users by the thousand and are in wide use all the same.
// Here the limit is the account's own habit (the most distinct sources on one day of the last 62) with a floor, and
// sources that are the owner's by history or by reading don't make the case.
// Limits: needs some twenty sources, so source_rotation nearly always comes first; it catches slow, wide use.
#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSourceDispersion(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray || f.stray_sources_24h * 3 < f.sources_24h) return false;
  const Policy::SourceDispersion& p = in.policy.source_dispersion;
  const int64_t floor = std::max(p.sources_min, f.usual_sources_day * p.usual_factor_percent / 100);
  return Reach(in, {floor, p.score}, "sources_24h", f.sources_24h, Span::Hours(24), signal);
}

}  // namespace sekisho
