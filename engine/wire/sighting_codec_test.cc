// Goal: a sighting comes back from its bytes; whatever else is there is refused by name. Method: both families of addresses,
// each field wrong in turn.
#include "engine/wire/sighting_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "sekisho/v1/sighting.pb.h"

namespace sekisho::wire {
namespace {

using ::testing::HasSubstr;

Sighting Some(const std::string& address) {
  const IpAddress ip = IpAddress::Parse(address).value();
  Sighting s;
  s.partition = PartitionId{3};
  s.place = {Offset{77}, 2};
  s.network = SourceNetwork(ip);
  s.prefix_bits = static_cast<uint8_t>(SourceNetworkBits(ip));
  s.account = AccountId::FromLogin("u@example.jp");
  s.kind = SightingKind::kSuspended;
  s.time = EventTime::FromMillis(1'772'409'600'123);
  s.risk = 75;
  return s;
}

TEST(SightingCodecTest, ComesBack) {
  for (const char* address : {"198.51.100.7", "2001:db8:1::7"}) {
    const Sighting s = Some(address);
    const absl::StatusOr<Sighting> back = DecodeSighting(EncodeSighting(s));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->partition, s.partition);
    EXPECT_EQ(back->place, s.place);
    EXPECT_EQ(back->network, s.network);
    EXPECT_EQ(back->prefix_bits, s.prefix_bits);
    EXPECT_EQ(back->account, s.account);
    EXPECT_EQ(back->kind, s.kind);
    EXPECT_EQ(back->time, s.time);
    EXPECT_EQ(back->risk, s.risk);
  }
  for (const bool from_somewhere : {true, false}) {
    for (const EntityKind entity : {EntityKind::kDomain, EntityKind::kCampaign}) {
      Sighting s = Some("198.51.100.7");
      if (!from_somewhere) {
        s.network = IpAddress();
        s.prefix_bits = 0;
      }
      s.entity = entity;
      s.key = DomainKey("u@example.jp");
      const absl::StatusOr<Sighting> back = DecodeSighting(EncodeSighting(s));
      ASSERT_TRUE(back.ok()) << back.status();
      EXPECT_EQ(back->of(), s.of());
      EXPECT_EQ(back->network, s.network);
      EXPECT_EQ(back->prefix_bits, s.prefix_bits);
      EXPECT_EQ(back->kind, s.kind);
      s.network = IpAddress::Parse("203.0.113.1").value();
      EXPECT_EQ(SightingKey(s), SightingKey(*back)) << "wherever it came from, one domain is one partition's";
    }
  }
  EXPECT_EQ(SightingKey(Some("198.51.100.7")), SightingKey(Some("198.51.100.9"))) << "one network, one partition";
}

TEST(SightingCodecTest, WhatIsWrongIsNamed) {
  const auto refused = [](const std::function<void(v1::Sighting*)>& spoil) {
    v1::Sighting message;
    EXPECT_TRUE(message.ParseFromString(EncodeSighting(Some("198.51.100.7"))));
    spoil(&message);
    return DecodeSighting(message.SerializeAsString()).status();
  };
  EXPECT_THAT(refused([](auto* m) { m->set_network("12345"); }).message(), HasSubstr("network"));
  EXPECT_THAT(refused([](auto* m) { m->set_network(""); }).message(), HasSubstr("network"));
  EXPECT_THAT(refused([](auto* m) { m->set_prefix_bits(33); }).message(), HasSubstr("network"));
  EXPECT_THAT(refused([](auto* m) { m->set_account_id("short"); }).message(), HasSubstr("account_id"));
  EXPECT_THAT(refused([](auto* m) { m->set_time_ms(0); }).message(), HasSubstr("time_ms"));
  EXPECT_THAT(refused([](auto* m) { m->set_offset(-1); }).message(), HasSubstr("offset"));
  EXPECT_TRUE(absl::IsUnimplemented(refused([](auto* m) { m->set_domain("example.jp"); })));
  EXPECT_THAT(refused([](auto* m) { m->set_domain_id("short"); }).message(), HasSubstr("entity"));
  EXPECT_THAT(refused([](auto* m) { m->set_campaign(""); }).message(), HasSubstr("entity"));
  EXPECT_TRUE(absl::IsUnimplemented(refused([](auto* m) { m->set_kind(v1::SIGHTING_KIND_EXONERATED); })));
  EXPECT_TRUE(absl::IsInvalidArgument(DecodeSighting("\xff\xff").status()));
}

}  // namespace
}  // namespace sekisho::wire
