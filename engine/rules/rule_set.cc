// Judging, and what is shown for it.
#include "engine/rules/rule_set.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sekisho::rules {

bool IsRuleName(std::string_view name) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= kRuleNameBytesMax && std::all_of(name.begin(), name.end(), good);
}

std::string RuleSet::Add(Rule rule) {
  if (rules_.size() == kRulesMax) return "there may be at most " + std::to_string(kRulesMax) + " rules";
  if (!IsRuleName(rule.name)) return "a rule's name is 1 to " + std::to_string(kRuleNameBytesMax) + " of a-z, 0-9 and _";
  for (const Rule& other : rules_) {
    if (other.name == rule.name) return "there is another rule of the name " + rule.name;
  }
  if (rule.score < 1 || rule.score > 100) return "a score is from 1 to 100";
  if (rule.says.size() > kSaysBytesMax) return "it says more than " + std::to_string(kSaysBytesMax) + " bytes";
  // A rule that is off must be right too, or switching it on would be a surprise; but it takes no room.
  Pool unused = pool_;
  Compiled compiled;
  const bool off = rule.mode == RuleMode::kOff;
  if (const std::optional<Flaw> flaw = Compile(rule.when, off ? &unused : &pool_, &compiled.expression)) {
    return "at byte " + std::to_string(flaw->at + 1) + ": " + flaw->what;
  }
  if (!off) {
    compiled.text = std::make_shared<const RuleText>(RuleText{rule.name, rule.says});
    compiled.score = rule.score;
    compiled.family = rule.family;
    compiled.shadow = rule.mode == RuleMode::kShadow;
    compiled_.push_back(std::move(compiled));
  }
  rules_.push_back(std::move(rule));
  return "";
}

void RuleSet::Judge(const Scene& scene, std::vector<Signal>* signals) const {
  Values values(scene, pool_);
  for (const Compiled& rule : compiled_) {
    if (!Holds(rule.expression, &values)) continue;
    Signal& signal = signals->emplace_back();
    signal.detector = DetectorId::kOwnRule;
    signal.family = rule.family;
    signal.score = rule.score;
    signal.shadow = rule.shadow;
    signal.rule = rule.text;
    Show(rule, &values, &signal.evidence);
  }
}

void RuleSet::Show(const Compiled& rule, Values* values, std::vector<Evidence>* evidence) {
  std::array<bool, kEvidenceMax> bare{};  // shown without a threshold so far
  for (const Clue& clue : rule.expression.clues) {
    const bool came_out = Evaluate(rule.expression, clue.condition, values) != 0;
    if (came_out != clue.wanted) continue;
    const Reading& reading = values->pool().readings[clue.reading];
    const Feature& feature = AllFeatures()[reading.feature];
    Evidence shown{feature.name, values->Of(clue.reading), 0, reading.window};
    if (!clue.threshold.empty()) shown.threshold = Evaluate(rule.expression, clue.threshold, values);
    if (feature.type == Type::kYesNo) shown.threshold = shown.value;
    // A feature is told once for each threshold, and without one only if there is none.
    size_t i = 0;
    for (; i < evidence->size(); ++i) {
      const Evidence& other = (*evidence)[i];
      if (other.feature != shown.feature || other.window != shown.window) continue;
      if (bare[i] || clue.threshold.empty() || other.threshold == shown.threshold) break;
    }
    if (i == kEvidenceMax) return;
    if (i == evidence->size()) {
      evidence->push_back(shown);
      bare[i] = clue.threshold.empty();
    } else if (bare[i] && !clue.threshold.empty()) {
      (*evidence)[i] = shown;
      bare[i] = false;
    }
  }
}

}  // namespace sekisho::rules
