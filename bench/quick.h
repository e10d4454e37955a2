// --quick for benchmarks built on Google Benchmark: everything runs, nothing is measured well.
#ifndef SEKISHO_BENCH_QUICK_H_
#define SEKISHO_BENCH_QUICK_H_

#include <benchmark/benchmark.h>

#include <string_view>
#include <vector>

namespace sekisho {

// Takes the flags. Returns whether --quick was among them. argv points into static storage afterwards.
inline bool BeginBenchmark(int* argc, char*** argv) {
  static char short_time[] = "--benchmark_min_time=0.01";
  static std::vector<char*> arguments;
  bool quick = false;
  for (int i = 0; i < *argc; ++i) {
    const bool is_quick = std::string_view((*argv)[i]) == "--quick";
    quick |= is_quick;
    arguments.push_back(is_quick ? short_time : (*argv)[i]);
  }
  arguments.push_back(nullptr);
  *argv = arguments.data();
  benchmark::Initialize(argc, *argv);
  return quick;
}

// The exit code.
inline int RunBenchmarks() {
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace sekisho

#endif  // SEKISHO_BENCH_QUICK_H_
