// Goal: who measures with the simulator's activities instead of its lines measures the same. Method: the same options
// once as lines, through the parsers that the connector runs, and once as activities; the events of accounts must be
// equal one by one, in their order, for every attack, both header styles and skewed clocks. With a relay, an outcome may
// come later by the lines, because the parser learns late whose it is: there the order by time is compared.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "connectors/common/canonical.h"
#include "connectors/common/syslog.h"
#include "connectors/ingest/dovecot/dovecot.h"
#include "connectors/ingest/postfix/postfix.h"
#include "connectors/ingest/roundcube/roundcube.h"
#include "engine/simulate/simulate.h"
#include "gtest/gtest.h"

namespace sekisho {
namespace {

using simulate::Activity;

class NoTruth : public simulate::TruthSink {
 public:
  absl::Status Abuse(std::string_view, const simulate::AbusiveMessage& m) override {
    recipients_ += m.recipients;
    return absl::OkStatus();
  }
  absl::Status Account(const simulate::AccountTruth&) override { return absl::OkStatus(); }
  uint64_t recipients() const { return recipients_; }

 private:
  uint64_t recipients_ = 0;
};

// What both ways tell, as text, so that a difference can be read.
struct Told {
  EventTime time;
  std::string text;
  bool operator==(const Told&) const = default;
};

class ByLines : public simulate::LogSink {
 public:
  explicit ByLines(const simulate::SimulateOptions& options)
      : canonical_({}, HashKey::FromPassphrase("test")),
        postfix_(connectors::MakePostfixParser(&canonical_, {})),
        dovecot_(connectors::MakeDovecotParser(&canonical_)),
        roundcube_(connectors::MakeRoundcubeParser(&canonical_, {})) {
    connectors::HeaderOptions header;
    header.zone = absl::FixedTimeZone(options.zone_minutes * 60);
    header.reference = options.start + Span::Days(options.days + 1);
    for (int i = 0; i < simulate::kLogFileCount; ++i) headers_.emplace_back(header);
  }

  absl::Status Line(simulate::LogFile file, EventTime, std::string_view line) override {
    const connectors::LogLine parsed = headers_[static_cast<size_t>(file)].Parse(line);
    std::string_view reason;
    connectors::Parser* const parsers[] = {postfix_.get(), dovecot_.get(), roundcube_.get()};
    for (connectors::Parser* p : parsers) {
      const auto result = p->Parse(parsed, [this](const connectors::Event& e) { Tell(e); }, &reason);
      EXPECT_NE(result, connectors::ParseResult::kMalformed) << line << ": " << reason;
      if (result != connectors::ParseResult::kNotMine) break;
    }
    return absl::OkStatus();
  }

  std::vector<Told> told;

 private:
  void Tell(const connectors::Event& e) {
    if (e.account.empty() || e.kind == connectors::Kind::kSession || e.kind == connectors::Kind::kRejected) return;
    std::ostringstream out;
    out << static_cast<int>(e.kind) << ' ' << static_cast<int>(e.service) << ' ' << e.host << ' ' << e.account << ' '
        << e.ip.ToString() << " failure " << static_cast<int>(e.failure) << " recipients " << e.recipients << " size "
        << e.size_bytes << " sender " << e.sender_domain << '/' << e.sender_key << " outcome "
        << (e.kind == connectors::Kind::kDelivery ? static_cast<int>(e.outcome) : 0) << ' ' << e.status.klass << '.'
        << e.status.subject << '.' << e.status.detail << ' ' << e.spam_refusal << " to";
    for (const connectors::Recipient& r : e.recipient_list) out << ' ' << r.domain << '/' << r.key;
    told.push_back({e.time, out.str()});
  }

  connectors::Canonicalizer canonical_;
  std::unique_ptr<connectors::PostfixParser> postfix_;
  std::unique_ptr<connectors::Parser> dovecot_, roundcube_;
  std::vector<connectors::HeaderParser> headers_;
};

class ByActivities : public simulate::ActivitySink {
 public:
  absl::Status Tell(EventTime at, const Activity& a) override {
    EXPECT_LE(last_, at);
    last_ = at;
    const auto kind = [&] {
      switch (a.kind) {
        case simulate::ActivityKind::kLogin: return connectors::Kind::kLogin;
        case simulate::ActivityKind::kLoginFailed: return connectors::Kind::kLoginFailed;
        case simulate::ActivityKind::kSubmission: return connectors::Kind::kSubmission;
        case simulate::ActivityKind::kQueued: return connectors::Kind::kQueued;
        case simulate::ActivityKind::kDelivery: return connectors::Kind::kDelivery;
        case simulate::ActivityKind::kMailboxAccess: return connectors::Kind::kMailboxAccess;
      }
      return connectors::Kind::kSession;
    };
    auto failure = connectors::FailureKind::kNone;
    if (a.kind == simulate::ActivityKind::kLoginFailed) {
      failure = a.unknown_user ? connectors::FailureKind::kUnknownUser : connectors::FailureKind::kCredentials;
    }
    constexpr connectors::Outcome kOutcomes[] = {connectors::Outcome::kNone, connectors::Outcome::kSent,
                                                 connectors::Outcome::kDeferred, connectors::Outcome::kBounced};
    std::string buffer;
    connectors::Recipient sender;
    if (!a.sender.empty()) sender = canonical_.Address(a.sender, &buffer);
    std::ostringstream out;
    out << static_cast<int>(kind()) << ' ' << static_cast<int>(a.service) << ' ' << Host(a) << ' ' << a.account << ' '
        << a.ip.ToString() << " failure " << static_cast<int>(failure) << " recipients " << a.recipients << " size "
        << a.size_bytes << " sender " << sender.domain << '/' << sender.key << " outcome "
        << static_cast<int>(kOutcomes[static_cast<size_t>(a.outcome)]) << ' ' << int{a.status.klass} << '.'
        << int{a.status.subject} << '.' << int{a.status.detail} << ' ' << a.spam_refusal << " to";
    for (const std::string_view address : a.recipient_list) {
      const connectors::Recipient r = canonical_.Address(address, &buffer);
      out << ' ' << r.domain << '/' << r.key;
    }
    EXPECT_EQ(a.via_webmail, a.service == simulate::ActivityService::kSmtp && a.kind != simulate::ActivityKind::kDelivery &&
                                 a.ip == *IpAddress::Parse("10.20.0.30"));
    told.push_back({a.time, out.str()});
    return absl::OkStatus();
  }

  std::vector<Told> told;

 private:
  // Roundcube's own files name no host.
  static std::string_view Host(const Activity& a) {
    return a.service == simulate::ActivityService::kWebmail ? std::string_view() : simulate::HostName(a.file);
  }
  connectors::Canonicalizer canonical_{{}, HashKey::FromPassphrase("test")};
  EventTime last_;
};

void ExpectSame(const simulate::SimulateOptions& options) {
  ByLines lines(options);
  ByActivities activities;
  NoTruth of_lines, of_activities;
  simulate::SimulateSummary by_lines, by_activities;
  ASSERT_TRUE(simulate::SimulateTo(options, &lines, &of_lines, &by_lines).ok());
  ASSERT_TRUE(simulate::SimulateActivityTo(options, &activities, &of_activities, &by_activities).ok());
  EXPECT_EQ(of_lines.recipients(), of_activities.recipients());
  EXPECT_GT(of_lines.recipients(), 1'000u);
  EXPECT_EQ(by_lines.submissions, by_activities.submissions);
  EXPECT_EQ(by_lines.logins, by_activities.logins);
  EXPECT_EQ(by_lines.failures, by_activities.failures);
  if (options.relay_share > 0) {
    for (std::vector<Told>* told : {&lines.told, &activities.told}) {
      std::sort(told->begin(), told->end(),
                [](const Told& a, const Told& b) { return a.time != b.time ? a.time < b.time : a.text < b.text; });
    }
  }
  ASSERT_GT(lines.told.size(), 10'000u);
  for (size_t i = 0; i < std::min(lines.told.size(), activities.told.size()); ++i) {
    ASSERT_EQ(lines.told[i].text, activities.told[i].text) << i << ", " << FormatRfc3339(lines.told[i].time);
    ASSERT_EQ(lines.told[i].time, activities.told[i].time) << i << ", " << lines.told[i].text;
  }
  EXPECT_EQ(lines.told.size(), activities.told.size());
}

simulate::SimulateOptions Small(uint64_t seed) {
  simulate::SimulateOptions options;
  options.accounts = 300;
  options.days = 3;
  options.seed = seed;
  options.stolen_share = 0.1;
  options.attack_weights.fill(1);
  return options;
}

TEST(ActivitiesTest, AreWhatTheParsersReadFromTheLines) { ExpectSame(Small(31)); }

TEST(ActivitiesTest, AlsoWithSkewedClocksAndFineTimes) {
  simulate::SimulateOptions options = Small(32);
  options.header = simulate::HeaderStyle::kIso8601;
  options.long_queue_ids = true;
  options.skew_seconds = 30;
  ExpectSame(options);
}

TEST(ActivitiesTest, AlsoThroughARelay) {
  simulate::SimulateOptions options = Small(33);
  options.relay_share = 0.6;
  ExpectSame(options);
}

TEST(ActivitiesTest, OnlyLinesCanBeLost) {
  simulate::SimulateOptions options = Small(34);
  options.lost_share = 0.01;
  ByActivities activities;
  NoTruth truth;
  EXPECT_EQ(simulate::SimulateActivityTo(options, &activities, &truth, nullptr).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(activities.told.empty());
}

}  // namespace
}  // namespace sekisho
