// Goal: a log line of a daemon can be taken apart again, whatever its values hold.
// Method: hostile values against the exact line.
#include "engine/base/notice_text.h"

#include <gtest/gtest.h>

namespace sekisho {
namespace {

std::string TextOf(std::string value) { return NoticeText({NoticeLevel::kError, "gap", {{"file", std::move(value)}, {"n", "1"}}}); }

TEST(NoticeText, IsOneLineOfFields) {
  EXPECT_EQ(NoticeText({NoticeLevel::kInfo, "started", {}}), "info started");
  EXPECT_EQ(NoticeText({NoticeLevel::kWarning, "a", {{"x", ""}, {"y", "b c"}}}), "warning a x=\"\" y=\"b c\"");
  EXPECT_EQ(TextOf("関所.log"), "error gap file=\"関所.log\" n=\"1\"");
}

TEST(NoticeText, NoValueForgesAFieldOrALine) {
  EXPECT_EQ(TextOf("a\" n=\"2"), "error gap file=\"a\\\" n=\\\"2\" n=\"1\"");
  EXPECT_EQ(TextOf("a\\"), "error gap file=\"a\\\\\" n=\"1\"");
  EXPECT_EQ(TextOf("a\nerror b"), "error gap file=\"a\\x0aerror b\" n=\"1\"");
  EXPECT_EQ(TextOf("\\x0a"), "error gap file=\"\\\\x0a\" n=\"1\"");
  EXPECT_EQ(TextOf("\xff\x1b[2J"), "error gap file=\"\\xff\\x1b[2J\" n=\"1\"");
}

// Also where the cut falls between a backslash and what it stands before.
TEST(NoticeText, CutsALongValueBetweenItsQuotes) {
  for (size_t i = 0; i < 3; ++i) {
    const std::string text = TextOf(std::string(i, 'a') + std::string(100'000, '"'));
    EXPECT_LT(text.size(), kNoticeValueBytesMax + 64);
    EXPECT_TRUE(text.ends_with("…\" n=\"1\"")) << text;
  }
}

}  // namespace
}  // namespace sekisho
