// Goal: text that a stranger chose never reaches a terminal raw.
// Method: hostile samples against the exact result.
#include "engine/base/printable.h"

#include <gtest/gtest.h>

namespace sekisho {
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

}  // namespace
}  // namespace sekisho
