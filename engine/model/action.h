// What the engine says: signals, the actions they lead to, and the verdict that stands after an action.
#ifndef SEKISHO_ENGINE_MODEL_ACTION_H_
#define SEKISHO_ENGINE_MODEL_ACTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/time.h"

namespace sekisho {

// Pinned: stored, published and printed by name. Append only.
enum class DetectorId : uint8_t {
  kNone = 0,
  kCountryVelocity = 1,
  kSourceDispersion = 2,
  kSourceRotation = 3,
  kSendRate = 4,
  kRecipientRate = 5,
  kSourceBurst = 6,
  kRecipientTendency = 7,
  kSendWithoutRead = 8,
  kGuessing = 9,
  kGuessingThenUse = 10,
  kBounceSurge = 11,
  kSharedSource = 12,
  kImpossibleTravel = 13,
  kSourceClass = 14,
  kWebmailOrigin = 15,
  kDomesticRotation = 16,
  kDormantAwakening = 17,
  kLimitProbing = 18,
  kSpamRefusal = 19,
  kSenderVariety = 20,
  kComplaint = 21,
  kRelapse = 22,
  kDomainCohort = 23,
  kCampaign = 24,
  kOwnRule = 25,  // an operator's, see engine/rules; its name is in Signal::rule
};
inline constexpr int kDetectors = 26;  // with kNone

// Independent kinds of evidence. Signals of one family don't add up: the strongest counts.
enum class Family : uint8_t {
  kOrigin = 0, kVolume = 1, kRecipients = 2, kMailbox = 3, kCredential = 4, kOutcome = 5, kReputation = 6, kHistory = 7,
  kCohort = 8,
};
inline constexpr int kFamilies = 9;

// One measured feature against its threshold.
struct Evidence {
  std::string_view feature;   // a documented feature's name; static storage
  int64_t value = 0;          // in the feature's unit; ratios in hundredths
  int64_t threshold = 0;      // same unit
  Span window;                // the feature is read over (t - window, t]; zero: no window
};

// What an operator's own rule is called and says.
struct RuleText {
  std::string name;
  std::string says;  // a sentence for people; may be empty
};

// A detector's finding about one event.
struct Signal {
  DetectorId detector = DetectorId::kNone;
  Family family = Family::kOrigin;
  int32_t score = 0;  // [1, 100]
  bool shadow = false;
  std::vector<Evidence> evidence;
  // The operator's rule, of detector own_rule only. Shared, because what is said may outlive the policy that said it: another
  // may come into force within the same batch.
  std::shared_ptr<const RuleText> rule = nullptr;
};

enum class ActionKind : uint8_t { kObserve = 0, kNotify = 1, kThrottle = 2, kSuspend = 3, kRelease = 4 };
enum class Mode : uint8_t { kEnforce = 0, kShadow = 1 };

// What an action asks of people besides what it does. Pinned: stored, published and printed by name. Append only.
enum class Request : uint8_t {
  kNone = 0,
  kConfirmSuspension = 1,  // the evidence is enough to suspend, and this customer's class wants a person to say so
};

struct Action {
  Hash128 id;                 // deterministic, see MakeActionId
  std::string account;
  ActionKind kind = ActionKind::kObserve;
  Mode mode = Mode::kEnforce;
  Request request = Request::kNone;
  EventTime time;             // of the event that led to it; of the expiry itself for a release at expiry
  EventTime expires;          // Never(): none
  int32_t risk = 0;           // [0, 100]
  uint32_t generation = 0;    // counts the verdicts of this account
  uint32_t renewals = 0;      // how often this suspension was renewed already
  std::string policy;         // version of the policy that decided
  std::string_view rule;      // which rung of the ladder: "two_families", "beyond_doubt", "expiry", ...; static storage
  std::string ip;             // the source of the event that led to it; may be empty
  std::vector<Signal> signals;
  // What had escaped when it was taken, since the first use by a source that wasn't the owner's.
  uint64_t messages_since_onset = 0;
  EventTime onset;            // that first use; Never() where there is none
};

std::string_view Name(DetectorId id);      // empty where the number has none
std::string_view Name(Family family);
std::string_view Name(ActionKind kind);   // "observe", "notify", "throttle", "suspend", "release"
std::string_view Name(Mode mode);         // "enforce", "shadow"
std::string_view Name(Request request);   // "none", "confirm_suspension"
// What spoke: the detector, and which of the operator's rules: "send_rate", "own_rule:abroad".
std::string NameOf(const Signal& signal);

// Hash of (log, partition, offset, account, kind, rule, policy version, k): the same record under the same policy always
// gives the same id.
Hash128 MakeActionId(Hash128 log_id, PartitionId partition, Offset offset, AccountId account, ActionKind kind,
                     std::string_view rule, std::string_view policy_version, uint32_t k);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_ACTION_H_
