// Goal: webmail logins and submissions get their true source, whatever name, header or answer stands in the line.
// Method: the wordings of the versions; forged names, headers and answers, each in every line.
#include "connectors/ingest/roundcube/roundcube.h"

#include <gtest/gtest.h>

#include "connectors/ingest/jsonl/jsonl.h"

namespace sekisho::connectors {
namespace {

class RoundcubeTest : public testing::Test {
 protected:
  std::string Feed(std::string_view message, int64_t at_s = 0) {
    std::string out;
    LogLine line;
    line.time = EventTime::FromSeconds(1'772'323'200 + at_s);
    line.program = "roundcube";
    line.message = message;
    std::string_view reason;
    const auto print = [&](const Event& e) {
      out += std::string(KindName(e.kind)) + " " + std::string(e.account) + " " + e.ip.ToString();
      if (!e.session.empty()) out += " " + std::string(e.session);
      if (!e.queue_id.empty()) out += " " + std::string(e.queue_id);
      for (const Recipient& r : e.recipient_list) out += " " + std::string(r.domain);
    };
    const ParseResult result = parser_->Parse(line, print, &reason);
    if (result == ParseResult::kMalformed) return std::string(reason);
    return result == ParseResult::kNotMine ? "not mine" : result == ParseResult::kIgnored ? "ignored" : out;
  }

  Canonicalizer canonicalizer_{{}, HashKey::FromPassphrase("test")};
  std::unique_ptr<Parser> parser_ =
      MakeRoundcubeParser(&canonicalizer_, {.trusted_proxies = {*IpNetwork::Parse("10.0.0.0/8")}});
};

TEST_F(RoundcubeTest, Wordings) {
  EXPECT_EQ(Feed("<abcd1234> Successful login for Taro@x.jp (ID: 7) from 192.0.2.1 in session abcd1234efgh5678"),
            "login taro@x.jp 192.0.2.1 abcd1234efgh5678");
  EXPECT_EQ(Feed("Successful login for t (id 5) from 2001:db8::1"), "login t 2001:db8::1");
  EXPECT_EQ(Feed("Failed login for a from 192.0.2.1 in session s1 (error: 0)"), "login_failed a 192.0.2.1 s1");
  EXPECT_EQ(Feed("FAILED login for b from 192.0.2.1"), "login_failed b 192.0.2.1");
  EXPECT_EQ(Feed("IMAP Error: Login failed for c from 192.0.2.1. AUTHENTICATE PLAIN: A0002 NO Login failed. in /x.php on line 1"),
            "login_failed c 192.0.2.1");
  EXPECT_EQ(Feed("IMAP Error: Login failed for d against localhost from 192.0.2.1. LOGIN: NO in /x.php"), "login_failed d 192.0.2.1");
  EXPECT_EQ(Feed("IMAP Error: Login failed for e from 192.0.2.1"), "login_failed e 192.0.2.1");
  EXPECT_EQ(Feed("User t@x.jp [192.0.2.1]; Message <m@x> for a@Example.com, b@y.org; 250: 2.0.0 Ok: queued as 4ABC12"),
            "submission t@x.jp 192.0.2.1 4ABC12 example.com y.org");
  EXPECT_EQ(Feed("User t@x.jp [192.0.2.1]; Message for a@y.org; 250: OK id=1wABCD-000001-0a"),
            "submission t@x.jp 192.0.2.1 1wABCD-000001-0a y.org");
  EXPECT_EQ(Feed("User t@x.jp [192.0.2.1]; Message <m> for a@y.org; 554: 5.7.1 rejected"), "ignored");
  for (const char* other : {"", "<", "<s> ", "PHP Error: x", "User", "User x", "User x [1.2.3.4]; Message "}) {
    EXPECT_EQ(Feed(other), "ignored") << other;
  }
}

TEST_F(RoundcubeTest, TwoLogsOfOneFailureCountOnce) {
  EXPECT_EQ(Feed("IMAP Error: Login failed for t from 192.0.2.1. AUTHENTICATE PLAIN: NO"), "login_failed t 192.0.2.1");
  EXPECT_EQ(Feed("Failed login for t from 192.0.2.1 in session s (error: 0)"), "ignored");
  EXPECT_EQ(Feed("IMAP Error: Login failed for t from 192.0.2.1. AUTHENTICATE PLAIN: NO", 1), "login_failed t 192.0.2.1");
  EXPECT_EQ(Feed("Failed login for t from 192.0.2.1 in session s (error: 0)", 600), "login_failed t 192.0.2.1 s");
}

TEST_F(RoundcubeTest, HeadersAreBelievedOnlyFromANamedProxy) {
  EXPECT_EQ(Feed("Failed login for t from 192.0.2.2 (X-Real-IP: 6.6.6.6,X-Forwarded-For: 6.6.6.6) in session s (error: 0)"),
            "login_failed t 192.0.2.2 s");
  EXPECT_EQ(Feed("Successful login for t (ID: 1) from 10.0.0.1(X-Forwarded-For: 6.6.6.6, 192.0.2.3, 10.0.0.2) in session s"),
            "login t 192.0.2.3 s");
  EXPECT_EQ(Feed("Successful login for t (ID: 1) from 10.0.0.1 (X-Real-IP: 192.0.2.4) in session s"), "login t 192.0.2.4 s");
  EXPECT_EQ(Feed("Successful login for t (ID: 1) from 10.0.0.1 (X-Forwarded-For: unknown) in session s"), "login t 10.0.0.1 s");
  EXPECT_EQ(Feed("IMAP Error: Login failed for u from 192.0.2.2(X-Real-IP: 192.0.2.3,X-Forwarded-For: 192.0.2.4). AUTHENTICATE PLAIN: x"),
            "login_failed u 192.0.2.2");
}

TEST_F(RoundcubeTest, NamesHeadersAndAnswersNeverMoveTheAddress) {
  const std::string hostile[] = {"x from 6.6.6.6",
                                 "x from 6.6.6.6.",
                                 "x from 6.6.6.6 in",
                                 "x from 6.6.6.6 in session s (error: 0)",
                                 "x from 6.6.6.6. AUTHENTICATE PLAIN: y",
                                 "x from 6.6.6.6(X-Real-IP: 6.6.6.6)",
                                 "x from 6.6.6.6 (X-Real-IP: ",
                                 "x) from 6.6.6.6 (X-Real-IP: 6.6.6.6) in session s (error: 0",
                                 "x [6.6.6.6]; Message <m> for a@b; 250",
                                 "x in session s"};
  for (const std::string& h : hostile) {
    const std::string lines[] = {
        "Failed login for " + h + " from 192.0.2.1 in session s (error: 0)",
        "FAILED login for " + h + " from 192.0.2.1",
        "FAILED login for " + h + " from 192.0.2.1(X-Forwarded-For: y)",
        "Failed login for victim from 192.0.2.1 (X-Forwarded-For: " + h + ") in session s (error: 0)",
        "Failed login for " + h + " from 192.0.2.1 (X-Forwarded-For: " + h + ") in session s (error: 0)",
        "IMAP Error: Login failed for " + h + " from 192.0.2.1",
        "IMAP Error: Login failed for " + h + " from 192.0.2.1. AUTHENTICATE PLAIN: A2 NO user=" + h + " in /x.php",
        "IMAP Error: Login failed for t from 192.0.2.1 (X-Forwarded-For: " + h + "). AUTHENTICATE PLAIN: A2 NO",
    };
    for (const std::string& line : lines) {
      const std::string got = Feed(line, 0);
      EXPECT_EQ(got.find("6.6.6.6 s"), std::string::npos) << line << "\n" << got;
      EXPECT_TRUE(got.size() < 7 || got.substr(got.size() - 7) != "6.6.6.6") << line << "\n" << got;
    }
    // Without headers a name is no obstacle at all.
    EXPECT_NE(Feed("Failed login for " + h + " from 192.0.2.1 in session ok (error: 0)", 999).find(" 192.0.2.1 ok"), std::string::npos) << h;
  }
  std::string many;
  for (int i = 0; i < 4000; ++i) many += " from 6.6.6.6(X-";
  EXPECT_EQ(Feed("Failed login for x" + many + " in session s (error: 0)"), "a user name or header that looks like a log line");
}

TEST_F(RoundcubeTest, CutAnywhereItNeverInvents) {
  const std::string whole = "User t@x.jp [192.0.2.1]; Message <m@x> for a@y.com; 250: 2.0.0 Ok: queued as 4ABC12";
  for (size_t n = 0; n < whole.size(); ++n) Feed(whole.substr(0, n));
  EXPECT_EQ(Feed("Failed login for t from "), "no client address");
  EXPECT_EQ(Feed("Failed login for "), "no client address");
  EXPECT_EQ(Feed("User t [nobody]; Message <m> for a@b; 250: ok"), "no client address");
}

}  // namespace
}  // namespace sekisho::connectors
