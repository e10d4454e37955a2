// Goal: a backtest puts each account where it belongs and blames what made the difference. Method: actions by hand.
#include "engine/app/backtest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace sekisho::app {
namespace {

constexpr EventTime kStart = EventTime::FromSeconds(1'772'409'600);

Action Make(const std::string& account, ActionKind kind, int64_t minute, uint64_t messages, DetectorId by, Mode mode = Mode::kEnforce) {
  Action action;
  action.account = account;
  action.kind = kind;
  action.mode = mode;
  action.time = kStart + Span::Minutes(minute);
  action.rule = "two_families";
  action.messages_since_onset = messages;
  action.signals.emplace_back();
  action.signals.back().detector = by;
  return action;
}

Outcomes From(const std::vector<Action>& actions) {
  OutcomeSink sink;
  EXPECT_TRUE(sink.Publish(actions).ok());
  return sink.outcomes();
}

const AccountChange* Find(const Backtest& result, const std::string& account) {
  for (const AccountChange& change : result.changes) {
    if (change.account == account) return &change;
  }
  return nullptr;
}

class BacktestTest : public ::testing::Test {
 protected:
  BacktestTest() {
    using enum ActionKind;
    Action by_rule = Make("newly", kSuspend, 30, 7, DetectorId::kOwnRule);
    by_rule.signals[0].rule = std::make_shared<const RuleText>(RuleText{"abroad", ""});
    by_rule.signals.emplace_back();
    by_rule.signals.back().detector = DetectorId::kGuessing;
    by_rule.signals.back().shadow = true;
    now_ = {by_rule,
            Make("earlier", kSuspend, 10, 2, DetectorId::kSourceBurst),
            Make("later", kSuspend, 90, 40, DetectorId::kSendRate),
            Make("same", kSuspend, 5, 1, DetectorId::kSourceBurst),
            Make("throttled", kThrottle, 20, 3, DetectorId::kBounceSurge),
            Make("told", kSuspend, 20, 3, DetectorId::kGuessingThenUse, Mode::kShadow),
            Make("observed", kObserve, 20, 3, DetectorId::kSendRate)};
    before_ = {Make("gone", kSuspend, 40, 9, DetectorId::kSourceRotation),
               Make("earlier", kSuspend, 40, 12, DetectorId::kRecipientTendency),
               Make("later", kSuspend, 30, 10, DetectorId::kCountryVelocity),
               Make("same", kSuspend, 5, 1, DetectorId::kSourceRotation),
               Make("same", kRelease, 500, 1, DetectorId::kSourceRotation),
               Make("same", kSuspend, 600, 1, DetectorId::kSourceRotation)};
  }
  Backtest Run() const { return Compare(From(now_), From(before_)); }
  std::vector<Action> now_, before_;
};

TEST_F(BacktestTest, EachAccountIsWhereItBelongs) {
  const Backtest result = Run();
  std::vector<std::string> accounts;
  for (const AccountChange& change : result.changes) accounts.push_back(change.account);
  EXPECT_THAT(accounts, testing::ElementsAre("newly", "gone", "earlier", "later", "throttled", "told"))
      << "by kind of change; what was observed, or came to the same at the same time, is no change";
  EXPECT_THAT(result.counts, testing::ElementsAre(1, 1, 1, 1, 1, 1));
  EXPECT_EQ(result.suspended_now, 4u);
  EXPECT_EQ(result.suspended_before, 4u);
  EXPECT_EQ(result.suspended_both, 3u);
  EXPECT_EQ(result.messages_now, 2 + 40 + 1);
  EXPECT_EQ(result.messages_before, 12 + 10 + 1);
}

TEST_F(BacktestTest, SaysByHowMuch) {
  const Backtest result = Run();
  const AccountChange* earlier = Find(result, "earlier");
  const AccountChange* later = Find(result, "later");
  ASSERT_TRUE(earlier != nullptr && later != nullptr);
  EXPECT_EQ(earlier->by, Span::Minutes(30));
  EXPECT_EQ(earlier->messages_by, -10);
  EXPECT_EQ(later->by, Span::Minutes(60));
  EXPECT_EQ(later->messages_by, 30);
}

TEST_F(BacktestTest, BlamesWhatMadeTheDifference) {
  const Backtest result = Run();
  using testing::ElementsAre;
  EXPECT_THAT(Find(result, "newly")->signals, ElementsAre("own_rule:abroad")) << "what is shadowed counted for nothing";
  EXPECT_THAT(Find(result, "gone")->signals, ElementsAre("source_rotation"));
  EXPECT_THAT(Find(result, "earlier")->signals, ElementsAre("source_burst")) << "the new policy's";
  EXPECT_THAT(Find(result, "later")->signals, ElementsAre("country_velocity")) << "what the old one saw already";
  EXPECT_EQ(result.by_signal.at("own_rule:abroad")[static_cast<size_t>(Change::kNewly)], 1u);
  EXPECT_EQ(result.by_signal.count("guessing"), 0u);
}

TEST_F(BacktestTest, AgainstItselfNothingChanges) {
  const Backtest result = Compare(From(now_), From(now_));
  EXPECT_TRUE(result.changes.empty());
  EXPECT_EQ(result.suspended_now, result.suspended_both);
  EXPECT_THAT(BacktestText(result, {}, 50), testing::HasSubstr("Nothing changes"));
}

TEST_F(BacktestTest, TheReportNamesAccountsAndTheirDifferences) {
  BacktestFrame frame{"new.yaml", "site-2", "", "default-1", 1234, 9, kStart, kStart + Span::Days(3), 0, {}};
  const std::string text = BacktestText(Run(), frame, 50);
  for (const char* part : {"site-2 (new.yaml)", "default-1 (built in)", "1,234", "newly suspended", "30m, 10 fewer", "own_rule:abroad",
                           "told: suspend", "begin earlier"}) {
    EXPECT_THAT(text, testing::HasSubstr(part));
  }
  EXPECT_THAT(BacktestText(Run(), frame, 2), testing::HasSubstr("and 4 more"));
  frame.last = kStart + Span::Days(30);
  EXPECT_THAT(BacktestText(Run(), frame, 50), testing::Not(testing::HasSubstr("begin earlier")));
}

TEST_F(BacktestTest, AnAccountsNameCannotForgeAnything) {
  now_.push_back(Make("evil\n  other  newly suspended\x1b[2J\"", ActionKind::kSuspend, 1, 1, DetectorId::kSourceBurst));
  const Backtest result = Run();
  EXPECT_THAT(BacktestText(result, {}, 50), testing::HasSubstr("evil\\x0a"));
  const std::string json = BacktestJson(result, {});
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1);
  EXPECT_EQ(json.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace sekisho::app
