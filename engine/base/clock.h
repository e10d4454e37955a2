// The clocks. Only engine/base and the app folders may read it; everything that decides gets its time as data.
#ifndef SEKISHO_ENGINE_BASE_CLOCK_H_
#define SEKISHO_ENGINE_BASE_CLOCK_H_

#include "engine/base/time.h"

namespace sekisho {

class Clock {
 public:
  virtual ~Clock() = default;
  // The current time, UTC. Thread-safe.
  virtual EventTime Now() = 0;
};

// The machine's clock. Never destroyed.
Clock& RealClock();

// Time since some moment before the process began. Never jumps, whatever is done to the wall clock. Thread-safe.
Span SteadyNow();

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_CLOCK_H_
