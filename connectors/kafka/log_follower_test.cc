// Following a file: growth, rotation by rename and by truncation, restarts, gaps.
#include "connectors/kafka/log_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "connectors/common/log_time.h"
#include "connectors/kafka/testing/temp_folder.h"

namespace sekisho::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::AppendTo;
using testing::TempFolder;

class Following : public ::testing::Test {
 protected:
  Following() { Restart({}); }

  void Restart(const FilePosition& position) {
    follower_ = std::make_unique<LogFollower>(path(), HeaderOptions{}, [this](const Notice& n) { notices_.emplace_back(n.name); });
    if (!follower_->Resume(position)) follower_->SayGone();
  }
  void Restart() { Restart(FilePosition(follower_->position())); }

  std::string path() const { return folder_ / "mail.log"; }
  void Write(std::string_view text) { AppendTo(path(), text); }
  // Files' times are as coarse as the kernel's clock; in life, rotations are hours apart.
  void ChangedAt(std::string_view file, int64_t second) {
    const timespec at[2] = {{second, 0}, {second, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / file).c_str(), at, 0), 0);
  }
  void Rename(std::string_view to) { std::filesystem::rename(path(), folder_ / to); }
  void CopyAndTruncate(std::string_view to) {
    std::filesystem::copy_file(path(), folder_ / to);
    std::filesystem::resize_file(path(), 0);
  }

  // All lines that come now, over as many looks as a rotation takes.
  std::vector<std::string> Lines(int looks = 8) {
    std::vector<std::string> lines;
    for (int i = 0; i < looks; ++i) {
      FollowedLine line;
      while (follower_->Peek(&line)) {
        EXPECT_GE(line.raw.byte_offset, places_);  // places only grow
        places_ = line.raw.end_offset;
        lines.emplace_back(line.raw.text.substr(0, 40));
        last_too_long_ = line.raw.too_long;
        follower_->Take();
        EXPECT_EQ(follower_->position().place(), places_);
      }
      now_ = now_ + Span::Millis(600);
      follower_->Poll(now_);
    }
    return lines;
  }

  TempFolder folder_;
  std::unique_ptr<LogFollower> follower_;
  std::vector<std::string> notices_;
  EventTime now_ = EventTime::FromSeconds(1000);
  uint64_t places_ = 0;
  bool last_too_long_ = false;
};

// Goal: a file that is followed over New Year keeps its dates in order.
// Method: its last change is set as a writer would have left it.
TEST_F(Following, DatesWithoutAYearFollowTheFile) {
  const auto write_at = [this](std::string_view text, const char* changed) {
    Write(text);
    ChangedAt("mail.log", ParseRfc3339(changed)->millis() / 1000);
  };
  const auto time_of_next = [this] {
    FollowedLine line;
    for (int looks = 0; looks < 8 && !follower_->Peek(&line); ++looks) follower_->Poll(now_ = now_ + Span::Millis(600));
    follower_->Take();
    return FormatRfc3339(line.line.time).substr(0, 16);
  };
  write_at("Dec 31 23:59:58 mx1 postfix/smtpd[1]: one\n", "2026-12-31T23:59:59Z");
  EXPECT_EQ(time_of_next(), "2026-12-31T23:59");
  write_at("Jan  1 00:00:01 mx1 postfix/smtpd[1]: two\n", "2027-01-01T00:00:01Z");
  EXPECT_EQ(time_of_next(), "2027-01-01T00:00");
  write_at("Jan  1 00:00:01 mx1 postfix/smtpd[1]: three\n", "2028-01-01T00:00:01Z");
  EXPECT_EQ(time_of_next(), "2028-01-01T00:00");
}

TEST_F(Following, WaitsForTheFileAndForWholeLines) {
  EXPECT_THAT(Lines(), IsEmpty());
  EXPECT_THAT(notices_, ElementsAre("file_missing"));
  Write("one\ntw");
  EXPECT_THAT(Lines(), ElementsAre("one"));
  Write("o\r\n\nthree\n");
  EXPECT_THAT(Lines(), ElementsAre("two", "", "three"));
  EXPECT_EQ(follower_->lag_bytes(), 0u);
}

TEST_F(Following, ALineTooLongIsGivenOnce) {
  Write("a\n" + std::string(1 << 20, 'x'));
  EXPECT_THAT(Lines(), ElementsAre("a"));
  Write("y\nb\n");
  EXPECT_THAT(Lines(1), ElementsAre(std::string(40, 'x'), "b"));
  EXPECT_FALSE(last_too_long_);
  Write(std::string(LineSource::kLineBytesMax + 1, 'z') + "\n");
  EXPECT_THAT(Lines(1), ElementsAre(std::string(40, 'z')));
  EXPECT_TRUE(last_too_long_);
  EXPECT_EQ(follower_->position().offset, std::filesystem::file_size(path()));
}

// Goal: the old file to its end, the new one from its beginning, also what is written to the old one late.
TEST_F(Following, RotationByRename) {
  Write("one\n");
  EXPECT_THAT(Lines(), ElementsAre("one"));
  Write("two\n");
  Rename("mail.log.1");
  EXPECT_THAT(Lines(), ElementsAre("two"));  // and nothing new yet
  Write("four\n");
  EXPECT_THAT(Lines(1), IsEmpty());
  AppendTo(folder_ / "mail.log.1", "three, without a line end");
  EXPECT_THAT(Lines(), ElementsAre("three, without a line end", "four"));
  EXPECT_EQ(follower_->counters().rotations, 1u);
  EXPECT_EQ(follower_->counters().gaps, 0u);
}

// Goal: what a writer adds after the file has been left is a gap that is said.
TEST_F(Following, LateWritesToARotatedFileAreCounted) {
  Write("one\n");
  Lines();
  Rename("mail.log.1");
  Write("two\n");
  EXPECT_THAT(Lines(), ElementsAre("two"));
  AppendTo(folder_ / "mail.log.1", "late\n");
  EXPECT_THAT(Lines(), IsEmpty());
  EXPECT_EQ(follower_->counters().gaps, 1u);
  EXPECT_EQ(follower_->counters().gap_bytes, 5u);
}

TEST_F(Following, RotationByTruncation) {
  Write("one\n");
  EXPECT_THAT(Lines(), ElementsAre("one"));
  Write("two\nthree\n");
  CopyAndTruncate("mail.log.1");
  Write("4\n");
  EXPECT_THAT(Lines(), ElementsAre("two", "three", "4"));
  EXPECT_EQ(follower_->counters().gaps, 0u);
  EXPECT_EQ(follower_->counters().truncations, 1u);
}

// Goal: a file truncated and grown beyond where we were is still seen to be another one.
TEST_F(Following, TruncatedAndGrownBeyond) {
  Write("one\n");
  EXPECT_THAT(Lines(), ElementsAre("one"));
  CopyAndTruncate("mail.log.1");
  Write("a new beginning, longer than before\n");
  EXPECT_THAT(Lines(), ElementsAre("a new beginning, longer than before"));
}

TEST_F(Following, TruncationWithoutACopyIsAGapIfSomethingWasUnread) {
  Write("one\n");
  EXPECT_THAT(Lines(), ElementsAre("one"));
  Write("unread\n");
  follower_->Poll(now_);
  std::filesystem::resize_file(path(), 0);
  Write("x\n");
  EXPECT_THAT(Lines(), ElementsAre("x"));
  EXPECT_EQ(follower_->counters().gaps, 1u);
  EXPECT_EQ(follower_->counters().gap_bytes, 7u);
}

// Goal: after an absence, the file is found under its new name, and those between are read in order.
TEST_F(Following, RestartBehindSeveralRotations) {
  Write("1\n");
  EXPECT_THAT(Lines(), ElementsAre("1"));
  Write("2\n");
  const auto changed = [this](std::string_view name, int hours_ago) {
    std::filesystem::last_write_time(folder_ / name, std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours_ago));
  };
  Rename("mail.log.2");
  changed("mail.log.2", 48);
  Write("3\n");
  Rename("mail.log.1");
  changed("mail.log.1", 24);
  Write("4\n");
  AppendTo(folder_ / "mail.log.3.gz", "not for us");
  AppendTo(folder_ / "mail.log.bak", "nor this\n");
  AppendTo(folder_ / "mail.logx", "nor this\n");
  Restart();
  EXPECT_THAT(Lines(20), ElementsAre("2", "3", "4"));
  EXPECT_EQ(follower_->counters().gaps, 0u);
}

TEST_F(Following, RestartAfterTruncationReadsTheCopy) {
  Write("1\n");
  EXPECT_THAT(Lines(), ElementsAre("1"));
  Write("2\n");
  CopyAndTruncate("mail.log-20260301");
  Write("a longer third line\n");
  Restart();
  EXPECT_THAT(Lines(20), ElementsAre("2", "a longer third line"));
  EXPECT_EQ(follower_->counters().gaps, 0u);
}

// Nothing was read of the second file before it was truncated, so its copy can't be known by its beginning; what lay there at the
// first start stays unread.
TEST_F(Following, CopiesOfAFileThatWasNeverRead) {
  AppendTo(folder_ / "mail.log-20260201", "history\n");
  ChangedAt("mail.log-20260201", 1);
  Write("1\n");
  EXPECT_THAT(Lines(), ElementsAre("1"));
  CopyAndTruncate("mail.log-20260301");
  ChangedAt("mail.log-20260301", 2);
  EXPECT_THAT(Lines(), IsEmpty());
  EXPECT_EQ(follower_->position().offset, 0u);
  const FilePosition before = follower_->position();
  Write("2\n");
  CopyAndTruncate("mail.log-20260302");
  ChangedAt("mail.log-20260302", 3);
  Write("3\n");
  CopyAndTruncate("mail.log-20260303");
  ChangedAt("mail.log-20260303", 4);
  Write("4\n");
  EXPECT_THAT(Lines(20), ElementsAre("2", "3", "4"));
  places_ = 0;
  Restart(before);
  EXPECT_THAT(Lines(20), ElementsAre("2", "3", "4"));
  EXPECT_EQ(follower_->counters().gaps, 0u);
}

TEST_F(Following, LagCountsWhatWasRotatedAway) {
  Write("1\n");
  EXPECT_THAT(Lines(), ElementsAre("1"));
  Rename("mail.log-20260301");
  Write("22\n");
  Rename("mail.log-20260302");
  Write("333\n");
  Rename("mail.log-20260303");
  Write("");
  for (int i = 1; i <= 3; ++i) ChangedAt("mail.log-2026030" + std::to_string(i), i);
  for (int i = 0; i < 2; ++i) follower_->Poll(now_);
  EXPECT_EQ(follower_->lag_bytes(), 7u);
  EXPECT_FALSE(follower_->at_end());
  EXPECT_THAT(Lines(20), ElementsAre("22", "333"));
  EXPECT_EQ(follower_->lag_bytes(), 0u);
  EXPECT_TRUE(follower_->at_end());
}

TEST_F(Following, RestartWithoutTheFileIsAGap) {
  Write("1\n");
  EXPECT_THAT(Lines(), ElementsAre("1"));
  std::filesystem::remove(path());
  Write("a new one\n");
  Restart();
  EXPECT_THAT(Lines(), ElementsAre("a new one"));
  EXPECT_EQ(follower_->counters().gaps, 1u);
}

// Goal: places never mean two things. Method: Lines() checks that they grow; here through everything at once.
TEST_F(Following, PlacesOnlyGrow) {
  for (int i = 0; i < 6; ++i) {
    Write("line " + std::to_string(i) + "\n");
    EXPECT_THAT(Lines(), ElementsAre("line " + std::to_string(i)));
    const std::string to = "mail.log." + std::to_string(9 - i);
    if (i % 3 == 0) Rename(to);
    if (i % 3 == 1) CopyAndTruncate(to);
    if (i % 3 == 2) Restart();
  }
}

}  // namespace
}  // namespace sekisho::connectors
