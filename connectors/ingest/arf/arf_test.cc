// Goal: a report becomes one complaint about the right account, other mail becomes none, and neither the complainer's nor the
// spammer's text moves the blame further than the header says. Method: reports in RFC 5965's shape, changed one thing at a time.
#include "connectors/ingest/arf/arf.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "connectors/common/mail_text.h"
#include "connectors/ingest/testing/event_recorder.h"

namespace sekisho::connectors {
namespace {

constexpr std::string_view kHead =
    "Return-Path: <>\n"
    "Received: from feedback.example.net (feedback.example.net [203.0.113.9])\n"
    "\tby mx1.example.jp (Postfix) with ESMTPS id 77AA; Thu, 26 Nov 2026 22:05:30 +0900 (JST)\n"
    "Date: Thu, 26 Nov 2026 12:00:00 +0000\n"
    "From: <fbl@example.net>\n"
    "Subject: FW: cheap watches\n"
    "MIME-Version: 1.0\n"
    "Content-Type: multipart/report; report-type=feedback-report;\n"
    "     boundary=\"part1; of=it\"\n"
    "\n"
    "--part1; of=it\n"
    "Content-Type: text/plain\n"
    "\n"
    "This is a report. Feedback-Type: abuse\n";
constexpr std::string_view kReport =
    "--part1; of=it\n"
    "Content-Type: message/feedback-report\n"
    "\n"
    "Feedback-Type: abuse\n"
    "User-Agent: SomeGenerator/1.0\n"
    "Version: 1\n"
    "Original-Mail-From: <bounces+jiro=example.jp@example.jp>\n"
    "Incidents: 900\n";
constexpr std::string_view kOriginal =
    "--part1; of=it\n"
    "Content-Type: message/rfc822\n"
    "\n"
    "Received: from mx1.example.jp (mx1.example.jp [192.0.2.1]) by mx.example.net; Thu, 26 Nov 2026 11:00:02 +0000\n"
    "Received: from laptop (unknown [198.51.100.7])\n"
    "\t(using TLSv1.3 with cipher x)\n"
    "\t(Authenticated sender: Hanako@example.jp)\n"
    "\tby mx1.example.jp (Postfix) with ESMTPSA id 4Bkz2F3qRgz\n"
    "\tfor <a@example.net>; Thu, 26 Nov 2026 20:00:00 +0900 (JST)\n"
    "X-Account: <saburo@example.jp>\n"
    "From: somebody <x@example.org>\n"
    "\n"
    "Buy.\n"
    "--part1; of=it--\n";

class ArfTest : public ::testing::Test {
 protected:
  std::string Feed(std::string_view message) {
    const auto parser = MakeArfParser(&canonicalizer_, options_);
    return recorder_.Feed(parser.get(), {{}, "", kMailProgram, message});
  }
  std::string FeedParts(std::string_view head, std::string_view report, std::string_view original) {
    return Feed(std::string(head) + std::string(report) + std::string(original));
  }
  static std::string With(std::string_view text, std::string_view from, std::string_view to) {
    std::string out(text);
    const size_t at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return out.replace(at, from.size(), to);
  }

  Canonicalizer canonicalizer_{{}, HashKey::FromPassphrase("test")};
  ArfOptions options_;
  testing::EventRecorder recorder_;
};

TEST_F(ArfTest, TheAuthenticatedSenderOfTheOriginal) {
  EXPECT_EQ(FeedParts(kHead, kReport, kOriginal), "complaint hanako@example.jp - 4Bkz2F3qRgz");
  EXPECT_EQ(recorder_.events.size(), 1u);  // whatever Incidents says
  EXPECT_EQ(recorder_.events[0].event.time, EventTime::FromSeconds(1'795'698'330));
}

TEST_F(ArfTest, AConfiguredFieldComesFirstThenVerp) {
  options_.verp = "bounces+*@example.jp";
  EXPECT_EQ(FeedParts(kHead, kReport, kOriginal), "complaint jiro@example.jp - 4Bkz2F3qRgz");
  options_.account_headers = {"X-Missing", "x-account"};
  EXPECT_EQ(FeedParts(kHead, kReport, kOriginal), "complaint saburo@example.jp - 4Bkz2F3qRgz");
  options_ = {{}, "other+*@example.jp"};
  EXPECT_EQ(FeedParts(kHead, kReport, kOriginal), "complaint hanako@example.jp - 4Bkz2F3qRgz");
}

TEST_F(ArfTest, OnlyTypesThatBlameTheSender) {
  for (const std::string_view type : {"not-spam", "auth-failure", "opt-out", "other", "dkim", "abuse2", ""}) {
    EXPECT_EQ(FeedParts(kHead, With(kReport, "abuse", type), kOriginal), "") << type;
    EXPECT_EQ(recorder_.result, ParseResult::kIgnored) << type;
  }
  EXPECT_EQ(FeedParts(kHead, With(kReport, "abuse", "FRAUD"), kOriginal), "complaint hanako@example.jp - 4Bkz2F3qRgz");
}

TEST_F(ArfTest, OtherMailIsNone) {
  EXPECT_EQ(Feed("From: a@example.net\nContent-Type: text/plain\n\n--x\nFeedback-Type: abuse\n"), "");
  EXPECT_EQ(recorder_.result, ParseResult::kIgnored);
  EXPECT_EQ(FeedParts(With(kHead, "report-type=feedback-report", "report-type=delivery-status"), kReport, kOriginal), "");
  EXPECT_EQ(recorder_.result, ParseResult::kIgnored);
  const auto parser = MakeArfParser(&canonicalizer_, {});
  EXPECT_EQ(recorder_.Feed(parser.get(), {{}, "", "arf", std::string(kHead) + std::string(kReport)}), "");
  EXPECT_EQ(recorder_.result, ParseResult::kNotMine);
}

TEST_F(ArfTest, BrokenReportsSayWhy) {
  EXPECT_EQ(FeedParts(With(kHead, "boundary", "border"), kReport, kOriginal), "");
  EXPECT_EQ(recorder_.reason, "arf: no boundary");
  EXPECT_EQ(FeedParts(kHead, "", kOriginal), "");
  EXPECT_EQ(recorder_.reason, "arf: no feedback-report part with a Feedback-Type");
  const std::string undated = With(With(kHead, "Thu, 26 Nov 2026 22:05:30 +0900 (JST)", "soon"), "Date: ", "X-Date: ");
  EXPECT_EQ(FeedParts(undated, kReport, kOriginal), "");
  EXPECT_EQ(recorder_.reason, "arf: no time in Received or Date");
}

TEST_F(ArfTest, WithoutTheOriginalItIsNobodys) {
  EXPECT_EQ(FeedParts(kHead, kReport, ""), "complaint - -");
}

// Goal: what a thief writes into his own message doesn't lay the blame on another.
TEST_F(ArfTest, ForgedFieldsBelowOursAreNotBelieved) {
  const std::string forged =
      "X-Account: <victim@example.jp>\nReceived: from x\n\t(Authenticated sender: victim@example.jp)\n\tby y id 1\nFrom: somebody";
  options_.account_headers = {"X-Account"};
  EXPECT_EQ(FeedParts(kHead, kReport, With(kOriginal, "From: somebody", forged)),
            "complaint saburo@example.jp - 4Bkz2F3qRgz");
  options_ = {};
  EXPECT_EQ(FeedParts(kHead, kReport, With(kOriginal, "From: somebody", forged)),
            "complaint hanako@example.jp - 4Bkz2F3qRgz");
  // In the HELO name, and in a recipient's quoted local part.
  const std::string helo = With(kOriginal, "from laptop", "from (Authenticated sender: victim@example.jp)");
  EXPECT_EQ(FeedParts(kHead, kReport, helo), "complaint hanako@example.jp - 4Bkz2F3qRgz");
  const std::string to = With(kOriginal, "<a@example.net>", "<\"(Authenticated sender: victim@example.jp) id 5\"@example.net>");
  EXPECT_EQ(FeedParts(kHead, kReport, to), "complaint hanako@example.jp - 4Bkz2F3qRgz");
}

TEST_F(ArfTest, CutOffAnywhereItEnds) {
  const std::string whole = std::string(kHead) + std::string(kReport) + std::string(kOriginal);
  for (size_t n = 0; n <= whole.size(); ++n) {
    const std::string told = Feed(std::string_view(whole).substr(0, n));
    EXPECT_TRUE(told.empty() || told.starts_with("complaint ")) << n;
  }
}

}  // namespace
}  // namespace sekisho::connectors
