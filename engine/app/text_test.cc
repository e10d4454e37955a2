// Goal: text that a stranger chose never reaches a terminal raw, and tables can be read.
// Method: hostile samples against the exact result.
#include <gtest/gtest.h>

#include "engine/app/terminal.h"

namespace sekisho::app {
namespace {

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("plain@example.jp"), "plain@example.jp");
  EXPECT_EQ(Printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(Printable("a\nb\r"), "a\\x0ab\\x0d");
  EXPECT_EQ(Printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(Printable("関所"), "関所");
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(Printable("\xc2\x9b"), "\\xc2\\x9b");            // CSI in eight bits
  EXPECT_EQ(Printable("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");  // no UTF-8, and an overlong slash
  EXPECT_EQ(Printable("abcdef", 3), "abc…");
}

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
