// The spool: what was flushed is read back, whatever happened to the file's end.
#include "connectors/kafka/spool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <random>

#include "connectors/kafka/journal.h"
#include "connectors/kafka/testing/temp_folder.h"

namespace sekisho::connectors {
namespace {

using testing::TempFolder;

std::unique_ptr<Spool> OpenIn(const TempFolder& folder) {
  absl::StatusOr<std::unique_ptr<Spool>> spool = Spool::Open(folder.path());
  EXPECT_TRUE(spool.ok()) << spool.status();
  return *std::move(spool);
}

std::vector<std::string> ReadAll(const Spool& spool, uint64_t from) {
  std::vector<std::string> entries;
  Spool::Reader reader(&spool, from);
  std::string_view payload;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&payload);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return entries;
    entries.emplace_back(payload);
  }
}

// Goal: entries come back in order, also from a spool opened anew and over many segments; what is trimmed is gone.
TEST(Spool, KeepsOrderOverSegments) {
  TempFolder folder;
  std::vector<std::string> written;
  auto spool = OpenIn(folder);
  for (int i = 0; i < 60; ++i) {
    written.push_back(std::string(700'000, static_cast<char>('a' + i % 26)) + std::to_string(i));
    spool->Append(written.back());
    ASSERT_TRUE(spool->Flush().ok());
  }
  EXPECT_EQ(ReadAll(*spool, spool->begin()), written);
  const uint64_t end = spool->end();
  ASSERT_TRUE(spool->Sync().ok());
  spool = OpenIn(folder);
  EXPECT_EQ(spool->end(), end);
  EXPECT_EQ(spool->lost_bytes(), 0u);
  EXPECT_EQ(ReadAll(*spool, spool->begin()), written);
  spool->Trim(end);
  EXPECT_GT(spool->begin(), end - 2 * Spool::kSegmentBytesMax);
  spool->Append("more");
  ASSERT_TRUE(spool->Flush().ok());
  EXPECT_EQ(ReadAll(*spool, end), std::vector<std::string>{"more"});
}

// Goal: a tail torn or damaged at any byte costs the entries from there on and no other, and the spool goes on.
TEST(Spool, CutsOffADamagedTail) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    TempFolder folder;
    std::vector<uint64_t> ends;
    {
      auto spool = OpenIn(folder);
      for (int i = 0; i < 20; ++i) {
        spool->Append(std::string(1 + random() % 50, 'x'));
        ASSERT_TRUE(spool->Flush().ok());
        ends.push_back(spool->end());
      }
    }
    const std::string file = std::filesystem::directory_iterator(folder.path())->path().string();
    const uint64_t at = random() % ends.back();
    if (round % 2 == 0) {
      std::filesystem::resize_file(file, at);
    } else {
      std::fstream damaged(file, std::ios::binary | std::ios::in | std::ios::out);
      damaged.seekg(static_cast<std::streamoff>(at));
      const char was = static_cast<char>(damaged.get());
      damaged.seekp(static_cast<std::streamoff>(at));
      damaged.put(static_cast<char>(was ^ 0x20));
    }
    size_t whole = 0;
    while (ends[whole] <= at) ++whole;
    auto spool = OpenIn(folder);
    EXPECT_EQ(ReadAll(*spool, 0).size(), whole);
    spool->Append("after");
    ASSERT_TRUE(spool->Flush().ok());
    spool = OpenIn(folder);
    EXPECT_EQ(spool->lost_bytes(), 0u);
    ASSERT_EQ(ReadAll(*spool, 0).size(), whole + 1);
    EXPECT_EQ(ReadAll(*spool, 0).back(), "after");
  }
}

// Goal: a full disk keeps the entries in memory and harms nothing that was written. Method: a limit on the file's size.
TEST(Spool, FullDiskCanBeTriedAgain) {
  TempFolder folder;
  auto spool = OpenIn(folder);
  spool->Append(std::string(1000, 'a'));
  ASSERT_TRUE(spool->Flush().ok());
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 1500;
  setrlimit(RLIMIT_FSIZE, &small);
  spool->Append(std::string(1000, 'b'));
  const absl::Status full = spool->Flush();
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  EXPECT_EQ(full.code(), absl::StatusCode::kUnavailable) << full;
  EXPECT_EQ(ReadAll(*OpenIn(folder), 0).size(), 1u);
  ASSERT_TRUE(spool->Flush().ok());
  EXPECT_EQ(ReadAll(*spool, 0).size(), 2u);
}

// Goal: entries and the position file come back as they were; damaged ones are refused, never believed.
TEST(Journal, RoundTripAndDamage) {
  TempFolder folder;
  const std::string path = folder / "position";
  EXPECT_TRUE(absl::IsNotFound(LoadPosition(path).status()));
  ConnectorPosition position;
  position.epoch = 0xfedcba9876543210;
  position.spool_place = 1234567;
  position.acknowledged_place = 1234000;
  position.streams = {{"/var/log/mail.log", {1, 2, 3, 4, 4, 6}}, {"b", {}}};
  position.parser_state = std::string("\0state", 6);
  ASSERT_TRUE(SavePosition(position, path).ok());
  ASSERT_TRUE(LoadPosition(path).ok());
  EXPECT_EQ(*LoadPosition(path), position);
  std::string bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x11);
    std::filesystem::remove(path);
    testing::AppendTo(path, damaged);
    EXPECT_TRUE(absl::IsDataLoss(LoadPosition(path).status())) << i;
  }
  std::string entry;
  JournalEntry read;
  EncodeEventEntry("a@b", "value", &entry);
  ASSERT_TRUE(DecodeEntry(entry, &read));
  EXPECT_EQ(read.key, "a@b");
  EXPECT_EQ(read.value, "value");
  EncodeFileEntry(3, position.streams[0].file, &entry);
  ASSERT_TRUE(DecodeEntry(entry, &read));
  EXPECT_EQ(read.stream, 3u);
  EXPECT_EQ(read.file, position.streams[0].file);
  EncodeTakenEntry(4, 99, &entry);
  ASSERT_TRUE(DecodeEntry(entry, &read));
  EXPECT_EQ(read.stream, 4u);
  EXPECT_EQ(read.offset, 99u);
  for (size_t size = 0; size < entry.size(); ++size) EXPECT_FALSE(DecodeEntry(entry.substr(0, size), &read));
  EXPECT_FALSE(DecodeEntry("Zx", &read));
}

}  // namespace
}  // namespace sekisho::connectors
