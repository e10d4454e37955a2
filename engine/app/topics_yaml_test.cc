// The file of topics: the one that ships says what the design promises; a broken one is refused, with its place.
#include "engine/app/topics_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace sekisho::app {
namespace {

using ::testing::HasSubstr;

const kafka::TopicSpec* Find(const std::vector<kafka::TopicSpec>& specs, std::string_view name) {
  for (const kafka::TopicSpec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

std::string Shipped() {
  std::ifstream file("deploy/topics.yaml");
  return {std::istreambuf_iterator<char>(file), {}};
}

// Goal: what the fold relies on is in the file that ships: co-partitioned topics, compaction where a state is kept, no
// retention by size under a shard.
TEST(Topics, ShippedFileKeepsThePromises) {
  const auto specs = ParseTopics(Shipped(), "topics.yaml", {});
  ASSERT_TRUE(specs.ok()) << specs.status();
  const kafka::TopicSpec* events = Find(*specs, "events");
  ASSERT_NE(events, nullptr);
  EXPECT_EQ(events->at_least.at("retention.ms"), Span::Days(7).millis());
  EXPECT_EQ(events->at_least.at("retention.bytes"), kafka::kUnlimited);
  for (const char* name : {"actions.suspend", "actions.notify", "verdicts", "snapshots"}) {
    ASSERT_NE(Find(*specs, name), nullptr) << name;
    EXPECT_EQ(Find(*specs, name)->partitions, events->partitions) << name;
  }
  for (const char* name : {"verdicts", "snapshots"}) EXPECT_EQ(Find(*specs, name)->exactly.at("cleanup.policy"), "compact");
  for (const kafka::TopicSpec& spec : *specs) {
    EXPECT_EQ(spec.replication, 3) << spec.name;
    EXPECT_EQ(spec.at_least.at("min.insync.replicas"), 2) << spec.name;
  }
}

// Goal: a small cluster overrides numbers, and is not asked for more copies in sync than it has.
TEST(Topics, Overrides) {
  const auto specs = ParseTopics(Shipped(), "topics.yaml", {.replication = 1, .partitions = {{"accounts", 4}}});
  ASSERT_TRUE(specs.ok()) << specs.status();
  EXPECT_EQ(Find(*specs, "events")->partitions, 4);
  EXPECT_EQ(Find(*specs, "verdicts")->partitions, 4);
  EXPECT_EQ(Find(*specs, "events")->at_least.at("min.insync.replicas"), 1);
  EXPECT_THAT(ParseTopics(Shipped(), "t", {.partitions = {{"nobody", 4}}}).status().message(), HasSubstr("no group nobody"));
}

// Goal: what is wrong is named with its place.
TEST(Topics, RefusesWhatIsWrong) {
  const auto refused = [](const std::string& yaml) {
    return std::string(ParseTopics(yaml, "t.yaml", {}).status().message());
  };
  const std::string head = "groups: {a: 2}\nreplication: 1\ntopics:\n  x:\n    group: a\n";
  EXPECT_EQ(refused(head), "");
  EXPECT_THAT(refused(head + "    more: 1\n"), HasSubstr("t.yaml:6:11: unknown key more"));
  EXPECT_THAT(refused(head + "    at_least: {retention.ms: soon}\n"), HasSubstr("retention.ms must be a number, a duration like 7d"));
  EXPECT_THAT(refused(head + "    at_least: {retention.bytes: 7d}\n"), HasSubstr("retention.bytes must be a number"));
  EXPECT_THAT(refused("groups: {a: 0}\nreplication: 1\ntopics: {x: {group: a}}\n"), HasSubstr("a must be from 1"));
  EXPECT_THAT(refused("groups: {a: 1}\nreplication: 1\ntopics: {x: {group: b}}\n"), HasSubstr("names no group"));
  EXPECT_THAT(refused("groups: {a: 1}\ntopics: {x: {group: a}}\n"), HasSubstr("replication"));
  EXPECT_THAT(refused("groups: {a: 1, a: 2}\nreplication: 1\ntopics: {x: {group: a}}\n"), HasSubstr("twice"));
  EXPECT_THAT(refused("groups: [\n"), HasSubstr("t.yaml:"));
  EXPECT_THAT(refused(""), HasSubstr("must be a map"));
  EXPECT_THAT(refused("- a\n"), HasSubstr("must be a map"));
}

}  // namespace
}  // namespace sekisho::app
