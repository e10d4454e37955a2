// limit_probing: somebody finds out how much the service lets through: volume rises step by step, and the next day it goes
// straight up to what was found.
//
// Observed: operators say that thieves work out a limit within a day where it is by rate, in three days where it is by
// login, in a week where it is by envelope sender: some messages, a pause, half as many again, until something refuses; and
// back on the next day, up to the daily limit. No owner's day has that shape, save by chance, so a step must be a good deal
// above the one before, and only strays' messages make steps.
// A refusal by one of our own limits never speaks by itself: it counts as one more step where there was one already, and
// not at all while a verdict stands, which may be what refused.
// Limits: two steps cost the thief's first messages, so it comes after source_burst where that can see him; it is for
// those who stay below every rate. Refusals are known only where the log names the login.
#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

bool DetectLimitProbing(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray || f.stray_run_messages == 0) return false;
  const Policy::LimitProbing& p = in.policy.limit_probing;
  bool any = false;
  if (f.stray_run_messages >= p.step_messages_min && f.stray_run_rises_24h > 0) {
    const int64_t steps = f.stray_run_rises_24h + std::min<int64_t>(1, f.stray_refused_runs_24h);
    // Steps are few: jitter would not move them.
    const Limit& limit = steps >= p.many_steps.at_least ? p.many_steps : p.steps;
    if (steps >= limit.at_least) {
      any = true;
      signal->score = limit.score;
      signal->evidence.push_back({"stray_run_rises_24h", f.stray_run_rises_24h, limit.at_least, Span::Hours(24)});
      if (f.stray_refused_runs_24h > 0) {
        signal->evidence.push_back({"stray_refused_runs_24h", f.stray_refused_runs_24h, 0, Span::Hours(24)});
      }
      signal->evidence.push_back({"stray_run_messages", f.stray_run_messages, p.step_messages_min, Span()});
    }
  }
  // Back, and straight up to a good part of what went through before.
  if (f.stray_day_before >= p.day_before_min) {
    const Limit back{std::max(p.step_messages_min, f.stray_day_before * p.return_percent / 100), p.return_score};
    if (Reach(in, back, "stray_run_messages", f.stray_run_messages, Span(), signal)) {
      any = true;
      signal->evidence.push_back({"stray_day_before", f.stray_day_before, p.day_before_min, Span::Hours(48)});
    }
  }
  if (!any) return false;
  // Whom it goes to outranks the shape: somebody who works from a new place writes to his own people.
  if (f.stray_judged_1h > 0 && f.stray_new_recipients_1h * 2 < f.stray_judged_1h) signal->score /= 2;
  if (f.familiarity != Familiarity::kFar) signal->score = static_cast<int32_t>(signal->score * p.near_score_percent / 100);
  return signal->score > 0;
}

}  // namespace sekisho
