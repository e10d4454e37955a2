// Goal: the figures by which detection is judged are right.
// Method: small cases counted by hand; the interval against published values.
#include "engine/app/score.h"

#include <gtest/gtest.h>

namespace sekisho::app {
namespace {

EventTime At(int64_t seconds) { return EventTime::FromSeconds(1'000'000 + seconds); }

Truth OneTheft() {
  Truth truth;
  truth.start = At(0) - Span::Days(2);
  truth.days = 4;
  TruthAccount& stolen = truth.accounts["stolen"];
  stolen.kind = "home";
  stolen.attack = "burst";
  stolen.compromised = At(0);
  for (int64_t s = 0; s < 10; ++s) stolen.abuse.push_back({At(s), 5});
  truth.accounts["owner"].kind = "home";
  return truth;
}

ScoredAction Suspend(std::string account, EventTime time, EventTime expires) {
  return {std::move(account), ActionKind::kSuspend, time, expires, "why"};
}

TEST(Score, CountsWhatEscapesBeforeEnforcementAndAfterExpiry) {
  Score score = ScoreRun(OneTheft(), {Suspend("stolen", At(1), At(8))});
  AttackScore& burst = score.attacks["burst"];
  EXPECT_EQ(burst.stolen, 1u);
  EXPECT_EQ(burst.suspended, 1u);
  EXPECT_EQ(burst.escaped_recipients, std::vector<double>{25});  // at 0, 1, 2 s; at 8, 9 s
  EXPECT_EQ(burst.seconds_to_suspend, std::vector<double>{1});
  EXPECT_EQ(score.owners["home"].suspended, 0u);
}

TEST(Score, ReleaseOpensAndRenewalKeepsClosed) {
  const ScoredAction release{"stolen", ActionKind::kRelease, At(5), EventTime::Never(), ""};
  EXPECT_EQ(ScoreRun(OneTheft(), {Suspend("stolen", At(0), EventTime::Never()), release})
                .attacks["burst"].escaped_recipients[0], 10 + 25);
  EXPECT_EQ(ScoreRun(OneTheft(), {Suspend("stolen", At(0), At(6)), Suspend("stolen", At(4), At(60))})
                .attacks["burst"].escaped_recipients[0], 10);
}

// Logs tell whole seconds, and hosts' clocks are apart.
TEST(Score, AnActionWithinTheClocksErrorBeforeTheTheftIsAboutTheThief) {
  Truth truth = OneTheft();
  truth.clock_error = Span::Seconds(16);
  Score late = ScoreRun(truth, {Suspend("stolen", At(-16), At(100))});
  EXPECT_EQ(late.attacks["burst"].suspended, 1u);
  EXPECT_EQ(late.attacks["burst"].seconds_to_suspend, std::vector<double>{0});
  EXPECT_EQ(late.owners["home"].suspended, 0u);
  Score early = ScoreRun(truth, {Suspend("stolen", At(-17), At(100))});
  EXPECT_EQ(early.attacks["burst"].suspended, 0u);
  EXPECT_EQ(early.owners["home"].suspended, 1u);
}

TEST(Score, RenewalsAreNoFurtherSuspensions) {
  ScoredAction renewed = Suspend("owner", At(10), At(20));
  renewed.renewal = true;
  const ScoredAction throttle{"owner", ActionKind::kThrottle, At(0), At(1), ""};
  const Score score = ScoreRun(OneTheft(), {throttle, Suspend("owner", At(3), At(10)), renewed, Suspend("owner", At(30), At(40))});
  EXPECT_EQ(score.owners.at("home").suspended, 1u);
  EXPECT_EQ(score.owners.at("home").suspensions, 2u);
  EXPECT_EQ(score.owners.at("home").throttled, 1u);
}

TEST(Score, TheSecondDayEndsAfterFortyEightHours) {
  const int64_t two_days = 2 * 86'400;
  EXPECT_EQ(ScoreRun(OneTheft(), {Suspend("stolen", At(two_days), At(two_days + 1))}).attacks["burst"].by_second_day, 1u);
  const Score late = ScoreRun(OneTheft(), {Suspend("stolen", At(two_days + 1), At(two_days + 2))});
  EXPECT_EQ(late.attacks.at("burst").by_second_day, 0u);
  EXPECT_EQ(late.attacks.at("burst").suspended, 1u);
}

TEST(Score, WhatHitsAnOwnerIsWrongAlsoBeforeTheTheft) {
  const ScoredAction notify{"owner", ActionKind::kNotify, At(0), EventTime::Never(), ""};
  const Score score = ScoreRun(OneTheft(), {Suspend("stolen", At(-100), At(-50)), Suspend("owner", At(3), At(4)),
                                            Suspend("owner", At(9), At(10)), notify, Suspend("nobody", At(1), At(2))});
  const OwnerScore& home = score.owners.at("home");
  EXPECT_EQ(home.accounts, 2u);
  EXPECT_DOUBLE_EQ(home.days, 4 + 2);
  EXPECT_EQ(home.suspended, 2u);
  EXPECT_EQ(home.notified, 1u);
  ASSERT_EQ(score.wrong.size(), 2u);
  EXPECT_EQ(score.wrong[0].account, "stolen");
  EXPECT_EQ(score.attacks.at("burst").suspended, 0u);
  EXPECT_EQ(score.unknown_accounts, 1u);
}

TEST(Quantile, IsTheNearestRank) {
  std::vector<double> values = {5, 1, 4, 2, 3};
  EXPECT_EQ(Quantile(&values, 0.5), 3);
  EXPECT_EQ(Quantile(&values, 0.95), 5);
  values.clear();
  EXPECT_EQ(Quantile(&values, 0.5), 0);
}

TEST(Wilson, AgreesWithPublishedValues) {
  // 10 of 100: [5.5%, 17.4%]; 0 of 50: [0, 7.1%].
  EXPECT_NEAR(WilsonInterval(10, 100).low, 0.0552, 0.0001);
  EXPECT_NEAR(WilsonInterval(10, 100).high, 0.1744, 0.0001);
  EXPECT_NEAR(WilsonInterval(0, 50).low, 0, 1e-9);
  EXPECT_NEAR(WilsonInterval(0, 50).high, 0.0713, 0.0001);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
}

}  // namespace
}  // namespace sekisho::app
