// Goal: orders, judgements and the passing of time mean the same on both sides of the wire, and nobody but a key's holder gives
// orders. Method: each kind goes there and back; then single fields and single bits are spoiled.
#include "engine/wire/record_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/base/hmac.h"

namespace sekisho::wire {
namespace {

using ::testing::HasSubstr;

const EventTime kNow = EventTime::FromSeconds(1'772'409'600);

OperatorKeys Keys() {
  OperatorKeys keys;
  EXPECT_TRUE(keys.Add("night", std::string(32, 'n')).ok());
  EXPECT_TRUE(keys.Add("day", std::string(40, 'd')).ok());
  return keys;
}

template <typename What>
Order Given(What what) {
  Order order;
  order.time = kNow;
  order.operator_name = "hanako";
  order.nonce = 0xfedcba9876543210;
  order.what = std::move(what);
  return order;
}

Exception SomeException(Subject::Kind kind, bool allow) {
  Exception e;
  e.allow = allow;
  e.subject.kind = kind;
  e.owner = "noc@example.jp";
  e.reason = "a load test";
  e.expires = kNow + Span::Days(30);
  switch (kind) {
    case Subject::Kind::kAccount: e.subject.name = "a@example.jp"; break;
    case Subject::Kind::kDomain: e.subject.name = "example.jp"; break;
    case Subject::Kind::kAsn: e.subject.asn = 64500; break;
    case Subject::Kind::kNetwork:
      e.subject.network = IpAddress::Parse("2001:db8:4::").value();
      e.subject.prefix_bits = 47;
      break;
  }
  return e;
}

Order Back(const std::string& bytes) {
  RecordBuffer buffer;
  DecodedRecord record;
  const absl::Status status = DecodeRecord(bytes, Keys(), &buffer, &record);
  EXPECT_TRUE(status.ok()) << status;
  const Order* order = std::get_if<Order>(&record.value);
  EXPECT_NE(order, nullptr);
  return order == nullptr ? Order() : *order;
}

absl::Status Refusal(const std::string& bytes) {
  RecordBuffer buffer;
  DecodedRecord record;
  return DecodeRecord(bytes, Keys(), &buffer, &record);
}

// As SignOrder, of a message that was spoiled.
std::string Signed(const v1::OperatorOrder& order) {
  v1::Record record;
  v1::SignedOrder* out = record.mutable_control()->mutable_signed_order();
  out->set_order(order.SerializeAsString());
  out->set_key_id("night");
  out->set_hmac(HmacSha256(std::string(32, 'n'), {std::string_view("sekisho.v1.OperatorOrder\0", 25), out->order()}));
  return record.SerializeAsString();
}

v1::OperatorOrder Message(const Order& order) {
  v1::Record record;
  EXPECT_TRUE(record.ParseFromString(SignOrder(order, Keys(), "night").value()));
  v1::OperatorOrder message;
  EXPECT_TRUE(message.ParseFromString(record.control().signed_order().order()));
  return message;
}

TEST(RecordCodecTest, APolicyComesBack) {
  const Order order = Back(SignOrder(Given(PolicyActivation{"site-3-0011aabb", "mode: shadow\n"}), Keys(), "day").value());
  EXPECT_EQ(order.time, kNow);
  EXPECT_EQ(order.operator_name, "hanako");
  EXPECT_EQ(order.nonce, 0xfedcba9876543210u);
  const auto& policy = std::get<PolicyActivation>(order.what);
  EXPECT_EQ(policy.version, "site-3-0011aabb");
  EXPECT_EQ(policy.yaml, "mode: shadow\n");
}

TEST(RecordCodecTest, AReleaseComesBack) {
  const Order order =
      Back(SignOrder(Given(AccountRelease{"b\xff@example.jp", "called us", Span::Days(1), true}), Keys(), "night").value());
  const auto& release = std::get<AccountRelease>(order.what);
  EXPECT_EQ(release.account, "b\xff@example.jp");
  EXPECT_EQ(release.reason, "called us");
  EXPECT_EQ(release.grace, Span::Days(1));
  EXPECT_TRUE(release.relapse_guard);
}

TEST(RecordCodecTest, ExceptionsOfEachKindComeBack) {
  for (const auto kind : {Subject::Kind::kAccount, Subject::Kind::kNetwork, Subject::Kind::kAsn, Subject::Kind::kDomain}) {
    for (const bool allow : {true, false}) {
      Exception wanted = SomeException(kind, allow);
      wanted.withdraw = allow;
      if (!allow) wanted.expires = EventTime::Never();
      const Order order = Back(SignOrder(Given(wanted), Keys(), "night").value());
      const auto& e = std::get<Exception>(order.what);
      EXPECT_EQ(e.allow, allow);
      EXPECT_EQ(e.subject, wanted.subject);
      EXPECT_EQ(e.owner, wanted.owner);
      EXPECT_EQ(e.reason, wanted.reason);
      EXPECT_EQ(e.expires, wanted.expires);
      EXPECT_EQ(e.withdraw, wanted.withdraw);
    }
  }
}

TEST(RecordCodecTest, ANetworkLosesItsHostBits) {
  v1::OperatorOrder message = Message(Given(SomeException(Subject::Kind::kNetwork, true)));
  message.mutable_allow()->mutable_subject()->set_network("192.0.2.77/25");
  const Order order = Back(Signed(message));
  const Subject& subject = std::get<Exception>(order.what).subject;
  EXPECT_EQ(subject.network.ToString(), "192.0.2.0");
  EXPECT_EQ(subject.prefix_bits, 25);
}

TEST(RecordCodecTest, TimeAndJudgementsComeBack) {
  RecordBuffer buffer;
  DecodedRecord record;
  ASSERT_TRUE(DecodeRecord(EncodeTimePasses(kNow), OperatorKeys(), &buffer, &record).ok());
  EXPECT_EQ(std::get<TimePasses>(record.value).time, kNow);
  JudgementBatch batch;
  batch.partition = PartitionId{2};
  batch.offset = Offset{77};
  batch.time = kNow;
  batch.judgements = {{IpAddress::Parse("192.0.2.0").value(), 24, 912, 12, 1, kNow + Span::Hours(72), EntityKind::kNetwork, {}},
                      {IpAddress::Parse("2001:db8::").value(), 48, 0, 0, 9, kNow + Span::Hours(1), EntityKind::kNetwork, {}},
                      {{}, 0, 77, 4, 30, kNow + Span::Hours(6), EntityKind::kDomain, DomainKey("a@company.example")},
                      {{}, 0, 530, 4, 0, kNow + Span::Hours(1), EntityKind::kCampaign, {3, 7}}};
  ASSERT_TRUE(DecodeRecord(EncodeJudgements(batch), OperatorKeys(), &buffer, &record).ok());
  const auto& back = std::get<JudgementBatch>(record.value);
  EXPECT_EQ(back.partition, batch.partition);
  EXPECT_EQ(back.offset, batch.offset);
  EXPECT_EQ(back.time, batch.time);
  ASSERT_EQ(back.judgements.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(back.judgements[i].of(), batch.judgements[i].of());
    EXPECT_EQ(back.judgements[i].network, batch.judgements[i].network);
    EXPECT_EQ(back.judgements[i].prefix_bits, batch.judgements[i].prefix_bits);
    EXPECT_EQ(back.judgements[i].score_milli, batch.judgements[i].score_milli);
    EXPECT_EQ(back.judgements[i].bad_accounts, batch.judgements[i].bad_accounts);
    EXPECT_EQ(back.judgements[i].good_accounts, batch.judgements[i].good_accounts);
    EXPECT_EQ(back.judgements[i].expires, batch.judgements[i].expires);
  }
}

TEST(RecordCodecTest, AnEventKeepsItsOrigin) {
  v1::Record message;
  v1::Event* event = message.mutable_event();
  event->set_account("a@example.jp");
  event->set_time_ms(kNow.millis());
  event->mutable_mailbox_access();
  event->mutable_origin()->set_connector("mx1");
  event->mutable_origin()->set_epoch(7);
  event->mutable_origin()->set_stream(2);
  event->mutable_origin()->set_byte_position(99);
  event->mutable_origin()->set_index(3);
  RecordBuffer buffer;
  DecodedRecord record;
  ASSERT_TRUE(DecodeRecord(message.SerializeAsString(), OperatorKeys(), &buffer, &record).ok());
  EXPECT_EQ(std::get<Event>(record.value).account, "a@example.jp");
  EXPECT_EQ(record.origin.connector, "mx1");
  EXPECT_EQ(record.origin.epoch, 7u);
  EXPECT_EQ(record.origin.stream, 2u);
  EXPECT_EQ(record.origin.position, (StreamPosition{99, 3}));
  event->mutable_origin()->set_connector(std::string(kConnectorBytesMax + 1, 'x'));
  EXPECT_TRUE(absl::IsResourceExhausted(Refusal(message.SerializeAsString())));
}

// Goal: an order that anybody but a key's holder touched is refused. Method: another key, no key, and each bit of the signed
// bytes and of the signature turned over.
TEST(RecordCodecTest, OnlyAKeysHolderGivesOrders) {
  const std::string good = SignOrder(Given(AccountRelease{"a@example.jp", "called us", Span(), false}), Keys(), "night").value();
  v1::Record record;
  ASSERT_TRUE(record.ParseFromString(good));
  v1::SignedOrder* order = record.mutable_control()->mutable_signed_order();
  for (const char* id : {"day", "nobody", ""}) {
    order->set_key_id(id);
    const absl::Status status = Refusal(record.SerializeAsString());
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << id << ": " << status;
    EXPECT_EQ(RefusalReason(status), "signature");
    EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("nobody"))) << "a stranger's words";
  }
  order->set_key_id("night");
  ASSERT_TRUE(Refusal(record.SerializeAsString()).ok());
  const v1::SignedOrder whole = *order;
  for (std::string* field : {order->mutable_order(), order->mutable_hmac()}) {
    for (size_t bit = 0; bit < 8 * field->size(); ++bit) {
      (*field)[bit / 8] = static_cast<char>((*field)[bit / 8] ^ (1 << bit % 8));
      ASSERT_TRUE(absl::IsPermissionDenied(Refusal(record.SerializeAsString()))) << bit;
      (*field)[bit / 8] = static_cast<char>((*field)[bit / 8] ^ (1 << bit % 8));
    }
    field->pop_back();
    ASSERT_TRUE(absl::IsPermissionDenied(Refusal(record.SerializeAsString())));
    *order = whole;
  }
  EXPECT_TRUE(absl::IsPermissionDenied(DecodeRecord(good, OperatorKeys(), std::make_unique<RecordBuffer>().get(),
                                                    std::make_unique<DecodedRecord>().get())))
      << "without keys nobody gives orders";
}

// Goal: what cannot be is refused by the name of its field, though it is signed. Method: spoil one field at a time.
TEST(RecordCodecTest, SpoiltFieldsAreNamed) {
  const auto expect = [](const v1::OperatorOrder& message, const std::string& field) {
    const absl::Status status = Refusal(Signed(message));
    EXPECT_FALSE(status.ok()) << field;
    EXPECT_FALSE(absl::IsPermissionDenied(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  };
  const v1::OperatorOrder policy = Message(Given(PolicyActivation{"v", "mode: shadow\n"}));
  v1::OperatorOrder bad = policy;
  bad.set_time_ms(0);
  expect(bad, "order.time_ms");
  bad = policy;
  bad.clear_operator_();
  expect(bad, "order.operator");
  bad = policy;
  bad.mutable_policy()->set_yaml("mode: enforce\n");
  expect(bad, "order.policy.text_hash");
  bad = policy;
  bad.mutable_policy()->clear_version();
  expect(bad, "order.policy.version");
  bad = policy;
  bad.mutable_policy()->set_yaml(std::string(kPolicyBytesMax + 1, '#'));
  expect(bad, "order.policy.yaml");
  bad = policy;
  bad.clear_policy();
  expect(bad, "order: absent");
  const v1::OperatorOrder release = Message(Given(AccountRelease{"a@example.jp", "", Span::Days(1), false}));
  bad = release;
  bad.mutable_release()->clear_account();
  expect(bad, "order.release.account");
  bad = release;
  bad.mutable_release()->set_grace_ms(-1);
  expect(bad, "order.release.grace_ms");
  bad = release;
  bad.mutable_release()->set_reason(std::string(kOrderTextBytesMax + 1, 'x'));
  expect(bad, "order.release.reason");
  const v1::OperatorOrder deny = Message(Given(SomeException(Subject::Kind::kNetwork, false)));
  for (const char* network : {"", "192.0.2.0/33", "example.jp", "192.0.2.0/24 "}) {
    bad = deny;
    bad.mutable_deny()->mutable_subject()->set_network(network);
    expect(bad, "order.subject.network");
  }
  bad = deny;
  bad.mutable_deny()->mutable_subject()->set_asn(0);
  expect(bad, "order.subject.asn");
  bad = deny;
  bad.mutable_deny()->clear_subject();
  expect(bad, "order.subject");
  bad = deny;
  bad.mutable_deny()->set_expires_ms(-5);
  expect(bad, "order.expires_ms");
}

TEST(RecordCodecTest, WhatSaysNothingIsRefusedByKind) {
  EXPECT_EQ(RefusalReason(Refusal("\xff\xff")), "undecodable");
  EXPECT_EQ(RefusalReason(Refusal("")), "newer schema");
  EXPECT_EQ(RefusalReason(Refusal(std::string(kEventBytesMax + 1, 'x'))), "too large");
  v1::Record record;
  record.mutable_control()->mutable_heartbeat()->set_time_ms(-1);
  EXPECT_THAT(std::string(Refusal(record.SerializeAsString()).message()), HasSubstr("heartbeat.time_ms"));
  v1::JudgementBatch* batch = record.mutable_control()->mutable_judgements();
  batch->set_time_ms(1);
  v1::Judgement* judgement = batch->add_judgements();
  judgement->set_network("abcd");
  judgement->set_prefix_bits(33);
  judgement->set_expires_ms(1);
  EXPECT_THAT(std::string(Refusal(record.SerializeAsString()).message()), HasSubstr("judgement.network"));
  judgement->set_prefix_bits(24);
  judgement->set_score_milli(1001);
  EXPECT_THAT(std::string(Refusal(record.SerializeAsString()).message()), HasSubstr("judgement.score_milli"));
}

TEST(RecordCodecTest, WeakOrDoubleKeysAndUnusableOrdersAreRefusedBeforeTheyAreSent) {
  OperatorKeys keys;
  EXPECT_TRUE(absl::IsInvalidArgument(keys.Add("k", std::string(31, 'k'))));
  EXPECT_TRUE(absl::IsInvalidArgument(keys.Add("", std::string(32, 'k'))));
  EXPECT_TRUE(keys.Add("k", std::string(32, 'k')).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(keys.Add("k", std::string(32, 'l'))));
  const AccountRelease release{"a@example.jp", "", Span(), false};
  EXPECT_TRUE(absl::IsInvalidArgument(SignOrder(Given(release), keys, "other").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SignOrder(Given(AccountRelease{"", "", Span(), false}), keys, "k").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SignOrder(Given(AccountRelease{"a", "b\xff", Span(), false}), keys, "k").status()));
}

}  // namespace
}  // namespace sekisho::wire
