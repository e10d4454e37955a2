// What an operator's own rules cost: a rule's steps alone, reading each kind of feature, and judging an event by many rules.
// Usage: rules_bench [--quick] [Google Benchmark's flags]
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/quick.h"
#include "engine/rules/rule_set.h"
#include "engine/rules/rules_test_util.h"

namespace sekisho::rules {
namespace {

const TestAccount& Stolen() {
  static const TestAccount* const account = [] {
    auto* made = new TestAccount;
    made->LiveAtHome();
    made->BeStolen();
    return made;
  }();
  return *account;
}

void Fail(const std::string& what) {
  std::fprintf(stderr, "rules_bench: %s\n", what.c_str());
  std::exit(1);
}

// The steps alone: every reading is there already, as in the second rule that asks for it.
void BM_Steps(benchmark::State& state, const std::string& text) {
  Pool pool;
  Expression expression;
  if (const auto flaw = Compile(text, &pool, &expression)) Fail(flaw->what);
  const Scene scene = Stolen().scene();
  Values values(scene, pool);
  benchmark::DoNotOptimize(Holds(expression, &values));
  for (auto _ : state) benchmark::DoNotOptimize(Holds(expression, &values));
  state.counters["steps"] = static_cast<double>(expression.steps.size());
}
BENCHMARK_CAPTURE(BM_Steps, one_comparison, std::string("messages(1h) > 100"));
BENCHMARK_CAPTURE(BM_Steps, the_example, std::string("distinct_countries(1h) >= 3 && recipients(1h) > 5 * usual_recipients(1h)"));
BENCHMARK_CAPTURE(BM_Steps, ten_comparisons,
                  std::string("messages(1h) > 0 && messages(2h) > 0 && messages(3h) > 0 && messages(4h) > 0 && messages(5h) > 0 && "
                              "recipients(1h) > 0 && recipients(2h) > 0 && recipients(3h) > 0 && recipients(4h) > 0 && stray"));

// A rule with its readings, as in an event's first rule.
void BM_RuleWithReadings(benchmark::State& state, const std::string& text) {
  Pool pool;
  Expression expression;
  if (const auto flaw = Compile(text, &pool, &expression)) Fail(flaw->what);
  const Scene scene = Stolen().scene();
  for (auto _ : state) {
    Values values(scene, pool);
    benchmark::DoNotOptimize(Holds(expression, &values));
  }
  state.counters["readings"] = static_cast<double>(pool.readings.size());
}
BENCHMARK_CAPTURE(BM_RuleWithReadings, count, std::string("messages(1h) > 100"));
BENCHMARK_CAPTURE(BM_RuleWithReadings, distinct, std::string("distinct_countries(1h) >= 4"));
BENCHMARK_CAPTURE(BM_RuleWithReadings, usual, std::string("usual_recipients(1h) > 100"));
BENCHMARK_CAPTURE(BM_RuleWithReadings, the_example, std::string("distinct_countries(1h) >= 3 && recipients(1h) > 5 * usual_recipients(1h)"));

// An event judged by as many rules as the argument says, none of which holds.
void BM_Judge(benchmark::State& state) {
  RuleSet rules;
  for (int64_t i = 0; i < state.range(0); ++i) {
    const std::string wrong = rules.Add({"r" + std::to_string(i), "recipients(1h) > " + std::to_string(1000 + i) + " && far_countries(2h) >= 3", 40,
                                         Family::kVolume, RuleMode::kOn, ""});
    if (!wrong.empty()) Fail(wrong);
  }
  const Scene scene = Stolen().scene();
  std::vector<Signal> signals;
  for (auto _ : state) {
    rules.Judge(scene, &signals);
    benchmark::DoNotOptimize(signals.size());
  }
  if (!signals.empty()) Fail("a rule holds");
  state.counters["rules"] = static_cast<double>(state.range(0));
}
BENCHMARK(BM_Judge)->Arg(1)->Arg(8)->Arg(64);

}  // namespace
}  // namespace sekisho::rules

int main(int argc, char** argv) {
  sekisho::BeginBenchmark(&argc, &argv);
  return sekisho::RunBenchmarks();
}
