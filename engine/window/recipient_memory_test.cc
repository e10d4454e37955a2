// RecipientMemory against a set of every key with its generation.
#include "engine/window/recipient_memory.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/base/hash.h"
#include "engine/window/window_test_util.h"

namespace sekisho {
namespace {

constexpr int64_t kGenerationMs = RecipientMemory::kGeneration.millis();
EventTime InGeneration(int64_t generation, int64_t ms) { return EventTime::FromMillis(generation * kGenerationMs + ms); }

std::string Encoded(const RecipientMemory& memory) {
  std::string bytes;
  ByteWriter writer(&bytes);
  memory.Encode(&writer);
  return bytes;
}

// Goal: a remembered key is never called new, false memories stay within 2% to 5,000 keys a generation. Method: random
// keys over eight generations, some late, with an exact map; the store's round trip on the way.
TEST(RecipientMemoryTest, AgainstAnExactMap) {
  for (const int keys : {20, 64, 65, 400, 640, 641, 5'000}) {
    TestRandom random(20260301 + static_cast<uint64_t>(keys));
    RecipientMemory memory;
    std::map<uint64_t, int64_t> newest_generation;
    int64_t fresh = 0;
    int64_t fresh_called_known = 0;
    for (int64_t generation = 660; generation < 668; ++generation) {
      for (int i = 0; i < keys; ++i) {
        const bool late = i > 0 && random.OneIn(20);
        const int64_t of = late ? generation - 1 : generation;
        const EventTime at = InGeneration(of, static_cast<int64_t>(random.Below(kGenerationMs)));
        const uint64_t key = random.OneIn(4) ? random.Below(static_cast<uint64_t>(keys)) : PinnedMix64(random.Below(UINT64_MAX));
        const auto it = newest_generation.find(key);
        const bool remembered = it != newest_generation.end() && it->second >= generation - 1;
        const bool is_new = memory.AddAndTestNew(at, key);
        if (remembered) {
          ASSERT_FALSE(is_new);
        } else {
          ++fresh;
          if (!is_new) ++fresh_called_known;
        }
        int64_t& seen = newest_generation.try_emplace(key, of).first->second;
        // A late key that the current generation holds stays there.
        seen = std::max(seen, of);
      }
      const std::string bytes = Encoded(memory);
      RecipientMemory copy;
      ByteReader reader(bytes);
      ASSERT_TRUE(copy.Decode(&reader) && reader.done());
      ASSERT_EQ(Encoded(copy), bytes);
      memory = copy;
    }
    std::cout << keys << " keys a generation: " << fresh_called_known << " of " << fresh << " new ones called known, "
              << memory.heap_bytes() << " bytes\n";
    EXPECT_LE(fresh_called_known * 100, fresh * 2);
    EXPECT_LE(memory.heap_bytes(), 2u * 8192);
  }
}

// Goal: the false positives at their worst: both generations full. Method: 5,000 keys in each, then 100,000 strangers
// asked for at a time older than both, which adds nothing.
TEST(RecipientMemoryTest, TwoFullGenerationsStayWithinTwoPercent) {
  RecipientMemory memory;
  for (uint64_t i = 0; i < 10'000; ++i) {
    memory.AddAndTestNew(InGeneration(660 + static_cast<int64_t>(i / 5'000), 0), PinnedMix64(i));
  }
  const std::string before = Encoded(memory);
  int known = 0;
  for (uint64_t i = 0; i < 100'000; ++i) {
    if (!memory.AddAndTestNew(InGeneration(650, 0), PinnedMix64(1'000'000 + i))) ++known;
  }
  std::cout << known << " of 100000 strangers called known\n";
  EXPECT_LE(known, 2'000);
  EXPECT_EQ(Encoded(memory), before);
}

// Goal: what is forgotten is forgotten on time. Method: one key, asked for in each of the next generations.
TEST(RecipientMemoryTest, ForgetsAfterTwoGenerations) {
  RecipientMemory memory;
  EXPECT_TRUE(memory.AddAndTestNew(InGeneration(660, 5), 1));
  EXPECT_FALSE(memory.AddAndTestNew(InGeneration(661, 5), 1));  // and again in this generation
  RecipientMemory later = memory;
  EXPECT_FALSE(later.AddAndTestNew(InGeneration(662, 5), 1));
  later = memory;
  EXPECT_TRUE(later.AddAndTestNew(InGeneration(663, 5), 1));
  EXPECT_TRUE(memory.AddAndTestNew(EventTime::Never(), 2));
  EXPECT_TRUE(memory.AddAndTestNew(InGeneration(661, 6), 2));
}

// Goal: hostile stored bytes never crash. Method: flip and cut real ones of each kind.
TEST(RecipientMemoryTest, BrokenBytes) {
  TestRandom random(9);
  for (const uint64_t keys : {10u, 64u, 65u, 2'000u}) {
    RecipientMemory memory;
    for (uint64_t i = 0; i < keys; ++i) memory.AddAndTestNew(InGeneration(660, 0), i);
    const std::string good = Encoded(memory);
    for (int i = 0; i < 3'000; ++i) {
      std::string bad = good.substr(0, random.OneIn(4) ? random.Below(good.size()) : good.size());
      if (!bad.empty()) bad[random.Below(std::min<size_t>(bad.size(), 12))] = static_cast<char>(random.Below(256));
      ByteReader reader(bad);
      RecipientMemory decoded;
      if (!decoded.Decode(&reader)) continue;
      for (uint64_t k = 0; k < 100; ++k) decoded.AddAndTestNew(InGeneration(660, 0), k);
    }
  }
}

}  // namespace
}  // namespace sekisho
