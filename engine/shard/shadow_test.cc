// Goal: nothing that is shadowed is enforced, and nothing that is enforced depends on it. Method: random lives of some accounts,
// thieves among them, fed twice: with a detector in shadow and with it off, with a domain in shadow and with it allowed. What is
// enforced, and what is told to entity shards, must be the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "engine/shard/shard.h"

namespace sekisho {
namespace {

constexpr uint16_t Country(const char* code) { return static_cast<uint16_t>(code[0] << 8 | code[1]); }
const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

// One record of the stream; an Event only views what is kept here.
struct Record {
  EventKind kind = EventKind::kLogin;
  Service service = Service::kSmtp;
  FailureKind failure = FailureKind::kNone;
  DeliveryStatus delivery = DeliveryStatus::kNone;
  bool spam_refusal = false;
  std::string login, ip;
  uint16_t country = 0;
  uint32_t recipients = 0;
  uint64_t recipient = 0;
  EventTime time;
};

class Stream {
 public:
  explicit Stream(uint64_t seed) : random_(seed) {
    for (int n = 0; n < 8; ++n) logins_.push_back("user" + std::to_string(n) + (n % 2 == 0 ? "@example.jp" : "@trial.example.jp"));
    for (int day = 0; day < 9; ++day) {
      for (const std::string& login : logins_) Live(login, kStart + Span::Days(day));
    }
    // Each account is robbed in one way or another, some twice.
    for (int n = 0; n < 14; ++n) Rob(logins_[Below(logins_.size())], kStart + Span::Days(8) + Span::Minutes(static_cast<int64_t>(Below(6000))));
    std::stable_sort(records_.begin(), records_.end(), [](const Record& a, const Record& b) { return a.time < b.time; });
  }
  const std::vector<Record>& records() const { return records_; }

 private:
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }

  void Put(EventKind kind, Service service, const std::string& login, const std::string& ip, const char* country, EventTime at) {
    Record r;
    r.kind = kind;
    r.service = service;
    r.login = login;
    r.ip = ip;
    r.country = Country(country);
    r.time = at;
    records_.push_back(r);
  }

  void Live(const std::string& login, EventTime day) {
    const std::string home = "203.0." + std::to_string(login[4] - '0') + ".5";
    for (int i = 0; i < 6; ++i) {
      const EventTime at = day + Span::Minutes(static_cast<int64_t>(i * 240 + static_cast<int>(Below(60))));
      Put(EventKind::kLogin, Service::kImap, login, home, "JP", at);
      if (i % 2 == 0) Send(login, home, "JP", at + Span::Minutes(1), Below(5), DeliveryStatus::kSent);
    }
  }

  void Send(const std::string& login, const std::string& ip, const char* country, EventTime at, uint64_t recipient, DeliveryStatus status) {
    Put(EventKind::kSubmission, Service::kSmtp, login, ip, country, at);
    records_.back().recipients = static_cast<uint32_t>(1 + Below(3));
    Put(EventKind::kDelivery, Service::kSmtp, login, ip, country, at + Span::Seconds(1));
    records_.back().recipient = recipient;
    records_.back().delivery = status;
    records_.back().spam_refusal = status == DeliveryStatus::kBounced && Below(2) == 0;
  }

  void Rob(const std::string& login, EventTime at) {
    static constexpr const char* kCountries[] = {"RU", "UA", "BY", "PL", "RO", "US", "BR"};
    const auto address = [this] { return std::to_string(20 + Below(60)) + "." + std::to_string(Below(200)) + ".7." + std::to_string(1 + Below(250)); };
    const auto stranger = [this] { return 1000 + Below(1'000'000); };
    const std::string one = address();
    const char* country = kCountries[Below(std::size(kCountries))];
    const size_t way = Below(5);
    if (way == 0) {
      // Guessed first.
      for (int i = 0; i < 14; ++i) {
        Put(EventKind::kLoginFailed, Service::kSmtp, login, i % 3 == 0 ? one : address(), country, at + Span::Seconds(i * 20));
        records_.back().failure = FailureKind::kCredentials;
      }
      Put(EventKind::kLogin, Service::kSmtp, login, one, country, at + Span::Minutes(10));
      at = at + Span::Hours(1);
    }
    const int messages = static_cast<int>(4 + Below(way == 1 ? 250 : 60));
    const auto pause = Span::Seconds(static_cast<int64_t>(1 + Below(way == 2 ? 900 : 40)));
    const bool bounces = Below(2) == 0;
    const bool rotates = way >= 3;
    for (int i = 0; i < messages; ++i) {
      Send(login, rotates ? address() : one, rotates ? kCountries[Below(std::size(kCountries))] : country, at, stranger(),
           bounces && Below(2) == 0 ? DeliveryStatus::kBounced : DeliveryStatus::kSent);
      at = at + pause;
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> logins_;
  std::vector<Record> records_;
};

// What one run led to, as text that says all that matters to others.
struct Outcome {
  std::vector<std::string> enforced, shadowed, sightings;
};

std::string Words(const Action& a) {
  std::string out = a.account + " " + std::string(Name(a.kind)) + " at " + FormatRfc3339(a.time) + " until " + FormatRfc3339(a.expires) +
                    " rule " + std::string(a.rule) + " risk " + std::to_string(a.risk) + " generation " + std::to_string(a.generation) +
                    " renewals " + std::to_string(a.renewals) + " id " + a.id.ToHex();
  for (const Signal& s : a.signals) {
    if (!s.shadow) out += " " + std::string(Name(s.detector)) + "=" + std::to_string(s.score);
  }
  return out;
}

// An id counts the actions of its record, and a heartbeat may end a shadowed account's verdict beside another's.
std::vector<std::string> WithoutIds(std::vector<std::string> all) {
  for (std::string& words : all) words.erase(words.find(" id "), std::string(" id ").size() + 32);
  return all;
}

Outcome FoldAll(const Stream& stream, const Policy& policy, const std::vector<Exception>& orders = {}) {
  AccountTable table;
  Shard shard(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy, &table);
  for (const Exception& order : orders) EXPECT_EQ(shard.Except(order), Exceptions::Outcome::kDone);
  std::vector<Sighting> sightings;
  shard.set_sightings(&sightings);
  // So that shared_source has something to say: networks that others were robbed from.
  JudgementBatch batch{PartitionId{0}, Offset{1}, kStart, {}};
  for (int first = 20; first < 80; first += 2) {
    batch.judgements.push_back({IpAddress::Parse(std::to_string(first) + ".7.7.0").value(), 8, 700, 9, 0, kStart + Span::Days(60)});
  }
  shard.Judge(batch);
  std::vector<Action> actions;
  int64_t offset = 0;
  for (const Record& r : stream.records()) {
    Event e;
    const EventRecipient recipient{"example.com", r.recipient};
    e.kind = r.kind;
    e.service = r.service;
    e.failure = r.failure;
    e.delivery = r.delivery;
    e.spam_refusal = r.spam_refusal;
    e.account = r.login;
    e.id = AccountId::FromLogin(r.login);
    e.time = r.time;
    e.ip = IpAddress::Parse(r.ip).value();
    e.place.country = r.country;
    e.recipients = r.recipients;
    if (r.kind == EventKind::kDelivery) e.recipient_list = {&recipient, 1};
    EXPECT_TRUE(shard.Tick(r.time, Offset{offset++}, &actions).ok());
    EXPECT_TRUE(shard.Fold(e, Offset{offset++}, &actions).ok());
  }
  EXPECT_TRUE(shard.Tick(kStart + Span::Days(60), Offset{offset}, &actions).ok());
  Outcome outcome;
  for (const Action& a : actions) (a.mode == Mode::kEnforce ? outcome.enforced : outcome.shadowed).push_back(Words(a));
  for (const Sighting& s : sightings) {
    outcome.sightings.push_back(s.account.hash.ToHex() + " " + std::to_string(static_cast<int>(s.kind)) + " " + s.network.ToString() + " " +
                                FormatRfc3339(s.time) + " " + std::to_string(s.risk));
  }
  return outcome;
}

constexpr uint64_t kSeeds = 4;

Policy ForTests() {
  Policy policy;
  policy.home_countries = {Country("JP")};
  return policy;
}

// Own rules have a mode each; so has this one, which is strong enough to decide.
void SetMode(size_t detector, DetectorMode mode, Policy* policy) {
  policy->detectors[detector] = mode;
  if (static_cast<DetectorId>(detector) != DetectorId::kOwnRule) return;
  rules::Rule rule;
  rule.name = "strangers";
  rule.when = "stray && stray_messages(1h) >= 3";
  rule.score = 50;
  rule.family = Family::kHistory;
  rule.mode = mode == DetectorMode::kOn ? rules::RuleMode::kOn : mode == DetectorMode::kShadow ? rules::RuleMode::kShadow : rules::RuleMode::kOff;
  policy->rules = rules::RuleSet();
  EXPECT_EQ(policy->rules.Add(rule), "");
}

class ShadowedDetector : public ::testing::TestWithParam<int> {};

TEST_P(ShadowedDetector, EnforcesNothingThatItDoesNotEnforceWhenOff) {
  const auto detector = static_cast<size_t>(GetParam());
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Stream stream(seed);
    Policy shadow = ForTests(), off = ForTests();
    SetMode(detector, DetectorMode::kShadow, &shadow);
    SetMode(detector, DetectorMode::kOff, &off);
    const Outcome shadowed = FoldAll(stream, shadow), absent = FoldAll(stream, off);
    EXPECT_EQ(shadowed.enforced, absent.enforced) << "seed " << seed;
    EXPECT_EQ(shadowed.sightings, absent.sightings) << "seed " << seed;
    EXPECT_FALSE(absent.enforced.empty()) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(EachDetector, ShadowedDetector, ::testing::Range(1, kDetectors),
                         [](const auto& each) { return std::string(Name(static_cast<DetectorId>(each.param))); });

// The same of a rule alone: it must have decided something, and told as much in shadow.
TEST(Shadow, AnOwnRuleDecidesOnlyWhereItIsOn) {
  constexpr auto kRule = static_cast<size_t>(DetectorId::kOwnRule);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Stream stream(seed);
    Policy on = ForTests(), shadow = ForTests();
    SetMode(kRule, DetectorMode::kOn, &on);
    SetMode(kRule, DetectorMode::kShadow, &shadow);
    const Outcome without = FoldAll(stream, ForTests());
    EXPECT_NE(FoldAll(stream, on).enforced, without.enforced) << "seed " << seed;
    const Outcome shadowed = FoldAll(stream, shadow);
    EXPECT_EQ(shadowed.enforced, without.enforced) << "seed " << seed;
    EXPECT_NE(shadowed.shadowed, without.shadowed) << "seed " << seed;
  }
}

// The comparison would be empty if a detector never changed anything.
TEST(Shadow, TheStreamsLeadToEnforcedActionsThatDetectorsDecide) {
  int decide = 0, told = 0;
  for (int detector = 1; detector < kDetectors; ++detector) {
    bool differs = false, tells = false;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const Stream stream(seed);
      Policy off = ForTests(), shadow = ForTests();
      Policy on = ForTests();
      SetMode(static_cast<size_t>(detector), DetectorMode::kOff, &off);
      SetMode(static_cast<size_t>(detector), DetectorMode::kShadow, &shadow);
      SetMode(static_cast<size_t>(detector), DetectorMode::kOn, &on);
      differs |= FoldAll(stream, on).enforced != FoldAll(stream, off).enforced;
      tells |= !FoldAll(stream, shadow).shadowed.empty();
    }
    decide += differs;
    told += tells;
  }
  EXPECT_GE(decide, 6);
  EXPECT_GE(told, 4);
}

// Several at once are as good as each.
TEST(Shadow, EverythingShadowedEnforcesNothing) {
  Policy policy = ForTests();
  policy.detectors.fill(DetectorMode::kShadow);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome outcome = FoldAll(Stream(seed), policy);
    EXPECT_THAT(outcome.enforced, ::testing::IsEmpty()) << "seed " << seed;
    EXPECT_FALSE(outcome.shadowed.empty()) << "seed " << seed;
  }
}

TEST(Shadow, AShadowedDomainIsToldOfAndNobodyElseFaresOtherwise) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Stream stream(seed);
    Policy shadow = ForTests();
    ASSERT_TRUE(shadow.shadowed.Add("*@trial.example.jp"));
    // So that what would trip the breaker in the one run and not in the other shows.
    shadow.circuit_breaker.suspensions_min = 2;
    Policy allowing = ForTests();
    allowing.circuit_breaker.suspensions_min = 2;
    Exception allow;
    allow.subject.kind = Subject::Kind::kDomain;
    allow.subject.name = "trial.example.jp";
    const Outcome shadowed = FoldAll(stream, shadow), allowed = FoldAll(stream, allowing, {allow});
    const auto others = [](const std::vector<std::string>& all) {
      std::vector<std::string> found;
      for (const std::string& words : all) {
        if (words.find("@example.jp") != std::string::npos) found.push_back(words);
      }
      return found;
    };
    EXPECT_EQ(shadowed.enforced, others(shadowed.enforced)) << "seed " << seed;
    EXPECT_EQ(WithoutIds(shadowed.enforced), WithoutIds(allowed.enforced)) << "seed " << seed;
    EXPECT_FALSE(shadowed.shadowed.empty()) << "seed " << seed;
    EXPECT_THAT(others(shadowed.shadowed), ::testing::IsEmpty()) << "seed " << seed;
    // Nobody there is told to have been suspended: that would condemn the network for others.
    const std::string suspended = " " + std::to_string(static_cast<int>(SightingKind::kSuspended)) + " ";
    for (int n = 1; n < 8; n += 2) {
      const std::string account = AccountId::FromLogin("user" + std::to_string(n) + "@trial.example.jp").hash.ToHex();
      EXPECT_THAT(shadowed.sightings, ::testing::Not(::testing::Contains(::testing::StartsWith(account + suspended)))) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace sekisho
