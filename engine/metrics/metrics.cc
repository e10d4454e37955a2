#include "engine/metrics/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace sekisho {
namespace {

[[noreturn]] void OurBug(const std::string& name, const char* what) {
  std::fprintf(stderr, "metric %s: %s\n", name.c_str(), what);
  std::abort();
}

// Letters, digits and '_', not beginning with a digit.
bool IsName(const std::string& text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(std::make_unique<std::atomic<uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::Observe(double value) {
  const size_t bucket = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  double sum = sum_.load(std::memory_order_relaxed);
  while (!sum_.compare_exchange_weak(sum, sum + value, std::memory_order_relaxed)) {
  }
}

std::vector<double> LatencyBounds() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

class Metrics::Page : public prometheus::Collectable {
 public:
  template <typename T, typename... Arguments>
  T* Add(prometheus::MetricType type, const std::string& name, const std::string& help, const Labels& labels, Arguments&&... arguments) {
    if (!IsName(name) || help.empty()) OurBug(name, "not a good name, or no help");
    for (const auto& [label, value] : labels) {
      if (!IsName(label)) OurBug(name, "not a good label");
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    Family& family = families_.try_emplace(name, Family{type, help, {}}).first->second;
    if (family.type != type || family.help != help) OurBug(name, "added before, as something else");
    std::unique_ptr<T>& metric = std::get<std::unique_ptr<T>>(family.metrics[labels]);
    if (metric == nullptr) metric = std::make_unique<T>(std::forward<Arguments>(arguments)...);
    return metric.get();
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<prometheus::MetricFamily> families;
    for (const auto& [name, family] : families_) {
      prometheus::MetricFamily& out = families.emplace_back();
      out.name = name;
      out.help = family.help;
      out.type = family.type;
      for (const auto& [labels, metric] : family.metrics) {
        if (const auto& shown = std::get<std::unique_ptr<Gauge>>(metric); shown != nullptr && shown->hidden()) continue;
        prometheus::ClientMetric& row = out.metric.emplace_back();
        for (const auto& [label, value] : labels) row.label.push_back({label, value});
        const auto& [counter, gauge, histogram] = metric;
        if (counter != nullptr) row.counter.value = counter->page_value();
        if (gauge != nullptr) row.gauge.value = gauge->value();
        if (histogram != nullptr) Fill(*histogram, &row.histogram);
      }
      if (out.metric.empty()) families.pop_back();
    }
    return families;
  }

 private:
  // The one that the family's kind says.
  using Metric = std::tuple<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;
  struct Family {
    prometheus::MetricType type;
    std::string help;
    std::map<Labels, Metric> metrics;
  };

  static void Fill(const Histogram& histogram, prometheus::ClientMetric::Histogram* out) {
    uint64_t below = 0;
    for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
      below += histogram.count(i);
      if (i < histogram.bounds().size()) out->bucket.push_back({below, histogram.bounds()[i]});
    }
    out->sample_count = below;
    out->sample_sum = histogram.sum();
  }

  mutable std::mutex mutex_;
  std::map<std::string, Family> families_;
};

class Metrics::Server {
 public:
  Server(const std::string& address, const std::shared_ptr<Page>& page) : exposer_(address, 1) { exposer_.RegisterCollectable(page); }
  int port() const { return exposer_.GetListeningPorts().front(); }

 private:
  prometheus::Exposer exposer_;
};

Metrics::Metrics() : page_(std::make_shared<Page>()) {}
Metrics::~Metrics() = default;

Counter* Metrics::AddCounter(const std::string& name, const std::string& help, const Labels& labels) {
  return page_->Add<Counter>(prometheus::MetricType::Counter, name, help, labels);
}

Counter* Metrics::AddSecondsCounter(const std::string& name, const std::string& help, const Labels& labels) {
  return page_->Add<Counter>(prometheus::MetricType::Counter, name, help, labels, 1e6);
}

Gauge* Metrics::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return page_->Add<Gauge>(prometheus::MetricType::Gauge, name, help, labels);
}

Histogram* Metrics::AddHistogram(const std::string& name, const std::string& help, std::vector<double> bounds, const Labels& labels) {
  return page_->Add<Histogram>(prometheus::MetricType::Histogram, name, help, labels, std::move(bounds));
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(page_->Collect()); }

absl::StatusOr<int> Metrics::Serve(const std::string& address) {
  try {
    server_ = std::make_unique<Server>(address, page_);
    return server_->port();
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("metrics can't be served at ", address, ": ", error.what()));
  }
}

}  // namespace sekisho
