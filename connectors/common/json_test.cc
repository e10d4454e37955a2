// Goal: any bytes make a valid JSON string, come back as they were, and never look like other bytes.
// Method: every pair of bytes, and random texts from a printed seed, through simdjson.
#include "connectors/common/json.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sekisho::connectors {
namespace {

std::string RoundTrip(std::string_view text) {
  std::string json = "{\"k\":";
  AppendJsonString(text, &json);
  json += '}';
  JsonReader reader;
  const auto object = reader.Parse(json);
  EXPECT_TRUE(object) << json;
  std::string buffer;
  return object ? std::string(RawBytes(JsonReader::Text(*object, "k"), &buffer)) : "";
}

TEST(JsonStringTest, PlainTextStaysReadable) {
  std::string out;
  AppendJsonString("taro@例え.jp \"\\\n", &out);
  EXPECT_EQ(out, "\"taro@例え.jp \\\"\\\\\\u000a\"");
}

TEST(JsonStringTest, EveryPairOfBytesComesBack) {
  std::set<std::string> seen;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; b += a < 0x80 ? 5 : 1) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      ASSERT_EQ(RoundTrip(text), text);
      std::string json;
      AppendJsonString(text, &json);
      ASSERT_TRUE(seen.insert(json).second);
    }
  }
}

TEST(JsonStringTest, RandomTextsComeBack) {
  const uint32_t seed = 7;
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  // Bytes that meet in surrogates, overlong forms and the stand-ins themselves are the likely ones.
  const std::string likely = "\xee\xbe\xbf\x80\x9f\xed\xa0\xf4\xf0\xc0\xc1\xe0\xff" "a\"";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (uint32_t n = random() % 8; n > 0; --n) text += likely[random() % likely.size()];
    ASSERT_EQ(RoundTrip(text), text);
  }
}

TEST(JsonReaderTest, WhatIsNoObjectIsNone) {
  JsonReader reader;
  const std::string deep(5000, '[');
  for (const std::string_view bad : {std::string_view(""), std::string_view("["), std::string_view("[1]"),
                                     std::string_view("{\"a\":1"), std::string_view("{\"a\":\"\xff\"}"),
                                     std::string_view("{\"a\":1}x"), std::string_view("{\"a\":\"\\ud800\"}"),
                                     std::string_view(deep)}) {
    EXPECT_FALSE(reader.Parse(bad)) << bad.substr(0, 20);
  }
  EXPECT_TRUE(reader.Parse("{}"));
}

}  // namespace
}  // namespace sekisho::connectors
