// Goal: the nearest exception decides, expires in event time, and stays bounded. Method: orders by hand; many networks
// against a search through all of them, from a printed seed.
#include "engine/window/exceptions.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace sekisho {
namespace {

const EventTime kNow = EventTime::FromSeconds(1'772'409'600);

Exception Of(Subject::Kind kind, const std::string& text, bool allow, EventTime expires = EventTime::Never()) {
  Exception exception;
  exception.allow = allow;
  exception.expires = expires;
  exception.subject.kind = kind;
  if (kind == Subject::Kind::kNetwork) {
    const IpNetwork network = IpNetwork::Parse(text).value();
    exception.subject.network = network.first();
    exception.subject.prefix_bits = static_cast<uint8_t>(network.prefix_bits());
  } else if (kind == Subject::Kind::kAsn) {
    exception.subject.asn = static_cast<uint32_t>(std::stoul(text));
  } else {
    exception.subject.name = text;
  }
  return exception;
}

Exception Withdrawn(Exception exception) {
  exception.withdraw = true;
  return exception;
}

IpAddress Ip(const char* text) { return IpAddress::Parse(text).value(); }

TEST(ExceptionsTest, TheAccountsOwnComesBeforeItsDomains) {
  Exceptions e;
  e.Apply(Of(Subject::Kind::kDomain, "example.jp", true), kNow);
  e.Apply(Of(Subject::Kind::kAccount, "a@example.jp", false), kNow);
  EXPECT_EQ(e.OfAccount("a@example.jp", kNow), Ruling::kDenied);
  EXPECT_EQ(e.OfAccount("b@example.jp", kNow), Ruling::kAllowed);
  EXPECT_EQ(e.OfAccount("b@sub.example.jp", kNow), Ruling::kNone);
  EXPECT_EQ(e.OfAccount("example.jp", kNow), Ruling::kNone);
}

TEST(ExceptionsTest, TheLongestNetworkComesFirstAndTheAsNumberLast) {
  Exceptions e;
  e.Apply(Of(Subject::Kind::kNetwork, "192.0.2.0/24", true), kNow);
  e.Apply(Of(Subject::Kind::kNetwork, "192.0.2.128/25", false, kNow + Span::Hours(1)), kNow);
  e.Apply(Of(Subject::Kind::kAsn, "64500", false), kNow);
  const Place place{0, 64500};
  EXPECT_EQ(e.OfSource(Ip("192.0.2.1"), place, kNow), Ruling::kAllowed);
  EXPECT_EQ(e.OfSource(Ip("192.0.2.129"), place, kNow), Ruling::kDenied);
  EXPECT_EQ(e.OfSource(Ip("192.0.2.129"), place, kNow + Span::Hours(1)), Ruling::kAllowed) << "the longer one has expired";
  EXPECT_EQ(e.OfSource(Ip("192.0.3.1"), place, kNow), Ruling::kDenied);
  EXPECT_EQ(e.OfSource(Ip("192.0.3.1"), Place(), kNow), Ruling::kNone);
  EXPECT_EQ(e.OfSource(IpAddress(), place, kNow), Ruling::kNone);
}

TEST(ExceptionsTest, AllOfIpv6LeavesIpv4Alone) {
  Exceptions e;
  e.Apply(Of(Subject::Kind::kNetwork, "::/0", false), kNow);
  EXPECT_EQ(e.OfSource(Ip("2001:db8::1"), Place(), kNow), Ruling::kDenied);
  EXPECT_EQ(e.OfSource(Ip("192.0.2.1"), Place(), kNow), Ruling::kNone);
}

TEST(ExceptionsTest, ALaterOrderTakesAnEarlierOnesPlaceAndOnlyItsKindWithdrawsIt) {
  Exceptions e;
  const Exception allow = Of(Subject::Kind::kAsn, "64500", true), deny = Of(Subject::Kind::kAsn, "64500", false);
  e.Apply(allow, kNow);
  EXPECT_EQ(e.Apply(Withdrawn(deny), kNow), Exceptions::Outcome::kNothing);
  EXPECT_EQ(e.Apply(deny, kNow), Exceptions::Outcome::kDone);
  EXPECT_EQ(e.size(), 1u);
  EXPECT_EQ(e.Apply(Withdrawn(deny), kNow), Exceptions::Outcome::kDone);
  EXPECT_TRUE(e.empty());
}

TEST(ExceptionsTest, AFullTableMakesRoomOnlyFromWhatHasExpired) {
  Exceptions e(2);
  e.Apply(Of(Subject::Kind::kAccount, "a@x", true, kNow + Span::Hours(1)), kNow);
  e.Apply(Of(Subject::Kind::kAccount, "b@x", true), kNow);
  EXPECT_EQ(e.Apply(Of(Subject::Kind::kAccount, "c@x", true), kNow), Exceptions::Outcome::kFull);
  EXPECT_EQ(e.Apply(Of(Subject::Kind::kAccount, "b@x", false), kNow), Exceptions::Outcome::kDone);
  EXPECT_EQ(e.Apply(Of(Subject::Kind::kAccount, "c@x", true), kNow + Span::Hours(1)), Exceptions::Outcome::kDone);
  EXPECT_EQ(e.OfAccount("a@x", kNow), Ruling::kNone);
  EXPECT_EQ(e.OfAccount("c@x", kNow), Ruling::kAllowed);
}

TEST(ExceptionsTest, FindsWhatASearchThroughAllFindsAndComesBackFromBytes) {
  constexpr uint64_t kSeed = 20260302;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  const auto address = [&random] {
    return IpAddress::FromV4(0xc0000000u | static_cast<uint32_t>(random() % 4096) << 4 | static_cast<uint32_t>(random() % 16));
  };
  Exceptions e;
  std::vector<std::pair<IpNetwork, bool>> all;
  for (int i = 0; i < 300; ++i) {
    const IpNetwork network = IpNetwork::Of(address(), static_cast<int>(random() % 33)).value();
    const bool allow = random() % 2 == 0;
    e.Apply(Of(Subject::Kind::kNetwork, network.ToString(), allow), kNow);
    std::erase_if(all, [&](const auto& other) { return other.first.ToString() == network.ToString(); });
    all.emplace_back(network, allow);
  }
  std::string bytes;
  ByteWriter writer(&bytes);
  e.Encode(&writer);
  Exceptions back;
  ByteReader reader(bytes);
  ASSERT_TRUE(back.Decode(&reader) && reader.done());
  std::string again;
  ByteWriter second(&again);
  back.Encode(&second);
  EXPECT_EQ(again, bytes);
  for (int i = 0; i < 5'000; ++i) {
    const IpAddress ip = address();
    int longest = -1;
    Ruling wanted = Ruling::kNone;
    for (const auto& [network, allow] : all) {
      if (!network.Contains(ip) || network.prefix_bits() <= longest) continue;
      longest = network.prefix_bits();
      wanted = allow ? Ruling::kAllowed : Ruling::kDenied;
    }
    ASSERT_EQ(e.OfSource(ip, Place(), kNow), wanted) << ip.ToString();
    ASSERT_EQ(back.OfSource(ip, Place(), kNow), wanted) << ip.ToString();
  }
  for (size_t n = 0; n < bytes.size(); n += 7) {
    ByteReader cut(std::string_view(bytes).substr(0, n));
    EXPECT_FALSE(back.Decode(&cut) && cut.done()) << n;
  }
}

}  // namespace
}  // namespace sekisho
