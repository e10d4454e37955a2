// Goal: a partition has one owner; whoever was it before can change nothing any more, and what it left open ends.
#include "tests/kafka/client_fixture.h"

namespace sekisho::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Goal: a node that comes takes its share, and the old owner's last transaction still counts until it lets go; afterwards no
// more. Method: two workers, polled by turns.
TEST_F(ClientTest, HandsOverInGoodOrder) {
  auto first = Connect("n-1");
  EXPECT_EQ(AwaitChange(first.get()).partitions.size(), 2u);
  EXPECT_EQ(AwaitOutputs(first.get()), Publishing::kIdle);
  auto second = Connect("n-2");
  GroupChange change;
  EXPECT_TRUE(Until(
      [&] {
        EXPECT_EQ(second->group()->Poll()->kind, GroupChange::Kind::kNone);
        change = *first->group()->Poll();
        return change.kind != GroupChange::Kind::kNone;
      },
      [&] { first->Wait(Span::Millis(5)); }));
  EXPECT_EQ(change.kind, GroupChange::Kind::kRevoked);
  first->publisher()->BeginOutputs({Part(0, 11), Part(1, 12)});
  EXPECT_EQ(AwaitOutputs(first.get()), Publishing::kCommitted);
  first->group()->Release();
  GroupChange of_first, of_second;
  EXPECT_TRUE(Until(
      [&] {
        if (of_first.kind == GroupChange::Kind::kNone) of_first = *first->group()->Poll();
        if (of_second.kind == GroupChange::Kind::kNone) of_second = *second->group()->Poll();
        return of_first.kind != GroupChange::Kind::kNone && of_second.kind != GroupChange::Kind::kNone;
      },
      [&] { first->Wait(Span::Millis(5)); }));
  EXPECT_EQ(of_first.kind, GroupChange::Kind::kAssigned);
  EXPECT_EQ(of_second.kind, GroupChange::Kind::kAssigned);
  ASSERT_EQ(of_first.partitions.size(), 1u);
  ASSERT_EQ(of_second.partitions.size(), 1u);
  EXPECT_NE(of_first.partitions[0], of_second.partitions[0]);
  EXPECT_EQ(AwaitCommitted(second.get(), of_second.partitions[0]), Offset{of_second.partitions[0].value == 0 ? 11 : 12});
}

// Goal: a worker whose place another process has taken can publish neither outputs nor snapshots, and ends with a word on
// what to do. Method: a second one under the same name.
TEST_F(ClientTest, RefusesAZombie) {
  auto zombie = Connect("n-1");
  AwaitChange(zombie.get());
  EXPECT_EQ(AwaitOutputs(zombie.get()), Publishing::kIdle);
  EXPECT_EQ(AwaitSnapshots(zombie.get()), Publishing::kIdle);
  // Its producers have other names, so that the group alone can tell.
  auto heir = Connect("n-1");
  EXPECT_EQ(AwaitChange(heir.get()).kind, GroupChange::Kind::kAssigned);
  zombie->publisher()->BeginOutputs({Part(0, 5, {SomeAction("a@example.jp", ActionKind::kSuspend, 1)})});
  EXPECT_EQ(AwaitOutputs(zombie.get()), Publishing::kUnknown);
  zombie->publisher()->BeginSnapshots({Snapshot(0, 5, {{1, "one"}})});
  EXPECT_EQ(AwaitSnapshots(zombie.get()), Publishing::kUnknown);
  absl::Status final_error;
  EXPECT_TRUE(Until([&] { return !(final_error = zombie->group()->Poll().status()).ok(); }, [&] { zombie->Wait(Span::Millis(5)); }));
  EXPECT_TRUE(absl::IsFailedPrecondition(final_error)) << final_error;
  EXPECT_THAT(std::string(final_error.message()), HasSubstr("another process has joined group"));
  zombie.reset();
  // Whose producers were fenced by the zombie's last start, perhaps: then it begins anew.
  Publishing state = Publishing::kUnknown;
  while (state == Publishing::kUnknown) {
    state = AwaitOutputs(heir.get());
    if (state != Publishing::kIdle) continue;
    heir->publisher()->BeginOutputs({Part(0, 6, {SomeAction("b@example.jp", ActionKind::kSuspend, 2)})});
    state = AwaitOutputs(heir.get());
  }
  EXPECT_EQ(state, Publishing::kCommitted);
  EXPECT_EQ(AwaitCommitted(heir.get(), PartitionId{0}), Offset{6});
  EXPECT_THAT(Committed(topics_.actions_suspend, 1), ElementsAre(HasSubstr("b@example.jp")));
  EXPECT_THAT(ReadOnce(topics_.snapshots), ElementsAre());
}

// A transaction under any id that commits offsets to the group as somebody from outside.
class Stranger {
 public:
  explicit Stranger(const std::string& id) {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", g_brokers->c_str(), text, sizeof(text));
    rd_kafka_conf_set(conf, "transactional.id", id.c_str(), text, sizeof(text));
    rd_kafka_conf_set_log_cb(conf, nullptr);
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    EXPECT_EQ(rd_kafka_init_transactions(producer_, 20'000), nullptr);
  }
  ~Stranger() { rd_kafka_destroy(producer_); }
  void Begin(const std::string& group, const std::string& topic, int partition, int64_t offset, const std::string& metadata) {
    EXPECT_EQ(rd_kafka_begin_transaction(producer_), nullptr);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t* entry = rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
    entry->offset = offset;
    if (!metadata.empty()) {
      entry->metadata = strdup(metadata.c_str());
      entry->metadata_size = metadata.size();
    }
    rd_kafka_consumer_group_metadata_t* cgmd = rd_kafka_consumer_group_metadata_new(group.c_str());
    rd_kafka_error_t* error = rd_kafka_send_offsets_to_transaction(producer_, list, cgmd, 20'000);
    EXPECT_EQ(error, nullptr) << rd_kafka_error_string(error);
    rd_kafka_consumer_group_metadata_destroy(cgmd);
    rd_kafka_topic_partition_list_destroy(list);
  }
  bool Commit() {
    rd_kafka_error_t* error = rd_kafka_commit_transaction(producer_, 20'000);
    const bool done = error == nullptr;
    if (error != nullptr) rd_kafka_error_destroy(error);
    return done;
  }

 private:
  rd_kafka_t* producer_ = nullptr;
};

// Goal: while an earlier owner's transaction is open, nobody says what is committed. Method: one of each kind is left open
// by somebody whom the group doesn't know, and then ends.
TEST_F(ClientTest, WaitsForOffsetsThatMayChange) {
  for (const std::string* topic : {&topics_.events, &topics_.snapshots}) {
    Stranger stranger(absl::StrCat("stranger-", *topic));
    stranger.Begin(group_, *topic, 0, 42, "");
    auto client = Connect("n-1");
    AwaitChange(client.get());
    std::optional<Offset> other = AwaitCommitted(client.get(), PartitionId{1});
    EXPECT_EQ(other, std::nullopt);
    absl::Status answer;
    int answers = 0;
    // "being asked" is no answer.
    EXPECT_TRUE(Until(
        [&] {
          answer = client->group()->Committed(PartitionId{0}).status();
          EXPECT_TRUE(absl::IsUnavailable(answer)) << answer;
          if (answer.message() != "being asked") ++answers;
          return answers == 3;
        },
        [&] { client->Wait(Span::Millis(5)); }));
    EXPECT_TRUE(stranger.Commit());
    EXPECT_EQ(AwaitCommitted(client.get(), PartitionId{0}), Offset{42});
  }
}

// Goal: a dead owner's open transaction holds its heir up for two seconds, not until it times out. Method: one that
// published before under its own name, and then died in the middle of a transaction.
TEST_F(ClientTest, EndsWhatADeadOwnerLeftOpen) {
  Stranger dead(group_ + "-n-9-outputs");
  dead.Begin(group_, topics_.events, 0, 10, "sekisho 1 n-9");
  EXPECT_TRUE(dead.Commit());
  dead.Begin(group_, topics_.events, 0, 20, "sekisho 1 n-9");
  auto client = Connect("n-1");
  AwaitChange(client.get());
  const Span asked = SteadyNow();
  EXPECT_EQ(AwaitCommitted(client.get(), PartitionId{0}), Offset{10});
  EXPECT_LT((SteadyNow() - asked).millis(), 10'000);
  EXPECT_FALSE(dead.Commit());
  client->Wait(Span());
  EXPECT_THAT(notices_, ::testing::Contains(HasSubstr("transaction_aborted owner=n-9")));
}

}  // namespace
}  // namespace sekisho::kafka
