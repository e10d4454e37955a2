// Goal: engine/kafka keeps its promises against a real broker. Method: client_test.py starts one and runs this; each test
// makes topics of its own. Reads what was published by kcat, a client that nobody here wrote.
// Usage: kafka_client_test BROKERS [GoogleTest's own]
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"
#include "engine/kafka/topics.h"
#include "engine/wire/record_codec.h"
#include "sekisho/v1/record.pb.h"

namespace sekisho::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string* const g_brokers = new std::string;
constexpr int kPartitions = 2;
constexpr auto kPatience = std::chrono::seconds(30);

Span SteadyNow() {
  return Span::Millis(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// Polls until it is true; false after kPatience.
bool Until(const std::function<bool()>& condition, const std::function<void()>& between = nullptr) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    if (between) {
      between();
    } else {
      std::this_thread::yield();
    }
  }
  return true;
}

// One record as kcat prints it: "topic partition offset key value headers", committed ones only.
std::vector<std::string> Committed(const std::string& topic) {
  const std::string command = absl::StrCat("kcat -C -q -e -o beginning -b ", *g_brokers, " -t ", topic,
                                           " -X isolation.level=read_committed -f '%p|%k|%S|%h\\n' 2>&1");
  FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  char chunk[4096];
  for (size_t n; (n = fread(chunk, 1, sizeof(chunk), pipe)) > 0;) out.append(chunk, n);
  EXPECT_EQ(pclose(pipe), 0) << out;
  std::vector<std::string> lines;
  for (size_t at = 0; at < out.size();) {
    const size_t end = std::min(out.find('\n', at), out.size());
    lines.push_back(out.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string prefix = absl::StrCat(::testing::UnitTest::GetInstance()->current_test_info()->name(), ".");
    group_ = prefix + "group";
    std::vector<TopicSpec> specs;
    for (std::string* name : {&topics_.events, &topics_.sightings, &topics_.actions_suspend, &topics_.actions_notify, &topics_.verdicts,
                              &topics_.findings, &topics_.snapshots, &topics_.dead_letter}) {
      *name = prefix + *name;
      specs.push_back({*name, kPartitions, 1, {}, {}});
    }
    auto admin = TopicAdmin::Connect({{"bootstrap.servers", *g_brokers}}, Span::Seconds(20));
    ASSERT_TRUE(admin.ok()) << admin.status();
    auto made = (*admin)->CreateMissing(specs);
    ASSERT_TRUE(made.ok()) << made.status();
  }

  std::unique_ptr<Client> Connect(const std::string& instance, KafkaSettings more = {}) {
    ClientOptions options;
    options.settings = {{"bootstrap.servers", *g_brokers}};
    options.settings.insert(options.settings.end(), more.begin(), more.end());
    options.group = group_;
    options.instance = instance;
    options.topics = topics_;
    options.log_id = Hash128{1, 2};
    options.steady = SteadyNow;
    options.locate = [](const IpAddress& ip) { return Place{0x4a50, ip.is_v4() ? 4u : 6u}; };
    options.finding = [](const Action& action) { return absl::StrCat("{\"uid\":\"", action.id.ToHex(), "\"}"); };
    options.notice = [this](const Notice& notice) {
      std::string line(notice.name);
      for (const auto& [name, value] : notice.fields) absl::StrAppend(&line, " ", std::string(name), "=", value);
      notices_.push_back(line);
    };
    auto client = Client::Connect(options);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // The next change of any kind.
  GroupChange AwaitChange(Client* client, Client* other = nullptr) {
    GroupChange change;
    EXPECT_TRUE(Until(
        [&] {
          auto polled = client->group()->Poll();
          EXPECT_TRUE(polled.ok()) << polled.status();
          if (!polled.ok()) return true;
          change = *polled;
          return change.kind != GroupChange::Kind::kNone;
        },
        [&] { client->Wait(Span::Millis(5)); }))
        << (notices_.empty() ? "no notice" : notices_.back());
    return change;
  }

  std::optional<Offset> AwaitCommitted(Client* client, PartitionId partition) {
    absl::StatusOr<std::optional<Offset>> committed = absl::UnavailableError("");
    EXPECT_TRUE(Until([&] { return !absl::IsUnavailable((committed = client->group()->Committed(partition)).status()); },
                      [&] { client->Wait(Span::Millis(5)); }));
    EXPECT_TRUE(committed.ok()) << committed.status();
    return committed.ok() ? *committed : std::nullopt;
  }

  Publishing AwaitOutputs(Client* client) { return AwaitPublishing(client, &Publisher::PollOutputs); }
  Publishing AwaitSnapshots(Client* client) { return AwaitPublishing(client, &Publisher::PollSnapshots); }
  Publishing AwaitPublishing(Client* client, absl::StatusOr<Publishing> (Publisher::*poll)()) {
    Publishing state = Publishing::kBusy;
    EXPECT_TRUE(Until(
        [&] {
          auto polled = (client->publisher()->*poll)();
          EXPECT_TRUE(polled.ok()) << polled.status();
          state = polled.value_or(Publishing::kUnknown);
          return state != Publishing::kBusy;
        },
        [&] { client->Wait(Span::Millis(5)); }));
    return state;
  }

  void Produce(int partition, const std::vector<std::string>& values) {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", g_brokers->c_str(), text, sizeof(text));
    rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    for (const std::string& value : values) {
      rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topics_.events.c_str()), RD_KAFKA_V_PARTITION(partition),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);
    }
    EXPECT_EQ(rd_kafka_flush(producer, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
  }

  static std::string EventBytes(const std::string& account, uint64_t byte, uint32_t schema = 1) {
    v1::Record record;
    v1::Event* event = record.mutable_event();
    event->set_account(account);
    event->set_time_ms(1'772'409'600'000);
    event->set_ip(std::string("\x7f\0\0\1", 4));
    event->set_schema_min(schema);
    event->mutable_authentication()->set_success(true);
    event->mutable_origin()->set_connector("mx1");
    event->mutable_origin()->set_epoch(7);
    event->mutable_origin()->set_byte_position(byte);
    return record.SerializeAsString();
  }

  static Action SomeAction(const std::string& account, ActionKind kind, uint64_t id) {
    Action action;
    action.id = Hash128{0, id};
    action.account = account;
    action.kind = kind;
    action.time = EventTime::FromSeconds(1'772'409'600);
    action.generation = 3;
    action.policy = "p1";
    action.rule = "two_families";
    return action;
  }

  Topics topics_;
  std::string group_;
  std::vector<std::string> notices_;
};

OutputPart Part(int partition, int64_t next, std::vector<Output> outputs = {}) {
  return {PartitionId{partition}, Offset{next}, std::move(outputs)};
}

SnapshotPart Snapshot(int partition, int64_t next, const std::vector<std::pair<uint64_t, std::string>>& states, std::string globals = "g") {
  auto records = std::make_shared<PackedRecords>();
  for (const auto& [id, state] : states) records->Add(AccountId{Hash128{9, id}}, state);
  ShardMarker marker;
  marker.next = Offset{next};
  marker.log_id = Hash128{1, 2};
  marker.globals = std::move(globals);
  return {PartitionId{partition}, records, marker};
}

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
  EXPECT_THAT(Committed(topics_.actions_suspend),
              ElementsAre(::testing::AllOf(HasSubstr("0|a@example.jp|"), HasSubstr("ce_id=00000000000000000000000000000001"),
                                           HasSubstr("ce_type=sekisho.v1.action.suspend"), HasSubstr("ce_time=2026-03-02T00:00:00.000+00:00"),
                                           HasSubstr("ce_source=/sekisho/00000000000000010000000000000002/0"), HasSubstr("sekisho-owner=n-1/"))));
  EXPECT_THAT(Committed(topics_.actions_notify), ElementsAre(HasSubstr("0|b@example.jp|")));
  EXPECT_THAT(Committed(topics_.verdicts), ElementsAre(HasSubstr("0|a@example.jp|"), HasSubstr("0|c@example.jp|-1|")));
  EXPECT_EQ(Committed(topics_.findings).size(), 2u);
  EXPECT_THAT(Committed(topics_.dead_letter), ElementsAre(HasSubstr("|0/3|921600|sekisho-reason=undecodable")));
  const std::vector<TransactionReport> reports = client->TakeTransactions();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports[0].committed);
  EXPECT_EQ(reports[0].records, 7u);
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
