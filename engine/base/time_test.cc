// Goal: times print exactly, before and after the epoch, over leap days. Method: known pairs.
#include "engine/base/time.h"

#include <gtest/gtest.h>

namespace sekisho {
namespace {

TEST(EventTimeTest, PrintsRfc3339) {
  EXPECT_EQ(FormatRfc3339(EventTime::FromMillis(0)), "1970-01-01T00:00:00.000+00:00");
  EXPECT_EQ(FormatRfc3339(EventTime::FromSeconds(951'827'696)), "2000-02-29T12:34:56.000+00:00");
  EXPECT_EQ(FormatRfc3339(EventTime::FromMillis(-1)), "1969-12-31T23:59:59.999+00:00");
  EXPECT_EQ(FormatRfc3339(EventTime::Never()), "never");
}

TEST(EventTimeTest, DayCountsFromTheEpochInBothDirections) {
  EXPECT_EQ(EventTime::FromMillis(86'399'999).day(), 0);
  EXPECT_EQ(EventTime::FromMillis(86'400'000).day(), 1);
  EXPECT_EQ(EventTime::FromMillis(-1).day(), -1);
}

TEST(SpanTest, PrintsAtMostTwoUnits) {
  EXPECT_EQ(FormatSpan(Span::Millis(250)), "250ms");
  EXPECT_EQ(FormatSpan(Span::Seconds(45)), "45s");
  EXPECT_EQ(FormatSpan(Span::Minutes(190)), "3h 10m");
  EXPECT_EQ(FormatSpan(Span::Hours(48)), "2d");
  EXPECT_EQ(FormatSpan(Span::Days(1) + Span::Hours(2) + Span::Seconds(5)), "1d 2h");
  EXPECT_EQ(FormatSpan(Span::Days(1) + Span::Seconds(5)), "1d");
}

}  // namespace
}  // namespace sekisho
