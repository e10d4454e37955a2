// Goal: the fold says the right thing at the right event, gives the same bytes every time, and keeps time as promised.
// Method: scripted lives of a few accounts, fed event by event into a shard with a table in memory.
#include "engine/shard/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace sekisho {
namespace {

constexpr uint16_t Country(const char* code) { return static_cast<uint16_t>(code[0] << 8 | code[1]); }
const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() : shard_(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy_, &table_) {}

  Event Make(EventKind kind, Service service, const std::string& ip, uint16_t country, EventTime at) {
    Event e;
    e.kind = kind;
    e.service = service;
    e.account = login_;
    e.id = AccountId::FromLogin(login_);
    e.time = at;
    if (!ip.empty()) e.ip = IpAddress::Parse(ip).value();
    e.place.country = country;
    return e;
  }
  // As a source does: a heartbeat brings the time, then comes the event.
  FoldResult Fold(const Event& e) {
    if (heartbeats_) {
      EXPECT_TRUE(shard_.Tick(e.time, Offset{offset_++}, &actions_).ok());
    }
    return shard_.Fold(e, Offset{offset_++}, &actions_).value();
  }
  FoldResult Send(const std::string& ip, const char* country, EventTime at) {
    return Fold(Make(EventKind::kSubmission, Service::kSmtp, ip, Country(country), at));
  }
  FoldResult Read(const std::string& ip, const char* country, EventTime at) {
    return Fold(Make(EventKind::kLogin, Service::kImap, ip, Country(country), at));
  }
  void Deliver(const std::string& ip, const char* country, EventTime at, uint64_t recipient) {
    Event e = Make(EventKind::kDelivery, Service::kSmtp, ip, Country(country), at);
    const EventRecipient r{"example.com", recipient};
    e.recipient_list = {&r, 1};
    e.delivery = DeliveryStatus::kSent;
    Fold(e);
  }
  // A week of an owner who polls from home and sends three messages a day to the same people.
  EventTime LiveAtHome() {
    EventTime at = kStart;
    for (int i = 0; i < 56; ++i, at = at + Span::Hours(3)) {
      Read("203.0.113.5", "JP", at);
      if (i % 3 == 0) {
        Send("203.0.113.5", "JP", at + Span::Minutes(1));
        Deliver("203.0.113.5", "JP", at + Span::Minutes(2), static_cast<uint64_t>(i % 4));
      }
    }
    return at;
  }
  std::vector<ActionKind> Kinds() const {
    std::vector<ActionKind> kinds;
    for (const Action& a : actions_) kinds.push_back(a.kind);
    return kinds;
  }

  std::string login_ = "u@example.jp";
  Policy policy_ = Policy::Default();
  AccountTable table_;
  Shard shard_;
  bool heartbeats_ = true;
  int64_t offset_ = 0;
  std::vector<Action> actions_;
};

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

TEST_F(ShardTest, TheBreakerTurnsAFloodOfSuspensionsIntoThrottles) {
  policy_.home_countries = {Country("JP")};
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

}  // namespace
}  // namespace sekisho
