// Goal: what the origin detectors ask of an account is right about its owner and about strangers, and a stranger's use
// doesn't change what counts as the owner's. Method: short scripted lives; features read at single events.
#include <gtest/gtest.h>

#include <string>

#include "engine/window/account_window.h"
#include "engine/window/features.h"

namespace sekisho {
namespace {

constexpr uint16_t C(const char (&code)[3]) { return static_cast<uint16_t>(code[0] << 8 | code[1]); }
const EventTime kOriginStart = EventTime::FromSeconds(1'772'409'600);

class OriginFeaturesTest : public ::testing::Test {
 protected:
  OriginFeaturesTest() {
    population_.log_began = kOriginStart - Span::Days(30);
    population_.source_classes = SourceClasses::Default();
  }

  Features Apply(EventKind kind, Service service, const std::string& ip, Place place, EventTime at, bool via_webmail = false) {
    Event e;
    e.kind = kind;
    e.service = service;
    e.account = "u@example.jp";
    e.time = at;
    e.via_webmail = via_webmail;
    e.ip = IpAddress::Parse(ip).value();
    e.place = place;
    const AccountWindow::Touch touch = account_.Apply(e, population_, true);
    return ReadFeatures(account_, e, touch, population_);
  }
  Features Read(const std::string& ip, Place place, EventTime at) { return Apply(EventKind::kLogin, Service::kImap, ip, place, at); }
  Features Send(const std::string& ip, Place place, EventTime at) {
    return Apply(EventKind::kSubmission, Service::kSmtp, ip, place, at);
  }
  // Polls from home every three hours for ten days; returns the time of the last.
  EventTime LiveAtHome() {
    EventTime at = kOriginStart;
    for (int i = 0; i < 80; ++i) Read(kHome, kOcn, at = at + Span::Hours(3));
    return at;
  }

  static constexpr char kHome[] = "203.0.113.5";
  static constexpr Place kOcn{C("JP"), 4713};
  Population population_;
  AccountWindow account_;
};

TEST_F(OriginFeaturesTest, TravelIsMeasuredFromTheOwnersLastUse) {
  const EventTime at = LiveAtHome();
  const Features slow = Send("198.51.100.1", {C("GB"), 0}, at + Span::Hours(10));
  EXPECT_TRUE(slow.stray);
  EXPECT_NEAR(static_cast<double>(slow.travel_km), 8'560, 60);  // Tokyo to London, less the countries' own reach
  EXPECT_EQ(slow.travel_kmh, slow.travel_km / 10);
  EXPECT_EQ(slow.travel_sent_kmh, 0);  // he only read
  Send(kHome, kOcn, at + Span::Hours(11));
  const Features fast = Send("198.51.100.1", {C("GB"), 0}, at + Span::Hours(12));
  EXPECT_EQ(fast.travel_sent_kmh, fast.travel_sent_km);
  EXPECT_EQ(Send("198.51.100.1", {C("GB"), 0}, at + Span::Hours(36)).travel_kmh, 0);  // a day later nothing is known
}

TEST_F(OriginFeaturesTest, ClocksThatDifferMakeNoInfiniteSpeed) {
  const EventTime at = LiveAtHome();
  const Features f = Send("198.51.100.1", {C("GB"), 0}, at);
  EXPECT_EQ(f.travel_kmh, Features::kKmhMax);
}

TEST_F(OriginFeaturesTest, VpnsFetchersAndCarriersDontTravel) {
  const EventTime at = LiveAtHome();
  for (const uint32_t asn : {9009u, 15169u, 21928u}) {
    const Features f = Send("198.51." + std::to_string(asn % 256) + ".1", {C("US"), asn}, at + Span::Minutes(1));
    EXPECT_TRUE(f.stray) << asn;
    EXPECT_EQ(f.travel_kmh, 0) << asn;
  }
}

TEST_F(OriginFeaturesTest, WhoIsAtHomeInTwoCountriesDoesntTravelAndAThiefMakesNoHome) {
  EventTime at = LiveAtHome();
  // A thief who looks into the mailbox now and then and sends for two days is at home nowhere.
  for (int i = 0; i < 40; ++i) Send("198.51.100.1", {C("BR"), 0}, at = at + Span::Hours(1));
  Read(kHome, kOcn, at = at + Span::Minutes(1));
  EXPECT_EQ(account_.HomeCountries(at), 1);
  EXPECT_GT(Send("198.51.100.9", {C("BR"), 0}, at + Span::Minutes(1)).travel_kmh, 1'000);
  for (int i = 0; i < 10; ++i) {
    Read("198.18.0.1", {C("DE"), 0}, at = at + Span::Hours(6));
    Read(kHome, kOcn, at = at + Span::Hours(6));
  }
  EXPECT_EQ(account_.HomeCountries(at), 2);
  EXPECT_EQ(Send("198.51.100.10", {C("BR"), 0}, at + Span::Minutes(1)).travel_kmh, 0);
}

TEST_F(OriginFeaturesTest, TheOperatorsOwnAddressesAreNowhere) {
  const EventTime at = LiveAtHome();
  population_.source_classes.Set(SourceClass::kOwn, {"198.51.100.0/24"});
  const Features f = Send("198.51.100.1", {C("BR"), 0}, at);
  EXPECT_EQ(f.familiarity, Familiarity::kNowhere);
  EXPECT_FALSE(f.stray);
}

TEST_F(OriginFeaturesTest, AServerIsAChangeOnlyForWhoHasNone) {
  EventTime at = LiveAtHome();
  Send("198.51.100.1", {C("JP"), 9370}, at);
  Features f = Send("198.51.100.1", {C("JP"), 9370}, at = at + Span::Minutes(1));
  EXPECT_EQ(f.source_class, SourceClass::kHosting);
  EXPECT_EQ(f.stray_hosting_messages_24h, 2);
  EXPECT_EQ(f.access_places, 1);
  EXPECT_EQ(f.server_places, 0);  // two messages make no home
  // An application of the owner's that sends for two weeks does.
  for (int i = 0; i < 28; ++i) {
    Send("198.18.0.1", {C("JP"), 16509}, at = at + Span::Hours(6));
    Read(kHome, kOcn, at = at + Span::Hours(6));
  }
  f = Send("198.51.100.2", {C("JP"), 7506}, at);
  EXPECT_GT(f.stray_hosting_messages_24h, 0);
  EXPECT_EQ(f.server_places, 1);
}

TEST_F(OriginFeaturesTest, AnOwnersWebmailLoginDoesntCoverAThiefs) {
  constexpr char kThief[] = "198.51.100.1", kHost[] = "10.0.0.9";
  const Place us{C("US"), 0};
  EventTime at = LiveAtHome();
  const auto login = [&](const std::string& ip, Place place) { Apply(EventKind::kLogin, Service::kWebmail, ip, place, at = at + Span::Minutes(1)); };
  const auto send = [&] { return Apply(EventKind::kSubmission, Service::kSmtp, kHost, {}, at = at + Span::Minutes(1), true); };
  login(kHome, kOcn);
  EXPECT_FALSE(send().stray);
  login(kThief, us);
  Features f = send();
  EXPECT_TRUE(f.stray);
  EXPECT_TRUE(f.via_webmail);
  EXPECT_EQ(f.far_webmail_messages_1h, 1);
  login(kHome, kOcn);
  f = send();
  EXPECT_TRUE(f.stray);
  EXPECT_EQ(f.far_webmail_messages_1h, 2);
  EXPECT_EQ(f.far_webmail_sources_24h, 1);
  login("198.51.100.77", us);
  EXPECT_EQ(send().far_webmail_sources_24h, 2);
  // Hours later the owner's login is his again.
  at = at + Span::Hours(4);
  login(kHome, kOcn);
  EXPECT_FALSE(send().stray);
}

TEST_F(OriginFeaturesTest, PassingAreasAreNetworksThatSentAndNeverRead) {
  EventTime at = LiveAtHome();
  const auto send = [&](int i) { return Send("198." + std::to_string(i) + ".7.1", {C("JP"), 0}, at = at + Span::Minutes(5)); };
  EXPECT_EQ(send(1).passing_areas_24h, 1);
  EXPECT_EQ(send(2).passing_areas_2h, 2);
  EXPECT_EQ(Send("198.2.9.1", {C("JP"), 0}, at).passing_areas_2h, 2);  // the same area
  EXPECT_EQ(Send(kHome, kOcn, at).passing_areas_2h, 0);                // the owner's own source isn't judged by it
  Read("198.1.50.1", {C("JP"), 0}, at);                                // read from, so it isn't passing any more
  EXPECT_EQ(send(3).passing_areas_2h, 2);
  at = at + Span::Hours(3);
  const Features f = send(4);
  EXPECT_EQ(f.passing_areas_2h, 1);
  EXPECT_EQ(f.passing_areas_24h, 3);
}

TEST_F(OriginFeaturesTest, OnTheMoveExcusesAFewNetworksNotOneAfterAnother) {
  EventTime at = LiveAtHome();
  for (int i = 0; i < 4; ++i) Read("192." + std::to_string(i) + ".2.1", {C("JP"), 0}, at = at + Span::Hours(3));
  for (int i = 1; i <= 8; ++i) {
    const Features f = Send("198." + std::to_string(i) + ".7.1", {C("JP"), 0}, at = at + Span::Minutes(5));
    EXPECT_EQ(f.stray, i > AccountWindow::kPassingOnTheMove2h) << i;
  }
}

TEST_F(OriginFeaturesTest, OneDayOfAbuseHardlyMovesWhatIsUsual) {
  EventTime at = LiveAtHome();
  const auto rotate = [&](int n, int from) {
    for (int i = 0; i < n; ++i) Send("198." + std::to_string(from + i) + ".7.1", {C("JP"), 0}, at = at + Span::Minutes(1));
    at = at + Span::Hours(24);
    Read(kHome, kOcn, at);
    Send("203.1.7.1", {C("JP"), 0}, at);
    return Send("203.2.7.1", {C("JP"), 0}, at).usual_passing_day;
  };
  EXPECT_EQ(account_.passing_a_day.Today(at), 0u);
  EXPECT_EQ(rotate(100, 1), 100 * static_cast<int64_t>(AccountWindow::kPassingLearnedMax) / Features::kPassingDaysMin);
  // While a verdict stands nothing is learned.
  const uint64_t before = account_.passing_a_day.TotalBefore(at + Span::Days(1), kBaselineDays);
  account_.standing.verdict = ActionKind::kSuspend;
  rotate(50, 120);
  EXPECT_EQ(account_.passing_a_day.TotalBefore(at + Span::Days(1), kBaselineDays), before);
}

TEST_F(OriginFeaturesTest, AnAccountWakesUpOnceAndALookInsideDoesntHideIt) {
  EventTime at = LiveAtHome() + Span::Days(90);
  Read("198.51.100.1", {C("JP"), 0}, at);  // the thief looks inside,
  at = at + Span::Days(2);                 // and comes back two days later
  Features f = Send("198.51.100.1", {C("JP"), 0}, at);
  EXPECT_EQ(f.slept_days, 90);
  EXPECT_EQ(f.messages_since_woke, 1);
  EXPECT_EQ(Send("198.18.0.1", {C("JP"), 0}, at).messages_since_woke, 2);
  EXPECT_EQ(Send(kHome, kOcn, at).slept_days, 0);  // where it was used before
  EXPECT_EQ(Send("198.18.0.1", {C("JP"), 0}, at + Span::Days(6)).slept_days, 0);
  EXPECT_FALSE(account_.woke.never());
  Send("198.18.0.1", {C("JP"), 0}, at + Span::Days(13));
  EXPECT_TRUE(account_.woke.never());
}

TEST_F(OriginFeaturesTest, ClassesSurvivePacking) {
  const EventTime at = LiveAtHome();
  Send("198.51.100.1", {C("BR"), 16509}, at);
  Apply(EventKind::kLogin, Service::kWebmail, "198.51.100.1", {C("BR"), 16509}, at + Span::Minutes(1));
  account_.login = "u@example.jp";
  std::string bytes, again;
  ByteWriter writer(&bytes);
  account_.Encode(&writer);
  AccountWindow back;
  ByteReader reader(bytes);
  ASSERT_TRUE(back.Decode(&reader));
  ASSERT_EQ(back.sources.size(), 2u);
  EXPECT_EQ(back.sources[0].source_class, SourceClass::kResidential);
  EXPECT_EQ(back.sources[1].source_class, SourceClass::kHosting);
  EXPECT_EQ(back.places[0].source_class, SourceClass::kResidential);
  EXPECT_FALSE(back.sources[0].webmail);
  EXPECT_TRUE(back.sources[1].webmail);
  ByteWriter second(&again);
  back.Encode(&second);
  EXPECT_EQ(again, bytes);
}

}  // namespace
}  // namespace sekisho
