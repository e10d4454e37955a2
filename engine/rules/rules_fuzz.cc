// Any bytes as an expression: no crash, a flaw lies within the text, and what compiles can be evaluated and shown, gives the
// same again, and stays within its bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "engine/rules/rule_set.h"
#include "engine/rules/rules_test_util.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sekisho::rules;
  static const TestAccount* const account = [] {
    auto* made = new TestAccount;
    made->LiveAtHome();
    made->BeStolen();
    return made;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Pool pool;
  Expression expression;
  if (const auto flaw = Compile(text, &pool, &expression)) {
    if (flaw->at > text.size() || flaw->what.empty()) std::abort();
    return 0;
  }
  if (text.size() > kExpressionBytesMax || pool.readings.size() > kReadingsMax) std::abort();
  const Scene scene = account->scene();
  Values once(scene, pool), again(scene, pool);
  const bool holds = Holds(expression, &once);
  if (holds != Holds(expression, &again)) std::abort();
  RuleSet rules;
  if (!rules.Add({"r", std::string(text), 1, sekisho::Family::kOrigin, RuleMode::kOn, ""}).empty()) std::abort();
  std::vector<sekisho::Signal> signals;
  rules.Judge(scene, &signals);
  if ((signals.size() == 1) != holds) std::abort();
  if (holds && signals[0].evidence.size() > kEvidenceMax) std::abort();
  return 0;
}
