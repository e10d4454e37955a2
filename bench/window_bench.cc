// What the windows cost: time of Add and Count, memory and error, by how busy the account is.
// Usage: window_bench [--quick] [Google Benchmark's flags]
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/quick.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/window/daily_stats.h"
#include "engine/window/distinct_window.h"
#include "engine/window/recipient_memory.h"
#include "engine/window/sliding_counter.h"

namespace sekisho {
namespace {

const EventTime kBegin = EventTime::FromSeconds(1'772'323'200);

// `n` events spread over 30 days.
SlidingCounter FilledCounter(int64_t n) {
  SlidingCounter counter;
  for (int64_t i = 0; i < n; ++i) counter.Add(kBegin + Span::Millis(Span::Days(30).millis() / n * i));
  return counter;
}

void BM_CounterAdd(benchmark::State& state) {
  SlidingCounter counter = FilledCounter(state.range(0));
  const Span step = Span::Days(30) / state.range(0);
  EventTime at = counter.newest();
  for (auto _ : state) {
    at = at + step;
    counter.Add(at);
  }
  state.counters["entries"] = counter.entries();
  state.counters["heap_bytes"] = static_cast<double>(counter.heap_bytes());
}
BENCHMARK(BM_CounterAdd)->RangeMultiplier(10)->Range(10, 1'000'000);

// Every third event is up to an hour late.
void BM_CounterAddLate(benchmark::State& state) {
  SlidingCounter counter = FilledCounter(state.range(0));
  const Span step = Span::Days(30) / state.range(0);
  std::minstd_rand random(1);
  EventTime at = counter.newest();
  for (auto _ : state) {
    at = at + step;
    counter.Add(random() % 3 == 0 ? at - Span::Millis(static_cast<int64_t>(random() % 3'600'000)) : at);
  }
  state.counters["entries"] = counter.entries();
}
BENCHMARK(BM_CounterAddLate)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void BM_CounterCount(benchmark::State& state) {
  const SlidingCounter counter = FilledCounter(state.range(0));
  const Span width = Span::Minutes(state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(counter.Count(counter.newest(), width));
}
BENCHMARK(BM_CounterCount)->ArgNames({"events", "minutes"})->ArgsProduct({{10, 1'000, 100'000}, {60, 1'440, 43'200}});

void BM_DistinctAdd(benchmark::State& state) {
  DistinctWindow window;
  const uint64_t keys = static_cast<uint64_t>(state.range(0));
  EventTime at = kBegin;
  uint64_t i = 0;
  for (auto _ : state) {
    at = at + Span::Seconds(1);
    window.Add(at, PinnedMix64(++i * 7) % keys);
  }
  state.counters["heap_bytes"] = static_cast<double>(window.heap_bytes());
}
BENCHMARK(BM_DistinctAdd)->Arg(1)->Arg(10)->Arg(60)->Arg(1'000)->Arg(100'000);

void BM_DistinctCount(benchmark::State& state) {
  DistinctWindow window;
  for (uint64_t i = 0; i < 100'000; ++i) {
    window.Add(kBegin + Span::Seconds(static_cast<int64_t>(i)), i % static_cast<uint64_t>(state.range(0)));
  }
  for (auto _ : state) benchmark::DoNotOptimize(window.Count(window.newest(), Span::Days(1)));
}
BENCHMARK(BM_DistinctCount)->Arg(1)->Arg(60)->Arg(1'000)->Arg(100'000);

void BM_RecipientAddAndTestNew(benchmark::State& state) {
  RecipientMemory memory;
  const uint64_t keys = static_cast<uint64_t>(state.range(0));
  uint64_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(memory.AddAndTestNew(kBegin, PinnedMix64(++i % keys)));
  state.counters["heap_bytes"] = static_cast<double>(memory.heap_bytes());
}
BENCHMARK(BM_RecipientAddAndTestNew)->Arg(10)->Arg(60)->Arg(600)->Arg(5'000);

void BM_DailyAdd(benchmark::State& state) {
  DailyStats stats;
  EventTime at = kBegin;
  for (auto _ : state) {
    at = at + Span::Hours(1);
    stats.Add(at);
  }
}
BENCHMARK(BM_DailyAdd);

void BM_CounterEncodeDecode(benchmark::State& state) {
  const SlidingCounter counter = FilledCounter(state.range(0));
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    ByteWriter writer(&bytes);
    counter.Encode(&writer);
    ByteReader reader(bytes);
    SlidingCounter decoded;
    benchmark::DoNotOptimize(decoded.Decode(&reader));
  }
  state.counters["stored_bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(BM_CounterEncodeDecode)->RangeMultiplier(10)->Range(10, 100'000);

// The error of a distinct count, by the number of keys in the window, over independent sets of keys.
void PrintDistinctError(int sets) {
  std::printf("\ndistinct keys in the window: error of the estimate over %d sets of keys (seed 1)\n", sets);
  std::printf("%10s %8s %8s %8s %12s\n", "keys", "rms %", "bias %", "worst %", "heap bytes");
  for (const int64_t n : {64, 100, 1'000, 10'000, 100'000}) {
    double squares = 0, sum = 0, worst = 0, bytes = 0;
    for (int set = 0; set < sets; ++set) {
      DistinctWindow window;
      // As many keys before the window, so that it has to tell them apart.
      for (int64_t i = 0; i < 2 * n; ++i) {
        window.Add(kBegin + Span::Seconds(i), PinnedMix64(static_cast<uint64_t>(set) << 40 | static_cast<uint64_t>(i)));
      }
      const double error =
          static_cast<double>(window.Count(window.newest(), Span::Seconds(n))) / static_cast<double>(n) - 1;
      squares += error * error;
      sum += error;
      worst = std::max(worst, std::abs(error));
      bytes += static_cast<double>(window.heap_bytes());
    }
    std::printf("%10lld %8.2f %8.2f %8.2f %12.0f\n", static_cast<long long>(n), 100 * std::sqrt(squares / sets),
                100 * sum / sets, 100 * worst, bytes / sets);
  }
}

// The error of a count, over widths of every size, by the number of events in 30 days.
void PrintCountError(int widths) {
  std::printf("\ncounts: error over %d random widths (seed 1); never under\n", widths);
  std::printf("%10s %10s %10s %10s %12s\n", "events", "mean %", "worst %", "entries", "heap bytes");
  std::mt19937_64 random(1);
  for (const int64_t n : {64, 1'000, 10'000, 100'000, 1'000'000}) {
    const SlidingCounter counter = FilledCounter(n);
    const int64_t step = Span::Days(30).millis() / n;
    double sum = 0, worst = 0;
    for (int i = 0; i < widths; ++i) {
      const double u = static_cast<double>(random() >> 11) / 9007199254740992.0;
      const int64_t width = static_cast<int64_t>(std::exp(u * std::log(static_cast<double>(kWindowMax.millis()))));
      const double truth = static_cast<double>(std::min(n, (width + step - 1) / step));
      const double error = static_cast<double>(counter.Count(counter.newest(), Span::Millis(width))) / truth - 1;
      sum += error;
      worst = std::max(worst, error);
    }
    std::printf("%10lld %10.3f %10.3f %10d %12zu\n", static_cast<long long>(n), 100 * sum / widths, 100 * worst,
                counter.entries(), counter.heap_bytes());
  }
}

}  // namespace
}  // namespace sekisho

int main(int argc, char** argv) {
  const bool quick = sekisho::BeginBenchmark(&argc, &argv);
  sekisho::PrintCountError(quick ? 1'000 : 100'000);
  sekisho::PrintDistinctError(quick ? 5 : 100);
  std::printf("\n");
  return sekisho::RunBenchmarks();
}
