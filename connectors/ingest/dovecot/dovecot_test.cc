// Goal: every wording of Dovecot's gives the one right event, each login counts once, and no name or password moves an
// address. Method: lines as the versions print them; pairs of lines about one login; lines forged field by field.
#include "connectors/ingest/dovecot/dovecot.h"

#include <gtest/gtest.h>

#include "connectors/common/syslog.h"
#include "connectors/ingest/jsonl/jsonl.h"

namespace sekisho::connectors {
namespace {

class DovecotTest : public testing::Test {
 protected:
  // "login taro@x 192.0.2.1 imap s1 PLAIN", "-" for what isn't there; "ignored", "not mine", or why it is malformed.
  std::string Feed(std::string_view message, std::string_view program = "dovecot", int64_t at_s = 0) {
    std::string out;
    LogLine line;
    line.time = EventTime::FromSeconds(1'772'323'200 + at_s);
    line.program = program;
    line.message = message;
    std::string_view reason;
    const auto print = [&](const Event& e) {
      const auto dash = [](std::string_view s) { return " " + (s.empty() ? std::string("-") : std::string(s)); };
      if (!out.empty()) out += "; ";
      out += std::string(KindName(e.kind)) + dash(e.account) + dash(e.ip.unspecified() ? "" : e.ip.ToString()) +
             dash(ServiceName(e.service)) + dash(e.session) + dash(e.method);
      if (e.kind == Kind::kLoginFailed) out += " " + std::to_string(static_cast<int>(e.failure));
      last_ = "";
      AppendJson(e, &last_);
    };
    switch (parser_->Parse(line, print, &reason)) {
      case ParseResult::kNotMine:
        return "not mine";
      case ParseResult::kIgnored:
        return "ignored";
      case ParseResult::kMalformed:
        return std::string(reason);
      case ParseResult::kEvents:
        return out;
    }
    return "";
  }

  std::string last_;  // the last event as JSON
  Canonicalizer canonicalizer_{{}, HashKey::FromPassphrase("test")};
  std::unique_ptr<Parser> parser_ = MakeDovecotParser(&canonicalizer_);
};

TEST_F(DovecotTest, Logins) {
  EXPECT_EQ(Feed("imap-login: Login: user=<Taro@x.jp>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=18, TLS, session=<a/+1>"),
            "login taro@x.jp 192.0.2.1 imap a/+1 PLAIN");
  EXPECT_EQ(Feed("pop3-login: Info: Login: user=<t>, method=CRAM-MD5, rip=2001:db8::1, lip=::1, TLS"),
            "login t 2001:db8::1 pop3 - CRAM-MD5");
  EXPECT_EQ(Feed("imap-login: Logged in: user=<t>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=1, session=<b>"),
            "login t 192.0.2.1 imap b PLAIN");
  EXPECT_EQ(Feed("managesieve-login: Login: user=<t>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=1, session=<c>"),
            "login t 192.0.2.1 sieve c PLAIN");
  EXPECT_EQ(Feed("submission-login: Login: user=<t>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=1, session=<d>"),
            "login t 192.0.2.1 smtp d PLAIN");
  EXPECT_EQ(Feed("imap-login: proxy(t): started proxying to 10.0.0.1:143 (0.1 secs): user=<t>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, session=<e>"),
            "login t 192.0.2.1 imap e PLAIN");
  // The back end tells of the same session.
  EXPECT_EQ(Feed("imap-login: Login: user=<t>, method=PLAIN, rip=192.0.2.1, lip=10.0.0.1, mpid=1, session=<e>"), "ignored");
}

TEST_F(DovecotTest, FailuresOfTheLoginProcess) {
  const std::string fields = "user=<t>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, TLS, session=<";
  const std::pair<const char*, const char*> cases[] = {
      {"Disconnected (auth failed, 1 attempts): ", "1"},
      {"Aborted login (auth failed, 1 attempts in 2 secs): ", "1"},
      {"Disconnected: Connection closed: read(size=1003) failed: Connection reset by peer (auth failed, 2 attempts in 3 secs): ", "1"},
      {"Login aborted: Connection closed (auth failed, 3 attempts in 16 secs) (auth_failed): ", "1"},
      {"Client has quit the connection (auth failed, 1 attempts in 2 secs): ", "1"},
      {"Disconnected (proxy dest auth failed): ", "1"},
      {"Aborted login (tried to use disallowed plaintext auth): ", "5"},
      {"Disconnected (user disabled): ", "3"},
      {"Disconnected (client didn't finish SASL auth, waited 2 secs): ", "4"},
      {"Disconnected (internal failure, 1 successful auths): ", "6"},
  };
  int session = 0;
  for (const auto& [reason, failure] : cases) {
    const std::string id = "s" + std::to_string(++session);
    EXPECT_EQ(Feed("imap-login: " + std::string(reason) + fields + id + ">"),
              "login_failed t 192.0.2.1 imap " + id + " PLAIN " + failure)
        << reason;
  }
  EXPECT_EQ(Feed("pop3-login: Disconnected (auth failed, 1 attempts): method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, TLS: Disconnected"),
            "login_failed - 192.0.2.1 pop3 - PLAIN 1");
  EXPECT_EQ(Feed("pop3-login: Aborted login (tried to use disabled plaintext auth): rip=192.0.2.7, lip=192.0.2.9"),
            "login_failed - 192.0.2.7 pop3 - - 5");
  for (const char* silent : {"imap-login: Disconnected (no auth attempts in 4 secs): user=<>, rip=192.0.2.7, lip=192.0.2.9, TLS handshaking: SSL_accept() failed",
                             "imap-login: Disconnected: a: a: a", "imap-login: Error: whatever", "imap-login: ", "imap-login",
                             "master: Warning: Killed with signal 15", "anvil: x", ""}) {
    EXPECT_EQ(Feed(silent), "ignored") << silent;
  }
}

TEST_F(DovecotTest, FailuresOfTheAuthenticationProcess) {
  const std::pair<const char*, const char*> cases[] = {
      {"auth: passwd-file(a,192.0.2.1): unknown user", "login_failed a 192.0.2.1 unknown - - 2"},
      {"auth-worker(304): pam(b,192.0.2.1): pam_authenticate() failed: Authentication failure (password mismatch?)",
       "login_failed b 192.0.2.1 unknown - - 1"},
      {"auth-worker(304): Info: sql(c,192.0.2.1,<n4J>): unknown user", "login_failed c 192.0.2.1 unknown n4J - 2"},
      {"auth: Info: ldap(d,192.0.2.1,): invalid credentials", "login_failed d 192.0.2.1 unknown - - 1"},
      {"auth: ldap(e,2001:db8::1,<s>): Password mismatch (for LDAP bind) (SHA1 of given password: f638ff)",
       "login_failed e 2001:db8::1 unknown s - 1"},
      {"auth-worker(3270): conn unix:auth-worker (pid=27359,uid=97): auth-worker<128>: pam(f,192.0.2.1): pam_authenticate() failed: User not known to the underlying authentication module",
       "login_failed f 192.0.2.1 unknown - - 2"},
      {"auth(g,192.0.2.1,sasl:login)<CvN>: Info: sql: Password mismatch (given password: XxxxXXxx123)",
       "login_failed g 192.0.2.1 unknown CvN login 1"},
      {"dovecot: auth(default): pam(h,192.0.2.1): pam_authenticate() failed: Permission denied",
       "login_failed h 192.0.2.1 unknown - - 1"},
      {"auth: policy(i,192.0.2.1,<p>): Authentication failure due to policy server refusal",
       "login_failed i 192.0.2.1 unknown p - 5"},
      {"auth: Debug: sql(j,192.0.2.1,<q>): Password mismatch", "ignored"},
      {"auth: sql(j,192.0.2.1,<q>): query: SELECT", "ignored"},
      {"auth: sql(j,localhost): unknown user", "ignored"},
  };
  for (const auto& [line, expected] : cases) EXPECT_EQ(Feed(line), expected) << line;
  const char* pam = "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=k rhost=192.0.2.1  user=k";
  EXPECT_EQ(Feed(pam, "auth"), "login_failed k 192.0.2.1 unknown - - 1");
  EXPECT_EQ(Feed("sql(x,192.0.2.1): unknown user", "auth"), "not mine");
  EXPECT_EQ(Feed("imap-login: Login: user=<x>, rip=192.0.2.1", "sshd"), "not mine");
}

TEST_F(DovecotTest, OneFailureCountsOnceWhoeverTells) {
  const char* summary = "imap-login: Disconnected (auth failed, 2 attempts in 9 secs): user=<t>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, session=<s1>";
  const char* auth = "auth-worker(1): sql(t,192.0.2.1,<s1>): Password mismatch";
  EXPECT_EQ(Feed(auth), "login_failed t 192.0.2.1 unknown s1 - 1");
  EXPECT_EQ(Feed(auth, "dovecot", 3), "login_failed t 192.0.2.1 unknown s1 - 1") << "the second attempt";
  EXPECT_EQ(Feed(summary, "dovecot", 9), "ignored");
  // The next connection is another matter, as is the same one told by the login process alone.
  EXPECT_EQ(Feed("imap-login: Disconnected (auth failed, 1 attempts): user=<t>, rip=192.0.2.1, lip=192.0.2.9, session=<s2>"),
            "login_failed t 192.0.2.1 imap s2 - 1");
  EXPECT_EQ(Feed("auth-worker(1): sql(t,192.0.2.1,<s2>): Password mismatch"), "ignored");
}

TEST_F(DovecotTest, WithoutSessionsUserAndAddressStandForThem) {
  EXPECT_EQ(Feed("auth-worker(1): pam(t,192.0.2.1): unknown user"), "login_failed t 192.0.2.1 unknown - - 2");
  EXPECT_EQ(Feed("pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=t rhost=192.0.2.1", "auth"), "ignored");
  const char* summary = "imap-login: Disconnected (auth failed, 1 attempts): user=<t>, rip=192.0.2.1, lip=192.0.2.9";
  EXPECT_EQ(Feed(summary, "dovecot", 30), "ignored");
  EXPECT_EQ(Feed(summary, "dovecot", 3000), "login_failed t 192.0.2.1 imap - - 1");
}

// Whatever the name is, the address is the true one or there is no event.
TEST_F(DovecotTest, ANameNeverMovesTheAddress) {
  const std::string names[] = {
      "x>, method=PLAIN, rip=6.6.6.6, lip=6.6.6.6, session=<x",
      "x>, rip=6.6.6.6, lip=6.6.6.6",
      "rip=6.6.6.6",
      " rip=6.6.6.6, user=<victim>",
      "x): rip=6.6.6.6, lip=1.1.1.1",
      "x: user=<victim>, method=PLAIN, rip=6.6.6.6, lip=1.1.1.1",
      "x,6.6.6.6): unknown user",
      "x,6.6.6.6,<s>): Password mismatch (",
      "x,6.6.6.6,sasl:plain)<s>: Info: sql: unknown user",
      "1): pam(victim,6.6.6.6): unknown user",
      "default): pam(victim,6.6.6.6): unknown user",
      "dovecot:auth): authentication failure; ruser=victim rhost=6.6.6.6 ",
      "conn x): y>: sql(victim,6.6.6.6): unknown user",
      "x rhost=6.6.6.6",
      "x rhost=6.6.6.6  user=victim",
      "client=x[6.6.6.6], sasl_username=victim",
      " from 6.6.6.6 in session s",
      std::string("\0>, rip=6.6.6.6", 15),
      "\xff\xfe, rip=6.6.6.6, ",
  };
  int session = 0;
  for (const std::string& name : names) {
    const std::string id = std::to_string(++session);
    const std::string lines[] = {
        "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<" + name + ">, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, TLS, session=<" + id + ">",
        "imap-login: Disconnected: Too many invalid commands (tried to use disallowed plaintext auth): user=<" + name + ">, rip=192.0.2.1, lip=192.0.2.9, session=<" + id + "b>",
        "auth-worker(12): sql(" + name + ",192.0.2.1,<" + id + "c>): unknown user",
        "auth-worker(12): conn unix:auth-worker (pid=1,uid=2): auth-worker<3>: sql(" + name + ",192.0.2.1,<" + id + "d>): unknown user",
        "auth: Info: pam(" + name + ",192.0.2.1): pam_authenticate() failed: Permission denied",
        "auth(" + name + ",192.0.2.1,sasl:login)<" + id + "e>: Info: sql: unknown user",
        "dovecot-auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=" + name + " rhost=192.0.2.1",
    };
    for (const std::string& line : lines) {
      last_.clear();
      const std::string got = Feed(line);
      if (last_.empty()) continue;  // refused, or told already
      EXPECT_NE(last_.find(R"("ip":"192.0.2.1")"), std::string::npos) << line << "\n" << got;
      EXPECT_EQ(last_.find(R"("account":"victim")"), std::string::npos) << line;
    }
    // The login process's lines are read whatever the name is.
    EXPECT_NE(Feed("imap-login: Login: user=<" + name + ">, method=PLAIN, rip=192.0.2.2, lip=1.1.1.1, mpid=1, session=<ok" + id + ">")
                  .find(" 192.0.2.2 imap ok" + id + " PLAIN"),
              std::string::npos)
        << name;
  }
}

TEST_F(DovecotTest, APasswordNeverMovesTheAddress) {
  EXPECT_EQ(Feed("auth: sql(t,192.0.2.1,<s>): Password mismatch (given password: x,6.6.6.6,<s>): Password mismatch)"),
            "a user name or password that looks like a log line");
  EXPECT_EQ(Feed("auth(t,192.0.2.1,sasl:plain)<s>: Info: sql: Password mismatch (given password: ,6.6.6.6)<s>: sql: unknown user)"),
            "a user name or password that looks like a log line");
}

TEST_F(DovecotTest, ALineThatMayHaveBeenCutIsNotBelieved) {
  const std::string padding(1000, 'x');
  EXPECT_EQ(Feed("imap-login: Disconnected (auth failed, 1 attempts): user=<x>, method=PLAIN, rip=6.6.6.6, lip=1.1.1.1, " + padding),
            "the line may have been cut");
  EXPECT_EQ(Feed("auth: sql(x,6.6.6.6): unknown user" + padding), "the line may have been cut");
}

TEST_F(DovecotTest, BrokenAndUnknownFields) {
  const std::string head = "imap-login: Login: ";
  EXPECT_EQ(Feed(head + "user=<t>, method=PLAIN"), "no client address");
  EXPECT_EQ(Feed(head + "user=<t>, method=PLAIN, rip=host.example, lip=1.1.1.1"), "the client's address is none");
  EXPECT_EQ(Feed(head + "rip=192.0.2.1, user=<x, rip=6.6.6.6>"), "the client's address is none");
  EXPECT_EQ(Feed(head + "rip=192.0.2.1, user=<x>, method=PLAIN"), "the fields are in an unknown order");
  EXPECT_EQ(Feed(head + "user=<t, method=PLAIN, rip=192.0.2.1"), "the fields are in an unknown order");
  EXPECT_EQ(Feed(head + "user=<t>, method=PL AIN, rip=192.0.2.1"), "the fields are in an unknown order");
  const std::string whole = head + "user=<t>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=1, TLS, session=<z>";
  for (size_t n = 0; n < whole.size(); ++n) Feed(whole.substr(0, n));
}

TEST_F(DovecotTest, MailboxAccess) {
  EXPECT_EQ(Feed("imap(t)<12><s1>: Logged out in=1 out=2 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=2 body_bytes=99"),
            "mailbox_access t - imap s1 -");
  EXPECT_EQ(Feed("imap(t)<12><s2>: Info: Disconnected: Logged out in=1 out=9999 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0"),
            "ignored");
  EXPECT_EQ(Feed("imap(t): Disconnected: Logged out in=93 out=812"), "ignored");
  EXPECT_EQ(Feed("imap(t): Disconnected: Logged out in=93 out=81200"), "mailbox_access t - imap - -");
  EXPECT_EQ(Feed("pop3(t)<1><s3>: Disconnected: Logged out top=0/0, retr=1/2048, del=0/1, size=2030"), "mailbox_access t - pop3 s3 -");
  EXPECT_EQ(Feed("pop3(t)<1><s4>: Disconnected: Logged out top=0/0, retr=0/0, del=0/1, size=2030"), "ignored");
  EXPECT_EQ(Feed("imap(t)<12><s5>: copy from INBOX: box=Sent in=1 out=99999"), "ignored");
  for (const char* broken : {"imap(", "imap()", "imap(t)<", "imap(t)<1><", "imap(t)<1><s>", "imap(t): Logged out in= out="}) {
    EXPECT_EQ(Feed(broken), "ignored");
  }
}

TEST_F(DovecotTest, EventExport) {
  const auto json = [](const std::string& event, const std::string& fields) {
    return R"({"event":")" + event + R"(","hostname":"mx1","start_time":"2026-03-01T00:00:00.5Z","end_time":"2026-03-01T00:00:01.5Z","categories":["auth"],"fields":{)" + fields + "}}";
  };
  const std::string who = R"("user":"T@x","remote_ip":"192.0.2.1","remote_port":"4711","local_port":"587","mechanism":"PLAIN",)";
  EXPECT_EQ(Feed(json("auth_request_finished", who + R"("service":"smtp","success":"yes")"), ""), "login t@x 192.0.2.1 smtp - PLAIN");
  EXPECT_NE(last_.find(R"("time":"2026-03-01T00:00:01.500+00:00")"), std::string::npos);
  EXPECT_NE(last_.find(R"("host":"mx1")"), std::string::npos);
  EXPECT_NE(last_.find(R"("listener":587)"), std::string::npos);
  EXPECT_NE(last_.find(R"("client_port":4711)"), std::string::npos);
  EXPECT_EQ(Feed(json("auth_request_finished", who + R"("service":"imap","session":"s","error":"authentication failed")"), ""),
            "login_failed t@x 192.0.2.1 imap s PLAIN 1");
  EXPECT_EQ(Feed("stats: Info: " + json("auth_request_finished", who + R"("service":"imap","session":"p","policy_result":"refused","error":"authentication failed")")),
            "login_failed t@x 192.0.2.1 imap p PLAIN 5");
  EXPECT_EQ(Feed("imap-login: Disconnected (auth failed, 1 attempts): user=<t@x>, rip=192.0.2.1, lip=192.0.2.9, session=<s>"), "ignored");
  EXPECT_EQ(Feed(json("auth_request_finished", who + R"("service":"imap","session":"ok","success":"yes")"), ""), "login t@x 192.0.2.1 imap ok PLAIN");
  EXPECT_EQ(Feed("imap-login: Login: user=<t@x>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=1, session=<ok>"), "ignored");
  EXPECT_EQ(Feed(json("auth_passdb_request_finished", who + R"("service":"imap","session":"s","result":"password_mismatch")"), ""), "ignored");
  EXPECT_EQ(Feed(json("auth_request_finished", who + R"("service":"imap","master_user":"root","success":"yes")"), ""), "ignored");
  EXPECT_EQ(Feed(json("auth_request_finished", who + R"("service":"doveadm","success":"yes")"), ""), "ignored");
  EXPECT_EQ(Feed(json("smtp_server_transaction_finished", R"("user":"t@x","remote_ip":"192.0.2.1","recipients_succeeded":3,"mail_from":"<T@x>")"), ""),
            "submission t@x 192.0.2.1 smtp - -");
  EXPECT_NE(last_.find(R"("recipients":3)"), std::string::npos);
  EXPECT_EQ(Feed(json("smtp_server_transaction_finished", R"("user":"t@x","recipients_succeeded":0)"), ""), "ignored");
  EXPECT_EQ(Feed(json("imap_command_finished", R"("user":"t@x","session":"f","cmd_name":"UID FETCH")"), ""), "mailbox_access t@x - imap f -");
  EXPECT_EQ(Feed(json("imap_command_finished", R"("user":"t@x","session":"f","cmd_name":"UID FETCH")"), ""), "ignored");
  EXPECT_EQ(Feed(json("imap_command_finished", R"("user":"t@x","session":"g","cmd_name":"NOOP")"), ""), "ignored");
  EXPECT_EQ(Feed(R"({"event":"x"})", ""), "ignored");
  EXPECT_EQ(Feed(R"({"event":)", ""), "not a JSON object");
  EXPECT_EQ(Feed(R"({"kind":"login"})", ""), "not mine");
}

TEST_F(DovecotTest, PassdbEventsCountWhileNothingBetterIsExported) {
  const char* json = R"({"event":"auth_passdb_request_finished","fields":{"user":"t","remote_ip":"192.0.2.1","session":"s","service":"imap","result":"user_unknown"}})";
  EXPECT_EQ(Feed(json, ""), "login_failed t 192.0.2.1 imap s - 2");
}

}  // namespace
}  // namespace sekisho::connectors
