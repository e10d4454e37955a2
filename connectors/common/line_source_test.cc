// Goal: every byte sequence, however it is stored or cut, gives the lines it holds and no more memory than promised.
// Method: files written here, plain and compressed; a slow pipe; random files against a simple splitter, from a printed
// seed; and damage at every place.
#include "connectors/common/line_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

namespace sekisho::connectors {
namespace {

namespace fs = std::filesystem;

class LineSourceTest : public testing::Test {
 protected:
  LineSourceTest() : dir_(fs::path(testing::TempDir()) / ("line_source." + std::to_string(getpid()))) {
    fs::create_directories(dir_);
  }
  ~LineSourceTest() override { fs::remove_all(dir_); }

  std::string Write(std::string_view bytes) {
    const std::string path = dir_ / ("f" + std::to_string(count_++));
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

  const fs::path dir_;
  int count_ = 0;
};

struct Read {
  std::vector<std::string> lines;
  std::vector<RawLine> raw;  // their text is stale
  absl::Status status;
};

Read ReadAll(const std::string& path) {
  Read out;
  auto source = LineSource::Open(path);
  if (!source.ok()) {
    out.status = source.status();
    return out;
  }
  RawLine line;
  std::string_view previous;
  while ((*source)->Next(&line)) {
    if (!out.lines.empty()) {
      EXPECT_EQ(previous, out.lines.back()) << "a line must live through the next call";
    }
    out.lines.emplace_back(line.text);
    previous = line.text;
    out.raw.push_back(line);
  }
  EXPECT_FALSE((*source)->Next(&line));
  out.status = (*source)->status();
  return out;
}

std::string Gzip(std::string_view in) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, in.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string Zstd(std::string_view in) {
  std::string out(ZSTD_compressBound(in.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3));
  return out;
}

TEST_F(LineSourceTest, LinesAsTheyStand) {
  const std::string text("one\ntwo\r\n\n\rthree\0x\n\r\nlast", 25);
  const Read read = ReadAll(Write(text));
  EXPECT_EQ(read.lines, (std::vector<std::string>{"one", "two", "", std::string("\rthree\0x", 8), "", "last"}));
  EXPECT_TRUE(read.status.ok());
  EXPECT_EQ(read.raw[1].byte_offset, 4u);
  EXPECT_EQ(read.raw[1].end_offset, 9u);
  EXPECT_EQ(read.raw.back().end_offset, text.size());
  EXPECT_TRUE(ReadAll(Write("")).lines.empty());
}

TEST_F(LineSourceTest, CompressionIsToldByTheFirstBytes) {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "line " + std::to_string(i) + "\n";
  const Read plain = ReadAll(Write(text));
  ASSERT_EQ(plain.lines.size(), 60'000u);
  const size_t half = text.find('\n', text.size() / 2) + 1;
  const std::string front = text.substr(0, half), back = text.substr(half);
  for (const std::string& stored : {Gzip(text), Gzip(front) + Gzip(back), Zstd(text), Zstd(front) + Zstd(back)}) {
    const Read read = ReadAll(Write(stored));
    EXPECT_TRUE(read.status.ok()) << read.status;
    EXPECT_EQ(read.lines, plain.lines);
    EXPECT_EQ(read.raw.back().digest, plain.raw.back().digest);
  }
}

TEST_F(LineSourceTest, ACutOrBrokenFileGivesItsLinesAndThenTheError) {
  std::string text;
  std::mt19937 random(1);
  for (int i = 0; i < 30'000; ++i) text += std::to_string(random()) + "\n";
  const Read whole = ReadAll(Write(text));
  for (const std::string& stored : {Gzip(text), Zstd(text)}) {
    for (size_t size = 5; size < stored.size(); size += stored.size() / 9) {
      const std::string path = Write(stored.substr(0, size));
      const Read read = ReadAll(path);
      EXPECT_EQ(read.status.code(), absl::StatusCode::kDataLoss);
      EXPECT_NE(read.status.message().find(path), std::string_view::npos);
      EXPECT_NE(read.status.message().find("at byte"), std::string_view::npos);
      ASSERT_LE(read.lines.size(), whole.lines.size());
      for (size_t i = 0; i < read.lines.size(); ++i) ASSERT_EQ(read.lines[i], whole.lines[i]);
    }
    std::string broken = stored;
    for (size_t i = stored.size() / 2; i < stored.size() / 2 + 64; ++i) broken[i] = static_cast<char>(~broken[i]);
    EXPECT_EQ(ReadAll(Write(broken)).status.code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(LineSourceTest, TooLongALineIsCutAndTheNextOneIsWhole) {
  const std::string just(LineSource::kLineBytesMax, 'j');
  for (const size_t size : {LineSource::kLineBytesMax + 1, size_t{300'000}, size_t{5'000'000}}) {
    const std::string text = "a\n" + std::string(size, 'x') + "\nb\n" + just + "\r\n" + std::string(size, 'y');
    const Read read = ReadAll(Write(text));
    ASSERT_EQ(read.lines.size(), 5u);
    EXPECT_EQ(read.lines[1], std::string(LineSource::kLineBytesMax, 'x'));
    EXPECT_TRUE(read.raw[1].too_long);
    EXPECT_EQ(read.lines[2], "b");
    EXPECT_EQ(read.raw[2].byte_offset, 2 + size + 1);
    EXPECT_EQ(read.lines[3], just);
    EXPECT_FALSE(read.raw[3].too_long);
    EXPECT_TRUE(read.raw[4].too_long);
    EXPECT_EQ(read.raw[4].end_offset, text.size());
    // Stored otherwise it is read in other pieces; the digest must not know.
    EXPECT_EQ(ReadAll(Write(Gzip(text))).raw[4].digest, read.raw[4].digest);
  }
}

TEST_F(LineSourceTest, WhatCannotBeReadIsSaid) {
  const Read missing = ReadAll(dir_ / "missing.log");
  EXPECT_EQ(missing.status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.status.message().find("missing.log"), std::string_view::npos);
  EXPECT_EQ(ReadAll(dir_).status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LineSourceTest, APipeInSmallPiecesGivesTheSameLines) {
  const std::string fifo = dir_ / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::thread writer([&] {
    std::ofstream out(fifo, std::ios::binary);
    for (int i = 0; i < 2'000; ++i) out << "li" << std::flush << "ne " << i << (i % 2 ? "\n" : "\r\n") << std::flush;
  });
  const Read read = ReadAll(fifo);
  writer.join();
  ASSERT_EQ(read.lines.size(), 2'000u);
  EXPECT_EQ(read.lines[1'999], "line 1999");
}

TEST_F(LineSourceTest, SkipToChecksWhatItSkips) {
  const std::string text = "one\ntwo\nthree\nfour\n";
  const Read read = ReadAll(Write(text));
  auto again = *LineSource::Open(Write(text));
  ASSERT_TRUE(again->SkipTo(read.raw[1].end_offset, read.raw[1].digest).ok());
  RawLine line;
  ASSERT_TRUE(again->Next(&line));
  EXPECT_EQ(line.text, "three");
  EXPECT_EQ(line.digest, read.raw[2].digest);
  EXPECT_TRUE((*LineSource::Open(Write(text)))->SkipTo(0, 0).ok());
  for (const char* changed : {"one\ntwx\nthree\n", "one\n", "", "one\ntwothree\n"}) {
    const auto status = (*LineSource::Open(Write(changed)))->SkipTo(read.raw[1].end_offset, read.raw[1].digest);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << changed;
  }
}

TEST_F(LineSourceTest, RandomFilesAgreeWithASimpleSplitter) {
  const uint32_t seed = 20260301;
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 30; ++round) {
    std::string text;
    std::vector<std::string> expected;
    const int lines = static_cast<int>(random() % 40);
    for (int i = 0; i < lines; ++i) {
      const size_t size = random() % 4 == 0 ? random() % 150'000 : random() % 200;
      std::string line(size, static_cast<char>('a' + random() % 26));
      text += line + (random() % 2 ? "\n" : "\r\n");
      expected.push_back(line.substr(0, LineSource::kLineBytesMax));
    }
    const Read plain = ReadAll(Write(text)), zstd = ReadAll(Write(Zstd(text)));
    ASSERT_EQ(plain.lines, expected);
    ASSERT_EQ(zstd.lines, expected);
    if (!expected.empty()) {
      EXPECT_EQ(plain.raw.back().end_offset, text.size());
      EXPECT_EQ(plain.raw.back().digest, zstd.raw.back().digest);
    }
  }
}

}  // namespace
}  // namespace sekisho::connectors
