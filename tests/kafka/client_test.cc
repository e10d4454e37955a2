// Goal: engine/kafka keeps its promises against a real broker. Method: client_test.py starts one and runs this; each test
// makes topics of its own. Reads what was published by kcat, a client that nobody here wrote.
// Usage: kafka_client_test BROKERS [GoogleTest's own]
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
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

// The committed records, each as "partition|key|length of the value|headers", as kcat prints them.
std::vector<std::string> ReadOnce(const std::string& topic) {
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

// Once there are that many: a transaction that was committed shows a moment later.
std::vector<std::string> Committed(const std::string& topic, size_t count) {
  std::vector<std::string> lines;
  EXPECT_TRUE(Until([&] { return (lines = ReadOnce(topic)).size() >= count; }));
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
      if (notice.level != NoticeLevel::kInfo) notices_.push_back(line);
    };
    auto client = Client::Connect(options);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // The next change of any kind.
  GroupChange AwaitChange(Client* client) {
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
  return {PartitionId{partition}, records, marker, {}};
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
