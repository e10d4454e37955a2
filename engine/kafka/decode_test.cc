// Goal: every record of a partition becomes a value, whatever its bytes; what was decoded stays valid until Reset.
// Method: good records of each kind, then rubbish, cut and too large ones.
#include "engine/kafka/decode.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/wire/sighting_codec.h"

namespace sekisho::kafka {
namespace {

std::string EventBytes(const std::string& account) {
  v1::Record record;
  v1::Event* event = record.mutable_event();
  event->set_account(account);
  event->set_time_ms(1'772'409'600'000);
  event->set_ip(std::string("\xc6\x33\x64\x07", 4));
  event->set_schema_min(1);
  event->mutable_mailbox_access();
  event->mutable_origin()->set_connector("mx1");
  event->mutable_origin()->set_epoch(7);
  event->mutable_origin()->set_stream(2);
  event->mutable_origin()->set_byte_position(99);
  event->mutable_origin()->set_index(1);
  return record.SerializeAsString();
}

TEST(DecodeTest, EventsAndHeartbeats) {
  const wire::OperatorKeys keys;
  Decoder decoder(&keys, [](const IpAddress&) { return Place{0x4a50, 64500}; });
  std::vector<std::string> bytes;
  for (int i = 0; i < 100; ++i) bytes.push_back(EventBytes("user" + std::to_string(i) + "@example.jp"));
  for (int round = 0; round < 2; ++round) {
    decoder.Reset();
    std::vector<LogRecord> records;
    for (int i = 0; i < 100; ++i) records.push_back(decoder.Decode(Offset{i}, bytes[static_cast<size_t>(i)]));
    for (int i = 0; i < 100; ++i) {
      const LogRecord& record = records[static_cast<size_t>(i)];
      ASSERT_TRUE(std::holds_alternative<Event>(record.value));
      const Event& event = std::get<Event>(record.value);
      EXPECT_EQ(event.account, "user" + std::to_string(i) + "@example.jp");
      EXPECT_EQ(event.kind, EventKind::kMailboxAccess);
      EXPECT_EQ(event.place.asn, 64500u);
      EXPECT_EQ(record.offset, Offset{i});
      EXPECT_EQ(record.origin.connector, "mx1");
      EXPECT_EQ(record.origin.stream, 2u);
      EXPECT_EQ(record.origin.position, (StreamPosition{99, 1}));
      EXPECT_EQ(record.bytes.data(), bytes[static_cast<size_t>(i)].data());
    }
  }
  const std::string heartbeat = wire::EncodeTimePasses(EventTime::FromSeconds(1'772'409'700));
  const LogRecord record = decoder.Decode(Offset{5}, heartbeat);
  ASSERT_TRUE(std::holds_alternative<Heartbeat>(record.value));
  EXPECT_EQ(std::get<Heartbeat>(record.value).time, EventTime::FromSeconds(1'772'409'700));
}

// Goal: an operator's order is one under a key that is known here, and else a reason that is the same for all such records.
TEST(DecodeTest, OrdersAndJudgements) {
  wire::OperatorKeys keys;
  ASSERT_TRUE(keys.Add("noc", std::string(32, 'k')).ok());
  Order order;
  order.time = EventTime::FromSeconds(1'772'409'700);
  order.operator_name = "hanako";
  order.nonce = 7;
  order.what = AccountRelease{"a@example.jp", "called us", Span::Days(1), true};
  const std::string bytes = wire::SignOrder(order, keys, "noc").value();
  Decoder decoder(&keys, nullptr);
  const LogRecord record = decoder.Decode(Offset{5}, bytes);
  ASSERT_TRUE(std::holds_alternative<Order>(record.value));
  EXPECT_EQ(std::get<AccountRelease>(std::get<Order>(record.value).what).account, "a@example.jp");
  const wire::OperatorKeys none;
  Decoder stranger(&none, nullptr);
  const LogRecord refused = stranger.Decode(Offset{5}, bytes);
  ASSERT_TRUE(std::holds_alternative<Unusable>(refused.value));
  EXPECT_EQ(std::get<Unusable>(refused.value).reason, "signature");
  JudgementBatch batch;
  batch.time = order.time;
  const std::string judgements = wire::EncodeJudgements(batch);
  EXPECT_TRUE(std::holds_alternative<JudgementBatch>(stranger.Decode(Offset{6}, judgements).value));
}

TEST(DecodeTest, EntityShardsReadSightingsAndNothingElse) {
  const wire::OperatorKeys keys;
  Decoder decoder(&keys, nullptr, Role::kEntities);
  Sighting sighting;
  sighting.network = IpAddress::Parse("198.51.100.0").value();
  sighting.prefix_bits = 24;
  sighting.time = EventTime::FromSeconds(1'772'409'600);
  const LogRecord record = decoder.Decode(Offset{5}, wire::EncodeSighting(sighting));
  ASSERT_TRUE(std::holds_alternative<Sighting>(record.value));
  EXPECT_EQ(std::get<Sighting>(record.value).network, sighting.network);
  const LogRecord refused = decoder.Decode(Offset{6}, "\xff\xff");
  ASSERT_TRUE(std::holds_alternative<Unusable>(refused.value));
  EXPECT_EQ(std::get<Unusable>(refused.value).reason, "undecodable");
  EXPECT_EQ(std::get<Unusable>(decoder.Decode(Offset{7}, EventBytes("user@example.jp")).value).reason, "newer schema");
}

TEST(DecodeTest, TheRestIsUnusable) {
  const wire::OperatorKeys keys;
  Decoder decoder(&keys, nullptr);
  const auto reason = [&decoder](std::string_view bytes) {
    const LogRecord record = decoder.Decode(Offset{1}, bytes);
    const Unusable* unusable = std::get_if<Unusable>(&record.value);
    if (unusable == nullptr) return std::string("usable");
    EXPECT_FALSE(unusable->detail.empty());
    return std::string(unusable->reason);
  };
  EXPECT_EQ(reason("\xff\xff\xff"), "undecodable");
  EXPECT_EQ(reason(std::string((1 << 20) + 1, 'x')), "too large");
  EXPECT_EQ(reason(""), "newer schema") << "nothing that this version knows";
  const std::string good = EventBytes("user@example.jp");
  EXPECT_EQ(reason(good), "usable");
  for (size_t n = 1; n < good.size(); ++n) EXPECT_NE(reason(std::string_view(good).substr(0, n)), "usable") << n;
  v1::Record newer;
  newer.ParseFromString(good);
  newer.mutable_event()->set_schema_min(99);
  EXPECT_EQ(reason(newer.SerializeAsString()), "newer schema");
  EXPECT_EQ(reason(wire::EncodeTimePasses(EventTime::FromMillis(-5))), "undecodable");
}

}  // namespace
}  // namespace sekisho::kafka
