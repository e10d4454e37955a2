// Goal: an entity shard gives every sighting its due once, whatever comes again; judges by share and not by count; forgets; and
// what account shards tell it reaches it through crashes. Method: direct calls, sightings by hand, a store in memory.
#include "engine/cluster/entity_partition.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/cluster/marker.h"
#include "engine/cluster/partition.h"

namespace sekisho {
namespace {

const EventTime kEntitiesBegin = EventTime::FromSeconds(1'772'409'600);

class MarkerStore final : public RecordStore {
 public:
  const std::optional<StateMarker>& marker() const override { return marker_; }
  absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) override {
    records->assign(ids.size(), std::nullopt);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (const auto it = records_.find(ids[i]); it != records_.end()) (*records)[i] = it->second;
    }
    return absl::OkStatus();
  }
  absl::Status Commit(const PackedRecords& records, const StateMarker& marker) override {
    marker_ = marker;
    return Spill(records);
  }
  absl::Status Spill(const PackedRecords& records) override {
    for (size_t i = 0; i < records.size(); ++i) records_[records.id(i)] = std::string(records.record(i));
    return absl::OkStatus();
  }
  std::string name() const override { return "memory"; }

 private:
  std::map<AccountId, std::string> records_;
  std::optional<StateMarker> marker_;
};

class EntityPartitionTest : public ::testing::Test {
 protected:
  EntityPartitionTest() { Open(); }
  void Open() {
    auto opened = EntityPartition::Open(&setup_, PartitionId{2}, &store_, Offset{0});
    ASSERT_TRUE(opened.ok()) << opened.status();
    shard_ = *std::move(opened);
  }
  std::string Globals() { return shard_->Freeze().marker.globals; }
  void Commit() {
    const SnapshotPart part = shard_->Freeze();
    ASSERT_TRUE(store_.Commit(*part.records, ToStateMarker(part.marker)).ok());
  }
  Sighting Of(const std::string& account, const std::string& address, SightingKind kind) {
    Sighting s;
    s.place.offset = Offset{++told_};
    const IpAddress ip = IpAddress::Parse(address).value();
    s.network = SourceNetwork(ip);
    s.prefix_bits = static_cast<uint8_t>(SourceNetworkBits(ip));
    s.account = AccountId::FromLogin(account);
    s.kind = kind;
    s.time = at_;
    return s;
  }
  void Fold(const Sighting& sighting) {
    const LogRecord record{shard_->next(), {}, sighting, ""};
    ASSERT_TRUE(shard_->Fold({{&record, 1}, Offset{record.offset.value + 1}}, published_, &outputs_).ok());
  }
  void Many(int count, const std::string& prefix, const std::string& address, SightingKind kind) {
    for (int i = 0; i < count; ++i) Fold(Of(prefix + std::to_string(i), address, kind));
  }
  // A minute passes elsewhere.
  void Pass(Span span = Span::Minutes(1)) {
    at_ = at_ + span;
    Fold(Of("bystander", "192.0.2.1", SightingKind::kUsed));
  }
  Sighting OfDomain(const std::string& account, SightingKind kind, const std::string& over = "") {
    Sighting s = Of(account, over.empty() ? "192.0.2.1" : over, kind);
    if (over.empty()) {
      s.network = IpAddress();
      s.prefix_bits = 0;
    }
    s.entity = EntityKind::kDomain;
    s.key = DomainKey(account);
    return s;
  }
  // `active` accounts of the domain are seen, and a day later again, so that it is known.
  void Know(const std::string& domain, int active) {
    for (int day = 0; day < 2; ++day) {
      for (int i = 0; i < active; ++i) Fold(OfDomain("p" + std::to_string(i) + "@" + domain, SightingKind::kUsed));
      if (day == 0) Pass(Span::Hours(24));
    }
  }
  // Each over a network of its own.
  void Turn(const std::string& domain, int from, int to, SightingKind kind = SightingKind::kSuspected) {
    for (int i = from; i < to; ++i) {
      Fold(OfDomain("p" + std::to_string(i) + "@" + domain, kind, "198.51." + std::to_string(i) + ".7"));
    }
  }
  Judged HeldOfDomain(const std::string& domain) const {
    Judgements held;
    for (const Output& output : outputs_) EXPECT_TRUE(held.Apply(std::get<JudgementBatch>(output)));
    return held.OfDomain("anybody@" + domain, at_);
  }
  // What an account shard now holds of the address.
  Judged Held(const std::string& address) const {
    Judgements held;
    for (const Output& output : outputs_) EXPECT_TRUE(held.Apply(std::get<JudgementBatch>(output)));
    return held.Of(IpAddress::Parse(address).value(), at_);
  }

  EntitySetup setup_{Hash128{7, 8}, [this](PartitionId, const IpAddress& network, uint64_t) { super_.push_back(network.ToString()); }};
  std::vector<std::string> super_;
  MarkerStore store_;
  std::unique_ptr<EntityPartition> shard_;
  EventTime at_ = kEntitiesBegin;
  int64_t told_ = 0;
  Offset published_;
  std::vector<Output> outputs_;
};

// Goal: the bound is Wilson's. Method: values computed with real arithmetic by hand.
TEST(BadShareTest, IsALowerBound) {
  EXPECT_EQ(BadShareMilli(0, 10), 0);
  EXPECT_NEAR(BadShareMilli(1, 0), 270, 2);
  EXPECT_NEAR(BadShareMilli(3, 0), 526, 2);
  EXPECT_NEAR(BadShareMilli(5, 0), 649, 2);
  EXPECT_NEAR(BadShareMilli(3, 7), 127, 2);
  EXPECT_NEAR(BadShareMilli(50, 50), 419, 2);
  EXPECT_LT(BadShareMilli(5, 250), 20);
  for (uint32_t bad = 1; bad < 200; ++bad) {
    ASSERT_GE(BadShareMilli(bad + 1, 3), BadShareMilli(bad, 3)) << bad;
    ASSERT_LE(BadShareMilli(7, bad + 1), BadShareMilli(7, bad)) << bad;
  }
}

TEST(DistinctEstimateTest, IsNearTheTruth) {
  DistinctEstimate estimate;
  std::mt19937_64 random(4711);
  for (const uint64_t many : {100u, 5'000u, 200'000u}) {
    estimate = DistinctEstimate();
    for (uint64_t i = 0; i < many; ++i) {
      const uint64_t hash = random();
      estimate.Add(hash);
      estimate.Add(hash);
    }
    EXPECT_NEAR(static_cast<double>(estimate.count()), static_cast<double>(many), static_cast<double>(many) * 0.2);
  }
}

TEST_F(EntityPartitionTest, ANetworkOfThievesIsJudgedAtOnceAndOneOfOwnersIsNot) {
  Many(4, "robbed", "198.51.100.7", SightingKind::kSuspended);
  EXPECT_EQ(Held("198.51.100.200").score_milli, BadShareMilli(4, 0));
  EXPECT_EQ(Held("198.51.100.200").bad_accounts, 4u);
  Many(60, "owner", "203.0.113.7", SightingKind::kUsed);
  Many(4, "robbed", "203.0.113.7", SightingKind::kSuspended);
  Pass();
  EXPECT_EQ(Held("203.0.113.7").score_milli, 0) << "also while they came";
  Many(9, "one", "192.0.2.200", SightingKind::kSuspected);
  Pass();
  EXPECT_EQ(Held("192.0.2.200").score_milli, 0) << "suspicion alone condemns nobody";
}

TEST_F(EntityPartitionTest, OneAccountNeverSuffices) {
  for (int i = 0; i < 20; ++i) Fold(Of("robbed", "198.51.100.7", SightingKind::kSuspended));
  Pass();
  EXPECT_TRUE(outputs_.empty());
}

TEST_F(EntityPartitionTest, WhatIsToldTwiceChangesNothing) {
  std::vector<Sighting> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(Of("robbed" + std::to_string(i), "198.51.100.7", SightingKind::kSuspended));
    Fold(all.back());
  }
  const std::string before = Globals();
  const size_t said = outputs_.size();
  for (const Sighting& sighting : all) Fold(sighting);
  EXPECT_EQ(Globals(), before);
  EXPECT_EQ(outputs_.size(), said);
  EXPECT_EQ(shard_->stats().repeats, 5u);
}

TEST_F(EntityPartitionTest, JudgementsEndWithWhatTheyRestOn) {
  Many(5, "robbed", "198.51.100.7", SightingKind::kSuspended);
  Pass(Span::Hours(71));
  EXPECT_EQ(Held("198.51.100.7").bad_accounts, 5u);
  Pass(Span::Hours(2));
  EXPECT_EQ(Held("198.51.100.7").score_milli, 0);
  EXPECT_EQ(shard_->entities(), 1u) << "forgotten, but for the bystander's";
  Many(3, "robbed", "198.51.100.7", SightingKind::kSuspended);
  EXPECT_EQ(Held("198.51.100.7").bad_accounts, 3u);
}

TEST_F(EntityPartitionTest, WhatIsEverybodysIsNotJudgedEvenIfAllAreSuspended) {
  Many(150, "robbed", "198.51.100.7", SightingKind::kSuspended);
  Pass();
  EXPECT_EQ(Held("198.51.100.7").score_milli, 0);
  EXPECT_GT(shard_->stats().super_sources, 1u);
  EXPECT_EQ(super_, std::vector<std::string>{"198.51.100.0"}) << "said once";
}

TEST_F(EntityPartitionTest, ADomainIsJudgedAtOnceByTheShareThatTurned) {
  Know("company.example", 12);
  Turn("company.example", 0, 1);
  EXPECT_EQ(HeldOfDomain("company.example").score_milli, 0) << "one is no cohort";
  Turn("company.example", 1, 4);
  EXPECT_EQ(HeldOfDomain("company.example").bad_accounts, 4u) << "at once";
  EXPECT_EQ(HeldOfDomain("company.example").score_milli, BadShareMilli(4, 8));
  EXPECT_EQ(HeldOfDomain("other.example").score_milli, 0);
  Pass(Span::Hours(6) - Span::Minutes(1));
  EXPECT_EQ(HeldOfDomain("company.example").bad_accounts, 4u);
  Pass();
  EXPECT_EQ(HeldOfDomain("company.example").score_milli, 0) << "they turned longer ago";
}

TEST_F(EntityPartitionTest, AProvidersDomainIsNoCompany) {
  Know("provider.example", 1'000);
  Turn("provider.example", 0, 200, SightingKind::kSuspended);
  Pass();
  EXPECT_EQ(HeldOfDomain("provider.example").score_milli, 0) << "however many turn";
  Know("large.example", 200);
  Turn("large.example", 0, 4);
  Pass();
  EXPECT_EQ(HeldOfDomain("large.example").score_milli, 0) << "a share of two in a hundred";
}

TEST_F(EntityPartitionTest, WhoTurnedOverOneNetworkCountsOnce) {
  Know("moved.example", 12);
  for (int i = 0; i < 12; ++i) {
    Fold(OfDomain("p" + std::to_string(i) + "@moved.example", SightingKind::kSuspected, "198.51.100." + std::to_string(i)));
  }
  Pass();
  EXPECT_EQ(HeldOfDomain("moved.example").score_milli, 0);
  Fold(OfDomain("p12@moved.example", SightingKind::kSuspected, "203.0.113.7"));
  EXPECT_EQ(HeldOfDomain("moved.example").bad_accounts, 2u);
}

TEST_F(EntityPartitionTest, ADomainSeenForLessThanADayIsNotJudged) {
  for (int i = 0; i < 5; ++i) Fold(OfDomain("p" + std::to_string(i) + "@new.example", SightingKind::kUsed));
  Pass(Span::Hours(20));
  Turn("new.example", 0, 5);
  Pass();
  EXPECT_EQ(HeldOfDomain("new.example").score_milli, 0);
}

TEST_F(EntityPartitionTest, ACampaignIsJudgedByWhatBecameOfItsAccountsWithinTheHour) {
  const auto send = [this](int i, SightingKind kind) {
    Sighting s = Of("u" + std::to_string(i), "198.51." + std::to_string(i) + ".7", kind);
    s.entity = EntityKind::kCampaign;
    s.key = CampaignOf(77).key;
    Fold(s);
  };
  const auto held = [this] {
    Judgements judgements;
    for (const Output& output : outputs_) EXPECT_TRUE(judgements.Apply(std::get<JudgementBatch>(output)));
    return judgements.OfCampaign(77, at_);
  };
  for (int i = 0; i < 2; ++i) send(i, SightingKind::kSuspected);
  for (int i = 2; i < 4; ++i) send(i, SightingKind::kUsed);
  Pass();
  EXPECT_EQ(held().score_milli, 0) << "two of four";
  for (int i = 2; i < 6; ++i) send(i, SightingKind::kSuspended);
  EXPECT_EQ(held().bad_accounts, 6u);
  EXPECT_EQ(held().score_milli, BadShareMilli(6, 0));
  Pass(Span::Minutes(61));
  EXPECT_EQ(held().score_milli, 0);
}

// Goal: a crash at any point leaves what would have been without it. Method: random sightings, a commit now and then, reopened
// from there with what was published since; against one that never stopped.
TEST_F(EntityPartitionTest, ARestartSaysTheSameOnce) {
  std::mt19937 random(4712);
  std::vector<Sighting> log;
  for (int i = 0; i < 3'000; ++i) {
    at_ = at_ + Span::Seconds(static_cast<int64_t>(random() % 600));
    const std::string account = "user" + std::to_string(random() % 300) + "@d" + std::to_string(random() % 9);
    const std::string address = "198.51." + std::to_string(random() % 30) + ".7";
    const auto kind = static_cast<SightingKind>(1 + random() % 3);
    log.push_back(i % 3 == 0 ? OfDomain(account, kind, random() % 2 == 0 ? "" : address) : Of(account, address, kind));
    if (i % 3 != 1) continue;
    log.back().entity = EntityKind::kCampaign;
    log.back().key = CampaignOf(1 + random() % 5).key;
  }
  for (const Sighting& sighting : log) Fold(sighting);
  const std::vector<Output> expected = std::exchange(outputs_, {});
  const std::string state = Globals();
  ASSERT_GT(expected.size(), 100u);
  Open();
  while (shard_->next().value < static_cast<int64_t>(log.size())) {
    Fold(log[static_cast<size_t>(shard_->next().value)]);
    if (random() % 50 == 0) Commit();
    if (random() % 40 != 0) continue;
    published_ = std::max(published_, shard_->next());  // all that was said is published; memory is lost
    Open();
  }
  ASSERT_EQ(outputs_.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(std::get<JudgementBatch>(outputs_[i]).offset, std::get<JudgementBatch>(expected[i]).offset);
    EXPECT_EQ(std::get<JudgementBatch>(outputs_[i]).judgements.size(), std::get<JudgementBatch>(expected[i]).judgements.size());
  }
  EXPECT_EQ(Globals(), state);
}

TEST_F(EntityPartitionTest, TheStateOfAnotherLogOrDamagedIsRefused) {
  Many(3, "robbed", "198.51.100.7", SightingKind::kSuspended);
  Commit();
  const EntitySetup other{Hash128{7, 9}, nullptr};
  EXPECT_TRUE(absl::IsFailedPrecondition(EntityPartition::Open(&other, PartitionId{2}, &store_, Offset{0}).status()));
  const StateMarker good = *store_.marker();
  for (size_t n = 1; n < good.fold.size(); ++n) {
    StateMarker bad = good;
    bad.fold.resize(n);
    ASSERT_TRUE(store_.Commit(PackedRecords(), bad).ok());
    EXPECT_FALSE(EntityPartition::Open(&setup_, PartitionId{2}, &store_, Offset{0}).ok()) << n;
  }
}

// Goal: what an account shard's records mean for sources comes with the snapshot that holds them, also when they are folded a
// second time. Method: a theft, with a commit, a crash and a replay in the midst of it.
TEST(PartitionSightingsTest, RideInTheSnapshotThatHoldsTheirRecords) {
  FoldSetup setup;
  setup.log_id = Hash128{1, 2};
  setup.sightings = true;
  std::vector<LogRecord> log;
  const auto send = [&log](uint32_t source, uint16_t country, EventTime at) {
    Event event;
    event.kind = EventKind::kSubmission;
    event.service = Service::kSmtp;
    event.account = "u@example.jp";
    event.id = AccountId::FromLogin(event.account);
    event.time = at;
    event.ip = IpAddress::FromV4(source);
    event.place.country = country;
    log.push_back({Offset{static_cast<int64_t>(log.size())}, {}, event, ""});
  };
  EventTime at = kEntitiesBegin;
  for (int i = 0; i < 16; ++i) {
    at = at + Span::Hours(3);
    log.push_back({Offset{static_cast<int64_t>(log.size())}, {}, Heartbeat{at}, ""});
    send(0xcb007105, 0x4a50, at);
  }
  const uint16_t countries[] = {0x5255, 0x5541, 0x4259, 0x504c, 0x524f, 0x5255};
  for (uint32_t i = 0; i < 6; ++i) send(0xc6336400 + 300 * i, countries[i], at + Span::Minutes(i));

  const auto fold = [&](Partition* partition, size_t to, Offset published) {
    const auto from = static_cast<size_t>(partition->next().value);
    std::vector<Output> outputs;
    const std::span<const LogRecord> records(log.data() + from, to - from);
    EXPECT_TRUE(partition->Fold({records, Offset{static_cast<int64_t>(to)}}, published, &outputs).ok());
  };
  MarkerStore never_stopped;
  auto oracle = *Partition::Open(&setup, PartitionId{3}, &never_stopped, Offset{0});
  fold(oracle.get(), log.size(), Offset{0});
  const std::vector<Sighting> expected = oracle->Freeze().sightings;
  int kinds[4] = {}, domains = 0;
  for (const Sighting& sighting : expected) {
    if (sighting.entity == EntityKind::kNetwork) ++kinds[static_cast<size_t>(sighting.kind)];
    domains += sighting.entity == EntityKind::kDomain;
    EXPECT_EQ(sighting.partition, PartitionId{3});
  }
  EXPECT_GT(kinds[1], 2) << "the owner's days at home, and the thief's first";
  EXPECT_GT(kinds[2], 0);
  EXPECT_GT(domains, 4) << "its days, and what turned it";
  EXPECT_GT(kinds[3], 1) << "the one that suspended it, and the stray one after it";

  for (size_t cut = 1; cut < log.size(); ++cut) {
    MarkerStore store;
    auto first = *Partition::Open(&setup, PartitionId{3}, &store, Offset{0});
    fold(first.get(), cut / 2, Offset{0});
    const SnapshotPart part = first->Freeze();
    ASSERT_TRUE(store.Commit(*part.records, ToStateMarker(part.marker)).ok());
    ASSERT_TRUE(first->Thaw().ok());
    fold(first.get(), cut, Offset{0});  // published, never kept
    auto second = *Partition::Open(&setup, PartitionId{3}, &store, Offset{0});
    fold(second.get(), log.size(), Offset{static_cast<int64_t>(cut)});
    std::vector<Sighting> told = part.sightings;
    for (const Sighting& sighting : second->Freeze().sightings) told.push_back(sighting);
    ASSERT_EQ(told.size(), expected.size()) << cut;
    for (size_t i = 0; i < told.size(); ++i) {
      EXPECT_EQ(told[i].place, expected[i].place);
      EXPECT_EQ(told[i].kind, expected[i].kind);
    }
  }
}

// Goal: a batch that comes again changes no account shard. Method: the state's bytes around it.
TEST(PartitionJudgementsTest, ABatchSeenTwiceChangesNothing) {
  FoldSetup setup;
  MarkerStore store;
  auto partition = *Partition::Open(&setup, PartitionId{0}, &store, Offset{0});
  const Judgement network{IpAddress::FromV4(0xc6336400), 24, 525, 3, 0, kEntitiesBegin + Span::Hours(1), EntityKind::kNetwork, {}};
  const JudgementBatch batch{PartitionId{1}, Offset{9}, kEntitiesBegin, {network}};
  std::vector<Output> outputs;
  std::string states[3];
  for (int64_t i = 0; i < 3; ++i) {
    states[i] = partition->Marker().globals;
    const LogRecord record{Offset{i}, {}, batch, ""};
    ASSERT_TRUE(partition->Fold({{&record, 1}, Offset{i + 1}}, Offset{0}, &outputs).ok());
  }
  EXPECT_NE(states[0], states[1]);
  EXPECT_EQ(states[1], states[2]);
  EXPECT_EQ(partition->Marker().globals, states[2]);
  EXPECT_EQ(partition->stats().judgements, 1u);
  EXPECT_EQ(partition->stats().repeats, 2u);
  EXPECT_TRUE(outputs.empty());
}

}  // namespace
}  // namespace sekisho
