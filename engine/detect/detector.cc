// The list of detectors.
#include "engine/detect/detector.h"

#include <array>

namespace sekisho {
namespace {

struct Entry {
  DetectorId id;
  Family family;
  DetectFunction detect;
};

constexpr std::array kDetectorList = {
    Entry{DetectorId::kCountryVelocity, Family::kOrigin, DetectCountryVelocity},
    Entry{DetectorId::kSourceDispersion, Family::kOrigin, DetectSourceDispersion},
    Entry{DetectorId::kSourceRotation, Family::kOrigin, DetectSourceRotation},
    Entry{DetectorId::kSendRate, Family::kVolume, DetectSendRate},
    Entry{DetectorId::kRecipientRate, Family::kVolume, DetectRecipientRate},
    Entry{DetectorId::kSourceBurst, Family::kVolume, DetectSourceBurst},
    Entry{DetectorId::kRecipientTendency, Family::kRecipients, DetectRecipientTendency},
    Entry{DetectorId::kSendWithoutRead, Family::kMailbox, DetectSendWithoutRead},
    Entry{DetectorId::kGuessing, Family::kCredential, DetectGuessing},
    Entry{DetectorId::kGuessingThenUse, Family::kCredential, DetectGuessingThenUse},
    Entry{DetectorId::kBounceSurge, Family::kOutcome, DetectBounceSurge},
    Entry{DetectorId::kSharedSource, Family::kReputation, DetectSharedSource},
    Entry{DetectorId::kImpossibleTravel, Family::kOrigin, DetectImpossibleTravel},
    Entry{DetectorId::kSourceClass, Family::kReputation, DetectSourceClass},
    Entry{DetectorId::kWebmailOrigin, Family::kOrigin, DetectWebmailOrigin},
    Entry{DetectorId::kDomesticRotation, Family::kOrigin, DetectDomesticRotation},
    Entry{DetectorId::kDormantAwakening, Family::kHistory, DetectDormantAwakening},
    Entry{DetectorId::kLimitProbing, Family::kOutcome, DetectLimitProbing},
    Entry{DetectorId::kSpamRefusal, Family::kOutcome, DetectSpamRefusal},
    Entry{DetectorId::kSenderVariety, Family::kVolume, DetectSenderVariety},
    Entry{DetectorId::kComplaint, Family::kOutcome, DetectComplaint},
    Entry{DetectorId::kRelapse, Family::kHistory, DetectRelapse},
    Entry{DetectorId::kDomainCohort, Family::kCohort, DetectDomainCohort},
    Entry{DetectorId::kCampaign, Family::kCohort, DetectCampaign},
};

}  // namespace

void Detect(const DetectInput& input, std::vector<Signal>* signals) {
  for (const Entry& entry : kDetectorList) {
    const DetectorMode mode = input.policy.detectors[static_cast<size_t>(entry.id)];
    if (mode == DetectorMode::kOff) continue;
    Signal signal;
    signal.detector = entry.id;
    signal.family = entry.family;
    signal.shadow = mode == DetectorMode::kShadow;
    if (entry.detect(input, &signal)) signals->push_back(std::move(signal));
  }
  if (input.scene != nullptr && !input.policy.rules.idle()) input.policy.rules.Judge(*input.scene, signals);
}

bool TooYoung(const Features& f) {
  if (!f.young) return false;
  const bool abroad = f.familiarity == Familiarity::kFar && f.reads_mail;
  return f.log_young || !(abroad || f.newcomer());
}

bool Reach(const DetectInput& input, const Limit& limit, std::string_view feature, int64_t value, Span window,
           Signal* signal) {
  const int64_t threshold = Jittered(limit.at_least, input.jitter);
  if (value < threshold) return false;
  signal->evidence.push_back({feature, value, threshold, window});
  if (limit.score > signal->score) signal->score = limit.score;
  return true;
}

}  // namespace sekisho
