// The one place that asks the machine what time it is.
#include "engine/base/clock.h"

#include <chrono>

namespace sekisho {
namespace {

class SystemClock final : public Clock {
 public:
  EventTime Now() override {
    using std::chrono::duration_cast;
    return EventTime::FromMillis(
        duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  }
};

}  // namespace

Clock& RealClock() {
  static SystemClock clock;
  return clock;
}

Span SteadyNow() {
  using std::chrono::duration_cast;
  return Span::Millis(
      duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

}  // namespace sekisho
