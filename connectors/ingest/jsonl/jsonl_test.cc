// Goal: an event survives being printed and read; other people's events are taken where they make sense, and refused
// with a reason where they don't. Method: round trips of full, empty and hostile events; tables of lines.
#include "connectors/ingest/jsonl/jsonl.h"

#include <gtest/gtest.h>

#include "connectors/common/json.h"

namespace sekisho::connectors {
namespace {

class JsonlTest : public testing::Test {
 protected:
  // What reading `json` gives: the event printed again, or the result and its reason.
  std::string Read(std::string_view json) {
    std::string out;
    LogLine line;
    line.message = json;
    std::string_view reason;
    const ParseResult result = parser_->Parse(line, [&](const Event& e) { AppendJson(e, &out); }, &reason);
    if (result == ParseResult::kNotMine) return "not mine";
    return result == ParseResult::kMalformed ? std::string(reason) : out;
  }

  Canonicalizer canonicalizer_{{.default_realm = "example.jp"}, HashKey::FromPassphrase("test")};
  std::unique_ptr<Parser> parser_ = MakeJsonlParser(&canonicalizer_);
};

TEST_F(JsonlTest, AFullEventComesBack) {
  const Recipient to[] = {{"example.com", 1}, {"b\xff" "d", 0xfedcba9876543210}};
  Event e;
  e.kind = Kind::kSubmission;
  e.service = Service::kSmtp;
  e.listener = Listener::kPort587;
  e.outcome = Outcome::kSuccess;
  e.time = EventTime::FromMillis(1'772'323'200'123);
  e.account = "taro\n\"\xc3\x28@example.jp";
  e.ip = *IpAddress::Parse("2001:db8::1");
  e.via_webmail = true;
  e.client_name = "host.example";
  e.client_port = 65535;
  e.host = "mx1";
  e.queue_id = "4ABC";
  e.method = "PLAIN";
  e.session = "s/+1";
  e.recipients = 2;
  e.size_bytes = 1ull << 40;
  e.sender_domain = "example.jp";
  e.sender_key = 7;
  e.recipient_list = to;
  e.status = {5, 7, 26};
  e.spam_refusal = true;
  e.score_milli = -7250;
  e.auth_ok = 1, e.auth_tried = 2, e.rcpt_ok = 3, e.rcpt_tried = 4;
  std::string json;
  AppendJson(e, &json);
  EXPECT_EQ(Read(json), json);
  EXPECT_NE(json.find(R"("score":-7.250)"), std::string::npos);
}

TEST_F(JsonlTest, EveryWordComesBack) {
  for (int kind = 0; kind <= static_cast<int>(Kind::kComplaint); ++kind) {
    Event e;
    e.kind = static_cast<Kind>(kind);
    e.time = EventTime::FromSeconds(1'772'323'200);
    e.service = static_cast<Service>(kind % 6);
    e.listener = static_cast<Listener>(kind % 4);
    if (e.kind == Kind::kLoginFailed) e.failure = FailureKind::kUnknownUser;
    if (e.kind == Kind::kDelivery) e.outcome = Outcome::kDeferred;
    std::string json, again;
    AppendJson(e, &json);
    again = Read(json);
    EXPECT_EQ(Read(again), again);
    EXPECT_NE(again.find(KindName(e.kind)), std::string::npos);
  }
}

TEST_F(JsonlTest, TimeAndKindAreEnough) {
  EXPECT_EQ(Read(R"({"time":"2026-03-01T09:00:00+09:00","kind":"login"})"),
            R"({"time":"2026-03-01T00:00:00.000+00:00","kind":"login","outcome":"success"})");
  EXPECT_EQ(Read(R"({"time":"2026-03-01T09:00:00Z","kind":"login_failed","account":null,"x":{"y":[1]}})"),
            R"({"time":"2026-03-01T09:00:00.000+00:00","kind":"login_failed","outcome":"failure","failure":"credentials"})");
}

TEST_F(JsonlTest, LoginsAreMadeCanonicalOnce) {
  const std::string once = Read(R"({"time":"2026-03-01T09:00:00Z","kind":"login","account":" Taro "})");
  EXPECT_NE(once.find(R"("account":"taro@example.jp")"), std::string::npos);
  EXPECT_EQ(Read(once), once);
  const std::string hostile = Read(R"({"time":"2026-03-01T09:00:00Z","kind":"login","account":")" + std::string(999, 'x') + "\"}");
  EXPECT_EQ(Read(hostile), hostile);
}

TEST_F(JsonlTest, AddressesAreHashedAtOnce) {
  const std::string out = Read(
      R"({"time":"2026-03-01T09:00:00Z","kind":"submission","recipients":["Secret@Example.com","b@c.d"],"sender":"me@x.y"})");
  EXPECT_NE(out.find(R"("recipients":2,"recipient_domains":["example.com","c.d"])"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("sender_domain":"x.y")"), std::string::npos);
  EXPECT_EQ(out.find("ecret"), std::string::npos);
  EXPECT_EQ(out.find("me@"), std::string::npos);
  EXPECT_EQ(Read(out), out);
}

TEST_F(JsonlTest, AFailedLoginMayBeCalledALogin) {
  EXPECT_NE(Read(R"({"time":"2026-03-01T09:00:00Z","kind":"login","outcome":"failure"})").find("login_failed"),
            std::string::npos);
}

TEST_F(JsonlTest, WhatMakesNoSenseIsRefusedWithAReason) {
  const std::string head = R"({"time":"2026-03-01T09:00:00Z",)";
  const std::pair<std::string, const char*> cases[] = {
      {R"({"kind":"login"})", "time: missing, or no string"},
      {R"({"kind":"login","time":5})", "time: missing, or no string"},
      {R"({"kind":"login","time":"2026-03-01T09:00:00"})", "time: not RFC 3339 with an offset"},
      {head + R"("kind":3})", "kind: no string"},
      {head + R"("kind":"logins"})", "kind: an unknown word"},
      {head + R"("kind":""})", "kind: an unknown word"},
      {head + R"("kind":"login","service":"ftp"})", "service: an unknown word, or no string"},
      {head + R"("kind":"login","outcome":"sent"})", "outcome: doesn't fit the kind"},
      {head + R"("kind":"delivery","outcome":"success"})", "outcome: doesn't fit the kind"},
      {head + R"("kind":"delivery"})", "outcome: missing in a delivery"},
      {head + R"("kind":"login_failed","outcome":"success"})", "outcome: doesn't fit the kind"},
      {head + R"("kind":"login","account":["x"]})", "account: no string"},
      {head + R"("kind":"login","ip":"1.2.3"})", "ip: not an address"},
      {head + R"("kind":"login","listener":26})", "listener: none of 25, 465, 587"},
      {head + R"("kind":"login","listener":0})", "listener: none of 25, 465, 587"},
      {head + R"("kind":"queued","size":-1})", "size: no whole number"},
      {head + R"("kind":"queued","recipients":99999999999})", "recipients: too many"},
      {head + R"("kind":"queued","recipients":"3"})", "recipients: neither a number nor an array"},
      {head + R"("kind":"queued","recipients":[3]})", "recipients: an item is no string"},
      {head + R"("kind":"queued","recipient_keys":[]})", "recipient_domains, recipient_keys: one without the other"},
      {head + R"("kind":"queued","recipient_domains":["a"],"recipient_keys":["1"]})", "recipient_keys: not 16 hexadecimal digits"},
      {head + R"("kind":"content_verdict","score":1e300})", "score: no number in [-1e6, 1e6]"},
      {head + R"("kind":"rejected","dsn":"5.1"})", "dsn: not a code like 5.1.1"},
      {head + R"("kind":"login")", "not a JSON object"},
      {R"({"event":"auth_request_finished"})", "not mine"},
      {"plain text", "not mine"},
      {"", "not mine"},
  };
  for (const auto& [json, expected] : cases) EXPECT_EQ(Read(json), expected) << json;
}

}  // namespace
}  // namespace sekisho::connectors
