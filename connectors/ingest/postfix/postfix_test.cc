// Goal: every kind of Postfix line becomes the right event, joined to the right account, and text that a client or a
// remote server can choose is never taken for a field.
// Method: lines in the shapes of Postfix's own sources, single hosts and a fleet of two tiers, fed in order and out of
// order; each step's events are compared as text.
#include "connectors/ingest/postfix/postfix.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "connectors/ingest/testing/event_recorder.h"

namespace sekisho::connectors {
namespace {

class PostfixTest : public ::testing::Test {
 protected:
  PostfixTest() { Restart({}); }

  void Restart(PostfixOptions options) { parser_ = MakePostfixParser(&canonicalizer_, std::move(options)); }

  // Events of one line of `host`, as text. Time stands still unless a test moves `now_`.
  std::string On(std::string_view host, std::string_view program, std::string_view message) {
    return recorder_.Feed(parser_.get(), {now_, host, program, message});
  }
  std::string Feed(std::string_view program, std::string_view message) { return On("mx1", program, message); }
  const testing::Recorded& last() const { return recorder_.events.back(); }

  Canonicalizer canonicalizer_{{}, HashKey::FromPassphrase("test")};
  std::unique_ptr<PostfixParser> parser_;
  testing::EventRecorder recorder_;
  EventTime now_ = EventTime::FromSeconds(1'772'355'600);
};

constexpr char kSubmit[] = "4F1A2B3C4D: client=c.example[198.51.100.7], sasl_method=PLAIN, sasl_username=u1@example.jp";

TEST_F(PostfixTest, AMessageFromSubmissionToRemoval) {
  EXPECT_EQ(Feed("postfix/submission/smtpd", kSubmit), "submission u1@example.jp 198.51.100.7 4F1A2B3C4D");
  EXPECT_EQ(last().event.listener, Listener::kPort587);
  EXPECT_EQ(last().event.service, Service::kSmtp);
  EXPECT_EQ(last().method, "PLAIN");
  EXPECT_EQ(last().client_name, "c.example");
  EXPECT_EQ(last().host, "mx1");
  EXPECT_EQ(last().event.time, now_);
  EXPECT_EQ(Feed("postfix/cleanup", "4F1A2B3C4D: message-id=<x@y>"), "");
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: from=<U1@Example.JP>, size=5360, nrcpt=2 (queue active)"),
            "queued u1@example.jp 198.51.100.7 4F1A2B3C4D 2 5360 example.jp");
  EXPECT_NE(last().event.sender_key, 0u);
  EXPECT_EQ(Feed("postfix/smtp",
                 "4F1A2B3C4D: to=<a@Example.org>, relay=mx.example.org[203.0.113.5]:25, delay=1.9, delays=0.05/0/1.1/0.71, "
                 "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as AAAAAAAAAA)"),
            "delivery u1@example.jp 198.51.100.7 4F1A2B3C4D sent example.org 2.0.0");
  EXPECT_EQ(Feed("postfix/smtp",
                 "4F1A2B3C4D: to=<b@example.net>, relay=mx.example.net[203.0.113.6]:25, delay=2, delays=1/0/1/0, dsn=5.1.1, "
                 "status=bounced (host mx.example.net[203.0.113.6] said: 550 5.1.1 <b@example.net>: unknown (in reply to RCPT TO command))"),
            "delivery u1@example.jp 198.51.100.7 4F1A2B3C4D bounced example.net 5.1.1");
  EXPECT_EQ(Feed("postfix/bounce", "4F1A2B3C4D: sender non-delivery notification: 5000000001"), "");
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: removed"), "");
  now_ = now_ + Span::Seconds(61);
  EXPECT_EQ(Feed("postfix/smtp", "4F1A2B3C4D: to=<c@d.example>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (x)"), "");
  EXPECT_EQ(recorder_.result, ParseResult::kIgnored);
}

TEST_F(PostfixTest, ProgramsAndListeners) {
  const std::string line = "NOQUEUE: client=unknown[198.51.100.7], sasl_method=LOGIN, sasl_username=u";
  const struct { const char* program; Listener listener; } kCases[] = {
      {"postfix/submission/smtpd", Listener::kPort587},   {"postfix-smo/submission/smtpd", Listener::kPort587},
      {"postfix-submission/smtpd", Listener::kPort587},   {"postfix/submissions/smtpd", Listener::kPort465},
      {"postfix/smtps/smtpd", Listener::kPort465},        {"postfix/smtpd", Listener::kUnknown},
      {"postfix-incoming/smtpd", Listener::kUnknown},     {"postfix/smtp-25/smtpd", Listener::kUnknown},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Feed(c.program, line), "submission u 198.51.100.7") << c.program;
    EXPECT_EQ(last().event.listener, c.listener) << c.program;
  }
  for (const char* program : {"", "dovecot", "postfix", "smtpd", "xpostfix/smtpd", "exim"}) {
    EXPECT_EQ(Feed(program, line), "");
    EXPECT_EQ(recorder_.result, ParseResult::kNotMine) << program;
  }
  EXPECT_EQ(Feed("postfix/postscreen", line), "");
  EXPECT_EQ(recorder_.result, ParseResult::kIgnored);
}

TEST_F(PostfixTest, AddressesOfClients) {
  EXPECT_EQ(Feed("postfix/smtpd", "ABCDE1: client=unknown[2001:db8::7]:4711, sasl_method=PLAIN, sasl_username=u"),
            "submission u 2001:db8::7 ABCDE1");
  EXPECT_EQ(last().event.client_port, 4711);
  EXPECT_EQ(Feed("postfix/smtpd", "ABCDE2: client=unknown[unknown], sasl_method=PLAIN, sasl_username=u"), "submission u - ABCDE2");
  EXPECT_EQ(Feed("postfix/smtpd", "ABCDE3: client=[198.51.100.7], sasl_method=PLAIN, sasl_username=u"), "submission u 198.51.100.7 ABCDE3");
  EXPECT_EQ(Feed("postfix/smtpd", "ABCDE4: client=broken"), "");
  EXPECT_EQ(recorder_.result, ParseResult::kMalformed);
  EXPECT_FALSE(recorder_.reason.empty());
}

TEST_F(PostfixTest, QueuedIsToldOnceAMessage) {
  Feed("postfix/smtpd", kSubmit);
  EXPECT_NE(Feed("postfix/qmgr", "4F1A2B3C4D: from=<u1@example.jp>, size=1, nrcpt=1 (queue active)"), "");
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: from=<u1@example.jp>, size=1, nrcpt=1 (queue active)"), "");
}

TEST_F(PostfixTest, MailNobodySubmittedIsNotReported) {
  EXPECT_EQ(Feed("postfix/smtpd", "4F1A2B3C4D: client=mail.example.org[203.0.113.5]"), "");
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: from=<x@example.org>, size=1, nrcpt=1 (queue active)"), "");
  EXPECT_EQ(Feed("postfix/local", "4F1A2B3C4D: to=<a@b.example>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)"), "");
}

TEST_F(PostfixTest, OutcomesOfDeliveries) {
  Feed("postfix/smtpd", kSubmit);
  const std::string head = "4F1A2B3C4D: to=<a@example.org>, relay=mx[203.0.113.5]:25, conn_use=3, delay=1, delays=0/0/0/1, tls=may/(!secure), ";
  const std::string who = "delivery u1@example.jp 198.51.100.7 4F1A2B3C4D ";
  EXPECT_EQ(Feed("postfix/smtp", head + "dsn=5.7.1, status=bounced (host mx[203.0.113.5] said: 550 5.7.1 no)"), who + "bounced example.org 5.7.1 spam");
  EXPECT_EQ(Feed("postfix/smtp", head + "dsn=4.7.1, status=deferred (host mx[203.0.113.5] said: 450 4.7.1 Greylisted)"), who + "deferred example.org 4.7.1");
  EXPECT_EQ(Feed("postfix/smtp", head + "dsn=4.0.0, status=deferred (host mx[203.0.113.5] said: 421 poor reputation)"), who + "deferred example.org 4.0.0 spam");
  EXPECT_EQ(Feed("postfix/smtp", head + "status=sent (250 ok)"), who + "sent example.org 0.0.0");
  EXPECT_EQ(Feed("postfix/smtp", head + "dsn=2.1.5, status=deliverable (x)"), "");
  EXPECT_EQ(Feed("postfix/error", "4F1A2B3C4D: to=<a@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=5.4.4, status=bounced (no such domain)"),
            who + "bounced example.org 5.4.4");
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: from=<u1@example.jp>, status=expired, returned to sender"), who + "expired - 0.0.0");
  EXPECT_EQ(Feed("postfix/smtp", "4F1A2B3C4D: to=<a@example.org>, relay=mx[203.0.113.5]:25, delay=1"), "");
  EXPECT_EQ(recorder_.result, ParseResult::kMalformed);
}

TEST_F(PostfixTest, TheAddressTheSenderWroteCounts) {
  Feed("postfix/smtpd", kSubmit);
  const std::string tail = ", relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)";
  Feed("postfix/local", "4F1A2B3C4D: to=<club@example.jp>" + tail);
  const uint64_t club = last().recipients[0].key;
  Feed("postfix/local", "4F1A2B3C4D: to=<member@elsewhere.example>, orig_to=<Club@example.jp>" + tail);
  EXPECT_EQ(last().recipients[0].key, club);
  EXPECT_EQ(last().recipient_domain, "example.jp");
  Feed("postfix/local", "4F1A2B3C4D: to=<admin@example.jp>, orig_to=<root>" + tail);
  EXPECT_EQ(last().recipient_domain, "example.jp");
}

TEST_F(PostfixTest, FailedLoginsWithAndWithoutTheName) {
  EXPECT_EQ(Feed("postfix/submission/smtpd", "warning: unknown[198.51.100.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"),
            "login_failed - 198.51.100.7");
  EXPECT_EQ(last().method, "LOGIN");
  EXPECT_EQ(last().event.failure, FailureKind::kCredentials);
  EXPECT_EQ(Feed("postfix/smtpd", "warning: a.example[2001:db8::1]: SASL PLAIN authentication failed: (reason unavailable), sasl_username=Admin@Example.jp"),
            "login_failed admin@example.jp 2001:db8::1");
  EXPECT_EQ(Feed("postfix/smtpd", "warning: unknown[198.51.100.7]:55729: SASL PLAIN authentication failed:"), "login_failed - 198.51.100.7");
  EXPECT_EQ(Feed("postfix/smtpd", "warning: unknown[198.51.100.7]: SASL PLAIN authentication failed: , sasl_username=u"), "login_failed u 198.51.100.7");
  EXPECT_EQ(Feed("postfix/smtpd", "warning: unknown[198.51.100.7]: SASL PLAIN authentication failed: x, sasl_username=(unavailable)"),
            "login_failed - 198.51.100.7");
  EXPECT_EQ(Feed("postfix/smtpd", "warning: unknown[198.51.100.7]: SASL LOGIN authentication aborted"), "login_failed - 198.51.100.7");
  EXPECT_EQ(last().event.failure, FailureKind::kAborted);
  for (const char* reason : {"Connection lost to authentication server", "Temporary authentication failure",
                             "Invalid authentication mechanism"}) {
    EXPECT_EQ(Feed("postfix/smtpd", std::string("warning: unknown[198.51.100.7]: SASL LOGIN authentication failed: ") + reason), "") << reason;
  }
  EXPECT_EQ(Feed("postfix/smtpd", "warning: hostname a.example does not resolve to address 198.51.100.7: unknown"), "");
  EXPECT_EQ(recorder_.result, ParseResult::kIgnored);
}

TEST_F(PostfixTest, RejectsAndSessions) {
  EXPECT_EQ(Feed("postfix/smtpd", "NOQUEUE: reject: RCPT from c.example[198.51.100.7]: 554 5.7.1 <a@b>: Relay access denied; from=<x@y> to=<a@b> proto=ESMTP helo=<z>"),
            "rejected - 198.51.100.7 5.7.1");
  Feed("postfix/smtpd", kSubmit);
  EXPECT_EQ(Feed("postfix/smtpd", "4F1A2B3C4D: reject: RCPT from c.example[198.51.100.7]: 550 5.1.1 <a@b>: unknown; from=<x@y> to=<a@b> proto=ESMTP helo=<z>"),
            "rejected u1@example.jp 198.51.100.7 4F1A2B3C4D 5.1.1");
  EXPECT_EQ(Feed("postfix/cleanup", "4F1A2B3C4D: milter-reject: END-OF-MESSAGE from c.example[198.51.100.7]: 5.7.1 Blocked; from=<x@y> to=<a@b> proto=ESMTP helo=<z>"),
            "rejected u1@example.jp 198.51.100.7 4F1A2B3C4D 5.7.1");
  EXPECT_EQ(Feed("postfix/cleanup", "4F1A2B3C4D: reject: header Subject: x from evil[192.0.2.9]; from=<x@y> to=<a@b> proto=ESMTP helo=<z>: 5.7.1 no"),
            "rejected u1@example.jp 198.51.100.7 4F1A2B3C4D 0.0.0");
  EXPECT_EQ(Feed("postfix/smtpd", "disconnect from unknown[198.51.100.7] ehlo=2 starttls=1 auth=0/3 mail=1 rcpt=1/2 data=1 quit=1 commands=7/11"),
            "session - 198.51.100.7 auth=0/3 rcpt=1/2");
  EXPECT_EQ(Feed("postfix/smtpd", "disconnect from unknown[198.51.100.7]"), "");
  EXPECT_EQ(Feed("postfix/smtpd", "connect from unknown[198.51.100.7]"), "");
  EXPECT_EQ(Feed("postfix/smtpd", "lost connection after AUTH from unknown[198.51.100.7]"), "");
}

// A filter on the same host gives the message back under a second id: one queued, one sent, both under the first id.
TEST_F(PostfixTest, ReinjectionCountsOnce) {
  for (const char* back : {"client=localhost[127.0.0.1]", "client=localhost[127.0.0.1], orig_queue_id=4F1A2B3C4D, orig_client=c.example[198.51.100.7]"}) {
    SCOPED_TRACE(back);
    Restart({});
    Feed("postfix/submission/smtpd", kSubmit);
    EXPECT_NE(Feed("postfix/qmgr", "4F1A2B3C4D: from=<u1@example.jp>, size=900, nrcpt=1 (queue active)"), "");
    EXPECT_EQ(Feed("postfix/smtpd", std::string("5A5A5A5A5A: ") + back), "");
    EXPECT_EQ(Feed("postfix/qmgr", "5A5A5A5A5A: from=<u1@example.jp>, size=1300, nrcpt=1 (queue active)"), "");
    EXPECT_EQ(Feed("postfix/smtp",
                   "4F1A2B3C4D: to=<a@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=3.6, delays=0.2/0/0/3.3, dsn=2.0.0, "
                   "status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 5A5A5A5A5A)"),
              "");
    EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: removed"), "");
    EXPECT_EQ(Feed("postfix/smtp",
                   "5A5A5A5A5A: to=<a@example.org>, relay=mx.example.org[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=5.7.1, status=bounced (no)"),
              "delivery u1@example.jp 198.51.100.7 4F1A2B3C4D bounced example.org 5.7.1 spam");
  }
}

constexpr char kToRelay[] =
    "4F1A2B3C4D: to=<a@example.org>, relay=out1.example.jp[10.0.0.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent "
    "(250 2.0.0 Ok: queued as 6B6B6B6B6B)";
constexpr char kRelayAccepts[] = "6B6B6B6B6B: client=mx1.example.jp[10.0.0.1]";
constexpr char kRelaySends[] =
    "6B6B6B6B6B: to=<a@example.org>, relay=mx.example.org[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)";
constexpr char kSent[] = "delivery u1@example.jp 198.51.100.7 4F1A2B3C4D sent example.org 2.0.0";

TEST_F(PostfixTest, AnOutboundTierIsFollowedInWhateverOrderTheLinesCome) {
  const struct { const char* host; const char* program; const char* message; } kLines[] = {
      {"mx1", "postfix/smtp", kToRelay}, {"out1", "postfix/smtpd", kRelayAccepts}, {"out1", "postfix/smtp", kRelaySends}};
  const int kOrders[][3] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}};  // a host's own lines stay in order
  for (const auto& order : kOrders) {
    Restart({});
    recorder_ = {};
    Feed("postfix/smtpd", kSubmit);
    for (const int i : order) On(kLines[i].host, kLines[i].program, kLines[i].message);
    EXPECT_EQ(recorder_.lines, (std::vector<std::string>{"submission u1@example.jp 198.51.100.7 4F1A2B3C4D", kSent}))
        << order[0] << order[1] << order[2];
    EXPECT_EQ(recorder_.events.back().host, order[0] == 0 ? "mx1" : "out1");
    EXPECT_EQ(parser_->join_counters().handed_over, 1u);
  }
}

TEST_F(PostfixTest, ARefusalAtTheOutboundTierReachesTheAccount) {
  Feed("postfix/smtpd", kSubmit);
  On("out1", "postfix/smtpd", kRelayAccepts);
  EXPECT_EQ(Feed("postfix/smtp", kToRelay), "");
  Feed("postfix/qmgr", "4F1A2B3C4D: removed");
  now_ = now_ + Span::Hours(30);
  EXPECT_EQ(On("out1", "postfix/smtp", "6B6B6B6B6B: to=<a@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (timed out)"),
            "delivery u1@example.jp 198.51.100.7 4F1A2B3C4D deferred example.org 4.4.1");
}

TEST_F(PostfixTest, AKnownRelayIsTrustedToShowUpLater) {
  Feed("postfix/smtpd", kSubmit);
  On("out1", "postfix/smtpd", kRelayAccepts);
  Feed("postfix/smtp", kToRelay);
  Feed("postfix/smtpd", "4F1A2B3C4E: client=c.example[198.51.100.7], sasl_method=PLAIN, sasl_username=u2@example.jp");
  EXPECT_EQ(Feed("postfix/smtp", "4F1A2B3C4E: to=<a@example.org>, relay=out1.example.jp[10.0.0.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 6B6B6B6B6C)"), "");
  On("out1", "postfix/smtpd", "6B6B6B6B6C: client=mx1.example.jp[10.0.0.1]");
  EXPECT_EQ(On("out1", "postfix/smtp", "6B6B6B6B6C: to=<a@example.org>, relay=mx[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)"),
            "delivery u2@example.jp 198.51.100.7 4F1A2B3C4E sent example.org 2.0.0");
}

TEST_F(PostfixTest, AStrangersQueueIdJoinsNothing) {
  Feed("postfix/smtpd", kSubmit);
  On("out1", "postfix/smtpd", kRelayAccepts);
  EXPECT_EQ(Feed("postfix/smtp", "4F1A2B3C4D: to=<a@example.org>, relay=mx.example.org[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 6B6B6B6B6B)"), kSent);
  EXPECT_EQ(On("out1", "postfix/smtp", kRelaySends), "");
}

TEST_F(PostfixTest, PublicRelaysAreConfigured) {
  Restart({.own_relays = {*IpNetwork::Parse("203.0.113.0/24")}});
  Feed("postfix/smtpd", kSubmit);
  On("out1", "postfix/smtpd", "6B6B6B6B6B: client=mx1.example.jp[203.0.113.1]");
  EXPECT_EQ(Feed("postfix/smtp", "4F1A2B3C4D: to=<a@example.org>, relay=out1[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 6B6B6B6B6B)"), "");
  EXPECT_EQ(On("out1", "postfix/smtp", "6B6B6B6B6B: to=<a@example.org>, relay=mx[192.0.2.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)"), kSent);
}

TEST_F(PostfixTest, XforwardJoinsPublicRelaysWithoutConfiguration) {
  Feed("postfix/smtpd", kSubmit);
  On("out1", "postfix/smtpd", "6B6B6B6B6B: client=mx1.example.jp[203.0.113.1], orig_queue_id=4F1A2B3C4D, orig_client=c.example[198.51.100.7]");
  EXPECT_EQ(Feed("postfix/smtp", "4F1A2B3C4D: to=<a@example.org>, relay=out1[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 6B6B6B6B6B)"), "");
  EXPECT_EQ(On("out1", "postfix/smtp", kRelaySends), kSent);
}

TEST_F(PostfixTest, ALineThatComesTwiceCountsOnce) {
  EXPECT_NE(Feed("postfix/smtpd", kSubmit), "");
  EXPECT_EQ(Feed("postfix/smtpd", kSubmit), "");
  EXPECT_EQ(recorder_.result, ParseResult::kEvents);
  now_ = now_ + Span::Seconds(1);
  EXPECT_NE(Feed("postfix/smtpd", kSubmit), "") << "the id is in use again";
}

TEST_F(PostfixTest, AReusedIdIsANewMessage) {
  Feed("postfix/smtpd", kSubmit);
  Feed("postfix/smtpd", "4F1A2B3C4D: client=d.example[198.51.100.8], sasl_method=PLAIN, sasl_username=u2@example.jp");
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: from=<>, size=1, nrcpt=1 (queue active)"), "queued u2@example.jp 198.51.100.8 4F1A2B3C4D 1 1 -");
  EXPECT_EQ(On("mx2", "postfix/qmgr", "4F1A2B3C4D: from=<>, size=1, nrcpt=1 (queue active)"), "");
  Feed("postfix/pickup", "4F1A2B3C4D: uid=0 from=<root>");
  EXPECT_EQ(Feed("postfix/smtp", "4F1A2B3C4D: to=<a@b.example>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (x)"), "");
  Feed("postfix/smtpd", kSubmit);
  Feed("postfix/smtpd", "4F1A2B3C4D: client=mail.example.org[203.0.113.5]");
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: from=<>, size=1, nrcpt=1 (queue active)"), "");
}

// What a user name, a HELO name, an envelope address or a remote reply can contain, and what must come of it.
TEST_F(PostfixTest, HostileText) {
  const std::string client = "ABCDEF: client=unknown[198.51.100.7], sasl_method=PLAIN, sasl_username=";
  EXPECT_EQ(Feed("postfix/smtpd", client + "x, sasl_username=victim@example.jp"), "submission x, sasl_username=victim@example.jp 198.51.100.7 ABCDEF");
  EXPECT_EQ(Feed("postfix/smtpd", client + "client=x[192.0.2.1], sasl_username=victim"), "submission client=x[192.0.2.1], sasl_username=victim 198.51.100.7 ABCDEF");
  EXPECT_EQ(Feed("postfix/smtpd", client + "u]: SASL LOGIN authentication failed"), "submission u]: sasl login authentication failed 198.51.100.7 ABCDEF");
  EXPECT_EQ(Feed("postfix/smtpd", client + "u@e.jp, sasl_sender=1, sasl_sender=2"), "submission u@e.jp 198.51.100.7 ABCDEF");
  now_ = now_ + Span::Seconds(1);
  EXPECT_EQ(Feed("postfix/smtpd", client + "u@e.jp, orig_queue_id=123456, orig_client=v[192.0.2.1]"), "submission u@e.jp 198.51.100.7 ABCDEF");

  const std::string failed = "warning: unknown[198.51.100.7]: SASL ";
  EXPECT_EQ(Feed("postfix/smtpd", failed + "PLAIN authentication failed: no, sasl_username=x[192.0.2.1], sasl_username=v"),
            "login_failed x[192.0.2.1], sasl_username=v 198.51.100.7");
  EXPECT_EQ(Feed("postfix/smtpd", failed + "a[192.0.2.1]: SASL PLAIN authentication failed: no"), "");
  EXPECT_EQ(Feed("postfix/smtpd", "NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <z>: Helo command rejected; from=<x@y> to=<a@b> proto=ESMTP helo=<q> sasl_username=<victim>"),
            "rejected - 198.51.100.7 5.7.1");

  Feed("postfix/smtpd", client + "u@e.jp");
  EXPECT_EQ(Feed("postfix/qmgr", R"~(ABCDEF: from=<"a>, size=9, nrcpt=9 (queue active)"@e.jp>, size=7, nrcpt=1 (queue active))~"), "queued u@e.jp 198.51.100.7 ABCDEF 1 7 e.jp");
  EXPECT_EQ(Feed("postfix/smtp", R"~(ABCDEF: to=<"a>, relay=x[10.0.0.1]:25, dsn=2.0.0, status=sent (250 queued as 6B6B6B6B6B)"@t.example>, relay=mx[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (dsn=2.0.0, status=sent (250 ok)))~"),
            "delivery u@e.jp 198.51.100.7 ABCDEF bounced t.example 5.1.1");
}

TEST_F(PostfixTest, BrokenLinesAreNoEvents) {
  for (const char* message : {"", ":", "ABCDEF", "ABCDEF:", "ABCDEF: ", "ABCDEF: client=", "ABCDEF: client=[", "ABCDEF: client=a[1.2.3.4], sasl_method=PLAIN",
                              "warning: ", "warning: a[", "warning: a[1.2.3.4]: SASL ", "disconnect from ", "disconnect from a[1.2.3.4] =", "disconnect from a[1.2.3.4] auth=",
                              "NOQUEUE: reject: ", "NOQUEUE: reject: RCPT from ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA: client=a[1.2.3.4], sasl_method=P, sasl_username=u"}) {
    for (const char* program : {"postfix/smtpd", "postfix/qmgr", "postfix/smtp", "postfix/cleanup", "postfix/bounce", "postfix/pickup"}) {
      const std::string events = Feed(program, message);
      EXPECT_TRUE(events.empty() || events.starts_with("session")) << program << ": " << message << " gave " << events;
    }
  }
}

TEST_F(PostfixTest, StateGoesOnInAnotherParser) {
  Feed("postfix/smtpd", kSubmit);
  On("out1", "postfix/smtpd", kRelayAccepts);
  On("out1", "postfix/smtp", kRelaySends);
  std::string saved, again;
  parser_->SaveState(&saved);
  Restart({});
  ASSERT_TRUE(parser_->RestoreState(saved).ok());
  parser_->SaveState(&again);
  EXPECT_EQ(saved, again);
  EXPECT_EQ(Feed("postfix/smtp", kToRelay), kSent);
  EXPECT_EQ(last().host, "out1");
  EXPECT_FALSE(parser_->RestoreState("SKPJ\x02").ok());
  EXPECT_EQ(Feed("postfix/qmgr", "4F1A2B3C4D: from=<>, size=1, nrcpt=1 (queue active)"), "");
}

}  // namespace
}  // namespace sekisho::connectors
