// guessing: a dictionary attack on this account is under way.
//
// Observed: failures from several addresses come before some takeovers; but everybody is guessed at all the time, and
// where passwords were phished failures don't rise at all. So this only observes (a policy may tarpit on it), and feeds
// guessing_then_use. One stale password on a phone isn't guessing: failures of the owner's own sources aren't counted.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectGuessing(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (f.kind != EventKind::kLoginFailed) return false;
  const Policy::Guessing& p = in.policy.guessing;
  const Span hour = Span::Hours(1);
  if (f.failing_sources_1h < Jittered(p.sources_min, in.jitter)) return false;
  if (!Reach(in, {p.failures_min, p.score}, "failures_1h", f.failures_1h, hour, signal)) return false;
  return Reach(in, {p.sources_min, p.score}, "failing_sources_1h", f.failing_sources_1h, hour, signal);
}

}  // namespace sekisho
