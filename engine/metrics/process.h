// What the system knows of this process, under the names that every Prometheus client uses for it.
#ifndef SEKISHO_ENGINE_METRICS_PROCESS_H_
#define SEKISHO_ENGINE_METRICS_PROCESS_H_

#include "engine/metrics/metrics.h"

namespace sekisho {

// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_threads. Thread-compatible.
class ProcessMetrics {
 public:
  explicit ProcessMetrics(Metrics* metrics);
  // Reads /proc/self: some 50 µs. What can't be read stays as it was.
  void Update();

 private:
  Counter* const cpu_seconds_;
  Gauge* const resident_bytes_;
  Gauge* const open_fds_;
  Gauge* const threads_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_METRICS_PROCESS_H_
