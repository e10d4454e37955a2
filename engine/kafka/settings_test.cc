// Goal: an operator's settings pass through, but none that the promise stands on. Method: asks librdkafka what it was told.
#include "engine/kafka/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sekisho::kafka {
namespace {

using ::testing::HasSubstr;

const KafkaSettings kSettings = {{"bootstrap.servers", "127.0.0.1:9"}, {"linger.ms", "3"}, {"session.timeout.ms", "9000"}};

std::string Get(const rd_kafka_conf_t* conf, const char* key) {
  char value[512];
  size_t size = sizeof(value);
  EXPECT_EQ(rd_kafka_conf_get(conf, key, value, &size), RD_KAFKA_CONF_OK) << key;
  return value;
}

TEST(SettingsTest, WhatThePromiseStandsOnIsRefusedByName) {
  EXPECT_TRUE(CheckSettings(kSettings).ok());
  for (const char* key : {"enable.auto.commit", "transactional.id", "group.instance.id", "isolation.level", "enable.idempotence"}) {
    KafkaSettings settings = kSettings;
    settings.emplace_back(key, "true");
    const absl::Status status = CheckSettings(settings);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << key;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string("Kafka setting ") + key + ": remove it"));
  }
  EXPECT_THAT(std::string(CheckSettings({}).message()), HasSubstr("bootstrap.servers: missing"));
}

// Goal: settings that are good alone and not together are refused before anything runs by them.
TEST(SettingsTest, WhatContradictsItselfIsRefused) {
  KafkaSettings settings = kSettings;
  settings.emplace_back("transaction.timeout.ms", "5000");
  const absl::Status status = CheckSettings(settings);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("`socket.timeout.ms` must be set <= `transaction.timeout.ms`"));
  settings.emplace_back("socket.timeout.ms", "4000");
  EXPECT_TRUE(CheckSettings(settings).ok()) << CheckSettings(settings);
}

TEST(SettingsTest, TheRestPassesThrough) {
  const auto member = MemberConf(kSettings, "g", "n-1");
  ASSERT_TRUE(member.ok()) << member.status();
  EXPECT_EQ(Get(member->get(), "session.timeout.ms"), "9000");
  EXPECT_EQ(Get(member->get(), "group.instance.id"), "n-1");
  EXPECT_EQ(Get(member->get(), "enable.auto.commit"), "false");
  EXPECT_EQ(Get(member->get(), "partition.assignment.strategy"), "range");
  EXPECT_EQ(Get(member->get(), "isolation.level"), "read_committed");

  const auto reader = ReaderConf(kSettings);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(Get(reader->get(), "auto.offset.reset"), "error");
  EXPECT_EQ(Get(reader->get(), "check.crcs"), "true");
  EXPECT_EQ(Get(reader->get(), "socket.nagle.disable"), "true");

  const auto transaction = TransactionConf(kSettings, "g-n-1-outputs");
  ASSERT_TRUE(transaction.ok()) << transaction.status();
  EXPECT_EQ(Get(transaction->get(), "linger.ms"), "3");
  EXPECT_EQ(Get(transaction->get(), "transactional.id"), "g-n-1-outputs");
  // A record never outlives its transaction.
  KafkaSettings longer = kSettings;
  longer.emplace_back("transaction.timeout.ms", "45000");
  const auto patient = TransactionConf(longer, "x");
  ASSERT_TRUE(patient.ok()) << patient.status();
  EXPECT_EQ(Get(patient->get(), "message.timeout.ms"), "45000");
  EXPECT_EQ(TransactionTimeout(longer), Span::Seconds(45));
}

TEST(SettingsTest, WhatLibrdkafkaDoesNotKnowIsNamed) {
  KafkaSettings settings = kSettings;
  settings.emplace_back("no.such.setting", "1");
  const auto conf = ReaderConf(settings);
  EXPECT_TRUE(absl::IsInvalidArgument(conf.status()));
  EXPECT_THAT(std::string(conf.status().message()), HasSubstr("no.such.setting"));
}

}  // namespace
}  // namespace sekisho::kafka
