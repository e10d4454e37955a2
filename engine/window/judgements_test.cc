// Goal: an account shard knows what entity shards said last, each batch once, in event time and bounded. Method: batches by
// hand, in and out of order.
#include "engine/window/judgements.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/model/sighting.h"

namespace sekisho {
namespace {

const EventTime kJudged = EventTime::FromSeconds(1'772'409'600);

Judgement Of(const std::string& address, int32_t score, uint32_t bad, EventTime expires = kJudged + Span::Hours(72)) {
  const IpAddress ip = IpAddress::Parse(address).value();
  return {SourceNetwork(ip), static_cast<uint8_t>(SourceNetworkBits(ip)), score, bad, 0, expires, EntityKind::kNetwork, {}};
}

JudgementBatch Batch(int partition, int64_t offset, std::vector<Judgement> judgements, EventTime at = kJudged) {
  return {PartitionId{partition}, Offset{offset}, at, std::move(judgements)};
}

int32_t Score(const Judgements& judgements, const std::string& address, EventTime at = kJudged) {
  return judgements.Of(IpAddress::Parse(address).value(), at).score_milli;
}

std::string Bytes(const Judgements& judgements) {
  std::string bytes;
  ByteWriter writer(&bytes);
  judgements.Encode(&writer);
  return bytes;
}

TEST(JudgementsTest, HoldForTheWholeNetworkUntilTheyExpire) {
  Judgements j;
  EXPECT_TRUE(j.Apply(Batch(0, 5, {Of("198.51.100.7", 525, 3), Of("2001:db8:1::1", 648, 5)})));
  EXPECT_EQ(Score(j, "198.51.100.200"), 525);
  EXPECT_EQ(j.Of(IpAddress::Parse("198.51.100.1").value(), kJudged).bad_accounts, 3u);
  EXPECT_EQ(Score(j, "198.51.101.1"), 0);
  EXPECT_EQ(Score(j, "2001:db8:1:ffff::2"), 648);
  EXPECT_EQ(Score(j, "2001:db8:2::2"), 0);
  EXPECT_EQ(Score(j, "198.51.100.7", kJudged + Span::Hours(72) - Span::Millis(1)), 525);
  EXPECT_EQ(Score(j, "198.51.100.7", kJudged + Span::Hours(72)), 0);
}

TEST(JudgementsTest, ABatchSeenTwiceChangesNothing) {
  Judgements j;
  ASSERT_TRUE(j.Apply(Batch(0, 5, {Of("198.51.100.7", 525, 3)})));
  ASSERT_TRUE(j.Apply(Batch(0, 6, {Of("198.51.100.7", 0, 1)})));
  const std::string before = Bytes(j);
  EXPECT_FALSE(j.Apply(Batch(0, 6, {Of("198.51.100.7", 0, 1)})));
  EXPECT_FALSE(j.Apply(Batch(0, 5, {Of("198.51.100.7", 525, 3)})));
  EXPECT_EQ(Bytes(j), before);
  EXPECT_EQ(Score(j, "198.51.100.7"), 0) << "it was taken back";
  EXPECT_TRUE(j.Apply(Batch(1, 5, {Of("198.51.100.7", 525, 3)}))) << "another entity shard's offsets are its own";
  EXPECT_EQ(Score(j, "198.51.100.7"), 525);
}

// Goal: domains and campaigns have room of their own, and come back too. Method: more networks than there is room for beside them.
TEST(JudgementsTest, NetworksPushNoDomainOut) {
  Judgements j(2, 2);
  Judgement domain;
  domain.entity = EntityKind::kDomain;
  domain.key = DomainKey("a@company.example");
  domain.score_milli = 120;
  domain.bad_accounts = 4;
  domain.expires = kJudged + Span::Hours(1);
  Judgement campaign = domain;
  campaign.entity = EntityKind::kCampaign;
  campaign.key = CampaignOf(77).key;
  ASSERT_TRUE(j.Apply(Batch(0, 1, {domain, campaign})));
  for (int i = 2; i < 9; ++i) ASSERT_TRUE(j.Apply(Batch(0, i, {Of("198.51." + std::to_string(i) + ".7", 500, 3)})));
  const std::string bytes = Bytes(j);
  Judgements again(2, 2);
  ByteReader reader(bytes);
  ASSERT_TRUE(again.Decode(&reader) && reader.done());
  EXPECT_EQ(Bytes(again), bytes);
  for (const Judgements* held : {&j, &again}) {
    EXPECT_EQ(held->size(), 4u);
    EXPECT_EQ(held->OfDomain("somebody.else@company.example", kJudged).bad_accounts, 4u);
    EXPECT_EQ(held->OfDomain("somebody.else@company.example", kJudged + Span::Hours(1)).score_milli, 0);
    EXPECT_EQ(held->OfDomain("a@other.example", kJudged).score_milli, 0);
    EXPECT_EQ(held->OfCampaign(77, kJudged).score_milli, 120);
    EXPECT_EQ(held->OfCampaign(0, kJudged).score_milli, 0) << "no pattern";
  }
  domain.score_milli = 0;
  ASSERT_TRUE(j.Apply(Batch(0, 9, {domain})));
  EXPECT_EQ(j.OfDomain("a@company.example", kJudged).score_milli, 0) << "taken back";
}

TEST(JudgementsTest, StayBoundedAndComeBackFromTheirBytes) {
  Judgements j(3);
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(j.Apply(Batch(0, i, {Of("198.51." + std::to_string(i) + ".7", 500 + i, 3, kJudged + Span::Hours(10 - i))})));
  }
  ASSERT_TRUE(j.Apply(Batch(0, 6, {Of("2001:db8:1::1", 648, 5)})));
  EXPECT_EQ(j.size(), 3u);
  EXPECT_EQ(Score(j, "198.51.1.7"), 501) << "what expires first gives way";
  EXPECT_EQ(Score(j, "198.51.5.7"), 0);
  const std::string bytes = Bytes(j);
  Judgements again(3);
  ByteReader reader(bytes);
  ASSERT_TRUE(again.Decode(&reader));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(Bytes(again), bytes);
  EXPECT_FALSE(again.Apply(Batch(0, 6, {})));
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    Judgements broken(3);
    ByteReader cut_reader(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(broken.Decode(&cut_reader)) << cut;
  }
  ASSERT_TRUE(again.Apply(Batch(0, 7, {}, kJudged + Span::Hours(73))));
  EXPECT_EQ(again.size(), 0u) << "what has expired is dropped by the next batch";
}

}  // namespace
}  // namespace sekisho
