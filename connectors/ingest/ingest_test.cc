// Goal: each line reaches the system that wrote it, what several systems log counts once, and nobody's text reaches
// another field. Method: lines of every system through the whole pipeline; fail2ban's labelled lines, where they are at
// hand.
#include "connectors/ingest/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "connectors/common/log_time.h"
#include "connectors/common/mail_text.h"
#include "connectors/common/syslog.h"
#include "connectors/ingest/jsonl/jsonl.h"

namespace sekisho::connectors {
namespace {

HeaderOptions Year2026() {
  HeaderOptions options;
  options.first_year = 2026;
  return options;
}

class PipelineTest : public testing::Test {
 protected:
  void Reset(const Pipeline::Options& options) { pipeline_ = std::make_unique<Pipeline>(options); }

  // "kind account ip" of each event; or how the line was taken, and why.
  std::string Feed(std::string_view raw) {
    std::string out;
    std::string_view reason;
    const auto print = [&](const Event& e) {
      if (!out.empty()) out += "; ";
      out += std::string(KindName(e.kind)) + " " + std::string(e.account.empty() ? "-" : e.account) + " " +
             (e.ip.unspecified() ? "-" : e.ip.ToString()) + (e.via_webmail ? " webmail" : "");
    };
    switch (pipeline_->Line(header_.Parse(raw), print, &reason)) {
      case ParseResult::kNotMine:
        return "unrecognised: " + std::string(reason);
      case ParseResult::kIgnored:
        return "ignored";
      case ParseResult::kMalformed:
        return "malformed: " + std::string(reason);
      case ParseResult::kEvents:
        return out;
    }
    return "";
  }

  HeaderParser header_{Year2026()};
  std::unique_ptr<Pipeline> pipeline_ = std::make_unique<Pipeline>(Pipeline::Options());
};

TEST_F(PipelineTest, EveryLineReachesItsSystem) {
  EXPECT_EQ(Feed("Mar  1 09:00:00 mx1 postfix/submission/smtpd[1]: 4ABCDEF: client=h[192.0.2.1], sasl_method=PLAIN, sasl_username=p@x"),
            "submission p@x 192.0.2.1");
  EXPECT_EQ(Feed("Mar  1 09:00:01 mx1 dovecot: imap-login: Login: user=<d@x>, method=PLAIN, rip=192.0.2.2, lip=1.1.1.1, mpid=1, session=<s>"),
            "login d@x 192.0.2.2");
  EXPECT_EQ(Feed("Mar 01 09:00:01 pop3-login: Info: Login: user=<o@x>, method=PLAIN, rip=192.0.2.2, lip=1.1.1.1, mpid=1, session=<t>"),
            "login o@x 192.0.2.2");
  EXPECT_EQ(Feed("[01-Mar-2026 09:00:02 +0000]: <s> Failed login for r@x from 192.0.2.3 in session s (error: 0)"),
            "login_failed r@x 192.0.2.3");
  EXPECT_EQ(Feed("2026-03-01 09:00:03 dovecot_login authenticator failed for (h) [192.0.2.4]: 535 Incorrect authentication data (set_id=e@x)"),
            "login_failed e@x 192.0.2.4");
  EXPECT_EQ(Feed(R"({"time":"2026-03-01T09:00:04Z","kind":"login","account":"j@x","ip":"192.0.2.5"})"), "login j@x 192.0.2.5");
  EXPECT_EQ(Feed(R"({"event":"auth_request_finished","end_time":"2026-03-01T09:00:05Z","fields":{"user":"e@x","remote_ip":"192.0.2.6","service":"imap","success":"yes"}})"),
            "login e@x 192.0.2.6");
  EXPECT_EQ(Feed(R"({"__REALTIME_TIMESTAMP":"1772355606000000","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"dovecot","MESSAGE":"imap-login: Login: user=<k@x>, method=PLAIN, rip=192.0.2.7, lip=1.1.1.1, session=<u>"})"),
            "login k@x 192.0.2.7");
  EXPECT_EQ(pipeline_->counters().lines, 8u);
  EXPECT_EQ(pipeline_->counters().events[static_cast<size_t>(Kind::kLogin)], 5u);
}

// Goal: a feedback report is taken as such only where it came as a mail message, whatever a log says.
TEST_F(PipelineTest, FeedbackReports) {
  constexpr std::string_view kReport =
      "Date: Sun, 1 Mar 2026 09:00:00 +0000\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
      "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Mail-From: <v+a=x@x>\n--b--\n";
  Pipeline::Options options;
  options.complaints.verp = "v+*@x";
  Reset(options);
  std::string told;
  std::string_view reason;
  const auto sink = [&](const Event& e) { told = std::string(KindName(e.kind)) + " " + std::string(e.account); };
  EXPECT_EQ(pipeline_->Line({EventTime(), "", kMailProgram, kReport}, sink, &reason), ParseResult::kEvents);
  EXPECT_EQ(told, "complaint a@x");
  EXPECT_EQ(pipeline_->source(), "arf");
  told.clear();
  EXPECT_EQ(pipeline_->Line({EventTime(), "", "mail", kReport}, sink, &reason), ParseResult::kNotMine);
  EXPECT_EQ(told, "");
}

TEST_F(PipelineTest, WhatIsNobodysIsSaid) {
  EXPECT_EQ(Feed("Mar  1 09:00:00 mx1 sshd[1]: Failed password"), "unrecognised: another program's line");
  EXPECT_EQ(Feed("hello"), "unrecognised: no known log format");
  EXPECT_EQ(Feed(""), "unrecognised: no known log format");
  EXPECT_EQ(Feed(R"({"a":1})"), "unrecognised: no known log format");
  EXPECT_EQ(Feed("{"), "malformed: not a JSON object");
  EXPECT_EQ(Feed(R"({"time":"1970-01-01T00:00:00Z","kind":"login"})"), "malformed: no time, or an impossible one");
  const Pipeline::Counters& c = pipeline_->counters();
  EXPECT_EQ(c.unrecognised, 4u);
  EXPECT_EQ(c.malformed, 2u);
}

// Another program's log may hold anything: a web server logs its clients' requests.
TEST_F(PipelineTest, WhatAnotherProgramLogsIsNotMail) {
  const char* messages[] = {"imap-login: Login: user=<victim>, method=PLAIN, rip=6.6.6.6, lip=1.1.1.1, session=<s>",
                            "4ABCDEF: client=x[6.6.6.6], sasl_method=PLAIN, sasl_username=victim",
                            "Successful login for victim (ID: 1) from 6.6.6.6 in session s",
                            R"({"time":"2026-03-01T09:00:04Z","kind":"login","account":"victim","ip":"6.6.6.6"})",
                            "auth: sql(victim,6.6.6.6): unknown user",
                            "dovecot_login authenticator failed for (h) [6.6.6.6]: 535 x (set_id=victim)"};
  for (const char* message : messages) {
    for (const char* program : {"nginx[1]", "kernel", "auth", "imap-login", "login"}) {
      const std::string raw = "Mar  1 09:00:00 mx1 " + std::string(program) + ": " + message;
      EXPECT_EQ(Feed(raw), "unrecognised: another program's line") << raw;
    }
  }
}

TEST_F(PipelineTest, AFailureThatDovecotAndTheMtaLogCountsOnce) {
  const std::string mta = "postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6";
  EXPECT_EQ(Feed("Mar  1 09:00:00 mx1 dovecot: auth-worker(1): sql(t@x,192.0.2.1): Password mismatch"), "login_failed t@x 192.0.2.1");
  EXPECT_EQ(Feed("Mar  1 09:00:02 mx1 " + mta + ", sasl_username=t@x"), "ignored");
  EXPECT_EQ(Feed("Mar  1 09:00:03 mx1 " + mta + ", sasl_username=t@x"), "login_failed t@x 192.0.2.1");
  // Older versions name nobody.
  EXPECT_EQ(Feed("Mar  1 09:01:00 mx1 dovecot: auth-worker(1): sql(u@x,192.0.2.1): Password mismatch"), "login_failed u@x 192.0.2.1");
  EXPECT_EQ(Feed("Mar  1 09:01:02 mx1 " + mta), "ignored");
  EXPECT_EQ(Feed("Mar  1 09:01:02 mx1 " + mta), "login_failed - 192.0.2.1");
  // Another account, another address, another time, and IMAP are other failures.
  EXPECT_EQ(Feed("Mar  1 09:02:00 mx1 dovecot: auth-worker(1): sql(v@x,192.0.2.1): Password mismatch"), "login_failed v@x 192.0.2.1");
  EXPECT_EQ(Feed("Mar  1 09:02:02 mx1 " + mta + ", sasl_username=w@x"), "login_failed w@x 192.0.2.1");
  EXPECT_EQ(Feed("Mar  1 09:02:40 mx1 " + mta + ", sasl_username=v@x"), "login_failed v@x 192.0.2.1");
  EXPECT_EQ(Feed("Mar  1 09:03:00 mx1 dovecot: auth-worker(1): sql(z@x,192.0.2.1,<imap>): Password mismatch"), "login_failed z@x 192.0.2.1");
  EXPECT_EQ(Feed("Mar  1 09:03:02 mx1 " + mta + ", sasl_username=z@x"), "login_failed z@x 192.0.2.1");
  EXPECT_EQ(pipeline_->counters().counted_once, 2u);
}

TEST_F(PipelineTest, WebmailHosts) {
  Pipeline::Options options;
  options.webmail.push_back(*IpNetwork::Parse("192.0.2.80"));
  Reset(options);
  EXPECT_EQ(Feed("[01-Mar-2026 09:00:00 +0000]: <s> Successful login for t@x (ID: 1) from 198.51.100.7 in session s"), "login t@x 198.51.100.7");
  EXPECT_EQ(Feed("Mar  1 09:00:00 mx1 dovecot: imap-login: Login: user=<t@x>, method=PLAIN, rip=192.0.2.80, lip=1.1.1.1, session=<s>"), "ignored");
  EXPECT_EQ(Feed("Mar  1 09:00:01 mx1 dovecot: imap(t@x)<1><s>: Logged out in=1 out=1 deleted=0 expunged=0 trashed=0 hdr_count=3 hdr_bytes=9 body_count=0 body_bytes=0"),
            "mailbox_access t@x -");
  EXPECT_EQ(Feed("Mar  1 09:00:02 mx1 postfix/submission/smtpd[1]: 4ABCDEF: client=w[192.0.2.80], sasl_method=PLAIN, sasl_username=t@x"),
            "submission t@x 192.0.2.80 webmail");
  EXPECT_EQ(Feed("Mar  1 09:00:02 mx1 dovecot: imap-login: Login: user=<t@x>, method=PLAIN, rip=192.0.2.81, lip=1.1.1.1, session=<v>"), "login t@x 192.0.2.81");
}

// Goal: a restart between any two lines changes nothing. Method: lines that are joined or told once across systems, to a
// pipeline that is saved and restored into a new one before each, and to one that isn't.
TEST_F(PipelineTest, StateSurvivesARestartBetweenAnyTwoLines) {
  const std::vector<std::string> lines = {
      "Mar  1 09:00:00 mx1 postfix/submission/smtpd[1]: 4ABCDEF: client=h[192.0.2.1], sasl_method=PLAIN, sasl_username=p@x",
      "Mar  1 09:00:00 mx1 dovecot: auth-worker(1): sql(t@x,192.0.2.1): Password mismatch",
      "[01-Mar-2026 09:00:01 +0000]: <s> Failed login for r@x from 192.0.2.3 in session s (error: 0)",
      "Mar  1 09:00:01 mx1 postfix/qmgr[2]: 4ABCDEF: from=<p@x>, size=900, nrcpt=1 (queue active)",
      "Mar  1 09:00:02 mx1 postfix/submission/smtpd[1]: warning: h[192.0.2.1]: SASL PLAIN authentication failed: , sasl_username=t@x",
      "Mar  1 09:00:02 mx1 dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<d@x>, method=PLAIN, "
      "rip=192.0.2.2, lip=1.1.1.1, session=<s>",
      "Mar  1 09:00:02 mx1 dovecot: auth-worker(1): sql(d@x,192.0.2.2,<s>): Password mismatch",
      "Mar  1 09:00:03 mx1 postfix/smtp[3]: 4ABCDEF: to=<o@example.org>, relay=m.example.org[203.0.113.9]:25, delay=1, "
      "delays=0/0/0/1, dsn=5.7.1, status=bounced (host said: 550 5.7.1 spam)",
      "Mar  1 09:00:04 mx1 postfix/qmgr[2]: 4ABCDEF: removed",
  };
  std::vector<std::string> expected, restarted;
  for (const std::string& line : lines) expected.push_back(Feed(line));
  EXPECT_THAT(expected, testing::Contains("ignored"));
  EXPECT_THAT(expected, testing::Contains(testing::HasSubstr("delivery p@x")));
  std::string state;
  for (const std::string& line : lines) {
    Reset(Pipeline::Options());
    if (!state.empty()) {
      ASSERT_TRUE(pipeline_->RestoreState(state).ok());
    }
    restarted.push_back(Feed(line));
    pipeline_->SaveState(&state);
  }
  EXPECT_EQ(restarted, expected);
  // Damage is refused, and harms nothing.
  for (size_t size = 0; size < state.size(); size += 17) {
    Reset(Pipeline::Options());
    EXPECT_FALSE(pipeline_->RestoreState(state.substr(0, size)).ok()) << size;
    EXPECT_EQ(Feed(lines[0]), expected[0]);
  }
}

// One name holds a whole forged line of each system; each system logs it where it logs names.
TEST_F(PipelineTest, AForgedLineInsideANameIsOnlyAName) {
  const std::string name =
      "x>, rip=6.6.6.6, user=<victim>, session=<f, client=x[6.6.6.6], sasl_username=victim from 6.6.6.6 in session s "
      "(error: 0) (set_id=victim) [6.6.6.6]: 535 ,6.6.6.6): unknown user \"ip\":\"6.6.6.6\",\"account\":\"victim\"";
  const std::string lines[] = {
      "Mar  1 09:00:00 mx1 postfix/smtpd[1]: warning: h[192.0.2.1]: SASL LOGIN authentication failed: x, sasl_username=" + name,
      "Mar  1 09:00:00 mx1 postfix/submission/smtpd[1]: 4ABCDEF: client=h[192.0.2.1], sasl_method=PLAIN, sasl_username=" + name,
      "Mar  1 09:00:00 mx1 dovecot: imap-login: Disconnected (auth failed, 1 attempts): user=<" + name + ">, method=PLAIN, rip=192.0.2.1, lip=1.1.1.1, session=<s>",
      "Mar  1 09:00:00 mx1 dovecot: auth: sql(" + name + ",192.0.2.1,<t>): unknown user",
      "Mar 01 09:00:00 auth(" + name + ",192.0.2.1,sasl:plain)<u>: Info: sql: unknown user",
      "[01-Mar-2026 09:00:00 +0000]: <s> Failed login for " + name + " from 192.0.2.1 in session s (error: 0)",
      "Mar  1 09:00:00 mx1 roundcube[1]: <s> IMAP Error: Login failed for " + name + " from 192.0.2.1. AUTHENTICATE PLAIN: x",
      "2026-03-01 09:00:00 dovecot_login authenticator failed for (h) [192.0.2.1]: 535 x (set_id=" + name + ")",
  };
  for (const std::string& raw : lines) {
    std::string_view reason;
    pipeline_->Line(header_.Parse(raw), [&](const Event& e) {
      EXPECT_EQ(e.ip.ToString(), "192.0.2.1") << raw;
      EXPECT_NE(e.account, "victim") << raw;
    }, &reason);
    for (size_t n = 0; n < raw.size(); n += 3) Feed(raw.substr(0, n));
  }
  Feed(std::string(1 << 20, '{'));
  Feed("Mar  1 09:00:00 mx1 dovecot: auth: sql(" + std::string(1 << 20, ')') + ",1.1.1.1): unknown user");
  Feed(std::string("Mar  1 09:00:00 mx1 dovecot: \0\xff\xfe", 33));
}

// The directory of logs that others labelled; empty where it isn't at hand.
std::filesystem::path SharedLogs() {
  const char* shared = std::getenv("SEKISHO_SHARED");
  const std::filesystem::path logs = std::filesystem::path(shared != nullptr ? shared : "../shared") / "logs";
  return std::filesystem::exists(logs) ? logs : std::filesystem::path();
}

// The value of `"key": "value"` in a label.
std::string Label(std::string_view json, std::string_view key) {
  const size_t at = json.find("\"" + std::string(key) + "\": \"");
  if (at == std::string_view::npos) return "";
  const std::string_view rest = json.substr(at + key.size() + 5);
  return std::string(rest.substr(0, rest.find('"')));
}

struct Score {
  int expected = 0, matched = 0, wrong = 0, false_alarms = 0;
};

Score ScoreFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string text, label;
  Score score;
  HeaderOptions options;
  options.zone = *ParseTimeZone("Europe/Zurich");
  options.reference = *ParseRfc3339("2005-08-14T12:00:00+02:00");
  while (std::getline(in, text)) {
    // fail2ban's aggressive mode is about scanners, not about logins.
    if (text.find("\"mode\": \"aggressive\"") != std::string::npos) break;
    if (text.find("failJSON:") != std::string::npos) label = text;
    if (text.empty() || text[0] == '#') continue;
    if (label.empty()) continue;
    const bool match = label.find("\"match\": true") != std::string::npos;
    const std::string host = Label(label, "host");
    Pipeline pipeline{Pipeline::Options()};
    HeaderParser header(options);
    std::optional<IpAddress> failed;
    std::string_view reason;
    pipeline.Line(header.Parse(text), [&](const Event& e) {
      if (e.kind == Kind::kLoginFailed) failed = e.ip;
    }, &reason);
    if (match) {
      ++score.expected;
      const bool right = failed && failed->ToString() == host;
      score.matched += right ? 1 : 0;
      score.wrong += failed && !right ? 1 : 0;
      if (!right) std::printf("  %s: %s\n    %s\n", failed ? "WRONG" : "missing", std::string(reason).c_str(), text.c_str());
    } else if (failed) {
      ++score.false_alarms;
      std::printf("  FALSE ALARM\n    %s\n", text.c_str());
    }
    label.clear();
  }
  std::printf("%s: %d of %d failures found, %d with a wrong address, %d false alarms\n", path.filename().c_str(),
              score.matched, score.expected, score.wrong, score.false_alarms);
  return score;
}

TEST(LabelledLogsTest, Fail2bansDovecotAndRoundcubeCases) {
  const std::filesystem::path logs = SharedLogs();
  if (logs.empty()) GTEST_SKIP() << "no labelled logs beside the repository (SEKISHO_SHARED)";
  for (const char* name : {"dovecot.log", "roundcube-auth.log"}) {
    const Score score = ScoreFile(logs / "fail2ban" / name);
    EXPECT_GT(score.expected, 10) << name;
    EXPECT_EQ(score.matched, score.expected) << name;
    EXPECT_EQ(score.wrong, 0) << name;
    EXPECT_EQ(score.false_alarms, 0) << name;
  }
}

}  // namespace
}  // namespace sekisho::connectors
