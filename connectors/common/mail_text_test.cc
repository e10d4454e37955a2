// Goal: header fields, dates and the first lines of mail files are told apart as RFC 5322 says. Method: examples, odd ones too.
#include "connectors/common/mail_text.h"

#include <gtest/gtest.h>

namespace sekisho::connectors {
namespace {

TEST(MailTextTest, Dates) {
  const EventTime t = EventTime::FromSeconds(1'795'698'330);  // 2026-11-26T13:05:30Z
  EXPECT_EQ(ParseMailDate("Thu, 26 Nov 2026 13:05:30 +0000"), t);
  EXPECT_EQ(ParseMailDate("  26 Nov 2026 22:05:30 +0900 (JST)"), t);
  EXPECT_EQ(ParseMailDate("Thu,  26 Nov 2026 13:05:30 GMT"), t);
  EXPECT_EQ(ParseMailDate("Thu, 26 Nov 2026 13:05 UT"), t - Span::Seconds(30));
  for (const char* bad : {"", "Thu", "Thu, 31 Nov 2026 13:05:30 +0000", "Thu, 26 Now 2026 13:05:30 +0000", "26 Nov 26 13:05:30 +0000",
                          "26 Nov 2026 24:05:30 +0000", "26 Nov 2026 13:05:30", "26 Nov 2026 13:05:30 EST", "26 Nov 2026 13"}) {
    EXPECT_FALSE(ParseMailDate(bad)) << bad;
  }
}

TEST(MailTextTest, Fields) {
  const std::string_view text = "A: 1\r\nnonsense\nB:\n\tfolded\n  twice \nb: second\n\nC: in the body\n";
  EXPECT_EQ(FindMailField(text, "a"), "1");
  EXPECT_EQ(FindMailField(text, "B"), "folded   twice");
  EXPECT_FALSE(FindMailField(text, "C"));
  MailFields fields(text);
  std::string_view name, value;
  int count = 0;
  while (fields.Next(&name, &value)) ++count;
  EXPECT_EQ(count, 3);
  EXPECT_EQ(fields.body(), "C: in the body\n");
  EXPECT_FALSE(FindMailField("", "A"));
}

TEST(MailTextTest, TheTopmostReceivedTellsTheTime) {
  const std::string date = "Date: Thu, 26 Nov 2026 12:00:00 +0000\n";
  EXPECT_EQ(MailTime(date), EventTime::FromSeconds(1'795'694'400));
  EXPECT_EQ(MailTime(date + "Received: from a; b by c;\n Thu, 26 Nov 2026 13:05:30 +0000\nReceived: x; Thu, 26 Nov 2026 11:00:00 +0000\n"),
            EventTime::FromSeconds(1'795'698'330));
  EXPECT_EQ(MailTime("Received: x\n" + date), EventTime::FromSeconds(1'795'694'400));
  EXPECT_TRUE(MailTime("Subject: none\n").never());
}

TEST(MailTextTest, WhatAMailFileBeginsWith) {
  for (const char* mail : {"From fbl@example.net Thu Nov 26 13:05:30 2026", "From MAILER-DAEMON Thu Nov 26 13:05:30 2026",
                           "Return-Path: <>", "received: from x", "Content-Type: multipart/report"}) {
    EXPECT_TRUE(LooksLikeMail(mail)) << mail;
  }
  for (const char* log : {"", "From here on", "dovecot: imap-login: Login: user=<a>", "Nov 26 13:05:30 mx1 postfix/smtpd[1]: connect",
                          "2026-11-26 13:05:30 1rhPzs-00000000VCC-1abc Completed", "{\"kind\":\"login\"}", "Subject of it all: x", ": x",
                          "[26-Nov-2026 13:05:30 +0000]: <x> Successful login"}) {
    EXPECT_FALSE(LooksLikeMail(log)) << log;
  }
}

}  // namespace
}  // namespace sekisho::connectors
