// Goal: the fast search from the end finds what the slow one finds. Method: std::string_view::rfind on random texts of a
// small alphabet, from a printed seed.
#include "connectors/common/text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sekisho::connectors {
namespace {

TEST(FindLastTest, AgreesWithRfind) {
  const uint32_t seed = 3;
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const auto text = [&random](uint32_t size) {
    std::string s;
    for (; size > 0; --size) s += static_cast<char>('a' + random() % 3);
    return s;
  };
  for (int round = 0; round < 50'000; ++round) {
    const std::string haystack = text(random() % 12), needle = text(1 + random() % 4);
    ASSERT_EQ(FindLast(haystack, needle), std::string_view(haystack).rfind(needle)) << haystack << " " << needle;
  }
}

}  // namespace
}  // namespace sekisho::connectors
