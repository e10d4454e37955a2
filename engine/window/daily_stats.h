// An account's daily totals over the last two months: what is usual for it, said without today.
#ifndef SEKISHO_ENGINE_WINDOW_DAILY_STATS_H_
#define SEKISHO_ENGINE_WINDOW_DAILY_STATS_H_

#include <cstddef>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/base/time.h"
#include "engine/window/small_array.h"

namespace sekisho {

// Days are UTC days of event time. Exact: the total of each of the newest kDaysHeld days that has one is kept.
// Thread-compatible. A value.
//
// "Before `now`" is the `days` days that end with the day before now's, [now.day() - days, now.day() - 1]; days is cut
// to [0, kDaysHeld]. What is older than the newest kDaysHeld days (the newest included) is forgotten.
class DailyStats {
 public:
  // 62, so that two month-ends are always in sight. An active day costs 4 bytes.
  static constexpr int kDaysHeld = 62;

  // An event kDaysHeld days or more before the newest day changes nothing, nor does n = 0. A day's total saturates at
  // 2^24 - 1.
  void Add(EventTime at, uint32_t n = 1);

  // The total of now's day.
  uint64_t Today(EventTime now) const;
  // The greatest daily total before `now`; 0 where none.
  uint64_t MaxBefore(EventTime now, int days) const;
  uint64_t TotalBefore(EventTime now, int days) const;
  // Hundredths: TotalBefore over the days since the account's first one, quiet days included. So three days' knowledge is
  // divided by three. 0 where the first day is now's or later.
  uint64_t MeanBefore(EventTime now, int days) const;
  // How many days before `now` had anything.
  int DaysActive(EventTime now, int days) const;
  // How many of the `days` days before `now` lie at or after the first day that ever had anything.
  int DaysKnown(EventTime now, int days) const;

  // The same totals of the same days.
  bool operator==(const DailyStats& other) const;

  bool empty() const { return totals_.empty(); }

  size_t heap_bytes() const { return totals_.heap_bytes(); }
  void Encode(ByteWriter* writer) const;
  bool Decode(ByteReader* reader);

 private:
  // A total and the low 8 bits of its day. Days are within kDaysHeld of the newest, so 8 bits tell them apart.
  static uint32_t Word(int64_t day, uint32_t total) { return total << 8 | static_cast<uint8_t>(day); }
  static uint32_t Total(uint32_t word) { return word >> 8; }
  int64_t Day(uint32_t word) const { return newest_day_ - static_cast<uint8_t>(newest_day_ - word); }
  // Calls fn(total) for each held day before `now`.
  template <typename Fn>
  void ForEachBefore(EventTime now, int days, Fn fn) const;

  int32_t newest_day_ = 0;
  int32_t first_day_ = 0;
  SmallArray<uint32_t> totals_;  // ordered by day, the newest at the end
};
static_assert(sizeof(DailyStats) == 24);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_DAILY_STATS_H_
