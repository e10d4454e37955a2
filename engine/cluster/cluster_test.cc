// Goal: what surrounds the shard keeps its own small promises; the whole is checked by tests/simulation. Method: direct
// calls, records by hand, a store in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/cluster/marker.h"
#include "engine/cluster/order_marks.h"
#include "engine/cluster/origin_marks.h"
#include "engine/cluster/partition.h"

namespace sekisho {
namespace {

Origin At(std::string_view connector, uint64_t epoch, uint64_t byte, uint32_t index = 0) {
  return {connector, epoch, 1, {byte, index}};
}

TEST(OriginMarksTest, DropsWhatAStreamHasSaidBefore) {
  OriginMarks marks;
  EXPECT_TRUE(marks.Advance(At("mx1", 1, 100)));
  EXPECT_FALSE(marks.Advance(At("mx1", 1, 100)));
  EXPECT_TRUE(marks.Advance(At("mx1", 1, 100, 1)));
  EXPECT_FALSE(marks.Advance(At("mx1", 1, 40, 7)));
  EXPECT_TRUE(marks.Advance(At("mx2", 1, 40))) << "another connector";
  EXPECT_TRUE(marks.Advance(At("mx1", 2, 40))) << "it lost its memory: another epoch";
  EXPECT_TRUE(marks.Advance(Origin())) << "of unknown origin, never a repeat";
  EXPECT_TRUE(marks.Advance(Origin()));
}

TEST(OriginMarksTest, ForgetsTheStreamThatMovedLongestAgo) {
  OriginMarks marks(2);
  marks.Advance(At("a", 1, 10));
  marks.Advance(At("b", 1, 10));
  marks.Advance(At("a", 1, 20));
  marks.Advance(At("c", 1, 10));
  EXPECT_EQ(marks.size(), 2u);
  EXPECT_FALSE(marks.Advance(At("a", 1, 20)));
  EXPECT_TRUE(marks.Advance(At("b", 1, 10))) << "forgotten";
}

TEST(OriginMarksTest, RestoredMarksKnowTheSameAndForgetInTheSameOrder) {
  OriginMarks marks(2);
  marks.Advance(At("a", 1, 10));
  marks.Advance(At("b", 1, 10));
  marks.Advance(At("a", 1, 20));
  OriginMarks restored(2);
  restored.Restore(marks.marks());
  EXPECT_EQ(restored.marks(), marks.marks());
  restored.Advance(At("c", 1, 10));
  EXPECT_FALSE(restored.Advance(At("a", 1, 20)));
}

Order OrderOf(int64_t second, uint64_t nonce, std::string_view by = "hanako") {
  Order order;
  order.time = EventTime::FromSeconds(1'772'409'600 + second);
  order.operator_name = by;
  order.nonce = nonce;
  return order;
}

TEST(OrderMarksTest, AnOrderIsTakenOnce) {
  OrderMarks marks;
  EXPECT_EQ(marks.Take(OrderOf(5, 1)), OrderMarks::Outcome::kNew);
  EXPECT_EQ(marks.Take(OrderOf(5, 1)), OrderMarks::Outcome::kRepeat);
  EXPECT_EQ(marks.Take(OrderOf(5, 2)), OrderMarks::Outcome::kNew);
  EXPECT_EQ(marks.Take(OrderOf(5, 1, "taro")), OrderMarks::Outcome::kNew);
  EXPECT_EQ(marks.Take(OrderOf(4, 3)), OrderMarks::Outcome::kNew) << "given earlier, come later";
}

// Goal: however many orders are given, a copy of none takes effect again. Method: a small memory, all orders once more, also
// after a restart.
TEST(OrderMarksTest, WhatIsForgottenIsStale) {
  OrderMarks marks(8);
  for (uint64_t n = 0; n < 100; ++n) ASSERT_EQ(marks.Take(OrderOf(static_cast<int64_t>(n / 3), n)), OrderMarks::Outcome::kNew);
  std::string bytes;
  ByteWriter writer(&bytes);
  marks.Encode(&writer);
  OrderMarks restored(8);
  ByteReader reader(bytes);
  ASSERT_TRUE(restored.Decode(&reader) && reader.done());
  for (uint64_t n = 0; n < 100; ++n) {
    EXPECT_NE(marks.Take(OrderOf(static_cast<int64_t>(n / 3), n)), OrderMarks::Outcome::kNew) << n;
    EXPECT_NE(restored.Take(OrderOf(static_cast<int64_t>(n / 3), n)), OrderMarks::Outcome::kNew) << n;
  }
  EXPECT_EQ(restored.Take(OrderOf(200, 0)), OrderMarks::Outcome::kNew);
}

ShardMarker SomeMarker() {
  ShardMarker marker;
  marker.next = Offset{1234};
  marker.log_id = Hash128{5, 6};
  marker.policy = "default-1";
  marker.geo = "geo";
  marker.policy_from = Offset{99};
  marker.time = EventTime::FromSeconds(1'772'409'600);
  marker.marks = {{"mx1", 7, 2, {99, 3}}, {std::string("m\0x", 3), ~uint64_t{0}, ~uint32_t{0}, {~uint64_t{0}, ~uint32_t{0}}}};
  marker.globals = "globals";
  return marker;
}

TEST(MarkerTest, ComesBackFromTheStore) {
  const ShardMarker marker = SomeMarker();
  const absl::StatusOr<ShardMarker> back = FromStateMarker(ToStateMarker(marker));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->next, marker.next);
  EXPECT_EQ(back->log_id, marker.log_id);
  EXPECT_EQ(back->policy, marker.policy);
  EXPECT_EQ(back->policy_from, marker.policy_from);
  EXPECT_EQ(back->geo, marker.geo);
  EXPECT_EQ(back->time, marker.time);
  EXPECT_EQ(back->marks, marker.marks);
  EXPECT_EQ(back->globals, marker.globals);
}

// Goal: bytes that were cut or changed are refused, not believed. Method: every prefix of both parts.
TEST(MarkerTest, DamagedBytesAreRefused) {
  const StateMarker good = ToStateMarker(SomeMarker());
  for (size_t n = 0; n < good.input.size(); ++n) {
    StateMarker bad = good;
    bad.input.resize(n);
    EXPECT_FALSE(FromStateMarker(bad).ok()) << n;
  }
  for (size_t n = 0; n < good.dedupe.size(); ++n) {
    StateMarker bad = good;
    bad.dedupe.resize(n);
    EXPECT_FALSE(FromStateMarker(bad).ok()) << n;
  }
}

// Commits to memory.
class MemoryStore final : public RecordStore {
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

const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

class PartitionTest : public ::testing::Test {
 protected:
  PartitionTest() {
    setup_.log_id = Hash128{1, 2};
    // A policy's text here is its version; "mild" ones suspend nobody, "ruled" ones have a rule of their own.
    setup_.policy.version = setup_.policy_yaml = "first";
    setup_.compile = [](std::string_view yaml) -> absl::StatusOr<Policy> {
      if (yaml == "broken") return absl::InvalidArgumentError("policy:1:1: broken");
      Policy policy;
      policy.version = yaml;
      if (yaml.starts_with("mild")) policy.mode = Mode::kShadow;
      if (yaml.starts_with("ruled")) {
        const std::string wrong = policy.rules.Add({"busy", "messages(1h) >= 3", 40, Family::kVolume, rules::RuleMode::kOn, "sends and sends"});
        if (!wrong.empty()) return absl::InvalidArgumentError(wrong);
      }
      return policy;
    };
    Open();
  }
  void Open() {
    auto opened = Partition::Open(&setup_, PartitionId{3}, &store_, Offset{0}, &counts_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    partition_ = *std::move(opened);
  }
  void Fold(LogValue value, Origin origin = {}) {
    const LogRecord record{partition_->next(), origin, std::move(value), "bytes", appended_};
    const LogBatch batch{{&record, 1}, Offset{record.offset.value + 1}};
    ASSERT_TRUE(partition_->Fold(batch, published_, &outputs_).ok());
  }
  template <typename What>
  void Obey(What what) {
    Order order;
    order.time = partition_->time().never() ? kStart : partition_->time();
    order.operator_name = "hanako";
    order.nonce = ++nonce_;
    order.what = std::move(what);
    Fold(order);
  }
  void Activate(const std::string& version) { Obey(PolicyActivation{version, version}); }
  void Reopen() {
    const SnapshotPart part = partition_->Freeze();
    ASSERT_TRUE(store_.Commit(*part.records, ToStateMarker(part.marker)).ok());
    Open();
  }
  Event Send(uint16_t country, uint32_t source, EventTime at) {
    Event event;
    event.kind = EventKind::kSubmission;
    event.service = Service::kSmtp;
    event.account = "u@example.jp";
    event.id = AccountId::FromLogin(event.account);
    event.time = at;
    event.ip = IpAddress::FromV4(source);
    event.place.country = country;
    return event;
  }
  // Two days at home, then a theft that ends in a suspension.
  void LiveAndSteal() {
    EventTime at = kStart;
    for (int i = 0; i < 16; ++i, at = at + Span::Hours(3)) {
      Fold(Heartbeat{at});
      Fold(Send(0x4a50, 0xcb007105, at));
    }
    Fold(Heartbeat{at});
    const uint16_t countries[] = {0x5255, 0x5541, 0x4259, 0x504c, 0x524f};
    for (uint32_t i = 0; i < 5; ++i) Fold(Send(countries[i], 0xc6336400 + 300 * i, at + Span::Minutes(i)));
  }
  template <typename T>
  std::vector<T> Said() const {
    std::vector<T> said;
    for (const Output& output : outputs_) {
      if (const T* value = std::get_if<T>(&output)) said.push_back(*value);
    }
    return said;
  }

  uint64_t nonce_ = 0;
  Offset published_;
  FoldSetup setup_;
  MemoryStore store_;
  std::unique_ptr<Partition> partition_;
  std::vector<Output> outputs_;
  FoldCounts counts_;
  EventTime appended_ = EventTime::Never();
};

TEST_F(PartitionTest, ARepeatChangesNothingAndIsNoDeadLetter) {
  Fold(Send(0x4a50, 1, kStart), At("mx1", 1, 10));
  Fold(Send(0x4a50, 1, kStart), At("mx1", 1, 10));
  EXPECT_EQ(partition_->stats().repeats, 1u);
  EXPECT_EQ(partition_->shard_stats().folded[static_cast<size_t>(EventKind::kSubmission)], 1u);
  EXPECT_TRUE(outputs_.empty());
}

TEST_F(PartitionTest, WhatCannotBeUsedBecomesADeadLetterWithItsReason) {
  Fold(Unusable{"undecodable", "event.time_ms: absent"});
  Fold(Send(0x4a50, 1, kStart));
  Fold(Send(0x4a50, 1, kStart - Span::Days(2)));
  Fold(Send(0x4a50, 1, kStart + Span::Days(2)));
  std::vector<std::string> reasons;
  for (const DeadLetter& letter : Said<DeadLetter>()) reasons.push_back(letter.reason);
  EXPECT_THAT(reasons, ::testing::ElementsAre("undecodable", "late", "future"));
  EXPECT_EQ(Said<DeadLetter>()[0].detail, "event.time_ms: absent");
  EXPECT_EQ(Said<DeadLetter>()[2].offset, Offset{3});
  EXPECT_EQ(Said<DeadLetter>()[2].bytes, "bytes");
}

TEST_F(PartitionTest, BelowThePublishedOffsetItFoldsAndSaysNothing) {
  published_ = Offset{1'000};
  LiveAndSteal();
  EXPECT_TRUE(outputs_.empty());
  EXPECT_GT(partition_->shard_stats().actions[static_cast<size_t>(ActionKind::kSuspend)], 0u);
}

// Goal: what is folded again after a crash is not counted as having happened again.
TEST_F(PartitionTest, CountsWhatIsFoldedTheFirstTimeApartFromWhatIsMuted) {
  appended_ = kStart + Span::Days(3);
  LiveAndSteal();
  Fold(Send(0x4a50, 0xcb007105, kStart + Span::Days(2)), At("mx1", 1, 10));
  Fold(Send(0x4a50, 0xcb007105, kStart + Span::Days(2)), At("mx1", 1, 10));
  Fold(Send(0x4a50, 0xcb007105, kStart));
  const uint64_t live = counts_.live, submissions = counts_.events[static_cast<size_t>(EventKind::kSubmission)][1];
  EXPECT_EQ(live, 17u + 21 + 3);
  EXPECT_EQ(submissions, 22u);
  EXPECT_EQ(counts_.repeats, 1u);
  EXPECT_EQ(counts_.dead_letters, (decltype(counts_.dead_letters){{"late", 1}}));
  uint64_t actions = 0, suspends_by_rotation = 0;
  for (const auto& modes : counts_.actions) actions += modes[0] + modes[1];
  EXPECT_EQ(actions, Said<Action>().size());
  for (const Action& action : Said<Action>()) {
    for (const Signal& signal : action.signals) {
      suspends_by_rotation += action.kind == ActionKind::kSuspend && signal.detector == DetectorId::kSourceRotation;
    }
  }
  EXPECT_GT(suspends_by_rotation, 0u);
  EXPECT_EQ(counts_.by_detector[3][static_cast<size_t>(Said<Action>()[0].mode)][static_cast<size_t>(DetectorId::kSourceRotation)],
            suspends_by_rotation);
  // One time for each event that was acted on, and given once.
  const std::vector<EventTime> acted_on = partition_->TakeActedOn();
  EXPECT_EQ(acted_on.size(), Said<Action>().size());
  EXPECT_EQ(acted_on.front(), appended_);
  EXPECT_TRUE(partition_->TakeActedOn().empty());

  store_ = MemoryStore();
  Open();
  published_ = Offset{1'000};
  LiveAndSteal();
  EXPECT_EQ(counts_.muted, 17u + 21);
  EXPECT_EQ(counts_.live, live);
  EXPECT_EQ(counts_.events[static_cast<size_t>(EventKind::kSubmission)][1], submissions);
  EXPECT_TRUE(partition_->TakeActedOn().empty());
}

TEST(FoldCountsTest, ReasonsAreBounded) {
  FoldCounts counts;
  for (int i = 0; i < 100; ++i) counts.AddDeadLetter("reason " + std::to_string(i));
  counts.AddDeadLetter("reason 0");
  EXPECT_LE(counts.dead_letters.size(), FoldCounts::kReasonsMax + 1);
  EXPECT_EQ(counts.dead_letters["reason 0"], 2u);
  EXPECT_EQ(counts.dead_letters["other"], 100 - FoldCounts::kReasonsMax);
}

// Goal: a verdict is forgotten seven days after its release, unless another one followed. Method: a theft, its expiry by
// heartbeats, and the days after it; the state is stored and reopened in between.
TEST_F(PartitionTest, AReleasedVerdictIsForgottenAfterSevenDays) {
  LiveAndSteal();
  const EventTime stolen = kStart + Span::Days(2);
  for (int day = 1; day <= 3; ++day) Fold(Heartbeat{stolen + Span::Days(day)});
  ASSERT_EQ(Said<Action>().back().kind, ActionKind::kRelease);
  const EventTime released = Said<Action>().back().time;
  const SnapshotPart part = partition_->Freeze();
  ASSERT_TRUE(store_.Commit(*part.records, ToStateMarker(part.marker)).ok());
  Open();
  Fold(Heartbeat{released + kVerdictForgottenAfter - Span::Millis(1)});
  EXPECT_TRUE(Said<Forgotten>().empty());
  Fold(Heartbeat{released + kVerdictForgottenAfter});
  ASSERT_EQ(Said<Forgotten>().size(), 1u);
  EXPECT_EQ(Said<Forgotten>()[0].account, "u@example.jp");
}

TEST_F(PartitionTest, APolicyDecidesFromItsPlaceInTheLogOn) {
  EXPECT_EQ(partition_->policy().version, "first");
  EXPECT_EQ(partition_->policy_from(), Offset{0});
  Fold(Heartbeat{kStart});
  Activate("mild-2");
  EXPECT_EQ(partition_->policy().version, "mild-2");
  EXPECT_EQ(partition_->policy_from(), Offset{2});
  EXPECT_EQ(partition_->Marker().policy, "mild-2");
  EXPECT_EQ(partition_->Marker().policy_from, Offset{2});
  LiveAndSteal();
  const std::vector<Action> said = Said<Action>();
  ASSERT_FALSE(said.empty());
  for (const Action& action : said) {
    EXPECT_EQ(action.policy, "mild-2");
    EXPECT_EQ(action.mode, Mode::kShadow);
  }
}

// Goal: an activated policy's own rules decide from there on, also after a restart, and what one said can still be read when the
// next policy came into force within the same batch.
TEST_F(PartitionTest, OwnRulesComeWithThePolicyAndTheirWordsOutliveIt) {
  Fold(Heartbeat{kStart});
  for (int i = 0; i < 3; ++i) Fold(Send(0x4a50, 0xcb007105, kStart + Span::Minutes(i)));
  EXPECT_TRUE(outputs_.empty()) << "no rule yet";
  Activate("ruled-2");
  EXPECT_TRUE(outputs_.empty()) << "what was before is judged with the next event";
  Reopen();
  EXPECT_EQ(partition_->policy().version, "ruled-2");

  Order order;
  order.time = kStart;
  order.operator_name = "hanako";
  order.nonce = 99;
  order.what = PolicyActivation{"first", "first"};
  const Offset next = partition_->next();
  const LogRecord records[] = {{next, {}, Send(0x4a50, 0xcb007105, kStart + Span::Minutes(5)), "bytes", appended_},
                               {Offset{next.value + 1}, {}, order, "bytes", appended_}};
  ASSERT_TRUE(partition_->Fold({records, Offset{next.value + 2}}, published_, &outputs_).ok());
  EXPECT_EQ(partition_->policy().version, "first");
  const std::vector<Action> said = Said<Action>();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].kind, ActionKind::kObserve);
  EXPECT_EQ(said[0].policy, "ruled-2");
  ASSERT_EQ(said[0].signals.size(), 1u);
  EXPECT_EQ(NameOf(said[0].signals[0]), "own_rule:busy");
  EXPECT_EQ(said[0].signals[0].rule->says, "sends and sends");
  EXPECT_EQ(said[0].signals[0].evidence.at(0).feature, "messages");
  outputs_.clear();
  Fold(Send(0x4a50, 0xcb007105, kStart + Span::Days(2)));
  EXPECT_TRUE(Said<Action>().empty()) << "the rule went with its policy";
}

TEST_F(PartitionTest, TheActivePolicyAgainChangesNothing) {
  Activate("mild-2");
  Activate("mild-2");
  EXPECT_EQ(partition_->policy_from(), Offset{1});
  EXPECT_EQ(partition_->stats().orders, 2u);
  EXPECT_EQ(partition_->stats().orders_idle, 1u);
  EXPECT_TRUE(outputs_.empty());
  Activate("first");
  EXPECT_EQ(partition_->policy().version, "first");
  EXPECT_EQ(partition_->policy_from(), Offset{3});
}

TEST_F(PartitionTest, APolicyThatCannotBeReadOrIsAnotherThanItSaysIsADeadLetter) {
  Activate("broken");
  Obey(PolicyActivation{"second", "third"});
  EXPECT_EQ(partition_->policy().version, "first");
  const std::vector<DeadLetter> letters = Said<DeadLetter>();
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].reason, "policy");
  EXPECT_EQ(letters[0].detail, "policy:1:1: broken");
  EXPECT_THAT(letters[1].detail, ::testing::HasSubstr("third"));
}

// Goal: a restart never changes the policy of a partition whose log has begun. Method: restarts under another configuration,
// before and after an activation.
TEST_F(PartitionTest, ARestartUnderAnotherConfigurationKeepsThePolicy) {
  Fold(Heartbeat{kStart});
  const FoldSetup first = setup_;
  setup_.policy.version = setup_.policy_yaml = "configured-later";
  Reopen();
  EXPECT_EQ(partition_->policy().version, "first");
  Activate("mild-2");
  Reopen();
  EXPECT_EQ(partition_->policy().version, "mild-2");
  EXPECT_EQ(partition_->policy().mode, Mode::kShadow);
  EXPECT_EQ(partition_->policy_from(), Offset{2});
  Activate("first");
  Reopen();
  EXPECT_EQ(partition_->policy().version, "first");
  setup_.compile = nullptr;
  const auto opened = Partition::Open(&setup_, PartitionId{3}, &store_, Offset{0});
  EXPECT_TRUE(absl::IsInvalidArgument(opened.status())) << opened.status();
}

TEST_F(PartitionTest, ACopyOfAnOrderIsADeadLetterAlsoAfterARestart) {
  Order order;
  order.time = kStart;
  order.operator_name = "hanako";
  order.nonce = 9;
  order.what = PolicyActivation{"mild-2", "mild-2"};
  Fold(order);
  Activate("first");
  Reopen();
  Fold(order);
  EXPECT_EQ(partition_->policy().version, "first");
  ASSERT_EQ(Said<DeadLetter>().size(), 1u);
  EXPECT_EQ(Said<DeadLetter>()[0].reason, "repeated order");
}

TEST_F(PartitionTest, AReleaseIsSaidOnceAndOfAStrangerRefused) {
  LiveAndSteal();
  ASSERT_EQ(Said<Action>().back().kind, ActionKind::kSuspend);
  const uint32_t generation = Said<Action>().back().generation;
  Obey(AccountRelease{"u@example.jp", "called us", Span::Days(1), false});
  const Action release = Said<Action>().back();
  EXPECT_EQ(release.kind, ActionKind::kRelease);
  EXPECT_EQ(release.rule, "operator");
  EXPECT_EQ(release.generation, generation + 1);
  EXPECT_EQ(release.time, partition_->time());
  const size_t said = outputs_.size();
  Obey(AccountRelease{"u@example.jp", "called us", Span::Days(1), false});
  EXPECT_EQ(outputs_.size(), said) << "nothing stands any more";
  Obey(AccountRelease{"v@example.jp", "called us", Span::Days(1), false});
  EXPECT_EQ(Said<DeadLetter>().back().reason, "unknown account");
}

// Goal: states from before there were orders go on. Method: the bytes of format 1 as they were written then.
TEST_F(PartitionTest, AStateOfTheFirstFormatGoesOnWithTheConfiguredPolicy) {
  ShardMarker marker = SomeMarker();
  marker.log_id = setup_.log_id;
  Shard bare(ShardOptions{setup_.log_id, PartitionId{3}}, &setup_.policy, nullptr);
  std::string state;
  bare.EncodeState(&state);
  ASSERT_EQ(state.front(), 4);
  // Version 1 had neither exceptions (one zero for none) nor judgements (two zeroes) nor the number of detectors before the
  // counters, and twelve of these.
  constexpr size_t kCounters = kEventKinds + 4 + 5 + kDetectors;
  state.front() = 1;
  state.erase(state.size() - kCounters - 4, 4);
  state.resize(state.size() - (kDetectors - 12));
  marker.globals.clear();
  ByteWriter writer(&marker.globals);
  writer.PutVarint(1);
  writer.PutBytes(state);
  writer.PutVarint(1);
  writer.PutZigzag(kStart.millis());
  writer.PutBytes("released@example.jp");
  StateMarker stored = ToStateMarker(marker);
  ASSERT_EQ(stored.input.front(), 2);
  stored.input.front() = 1;
  stored.input.resize(stored.input.size() - 2);  // the policy's first offset, 99
  ASSERT_TRUE(store_.Commit(PackedRecords(), stored).ok());
  Open();
  EXPECT_EQ(partition_->next(), marker.next);
  EXPECT_EQ(partition_->policy().version, "first");
  EXPECT_EQ(partition_->policy_from(), Offset{0});
  Fold(Heartbeat{kStart + Span::Days(1)});
  ASSERT_EQ(Said<Forgotten>().size(), 1u);
  EXPECT_EQ(Said<Forgotten>()[0].account, "released@example.jp");
}

TEST_F(PartitionTest, TheStateOfAnotherLogIsRefused) {
  Fold(Send(0x4a50, 1, kStart));
  const SnapshotPart part = partition_->Freeze();
  ASSERT_TRUE(store_.Commit(*part.records, ToStateMarker(part.marker)).ok());
  setup_.log_id = Hash128{1, 3};
  const auto opened = Partition::Open(&setup_, PartitionId{3}, &store_, Offset{0});
  EXPECT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
}

}  // namespace
}  // namespace sekisho
