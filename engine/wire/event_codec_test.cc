// Goal: an event means the same on both sides of the wire, and bytes from elsewhere give an event or a status that names
// the field. Method: every kind with every field it may carry goes there and back, also under random fields from a
// printed seed; then single fields are spoiled.
#include "engine/wire/event_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace sekisho::wire {
namespace {

using ::testing::HasSubstr;

// Fills in what events of this kind carry, from `random`.
Event RandomEvent(EventKind kind, std::mt19937_64& random, std::vector<EventRecipient>* recipients) {
  Event e;
  e.kind = kind;
  e.service = static_cast<Service>(random() % 6);
  e.via_webmail = random() % 2;
  e.time = EventTime::FromMillis(1 + static_cast<int64_t>(random() % 2'000'000'000'000));
  e.account = "user@example.jp";
  e.id = AccountId::FromLogin(e.account);
  e.ip = random() % 2 ? IpAddress::FromV4(static_cast<uint32_t>(random())) : *IpAddress::Parse("2001:db8::1:2");
  e.host = "mx1";
  recipients->clear();
  if (kind == EventKind::kLoginFailed) e.failure = static_cast<FailureKind>(1 + random() % 6);
  if (kind == EventKind::kSubmission || kind == EventKind::kQueued) {
    e.recipients = static_cast<uint32_t>(random() % 1000);
    e.size_bytes = random();
    e.sender_key = random();
    e.sent_by_webmail_log = kind == EventKind::kSubmission && random() % 2;
    for (uint64_t n = random() % 5; n > 0; --n) recipients->push_back({"example.com", random()});
  }
  if (kind == EventKind::kDelivery) {
    e.delivery = static_cast<DeliveryStatus>(random() % 5);
    e.spam_refusal = random() % 2;
    e.status_class = 5, e.status_subject = static_cast<uint16_t>(random() % 1000), e.status_detail = 999;
    recipients->push_back({"example.net", random()});
  }
  if (kind == EventKind::kContentVerdict) e.score_milli = static_cast<int32_t>(random() % 20'000) - 10'000;
  e.recipient_list = *recipients;
  return e;
}

void ExpectSame(const Event& a, const Event& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.service, b.service);
  EXPECT_EQ(a.failure, b.failure);
  EXPECT_EQ(a.delivery, b.delivery);
  EXPECT_EQ(a.via_webmail, b.via_webmail);
  EXPECT_EQ(a.spam_refusal, b.spam_refusal);
  EXPECT_EQ(a.sent_by_webmail_log, b.sent_by_webmail_log);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.account, b.account);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.ip, b.ip);
  EXPECT_EQ(a.host, b.host);
  EXPECT_EQ(a.recipients, b.recipients);
  EXPECT_EQ(a.size_bytes, b.size_bytes);
  EXPECT_EQ(a.sender_key, b.sender_key);
  EXPECT_EQ(a.status_class, b.status_class);
  EXPECT_EQ(a.status_subject, b.status_subject);
  EXPECT_EQ(a.status_detail, b.status_detail);
  EXPECT_EQ(a.score_milli, b.score_milli);
  ASSERT_EQ(a.recipient_list.size(), b.recipient_list.size());
  for (size_t i = 0; i < a.recipient_list.size(); ++i) {
    EXPECT_EQ(a.recipient_list[i].domain, b.recipient_list[i].domain);
    EXPECT_EQ(a.recipient_list[i].key, b.recipient_list[i].key);
  }
}

TEST(EventCodec, ThereAndBack) {
  const uint64_t seed = 3;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  EventBuffer buffer;
  v1::Event message;
  std::vector<EventRecipient> recipients;
  for (int kind = 0; kind < kEventKinds; ++kind) {
    for (int i = 0; i < 100; ++i) {
      const Event sent = RandomEvent(static_cast<EventKind>(kind), random, &recipients);
      EncodeEvent(sent, &message);
      Event got;
      const absl::Status status = DecodeEvent(message.SerializeAsString(), &buffer, &got);
      ASSERT_TRUE(status.ok()) << status;
      ExpectSame(sent, got);
    }
  }
}

TEST(EventCodec, UnknownAddressStaysUnknown) {
  std::mt19937_64 random(1);
  std::vector<EventRecipient> recipients;
  Event sent = RandomEvent(EventKind::kLogin, random, &recipients);
  sent.ip = IpAddress();
  v1::Event message;
  EncodeEvent(sent, &message);
  EXPECT_TRUE(message.ip().empty());
  EventBuffer buffer;
  Event got;
  ASSERT_TRUE(DecodeEvent(message.SerializeAsString(), &buffer, &got).ok());
  EXPECT_TRUE(got.ip.unspecified());
}

TEST(EventCodec, LoginThatIsNoUtf8Survives) {
  std::mt19937_64 random(1);
  std::vector<EventRecipient> recipients;
  Event sent = RandomEvent(EventKind::kLogin, random, &recipients);
  sent.account = std::string_view("\xff\xfe\0@x", 5);
  sent.id = AccountId::FromLogin(sent.account);
  v1::Event message;
  EncodeEvent(sent, &message);
  EventBuffer buffer;
  Event got;
  ASSERT_TRUE(DecodeEvent(message.SerializeAsString(), &buffer, &got).ok());
  ExpectSame(sent, got);
}

TEST(EventCodec, SpoiledFieldsAreNamed) {
  struct Case {
    absl::StatusCode code;
    std::string says;
    std::function<void(v1::Event*)> spoil;
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kNewer = absl::StatusCode::kUnimplemented;
  constexpr auto kTooMuch = absl::StatusCode::kResourceExhausted;
  const Case cases[] = {
      {kInvalid, "event.account", [](v1::Event* e) { e->clear_account(); }},
      {kTooMuch, "event.account", [](v1::Event* e) { e->set_account(std::string(5000, 'a')); }},
      {kInvalid, "event.time_ms", [](v1::Event* e) { e->clear_time_ms(); }},
      {kInvalid, "event.time_ms", [](v1::Event* e) { e->set_time_ms(INT64_MAX); }},
      {kInvalid, "event.ip", [](v1::Event* e) { e->set_ip("12345"); }},
      {kNewer, "event.service: value 77", [](v1::Event* e) { e->set_service(static_cast<v1::Service>(77)); }},
      {kNewer, "event.listener: value -1", [](v1::Event* e) { e->set_listener(static_cast<v1::Listener>(-1)); }},
      {kNewer, "event.schema_min: needs schema 2", [](v1::Event* e) { e->set_schema_min(2); }},
      {kNewer, "event.body", [](v1::Event* e) { e->clear_body(); }},
      {kNewer, "event.delivery.status: value 9",
       [](v1::Event* e) { e->mutable_delivery()->set_status(static_cast<v1::DeliveryStatus>(9)); }},
      {kInvalid, "event.delivery.code", [](v1::Event* e) { e->mutable_delivery()->mutable_code()->set_detail(70'000); }},
      {kNewer, "event.authentication.failure: value 50",
       [](v1::Event* e) { e->mutable_authentication()->set_failure(static_cast<v1::FailureKind>(50)); }},
      {kInvalid, "event.authentication.failure", [](v1::Event* e) { e->mutable_authentication()->set_success(false); }},
      {kTooMuch, "event.submission.recipient_list",
       [](v1::Event* e) {
         for (int i = 0; i <= kRecipientListMax; ++i) e->mutable_submission()->add_recipient_list();
       }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.says);
    v1::Event message;
    message.set_account("user@example.jp");
    message.set_time_ms(1);
    message.mutable_mailbox_access();
    c.spoil(&message);
    EventBuffer buffer;
    Event event;
    const absl::Status status = DecodeEvent(message.SerializeAsString(), &buffer, &event);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
  }
}

// A writer of a later minor version adds fields; whoever does not know them takes the rest.
TEST(EventCodec, FieldsAddedLaterAreIgnored) {
  v1::Event message;
  message.set_account("user@example.jp");
  message.set_time_ms(1);
  message.mutable_mailbox_access();
  message.GetReflection()->MutableUnknownFields(&message)->AddVarint(90, 12345);
  EventBuffer buffer;
  Event event;
  EXPECT_TRUE(DecodeEvent(message.SerializeAsString(), &buffer, &event).ok());
}

TEST(EventCodec, RubbishIsRefused) {
  EventBuffer buffer;
  Event event;
  EXPECT_EQ(DecodeEvent("\xff\xff\xff", &buffer, &event).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeEvent("", &buffer, &event).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeEvent(std::string(kEventBytesMax + 1, 'x'), &buffer, &event).code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sekisho::wire
