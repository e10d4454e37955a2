// Goal: over a range of a cluster's log, both policies see what stands there, and nothing else; what neither can use is counted.
// Method: logs in memory, two policies whose rules turn on how many a message is written to. One message tells what each thinks.
#include "engine/app/backtest_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/app/policy_yaml.h"
#include "engine/app/testing/fake_offline_log.h"

namespace sekisho::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr EventTime kStart = EventTime::FromSeconds(1'772'409'600);
constexpr const char* kNetwork = "5.12.0.0";

// Suspends who writes a message of which `when` is true.
Policy Suspending(const std::string& when) {
  absl::StatusOr<Policy> policy = ParsePolicy(
      "version: v\njitter: {percent: 0}\nrules:\n"
      "  - {name: one, when: " + when + ", score: 50, family: history, mode: \"on\"}\n"
      "  - {name: two, when: " + when + ", score: 50, family: cohort, mode: \"on\"}\n", "v.yaml");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

class BacktestRangeTest : public ::testing::Test {
 protected:
  BacktestRangeTest() : log_(2) {
    now_.policy = Suspending("event_recipients == 12");
    before_.policy = Suspending("event_recipients == 11");
    options_.limits = {.patience = Span::Millis(20), .stop = [] { return false; }};
  }

  // A message to so many, in the partition, at that minute; sent to the log then, too.
  Offset Send(int partition, std::string_view login, int64_t minute, uint32_t recipients, Origin origin = {}) {
    Event event;
    event.kind = EventKind::kSubmission;
    event.service = Service::kSmtp;
    event.account = login;
    event.id = AccountId::FromLogin(login);
    event.time = kStart + Span::Minutes(minute);
    event.ip = IpAddress::Parse("5.12.0.9").value();
    event.recipients = recipients;
    return log_.Add(partition, event, event.time, origin);
  }
  void Give(int partition, int64_t minute, std::variant<PolicyActivation, AccountRelease, Exception> what) {
    Order order;
    order.time = kStart + Span::Minutes(minute);
    order.operator_name = "hanako";
    order.nonce = ++nonce_;
    order.what = std::move(what);
    log_.Add(partition, order, order.time);
  }
  absl::Status Fold() { return FoldRange(options_, &log_, &now_, &before_, &frame_); }
  Backtest Compared() const { return Compare(now_.sink.outcomes(), before_.sink.outcomes()); }
  // "account change", for each.
  std::vector<std::string> Changes() const {
    std::vector<std::string> lines;
    for (const AccountChange& change : Compared().changes) lines.push_back(change.account + " " + std::string(Name(change.change)));
    return lines;
  }

  testing::FakeOfflineLog log_;
  RangeFold options_;
  BacktestSide now_, before_;
  BacktestFrame frame_;
  uint64_t nonce_ = 0;
};

TEST_F(BacktestRangeTest, ShowsForWhomItDiffersInAllPartitions) {
  Send(0, "a@example.jp", 1, 12);
  Send(0, "b@example.jp", 2, 11);
  Send(1, "c@example.jp", 3, 12);
  Send(1, "d@example.jp", 4, 1);
  std::vector<std::pair<uint64_t, uint64_t>> progress;
  options_.progress = [&progress](uint64_t done, uint64_t all) { progress.emplace_back(done, all); };
  ASSERT_TRUE(Fold().ok());
  EXPECT_THAT(Changes(), ElementsAre("a@example.jp newly_suspended", "c@example.jp newly_suspended", "b@example.jp no_longer_suspended"));
  EXPECT_THAT(Compared().by_signal, UnorderedElementsAre(Pair("own_rule:one", ::testing::_), Pair("own_rule:two", ::testing::_)));
  EXPECT_EQ(frame_.events, 4u);
  EXPECT_EQ(frame_.accounts, 4u);
  EXPECT_EQ(frame_.first, kStart + Span::Minutes(1));
  EXPECT_EQ(frame_.last, kStart + Span::Minutes(4));
  EXPECT_THAT(frame_.passed_over, IsEmpty());
  EXPECT_THAT(progress, ElementsAre(Pair(2u, 4u), Pair(4u, 4u)));
}

TEST_F(BacktestRangeTest, SinceAndUntilCut) {
  for (int partition : {0, 1}) {
    Send(partition, "before@example.jp", 0, 12);
    Send(partition, partition == 0 ? "a@example.jp" : "b@example.jp", 10, 12);
    Send(partition, "after@example.jp", 20, 12);
  }
  options_.range = {kStart + Span::Minutes(10), kStart + Span::Minutes(20)};
  ASSERT_TRUE(Fold().ok());
  EXPECT_THAT(Changes(), ElementsAre("a@example.jp newly_suspended", "b@example.jp newly_suspended"));
  EXPECT_EQ(frame_.events, 2u);
}

TEST_F(BacktestRangeTest, ReadsUpToTheEndsSeenFirstAndFromWhatIsLeft) {
  for (int64_t minute = 0; minute < 5; ++minute) {
    Send(0, "a@example.jp", minute, 1);
    Send(1, "b@example.jp", minute, 1);
  }
  log_.ForgetBefore(0, Offset{2});
  log_.OnRead([this] {
    Send(1, "late@example.jp", 10, 12);
    log_.ForgetBefore(1, Offset{3});  // after the range was asked for
  });
  ASSERT_TRUE(Fold().ok());
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_EQ(frame_.events, 3u + 2u);
}

// Goal: both sides see what operators let go and let pass, under whatever policy that was.
// Method: a release whose grace keeps the old policy from suspending; an exception that keeps both.
TEST_F(BacktestRangeTest, ReleasesAndExceptionsHoldForBoth) {
  Send(0, "a@example.jp", 1, 12);
  Give(0, 2, AccountRelease{"a@example.jp", "called us", Span::Days(1), false});
  Send(0, "a@example.jp", 3, 11);
  Exception exception;
  exception.subject.name = "b@example.jp";
  Give(1, 1, exception);
  Send(1, "b@example.jp", 2, 12);
  ASSERT_TRUE(Fold().ok());
  const Backtest result = Compared();
  ASSERT_THAT(Changes(), ElementsAre("a@example.jp newly_suspended", "b@example.jp told_only"));
  const auto notify = static_cast<size_t>(ActionKind::kNotify);
  ASSERT_TRUE(result.changes[0].before.steps[notify].has_value());
  EXPECT_EQ(result.changes[0].before.steps[notify]->rule, "grace");
  EXPECT_EQ(result.suspended_before, 0u);
}

// Goal: what entity shards judged then holds for both, once. Method: the new policy minds the network; the batch comes twice.
TEST_F(BacktestRangeTest, JudgementsHoldAsTheyWereMade) {
  now_.policy = Suspending("source_bad_accounts >= 3");
  Send(0, "a@example.jp", 1, 1);
  const Judgement judgement{IpAddress::Parse(kNetwork).value(), 24, 700, 3, 0, kStart + Span::Hours(72), EntityKind::kNetwork, {}};
  for (int i = 0; i < 2; ++i) log_.Add(0, JudgementBatch{PartitionId{0}, Offset{5}, kStart, {judgement}}, kStart + Span::Minutes(2));
  Send(0, "b@example.jp", 3, 1);
  ASSERT_TRUE(Fold().ok());
  EXPECT_THAT(Changes(), ElementsAre("b@example.jp newly_suspended"));
  EXPECT_THAT(frame_.passed_over, ElementsAre(Pair("repeat", 1u)));
}

TEST_F(BacktestRangeTest, PoliciesThatWerePushedChangeNothing) {
  Give(0, 1, PolicyActivation{"v", "rules: []\n"});
  Send(0, "a@example.jp", 2, 12);
  ASSERT_TRUE(Fold().ok());
  EXPECT_THAT(Changes(), ElementsAre("a@example.jp newly_suspended"));
  EXPECT_THAT(frame_.passed_over, ElementsAre(Pair("policy", 1u)));
  EXPECT_THAT(BacktestText(Compared(), frame_, 50), HasSubstr("policies that were pushed: each side keeps its own"));
  EXPECT_THAT(BacktestJson(Compared(), frame_), HasSubstr("\"passed_over\":{\"policy\":1}"));
}

TEST_F(BacktestRangeTest, WhatCannotBeUsedIsCounted) {
  const Origin origin{"mx1", 1, 1, {10, 0}};
  log_.Add(0, Unusable{"undecodable", "no message"}, kStart);
  Send(0, "a@example.jp", 1, 12, origin);
  Send(0, "a@example.jp", 1, 12, origin);           // again
  Send(0, "a@example.jp", -60 * 24 * 3, 1);         // late
  Send(0, "a@example.jp", 60 * 24 * 365, 1);        // from the future
  log_.Add(0, Unusable{"signature", "key noc"}, kStart);
  log_.Add(0, Unusable{"undecodable", "no message"}, kStart);
  ASSERT_TRUE(Fold().ok());
  EXPECT_THAT(Changes(), ElementsAre("a@example.jp newly_suspended"));
  EXPECT_EQ(frame_.events, 1u);
  EXPECT_EQ(frame_.first, kStart + Span::Minutes(1));
  EXPECT_EQ(frame_.last, frame_.first) << "times of refused events say nothing";
  EXPECT_THAT(frame_.passed_over,
              ElementsAre(Pair("future", 1u), Pair("late", 1u), Pair("repeat", 1u), Pair("signature", 1u), Pair("undecodable", 2u)));
}

TEST_F(BacktestRangeTest, NothingInTheRangeIsAnError) {
  Send(0, "a@example.jp", 1, 12);
  log_.Add(1, Unusable{"undecodable", "no message"}, kStart + Span::Hours(1));
  options_.range.since = kStart + Span::Hours(2);
  absl::Status status = Fold();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no records in that range"));
  options_.range.since = kStart + Span::Hours(1);
  status = Fold();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no usable event in that range: 1 undecodable"));
}

TEST_F(BacktestRangeTest, AStopIsNoErrorAndAnErrorNamesThePartition) {
  Send(1, "a@example.jp", 1, 12);
  log_.StopAt(1, Offset{0});
  absl::Status status = Fold();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("partition 1: nothing more came"));
  options_.limits.stop = [] { return true; };
  EXPECT_TRUE(Fold().ok());
}

}  // namespace
}  // namespace sekisho::app
