// Goal: the ladder's rules hold: two independent families to suspend, origin with mailbox is one, beyond doubt needs both
// of its detectors, shadowed signals enforce nothing, and nothing is said twice. Method: hand-made signals.
#include "engine/respond/ladder.h"

#include <gtest/gtest.h>

namespace sekisho {
namespace {

const EventTime kNow = EventTime::FromSeconds(1'772'409'600);

Signal Make(DetectorId id, Family family, int32_t score, bool shadow = false) {
  Signal s;
  s.detector = id;
  s.family = family;
  s.score = score;
  s.shadow = shadow;
  return s;
}

Decision Decide(const std::vector<Signal>& signals, bool with_shadow = false) {
  const Policy policy = Policy::Default();
  return Climb(Weigh(signals, policy, with_shadow), policy, kNow);
}

TEST(LadderTest, TwoFamiliesSuspend) {
  const Decision d = Decide({Make(DetectorId::kSourceBurst, Family::kVolume, 35),
                             Make(DetectorId::kRecipientTendency, Family::kRecipients, 40)});
  EXPECT_EQ(d.kind, ActionKind::kSuspend);
  EXPECT_EQ(d.rule, "two_families");
  EXPECT_EQ(d.expires, kNow + Span::Hours(24));
}

TEST(LadderTest, OneFamilyNeverSuspendsHoweverStrong) {
  EXPECT_LT(Decide({Make(DetectorId::kSendRate, Family::kVolume, 100), Make(DetectorId::kSourceBurst, Family::kVolume, 100)}).kind,
            ActionKind::kThrottle);
  EXPECT_LT(Decide({Make(DetectorId::kCountryVelocity, Family::kOrigin, 100)}).kind, ActionKind::kThrottle);
}

TEST(LadderTest, ANewNetworkAndNoReadingAreOneFact) {
  EXPECT_LT(Decide({Make(DetectorId::kSourceRotation, Family::kOrigin, 60),
                    Make(DetectorId::kSendWithoutRead, Family::kMailbox, 60)}).kind,
            ActionKind::kThrottle);
}

TEST(LadderTest, WhatOthersDidIsOneFactHoweverOftenToldAndStopsNobody) {
  EXPECT_LT(Decide({Make(DetectorId::kSharedSource, Family::kReputation, 60),
                    Make(DetectorId::kDomainCohort, Family::kCohort, 60), Make(DetectorId::kCampaign, Family::kCohort, 60)}).kind,
            ActionKind::kNotify);
  EXPECT_EQ(Decide({Make(DetectorId::kSharedSource, Family::kReputation, 40), Make(DetectorId::kDomainCohort, Family::kCohort, 30),
                    Make(DetectorId::kRecipientTendency, Family::kRecipients, 20)}).kind,
            ActionKind::kSuspend)
      << "with something of its own it does";
}

TEST(LadderTest, RotationThroughCountriesIsBeyondDoubt) {
  EXPECT_EQ(Decide({Make(DetectorId::kCountryVelocity, Family::kOrigin, 60),
                    Make(DetectorId::kSourceRotation, Family::kOrigin, 50)}).rule,
            "beyond_doubt");
  EXPECT_NE(Decide({Make(DetectorId::kCountryVelocity, Family::kOrigin, 30),
                    Make(DetectorId::kSourceRotation, Family::kOrigin, 50)}).rule,
            "beyond_doubt");
}

TEST(LadderTest, RotationThroughManyNearNetworksIsBeyondDoubt) {
  const auto decide = [](int domestic) {
    return Decide({Make(DetectorId::kDomesticRotation, Family::kOrigin, domestic), Make(DetectorId::kSourceRotation, Family::kOrigin, 50)});
  };
  EXPECT_EQ(decide(70).rule, "beyond_doubt");
  EXPECT_NE(decide(60).rule, "beyond_doubt") << "phones pass through near networks, too";
}

TEST(LadderTest, ShadowedSignalsDontEnforce) {
  const std::vector<Signal> signals = {Make(DetectorId::kSourceBurst, Family::kVolume, 35, true),
                                       Make(DetectorId::kRecipientTendency, Family::kRecipients, 40)};
  EXPECT_NE(Decide(signals).kind, ActionKind::kSuspend);
  EXPECT_EQ(Decide(signals, true).kind, ActionKind::kSuspend);
}

TEST(LadderTest, SaysNothingTwiceAndNeverLowersAVerdict) {
  const Policy policy = Policy::Default();
  Standing standing;
  const Decision notify{true, ActionKind::kNotify, "two_families", EventTime::Never()};
  const Decision suspend{true, ActionKind::kSuspend, "two_families", kNow + Span::Hours(24)};
  EXPECT_TRUE(SaysMore(notify, standing, policy, policy.mode, kNow));
  standing.announced[static_cast<size_t>(ActionKind::kNotify)] = kNow;
  EXPECT_FALSE(SaysMore(notify, standing, policy, policy.mode, kNow + Span::Hours(23)));
  EXPECT_TRUE(SaysMore(notify, standing, policy, policy.mode, kNow + Span::Hours(24)));
  EXPECT_TRUE(SaysMore(suspend, standing, policy, policy.mode, kNow));
  standing.verdict = ActionKind::kSuspend;
  EXPECT_FALSE(SaysMore(suspend, standing, policy, policy.mode, kNow));
}

TEST(LadderTest, OnlyABusinessSuspensionWaitsForAPerson) {
  const Decision suspend{true, ActionKind::kSuspend, "two_families", kNow + Span::Hours(24)};
  const Decision notify{true, ActionKind::kNotify, "two_families", EventTime::Never()};
  const Decision asked = Restrain(suspend, CustomerClass::kBusiness, false);
  EXPECT_EQ(asked.kind, ActionKind::kThrottle);
  EXPECT_EQ(asked.request, Request::kConfirmSuspension);
  EXPECT_EQ(asked.expires, suspend.expires);
  EXPECT_EQ(asked.rule, suspend.rule);
  EXPECT_EQ(Restrain(suspend, CustomerClass::kBusiness, true).kind, ActionKind::kSuspend);
  EXPECT_EQ(Restrain(suspend, CustomerClass::kConsumer, false).kind, ActionKind::kSuspend);
  EXPECT_EQ(Restrain(suspend, CustomerClass::kSender, false).kind, ActionKind::kSuspend);
  EXPECT_EQ(Restrain(notify, CustomerClass::kBusiness, false).request, Request::kNone);
  // A throttling stands: asking says more, once.
  const Policy policy = Policy::Default();
  Standing standing;
  standing.verdict = ActionKind::kThrottle;
  EXPECT_TRUE(SaysMore(asked, standing, policy, policy.mode, kNow));
  standing.confirm = true;
  EXPECT_FALSE(SaysMore(asked, standing, policy, policy.mode, kNow));
  EXPECT_TRUE(SaysMore(suspend, standing, policy, policy.mode, kNow)) << "confirmed";
}

TEST(LadderTest, TheSameAgainAfterAGuardedGraceNeedsLess) {
  const Policy policy = Policy::Default();
  const std::vector<Signal> again = {Make(DetectorId::kSourceBurst, Family::kVolume, 25),
                                     Make(DetectorId::kRecipientTendency, Family::kRecipients, 40)};
  Standing standing;
  standing.pattern = PatternOf(std::vector<Signal>{again[0]});
  standing.grace = kNow;
  standing.relapse_guard = true;
  EXPECT_TRUE(Relapses(again, standing, policy, kNow));
  EXPECT_TRUE(Relapses(again, standing, policy, kNow + policy.relapse_guard.lasts - Span::Millis(1)));
  EXPECT_FALSE(Relapses(again, standing, policy, kNow + policy.relapse_guard.lasts));
  EXPECT_FALSE(Relapses(again, standing, policy, kNow - Span::Millis(1))) << "within the grace another rule holds";
  EXPECT_FALSE(Relapses({&again[1], 1}, standing, policy, kNow)) << "another pattern";
  standing.relapse_guard = false;
  EXPECT_FALSE(Relapses(again, standing, policy, kNow));
  const Risk risk = Weigh(again, policy, false);
  EXPECT_EQ(Climb(risk, policy, kNow).kind, ActionKind::kThrottle);
  EXPECT_EQ(Climb(risk, policy, kNow, true).kind, ActionKind::kSuspend);
  EXPECT_EQ(Climb(risk, policy, kNow, true).rule, "relapse");
  EXPECT_LT(Climb(Weigh(std::vector<Signal>{Make(DetectorId::kSourceBurst, Family::kVolume, 100)}, policy, false), policy, kNow, true).kind,
            ActionKind::kThrottle) << "still two families";
}

TEST(LadderTest, WhatWouldBeOverIsOverdue) {
  EXPECT_TRUE(Overdue({true, ActionKind::kThrottle, "", kNow}, kNow));
  EXPECT_FALSE(Overdue({true, ActionKind::kThrottle, "", kNow + Span::Millis(1)}, kNow));
  EXPECT_FALSE(Overdue({true, ActionKind::kNotify, "", EventTime::Never()}, kNow));
  EXPECT_FALSE(Overdue({}, kNow));
}

TEST(LadderTest, RenewalsDoubleUpToTheLimit) {
  const Policy policy = Policy::Default();
  EXPECT_EQ(SuspensionLength(policy, 0), Span::Hours(24));
  EXPECT_EQ(SuspensionLength(policy, 1), Span::Hours(48));
  EXPECT_EQ(SuspensionLength(policy, 1000), Span::Days(7));
}

}  // namespace
}  // namespace sekisho
