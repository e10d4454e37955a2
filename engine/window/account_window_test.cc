// Goal: the account's memory tells the owner's sources from strays by history and by reading, counts what two programs
// log once, can't be pushed over by a flood, and survives packing. Method: short scripted lives.
#include "engine/window/account_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/window/features.h"

namespace sekisho {
namespace {

constexpr uint16_t kJp = 'J' << 8 | 'P', kUa = 'U' << 8 | 'A', kRu = 'R' << 8 | 'U';
const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

class AccountWindowTest : public ::testing::Test {
 protected:
  AccountWindowTest() { population_.log_began = kStart - Span::Days(30); }

  AccountWindow::Touch Apply(EventKind kind, Service service, const std::string& ip, uint16_t country, EventTime at,
                             bool via_webmail = false) {
    Event e;
    e.kind = kind;
    e.service = service;
    e.account = "u@example.jp";
    e.time = at;
    e.failure = kind == EventKind::kLoginFailed ? FailureKind::kCredentials : FailureKind::kNone;
    e.via_webmail = via_webmail;
    if (!ip.empty()) e.ip = IpAddress::Parse(ip).value();
    e.place.country = country;
    return account_.Apply(e, population_, true);
  }
  AccountWindow::Touch Read(const std::string& ip, uint16_t country, EventTime at) {
    return Apply(EventKind::kLogin, Service::kImap, ip, country, at);
  }
  AccountWindow::Touch Send(const std::string& ip, uint16_t country, EventTime at) {
    return Apply(EventKind::kSubmission, Service::kSmtp, ip, country, at);
  }
  // A week of an ordinary owner: polls from home every three hours.
  EventTime LiveAtHome() {
    EventTime at = kStart;
    for (int i = 0; i < 56; ++i, at = at + Span::Hours(3)) Read("203.0.113.5", kJp, at);
    return at;
  }

  Population population_;
  AccountWindow account_;
};

TEST_F(AccountWindowTest, WhereTheServicesCustomersLiveNobodyIsFar) {
  const EventTime at = LiveAtHome();
  EXPECT_EQ(account_.Know(IpAddress::Parse("198.51.100.7").value(), Place{kUa, 0}, at, population_), Familiarity::kFar);
  population_.SetHomeCountries({kUa});
  EXPECT_EQ(account_.Know(IpAddress::Parse("198.51.100.7").value(), Place{kUa, 0}, at, population_), Familiarity::kNear);
}

TEST_F(AccountWindowTest, TheFirstCountryIsNearUntilAnotherIsKnown) {
  // A newsletter that was once read from, and mails a week later from another address of that country.
  Read("198.51.100.7", kUa, kStart);
  EXPECT_EQ(account_.Know(IpAddress::Parse("192.0.2.77").value(), Place{kUa, 0}, kStart + Span::Days(7), population_), Familiarity::kNear);
  EXPECT_EQ(account_.Know(IpAddress::Parse("203.0.113.5").value(), Place{kRu, 0}, kStart + Span::Days(7), population_), Familiarity::kFar);
  const EventTime at = LiveAtHome();
  EXPECT_EQ(account_.Know(IpAddress::Parse("192.0.2.77").value(), Place{kUa, 0}, at, population_), Familiarity::kFar);
}

TEST_F(AccountWindowTest, ReadsAreSharedOutByCountry) {
  EXPECT_EQ(account_.ReadPercent(kJp), 100) << "nobody reads";
  const EventTime at = LiveAtHome();
  for (int i = 0; i < 14; ++i) Read("198.51.100.7", kUa, at + Span::Hours(i));
  EXPECT_EQ(account_.ReadPercent(kUa), 20);
  EXPECT_EQ(account_.ReadPercent(kJp), 80);
  EXPECT_EQ(account_.ReadPercent(kRu), 0);
}

TEST_F(AccountWindowTest, TheOwnersHomeIsKnownAndAForeignSenderIsStray) {
  const EventTime at = LiveAtHome();
  EXPECT_EQ(Send("203.0.113.5", kJp, at).familiarity, Familiarity::kKnown);
  EXPECT_FALSE(Send("203.0.113.5", kJp, at).stray);
  const auto touch = Send("198.51.100.7", kUa, at + Span::Minutes(1));
  EXPECT_EQ(touch.familiarity, Familiarity::kFar);
  EXPECT_TRUE(touch.stray);
  EXPECT_EQ(Send("192.0.2.77", kJp, at + Span::Minutes(2)).familiarity, Familiarity::kNear);
}

TEST_F(AccountWindowTest, ATravellerWhoReadsMailAbroadIsNotStray) {
  const EventTime at = LiveAtHome();
  Read("198.51.100.7", kUa, at);
  EXPECT_TRUE(Send("198.51.100.7", kUa, at + Span::Minutes(1)).stray);  // one look isn't a stay
  Read("198.51.100.7", kUa, at + Span::Minutes(30));
  EXPECT_FALSE(Send("198.51.100.7", kUa, at + Span::Minutes(31)).stray);
  EXPECT_FALSE(Send("198.18.0.9", kUa, at + Span::Minutes(40)).stray);  // the phone, elsewhere in that country
}

TEST_F(AccountWindowTest, AForeignWebmailLoginBacksNothing) {
  const EventTime at = LiveAtHome();
  for (int i = 0; i < 3; ++i) Apply(EventKind::kLogin, Service::kWebmail, "198.51.100.7", kUa, at + Span::Hours(i));
  const auto touch = Apply(EventKind::kSubmission, Service::kSmtp, "10.0.0.9", 0, at + Span::Hours(3), true);
  EXPECT_EQ(touch.ip, IpAddress::Parse("198.51.100.7").value());  // the true source
  EXPECT_TRUE(touch.stray);
}

TEST_F(AccountWindowTest, OneMessageInTwoLogsCountsOnce) {
  const EventTime at = LiveAtHome();
  Apply(EventKind::kLogin, Service::kWebmail, "203.0.113.5", kJp, at);
  EXPECT_TRUE(Apply(EventKind::kSubmission, Service::kWebmail, "203.0.113.5", kJp, at + Span::Seconds(5)).counted);
  EXPECT_FALSE(Apply(EventKind::kSubmission, Service::kSmtp, "10.0.0.9", 0, at + Span::Seconds(6), true).counted);
  EXPECT_TRUE(Apply(EventKind::kSubmission, Service::kSmtp, "10.0.0.9", 0, at + Span::Seconds(60), true).counted);
  EXPECT_FALSE(Apply(EventKind::kSubmission, Service::kWebmail, "203.0.113.5", kJp, at + Span::Seconds(61)).counted);
  EXPECT_EQ(account_.messages.Count(at + Span::Hours(1), Span::Hours(2)), 2u);
}

TEST_F(AccountWindowTest, AFloodOfSourcesIsBoundedAndSparesTheOwners) {
  EventTime at = LiveAtHome();
  for (uint32_t i = 0; i < 100'000; ++i, at = at + Span::Seconds(1)) {
    Send(IpAddress::FromV4(0x0b000000u + i * 257).ToString(), kRu, at);
  }
  EXPECT_EQ(account_.sources.size(), kSourcesMax);
  EXPECT_LT(account_.heap_bytes(), 32'768u);
  EXPECT_EQ(Send("203.0.113.5", kJp, at).familiarity, Familiarity::kKnown);
}

// A phone that had filled the table with addresses it read from left one entry to strangers: each pushed out the one before.
TEST_F(AccountWindowTest, AFullTableOfTheOwnersSourcesStillHoldsARotation) {
  EventTime at = LiveAtHome();
  for (int i = 0; i < 200; ++i) Read("192." + std::to_string(i % 5) + ".2." + std::to_string(i), kJp, at = at + Span::Minutes(30));
  ASSERT_EQ(account_.sources.size(), kSourcesMax);
  for (int i = 0; i < 20; ++i) Send("198.51.100." + std::to_string(i), kUa, at = at + Span::Minutes(1));
  EXPECT_EQ(std::count_if(account_.sources.begin(), account_.sources.end(), [](const SourceUse& s) { return s.stray; }), 20);
  for (int i = 0; i < 200; ++i) Send(IpAddress::FromV4(0x0b000000u + static_cast<uint32_t>(i)).ToString(), kUa, at = at + Span::Minutes(1));
  EXPECT_EQ(std::count_if(account_.sources.begin(), account_.sources.end(), [](const SourceUse& s) { return s.stray; }), kStrangersKept);
}

TEST_F(AccountWindowTest, ASourceThatFailedAmongOthersAndThenGotInWasGuessed) {
  const EventTime at = LiveAtHome();
  for (int i = 0; i < 4; ++i) {
    Apply(EventKind::kLoginFailed, Service::kSmtp, "198.51.100." + std::to_string(i + 1), kUa, at + Span::Minutes(i));
  }
  EXPECT_TRUE(account_.guessed.never());
  Apply(EventKind::kLogin, Service::kSmtp, "198.51.100.2", kUa, at + Span::Minutes(10));
  EXPECT_EQ(account_.guessed, at + Span::Minutes(10));
}

TEST_F(AccountWindowTest, AStalePasswordAtHomeIsNoGuessing) {
  const EventTime at = LiveAtHome();
  for (int i = 0; i < 50; ++i) {
    Apply(EventKind::kLoginFailed, Service::kImap, "203.0.113.5", kJp, at + Span::Minutes(i));
  }
  EXPECT_EQ(account_.failures.Count(at + Span::Hours(1), Span::Hours(2)), 0u);
}

TEST_F(AccountWindowTest, SurvivesPackingAndRefusesDamage) {
  EventTime at = LiveAtHome();
  account_.login = "u@example.jp";
  for (int i = 0; i < 30; ++i) Send("198.51.100." + std::to_string(i), kUa, at + Span::Minutes(i));
  account_.standing.generation = 3;
  account_.standing.verdict = ActionKind::kSuspend;
  account_.standing.expires = at + Span::Hours(24);
  std::string bytes;
  ByteWriter writer(&bytes);
  account_.Encode(&writer);
  AccountWindow back;
  ByteReader reader(bytes);
  ASSERT_TRUE(back.Decode(&reader));
  std::string again;
  ByteWriter second(&again);
  back.Encode(&second);
  EXPECT_EQ(again, bytes);
  EXPECT_EQ(back.login, account_.login);
  EXPECT_EQ(back.sources.size(), account_.sources.size());
  EXPECT_EQ(back.stray_messages.Count(at + Span::Hours(1), Span::Hours(2)), 30u);
  EXPECT_EQ(back.standing.expires, account_.standing.expires);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    AccountWindow scratch;
    ByteReader truncated(std::string_view(bytes).substr(0, cut));
    scratch.Decode(&truncated);  // must not crash; whole leading fields may decode
  }
}

// Found by fuzzing: a damaged record could hold a time so far away that packing it again overflowed.
TEST_F(AccountWindowTest, ARecordOfATimeThatCannotBeIsRefused) {
  for (const uint64_t tag : {1u, 31u}) {  // the base time, the onset
    std::string bytes;
    ByteWriter writer(&bytes);
    writer.PutVarint(tag);
    const size_t begin = writer.BeginBytes();
    writer.PutVarint(UINT64_MAX - 1);
    writer.EndBytes(begin);
    AccountWindow account;
    ByteReader reader(bytes);
    EXPECT_FALSE(account.Decode(&reader)) << tag;
  }
}

}  // namespace
}  // namespace sekisho
