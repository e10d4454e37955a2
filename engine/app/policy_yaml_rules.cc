// The operator's own rules.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/app/policy_yaml_parts.h"
#include "engine/base/printable.h"

namespace sekisho::app {
namespace {

// Line breaks and indentation are the file's business.
std::string OneLine(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      blank = !out.empty();
      continue;
    }
    if (std::exchange(blank, false)) out += ' ';
    out += c;
  }
  return out;
}

YamlFields RuleFields(RuleEntry* entry) {
  rules::Rule* const rule = &entry->rule;
  YamlFields fields;
  fields.Word("name", "1 to " + std::to_string(rules::kRuleNameBytesMax) + " of a-z, 0-9 and _",
              [rule](const std::string& text) -> std::string {
                if (!rules::IsRuleName(text)) return "expected 1 to " + std::to_string(rules::kRuleNameBytesMax) + " of a-z, 0-9 and _";
                rule->name = text;
                return "";
              },
              [rule] { return rule->name; }, "what actions call it: own_rule:NAME");
  fields.Expression("when", "an expression, at most " + std::to_string(rules::kExpressionBytesMax) + " bytes",
                    [rule](const std::string& text) -> std::optional<YamlFields::Flaw> {
                      rules::Pool pool;
                      rules::Expression unused;
                      if (std::optional<rules::Flaw> flaw = rules::Compile(text, &pool, &unused)) {
                        return YamlFields::Flaw{flaw->at, std::move(flaw->what)};
                      }
                      rule->when = OneLine(text);
                      return std::nullopt;
                    },
                    [rule] { return rule->when; },
                    "what it watches for, such as distinct_countries(1h) >= 3 && recipients(1h) > 5 * usual_recipients(1h)");
  fields.Integer("score", &rule->score, 1, 100, "points of risk");
  std::vector<YamlFields::Choice> families;
  for (int f = 0; f < kFamilies; ++f) families.push_back({Name(static_cast<Family>(f)), f});
  fields.Enum("family", &entry->family, std::move(families), "what kind of evidence it is; of one kind only the strongest counts");
  fields.Enum("mode", &rule->mode,
              {{"on", static_cast<int>(rules::RuleMode::kOn)},
               {"shadow", static_cast<int>(rules::RuleMode::kShadow)},
               {"off", static_cast<int>(rules::RuleMode::kOff)}},
              "shadow, unless it says otherwise: told, but nothing follows from it");
  fields.Word("says", "at most " + std::to_string(rules::kSaysBytesMax) + " bytes of UTF-8",
              [rule](const std::string& text) -> std::string {
                if (text.size() > rules::kSaysBytesMax || Printable(text, text.size() + 1) != text) {
                  return "expected at most " + std::to_string(rules::kSaysBytesMax) + " bytes of UTF-8 without control characters";
                }
                rule->says = text;
                return "";
              },
              [rule] { return rule->says; }, "the finding as \"sekisho explain\" tells it; may be left out");
  return fields;
}

}  // namespace

void AddRules(YamlFields* f, PolicyFile* file) {
  YamlFields::Records entries;
  entries.expects = "each with name, when, score and family, and with mode and says if wanted";
  entries.clear = [file] {
    file->rules.clear();
    file->policy.rules = rules::RuleSet();
  };
  entries.size = [file] { return file->rules.size(); };
  entries.fields = [file](size_t i) {
    if (i == file->rules.size()) file->rules.emplace_back();
    return RuleFields(&file->rules[i]);
  };
  entries.check = [file](size_t i) -> std::string {
    rules::Rule rule = file->rules[i].rule;
    if (rule.name.empty()) return "a rule wants a name";
    if (rule.when.empty()) return "the rule " + rule.name + " wants to know when";
    if (rule.score == 0) return "the rule " + rule.name + " wants a score";
    if (file->rules[i].family < 0) return "the rule " + rule.name + " wants a family";
    rule.family = static_cast<Family>(file->rules[i].family);
    return file->policy.rules.Add(std::move(rule));
  };
  entries.example = [] {
    static RuleEntry entry;
    return RuleFields(&entry);
  };
  f->AddRecords("rules", rules::kRulesMax, std::move(entries),
                "Your own rules, beside the detectors: expressions over the features that \"sekisho features\" lists");
}

}  // namespace sekisho::app
