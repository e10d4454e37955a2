// Goal: the fold says the right thing at the right event, gives the same bytes every time, and keeps time as promised.
// Method: scripted lives of a few accounts, fed event by event into a shard with a table in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/shard/shard_test_util.h"

namespace sekisho {
namespace {

TEST_F(ShardTest, ALifeAtHomeIsLeftAlone) {
  LiveAtHome();
  EXPECT_TRUE(actions_.empty());
}

TEST_F(ShardTest, ARotationThroughCountriesIsStoppedWithinFiveMessages) {
  const EventTime at = LiveAtHome();
  Send("198.51.100.1", "RU", at);
  Send("192.0.2.1", "UA", at + Span::Minutes(1));
  Send("198.18.0.1", "BY", at + Span::Minutes(2));
  Send("198.19.3.1", "RU", at + Span::Minutes(3));
  ASSERT_FALSE(actions_.empty());
  const Action& a = actions_.back();
  EXPECT_EQ(a.kind, ActionKind::kSuspend);
  EXPECT_EQ(a.rule, "beyond_doubt");
  EXPECT_EQ(a.account, "u@example.jp");
  EXPECT_EQ(a.time, at + Span::Minutes(3));
  EXPECT_EQ(a.onset, at);
  EXPECT_EQ(a.messages_since_onset, 4u);
  EXPECT_EQ(a.ip, "198.19.3.1");
}

TEST_F(ShardTest, ABurstToStrangersFromOneForeignSourceIsStopped) {
  const EventTime at = LiveAtHome();
  for (int i = 0; i < 12; ++i) {
    Send("198.51.100.1", "US", at + Span::Seconds(2 * i));
    Deliver("198.51.100.1", "US", at + Span::Seconds(2 * i + 1), 1000 + static_cast<uint64_t>(i));
  }
  EXPECT_THAT(Kinds(), ::testing::Contains(ActionKind::kSuspend));
}

TEST_F(ShardTest, AMailingToKnownPeopleFromHomeIsLeftAlone) {
  EventTime at = LiveAtHome();
  for (uint64_t i = 0; i < 400; ++i) Deliver("203.0.113.5", "JP", at + Span::Seconds(static_cast<int64_t>(i)), i % 4);
  for (int i = 0; i < 400; ++i) Send("203.0.113.5", "JP", at + Span::Hours(2) + Span::Seconds(i));
  EXPECT_THAT(Kinds(), ::testing::Not(::testing::Contains(ActionKind::kSuspend)));
}

TEST_F(ShardTest, ASuspensionExpiresAtItsOwnTimeAndIsRenewedWhileTheThiefIsAtIt) {
  const EventTime at = LiveAtHome();
  const char* countries[] = {"RU", "UA", "BY", "PL"};
  for (int i = 0; i < 4; ++i) Send("198.51." + std::to_string(i) + ".1", countries[i], at + Span::Minutes(i));
  ASSERT_THAT(Kinds(), ::testing::Contains(ActionKind::kSuspend));
  const EventTime suspended = actions_.back().time;
  Send("198.51.9.9", "RO", suspended + Span::Hours(22));  // still at it
  actions_.clear();
  ASSERT_TRUE(shard_.Tick(suspended + Span::Hours(30), Offset{offset_++}, &actions_).ok());
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kSuspend);
  EXPECT_EQ(actions_[0].rule, "renewed");
  EXPECT_EQ(actions_[0].time, suspended + Span::Hours(24));
  EXPECT_EQ(actions_[0].expires, suspended + Span::Hours(72));
  actions_.clear();
  ASSERT_TRUE(shard_.Tick(suspended + Span::Days(10), Offset{offset_++}, &actions_).ok());
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kRelease);
  EXPECT_EQ(actions_[0].time, suspended + Span::Hours(72));
}

TEST_F(ShardTest, AnEventFarAheadMovesNothingUnlessAHeartbeatOrManyOthersAgree) {
  const EventTime at = LiveAtHome();
  heartbeats_ = false;
  const EventTime ahead = at + Span::Days(365);
  EXPECT_EQ(Send("203.0.113.5", "JP", ahead), FoldResult::kFuture);
  EXPECT_LT(shard_.now(), at + Span::Hours(1));
  EXPECT_EQ(Send("203.0.113.5", "JP", shard_.now()), FoldResult::kFolded);
  ASSERT_TRUE(shard_.Tick(ahead, Offset{offset_++}, &actions_).ok());
  EXPECT_EQ(Send("203.0.113.5", "JP", ahead), FoldResult::kFolded);
  const EventTime further = ahead + Span::Days(1);
  for (int i = 0; i < kFutureAgreeing; ++i) EXPECT_EQ(Send("203.0.113.5", "JP", further), FoldResult::kFuture);
  EXPECT_EQ(Send("203.0.113.5", "JP", further), FoldResult::kFolded);
}

TEST_F(ShardTest, ALateEventStillCountsForADayAndIsRefusedAfterwards) {
  const EventTime at = LiveAtHome();
  ASSERT_TRUE(shard_.Tick(at, Offset{offset_++}, &actions_).ok());
  EXPECT_EQ(Send("203.0.113.5", "JP", at - Span::Hours(1)), FoldResult::kFolded);
  EXPECT_EQ(Send("203.0.113.5", "JP", at - Span::Days(2)), FoldResult::kLate);
  EXPECT_EQ(shard_.stats().late, 1u);
  Event nobody = Make(EventKind::kLogin, Service::kImap, "", 0, at);
  nobody.account = "";
  EXPECT_EQ(Fold(nobody), FoldResult::kInvalid);
}

TEST_F(ShardTest, AShadowedDetectorEnforcesNothing) {
  policy_.detectors[static_cast<size_t>(DetectorId::kCountryVelocity)] = DetectorMode::kShadow;
  const EventTime at = LiveAtHome();
  const char* countries[] = {"RU", "UA", "BY", "PL"};
  for (int i = 0; i < 4; ++i) Send("198.51." + std::to_string(i) + ".1", countries[i], at + Span::Minutes(i));
  int shadowed = 0;
  for (const Action& a : actions_) {
    if (a.kind == ActionKind::kSuspend) {
      EXPECT_EQ(a.mode, Mode::kShadow);
      ++shadowed;
    }
  }
  EXPECT_EQ(shadowed, 1);
  EXPECT_EQ((*table_.Find(AccountId::FromLogin(login_)).value()).standing.verdict, ActionKind::kRelease);
}

// Goal: of two rules that suspend together, the one in shadow is told and keeps everything from being enforced; on, they suspend.
TEST_F(ShardTest, AShadowedRuleIsToldAndNeverEnforced) {
  for (const bool shadow : {true, false}) {
    SCOPED_TRACE(shadow);
    login_ = shadow ? "v@example.jp" : "w@example.jp";
    actions_.clear();
    policy_.rules = {};
    ASSERT_EQ(policy_.rules.Add({"busy", "messages(1d) >= 3", 50, Family::kVolume, rules::RuleMode::kOn, "sends"}), "");
    ASSERT_EQ(policy_.rules.Add({"near", "submission && !far_source", 50, Family::kHistory, shadow ? rules::RuleMode::kShadow : rules::RuleMode::kOn, ""}), "");
    const EventTime at = shadow ? kStart : kStart + Span::Days(20);
    for (int i = 0; i < 5; ++i) Send("203.0.113.5", "JP", at + Span::Hours(i));
    bool suspended = false;
    for (const Action& a : actions_) {
      if (a.kind != ActionKind::kSuspend) continue;
      suspended = true;
      EXPECT_EQ(a.mode, shadow ? Mode::kShadow : Mode::kEnforce);
      ASSERT_EQ(a.signals.size(), 2u);
      EXPECT_EQ(NameOf(a.signals[0]), "own_rule:busy");
      EXPECT_EQ(NameOf(a.signals[1]), "own_rule:near");
      EXPECT_EQ(a.signals[1].shadow, shadow);
      ASSERT_EQ(a.signals[0].evidence.size(), 1u);
      EXPECT_EQ(a.signals[0].evidence[0].feature, "messages");
      EXPECT_EQ(a.signals[0].evidence[0].window, Span::Days(1));
    }
    EXPECT_TRUE(suspended);
    EXPECT_EQ((*table_.Find(AccountId::FromLogin(login_)).value()).standing.verdict, shadow ? ActionKind::kRelease : ActionKind::kSuspend);
  }
}

TEST_F(ShardTest, TheBreakerTurnsAFloodOfSuspensionsIntoThrottles) {
  policy_.home_countries = {Country("JP")};
  policy_.jitter_percent = 0;  // all fall at the same second
  int suspended = 0, throttled = 0;
  EventTime at = kStart;
  for (int n = 0; n < 30; ++n) {
    login_ = "user" + std::to_string(n);
    at = LiveAtHome();
  }
  for (int n = 0; n < 30; ++n) {
    login_ = "user" + std::to_string(n);
    const char* countries[] = {"RU", "UA", "BY", "PL"};
    for (int i = 0; i < 8; ++i) Send("198.51." + std::to_string(i) + ".1", countries[i % 4], at + Span::Seconds(i));
  }
  for (const Action& a : actions_) {
    suspended += a.kind == ActionKind::kSuspend;
    throttled += a.rule == "circuit_breaker";
    EXPECT_EQ(a.mode, Mode::kEnforce);  // nothing is shadowed, so nothing is said in shadow
  }
  EXPECT_EQ(suspended, policy_.circuit_breaker.suspensions_min);
  EXPECT_EQ(throttled, 30 - suspended);
}

TEST_F(ShardTest, TheStateSurvivesEncodingAndTheRestOfTheLogGivesTheSameActions) {
  const EventTime at = LiveAtHome();
  const char* countries[] = {"RU", "UA", "BY", "PL"};
  for (int i = 0; i < 4; ++i) Send("198.51." + std::to_string(i) + ".1", countries[i], at + Span::Minutes(i));
  std::string bytes;
  shard_.EncodeState(&bytes);
  Shard other(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy_, &table_);
  ASSERT_TRUE(other.DecodeState(bytes).ok());
  std::string again;
  other.EncodeState(&again);
  EXPECT_EQ(again, bytes);
  std::vector<Action> theirs;
  ASSERT_TRUE(other.Tick(at + Span::Days(5), Offset{offset_}, &theirs).ok());
  ASSERT_EQ(theirs.size(), 1u);
  EXPECT_EQ(theirs[0].kind, ActionKind::kRelease);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    Shard scratch(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy_, &table_);
    EXPECT_FALSE(scratch.DecodeState(std::string_view(bytes).substr(0, cut)).ok());
  }
}

TEST_F(ShardTest, AnOperatorsReleaseEndsTheVerdictAndItsTimer) {
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  ASSERT_EQ(actions_.back().kind, ActionKind::kSuspend);
  actions_.clear();
  Release(Span::Hours(1), false);
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kRelease);
  EXPECT_EQ(actions_[0].rule, "operator");
  EXPECT_EQ(actions_[0].mode, Mode::kEnforce);
  EXPECT_EQ(actions_[0].time, shard_.now());
  ASSERT_TRUE(shard_.Tick(at + Span::Days(9), Offset{offset_++}, &actions_).ok());
  EXPECT_EQ(actions_.size(), 1u) << "nothing is left to expire";
}

TEST_F(ShardTest, WithinTheGraceNothingIsEnforcedAndAfterItAllIs) {
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  Release(Span::Days(2), false);
  actions_.clear();
  Rotate(at + Span::Hours(30), 1);
  EXPECT_THAT(Kinds(), ::testing::Each(::testing::AnyOf(ActionKind::kObserve, ActionKind::kNotify)));
  ASSERT_FALSE(actions_.empty());
  EXPECT_EQ(actions_.back().rule, "grace");
  actions_.clear();
  Rotate(at + Span::Hours(60), 2);
  EXPECT_THAT(Kinds(), ::testing::Contains(ActionKind::kSuspend));
}

TEST_F(ShardTest, TheSamePatternEndsAGuardedGraceAndTheOwnersOwnUseDoesNot) {
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  Release(Span::Days(7), true);
  actions_.clear();
  for (int i = 0; i < 10; ++i) Send("203.0.113.5", "JP", at + Span::Minutes(10 + i));
  EXPECT_THAT(Kinds(), ::testing::Not(::testing::Contains(ActionKind::kSuspend)));
  Rotate(at + Span::Hours(30), 1);
  EXPECT_THAT(Kinds(), ::testing::Contains(ActionKind::kSuspend));
  EXPECT_EQ(actions_.back().rule, "beyond_doubt");
}

TEST_F(ShardTest, AReleaseOfAnAccountNeverSeenIsRefused) {
  LiveAtHome();
  EXPECT_FALSE(shard_.Release({"nobody@example.jp", "", Span::Days(1), false}, shard_.now(), Offset{offset_++}, &actions_).value());
  EXPECT_TRUE(actions_.empty());
}

// Goal: what an allowed account does is told and never enforced, and the day the exception goes all is as ever. Method: by
// account, by domain, and for comparison by another domain.
TEST_F(ShardTest, AnAllowedAccountIsToldOfAndNeverStopped) {
  const EventTime at = LiveAtHome();
  const std::pair<Subject, bool> cases[] = {{{Subject::Kind::kAccount, "u@example.jp", {}, 0, 0}, true},
                                            {{Subject::Kind::kDomain, "example.jp", {}, 0, 0}, true},
                                            {{Subject::Kind::kDomain, "example.com", {}, 0, 0}, false}};
  int n = 0;
  for (const auto& [subject, spared] : cases) {
    actions_.clear();
    Allow(subject);
    Rotate(at + Span::Days(2 * n), n);
    ++n;
    ASSERT_FALSE(actions_.empty());
    EXPECT_THAT(Kinds(), ::testing::Contains(ActionKind::kSuspend));
    for (const Action& action : actions_) {
      EXPECT_EQ(action.mode, spared ? Mode::kShadow : Mode::kEnforce);
      EXPECT_EQ(action.rule == "allowed", spared);
    }
    Allow(subject, true);
  }
}

TEST_F(ShardTest, AStandingVerdictOfAnAllowedAccountIsNotRenewed) {
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  Send("198.51.9.9", "RO", at + Span::Hours(22));  // still at it
  Allow({Subject::Kind::kAccount, login_, {}, 0, 0});
  actions_.clear();
  ASSERT_TRUE(shard_.Tick(at + Span::Hours(30), Offset{offset_++}, &actions_).ok());
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kRelease);
  EXPECT_EQ(actions_[0].mode, Mode::kEnforce);
}

TEST_F(ShardTest, AnAllowedNetworksSourcesAreTheOwners) {
  const EventTime at = LiveAtHome();
  Allow({Subject::Kind::kNetwork, "", IpAddress::Parse("198.18.0.0").value(), 15, 0});
  Rotate(at, 0);
  Rotate(at + Span::Hours(1), 1);
  EXPECT_TRUE(actions_.empty());
  Rotate(at + Span::Hours(2), 2);
  EXPECT_THAT(Kinds(), ::testing::Contains(ActionKind::kSuspend)) << "198.20.0.0 is beyond the network";
}

// Goal: verdicts fare well between policies of different mode. Method: enforced, then in shadow, and the other way round.
// Goal: a network judged bad by others speaks against an account, and the account's own guilt doesn't. Method: one judgement of
// three accounts; an account never suspended, and one that may be among the three.
TEST_F(ShardTest, TheOwnGuiltDoesNotProveTheNetworkBad) {
  EventTime at = LiveAtHome();
  const auto spoke = [this] { return shard_.stats().signals[static_cast<size_t>(DetectorId::kSharedSource)]; };
  const IpAddress hoster = IpAddress::Parse("5.12.0.0").value();
  const JudgementBatch batch{PartitionId{0}, Offset{1}, at, {{hoster, 24, 700, 3, 0, at + Span::Hours(72), EntityKind::kNetwork, {}}}};
  EXPECT_TRUE(shard_.Judge(batch));
  EXPECT_FALSE(shard_.Judge(batch));
  Send("5.12.0.9", "RO", at + Span::Minutes(1));
  EXPECT_EQ(spoke(), 1u);
  Send("203.0.113.5", "JP", at + Span::Minutes(2));
  EXPECT_EQ(spoke(), 1u) << "the owner's own source isn't there";
  Rotate(at + Span::Minutes(10), 0);
  ASSERT_EQ(actions_.back().kind, ActionKind::kSuspend);
  const uint64_t before = spoke();
  Send("5.12.0.9", "RO", at + Span::Minutes(30));
  EXPECT_EQ(spoke(), before) << "two others are too few";
  Send("5.12.0.9", "RO", at + Span::Hours(73));
  EXPECT_EQ(spoke(), before) << "expired";
}

TEST_F(ShardTest, ADeniedAccountsSendingIsToldOf) {
  EventTime at = LiveAtHome();
  Exception order;
  order.allow = false;
  order.subject.kind = Subject::Kind::kAccount;
  order.subject.name = login_;
  EXPECT_EQ(shard_.Except(order), Exceptions::Outcome::kDone);
  Send("203.0.113.5", "JP", at);
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kObserve);
  EXPECT_EQ(actions_[0].signals.at(0).detector, DetectorId::kSharedSource);
}

TEST_F(ShardTest, AVerdictOutlivesThePolicyThatGaveIt) {
  const EventTime at = LiveAtHome();
  Policy told;
  told.version = "told";
  told.mode = Mode::kShadow;
  Rotate(at, 0);
  ASSERT_EQ(actions_.back().mode, Mode::kEnforce);
  Send("198.51.9.9", "RO", at + Span::Hours(22));  // still at it
  actions_.clear();
  shard_.SetPolicy(&told);
  ASSERT_TRUE(shard_.Tick(at + Span::Hours(30), Offset{offset_++}, &actions_).ok());
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kRelease) << "nothing is enforced by a policy that only tells";
  EXPECT_EQ(actions_[0].mode, Mode::kEnforce) << "but what was enforced ends";
  EXPECT_EQ(actions_[0].policy, "told");
  actions_.clear();
  Rotate(at + Span::Days(4), 1);
  ASSERT_EQ(actions_.back().kind, ActionKind::kSuspend);
  ASSERT_EQ(actions_.back().mode, Mode::kShadow);
  actions_.clear();
  shard_.SetPolicy(&policy_);
  Send("198.51.10.10", "LT", at + Span::Days(4) + Span::Minutes(10));
  EXPECT_THAT(Kinds(), ::testing::Contains(ActionKind::kSuspend)) << "told is not done";
  EXPECT_EQ(actions_.back().mode, Mode::kEnforce);
}

TEST_F(ShardTest, OrdersOutliveARestart) {
  const EventTime at = LiveAtHome();
  Allow({Subject::Kind::kAsn, "", {}, 0, 64500});
  Rotate(at, 0);
  Release(Span::Days(1), true);
  std::string bytes, again;
  shard_.EncodeState(&bytes);
  Shard other(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy_, &table_);
  ASSERT_TRUE(other.DecodeState(bytes).ok());
  other.EncodeState(&again);
  EXPECT_EQ(again, bytes);
}

}  // namespace
}  // namespace sekisho
