// An operator's own rules, compiled: part of the policy, judged beside the detectors.
//
// A rule is asked after each event that detectors are asked after (a submission, a queued message's recipients, a delivery,
// a failed login), in the file's order, and gives one signal of detector own_rule if it holds. It counts like a detector's: by
// its family, the strongest of each, so alone it can't suspend. Rules have no jitter: a number holds as it is written.
#ifndef SEKISHO_ENGINE_RULES_RULE_SET_H_
#define SEKISHO_ENGINE_RULES_RULE_SET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/action.h"
#include "engine/rules/expression.h"
#include "engine/rules/feature_table.h"

namespace sekisho::rules {

inline constexpr size_t kRulesMax = 64;
inline constexpr size_t kRuleNameBytesMax = 40;
inline constexpr size_t kSaysBytesMax = 200;

enum class RuleMode : uint8_t { kOn = 0, kShadow = 1, kOff = 2 };

// As it was written.
struct Rule {
  std::string name;   // what actions call it, see IsRuleName
  std::string when;   // see expression.h
  int32_t score = 0;  // points of risk, [1, 100]
  Family family = Family::kOrigin;
  RuleMode mode = RuleMode::kShadow;
  std::string says;   // the finding in words, UTF-8; may be empty
};

// Lower-case letters, digits and "_", at most kRuleNameBytesMax: nothing that could pass for something else in a log line or a
// metric.
bool IsRuleName(std::string_view name);

// A value: copies are independent, and signals keep the texts they need, so they may outlive the rules.
class RuleSet {
 public:
  // Compiles and appends. "": done, else what is wrong with it. Expressions are better tried alone first, by Compile, which
  // says where.
  std::string Add(Rule rule);

  // As they were given, also those that are off.
  std::span<const Rule> rules() const { return rules_; }
  // No rule is on or in shadow.
  bool idle() const { return compiled_.empty(); }

  // Appends a signal for each rule that holds, with the features that made it hold.
  void Judge(const Scene& scene, std::vector<Signal>* signals) const;

 private:
  struct Compiled {
    Expression expression;
    std::shared_ptr<const RuleText> text;
    int32_t score = 0;
    Family family = Family::kOrigin;
    bool shadow = false;
  };
  static void Show(const Compiled& rule, Values* values, std::vector<Evidence>* evidence);

  std::vector<Rule> rules_;
  std::vector<Compiled> compiled_;
  Pool pool_;
};

}  // namespace sekisho::rules

#endif  // SEKISHO_ENGINE_RULES_RULE_SET_H_
