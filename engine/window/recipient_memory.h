// Which recipients an account has written to in the last month or two, so that a new one can be told.
//
// Two generations of 31 days: the current one is written, both are asked. Each is an exact set of fingerprints while
// small, then a chain of Bloom filters (1 KB, 2 KB, 5 KB) that never has to be rebuilt.
#ifndef SEKISHO_ENGINE_WINDOW_RECIPIENT_MEMORY_H_
#define SEKISHO_ENGINE_WINDOW_RECIPIENT_MEMORY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/base/time.h"
#include "engine/window/small_array.h"

namespace sekisho {

// Thread-compatible. A value.
//
// A remembered key is never called new. A new key is called remembered with odds of 128 in 2^32 while each generation
// holds at most kExactKeys, of at most 2% while each holds at most 5,000, and more beyond that.
class RecipientMemory {
 public:
  static constexpr Span kGeneration = Span::Days(31);
  // 4 bytes each.
  static constexpr uint32_t kExactKeys = 64;

  // Remembers `key` for at least kGeneration and less than two, counted in generations that begin at whole multiples of
  // kGeneration since 1970. Returns true when the key was not remembered. A late event is remembered in its own
  // generation; one older than both generations, or Never(), is only asked about.
  bool AddAndTestNew(EventTime at, uint64_t key);

  // Asks only: whether the key is remembered in either generation, as they stood at the newest AddAndTestNew.
  bool Contains(uint64_t key) const;

  bool empty() const { return generations_[0].keys == 0 && generations_[1].keys == 0; }

  // The keys first seen in the current generation.
  uint32_t keys_in_generation() const { return generations_[0].keys; }

  size_t heap_bytes() const { return generations_[0].words.heap_bytes() + generations_[1].words.heap_bytes(); }
  void Encode(ByteWriter* writer) const;
  bool Decode(ByteReader* reader);

 private:
  // While keys <= kExactKeys the words are that many fingerprints in order of arrival; then the chain's bits.
  struct Generation {
    SmallArray<uint32_t> words;
    uint32_t keys = 0;

    bool Contains(uint32_t fingerprint) const;
    void Add(uint32_t fingerprint);
  };

  std::array<Generation, 2> generations_;  // the current one, the one before
  int64_t current_ = 0;                    // the number of the current one since 1970; meaningless while both are empty
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_RECIPIENT_MEMORY_H_
