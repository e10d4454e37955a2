// Goal: a dead letter shows enough of a line to understand it, and nobody's address.
// Method: lines of the supported systems, and the excerpt that each must give.
#include "engine/app/dead_letter.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sekisho::app {
namespace {

TEST(RedactedExcerpt, RemovesEveryLocalPart) {
  EXPECT_EQ(RedactedExcerpt("to=<a.b+c=d@example.jp>, relay=mx"), "to=<*@example.jp>, relay=mx");
  EXPECT_EQ(RedactedExcerpt("sasl_username=alice@example.jp x"), "sasl_username=*@example.jp x");
  EXPECT_EQ(RedactedExcerpt("<= a@b.example for c@d.example e@f.example"), "<= *@b.example for *@d.example *@f.example");
  EXPECT_EQ(RedactedExcerpt("to=<\"john doe\"@example.jp>"), "to=<*@example.jp>");
  EXPECT_EQ(RedactedExcerpt("a@b@c"), "*@*@c");
  EXPECT_EQ(RedactedExcerpt("@"), "*@");
  EXPECT_EQ(RedactedExcerpt("no address"), "no address");
}

TEST(RedactedExcerpt, IsBoundedAndDropsAWordThatWasCut) {
  EXPECT_EQ(RedactedExcerpt("x " + std::string(1 << 20, 'y') + "@z"), "x ");
  EXPECT_LE(RedactedExcerpt(std::string(1 << 20, '@')).size(), 2 * kExcerptBytesMax);
}

TEST(DeadLetters, CountsAllAndWritesWhatIsNotMuted) {
  const std::string path = ::testing::TempDir() + "dead_letter_test.jsonl";
  auto file = OutputFile::Create(path);
  ASSERT_TRUE(file.ok()) << file.status();
  DeadLetters letters(file->get());
  letters.set_muted(true);
  letters.Add("mail.log", 0, "no time stamp", "first");
  letters.set_muted(false);
  letters.Add("mail\x1b.log", 17, "no time stamp", "to=<a@b.example>\xff");
  ASSERT_TRUE(letters.status().ok());
  ASSERT_TRUE((*file)->Flush().ok());
  EXPECT_EQ(letters.by_reason().at("no time stamp"), 2u);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "{\"file\":\"mail\\u001b.log\",\"byte\":17,\"reason\":\"no time stamp\","
                        "\"excerpt\":\"to=<*@b.example>\xee\xbf\xbf\"}\n");
  EXPECT_EQ((*file)->length(), text.str().size());
}

TEST(OutputFile, IsCutToWhatWasCommitted) {
  const std::string path = ::testing::TempDir() + "output_file_test.jsonl";
  { std::ofstream(path) << "one\ntwo\nto"; }
  auto file = OutputFile::Resume(path, 8);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("three\n").ok());
  ASSERT_TRUE((*file)->Sync().ok());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "one\ntwo\nthree\n");
  EXPECT_EQ(OutputFile::Resume(path, 15).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(OutputFile, ReportsAFullDisk) {
  auto file = OutputFile::Resume("/dev/full", 0);
  EXPECT_EQ(file.status().code(), absl::StatusCode::kFailedPrecondition);
  auto full = OutputFile::Create("/dev/full");
  if (!full.ok()) GTEST_SKIP() << "no /dev/full here";
  ASSERT_TRUE((*full)->Append("x").ok());
  EXPECT_EQ((*full)->Flush().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ((*full)->Append("y").code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sekisho::app
