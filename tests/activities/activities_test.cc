// Goal: who measures with the simulator's activities instead of its lines measures the same. Method: the same options
// once as lines, through the pipeline that the connector runs, and once as activities; the events of accounts must be
// equal one by one, in their order, for every attack, both header styles and skewed clocks. With a relay, an outcome may
// come later by the lines, because the parser learns late whose it is: there the order by time is compared.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "bench/simulated_events.h"
#include "connectors/common/canonical.h"
#include "connectors/common/syslog.h"
#include "connectors/ingest/ingest.h"
#include "engine/simulate/simulate.h"
#include "gtest/gtest.h"

namespace sekisho {
namespace {

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

std::string TextOf(const connectors::Event& e) {
  std::ostringstream out;
  out << "kind " << static_cast<int>(e.kind) << " service " << static_cast<int>(e.service) << " host " << e.host << ' '
      << e.account << ' ' << e.ip.ToString() << (e.via_webmail ? " webmail" : "") << " failure "
      << static_cast<int>(e.failure) << " recipients " << e.recipients << " size " << e.size_bytes << " sender "
      << e.sender_domain << '/' << e.sender_key << " outcome " << static_cast<int>(e.outcome) << ' ' << e.status.klass << '.'
      << e.status.subject << '.' << e.status.detail << ' ' << e.spam_refusal << " to";
  for (const connectors::Recipient& r : e.recipient_list) out << ' ' << r.domain << '/' << r.key;
  return out.str();
}

class ByLines : public simulate::LogSink {
 public:
  explicit ByLines(const simulate::SimulateOptions& options) : pipeline_(PipelineOptions()) {
    connectors::HeaderOptions header;
    header.zone = absl::FixedTimeZone(options.zone_minutes * 60);
    header.reference = options.start + Span::Days(options.days + 1);
    for (int i = 0; i < simulate::kLogFileCount; ++i) headers_.emplace_back(header);
  }

  absl::Status Line(simulate::LogFile file, EventTime, std::string_view line) override {
    std::string_view reason;
    const auto result = pipeline_.Line(headers_[static_cast<size_t>(file)].Parse(line), tell_, &reason);
    EXPECT_NE(result, connectors::ParseResult::kMalformed) << line << ": " << reason;
    EXPECT_NE(result, connectors::ParseResult::kNotMine) << line << ": " << reason;
    return absl::OkStatus();
  }

  std::vector<Told> told;

 private:
  static connectors::Pipeline::Options PipelineOptions() {
    connectors::Pipeline::Options options;
    options.key = HashKey::FromPassphrase("test");
    options.webmail.push_back(*IpNetwork::Parse("10.20.0.30"));
    return options;
  }

  connectors::Pipeline pipeline_;
  const connectors::EventSink tell_ = [this](const connectors::Event& e) {
    if (e.account.empty() || e.kind == connectors::Kind::kSession || e.kind == connectors::Kind::kRejected) return;
    told.push_back({e.time, TextOf(e)});
  };
  std::vector<connectors::HeaderParser> headers_;
};

class ByActivities : public simulate::ActivitySink {
 public:
  absl::Status Tell(EventTime at, const simulate::Activity& activity) override {
    EXPECT_LE(last_, at);
    last_ = at;
    if (const connectors::Event* event = events_.Read(activity)) told.push_back({event->time, TextOf(*event)});
    return absl::OkStatus();
  }

  std::vector<Told> told;

 private:
  const connectors::Canonicalizer canonical_{{}, HashKey::FromPassphrase("test")};
  bench::SimulatedEvents events_{&canonical_};
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
