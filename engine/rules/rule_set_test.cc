// Goal: rules become signals that say what made them hold, and nothing else does. Method: one stolen account, rules by hand.
#include "engine/rules/rule_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/rules/rules_test_util.h"

namespace sekisho::rules {
namespace {

class RuleSetTest : public ::testing::Test {
 protected:
  RuleSetTest() {
    account_.LiveAtHome();
    account_.BeStolen();
  }
  static Rule Make(const std::string& name, const std::string& when, RuleMode mode = RuleMode::kOn) {
    return {name, when, 40, Family::kVolume, mode, "says " + name};
  }
  std::vector<Signal> Judge(const RuleSet& rules) const {
    std::vector<Signal> signals;
    rules.Judge(account_.scene(), &signals);
    return signals;
  }
  // "feature value/threshold window" of each piece of evidence of one rule.
  std::vector<std::string> Evidence(const std::string& when) const {
    RuleSet rules;
    EXPECT_EQ(rules.Add(Make("r", when)), "");
    const std::vector<Signal> signals = Judge(rules);
    std::vector<std::string> out;
    EXPECT_EQ(signals.size(), 1u) << when;
    if (signals.empty()) return out;
    for (const auto& e : signals[0].evidence) {
      out.push_back(std::string(e.feature) + " " + std::to_string(e.value) + "/" + std::to_string(e.threshold) +
                    (e.window == Span() ? "" : " " + WindowText(e.window)));
    }
    return out;
  }
  TestAccount account_;
};

TEST_F(RuleSetTest, EachRuleThatHoldsIsASignal) {
  RuleSet rules;
  ASSERT_EQ(rules.Add(Make("abroad", "far_countries(1h) >= 3")), "");
  ASSERT_EQ(rules.Add(Make("never", "messages(1h) > 1000")), "");
  ASSERT_EQ(rules.Add(Make("watched", "stray", RuleMode::kShadow)), "");
  ASSERT_EQ(rules.Add(Make("asleep", "stray", RuleMode::kOff)), "");
  EXPECT_FALSE(rules.idle());
  const std::vector<Signal> signals = Judge(rules);
  ASSERT_EQ(signals.size(), 2u);
  EXPECT_EQ(signals[0].detector, DetectorId::kOwnRule);
  EXPECT_EQ(signals[0].family, Family::kVolume);
  EXPECT_EQ(signals[0].score, 40);
  EXPECT_FALSE(signals[0].shadow);
  EXPECT_EQ(NameOf(signals[0]), "own_rule:abroad");
  EXPECT_EQ(signals[0].rule->says, "says abroad");
  EXPECT_TRUE(signals[1].shadow);
  EXPECT_EQ(NameOf(signals[1]), "own_rule:watched");
}

TEST_F(RuleSetTest, RulesThatAreOffAreIdleButMustBeRight) {
  RuleSet rules;
  EXPECT_TRUE(rules.idle());
  ASSERT_EQ(rules.Add(Make("asleep", "stray", RuleMode::kOff)), "");
  EXPECT_TRUE(rules.idle());
  EXPECT_EQ(rules.rules().size(), 1u);
  EXPECT_THAT(rules.Add(Make("wrong", "strai", RuleMode::kOff)), testing::HasSubstr("did you mean stray"));
}

TEST_F(RuleSetTest, EvidenceIsWhatWasCompared) {
  using testing::ElementsAre;
  EXPECT_THAT(Evidence("distinct_countries(1h) >= 3 && recipients(1h) > 5 * usual_recipients(1h)"),
              ElementsAre("distinct_countries 3/3 1h", "recipients 60/5 1h", "usual_recipients 1/0 1h"));
  EXPECT_THAT(Evidence("2 <= messages(10m) * 2"), ElementsAre("messages 1/0 10m")) << "arithmetic has no threshold";
  EXPECT_THAT(Evidence("2 < messages(1h)"), ElementsAre("messages 3/2 1h"));
  EXPECT_THAT(Evidence("stray && !known_source"), ElementsAre("stray 1/1", "known_source 0/0"));
  EXPECT_THAT(Evidence("messages(1h) > 100 || stray"), ElementsAre("stray 1/1")) << "what didn't hold is no evidence";
  EXPECT_THAT(Evidence("!(messages(1h) > 100)"), ElementsAre("messages 3/100 1h")) << "under \"!\" it is what doesn't hold";
  EXPECT_THAT(Evidence("messages(1h) > 2 && messages(1h) > 2 && messages(1h) + 1 > 2"), ElementsAre("messages 3/2 1h")) << "told once";
  EXPECT_THAT(Evidence("recipients(1h) > messages(1h)"), ElementsAre("recipients 60/3 1h", "messages 3/0 1h"));
  EXPECT_THAT(Evidence("recipients(1h) + 0 > 3 && recipients(1h) > 4 && recipients(1h) > 5"),
              ElementsAre("recipients 60/4 1h", "recipients 60/5 1h")) << "without a threshold only if there is none";
  EXPECT_THAT(Evidence("1 == 1"), ElementsAre());
}

TEST_F(RuleSetTest, EvidenceIsBounded) {
  std::string when = "messages(1s) >= 0";
  for (int i = 2; i < 30; ++i) when += " && messages(" + std::to_string(i) + "s) >= 0";
  EXPECT_EQ(Evidence(when).size(), kEvidenceMax);
}

// Goal: what was said stays readable when the policy that said it is gone.
TEST_F(RuleSetTest, SignalsOutliveTheirRules) {
  std::vector<Signal> signals;
  {
    std::optional<RuleSet> rules(std::in_place);
    ASSERT_EQ(rules->Add(Make("gone", "stray")), "");
    signals = Judge(*rules);
  }
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_EQ(NameOf(signals[0]), "own_rule:gone");
  EXPECT_EQ(signals[0].rule->says, "says gone");
  EXPECT_EQ(signals[0].evidence.at(0).feature, "stray");
}

TEST_F(RuleSetTest, CopiesAreIndependent) {
  RuleSet rules;
  ASSERT_EQ(rules.Add(Make("a", "messages(1h) > 1")), "");
  RuleSet copy = rules;
  ASSERT_EQ(copy.Add(Make("b", "recipients(2h) > 1")), "");
  EXPECT_EQ(Judge(rules).size(), 1u);
  EXPECT_EQ(Judge(copy).size(), 2u);
}

TEST_F(RuleSetTest, RefusesWhatIsNoRule) {
  RuleSet rules;
  for (const std::string& name : {std::string(), std::string("Abroad"), std::string("a b"), std::string("a:b"), std::string("a\n"),
                                  std::string(kRuleNameBytesMax + 1, 'a')}) {
    EXPECT_THAT(rules.Add(Make(name, "stray")), testing::HasSubstr("name")) << name;
  }
  EXPECT_EQ(rules.Add(Make(std::string(kRuleNameBytesMax, 'a'), "stray")), "");
  EXPECT_THAT(rules.Add(Make(std::string(kRuleNameBytesMax, 'a'), "young")), testing::HasSubstr("another rule"));
  Rule rule = Make("b", "stray");
  rule.score = 0;
  EXPECT_THAT(rules.Add(rule), testing::HasSubstr("score"));
  rule.score = 101;
  EXPECT_THAT(rules.Add(rule), testing::HasSubstr("score"));
  rule = Make("b", "stray");
  rule.says = std::string(kSaysBytesMax + 1, 'x');
  EXPECT_THAT(rules.Add(rule), testing::HasSubstr("says"));
  for (size_t i = 1; i < kRulesMax; ++i) ASSERT_EQ(rules.Add(Make("n" + std::to_string(i), "stray")), "");
  EXPECT_THAT(rules.Add(Make("more", "stray")), testing::HasSubstr("at most 64"));
}

}  // namespace
}  // namespace sekisho::rules
