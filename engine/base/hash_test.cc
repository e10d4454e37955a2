// Goal: the hashes that reach disk and wire never change. Method: golden values, and SipHash's published vector.
#include "engine/base/hash.h"

#include <gtest/gtest.h>

namespace sekisho {
namespace {

TEST(HashTest, XxHashIsPinned) {
  EXPECT_EQ(PinnedHash64(""), 0x2d06800538d394c2ull);
  EXPECT_EQ(PinnedHash128("").ToHex(), "99aa06d3014798d86001c324468d497f");
}

// The vector from the SipHash paper: key 00..0f, input 00..0e.
TEST(HashTest, SipHashMatchesItsPaper) {
  HashKey key;
  for (int i = 0; i < 16; ++i) key.bytes[i] = static_cast<uint8_t>(i);
  std::string in;
  for (int i = 0; i < 15; ++i) in.push_back(static_cast<char>(i));
  EXPECT_EQ(KeyedHash64(key, in), 0xa129ca6149be45e5ull);
}

TEST(HashTest, KeysFromPassphrasesDiffer) {
  EXPECT_NE(HashKey::FromPassphrase("a").bytes, HashKey::FromPassphrase("b").bytes);
  EXPECT_NE(KeyedHash64(HashKey::FromPassphrase("a"), "x"), KeyedHash64(HashKey::FromPassphrase("b"), "x"));
}

}  // namespace
}  // namespace sekisho
