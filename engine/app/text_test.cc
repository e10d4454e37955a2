// Goal: numbers and tables can be read.
// Method: samples against the exact result.
#include <gtest/gtest.h>

#include "engine/app/terminal.h"

namespace sekisho::app {
namespace {

TEST(Numbers, ReadWell) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(-1234567), "-1,234,567");
  EXPECT_EQ(WithCommas(123), "123");
  EXPECT_EQ(HumanTime(EventTime::FromMillis(1'772'409'600'123)), "2026-03-02 00:00:00Z");
  EXPECT_EQ(HumanTime(EventTime::Never()), "never");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(uint64_t{3} << 30), "3.0 GiB");
}

TEST(Table, AlignsNumbersRightAndWordsLeft) {
  Table table;
  table.Row({"login", "12", "first"});
  table.Row({"関所", "1,000", "x"});
  EXPECT_EQ(table.ToString(), "  login     12  first\n  関所     1,000  x\n");
}

}  // namespace
}  // namespace sekisho::app
