// Goal: a partition's log is read from any offset that it holds to its end, by a member of the group and by who reads offline.
#include "tests/kafka/client_fixture.h"

namespace sekisho::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Goal: whoever joins is given partitions, and reads them from any offset; whatever stands there comes as a record.
// Method: events, a heartbeat of the client's own, rubbish, a newer schema; then the log again from its middle.
TEST_F(ClientTest, ReadsWhatItWasAssigned) {
  auto client = Connect("n-1");
  const GroupChange change = AwaitChange(client.get());
  EXPECT_EQ(change.kind, GroupChange::Kind::kAssigned);
  EXPECT_THAT(change.partitions, ElementsAre(PartitionId{0}, PartitionId{1}));
  EXPECT_EQ(AwaitCommitted(client.get(), PartitionId{0}), std::nullopt);
  Produce(1, {EventBytes("a@example.jp", 10), "\x01rubbish", EventBytes("b@example.jp", 20, 99)});
  client->log()->AppendHeartbeat(PartitionId{1}, EventTime::FromSeconds(1'772'409'700));
  auto reader = client->log()->Open(PartitionId{1}, Offset{0});
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<std::string> seen;
  Offset next;
  EXPECT_TRUE(Until(
      [&] {
        auto batch = (*reader)->Read(2);
        EXPECT_TRUE(batch.ok()) << batch.status();
        if (!batch.ok()) return true;
        next = batch->next;
        for (const LogRecord& record : batch->records) {
          std::string line = absl::StrCat(record.offset.value, " ");
          if (const auto* event = std::get_if<Event>(&record.value)) {
            absl::StrAppend(&line, std::string(event->account), " ", event->place.asn, " ", std::string(record.origin.connector), " ", record.origin.position.byte);
          } else if (const auto* heartbeat = std::get_if<Heartbeat>(&record.value)) {
            absl::StrAppend(&line, "heartbeat ", heartbeat->time.millis());
          } else if (const auto* unusable = std::get_if<Unusable>(&record.value)) {
            absl::StrAppend(&line, std::string(unusable->reason), " ", record.bytes.size());
          }
          seen.push_back(line);
        }
        return seen.size() >= 4;
      },
      [&] { client->Wait(Span::Millis(5)); }));
  EXPECT_THAT(seen, ElementsAre("0 a@example.jp 4 mx1 10", "1 undecodable 8", HasSubstr("2 newer schema"), "3 heartbeat 1772409700000"));
  EXPECT_EQ(next, Offset{4});
  ASSERT_EQ(client->lags().size(), 1u);
  EXPECT_EQ(client->lags()[0].next, Offset{4});
  EXPECT_EQ(client->lags()[0].end, Offset{4});
  EXPECT_FALSE(client->lags()[0].newest.never());
  reader->reset();
  auto again = client->log()->Open(PartitionId{1}, Offset{3});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(Until(
      [&] {
        auto batch = (*again)->Read(10);
        return batch.ok() && batch->records.size() == 1 && batch->records[0].offset == Offset{3};
      },
      [&] { client->Wait(Span::Millis(5)); }));
}

// Goal: a log that no longer holds an offset says so, and where it begins. Method: the first records are deleted.
TEST_F(ClientTest, SaysWhenTheLogNoLongerHoldsAnOffset) {
  Produce(0, std::vector<std::string>(5, EventBytes("a@example.jp", 1)));
  char text[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", g_brokers->c_str(), text, sizeof(text));
  rd_kafka_t* admin = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
  rd_kafka_topic_partition_list_t* before = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(before, topics_.events.c_str(), 0)->offset = 3;
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(before);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(admin);
  rd_kafka_DeleteRecords(admin, &request, 1, nullptr, queue);
  rd_kafka_event_t* answer = rd_kafka_queue_poll(queue, 20'000);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(rd_kafka_event_error(answer), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_event_destroy(answer);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteRecords_destroy(request);
  rd_kafka_topic_partition_list_destroy(before);
  rd_kafka_destroy(admin);

  auto client = Connect("n-1");
  absl::StatusOr<Offset> begin = absl::UnavailableError("");
  EXPECT_TRUE(Until([&] { return !absl::IsUnavailable((begin = client->log()->Begin(PartitionId{0})).status()); },
                    [&] { client->Wait(Span::Millis(5)); }));
  ASSERT_TRUE(begin.ok()) << begin.status();
  EXPECT_EQ(*begin, Offset{3});
  auto reader = client->log()->Open(PartitionId{0}, Offset{1});
  ASSERT_TRUE(reader.ok()) << reader.status();
  absl::Status status;
  EXPECT_TRUE(Until([&] { return !(status = (*reader)->Read(10).status()).ok(); }, [&] { client->Wait(Span::Millis(5)); }));
  EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no longer holds offset 1: it begins at 3 and ends at 5"));

  auto offline = OfflineLog::Connect({{"bootstrap.servers", *g_brokers}}, topics_.events, nullptr, nullptr, Span::Seconds(20));
  ASSERT_TRUE(offline.ok()) << offline.status();
  EXPECT_EQ((*offline)->Partitions().value_or(0), kPartitions);
  EXPECT_EQ((*offline)->Begin(PartitionId{0}).value_or(Offset{}), Offset{3});
  EXPECT_EQ((*offline)->End(PartitionId{0}).value_or(Offset{}), Offset{5});
  EXPECT_EQ((*offline)->At(PartitionId{0}, EventTime::FromSeconds(1)).value_or(Offset{}), Offset{3}) << "what is left";
  EXPECT_EQ((*offline)->At(PartitionId{0}, EventTime::FromSeconds(32'472'144'000)).value_or(Offset{}), Offset{5}) << "2999";
  auto replay = (*offline)->Open(PartitionId{0}, Offset{3});
  ASSERT_TRUE(replay.ok()) << replay.status();
  Offset next{3};
  EXPECT_TRUE(Until(
      [&] {
        auto batch = (*replay)->Read(10);
        if (batch.ok()) next = batch->next;
        return !batch.ok() || next == Offset{5};
      },
      [&] { (*offline)->Wait(Span::Millis(5)); }));
  EXPECT_EQ(next, Offset{5});
}

// Goal: a log whose last offset holds no record is read to its end all the same. Method: the end that a transaction leaves.
TEST_F(ClientTest, ReadsToAnEndThatIsNoRecord) {
  auto client = Connect("n-1");
  AwaitChange(client.get());
  EXPECT_EQ(AwaitOutputs(client.get()), Publishing::kIdle);
  client->publisher()->BeginOutputs({Part(0, 4, {SomeAction("a@example.jp", ActionKind::kSuspend, 1)})});
  EXPECT_EQ(AwaitOutputs(client.get()), Publishing::kCommitted);
  auto offline = OfflineLog::Connect({{"bootstrap.servers", *g_brokers}}, topics_.actions_suspend, nullptr, nullptr, Span::Seconds(20));
  ASSERT_TRUE(offline.ok()) << offline.status();
  ASSERT_EQ((*offline)->End(PartitionId{0}).value_or(Offset{}), Offset{2});
  auto reader = (*offline)->Open(PartitionId{0}, Offset{0});
  ASSERT_TRUE(reader.ok()) << reader.status();
  Offset next;
  size_t records = 0;
  EXPECT_TRUE(Until(
      [&] {
        auto batch = (*reader)->Read(10);
        if (batch.ok()) next = batch->next;
        if (batch.ok()) records += batch->records.size();
        return !batch.ok() || next == Offset{2};
      },
      [&] { (*offline)->Wait(Span::Millis(5)); }));
  EXPECT_EQ(next, Offset{2});
  EXPECT_EQ(records, 1u);
}

}  // namespace
}  // namespace sekisho::kafka
