// Goal: each thing that the fold says becomes the right records of the right topics. Method: a collecting Emit.
#include "engine/kafka/outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/wire/action_codec.h"

namespace sekisho::kafka {
namespace {

using ::testing::ElementsAre;

struct Emitted {
  std::string topic;
  int32_t partition;
  std::string key;
  std::optional<std::string> value;
  std::map<std::string, std::string> headers;
};

class OutputsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Topics(std::vector<Output> outputs) {
    emitted_.clear();
    const OutputPart part{PartitionId{4}, Offset{9}, std::move(outputs)};
    EXPECT_TRUE(EmitOutputs(part, context_, "n-1/7", Collect()).ok());
    std::vector<std::string> topics;
    for (const Emitted& e : emitted_) topics.push_back(e.topic);
    return topics;
  }
  Emit Collect() {
    return [this](const OutRecord& record) {
      Emitted& e = emitted_.emplace_back();
      e.topic = record.topic;
      e.partition = record.partition;
      e.key = record.key;
      if (record.value.has_value()) e.value = std::string(*record.value);
      for (const auto& [name, value] : record.headers) e.headers[std::string(name)] = value;
      return absl::OkStatus();
    };
  }
  static Action Of(ActionKind kind, Mode mode = Mode::kEnforce) {
    Action action;
    action.id = Hash128{1, 2};
    action.account = "user@example.jp";
    action.kind = kind;
    action.mode = mode;
    action.time = EventTime::FromSeconds(1'772'409'600);
    return action;
  }

  OutputContext context_{{}, Role::kAccounts, 3, Hash128{3, 4}, nullptr};
  std::vector<Emitted> emitted_;
};

TEST_F(OutputsTest, EachKindHasItsTopics) {
  EXPECT_THAT(Topics({Of(ActionKind::kObserve)}), ElementsAre("actions.notify"));
  EXPECT_THAT(Topics({Of(ActionKind::kNotify)}), ElementsAre("actions.notify"));
  EXPECT_THAT(Topics({Of(ActionKind::kThrottle)}), ElementsAre("actions.suspend", "verdicts"));
  EXPECT_THAT(Topics({Of(ActionKind::kSuspend)}), ElementsAre("actions.suspend", "verdicts"));
  EXPECT_THAT(Topics({Of(ActionKind::kRelease)}), ElementsAre("actions.suspend", "verdicts"));
  EXPECT_THAT(Topics({Of(ActionKind::kSuspend, Mode::kShadow)}), ElementsAre("actions.suspend"));
  EXPECT_THAT(Topics({Forgotten{"user@example.jp"}}), ElementsAre("verdicts"));
  EXPECT_FALSE(emitted_[0].value.has_value()) << "a tombstone";
  EXPECT_EQ(emitted_[0].partition, 4);
}

TEST_F(OutputsTest, AnActionIsACloudEvent) {
  context_.finding = [](const Action& action) { return "{\"of\":\"" + action.account + "\"}"; };
  EXPECT_THAT(Topics({Of(ActionKind::kThrottle)}), ElementsAre("actions.suspend", "verdicts", "findings"));
  const Emitted& action = emitted_[0];
  EXPECT_EQ(action.partition, 4);
  EXPECT_EQ(action.key, "user@example.jp");
  EXPECT_EQ(action.headers.at("ce_id"), "00000000000000010000000000000002");
  EXPECT_EQ(action.headers.at("ce_type"), "sekisho.v1.action.throttle");
  EXPECT_EQ(action.headers.at("ce_source"), "/sekisho/00000000000000030000000000000004/4");
  EXPECT_EQ(action.headers.at("ce_time"), "2026-03-02T00:00:00.000+00:00");
  EXPECT_EQ(action.headers.at("ce_specversion"), "1.0");
  EXPECT_EQ(action.headers.at("content-type"), "application/protobuf");
  EXPECT_EQ(action.headers.at("sekisho-owner"), "n-1/7");
  v1::Action buffer;
  Action back;
  ASSERT_TRUE(wire::DecodeAction(*action.value, &buffer, &back).ok());
  EXPECT_EQ(back.kind, ActionKind::kThrottle);
  EXPECT_EQ(emitted_[2].key, "00000000000000010000000000000002");
  EXPECT_EQ(emitted_[2].value, "{\"of\":\"user@example.jp\"}");
  EXPECT_EQ(emitted_[2].partition, -1);
}

// However large a record was that couldn't be used, its dead letter fits into one.
TEST_F(OutputsTest, ADeadLetterSaysWhyAndIsCut) {
  EXPECT_THAT(Topics({DeadLetter{Offset{8}, "too large", "record: 1048577 bytes", std::string((1 << 20) + 1, 'x')}}), ElementsAre("dead-letter"));
  EXPECT_EQ(emitted_[0].key, "4/8");
  EXPECT_EQ(emitted_[0].value->size(), kDeadLetterBytesMax);
  EXPECT_EQ(emitted_[0].headers.at("sekisho-reason"), "too large");
  EXPECT_EQ(emitted_[0].headers.at("sekisho-detail"), "record: 1048577 bytes");
  EXPECT_EQ(emitted_[0].headers.at("sekisho-partition"), "4");
  EXPECT_EQ(emitted_[0].headers.at("sekisho-offset"), "8");
  EXPECT_EQ(emitted_[0].headers.at("sekisho-cut-from"), "1048577");
}

TEST_F(OutputsTest, JudgementsGoToEveryPartitionOfTheEvents) {
  OutputPart part{PartitionId{4}, Offset{9}, {JudgementBatch{PartitionId{4}, Offset{8}, EventTime::FromSeconds(1'772'409'600), {}}}};
  ASSERT_TRUE(EmitOutputs(part, context_, "node1-0/7", Collect()).ok());
  EXPECT_TRUE(emitted_.empty());  // in no transaction
  ASSERT_TRUE(EmitJudgements(part, context_, Collect()).ok());
  ASSERT_EQ(emitted_.size(), 3u);
  for (int32_t p = 0; p < 3; ++p) {
    EXPECT_EQ(emitted_[static_cast<size_t>(p)].topic, "events");
    EXPECT_EQ(emitted_[static_cast<size_t>(p)].partition, p);
    EXPECT_EQ(emitted_[static_cast<size_t>(p)].value, emitted_[0].value);
  }
}

// Goal: sightings go where all of one network are judged; a snapshot is its owner's. Method: one of each role.
TEST_F(OutputsTest, SightingsGoBesideTheSnapshot) {
  Sighting sighting;
  sighting.network = IpAddress::Parse("198.51.100.0").value();
  sighting.prefix_bits = 24;
  SnapshotPart part{PartitionId{4}, std::make_shared<PackedRecords>(), {}, {sighting}};
  ASSERT_TRUE(EmitSnapshot(part, context_, Collect()).ok());
  ASSERT_EQ(emitted_.size(), 2u);
  EXPECT_EQ(emitted_[0].topic, "sightings");
  EXPECT_EQ(emitted_[0].partition, -1);
  EXPECT_EQ(emitted_[0].key, std::string("\xc6\x33\x64\x00", 4));
  EXPECT_EQ(emitted_[1].topic, "snapshots");
  EXPECT_EQ(emitted_[1].key, "m");
  context_.role = Role::kEntities;
  part.sightings.clear();
  emitted_.clear();
  ASSERT_TRUE(EmitSnapshot(part, context_, Collect()).ok());
  ASSERT_EQ(emitted_.size(), 1u);
  EXPECT_EQ(emitted_[0].key, "M");
}

TEST_F(OutputsTest, TheFirstErrorEndsIt) {
  int calls = 0;
  const OutputPart part{PartitionId{0}, Offset{1}, {Of(ActionKind::kSuspend), Of(ActionKind::kSuspend)}};
  const absl::Status status = EmitOutputs(part, context_, "n-1/7", [&calls](const OutRecord&) {
    ++calls;
    return absl::UnavailableError("full");
  });
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace sekisho::kafka
