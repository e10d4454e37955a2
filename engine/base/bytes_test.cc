// The byte codec: round trips at every size, and hostile bytes that must fail without a read past the end.
#include "engine/base/bytes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

namespace sekisho {
namespace {

// Goal: every value comes back. Method: all powers of two and their neighbours, both signs, in one stream.
TEST(BytesTest, RoundTrip) {
  std::string bytes;
  ByteWriter writer(&bytes);
  for (int bit = 0; bit < 64; ++bit) {
    for (int64_t d = -1; d <= 1; ++d) {
      const uint64_t v = (uint64_t{1} << bit) + static_cast<uint64_t>(d);
      writer.PutVarint(v);
      writer.PutZigzag(static_cast<int64_t>(v));
      writer.PutFixed32(static_cast<uint32_t>(v));
      writer.PutFixed64(v);
      writer.PutBytes(std::string(static_cast<size_t>(bit), 'x'));
    }
  }
  ByteReader reader(bytes);
  for (int bit = 0; bit < 64; ++bit) {
    for (int64_t d = -1; d <= 1; ++d) {
      const uint64_t v = (uint64_t{1} << bit) + static_cast<uint64_t>(d);
      EXPECT_EQ(reader.Varint(), v);
      EXPECT_EQ(reader.Zigzag(), static_cast<int64_t>(v));
      EXPECT_EQ(reader.Fixed32(), static_cast<uint32_t>(v));
      EXPECT_EQ(reader.Fixed64(), v);
      EXPECT_EQ(reader.Bytes(), std::string(static_cast<size_t>(bit), 'x'));
    }
  }
  EXPECT_TRUE(reader.done());
}

// Goal: nested length-prefixed strings are the same bytes as PutBytes of their content. Method: build both ways, with a
// content long enough for a two-byte length.
TEST(BytesTest, BeginEndEqualsPutBytes) {
  std::string inner(200, 'a');
  std::string direct;
  ByteWriter(&direct).PutBytes(inner);
  std::string outer_direct;
  ByteWriter(&outer_direct).PutBytes(direct);

  std::string bytes;
  ByteWriter writer(&bytes);
  const size_t outer = writer.BeginBytes();
  const size_t begin = writer.BeginBytes();
  bytes += inner;
  writer.EndBytes(begin);
  writer.EndBytes(outer);
  EXPECT_EQ(bytes, outer_direct);
}

// Goal: a failure sticks, and nothing is invented after it. Method: cut a stream at every length.
TEST(BytesTest, CutStreamFails) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.PutVarint(300);
  writer.PutFixed64(7);
  writer.PutBytes("hello");
  for (size_t n = 0; n < bytes.size(); ++n) {
    ByteReader reader(std::string_view(bytes).substr(0, n));
    reader.Varint();
    reader.Fixed64();
    reader.Bytes();
    EXPECT_FALSE(reader.ok()) << n;
    EXPECT_EQ(reader.Varint(), 0u);
    EXPECT_TRUE(reader.Bytes().empty());
    EXPECT_FALSE(reader.done());
  }
}

// Goal: one value has one spelling, and 64 bits are the limit. Method: spellings that protobuf would let pass.
TEST(BytesTest, OnlyTheShortestVarint) {
  for (std::string_view bad : {std::string_view("\x80\x00", 2), std::string_view("\xff\x80\x00", 3),
                               std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10),
                               std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11)}) {
    ByteReader reader(bad);
    reader.Varint();
    EXPECT_FALSE(reader.ok());
  }
}

// Goal: a length that the rest can't hold is refused before anybody allocates for it.
TEST(BytesTest, LengthIsBoundedByTheRest) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.PutVarint(4);
  writer.PutFixed64(0);
  EXPECT_EQ(ByteReader(bytes).Length(2), 4u);
  ByteReader reader(bytes);
  reader.Length(3);
  EXPECT_FALSE(reader.ok());
}

// Goal: random bytes never crash the reader. Method: a million reads of every kind under a printed seed.
TEST(BytesTest, RandomBytes) {
  constexpr uint64_t kSeed = 20260301;
  RecordProperty("seed", std::to_string(kSeed));
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 64, 0);
    for (char& c : bytes) c = static_cast<char>(random());
    ByteReader reader(bytes);
    for (int i = 0; i < 50; ++i) {
      switch (random() % 5) {
        case 0: reader.Varint(); break;
        case 1: reader.Fixed32(); break;
        case 2: reader.Fixed64(); break;
        case 3: EXPECT_LE(reader.Bytes().size(), bytes.size()); break;
        default: EXPECT_LE(reader.Length(1), bytes.size());
      }
    }
  }
}

}  // namespace
}  // namespace sekisho
