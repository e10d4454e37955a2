// From signals to what is done: risk by families of evidence, and the ladder observe, notify, throttle, suspend, release.
//
// Pure: (signals, standing, policy, time) to a decision. The least that works comes first, each step expires, and a
// suspension wants two independent families of evidence or a combination beyond doubt.
#ifndef SEKISHO_ENGINE_RESPOND_LADDER_H_
#define SEKISHO_ENGINE_RESPOND_LADDER_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/model/action.h"
#include "engine/policy/policy.h"
#include "engine/window/account_window.h"

namespace sekisho {

struct Risk {
  int32_t points = 0;      // [0, 100]: the sum over families of the strongest signal
  int32_t families = 0;    // independent ones; origin and mailbox count as one, reputation and cohort too
  bool beyond_doubt = false;  // country_velocity with source_rotation
  std::array<int32_t, kFamilies> by_family{};
};

// Shadowed signals count only if `with_shadow`.
Risk Weigh(std::span<const Signal> signals, const Policy& policy, bool with_shadow);

struct Decision {
  bool act = false;
  ActionKind kind = ActionKind::kObserve;
  std::string_view rule;  // one of the names in README.md; static storage
  EventTime expires;      // Never(): none
  Request request = Request::kNone;
};

// The highest rung the risk reaches, or none. `relapsing`: see Relapses; the way up is Policy::RelapseGuard::points shorter then.
Decision Climb(const Risk& risk, const Policy& policy, EventTime at, bool relapsing = false);

// Within Policy::RelapseGuard::lasts of the grace that an operator's guarded release left, the same is seen again: at least one signal
// of those that led to the verdict. The caller asks for stray submissions only.
bool Relapses(std::span<const Signal> signals, const Standing& standing, const Policy& policy, EventTime at);

// One bit by DetectorId for each signal that counts.
uint32_t PatternOf(std::span<const Signal> signals);

// What the account's class makes of a decision. A business's suspension becomes a throttling as long, with a request that a person
// confirm it; `confirmed`: one has.
Decision Restrain(const Decision& decision, CustomerClass customer, bool confirmed);

// It would be over before it is said: an event that came late is no reason to act now, and a release would follow at once.
inline bool Overdue(const Decision& decision, EventTime now) {
  return decision.act && !decision.expires.never() && decision.expires <= now;
}

// Whether the decision says anything that the account's standing doesn't say already: a verdict is never lowered by a new
// event, and observe and notify are said once in Policy::announce_every. `mode` is how it would be said.
bool SaysMore(const Decision& decision, const Standing& standing, const Policy& policy, Mode mode, EventTime at);

// How long a suspension lasts that is being renewed for the nth time (n = 0: the first).
Span SuspensionLength(const Policy& policy, uint32_t renewals);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_RESPOND_LADDER_H_
