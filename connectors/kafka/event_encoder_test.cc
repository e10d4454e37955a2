// What an event says arrives on the wire; what no engine is told of does not leave.
#include "connectors/kafka/event_encoder.h"

#include <gtest/gtest.h>

#include <vector>

namespace sekisho::connectors {
namespace {

constexpr EventTime kTime = EventTime::FromMillis(1'772'355'600'123);

v1::Event Encoded(const Event& event) {
  EventEncoder encoder({"mx1", 7});
  std::string bytes;
  EXPECT_TRUE(encoder.Encode(event, {2, 345, 1}, &bytes));
  v1::Record record;
  EXPECT_TRUE(record.ParseFromString(bytes));
  EXPECT_TRUE(record.has_event());
  return record.event();
}

TEST(EventEncoder, CommonFields) {
  Event event;
  event.kind = Kind::kLogin;
  event.service = Service::kImap;
  event.listener = Listener::kPort587;
  event.outcome = Outcome::kSuccess;
  event.time = kTime;
  event.account = "a@example.jp";
  event.ip = *IpAddress::Parse("192.0.2.7");
  event.host = "mx1";
  event.client_name = "home.example";
  event.client_port = 4711;
  event.method = "PLAIN";
  event.session = "s1";
  event.via_webmail = true;
  const v1::Event wire = Encoded(event);
  EXPECT_EQ(wire.account(), "a@example.jp");
  EXPECT_EQ(wire.ip(), "\xc0" + std::string("\0\2\7", 3));
  EXPECT_EQ(wire.time_ms(), kTime.millis());
  EXPECT_EQ(wire.host(), "mx1");
  EXPECT_EQ(wire.service(), v1::SERVICE_IMAP);
  EXPECT_EQ(wire.listener(), v1::LISTENER_PORT587);
  EXPECT_TRUE(wire.via_webmail());
  EXPECT_EQ(wire.client_name(), "home.example");
  EXPECT_EQ(wire.client_port(), 4711u);
  EXPECT_EQ(wire.session(), "s1");
  EXPECT_EQ(wire.schema_min(), 1u);
  EXPECT_TRUE(wire.authentication().success());
  EXPECT_EQ(wire.authentication().method(), "PLAIN");
  EXPECT_EQ(wire.origin().connector(), "mx1");
  EXPECT_EQ(wire.origin().epoch(), 7u);
  EXPECT_EQ(wire.origin().stream(), 2u);
  EXPECT_EQ(wire.origin().byte_position(), 345u);
  EXPECT_EQ(wire.origin().index(), 1u);
}

TEST(EventEncoder, Delivery) {
  const std::vector<Recipient> recipients = {{"example.org", 99}};
  Event event;
  event.kind = Kind::kDelivery;
  event.outcome = Outcome::kBounced;
  event.time = kTime;
  event.account = "a@example.jp";
  event.recipient_list = recipients;
  event.status = {5, 7, 1};
  event.spam_refusal = true;
  event.queue_id = "4ABC";
  const v1::Event wire = Encoded(event);
  EXPECT_EQ(wire.ip(), "");
  EXPECT_EQ(wire.delivery().status(), v1::DELIVERY_STATUS_BOUNCED);
  EXPECT_EQ(wire.delivery().code().klass(), 5u);
  EXPECT_EQ(wire.delivery().code().subject(), 7u);
  EXPECT_EQ(wire.delivery().code().detail(), 1u);
  EXPECT_TRUE(wire.delivery().spam_refusal());
  EXPECT_EQ(wire.delivery().recipient().domain(), "example.org");
  EXPECT_EQ(wire.delivery().recipient().key(), 99u);
  EXPECT_EQ(wire.delivery().queue_id(), "4ABC");
}

// Goal: a failure always has a kind; a reader would refuse it otherwise.
TEST(EventEncoder, FailureWithoutAKind) {
  Event event;
  event.kind = Kind::kLoginFailed;
  event.time = kTime;
  event.account = "a";
  EXPECT_EQ(Encoded(event).authentication().failure(), v1::FAILURE_KIND_CREDENTIALS);
  event.failure = FailureKind::kUnknownUser;
  EXPECT_EQ(Encoded(event).authentication().failure(), v1::FAILURE_KIND_UNKNOWN_USER);
}

// Goal: a message to very many keeps its count, and stays below what a broker takes.
TEST(EventEncoder, ManyRecipients) {
  const std::string domain(255, 'd');
  const std::vector<Recipient> recipients(50'000, {domain, 1});
  Event event;
  event.kind = Kind::kSubmission;
  event.service = Service::kWebmail;
  event.time = kTime;
  event.account = "a";
  event.recipients = 50'000;
  event.recipient_list = recipients;
  const v1::Event wire = Encoded(event);
  EXPECT_EQ(wire.submission().recipients(), 50'000u);
  EXPECT_TRUE(wire.submission().told_by_webmail());
  EXPECT_LT(wire.ByteSizeLong(), 300'000u);
  EXPECT_GT(wire.submission().recipient_list_size(), 900);
}

TEST(EventEncoder, NotForTheEngine) {
  EventEncoder encoder({"mx1", 7});
  std::string bytes = "old";
  Event event;
  event.time = kTime;
  EXPECT_FALSE(encoder.Encode(event, {}, &bytes));  // no account
  EXPECT_EQ(bytes, "");
  event.account = "a";
  for (const Kind kind : {Kind::kRejected, Kind::kSession}) {
    event.kind = kind;
    EXPECT_FALSE(encoder.Encode(event, {}, &bytes));
  }
}

TEST(EventEncoder, Heartbeat) {
  EventEncoder encoder({"mx1", 7});
  std::string bytes;
  encoder.EncodeHeartbeat(kTime, &bytes);
  v1::Record record;
  ASSERT_TRUE(record.ParseFromString(bytes));
  EXPECT_EQ(record.control().heartbeat().time_ms(), kTime.millis());
}

}  // namespace
}  // namespace sekisho::connectors
