// Goal: an action is visible if and only if the record that led to it is committed, whatever fails when.
// Method: a shard over a source and a sink in memory that fail on demand; what is visible is compared with an
// undisturbed run.
#include "engine/app/pump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/stream/testing/fake_stream.h"

namespace sekisho::app {
namespace {

constexpr EventTime kBegin = EventTime::FromSeconds(1'772'409'600);

// Two days of an owner at home, then messages from one far country after another.
void AddRotation(testing::FakeSource* source) {
  Event event;
  event.account = "taro@example.jp";
  event.id = AccountId::FromLogin(event.account);
  const auto add = [&](EventKind kind, EventTime at, uint32_t address, uint16_t country) {
    event.kind = kind;
    event.service = kind == EventKind::kLogin ? Service::kImap : Service::kSmtp;
    event.time = at;
    event.ip = IpAddress::FromV4(address);
    event.place = {country, 0};
    source->Add(event);
  };
  for (int hour = 0; hour < 48; hour += 6) {
    const EventTime at = kBegin + Span::Hours(hour);
    source->AddHeartbeat(at);
    add(EventKind::kLogin, at, 0x85000001, 0x4a50);
  }
  source->AddHeartbeat(kBegin + Span::Hours(48));
  for (uint32_t i = 0; i < 8; ++i) {
    add(EventKind::kSubmission, kBegin + Span::Hours(48) + Span::Minutes(i), (40 + i) << 24 | 7,
        static_cast<uint16_t>(0x4141 + i));
  }
}

std::vector<Hash128> Ids(const std::vector<Action>& actions) {
  std::vector<Hash128> ids;
  for (const Action& action : actions) ids.push_back(action.id);
  return ids;
}

struct Folding {
  Folding() : table(AccountTableOptions{}), shard({PinnedHash128("test"), PartitionId{0}}, &policy, &table) {}
  Policy policy = Policy::Default();
  AccountTable table;
  Shard shard;
};

std::vector<Hash128> Undisturbed() {
  testing::FakeSource source;
  AddRotation(&source);
  testing::FakeSink sink;
  Folding run;
  Pump pump(&source, &run.shard, &sink, &run.table);
  while (*pump.Once()) {
  }
  EXPECT_TRUE(pump.Commit().ok());
  return Ids(sink.visible());
}

TEST(Pump, WhatIsNotCommittedIsNotVisible) {
  testing::FakeSource source;
  AddRotation(&source);
  testing::FakeSink sink;
  Folding run;
  Pump pump(&source, &run.shard, &sink, &run.table);
  while (*pump.Once()) {
  }
  EXPECT_TRUE(sink.visible().empty());
  sink.FailNextCommit(absl::UnavailableError("broker down"));
  EXPECT_FALSE(pump.Commit().ok());
  EXPECT_TRUE(sink.visible().empty());
  EXPECT_EQ(sink.committed(), Offset{0});
}

TEST(Pump, FailuresAreReturnedAndChangeNothing) {
  testing::FakeSource source;
  AddRotation(&source);
  testing::FakeSink sink;
  Folding run;
  Pump pump(&source, &run.shard, &sink, &run.table);
  source.FailNext(absl::UnavailableError("broker down"));
  EXPECT_EQ(pump.Once().status().message(), "broker down");
  EXPECT_EQ(pump.next(), Offset{0});
  while (*pump.Once()) {
  }
  ASSERT_TRUE(pump.Commit().ok());
  EXPECT_EQ(Ids(sink.visible()), Undisturbed());
}

// A restart at each point, with the commit before it having failed, or having failed and happened all the same.
TEST(Pump, RestartsLoseNothingAndRepeatNothing) {
  const std::vector<Hash128> expected = Undisturbed();
  ASSERT_FALSE(expected.empty());
  for (int batches = 1; batches < 9; ++batches) {
    for (const bool takes_effect : {false, true}) {
      testing::FakeSource source;
      AddRotation(&source);
      testing::FakeSink sink;
      {
        Folding run;
        Pump pump(&source, &run.shard, &sink, &run.table);
        for (int i = 0; i < batches && *pump.Once(); ++i) {
        }
        sink.FailNextCommit(absl::AbortedError("killed"), takes_effect);
        EXPECT_FALSE(pump.Commit().ok());
      }
      // State is rebuilt by folding again from the start, with what is committed passed over by the sink.
      sink.Reopen();
      source.SeekTo(Offset{0});
      Folding run;
      testing::FakeSink muted;
      Pump again(&source, &run.shard, &muted, &run.table);
      while (again.next() < sink.committed() && *again.Once()) {
      }
      source.SeekTo(again.next());
      Pump live(&source, &run.shard, &sink, &run.table);
      live.ResumeAt(again.next());
      while (*live.Once()) {
      }
      ASSERT_TRUE(live.Commit().ok());
      EXPECT_EQ(Ids(sink.visible()), expected) << batches << " " << takes_effect;
    }
  }
}

TEST(Pump, RecordsBeforeTheResumedPlaceAreNotFolded) {
  testing::FakeSource source;
  AddRotation(&source);
  testing::FakeSink sink;
  Folding run;
  Pump pump(&source, &run.shard, &sink, &run.table);
  pump.ResumeAt(Offset{1000});
  while (*pump.Once()) {
  }
  EXPECT_EQ(run.shard.stats().accounts, 0u);
  EXPECT_EQ(pump.next(), Offset{1000});
}

TEST(Pump, TellsWhatTheShardRefused) {
  testing::FakeSource source;
  Event event;
  event.account = "a@example.jp";
  event.id = AccountId::FromLogin(event.account);
  for (const EventTime at : {kBegin, kBegin + Span::Days(3), kBegin - Span::Days(3), EventTime::Never()}) {
    event.time = at;
    source.Add(event);
  }
  testing::FakeSink sink;
  Folding run;
  Pump pump(&source, &run.shard, &sink, &run.table);
  std::vector<FoldResult> refused;
  int folded = 0;
  pump.OnRefused([&](size_t, FoldResult result) { refused.push_back(result); });
  pump.OnFolded([&](const Event&) { ++folded; });
  while (*pump.Once()) {
  }
  EXPECT_THAT(refused, ::testing::ElementsAre(FoldResult::kFuture, FoldResult::kLate, FoldResult::kInvalid));
  EXPECT_EQ(folded, 1);
}

}  // namespace
}  // namespace sekisho::app
