// Goal: what follows from evidence is as the policy says: by the account's class, whom it allows, how late the event is, how often
// it happened before, and by thresholds that no two accounts and days share. Method: scripted lives, see shard_test_util.h.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/shard/shard_test_util.h"

namespace sekisho {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;

class RespondTest : public ShardTest {
 protected:
  // The policy is changed before anything is folded.
  void Decide() { shard_.SetPolicy(&policy_); }
  void Order(Subject subject, bool allow) {
    Exception exception;
    exception.subject = std::move(subject);
    exception.allow = allow;
    EXPECT_EQ(shard_.Except(exception), Exceptions::Outcome::kDone);
  }
  Subject Account() const { return {Subject::Kind::kAccount, login_, {}, 0, 0}; }
  void AllowByPolicy(Subject subject, EventTime expires) {
    Exception exception;
    exception.subject = std::move(subject);
    exception.owner = "noc";
    exception.reason = "by plan";
    exception.expires = expires;
    ASSERT_TRUE(policy_.Allow(exception));
  }
  uint64_t Signals(DetectorId id) const { return shard_.stats().signals[static_cast<size_t>(id)]; }
  const Standing& StandingNow() { return (*table_.Find(AccountId::FromLogin(login_)).value()).standing; }
};

TEST_F(RespondTest, ABusinessSuspensionWaitsForAPersonAndThrottlesUntilThen) {
  ASSERT_TRUE(policy_.business.Add("*@example.jp"));
  Decide();
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  EXPECT_THAT(Kinds(), Not(Contains(ActionKind::kSuspend)));
  ASSERT_FALSE(actions_.empty());
  const Action asked = actions_.back();
  EXPECT_EQ(asked.kind, ActionKind::kThrottle);
  EXPECT_EQ(asked.request, Request::kConfirmSuspension);
  EXPECT_EQ(asked.rule, "beyond_doubt") << "why it is asked";
  EXPECT_EQ(asked.expires, asked.time + policy_.suspend.lasts) << "as long as the suspension would be";
  actions_.clear();
  Send("198.51.9.9", "RO", asked.time + Span::Hours(22));  // still at it
  EXPECT_TRUE(actions_.empty()) << "asked once";
  ASSERT_TRUE(shard_.Tick(asked.expires, Offset{offset_++}, &actions_).ok());
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kThrottle);
  EXPECT_EQ(actions_[0].rule, "renewed");
  EXPECT_EQ(actions_[0].request, Request::kConfirmSuspension);
  EXPECT_EQ(actions_[0].expires, asked.expires + Span::Hours(48));
}

TEST_F(RespondTest, DenyingABusinessAccountConfirmsAndReleasingItRefuses) {
  ASSERT_TRUE(policy_.business.Add("u@example.jp"));
  Decide();
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  ASSERT_EQ(actions_.back().request, Request::kConfirmSuspension);
  Order(Account(), false);
  Rotate(at + Span::Hours(1), 1);
  ASSERT_EQ(actions_.back().kind, ActionKind::kSuspend);
  EXPECT_EQ(actions_.back().request, Request::kNone);
  actions_.clear();
  Release(Span::Days(1), false);
  ASSERT_EQ(actions_.size(), 1u);
  EXPECT_EQ(actions_[0].kind, ActionKind::kRelease);
}

TEST_F(RespondTest, AThrottlingThatStandsDoesNotKeepAPersonFromBeingAsked) {
  ASSERT_TRUE(policy_.business.Add("*@example.jp"));
  policy_.suspend.families = kFamilies;  // the burst throttles first
  Decide();
  const EventTime at = LiveAtHome();
  for (int i = 0; i < 9; ++i) {
    Send("198.51.100.1", "US", at + Span::Seconds(2 * i));
    Deliver("198.51.100.1", "US", at + Span::Seconds(2 * i + 1), 1000 + static_cast<uint64_t>(i));
  }
  ASSERT_EQ(actions_.back().kind, ActionKind::kThrottle);
  ASSERT_EQ(actions_.back().request, Request::kNone);
  policy_.suspend.families = 2;
  Send("198.51.100.1", "US", at + Span::Minutes(5));
  ASSERT_EQ(actions_.back().request, Request::kConfirmSuspension);
  EXPECT_EQ(StandingNow().expires, actions_.back().expires);
}

TEST_F(RespondTest, AnExactNameComesBeforeItsDomain) {
  ASSERT_TRUE(policy_.business.Add("*@example.jp"));
  ASSERT_TRUE(policy_.senders.Add("NEWS@example.jp"));
  EXPECT_EQ(policy_.ClassOf("u@example.jp"), CustomerClass::kBusiness);
  EXPECT_EQ(policy_.ClassOf("news@example.jp"), CustomerClass::kSender);
  EXPECT_EQ(policy_.ClassOf("u@sub.example.jp"), CustomerClass::kConsumer);
  EXPECT_EQ(policy_.ClassOf("example.jp"), CustomerClass::kConsumer);
}

TEST_F(RespondTest, ASenderMaySendMore) {
  ASSERT_TRUE(policy_.senders.Add("news@example.jp"));
  Decide();
  for (const char* login : {"u@example.jp", "news@example.jp"}) {
    login_ = login;
    const uint64_t before = Signals(DetectorId::kSendRate);
    const EventTime at = LiveAtHome();
    for (int i = 0; i < 600; ++i) Send("203.0.113.5", "JP", at + Span::Seconds(i));
    EXPECT_EQ(Signals(DetectorId::kSendRate) > before, login_ == "u@example.jp");
  }
}

TEST_F(RespondTest, WhomThePolicyAllowsIsToldOfUntilTheEntryExpires) {
  AllowByPolicy(Account(), kStart + Span::Days(10));
  Decide();
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  ASSERT_THAT(Kinds(), Contains(ActionKind::kSuspend));
  for (const Action& action : actions_) EXPECT_EQ(action.mode, Mode::kShadow);
  actions_.clear();
  Rotate(kStart + Span::Days(11), 1);
  ASSERT_THAT(Kinds(), Contains(ActionKind::kSuspend));
  EXPECT_EQ(actions_.back().mode, Mode::kEnforce);
}

TEST_F(RespondTest, SourcesThatThePolicyAllowsFeedNoStrayFeatures) {
  AllowByPolicy({Subject::Kind::kNetwork, "", IpAddress::Parse("198.18.0.0").value(), 16, 0}, kStart + Span::Days(100));
  AllowByPolicy({Subject::Kind::kAsn, "", {}, 0, 64500}, kStart + Span::Days(100));
  Decide();
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  for (int i = 0; i < 60; ++i) {
    Event e = Make(EventKind::kSubmission, Service::kSmtp, "5.12." + std::to_string(i) + ".9", Country("RO"), at + Span::Minutes(10 + i));
    e.place.asn = 64500;
    Fold(e);
  }
  EXPECT_TRUE(actions_.empty());
  EXPECT_EQ((*table_.Find(AccountId::FromLogin(login_)).value()).stray_messages.Count(at + Span::Hours(2), Span::Hours(24)), 0u);
  Rotate(at + Span::Hours(2), 1);
  EXPECT_THAT(Kinds(), Contains(ActionKind::kSuspend)) << "198.19.0.0 is beyond the network";
}

TEST_F(RespondTest, AnOrderComesBeforeThePolicy) {
  AllowByPolicy(Account(), kStart + Span::Days(100));
  Decide();
  const EventTime at = LiveAtHome();
  Order(Account(), false);
  Rotate(at, 0);
  ASSERT_THAT(Kinds(), Contains(ActionKind::kSuspend));
  EXPECT_EQ(actions_.back().mode, Mode::kEnforce);
}

TEST_F(RespondTest, AnEventThatComesTooLateForItsVerdictLeadsToNone) {
  heartbeats_ = false;
  const EventTime at = LiveAtHome();
  // The connector lags; other accounts' events have brought the time.
  ASSERT_TRUE(shard_.Tick(at + Span::Hours(2), Offset{offset_++}, &actions_).ok());
  policy_.suspend.families = kFamilies;
  const auto burst = [&](EventTime from) {
    for (int i = 0; i < 24; ++i) {
      Send("198.51.100.1", "US", from + Span::Seconds(2 * i));
      Deliver("198.51.100.1", "US", from + Span::Seconds(2 * i + 1), 1000 + static_cast<uint64_t>(i));
    }
  };
  burst(at);
  EXPECT_THAT(Kinds(), Each(testing::AnyOf(ActionKind::kObserve, ActionKind::kNotify)));
  policy_.suspend.families = 2;
  Send("198.51.100.1", "US", at + Span::Minutes(1));
  ASSERT_EQ(actions_.back().kind, ActionKind::kSuspend) << "which still has a day to go";
  EXPECT_EQ(actions_.back().expires, at + Span::Minutes(1) + Span::Hours(24));
}

TEST_F(RespondTest, TheWayUpIsShorterAfterAGuardedReleaseAndOnlyForTheSame) {
  const auto burst = [this](EventTime from, const std::string& ip, int messages) {
    for (int i = 0; i < messages; ++i) {
      Send(ip, "US", from + Span::Seconds(2 * i));
      Deliver(ip, "US", from + Span::Seconds(2 * i + 1), 1000 + static_cast<uint64_t>(offset_));
    }
  };
  struct Case {
    bool guarded;
    Span lasts;
    bool shorter;
  };
  const Case cases[] = {{true, Span::Days(14), true}, {false, Span::Days(14), false}, {true, Span::Days(1), false}};
  EventTime at = kStart;
  for (int n = 0; n < 3; ++n) {
    login_ = "user" + std::to_string(n) + "@example.jp";
    policy_.jitter_percent = 0;
    policy_.suspend.risk = 70;
    heartbeats_ = n == 0;  // the lives overlap: only the first brings the time
    at = kStart;
    LiveAtHome();
  }
  heartbeats_ = true;
  at = shard_.now() + Span::Hours(1);
  for (int n = 0; n < 3; ++n) {
    login_ = "user" + std::to_string(n) + "@example.jp";
    burst(at, "198.51.100." + std::to_string(n), 30);
    ASSERT_EQ(actions_.back().kind, ActionKind::kSuspend);
    ASSERT_EQ(actions_.back().account, login_);
    Release(Span::Hours(1), cases[n].guarded);
  }
  // What brings 100 points shall bring too few by five now, but for the shorter way.
  policy_.suspend.risk = 105;
  policy_.beyond_doubt_score = 101;
  for (const size_t n : {size_t{0}, size_t{1}, size_t{2}}) {
    login_ = "user" + std::to_string(n) + "@example.jp";
    actions_.clear();
    policy_.relapse_guard.lasts = cases[n].lasts;
    burst(at + Span::Days(2), "198.51.200." + std::to_string(n), 40);
    ASSERT_FALSE(actions_.empty());
    EXPECT_EQ(actions_.back().kind, cases[n].shorter ? ActionKind::kSuspend : ActionKind::kThrottle) << n;
    if (cases[n].shorter) {
      EXPECT_EQ(actions_.back().rule, "relapse");
    }
  }
}

TEST_F(RespondTest, RenewalsDoubleWhileTheThiefIsAtItAndEndWithHim) {
  const EventTime at = LiveAtHome();
  Rotate(at, 0);
  ASSERT_EQ(actions_.back().kind, ActionKind::kSuspend);
  std::vector<Span> lengths;
  for (int n = 0; n < 5; ++n) {
    const Action last = actions_.back();
    lengths.push_back(last.expires - last.time);
    Send("198.51.9." + std::to_string(n + 1), "RO", last.expires - Span::Hours(1));
    ASSERT_TRUE(shard_.Tick(last.expires, Offset{offset_++}, &actions_).ok());
    ASSERT_EQ(actions_.back().rule, "renewed");
    ASSERT_EQ(actions_.back().time, last.expires);
    ASSERT_EQ(actions_.back().renewals, static_cast<uint32_t>(n + 1));
  }
  EXPECT_THAT(lengths, ::testing::ElementsAre(Span::Days(1), Span::Days(2), Span::Days(4), Span::Days(7), Span::Days(7)));
  ASSERT_TRUE(shard_.Tick(actions_.back().expires, Offset{offset_++}, &actions_).ok());
  EXPECT_EQ(actions_.back().kind, ActionKind::kRelease);
  EXPECT_EQ(StandingNow().renewals, 0u) << "the next suspension is a first one again";
}

TEST_F(RespondTest, AShardsBreakerIsItsOwnAndClosesAgain) {
  policy_.circuit_breaker.suspensions_min = 2;
  policy_.home_countries = {Country("JP")};
  Decide();
  EventTime at;
  for (int n = 0; n < 5; ++n) {
    login_ = "user" + std::to_string(n);
    at = LiveAtHome();
  }
  const auto rob = [this](int n, EventTime from) {
    login_ = "user" + std::to_string(n);
    const size_t before = actions_.size();
    Rotate(from, n);
    for (size_t i = before; i < actions_.size(); ++i) {
      if (actions_[i].kind == ActionKind::kSuspend) return std::string("suspended");
      if (actions_[i].rule == "circuit_breaker") return std::string("throttled");
    }
    return std::string("neither");
  };
  EXPECT_EQ(rob(0, at), "suspended");
  EXPECT_EQ(rob(1, at), "suspended");
  EXPECT_EQ(rob(2, at), "throttled");
  // Ten minutes later the flood is over.
  EXPECT_EQ(rob(3, at + Span::Minutes(20)), "suspended");

  // Another shard knows nothing of this one's flood.
  AccountTable table;
  Shard other(ShardOptions{Hash128{1, 2}, PartitionId{1}}, &policy_, &table);
  std::vector<Action> theirs;
  login_ = "user4";
  const char* countries[] = {"RU", "UA", "BY", "PL"};
  for (int i = 0; i < 8; ++i) {
    const Event e = Make(EventKind::kSubmission, Service::kSmtp, "198.51." + std::to_string(i) + ".1", Country(countries[i % 4]),
                         at + Span::Seconds(i));
    ASSERT_TRUE(other.Tick(e.time, Offset{i * 2}, &theirs).ok());
    ASSERT_TRUE(other.Fold(e, Offset{i * 2 + 1}, &theirs).ok());
  }
  EXPECT_THAT(theirs, Not(Contains(::testing::Field(&Action::rule, "circuit_breaker"))));
}

// Goal: what one account's limit teaches doesn't hold for another, or tomorrow, and folding again finds the same. Method: from how
// many messages on send_rate speaks, for some accounts on two days, twice.
TEST(JitterTest, TwoAccountsAndTwoDaysDifferAndFoldingAgainDoesNot) {
  class Watch : public FoldObserver {
   public:
    void OnEvent(const Event& event, const AccountWindow&, const Features&, std::span<const Signal> signals, const Risk&,
                 const Action*) override {
      for (const Signal& signal : signals) {
        if (signal.detector == DetectorId::kSendRate && signal.evidence[0].feature == "messages_1h") {
          thresholds.insert({{std::string(event.account), event.time.day()}, signal.evidence[0].threshold});
        }
      }
    }
    void OnTimer(const AccountWindow&, const Action&) override {}
    std::map<std::pair<std::string, int64_t>, int64_t> thresholds;  // the first of each account and day
  };
  const auto fold = [](const Policy& policy) {
    AccountTable table;
    Shard shard(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy, &table);
    Watch watch;
    shard.set_observer(&watch);
    std::vector<Action> actions;
    int64_t offset = 0;
    for (int day = 0; day < 2; ++day) {
      for (int second = 0; second < 260; ++second) {
        for (int n = 0; n < 12; ++n) {
          const std::string login = "user" + std::to_string(n) + "@example.jp";
          Event e;
          e.kind = EventKind::kSubmission;
          e.service = Service::kSmtp;
          e.account = login;
          e.id = AccountId::FromLogin(login);
          e.time = kStart + Span::Days(day) + Span::Seconds(second);
          e.ip = IpAddress::Parse("203.0.113.5").value();
          EXPECT_TRUE(shard.Tick(e.time, Offset{offset++}, &actions).ok());
          EXPECT_TRUE(shard.Fold(e, Offset{offset++}, &actions).ok());
        }
      }
    }
    return watch.thresholds;
  };
  Policy policy;
  policy.send_rate.usual_factor_percent = 0;  // the class's limit alone
  const auto first = fold(policy);
  ASSERT_EQ(first.size(), 24u);
  EXPECT_EQ(fold(policy), first);
  std::set<int64_t> on_one_day;
  int moved = 0;
  for (const auto& [of, threshold] : first) {
    EXPECT_GE(threshold, 180);
    EXPECT_LE(threshold, 220);
    if (of.second != kStart.day()) continue;
    on_one_day.insert(threshold);
    moved += first.at({of.first, of.second + 1}) != threshold;
  }
  EXPECT_GE(on_one_day.size(), 5u) << "accounts differ";
  EXPECT_GE(moved, 8) << "days differ";
  Policy other = policy;
  other.jitter_key = HashKey::FromPassphrase("another");
  EXPECT_NE(fold(other), first) << "nobody foresees them without the key";
}

}  // namespace
}  // namespace sekisho
