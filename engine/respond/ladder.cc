// Weighing evidence and choosing the rung.
#include "engine/respond/ladder.h"

#include <algorithm>

namespace sekisho {

Risk Weigh(std::span<const Signal> signals, const Policy& policy, bool with_shadow) {
  Risk risk;
  bool velocity = false, rotation = false;
  for (const Signal& s : signals) {
    if (s.shadow && !with_shadow) continue;
    int32_t& strongest = risk.by_family[static_cast<size_t>(s.family)];
    strongest = std::max(strongest, s.score);
    velocity |= s.detector == DetectorId::kCountryVelocity && s.score >= policy.beyond_doubt_score;
    rotation |= s.detector == DetectorId::kSourceRotation && s.score >= policy.beyond_doubt_score;
  }
  for (const int32_t score : risk.by_family) {
    risk.points += score;
    risk.families += score > 0;
  }
  const auto has = [&](Family f) { return risk.by_family[static_cast<size_t>(f)] > 0; };
  if (has(Family::kOrigin) && has(Family::kMailbox)) --risk.families;
  // What other accounts did, twice told: no account is stopped for that alone.
  if (has(Family::kReputation) && has(Family::kCohort)) --risk.families;
  risk.beyond_doubt = velocity && rotation;
  risk.points = std::min(risk.points, 100);
  return risk;
}

Decision Climb(const Risk& risk, const Policy& policy, EventTime at) {
  if (risk.beyond_doubt) {
    return {true, ActionKind::kSuspend, "beyond_doubt", at + SuspensionLength(policy, 0)};
  }
  const auto reaches = [&](const Policy::Rung& r) { return risk.points >= r.risk && risk.families >= r.families; };
  if (reaches(policy.suspend)) return {true, ActionKind::kSuspend, "two_families", at + SuspensionLength(policy, 0)};
  if (reaches(policy.throttle)) return {true, ActionKind::kThrottle, "two_families", at + policy.throttle.lasts};
  if (reaches(policy.notify)) return {true, ActionKind::kNotify, "two_families", EventTime::Never()};
  if (reaches(policy.observe)) return {true, ActionKind::kObserve, "risk", EventTime::Never()};
  return {};
}

bool SaysMore(const Decision& decision, const Standing& standing, const Policy& policy, EventTime at) {
  if (!decision.act) return false;
  // What an earlier policy only told isn't done yet.
  const bool done = standing.mode == Mode::kEnforce || policy.mode == Mode::kShadow;
  const bool stands = standing.verdict != ActionKind::kRelease && done;
  if (stands && decision.kind <= standing.verdict) return false;
  if (decision.kind >= ActionKind::kThrottle) return true;
  // Having been told more lately makes less superfluous.
  for (auto k = static_cast<size_t>(decision.kind); k < standing.announced.size(); ++k) {
    if (!standing.announced[k].never() && at - standing.announced[k] < policy.announce_every) return false;
  }
  return true;
}

Span SuspensionLength(const Policy& policy, uint32_t renewals) {
  Span length = policy.suspend.lasts;
  for (uint32_t i = 0; i < renewals && length < policy.suspend_max; ++i) length = length * 2;
  return std::min(length, policy.suspend_max);
}

}  // namespace sekisho
