// What a daemon counts, and its /metrics page for Prometheus. The only home of prometheus-cpp.
//
// A value is one atomic number that its owner changes without a lock; a scrape reads them all. So the hot path pays for an
// addition, and a page is not a snapshot of one moment.
//
// Names follow Prometheus's conventions: "sekisho_…", counters end in "_total", times are in seconds ("_seconds"), sizes in bytes
// ("_bytes"); `promtool check metrics` holds them to it. Never a label by account or address: a label's values are few, and
// known beforehand. A name, label or help that breaks the rules is our bug, and stops the process when it is added.
#ifndef SEKISHO_ENGINE_METRICS_METRICS_H_
#define SEKISHO_ENGINE_METRICS_METRICS_H_

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace sekisho {

// Only grows. Thread-safe.
class Counter {
 public:
  // On the page: the value divided by this.
  explicit Counter(double page_divisor = 1) : page_divisor_(page_divisor) {}
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  // For a total that is kept elsewhere.
  void Set(uint64_t total) { value_.store(total, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  double page_value() const { return static_cast<double>(value()) / page_divisor_; }

 private:
  const double page_divisor_;
  std::atomic<uint64_t> value_{0};
};

// Goes up and down. Thread-safe.
class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  // Takes it off the page until it is set again: of what isn't ours any more, an old value would be a lie.
  void Hide() { Set(std::numeric_limits<double>::quiet_NaN()); }
  bool hidden() const { return std::isnan(value()); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// How often a value fell into (bounds[i-1], bounds[i]]. Thread-safe.
class Histogram {
 public:
  // Ascending.
  explicit Histogram(std::vector<double> bounds);
  // O(log of the number of bounds).
  void Observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  // Index bounds().size() holds what is beyond the last bound.
  uint64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// 100 µs to 30 s, about three to a decade: for latencies.
std::vector<double> LatencyBounds();

// Adding is thread-safe, and meant for the start. What is added lives as long as this object.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Metrics of one name share kind and help, and differ by labels; adding the same twice gives the same object.
  Counter* AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  // Is given microseconds and shows seconds: "…_seconds_total".
  Counter* AddSecondsCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge* AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram* AddHistogram(const std::string& name, const std::string& help, std::vector<double> bounds, const Labels& labels = {});

  // The page as a scrape would get it.
  std::string Text() const;

  // Answers GET /metrics at "HOST:PORT" (port 0: any that is free) from threads of its own, for the life of this object.
  // Returns the port. Unavailable: the address can't be had.
  absl::StatusOr<int> Serve(const std::string& address);

 private:
  class Page;
  class Server;
  const std::shared_ptr<Page> page_;
  std::unique_ptr<Server> server_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_METRICS_METRICS_H_
