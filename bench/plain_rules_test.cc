// Goal: the plain rules count what bench/README.md says, or a comparison with them means nothing. Method: small lives, counted by hand.
#include "bench/plain_rules.h"

#include <gtest/gtest.h>

namespace sekisho::bench {
namespace {

const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

class PlainRulesTest : public ::testing::Test {
 protected:
  void Use(EventKind kind, Span at, const char* ip, const char* country, uint32_t recipients = 0) {
    Event e;
    e.kind = kind;
    e.service = kind == EventKind::kLogin ? Service::kImap : Service::kSmtp;
    e.time = kStart + at;
    e.account = "someone@example.jp";
    e.id = AccountId::FromLogin(e.account);
    e.ip = IpAddress::Parse(ip).value();
    e.place.country = static_cast<uint16_t>(country[0] << 8 | country[1]);
    e.recipients = recipients;
    rules_.OnEvent(e);
  }
  // When the rule stopped the account, in minutes.
  std::vector<int64_t> Stops(const std::string& rule, int64_t at_least) {
    std::vector<int64_t> minutes;
    for (const RuleRun& run : rules_.runs()) {
      if (run.rule != rule || run.at_least != at_least) continue;
      for (const app::ScoredAction& a : run.actions) {
        EXPECT_EQ(a.expires - a.time, kRuleStops);
        minutes.push_back((a.time - kStart).seconds() / 60);
      }
    }
    return minutes;
  }

  PlainRules rules_;
};

using Minutes = std::vector<int64_t>;

TEST_F(PlainRulesTest, CountriesWithinTheWindow) {
  Use(EventKind::kSubmission, Span::Minutes(0), "192.0.2.1", "JP");
  Use(EventKind::kSubmission, Span::Minutes(60), "198.51.100.1", "DE");
  Use(EventKind::kSubmission, Span::Minutes(120), "203.0.113.1", "US");  // Japan is just out of the two hours
  EXPECT_EQ(Stops("countries 2h sending", 2), Minutes{60});
  EXPECT_EQ(Stops("countries 2h sending", 3), Minutes{});
  EXPECT_EQ(Stops("countries 24h sending", 3), Minutes{120});
  EXPECT_EQ(Stops("countries 24h sending", 4), Minutes{});
}

TEST_F(PlainRulesTest, LoginsCountForAnyUseAlone) {
  Use(EventKind::kSubmission, Span::Minutes(0), "192.0.2.1", "JP");
  Use(EventKind::kLogin, Span::Minutes(1), "198.51.100.1", "DE");
  EXPECT_EQ(Stops("countries 2h sending", 2), Minutes{});
  EXPECT_EQ(Stops("countries 2h any use", 2), Minutes{1});
}

TEST_F(PlainRulesTest, MessagesOfAnHourAndOfADay) {
  for (int i = 0; i < 110; ++i) Use(EventKind::kSubmission, Span::Minutes(2 * i), "192.0.2.1", "JP");
  EXPECT_EQ(Stops("messages 1h", 20), Minutes{38});
  EXPECT_EQ(Stops("messages 1h", 50), Minutes{});  // thirty an hour
  EXPECT_EQ(Stops("messages 24h", 100), Minutes{198});
}

TEST_F(PlainRulesTest, RecipientsOfWhatWasQueued) {
  Use(EventKind::kQueued, Span::Minutes(0), "192.0.2.1", "JP", 150);
  Use(EventKind::kQueued, Span::Minutes(5), "192.0.2.1", "JP", 50);
  EXPECT_EQ(Stops("recipients 24h", 200), Minutes{5});
}

TEST_F(PlainRulesTest, AddressesComeAndGoAndAStopEndsAfterADay) {
  for (int i = 0; i < 5; ++i) Use(EventKind::kSubmission, Span::Minutes(i), ("192.0.2." + std::to_string(i)).c_str(), "JP");
  // The first ones are out of the window, and the stop is over.
  for (int i = 0; i < 3; ++i) {
    Use(EventKind::kSubmission, Span::Days(2) + Span::Minutes(i), ("198.51.100." + std::to_string(i)).c_str(), "JP");
  }
  EXPECT_EQ(Stops("addresses 24h sending", 3), (Minutes{2, 2 * 24 * 60 + 2}));
  EXPECT_EQ(Stops("addresses 24h sending", 5), Minutes{4});
  EXPECT_EQ(Stops("addresses 24h sending", 10), Minutes{});
}

}  // namespace
}  // namespace sekisho::bench
