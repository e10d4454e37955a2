// How the windows keep time: as 32 bits of the millisecond, which tell 49 days apart, read as ages before the newest
// event of the structure. Ages are always below kWindowMax.
#ifndef SEKISHO_ENGINE_WINDOW_AGES_H_
#define SEKISHO_ENGINE_WINDOW_AGES_H_

#include <algorithm>
#include <cstdint>

#include "engine/base/time.h"

namespace sekisho {

// The longest window that anything here answers. 31 days, so that a month's length never matters.
inline constexpr Span kWindowMax = Span::Days(31);
inline constexpr uint64_t kWindowMaxMs = static_cast<uint64_t>(kWindowMax.millis());
static_assert(kWindowMaxMs < (uint64_t{1} << 32), "an age fits 32 bits");

// later - earlier in milliseconds, for any two times; the caller knows their order.
constexpr uint64_t MillisBetween(EventTime earlier, EventTime later) {
  return static_cast<uint64_t>(later.millis()) - static_cast<uint64_t>(earlier.millis());
}
constexpr uint32_t ShortTime(EventTime t) { return static_cast<uint32_t>(t.millis()); }

// Most logs tell whole seconds: ages are stored in seconds where all are, else in milliseconds.
inline constexpr uint32_t kSecondMs = 1000;

// The window (now - width, now] in ages before `newest`: an event belongs to it when its age is in [from, to). Width is
// cut to [0, kWindowMax], the window to what is held. to <= from: empty.
struct AgeRange {
  uint64_t from = 0;
  uint64_t to = 0;
};
constexpr AgeRange WindowAges(EventTime newest, EventTime now, Span width) {
  const uint64_t width_ms =
      std::min(static_cast<uint64_t>(std::max<int64_t>(width.millis(), 0)), kWindowMaxMs);
  if (now >= newest) {
    const uint64_t gap = MillisBetween(newest, now);
    return {0, gap < width_ms ? width_ms - gap : 0};
  }
  const uint64_t ahead = MillisBetween(now, newest);
  if (ahead >= kWindowMaxMs) return {};
  return {ahead, std::min(ahead + width_ms, kWindowMaxMs)};
}

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_AGES_H_
