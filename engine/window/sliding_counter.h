// Counts in true sliding windows of event time, for every width at once.
//
// The idea is the exponential histogram (Datar, Gionis, Indyk, Motwani: Maintaining stream statistics over sliding
// windows, 2002), with weights and late arrivals: near the present each event is kept, farther back neighbours share an
// entry that may hold at most 5% of what came after it.
#ifndef SEKISHO_ENGINE_WINDOW_SLIDING_COUNTER_H_
#define SEKISHO_ENGINE_WINDOW_SLIDING_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/base/bytes.h"
#include "engine/base/time.h"
#include "engine/window/ages.h"

namespace sekisho {

// Thread-compatible. A value: copies are independent, and a decoded copy behaves exactly as the original.
//
// What Count promises, whatever the order of arrival:
// - at `now` >= newest(): never less than the truth, at most 5% more; exact where the truth is at most kExactItems;
//   exact for every window while at most kExactItems entries (distinct times) were ever held.
// - at an earlier `now` (reading at a late event's own time): never less than the truth; above it by at most 2 and
//   10% of what lies in (now - width, newest()], for either end of the window may fall into a shared entry.
// The one exception: past kEntriesMax entries, which takes late events in an order made to hurt, the 5% widen instead
// of the memory.
class SlidingCounter {
 public:
  static constexpr int kExactItems = 64;
  // An entry costs 4 bytes while every entry is one event, 8 bytes otherwise, 12 where late events fell into shared
  // entries. A million events in a window take about 300 entries: 2.4 KB.
  static constexpr int kEntriesMax = 640;

  SlidingCounter() = default;
  SlidingCounter(const SlidingCounter& other);
  SlidingCounter(SlidingCounter&& other) noexcept { swap(other); }
  SlidingCounter& operator=(SlidingCounter other) noexcept {
    swap(other);
    return *this;
  }
  void swap(SlidingCounter& other) noexcept;

  // Counts n at `at`. An event kWindowMax or more older than the newest, or Never(), changes nothing; returns false.
  // Counts saturate at 2^31 - 1 an entry.
  bool Add(EventTime at, uint32_t n = 1);

  // The number in (now - width, now]. Widths beyond kWindowMax are cut to it; nothing at or before
  // newest() - kWindowMax is held.
  uint64_t Count(EventTime now, Span width) const {
    if (rows_ == 0) return 0;
    const AgeRange ages = WindowAges(newest_, now, width);
    return ages.to <= ages.from ? 0 : CountHeld(ages);
  }

  // Both at once; shorter <= longer.
  struct TwoCounts {
    uint64_t shorter = 0, longer = 0;
  };
  TwoCounts CountBoth(EventTime now, Span shorter, Span longer) const;

  // The same entries, so that both count the same for ever.
  bool operator==(const SlidingCounter& other) const;

  bool empty() const { return rows_ == 0; }
  // Never() where nothing was added.
  EventTime newest() const { return newest_; }
  // The sum of all that is held, in (newest() - kWindowMax, newest()] save for the last entry's share.
  uint64_t total_held() const;
  int entries() const { return rows_; }

  size_t heap_bytes() const { return size_t{capacity_} * columns_ * sizeof(uint32_t); }
  void Encode(ByteWriter* writer) const;
  // False (and an empty counter) where the bytes aren't an encoded counter.
  bool Decode(ByteReader* reader);

 private:
  struct Entry;  // unpacked, see the .cc

  // Entries are rows of up to three columns in one block, ordered by last time, the newest at the end:
  // Column 0: the last (newest) time. Column 1: the count, with the mark of a shared entry (several times).
  // Column 2: how far a shared entry reaches back from its last time, in ms. Without column 2, a shared entry reaches
  // back to the entry before it.
  const uint32_t* lasts() const { return words_.get(); }
  uint32_t* lasts() { return words_.get(); }
  const uint32_t* counts() const { return words_.get() + capacity_; }
  uint32_t* counts() { return words_.get() + capacity_; }
  const uint32_t* reaches() const { return words_.get() + 2 * capacity_; }
  uint32_t* reaches() { return words_.get() + 2 * capacity_; }

  uint32_t Age(int row) const { return ShortTime(newest_) - lasts()[row]; }
  uint32_t FirstAge(int row) const;
  uint32_t CountOf(int row) const;
  bool Shared(int row) const;
  uint64_t CountHeld(const AgeRange& ages) const;
  // Of the rows [begin, end).
  uint64_t Sum(int begin, int end) const;
  // The first row whose age is below `age`.
  int RowYoungerThan(uint64_t age) const;

  void Reshape(int capacity, int columns);
  void DropExpired(uint64_t ahead_ms);
  void Bump(int row, uint32_t n);
  void Insert(int row, uint32_t time, uint32_t n);
  void Compact();
  int Unpack(Entry* entries) const;
  void Pack(const Entry* entries, int n);

  EventTime newest_;
  std::unique_ptr<uint32_t[]> words_;
  uint16_t rows_ = 0;
  uint16_t capacity_ = 0;
  uint16_t compact_above_ = kExactItems;
  uint8_t columns_ = 1;
};
static_assert(sizeof(SlidingCounter) == 24);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_SLIDING_COUNTER_H_
