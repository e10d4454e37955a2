// Goal: the header comes off every kind of line with the right instant, and nothing a client writes can pose as one.
// Method: one line of each form; years across New Year and leap days; forged and broken lines.
#include "connectors/common/syslog.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace sekisho::connectors {
namespace {

EventTime At(std::string_view rfc3339) { return ParseRfc3339(rfc3339).value(); }

HeaderOptions Tokyo() {
  HeaderOptions options;
  options.zone = ParseTimeZone("Asia/Tokyo").value();
  options.first_year = 2026;
  return options;
}

struct Case {
  const char* raw;
  const char* time;
  const char* host;
  const char* program;
  const char* message;
};

TEST(HeaderParserTest, TakesEveryForm) {
  const Case cases[] = {
      {"Mar  1 09:00:00 mx1 postfix/smtpd[12]: connect", "2026-03-01T00:00:00Z", "mx1", "postfix/smtpd", "connect"},
      {"Mar 1 09:00:00 mx1 postfix/smtpd[12]: connect", "2026-03-01T00:00:00Z", "mx1", "postfix/smtpd", "connect"},
      {"<22>Mar 11 09:00:00 mx1 dovecot: auth: x", "2026-03-11T00:00:00Z", "mx1", "dovecot", "auth: x"},
      {"Mar 11 09:00:00.250 2001:db8::1 dovecot: x", "2026-03-11T00:00:00.250Z", "2001:db8::1", "dovecot", "x"},
      {"Mar 11 09:00:00 mx1 last message repeated", "2026-03-11T00:00:00Z", "mx1", "", "last message repeated"},
      {"Mar 01 09:00:00 imap-login: Info: Login: u", "2026-03-01T00:00:00Z", "", "dovecot", "imap-login: Info: Login: u"},
      {"Mar 01 09:00:00 auth(a,1.2.3.4)<s>: Info: x", "2026-03-01T00:00:00Z", "", "dovecot", "auth(a,1.2.3.4)<s>: Info: x"},
      {"Mar  1 09:00:00 postfix/smtpd[12]: connect", "2026-03-01T00:00:00Z", "", "postfix/smtpd", "connect"},
      {"2026-03-01T09:00:00.123456+09:00 mx1 postfix/qmgr[1]: x", "2026-03-01T00:00:00.123Z", "mx1", "postfix/qmgr", "x"},
      {"2026-03-01T00:00:00Z mx1 exim[1]: x", "2026-03-01T00:00:00Z", "mx1", "exim", "x"},
      {"2026-03-01 09:00:00 imap-login: Info: x", "2026-03-01T00:00:00Z", "", "dovecot", "imap-login: Info: x"},
      {"2026-03-01 09:00:00 1wABCD-000001-0a <= a@x", "2026-03-01T00:00:00Z", "", "", "1wABCD-000001-0a <= a@x"},
      {"2026-03-01 09:00:00.5 +0000 [77] 1wABCD-000001-0a <= a", "2026-03-01T09:00:00.500Z", "", "", "1wABCD-000001-0a <= a"},
      {"[01-Mar-2026 09:00:00 +0900]: <s1> Failed login", "2026-03-01T00:00:00Z", "", "roundcube", "<s1> Failed login"},
      {"@400000004c91b044077a9e94 imap-login: Info: x", "2010-09-16T05:50:50.125Z", "", "dovecot", "imap-login: Info: x"},
      {"<22>1 2026-03-01T00:00:00.5Z mx1 dovecot 12 - - imap-login: x", "2026-03-01T00:00:00.500Z", "mx1", "dovecot", "imap-login: x"},
      {"<22>1 2026-03-01T00:00:00Z mx1 p 1 id [a b=\"x]\\\"y\"][c] \xef\xbb\xbfhello", "2026-03-01T00:00:00Z", "mx1", "p", "hello"},
      {R"({"__REALTIME_TIMESTAMP":"1772323200123456","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"dovecot","MESSAGE":"a\tb"})",
       "2026-03-01T00:00:00.123Z", "mx1", "dovecot", "a\tb"},
      {R"({"MESSAGE":[97,255,98],"__REALTIME_TIMESTAMP":"1772323200000000"})", "2026-03-01T00:00:00Z", "", "", "a\xff" "b"},
      {R"({"kind":"login","time": "2026-03-01T09:00:00+09:00"})", "2026-03-01T00:00:00Z", "", "",
       R"({"kind":"login","time": "2026-03-01T09:00:00+09:00"})"},
  };
  HeaderParser parser(Tokyo());
  for (const Case& c : cases) {
    const LogLine line = parser.Parse(c.raw);
    EXPECT_EQ(FormatRfc3339(line.time), FormatRfc3339(At(c.time))) << c.raw;
    EXPECT_EQ(line.host, c.host) << c.raw;
    EXPECT_EQ(line.program, c.program) << c.raw;
    EXPECT_EQ(line.message, c.message) << c.raw;
  }
}

TEST(HeaderParserTest, WhatHasNoHeaderIsAllMessage) {
  HeaderParser parser(Tokyo());
  for (const char* raw : {"", "x", "<", "<22", "<22>", "<9999>Mar  1", "Mar", "Mar  1 09:00:00", "Mar 41 09:00:00 h p: m",
                          "Mat  1 09:00:00 h p: m", "Mar  1 25:00:00 h p: m", "2026-13-01T09:00:00Z h p: m",
                          "2026-03-01T09:00", "[01-Mar-2026", "[01-Mxr-2026 09:00:00 +0900]: x", "{\"time\"", "{",
                          "{\"__REALTIME_TIMESTAMP\":1}", "@4000", "@zz0000004c91b044077a9e94 imap-login: x"}) {
    const LogLine line = parser.Parse(raw);
    EXPECT_TRUE(line.time.never()) << raw;
    EXPECT_EQ(line.message, raw);
    EXPECT_EQ(line.program, "") << raw;
  }
}

// In Dovecot's own format the user name stands before the message. It must not become a host and a program.
TEST(HeaderParserTest, ANameInParenthesesForgesNoHeader) {
  HeaderParser parser(Tokyo());
  for (const char* raw : {"Mar 01 09:00:00 imap(x mx1 postfix/smtpd[1]: A: client=x[1.2.3.4], sasl_username=v)<1><s>: x",
                          "Mar 01 09:00:00 auth(mx1 postfix/smtpd: A: client=x[1.2.3.4],9.9.9.9)<s>: Info: x"}) {
    const LogLine line = parser.Parse(raw);
    EXPECT_EQ(line.program, "dovecot");
    EXPECT_EQ(line.host, "");
  }
}

TEST(HeaderParserTest, JournaldViewsLiveThroughTheNextLine) {
  HeaderParser parser(Tokyo());
  const LogLine a = parser.Parse(R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":"first"})");
  const LogLine b = parser.Parse(R"({"__REALTIME_TIMESTAMP":"2","MESSAGE":"second"})");
  EXPECT_EQ(a.message, "first");
  EXPECT_EQ(b.message, "second");
}

std::vector<std::string> Days(HeaderOptions options, const std::vector<const char*>& dates) {
  HeaderParser parser(options);
  std::vector<std::string> out;
  for (const char* date : dates) {
    const std::string raw = std::string(date) + " 12:00:00 h p: m";
    out.push_back(FormatRfc3339(parser.Parse(raw).time).substr(0, 10));
  }
  return out;
}

TEST(YearTest, AGivenYearRollsAtNewYearBothWays) {
  HeaderOptions options;
  options.first_year = 2025;
  EXPECT_EQ(Days(options, {"Dec 30", "Dec 31", "Jan  1", "Dec 31", "Jan  1", "Mar  1", "Nov 20", "Jan  2"}),
            (std::vector<std::string>{"2025-12-30", "2025-12-31", "2026-01-01", "2025-12-31", "2026-01-01", "2026-03-01",
                                      "2026-11-20", "2027-01-02"}));
  // A month back is a clock out of order, not a year.
  EXPECT_EQ(Days(options, {"Aug  1", "Jul  1", "Aug  1"}),
            (std::vector<std::string>{"2025-08-01", "2025-07-01", "2025-08-01"}));
}

TEST(YearTest, LeapDays) {
  HeaderOptions options;
  options.first_year = 2027;
  EXPECT_EQ(Days(options, {"Dec 31", "Feb 29", "Mar  1"}),
            (std::vector<std::string>{"2027-12-31", "2028-02-29", "2028-03-01"}));
  EXPECT_EQ(Days(options, {"Feb 29", "Mar  1"}), (std::vector<std::string>{"never", "2027-03-01"}));
}

TEST(YearTest, OtherwiseTheLatestYearNotAfterTheReference) {
  HeaderOptions options;
  options.reference = At("2026-03-10T00:00:00Z");
  EXPECT_EQ(Days(options, {"Mar 10", "Mar 11", "Mar 12", "Dec 31", "Jan  1", "Feb 29"}),
            (std::vector<std::string>{"2026-03-10", "2026-03-11", "2025-03-12", "2025-12-31", "2026-01-01", "2024-02-29"}));
  options.reference = EventTime::Never();
  EXPECT_EQ(Days(options, {"Mar 10"}), (std::vector<std::string>{"never"}));
}

}  // namespace
}  // namespace sekisho::connectors
