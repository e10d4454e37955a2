// DailyStats against a map of every day's total.
#include "engine/window/daily_stats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "engine/window/window_test_util.h"

namespace sekisho {
namespace {

EventTime OnDay(int64_t day, int64_t ms = 0) { return EventTime::FromMillis(day * 86'400'000 + ms); }

std::string Encoded(const DailyStats& stats) {
  std::string bytes;
  ByteWriter writer(&bytes);
  stats.Encode(&writer);
  return bytes;
}

// Goal: every answer is exact. Method: random days with gaps and late events against a map of totals; the round trip
// through bytes on the way.
TEST(DailyStatsTest, AgainstAMap) {
  TestRandom random(20260301);
  for (int round = 0; round < 50; ++round) {
    DailyStats stats;
    std::map<int64_t, uint64_t> totals;
    int64_t first = INT64_MAX;
    int64_t newest = INT64_MIN;
    int64_t day = 20'500;
    for (int i = 0; i < 400; ++i) {
      if (random.OneIn(3)) day += static_cast<int64_t>(random.Below(random.OneIn(30) ? 80 : 4));
      const int64_t of = day - (random.OneIn(5) ? static_cast<int64_t>(random.Below(random.OneIn(5) ? 70 : 2)) : 0);
      const uint32_t n = static_cast<uint32_t>(random.Below(100));
      stats.Add(OnDay(of, static_cast<int64_t>(random.Below(86'400'000))), n);
      if (n > 0 && (newest == INT64_MIN || newest - of < DailyStats::kDaysHeld)) {
        totals[of] += n;
        newest = std::max(newest, of);
        first = std::min(first, of);
      }
      const int64_t now = newest == INT64_MIN ? day : newest + static_cast<int64_t>(random.Below(4)) - 1;
      const int days = static_cast<int>(random.Below(65));
      const int64_t begin = now - std::min(days, DailyStats::kDaysHeld);
      uint64_t max = 0, sum = 0;
      int active = 0;
      for (const auto& [d, total] : totals) {
        if (d < begin || d >= now || newest - d >= DailyStats::kDaysHeld) continue;
        max = std::max(max, total);
        sum += total;
        ++active;
      }
      ASSERT_EQ(stats.Today(OnDay(now)), totals.contains(now) ? totals[now] : 0);
      ASSERT_EQ(stats.MaxBefore(OnDay(now), days), max);
      ASSERT_EQ(stats.TotalBefore(OnDay(now), days), sum);
      ASSERT_EQ(stats.DaysActive(OnDay(now), days), active);
      const int64_t known = newest == INT64_MIN ? 0 : std::clamp<int64_t>(now - first, 0, now - begin);
      ASSERT_EQ(stats.DaysKnown(OnDay(now), days), known);
      ASSERT_EQ(stats.MeanBefore(OnDay(now), days), known == 0 ? 0 : sum * 100 / static_cast<uint64_t>(known));
      const std::string bytes = Encoded(stats);
      DailyStats copy;
      ByteReader reader(bytes);
      ASSERT_TRUE(copy.Decode(&reader) && reader.done());
      ASSERT_EQ(Encoded(copy), bytes);
      stats = copy;
    }
    ASSERT_LE(stats.heap_bytes(), DailyStats::kDaysHeld * 4u * 3 / 2 + 8);
  }
}

// Goal: times beyond reason change nothing, and a day's total saturates.
TEST(DailyStatsTest, Limits) {
  DailyStats stats;
  stats.Add(EventTime::Never(), 1);
  stats.Add(EventTime::FromMillis(INT64_MAX), 1);
  EXPECT_TRUE(stats.empty());
  stats.Add(OnDay(20'500), UINT32_MAX);
  stats.Add(OnDay(20'500), 5);
  EXPECT_EQ(stats.Today(OnDay(20'500)), (uint64_t{1} << 24) - 1);
  EXPECT_EQ(stats.MaxBefore(OnDay(20'500), 62), 0u);
  EXPECT_EQ(stats.MeanBefore(OnDay(20'501), 62), ((uint64_t{1} << 24) - 1) * 100);
}

// Goal: hostile stored bytes never crash.
TEST(DailyStatsTest, BrokenBytes) {
  TestRandom random(10);
  DailyStats stats;
  for (int d = 0; d < 60; ++d) stats.Add(OnDay(20'500 + d), 1 + d * 7);
  const std::string good = Encoded(stats);
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (uint64_t f = random.Below(4); f > 0; --f) bad[random.Below(bad.size())] = static_cast<char>(random.Below(256));
    ByteReader reader(bad);
    DailyStats decoded;
    if (!decoded.Decode(&reader)) continue;
    decoded.Add(OnDay(20'570), 3);
    EXPECT_EQ(decoded.Today(OnDay(20'570)), decoded.Today(OnDay(20'570, 1)));
  }
}

}  // namespace
}  // namespace sekisho
