// sender_variety: strays send under one envelope sender after another, none of them the owner's.
//
// Observed: operators limit the variety of envelope senders a login may use, because spam goes out under forged and
// changing ones; thieves need about a week to work that limit out. An owner has one or a few: the login's own address,
// an alias, a role. What his own sources send under is his, whatever it looks like, so nothing has to be configured.
// A newsletter with a sender for each recipient (VERP), an application that sends for many, a list server: there variety is
// the habit, once seen on two days, and nothing is said.
// Limits: blind where the thief uses the login's own address (two in three do), to a thief in an account whose habit is
// variety, and where the log doesn't name the sender. A new application in the cloud looks the same on its first days,
// so it takes other evidence besides.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSenderVariety(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray || f.young || f.sends_under_many_names) return false;
  const Policy::SenderVariety& p = in.policy.sender_variety;
  const bool far = f.familiarity == Familiarity::kFar;
  const auto weighed = [&](const Limit& limit) {
    return Limit{limit.at_least, static_cast<int32_t>(far ? limit.score : limit.score * p.near_score_percent / 100)};
  };
  const bool fast = Reach(in, weighed(p.hour), "stray_senders_1h", f.stray_senders_1h, Span::Hours(1), signal);
  const bool slow = Reach(in, weighed(p.day), "stray_senders_24h", f.stray_senders_24h, Span::Hours(24), signal);
  return (fast || slow) && signal->score > 0;
}

}  // namespace sekisho
