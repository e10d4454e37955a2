// Weighing evidence and choosing the rung.
#include "engine/respond/ladder.h"

#include <algorithm>

namespace sekisho {

Risk Weigh(std::span<const Signal> signals, const Policy& policy, bool with_shadow) {
  Risk risk;
  bool velocity = false, rotation = false, domestic = false;
  for (const Signal& s : signals) {
    if (s.shadow && !with_shadow) continue;
    int32_t& strongest = risk.by_family[static_cast<size_t>(s.family)];
    strongest = std::max(strongest, s.score);
    velocity |= s.detector == DetectorId::kCountryVelocity && s.score >= policy.beyond_doubt_velocity_score;
    rotation |= s.detector == DetectorId::kSourceRotation && s.score >= policy.beyond_doubt_score;
    domestic |= s.detector == DetectorId::kDomesticRotation && s.score >= policy.beyond_doubt_domestic_score;
  }
  for (const int32_t score : risk.by_family) {
    risk.points += score;
    risk.families += score > 0;
  }
  const auto has = [&](Family f) { return risk.by_family[static_cast<size_t>(f)] > 0; };
  if (has(Family::kOrigin) && has(Family::kMailbox)) --risk.families;
  // What other accounts did, twice told: no account is stopped for that alone.
  if (has(Family::kReputation) && has(Family::kCohort)) --risk.families;
  risk.beyond_doubt = rotation && (velocity || domestic);
  risk.points = std::min(risk.points, 100);
  return risk;
}

Decision Climb(const Risk& risk, const Policy& policy, EventTime at, bool relapsing) {
  if (risk.beyond_doubt) {
    return {true, ActionKind::kSuspend, "beyond_doubt", at + SuspensionLength(policy, 0)};
  }
  const auto reaches = [&](const Policy::Rung& r) { return risk.points >= r.risk && risk.families >= r.families; };
  if (reaches(policy.suspend)) return {true, ActionKind::kSuspend, "two_families", at + SuspensionLength(policy, 0)};
  if (relapsing && risk.points >= policy.suspend.risk - policy.relapse_guard.points && risk.families >= policy.suspend.families) {
    return {true, ActionKind::kSuspend, "relapse", at + SuspensionLength(policy, 0)};
  }
  if (reaches(policy.throttle)) return {true, ActionKind::kThrottle, "two_families", at + policy.throttle.lasts};
  if (reaches(policy.notify)) return {true, ActionKind::kNotify, "two_families", EventTime::Never()};
  if (reaches(policy.observe)) return {true, ActionKind::kObserve, "risk", EventTime::Never()};
  return {};
}

// What hangs on when the owner was last there isn't the thief's way of going about it, and won't be there when he comes back.
constexpr bool IsCircumstance(DetectorId id) {
  return id == DetectorId::kImpossibleTravel || id == DetectorId::kDormantAwakening;
}

uint32_t PatternOf(std::span<const Signal> signals) {
  uint32_t pattern = 0;
  for (const Signal& s : signals) {
    if (!s.shadow && !IsCircumstance(s.detector)) pattern |= uint32_t{1} << static_cast<uint32_t>(s.detector);
  }
  return pattern;
}
static_assert(kDetectors <= 32);

bool Relapses(std::span<const Signal> signals, const Standing& standing, const Policy& policy, EventTime at) {
  if (!standing.relapse_guard || standing.grace.never()) return false;
  if (at < standing.grace || at - standing.grace >= policy.relapse_guard.lasts) return false;
  return (PatternOf(signals) & standing.pattern) != 0;
}

Decision Restrain(const Decision& decision, CustomerClass customer, bool confirmed) {
  Decision restrained = decision;
  if (decision.act && decision.kind == ActionKind::kSuspend && customer == CustomerClass::kBusiness && !confirmed) {
    restrained.kind = ActionKind::kThrottle;
    restrained.request = Request::kConfirmSuspension;
  }
  return restrained;
}

bool SaysMore(const Decision& decision, const Standing& standing, const Policy& policy, Mode mode, EventTime at) {
  if (!decision.act) return false;
  // What an earlier policy only told isn't done yet.
  const bool done = standing.mode == Mode::kEnforce || mode == Mode::kShadow;
  const bool stands = standing.verdict != ActionKind::kRelease && done;
  // A throttling that stands already asks nobody yet.
  const bool asks = decision.request == Request::kConfirmSuspension && !standing.confirm && decision.kind == standing.verdict;
  if (stands && decision.kind <= standing.verdict && !asks) return false;
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
