// Goal: engine/kafka keeps its promises against a real broker: what is published, what snapshots are, what is said. Method: client_test.py
// starts one and runs this and its neighbours (client_log_test.cc, client_group_test.cc).
// Usage: kafka_client_test BROKERS [GoogleTest's own]
#include "tests/kafka/client_fixture.h"

namespace sekisho::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Goal: outputs and offsets become visible together, each where it belongs; a log's beginning is told.
TEST_F(ClientTest, PublishesOutputsWithOffsets) {
  auto client = Connect("n-1");
  AwaitChange(client.get());
  Produce(0, std::vector<std::string>(5, EventBytes("a@example.jp", 1)));
  EXPECT_EQ(AwaitOutputs(client.get()), Publishing::kIdle);
  client->publisher()->BeginOutputs({Part(0, 4, {SomeAction("a@example.jp", ActionKind::kSuspend, 1), SomeAction("b@example.jp", ActionKind::kObserve, 2),
                                                 Forgotten{"c@example.jp"}, DeadLetter{Offset{3}, "undecodable", "why", std::string(1 << 20, 'x')}}),
                                     Part(1, 7)});
  EXPECT_EQ(AwaitOutputs(client.get()), Publishing::kCommitted);
  EXPECT_EQ(AwaitOutputs(client.get()), Publishing::kIdle);
  EXPECT_EQ(AwaitCommitted(client.get(), PartitionId{0}), Offset{4});
  EXPECT_EQ(AwaitCommitted(client.get(), PartitionId{1}), Offset{7});
  EXPECT_THAT(Committed(topics_.actions_suspend, 1),
              ElementsAre(::testing::AllOf(HasSubstr("0|a@example.jp|"), HasSubstr("ce_id=00000000000000000000000000000001"),
                                           HasSubstr("ce_type=sekisho.v1.action.suspend"), HasSubstr("ce_time=2026-03-02T00:00:00.000+00:00"),
                                           HasSubstr("ce_source=/sekisho/00000000000000010000000000000002/0"), HasSubstr("sekisho-owner=n-1/"))));
  EXPECT_THAT(Committed(topics_.actions_notify, 1), ElementsAre(HasSubstr("0|b@example.jp|")));
  EXPECT_THAT(Committed(topics_.verdicts, 2), ElementsAre(HasSubstr("0|a@example.jp|"), HasSubstr("0|c@example.jp|-1|")));
  EXPECT_EQ(Committed(topics_.findings, 2).size(), 2u);
  EXPECT_THAT(Committed(topics_.dead_letter, 1), ElementsAre(HasSubstr("|0/3|921600|sekisho-reason=undecodable")));
  const std::vector<TransactionReport> reports = client->TakeTransactions();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports[0].committed);
  EXPECT_EQ(reports[0].records, 7u);
}

std::string Shown(const SnapshotBatch& batch) {
  std::string out;
  for (size_t i = 0; i < batch.records.size(); ++i) {
    absl::StrAppend(&out, batch.records.id(i).hash.low, "=", std::string(batch.records.record(i)), " ");
  }
  if (batch.marker.has_value()) absl::StrAppend(&out, "L", batch.marker->next.value, "/", batch.marker->globals.size());
  return out;
}

// Goal: snapshots come back whole, to who restores and to who follows; nothing of a transaction that wasn't committed.
// Method: three commits, one with a marker too large for a record; a stranger's open transaction in the middle of it all.
TEST_F(ClientTest, SnapshotsComeBackAndCanBeFollowed) {
  auto client = Connect("n-1");
  AwaitChange(client.get());
  EXPECT_EQ(AwaitSnapshots(client.get()), Publishing::kIdle);
  const auto open = [&](std::optional<Offset> from) {
    absl::StatusOr<std::unique_ptr<SnapshotReader>> reader = absl::UnavailableError("");
    EXPECT_TRUE(Until(
        [&] {
          reader = from.has_value() ? client->snapshots()->Follow(PartitionId{0}, *from) : client->snapshots()->Open(PartitionId{0});
          return !absl::IsUnavailable(reader.status());
        },
        [&] { client->Wait(Span::Millis(5)); }));
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  };
  // Everything up to a batch that has an end, or a marker.
  const auto read = [&](SnapshotReader* reader, bool to_end) {
    std::string all;
    SnapshotBatch batch;
    EXPECT_TRUE(Until(
        [&] {
          auto got = reader->Read();
          EXPECT_TRUE(got.ok()) << got.status();
          if (!got.ok()) return true;
          batch = *std::move(got);
          all += Shown(batch);
          return to_end ? batch.end : batch.marker.has_value();
        },
        [&] { client->Wait(Span::Millis(5)); }));
    return std::make_pair(all, batch.next);
  };
  const auto publish = [&](SnapshotPart part) {
    client->publisher()->BeginSnapshots({std::move(part)});
    EXPECT_EQ(AwaitSnapshots(client.get()), Publishing::kCommitted);
    EXPECT_EQ(AwaitSnapshots(client.get()), Publishing::kIdle);
  };
  EXPECT_EQ(read(open(std::nullopt).get(), true).first, "") << "nothing was ever committed";
  publish(Snapshot(0, 5, {{1, "one"}, {2, "two"}}));
  publish(Snapshot(0, 9, {{1, "uno"}}, std::string(1'300'000, 'g')));
  // A commit can be read a moment later.
  EXPECT_TRUE(Until([&] { return read(open(std::nullopt).get(), true).first == "1=one 2=two L5/11=uno L9/1300000"; }));
  auto follower = open(Offset{0});
  EXPECT_EQ(read(follower.get(), true).first, "1=one 2=two L5/11=uno L9/1300000");
  publish(Snapshot(0, 12, {{3, "three"}}));
  const auto [third, next] = read(follower.get(), false);
  EXPECT_EQ(third, "3=three L12/1");
  ASSERT_TRUE(next.has_value());
  follower.reset();
  publish(Snapshot(0, 15, {{2, "dos"}}));
  follower = open(*next);
  EXPECT_EQ(read(follower.get(), false).first, "2=dos L15/1");
  auto beyond = client->snapshots()->Follow(PartitionId{1}, Offset{100});
  EXPECT_TRUE(Until([&] { return !absl::IsUnavailable((beyond = client->snapshots()->Follow(PartitionId{1}, Offset{100})).status()); },
                    [&] { client->Wait(Span::Millis(5)); }));
  EXPECT_TRUE(absl::IsOutOfRange(beyond.status())) << beyond.status();
}

// Goal: what an operator got wrong is said, with what to do; nothing dies of it that could go on. Method: a topic of another
// partition count, one that isn't there, no broker, and whose log this is.
TEST_F(ClientTest, SaysWhatIsWrong) {
  const std::string right = topics_.verdicts;
  topics_.verdicts = "narrow";
  auto admin = TopicAdmin::Connect({{"bootstrap.servers", *g_brokers}}, Span::Seconds(20));
  ASSERT_TRUE(admin.ok()) << admin.status();
  ASSERT_TRUE((*admin)->CreateMissing({{"narrow", 1, 1, {}, {}}}).ok());
  auto client = Connect("n-1");
  absl::Status status;
  EXPECT_TRUE(Until([&] { return !(status = client->group()->Poll().status()).ok(); }, [&] { client->Wait(Span::Millis(5)); }));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("topic narrow has 1 partitions"));

  topics_.verdicts = "comes-later";
  client.reset();
  notices_.clear();
  client = Connect("n-1");
  EXPECT_TRUE(Until([&] { return !notices_.empty(); },
                    [&] {
                      EXPECT_TRUE(client->group()->Poll().ok());
                      client->Wait(Span::Millis(5));
                    }));
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("topic comes-later isn't there, or this user may not see it hint=a topic isn't there: sekisho topics create")));
  ASSERT_TRUE((*admin)->CreateMissing({{"comes-later", kPartitions, 1, {}, {}}}).ok());
  EXPECT_EQ(AwaitChange(client.get()).kind, GroupChange::Kind::kAssigned);
  topics_.verdicts = right;

  client.reset();
  notices_.clear();
  client = Connect("n-1", {{"bootstrap.servers", "127.0.0.1:1"}});
  EXPECT_TRUE(Until([&] { return !notices_.empty(); },
                    [&] {
                      EXPECT_TRUE(client->group()->Poll().ok());
                      client->Wait(Span::Millis(5));
                    }));
  EXPECT_THAT(notices_[0], HasSubstr("refused"));

  const KafkaSettings settings = {{"bootstrap.servers", *g_brokers}};
  const auto id = LogId(settings, "events", "1", Span::Seconds(20));
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(LogId(settings, "events", "1", Span::Seconds(20)).value_or(Hash128{}), *id);
  EXPECT_NE(LogId(settings, "events", "2", Span::Seconds(20)).value_or(Hash128{}), *id);
  EXPECT_NE(LogId(settings, "event", "s1", Span::Seconds(20)).value_or(Hash128{}), *id);
}

}  // namespace
}  // namespace sekisho::kafka

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: kafka_client_test BROKERS\n");
    return 2;
  }
  *sekisho::kafka::g_brokers = argv[1];
  return RUN_ALL_TESTS();
}
