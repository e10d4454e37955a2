// Goal: a configuration is taken as a whole or refused with file, line and key. Method: texts against what they must give.
#include "engine/app/engine_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "engine/state/testing/temporary_directory.h"

namespace sekisho::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kLeast[] = "name: node1\nstate: /var/lib/sekisho\nkafka: {bootstrap.servers: \"k1:9092\"}\n";

absl::StatusOr<EngineConfig> Parse(const std::string& yaml) { return ParseEngineConfig(yaml, "engine.yaml", "/etc/sekisho"); }
std::string Refusal(const std::string& yaml) {
  const absl::StatusOr<EngineConfig> config = Parse(yaml);
  EXPECT_TRUE(absl::IsInvalidArgument(config.status())) << yaml;
  return std::string(config.status().message());
}

TEST(EngineConfig, TheLeastIsEnough) {
  const absl::StatusOr<EngineConfig> config = Parse(kLeast);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "node1");
  EXPECT_EQ(config->group, "sekisho");
  EXPECT_EQ(config->topics.events, "events");
  EXPECT_EQ(config->standby, StandbyMode::kAll);
  EXPECT_EQ(config->commit_every, Span::Seconds(1));
  EXPECT_EQ(config->policy, "");
}

TEST(EngineConfig, EveryKeyIsTaken) {
  const absl::StatusOr<EngineConfig> config = Parse(
      "name: n-2\nstate: state\ngroup: g\nlog_generation: b\nworkers: 3\nmemory: 64MiB\ngeo: /g.mmdb\nasn: a.mmdb\n"
      "policy: p.yaml\nmetrics: 127.0.0.1:9464\nstandby: none\nstandby_join_below: 4\ncommit_every: 500ms\nlinger: 2ms\n"
      "kafka:\n  bootstrap.servers: k1:9092,k2:9092\n  security.protocol: SASL_SSL\n"
      "topics:\n  events: mail.events\n  actions.suspend: a.s\n"
      "operator_keys: {alice: keys/alice, bob: /keys/bob}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->state, "/etc/sekisho/state") << "from the file's folder";
  EXPECT_EQ(config->geo, "/g.mmdb");
  EXPECT_EQ(config->asn, "/etc/sekisho/a.mmdb");
  EXPECT_EQ(config->policy, "/etc/sekisho/p.yaml");
  EXPECT_EQ(config->workers, 3);
  EXPECT_EQ(config->memory, uint64_t{64} << 20);
  EXPECT_EQ(config->standby, StandbyMode::kNone);
  EXPECT_EQ(config->standby_join_below, 4);
  EXPECT_EQ(config->linger, Span::Millis(2));
  EXPECT_EQ(config->topics.events, "mail.events");
  EXPECT_EQ(config->topics.actions_suspend, "a.s");
  EXPECT_EQ(config->topics.snapshots, "snapshots");
  EXPECT_THAT(config->kafka, ElementsAre(Pair("bootstrap.servers", "k1:9092,k2:9092"), Pair("security.protocol", "SASL_SSL")));
  EXPECT_THAT(config->operator_keys, ElementsAre(Pair("alice", "/etc/sekisho/keys/alice"), Pair("bob", "/keys/bob")));
}

TEST(EngineConfig, WhatIsWrongIsSaidWithFileLineAndKey) {
  const std::string least = kLeast;
  EXPECT_THAT(Refusal(least + "partitions: 4\n"), HasSubstr("engine.yaml:4:1: partitions: unknown key"));
  EXPECT_THAT(Refusal(least + "workers: many\n"), HasSubstr("engine.yaml:4:10: workers: "));
  EXPECT_THAT(Refusal(least + "memory: 1\n"), HasSubstr("engine.yaml:4:9: memory: "));
  EXPECT_THAT(Refusal(least + "standby: some\n"), HasSubstr("engine.yaml:4:10: standby: "));
  EXPECT_THAT(Refusal(least + "topics: {event: x}\n"), HasSubstr("topics: there is no topic event"));
  EXPECT_THAT(Refusal(least + "topics: {events: \"a b\"}\n"), HasSubstr("topics: events: a name is wanted"));
  EXPECT_THAT(Refusal(least + "operator_keys: {\"a b\": f}\n"), HasSubstr("operator_keys: an id is wanted"));
  EXPECT_THAT(Refusal(least + "name: again\n"), HasSubstr("engine.yaml:4:1: name: is given twice"));
  EXPECT_THAT(Refusal("state: s\nkafka: {bootstrap.servers: k}\n"), HasSubstr("engine.yaml: name: must be given"));
  EXPECT_THAT(Refusal("name: n\nkafka: {bootstrap.servers: k}\n"), HasSubstr("engine.yaml: state: must be given"));
  EXPECT_THAT(Refusal("name: n\nstate: s\n"), HasSubstr("engine.yaml: kafka.bootstrap.servers: must be given"));
  EXPECT_THAT(Refusal("name: \"n 1\"\nstate: s\nkafka: {bootstrap.servers: k}\n"), HasSubstr("name: must be given, of letters"));
  EXPECT_THAT(std::string(LoadEngineConfig("/nonexistent/engine.yaml").status().message()),
              HasSubstr("/nonexistent/engine.yaml: can't be read"));
}

TEST(EngineConfig, KeysAreReadAndMustBeLongEnough) {
  const TemporaryDirectory directory;
  const std::string good = directory.path() + "/good", short_one = directory.path() + "/short";
  std::ofstream(good) << std::string(32, 'k') << "\n";
  std::ofstream(short_one) << std::string(31, 'k') << "\n";
  EngineConfig config;
  config.operator_keys = {{"alice", good}};
  const auto keys = LoadOperatorKeys(config);
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_THAT(*keys, ElementsAre(Pair("alice", std::string(32, 'k'))));
  EXPECT_EQ(LoadPseudonymKey(config).value(), std::nullopt);
  config.pseudonym_key_file = good;
  EXPECT_EQ(LoadPseudonymKey(config).value()->bytes, HashKey::FromPassphrase(std::string(32, 'k')).bytes);
  for (const std::string& bad : {short_one, directory.path() + "/absent", directory.path()}) {
    config.operator_keys = {{"alice", good}, {"bob", bad}};
    const absl::Status refused = LoadOperatorKeys(config).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << bad;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("operator_keys: bob: " + bad));
    config.pseudonym_key_file = bad;
    EXPECT_THAT(std::string(LoadPseudonymKey(config).status().message()), HasSubstr("pseudonym_key_file: " + bad));
  }
}

}  // namespace
}  // namespace sekisho::app
