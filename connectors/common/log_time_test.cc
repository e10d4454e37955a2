// Goal: every way of writing a time gives the one right instant, or none. Method: known pairs; days and zones against
// abseil's civil time, every hour over years with daylight saving.
#include "connectors/common/log_time.h"

#include <gtest/gtest.h>

#include "absl/time/civil_time.h"

namespace sekisho::connectors {
namespace {

TEST(DayNumberTest, AgreesWithAbseil) {
  const absl::CivilDay epoch(1970, 1, 1);
  for (absl::CivilDay d = epoch; d.year() < 2105; ++d) {
    ASSERT_EQ(DayNumber(static_cast<int>(d.year()), d.month(), d.day()), d - epoch);
  }
  EXPECT_FALSE(DayNumber(2026, 2, 29));
  EXPECT_FALSE(DayNumber(2100, 2, 29));
  EXPECT_TRUE(DayNumber(2000, 2, 29));
  EXPECT_FALSE(DayNumber(2026, 13, 1));
  EXPECT_FALSE(DayNumber(2026, 4, 31));
  EXPECT_FALSE(DayNumber(-1, 1, 1));
}

TEST(ParseRfc3339Test, TakesOffsetsAndFractions) {
  const EventTime t = EventTime::FromSeconds(1'772'323'200);  // 2026-03-01T00:00:00Z
  EXPECT_EQ(ParseRfc3339("2026-03-01T00:00:00Z"), t);
  EXPECT_EQ(ParseRfc3339("2026-03-01 09:00:00+09:00"), t);
  EXPECT_EQ(ParseRfc3339("2026-02-28T18:30:00.1239999-0530"), t + Span::Millis(123));
  EXPECT_EQ(ParseRfc3339("2026-02-28T23:59:60Z"), t);
  for (const char* bad : {"", "2026-03-01T00:00:00", "2026-03-01T00:00:00Zx", "2026-02-30T00:00:00Z",
                          "2026-03-01T24:00:00Z", "2026-03-01T00:00:00+9:00", "2026-03-01T00:00:00.Z"}) {
    EXPECT_FALSE(ParseRfc3339(bad)) << bad;
  }
}

TEST(ParseTimeZoneTest, NamesOffsetsAndNonsense) {
  EXPECT_EQ(ParseTimeZone("Asia/Tokyo")->name(), "Asia/Tokyo");
  EXPECT_EQ(ZoneClock(*ParseTimeZone("+09:00")).ToUtc(0), -9 * 3600);
  EXPECT_EQ(ZoneClock(*ParseTimeZone("-0330")).ToUtc(0), 3 * 3600 + 1800);
  EXPECT_TRUE(ParseTimeZone("UTC").ok());
  for (const char* bad : {"", "Asia/Tokio", "+9", "9", "+25:00"}) {
    const auto zone = ParseTimeZone(bad);
    ASSERT_FALSE(zone.ok()) << bad;
    EXPECT_NE(zone.status().message().find(bad), std::string_view::npos);
  }
}

TEST(ZoneClockTest, AgreesWithAbseilWhereATimeExistsOnce) {
  for (const char* name : {"Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC"}) {
    absl::TimeZone zone;
    ASSERT_TRUE(absl::LoadTimeZone(name, &zone));
    ZoneClock clock(zone);
    const absl::CivilSecond epoch(1970, 1, 1);
    for (int64_t local = 1'735'689'600; local < 1'735'689'600 + 3 * 365 * 86'400; local += 1800) {
      const auto info = zone.At(epoch + local);
      if (info.kind != absl::TimeZone::TimeInfo::UNIQUE) continue;
      ASSERT_EQ(clock.ToUtc(local), absl::ToUnixSeconds(info.pre)) << name << " " << local;
    }
  }
}

TEST(ZoneClockTest, ARepeatedHourRunsOn) {
  absl::TimeZone zone;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Zurich", &zone));
  ZoneClock clock(zone);
  const int64_t midnight = *DayNumber(2026, 10, 25) * 86'400;  // clocks go from 03:00 back to 02:00
  int64_t last = clock.ToUtc(midnight + 2 * 3600 - 60);
  for (int pass = 0; pass < 2; ++pass) {
    for (int minute = 0; minute < 60; ++minute) {
      const int64_t now = clock.ToUtc(midnight + 2 * 3600 + minute * 60);
      EXPECT_EQ(now, last + 60);
      last = now;
    }
  }
  EXPECT_EQ(clock.ToUtc(midnight + 3 * 3600), last + 60);
}

}  // namespace
}  // namespace sekisho::connectors
