// A client over a real broker, and what its tests ask of it; each test has topics of its own. What was published is read by kcat, a
// client that nobody here wrote.
#ifndef SEKISHO_TESTS_KAFKA_CLIENT_FIXTURE_H_
#define SEKISHO_TESTS_KAFKA_CLIENT_FIXTURE_H_

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

inline std::string* const g_brokers = new std::string;
inline constexpr int kPartitions = 2;
inline constexpr auto kPatience = std::chrono::seconds(30);

inline Span SteadyNow() {
  return Span::Millis(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// Polls until it is true; false after kPatience.
inline bool Until(const std::function<bool()>& condition, const std::function<void()>& between = nullptr) {
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
inline std::vector<std::string> ReadOnce(const std::string& topic) {
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
inline std::vector<std::string> Committed(const std::string& topic, size_t count) {
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

inline OutputPart Part(int partition, int64_t next, std::vector<Output> outputs = {}) {
  return {PartitionId{partition}, Offset{next}, std::move(outputs)};
}

inline SnapshotPart Snapshot(int partition, int64_t next, const std::vector<std::pair<uint64_t, std::string>>& states, std::string globals = "g") {
  auto records = std::make_shared<PackedRecords>();
  for (const auto& [id, state] : states) records->Add(AccountId{Hash128{9, id}}, state);
  ShardMarker marker;
  marker.next = Offset{next};
  marker.log_id = Hash128{1, 2};
  marker.globals = std::move(globals);
  return {PartitionId{partition}, records, marker, {}};
}

}  // namespace sekisho::kafka

#endif  // SEKISHO_TESTS_KAFKA_CLIENT_FIXTURE_H_
