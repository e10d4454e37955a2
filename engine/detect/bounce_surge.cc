// bounce_surge: deliveries bounce or are refused far above what lists of known people give.
//
// Observed: bought lists are full of dead addresses, and receivers refuse what they recognise; queues fill and bounces
// flood. Limits: some thieves' lists are clean, and a club's old list isn't, so it is one family among several.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectBounceSurge(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::BounceSurge& p = in.policy.bounce_surge;
  const int64_t finished = f.failed_1h + f.sent_1h;
  if (finished == 0 || f.failed_1h * 100 < p.percent_min * finished) return false;
  const auto weighed = [&](const Limit& limit) {
    // A stray message or two among an owner's many don't make the mailing a stranger's.
    const bool own = f.young || f.stray_messages_24h * 4 <= f.messages_24h;
    const int64_t percent = own ? p.own_score_percent : 100;
    return Limit{limit.at_least, static_cast<int32_t>(limit.score * percent / 100)};
  };
  return Reach(in, weighed(p.failed_high), "failed_deliveries_1h", f.failed_1h, Span::Hours(1), signal) ||
         Reach(in, weighed(p.failed), "failed_deliveries_1h", f.failed_1h, Span::Hours(1), signal);
}

}  // namespace sekisho
