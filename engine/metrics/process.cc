#include "engine/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace sekisho {

ProcessMetrics::ProcessMetrics(Metrics* metrics)
    : cpu_seconds_(metrics->AddSecondsCounter("process_cpu_seconds_total", "Processor time of this process, in it and in the system.")),
      resident_bytes_(metrics->AddGauge("process_resident_memory_bytes", "Memory of this process that is in use.")),
      open_fds_(metrics->AddGauge("process_open_fds", "Open files and connections.")),
      threads_(metrics->AddGauge("process_threads", "Threads.")) {
  Update();
}

void ProcessMetrics::Update() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto micros = [](const timeval& t) { return static_cast<uint64_t>(t.tv_sec) * 1'000'000 + static_cast<uint64_t>(t.tv_usec); };
    cpu_seconds_->Set(micros(usage.ru_utime) + micros(usage.ru_stime));
  }
  uint64_t size = 0, resident = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> size >> resident) {
    resident_bytes_->Set(static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  const auto entries = [](const char* folder, Gauge* gauge) {
    std::error_code error;
    double n = 0;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) ++n;
    if (!error) gauge->Set(n);
  };
  entries("/proc/self/fd", open_fds_);
  entries("/proc/self/task", threads_);
}

}  // namespace sekisho
