// Goal: Exim's lines become the right events under the right account, outbound logins become none, and nothing that a
// client writes is taken for a field.
// Method: lines in Exim's own shapes, old and new message ids, with and without syslog's prefixes; events compared as
// text.
#include "connectors/ingest/exim/exim.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "connectors/ingest/testing/event_recorder.h"

namespace sekisho::connectors {
namespace {

class EximTest : public ::testing::Test {
 protected:
  // One line a second.
  std::string On(std::string_view host, std::string_view message) {
    now_ = now_ + Span::Seconds(1);
    return recorder_.Feed(parser_.get(), {now_, host, "", message});
  }
  std::string Feed(std::string_view message) { return On("mx1", message); }
  const testing::Recorded& last() const { return recorder_.events.back(); }

  Canonicalizer canonicalizer_{{}, HashKey::FromPassphrase("test")};
  std::unique_ptr<EximParser> parser_ = MakeEximParser(&canonicalizer_, {});
  testing::EventRecorder recorder_;
  EventTime now_ = EventTime::FromSeconds(1'772'355'600);
};

constexpr char kArrival[] =
    "1rhPzs-00000000VCC-1abc <= u1@example.jp H=c.example (laptop) [198.51.100.7]:4711 I=[192.0.2.1]:587 P=esmtpsa "
    "X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=dovecot_login:U1@example.jp S=2048 id=x@laptop for a@example.org b@example.net";

TEST_F(EximTest, AMessageFromArrivalToCompletion) {
  EXPECT_EQ(Feed(kArrival), "submission u1@example.jp 198.51.100.7 1rhPzs-00000000VCC-1abc");
  EXPECT_EQ(last().method, "dovecot_login");
  EXPECT_EQ(last().client_name, "c.example");
  EXPECT_EQ(last().event.client_port, 4711);
  EXPECT_EQ(last().event.listener, Listener::kPort587);
  EXPECT_EQ(last().event.size_bytes, 2048u);
  EXPECT_EQ(last().event.recipients, 2u);
  EXPECT_EQ(last().recipients.size(), 2u);
  EXPECT_EQ(last().recipient_domain, "example.org");
  EXPECT_EQ(last().sender_domain, "example.jp");
  const std::string who = "delivery u1@example.jp 198.51.100.7 1rhPzs-00000000VCC-1abc ";
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc => a@example.org R=dnslookup T=remote_smtp H=mx.example.org [203.0.113.5] X=TLS1.3:x:256 CV=yes A=plain C=\"250 2.0.0 Ok: queued as 4A\""),
            who + "sent example.org 0.0.0");
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc == b@example.net R=dnslookup T=remote_smtp defer (-45) H=mx.example.net [203.0.113.6]: SMTP error from remote mail server after RCPT TO:<b@example.net>: 450 4.7.1 Greylisted"),
            who + "deferred example.net 4.7.1");
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc ** b@example.net R=dnslookup T=remote_smtp H=mx.example.net [203.0.113.6]: SMTP error from remote mail server after end of data: 550-5.7.1 Message is likely unsolicited mail."),
            who + "bounced example.net 5.7.1 spam");
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc ** c@example.net: retry timeout exceeded"), who + "expired example.net 0.0.0");
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc ** d@example.net : Unrouteable address"), who + "bounced example.net 0.0.0");
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc Completed"), "");
  now_ = now_ + Span::Minutes(2);
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc => z@example.org R=x T=y"), "");
}

TEST_F(EximTest, IdsPrefixesAndTransports) {
  const std::string old = "16ZCW1-0005MB-00 <= u@e.jp H=(laptop) [198.51.100.7] P=esmtpa A=plain:u@e.jp S=1";
  const std::string want = "submission u@e.jp 198.51.100.7 16ZCW1-0005MB-00";
  EXPECT_EQ(Feed(old), want);
  EXPECT_EQ(Feed("[4711] " + old), want);
  EXPECT_EQ(Feed("mail.example exim[4711]: 2026-03-01 09:00:00 " + old), want);
  EXPECT_EQ(Feed("mail.example exim4[4711]: 2026-03-01 09:00:00.123 +0900 [4711] " + old), want);
  EXPECT_EQ(recorder_.Feed(parser_.get(), {now_ + Span::Seconds(1), "mx1", "exim4", old}), want);
  EXPECT_EQ(recorder_.Feed(parser_.get(), {now_ + Span::Seconds(2), "mx1", "exim", "2026-03-01 09:00:00 " + old}), want);
  EXPECT_EQ(recorder_.Feed(parser_.get(), {now_ + Span::Seconds(2), "mx1", "exim", old}), "") << "the same line once more";
  EXPECT_EQ(recorder_.Feed(parser_.get(), {now_, "mx1", "postfix/smtpd", old}), "");
  EXPECT_EQ(recorder_.result, ParseResult::kNotMine);
  EXPECT_EQ(Feed("some other program's line"), "");
  EXPECT_EQ(recorder_.result, ParseResult::kNotMine);
  EXPECT_EQ(recorder_.Feed(parser_.get(), {now_, "mx1", "exim", "Start queue run: pid=1"}), "");
  EXPECT_EQ(recorder_.result, ParseResult::kIgnored);
}

TEST_F(EximTest, FailedLogins) {
  EXPECT_EQ(Feed("dovecot_login authenticator failed for (User) [198.51.100.7]:21298 I=[192.0.2.1]:465 Ci=30416: 535 Incorrect authentication data (set_id=Uaf589@example.com)"),
            "login_failed uaf589@example.com 198.51.100.7");
  EXPECT_EQ(last().event.listener, Listener::kPort465);
  EXPECT_EQ(last().method, "dovecot_login");
  EXPECT_EQ(last().event.failure, FailureKind::kCredentials);
  EXPECT_EQ(Feed("login authenticator failed for host.example ([192.168.2.33]) [198.51.100.7]: 535 Incorrect authentication data"), "login_failed - 198.51.100.7");
  EXPECT_EQ(Feed("login authenticator failed for H=(test.host) [2001:db8::1] U=x: 501 Authentication cancelled"), "login_failed - 2001:db8::1");
  EXPECT_EQ(last().event.failure, FailureKind::kAborted);
  EXPECT_EQ(Feed("defer authenticator failed for H=(test.host) [198.51.100.7] U=x: 435 Unable to authenticate at present (set_id=userx): account suspended"),
            "login_failed userx 198.51.100.7");
  EXPECT_EQ(last().event.failure, FailureKind::kInternal);
  EXPECT_EQ(Feed("plain1 authenticator failed for U=CALLER: 535 Incorrect authentication data (set_id=userx\\n)"), "login_failed userx\\n -");
  EXPECT_EQ(Feed("note: login authenticator failed H=(a.b) [198.51.100.7] [198.51.100.7] 535 Incorrect authentication data  (set_id=r x)"), "login_failed r x 198.51.100.7");
}

TEST_F(EximTest, ALineWithoutAnAddressHasNone) {
  EXPECT_EQ(Feed("10HmaX-0005vi-00 <= u@e.jp U=root P=local-esmtpa A=plain:userx S=1 id=x [192.0.2.66]"), "submission userx - 10HmaX-0005vi-00");
}

TEST_F(EximTest, OurOwnLoginsElsewhereAreNoEvents) {
  EXPECT_EQ(Feed("10HmaX-0005vi-00 => userx@domain.example R=try T=smtp_try H=mx [203.0.113.5] A=login:userx:u@e C=\"250 OK\""), "");
  EXPECT_EQ(Feed("10HmaX-0005vi-00 plain authenticator failed H=mx [203.0.113.5] 535 Incorrect authentication data"), "");
  EXPECT_EQ(Feed("10HmaX-0005vi-00 note: login authenticator failed H=mx [203.0.113.5] 599 no"), "");
}

TEST_F(EximTest, WithoutAnIdThereIsNoAccount) {
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 <= u@e.jp H=(a) [198.51.100.7] P=esmtpa A=mylogin S=1 for a@b.example"), "");
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 <= u@e.jp U=root P=local S=1"), "");
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 => a@b.example R=x T=y"), "");
}

TEST_F(EximTest, AuthenticatorFieldInAllItsForms) {
  const struct { const char* value; const char* account; } kCases[] = {
      {"au1:username@auth.id", "username@auth.id"}, {"authname:authid:authsender", "authid"}, {"plain:userx K", "userx"},
      {"xclient:his PRX=192.0.2.9", "his"},         {"plain:u PRDR SMTPUTF8 K", "u"},         {"plain:two words", "two words"}};
  for (const auto& c : kCases) {
    EXPECT_EQ(Feed(std::string("10HmaZ-0005vi-00 <= <> H=(a) [198.51.100.7] P=esmtpsa L. X=T CV=yes DN=\"CN=x A=plain:victim\" A=") + c.value + " S=1"),
              std::string("submission ") + c.account + " 198.51.100.7 10HmaZ-0005vi-00");
  }
}

TEST_F(EximTest, TheAddressTheSenderWroteCounts) {
  Feed(kArrival);
  for (const char* address : {"local <club@example.jp>", "|/usr/bin/filter -a x <club@example.jp>", "/var/mail/x <club@example.jp>",
                              "m@else.example (x@y, z) <club@example.jp>", ":blackhole: <club@example.jp>", "club@example.jp"}) {
    Feed(std::string("1rhPzs-00000000VCC-1abc => ") + address + " R=x T=y");
    EXPECT_EQ(last().recipient_domain, "example.jp") << address;
    EXPECT_EQ(last().recipients[0].key, canonicalizer_.Address("club@example.jp", &recorder_.reason).key) << address;
  }
}

TEST_F(EximTest, AHandOverWithinTheFleetIsFollowed) {
  Feed(kArrival);
  EXPECT_EQ(On("out1", "1rhPzt-00000000VCD-2abc <= u1@example.jp H=mx1.example.jp [10.0.0.1] P=esmtps S=2100 id=x@laptop"), "");
  EXPECT_EQ(Feed("1rhPzs-00000000VCC-1abc => a@example.org R=smarthost T=remote_smtp H=out1.example.jp [10.0.0.9] C=\"250 OK id=1rhPzt-00000000VCD-2abc\""), "");
  EXPECT_EQ(On("out1", "1rhPzt-00000000VCD-2abc => a@example.org R=dnslookup T=remote_smtp H=mx.example.org [203.0.113.5] C=\"250 OK id=1rhPzu-00000000VCE-2abc\""),
            "delivery u1@example.jp 198.51.100.7 1rhPzs-00000000VCC-1abc sent example.org 0.0.0");
}

TEST_F(EximTest, Rejections) {
  EXPECT_EQ(Feed("H=(yakult.example) [198.51.100.7]:3755 I=[192.0.2.1]:25 F=x@y.example rejected RCPT dir@z.example: relay not permitted"),
            "rejected - 198.51.100.7 0.0.0");
  EXPECT_EQ(Feed("H=[198.51.100.7]:62839 dropped by 'connect' ACL: Country is banned"), "");
  EXPECT_EQ(recorder_.result, ParseResult::kIgnored);
}

TEST_F(EximTest, HostileText) {
  // A sender's quoted local part.
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 <= \"a H=(x) [192.0.2.66] P=esmtpa A=plain:victim S=1\"@e.jp H=(b) [198.51.100.7] P=esmtpa A=plain:u S=1"),
            "submission u 198.51.100.7 10HmaZ-0005vi-00");
  // A HELO name where junk is accepted.
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 <= u@e.jp H=(x) [192.0.2.66] [198.51.100.7] P=esmtpa A=plain:u S=1"), "submission u 192.0.2.66 10HmaZ-0005vi-00")
      << "only a name in parentheses can be a HELO name";
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 <= u@e.jp H=(x) [192.0.2.66) [198.51.100.7] P=esmtpa A=plain:u S=1"), "submission u 198.51.100.7 10HmaZ-0005vi-00");
  EXPECT_EQ(Feed("login authenticator failed for (x) [192.0.2.66]) [198.51.100.7]: 535 no (set_id=u)"), "login_failed u 198.51.100.7");
  // Message id and subject.
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 <= u@e.jp H=(b) [198.51.100.7] P=esmtp S=1 id=x A=plain:victim S=2"), "");
  EXPECT_EQ(Feed("10HmaZ-0005vi-00 <= u@e.jp H=(b) [198.51.100.7] P=esmtpa A=plain:u S=1 id=x T=\"gift for you\""), "submission u 198.51.100.7 10HmaZ-0005vi-00");
  EXPECT_EQ(last().event.recipients, 0u);
  // User names.
  EXPECT_EQ(Feed("login authenticator failed for (b) [198.51.100.7]: 535 no (set_id=a) [192.0.2.66]: 535 (set_id=victim)"),
            "login_failed a) [192.0.2.66]: 535 (set_id=victim 198.51.100.7");
  // A line of another kind that quotes a client.
  EXPECT_EQ(Feed("rejected EHLO from [198.51.100.7]: syntactically invalid argument(s): x authenticator failed for [192.0.2.66]: 535 (set_id=v)"), "");
  EXPECT_EQ(Feed("SMTP protocol error in \"aUtH lOgIn\" H=(test) [192.0.2.66]\" H=(x) [198.51.100.7] AUTH command used when not advertised"), "");
}

TEST_F(EximTest, BrokenLinesAreNoEvents) {
  for (const char* message : {"", "[", "[1", "[1] ", "16ZCW1-0005MB-00", "16ZCW1-0005MB-00 ", "16ZCW1-0005MB-00 <=", "16ZCW1-0005MB-00 <= ", "16ZCW1-0005MB-00 <= a H=",
                              "16ZCW1-0005MB-00 <= a H=(", "16ZCW1-0005MB-00 <= a H=(x) [", "16ZCW1-0005MB-00 <= \"a", "16ZCW1-0005MB-00 => ", "16ZCW1-0005MB-00 ** \"",
                              "H=", "H=[", "x authenticator failed", "2026-03-01 09:00:00", "host exim[1]: "}) {
    EXPECT_EQ(Feed(message), "") << message;
  }
}

TEST_F(EximTest, StateGoesOnInAnotherParser) {
  Feed(kArrival);
  std::string saved;
  parser_->SaveState(&saved);
  parser_ = MakeEximParser(&canonicalizer_, {});
  ASSERT_TRUE(parser_->RestoreState(saved).ok());
  EXPECT_NE(Feed("1rhPzs-00000000VCC-1abc => a@example.org R=x T=y"), "");
}

}  // namespace
}  // namespace sekisho::connectors
