// Goal: lines come in the order of their times, always the same, and no odd line or broken file holds up the rest.
// Method: small files with ties, outliers, gaps and damage; a random merge against a stable sort, from a printed seed.
#include "connectors/ingest/merged_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

namespace sekisho::connectors {
namespace {

namespace fs = std::filesystem;

class MergedFilesTest : public testing::Test {
 protected:
  MergedFilesTest() : dir_(fs::path(testing::TempDir()) / ("merged_files." + std::to_string(getpid()))) {
    fs::create_directories(dir_);
  }
  ~MergedFilesTest() override { fs::remove_all(dir_); }

  void Add(std::string_view text) {
    paths_.push_back(dir_ / ("f" + std::to_string(paths_.size())));
    std::ofstream(paths_.back(), std::ios::binary) << text;
  }
  std::unique_ptr<MergedFiles> Open() { return MergedFiles::Open(paths_, {absl::UTCTimeZone(), 2026}); }
  // The messages in order.
  std::string Read() {
    std::string out;
    const auto files = Open();
    MergedLine line;
    while (files->Next(&line)) {
      if (!out.empty()) out += ' ';
      out += line.line.message;
    }
    return out;
  }

  const fs::path dir_;
  std::vector<std::string> paths_;
};

TEST_F(MergedFilesTest, ByTimeThenByFile) {
  Add("Mar  1 09:00:00 h p: a1\nMar  1 09:00:02 h p: a2\nMar  1 09:00:02 h p: a3\n");
  Add("Mar  1 09:00:01 h p: b1\nMar  1 09:00:02 h p: b2\nMar  1 09:00:03 h p: b3");
  Add("2026-03-01T09:00:01.500Z h p: c1\n");
  EXPECT_EQ(Read(), "a1 b1 c1 a2 a3 b2 b3");
}

TEST_F(MergedFilesTest, ALineFromTheFutureHoldsUpNothing) {
  Add("Mar  1 09:00:00 h p: a1\nMar  9 09:00:00 h p: future\nMar  1 09:00:02 h p: a2\n");
  Add("Mar  1 09:00:01 h p: b1\nMar  1 09:00:03 h p: b2\n");
  EXPECT_EQ(Read(), "a1 b1 future a2 b2");
}

TEST_F(MergedFilesTest, LinesWithoutTimeStayWithTheLineBefore) {
  Add("loose\nMar  1 09:00:00 h p: a1\ncontinued\nMar  1 09:00:02 h p: a2\ncontinued\ncontinued\nMar  1 09:00:04 h p: a3\n");
  Add("Mar  1 09:00:01 h p: b1\nMar  1 09:00:03 h p: b2\n");
  EXPECT_EQ(Read(), "loose a1 continued a2 continued continued b1 b2 a3");
}

// Goal: mail files are merged with logs by their messages' times, message by message. Method: an mbox file and a single message,
// beside a log.
TEST_F(MergedFilesTest, MessagesOfMailFilesAreLines) {
  Add("Mar  1 09:00:00 h p: a1\nMar  1 09:00:02 h p: a2\nMar  1 09:00:04 h p: a3\n");
  Add("From x@example.org Sun Mar  1 09:00:01 2026\nReceived: y; Sun, 1 Mar 2026 09:00:01 +0000\nSubject: m1\n\nFrom what I hear\n\n"
      "From x@example.org Sun Mar  1 09:00:03 2026\nReceived: y; Sun, 1 Mar 2026 09:00:03 +0000\nSubject: m2\n\n>From\n");
  Add("Return-Path: <>\r\nDate: Sun, 1 Mar 2026 09:00:03 +0000\r\n\r\nFrom x@example.org Sun Mar  1 09:00:03 2026\r\nbody");
  const auto files = Open();
  std::vector<std::string> got;
  MergedLine line;
  while (files->Next(&line)) {
    got.push_back(std::string(line.line.message));
    const bool mail = line.file > 0;
    EXPECT_EQ(line.line.program, mail ? "mail message" : "p");
    EXPECT_EQ(line.raw.text == "mail message", mail);  // no content goes the way of dead letters
    EXPECT_EQ(files->end_offset(line.file), line.raw.end_offset);
  }
  EXPECT_EQ(got, (std::vector<std::string>{
                     "a1",
                     "Received: y; Sun, 1 Mar 2026 09:00:01 +0000\nSubject: m1\n\nFrom what I hear\n\n",
                     "a2",
                     "Received: y; Sun, 1 Mar 2026 09:00:03 +0000\nSubject: m2\n\n>From\n",
                     "Return-Path: <>\nDate: Sun, 1 Mar 2026 09:00:03 +0000\n\nFrom x@example.org Sun Mar  1 09:00:03 2026\nbody\n",
                     "a3",
                 }));
  for (size_t i = 1; i < 3; ++i) EXPECT_EQ(files->end_offset(i), fs::file_size(paths_[i]));
}

TEST_F(MergedFilesTest, AHugeMessageIsCutOff) {
  std::string text = "Received: y; Sun, 1 Mar 2026 09:00:01 +0000\n\n";
  for (int i = 0; i < 10'000; ++i) text += "A line of a picture that somebody sent along.\n";
  Add(text);
  const auto files = Open();
  MergedLine line;
  ASSERT_TRUE(files->Next(&line));
  EXPECT_LE(line.line.message.size(), MergedFiles::kMailBytesMax);
  EXPECT_GT(line.line.message.size(), MergedFiles::kMailBytesMax / 2);
  EXPECT_FALSE(files->Next(&line));
}

TEST_F(MergedFilesTest, ABadFileDoesNotStopTheOthers) {
  Add("Mar  1 09:00:00 h p: a1\n");
  paths_.push_back(dir_ / "missing");
  paths_.push_back(dir_);
  Add("\x1f\x8b garbage");
  Add("");
  Add("Mar  1 09:00:01 h p: b1\n");
  EXPECT_EQ(Read(), "a1 b1");
  const auto files = Open();
  MergedLine line;
  while (files->Next(&line)) {
  }
  EXPECT_EQ(files->error(1).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(files->error(2).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(files->error(3).code(), absl::StatusCode::kDataLoss);
  for (const size_t fine : {0, 4, 5}) EXPECT_TRUE(files->error(fine).ok());
  EXPECT_GT(files->disk_bytes_read(), 40u);
  EXPECT_LE(files->disk_bytes_read(), files->disk_bytes());
}

TEST_F(MergedFilesTest, PositionsAreThoseOfTheLinesGiven) {
  Add("Mar  1 09:00:00 h p: a1\nMar  1 09:00:02 h p: a2\n");
  Add("Mar  1 09:00:01 h p: b1\n");
  const auto files = Open();
  MergedLine line;
  EXPECT_EQ(files->end_offset(0), 0u);
  ASSERT_TRUE(files->Next(&line));
  EXPECT_EQ(files->end_offset(0), line.raw.end_offset);
  EXPECT_EQ(files->digest(0), line.raw.digest);
  EXPECT_EQ(files->end_offset(1), 0u);
}

TEST_F(MergedFilesTest, RandomOrderedFilesMergeLikeAStableSort) {
  const uint32_t seed = 99;
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  std::vector<std::pair<int, std::string>> all;
  for (int f = 0; f < 7; ++f) {
    std::string text;
    int at_s = 0;
    for (int i = 0; i < 500; ++i) {
      at_s += static_cast<int>(random() % 3);
      const std::string message = std::to_string(f) + "." + std::to_string(i);
      char header[40];
      std::snprintf(header, sizeof header, "Mar  1 %02d:%02d:%02d h p: ", at_s / 3600, at_s / 60 % 60, at_s % 60);
      text += header + message + "\n";
      all.emplace_back(at_s, message);
    }
    Add(text);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string expected;
  for (const auto& [at, message] : all) expected += (expected.empty() ? "" : " ") + message;
  EXPECT_EQ(Read(), expected);
}

}  // namespace
}  // namespace sekisho::connectors
