// A detector is a pure function of one event's features and the policy to at most one Signal.
//
// Absent on purpose: clock, thread, storage, logging, other accounts. So a trace replays exactly.
// Each sits in a file of its own, which says what behaviour it catches, where that was observed, and its limits.
#ifndef SEKISHO_ENGINE_DETECT_DETECTOR_H_
#define SEKISHO_ENGINE_DETECT_DETECTOR_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/model/action.h"
#include "engine/policy/policy.h"
#include "engine/rules/feature_table.h"
#include "engine/window/features.h"

namespace sekisho {

struct DetectInput {
  const Features& features;
  const Policy& policy;
  int32_t jitter = 0;  // percent, see Jitter()
  CustomerClass customer = CustomerClass::kConsumer;
  const rules::Scene* scene = nullptr;  // of the same event; null: own rules aren't asked
};

// Fills `signal` (score, evidence) and returns true if the behaviour is there. `signal` arrives empty with its detector
// and family set.
using DetectFunction = bool (*)(const DetectInput&, Signal* signal);

bool DetectCountryVelocity(const DetectInput&, Signal*);
bool DetectSourceDispersion(const DetectInput&, Signal*);
bool DetectSourceRotation(const DetectInput&, Signal*);
bool DetectSendRate(const DetectInput&, Signal*);
bool DetectRecipientRate(const DetectInput&, Signal*);
bool DetectSourceBurst(const DetectInput&, Signal*);
bool DetectRecipientTendency(const DetectInput&, Signal*);
bool DetectSendWithoutRead(const DetectInput&, Signal*);
bool DetectGuessing(const DetectInput&, Signal*);
bool DetectGuessingThenUse(const DetectInput&, Signal*);
bool DetectBounceSurge(const DetectInput&, Signal*);
bool DetectSharedSource(const DetectInput&, Signal*);
bool DetectImpossibleTravel(const DetectInput&, Signal*);
bool DetectSourceClass(const DetectInput&, Signal*);
bool DetectWebmailOrigin(const DetectInput&, Signal*);
bool DetectDomesticRotation(const DetectInput&, Signal*);
bool DetectDormantAwakening(const DetectInput&, Signal*);
bool DetectLimitProbing(const DetectInput&, Signal*);
bool DetectSpamRefusal(const DetectInput&, Signal*);
bool DetectSenderVariety(const DetectInput&, Signal*);
bool DetectComplaint(const DetectInput&, Signal*);
bool DetectRelapse(const DetectInput&, Signal*);
bool DetectDomainCohort(const DetectInput&, Signal*);
bool DetectCampaign(const DetectInput&, Signal*);

// Appends the signals of every detector that isn't off, in the order of DetectorId, then those of the operator's own rules, in
// theirs.
void Detect(const DetectInput& input, std::vector<Signal>* signals);

// In an account's first day, only a foreign source against a home where mail is read is odd, since a new customer may begin with a
// mailing; and what an account does that was silent for a week of the log.
bool TooYoung(const Features& features);

// So many times as much is odd for this account: in its first week, places and people that are new to us needn't be new to it.
inline int64_t UnsettledTimes(const Features& features) { return features.unsettled() ? 3 : 1; }

// If `value` reaches the jittered limit and its score tops the signal's, the score is taken. The evidence is noted
// whenever the limit is reached. Returns true if it was reached.
bool Reach(const DetectInput& input, const Limit& limit, std::string_view feature, int64_t value, Span window, Signal* signal);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_DETECT_DETECTOR_H_
