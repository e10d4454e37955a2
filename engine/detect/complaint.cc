// complaint: people who got this account's messages press "spam", and their providers report it (ARF, RFC 5965).
//
// Observed: feedback loops name what receivers' filters let through, some hours or days late. One report means
// little: people press "spam" on newsletters they asked for, and on their own relatives. So where strays sent in the last
// week a few count; where only the owner's sources did, it takes more than is usual for this account, and a share of its
// recipients that no wanted mailing has.
// Limits: late, so it confirms and keeps from releasing more often than it finds; few providers report. Whoever can
// put a report where the connector reads can accuse any account, so a report's origin has to be checked before
// (connectors/ingest/arf), and by itself this is only observed.
#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

bool DetectComplaint(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (f.complaints_72h == 0) return false;
  const Policy::Complaint& p = in.policy.complaint;
  const Span window = Span::Hours(72);
  if (f.stray_messages_7d >= p.stray_messages_min) {
    return Reach(in, p.stray_many, "complaints_72h", f.complaints_72h, window, signal) ||
           Reach(in, p.stray_few, "complaints_72h", f.complaints_72h, window, signal);
  }
  const int64_t habit = f.usual_complaints_72h * p.usual_factor_percent / 100;
  if (f.complaints_72h * 1000 < p.own_permille_min * f.recipients_7d) return false;
  return Reach(in, {std::max(p.own.at_least, habit), p.own.score}, "complaints_72h", f.complaints_72h, window, signal);
}

}  // namespace sekisho
