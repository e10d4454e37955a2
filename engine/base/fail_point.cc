#include "engine/base/fail_point.h"

#include <charconv>
#include <csignal>
#include <string>

namespace sekisho {
namespace {

constexpr std::string_view kStop = "stop:";

std::string& ArmedName() {
  static std::string name;
  return name;
}
std::atomic<int> countdown{0};
std::atomic<int> armed_signal{SIGKILL};

}  // namespace

bool ArmFailPoint(std::string_view spec) {
  const bool stops = spec.substr(0, kStop.size()) == kStop;
  if (stops) spec.remove_prefix(kStop.size());
  const size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  int n = 1;
  if (colon != std::string_view::npos) {
    const std::string_view number = spec.substr(colon + 1);
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), n);
    if (error != std::errc() || stop != number.data() + number.size() || n < 1) return false;
  }
  if (name.empty()) return false;
  ArmedName() = std::string(name);
  armed_signal.store(stops ? SIGSTOP : SIGKILL, std::memory_order_relaxed);
  countdown.store(n, std::memory_order_relaxed);
  internal::fail_point_armed.store(true, std::memory_order_release);
  return true;
}

namespace internal {

void PassFailPoint(std::string_view name) {
  if (name == ArmedName() && countdown.fetch_sub(1, std::memory_order_relaxed) == 1) {
    std::raise(armed_signal.load(std::memory_order_relaxed));
  }
}

}  // namespace internal
}  // namespace sekisho
