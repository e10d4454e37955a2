// What the window tests share: arrival patterns and random numbers from a printed seed. Only for tests.
#ifndef SEKISHO_ENGINE_WINDOW_WINDOW_TEST_UTIL_H_
#define SEKISHO_ENGINE_WINDOW_WINDOW_TEST_UTIL_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>

#include "engine/base/time.h"
#include "engine/window/ages.h"

namespace sekisho {

class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : engine_(seed) { std::cout << "seed " << seed << "\n"; }
  uint64_t Below(uint64_t n) { return engine_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  // Any size is as likely as ten times it.
  Span LogUniform(Span max) {
    const double u = static_cast<double>(engine_() >> 11) / 9007199254740992.0;
    return Span::Millis(static_cast<int64_t>(std::exp(u * std::log(static_cast<double>(max.millis())))));
  }

 private:
  std::mt19937_64 engine_;
};

enum class Arrival { kSteady, kPoisson, kBursts, kSlowThenFlood, kSameTimes, kLate, kLateFloods, kHostileLate };
inline constexpr Arrival kArrivals[] = {Arrival::kSteady,     Arrival::kPoisson,    Arrival::kBursts,
                                        Arrival::kSlowThenFlood, Arrival::kSameTimes, Arrival::kLate,
                                        Arrival::kLateFloods, Arrival::kHostileLate};
inline std::string Name(Arrival a) {
  constexpr const char* kNames[] = {"steady", "poisson", "bursts", "slow_then_flood", "same_times", "late",
                                    "late_floods", "hostile_late"};
  return kNames[static_cast<int>(a)];
}

// Times of events, one after another, by a pattern. Late ones are at most a day behind the newest.
class ArrivalTimes {
 public:
  ArrivalTimes(Arrival pattern, TestRandom* random) : pattern_(pattern), random_(random) {}

  EventTime Next() {
    ++n_;
    switch (pattern_) {
      case Arrival::kSteady:
        return Step(Span::Seconds(300));
      case Arrival::kPoisson:
        return Step(random_->LogUniform(Span::Hours(6)));
      case Arrival::kBursts:
        return Step(random_->OneIn(200) ? random_->LogUniform(Span::Days(3)) : Span::Millis(Below(500)));
      case Arrival::kSlowThenFlood:
        return Step(n_ < 300 ? Span::Hours(1) : Span::Millis(Below(200)));
      case Arrival::kSameTimes:
        return Step(random_->OneIn(3) ? Span::Seconds(Below(600)) : Span());
      case Arrival::kLate:
        if (random_->OneIn(3)) return newest_ - random_->LogUniform(Span::Days(1));
        return Step(random_->LogUniform(Span::Minutes(30)));
      case Arrival::kLateFloods:  // a host that was cut off sends its day at once, in order
        if (flood_left_ == 0 && random_->OneIn(400)) {
          flood_left_ = 300 + Below(1000);
          flood_at_ = newest_ - Span::Hours(24);
          flood_step_ = Span::Millis(Span::Hours(23).millis() / flood_left_);
        }
        if (flood_left_ > 0) {
          --flood_left_;
          flood_at_ = flood_at_ + flood_step_;
          return flood_at_;
        }
        return Step(Span::Seconds(Below(60)));
      case Arrival::kHostileLate:
        // Always into a narrower and narrower range behind a flood, backwards and forwards: the order that overlaps most.
        if (n_ < 2000) return Step(Span::Millis(Below(1000)));
        if (random_->OneIn(300)) {
          low_ = newest_ - random_->LogUniform(Span::Hours(23));
          high_ = low_ + random_->LogUniform(Span::Hours(1));
        }
        if (random_->OneIn(40)) high_ = low_ + Span::Millis((high_ - low_).millis() * 3 / 4 + 1);
        return low_ + Span::Millis(Below(std::max<int64_t>((high_ - low_).millis(), 1)));
    }
    return newest_;
  }

 private:
  EventTime Step(Span by) { return newest_ = newest_ + by; }
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_->Below(static_cast<uint64_t>(n))); }

  Arrival pattern_;
  TestRandom* random_;
  int64_t n_ = 0;
  EventTime newest_ = EventTime::FromSeconds(1'772'323'200);  // 2026-03-01
  int64_t flood_left_ = 0;
  EventTime flood_at_;
  Span flood_step_;
  EventTime low_ = EventTime::FromSeconds(1'772'323'200);
  EventTime high_ = EventTime::FromSeconds(1'772'323'300);
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_WINDOW_TEST_UTIL_H_
