// guessing_then_use: failures from many sources, a success that they explain, and now a stray source sends.
//
// Observed: a dictionary attack from several addresses, a success, and hours later a cloud server sends the bulk. The
// success is remembered for two weeks (account_window.cc says when one counts as guessed), so the pause doesn't help much: after
// a day the guess weighs less, for by then the owner himself may have gone on a journey.
// A changed password clears it.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectGuessingThenUse(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::GuessingThenUse& p = in.policy.guessing_then_use;
  if (!f.stray || f.guessed_hours_ago < 0 || f.guessed_hours_ago > p.hours_max) return false;
  signal->score = f.from_guessed_source ? p.same_source_score : f.guessed_hours_ago > p.fresh_hours ? p.score_late : p.score;
  signal->evidence.push_back({"guessed_hours_ago", f.guessed_hours_ago, p.hours_max, Span::Hours(p.hours_max)});
  signal->evidence.push_back({"failing_sources_72h", f.failing_sources_72h, 0, Span::Hours(72)});
  return true;
}

}  // namespace sekisho
