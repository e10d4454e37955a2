// How many different keys (addresses, networks, countries, ...) in a sliding window of event time, for every width.
//
// The 64 keys seen last are kept with the time they were seen last, which answers each window they cover exactly. Keys
// pushed out of these go to a sliding HyperLogLog (Chabchoub, Hébrail: Sliding HyperLogLog, 2010): each register keeps
// the ranks that could still be the greatest of some window, in 64 ms steps.
#ifndef SEKISHO_ENGINE_WINDOW_DISTINCT_WINDOW_H_
#define SEKISHO_ENGINE_WINDOW_DISTINCT_WINDOW_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "engine/base/bytes.h"
#include "engine/base/time.h"
#include "engine/window/ages.h"
#include "engine/window/small_array.h"

namespace sekisho {

// Thread-compatible. A value. Adding a key again or late changes nothing but its last time, so duplicates and order are
// harmless to every count that is exact.
//
// Keys are told apart by 32 bits: a new key is taken for one of the 64 held with odds of 64 in 2^32.
class DistinctWindow {
 public:
  static constexpr int kExactKeys = 64;
  // Each costs 1 byte, and 4 bytes for each rank it remembers; the standard error is 1.04 / sqrt(128) = 9.2%.
  static constexpr int kRegisters = 128;
  // Ranks a register remembers: 7 on average at 100,000 keys in a window. The worst sketch takes 8 KB.
  static constexpr int kRanksMax = 16;

  DistinctWindow() = default;
  DistinctWindow(const DistinctWindow& other);
  DistinctWindow(DistinctWindow&& other) noexcept = default;
  DistinctWindow& operator=(DistinctWindow other) noexcept;

  // Returns true when the key was not held, that is, not among the kExactKeys keys seen last in
  // (newest() - kWindowMax, newest()]. A time kWindowMax or more before the newest, or Never(), changes nothing and
  // returns false.
  bool Add(EventTime at, uint64_t key);

  // The number of keys seen in (now - width, newest()]: for `now` >= newest() that is (now - width, now]. Exact where
  // the window holds at most kExactKeys keys, or more never were held at once; else an estimate, at least kExactKeys.
  uint64_t Count(EventTime now, Span width) const;

  // When a key among the held ones was seen last.
  std::optional<EventTime> LastSeen(uint64_t key) const;

  bool empty() const { return seen_.empty(); }
  EventTime newest() const { return newest_; }

  size_t heap_bytes() const;
  void Encode(ByteWriter* writer) const;
  bool Decode(ByteReader* reader);

 private:
  struct Seen {
    uint32_t key = 0;
    uint32_t time = 0;
  };
  class Sketch;
  struct SketchDelete {
    void operator()(Sketch* sketch) const;
  };

  uint32_t Age(uint32_t time) const { return ShortTime(newest_) - time; }
  void Advance(EventTime to);

  EventTime newest_;
  SmallArray<Seen> seen_;  // ordered by time, the newest at the end
  std::unique_ptr<Sketch, SketchDelete> sketch_;
};
static_assert(sizeof(DistinctWindow) == 32);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_DISTINCT_WINDOW_H_
