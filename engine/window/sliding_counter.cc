#include "engine/window/sliding_counter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sekisho {
namespace {

constexpr uint32_t kSharedBit = uint32_t{1} << 31;
constexpr uint32_t kCountMax = kSharedBit - 1;
// New entries between two compactions, at least: what a compaction costs is spread over these.
constexpr int kSlackMin = 32;

uint32_t AddSaturating(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{a} + b, kCountMax));
}

}  // namespace

// An entry in ages before the newest event, of all events whose age is in [last, first].
struct SlidingCounter::Entry {
  uint32_t last, first, count;  // not initialised: compaction has two large arrays of these
  bool shared() const { return first != last; }
};

SlidingCounter::SlidingCounter(const SlidingCounter& other)
    : newest_(other.newest_), rows_(other.rows_), compact_above_(other.compact_above_) {
  if (rows_ == 0) return;
  words_.reset(new uint32_t[size_t{rows_} * other.columns_]);
  capacity_ = rows_;
  columns_ = other.columns_;
  for (int c = 0; c < columns_; ++c) {
    std::memcpy(words_.get() + c * capacity_, other.words_.get() + c * other.capacity_, rows_ * sizeof(uint32_t));
  }
}

void SlidingCounter::swap(SlidingCounter& other) noexcept {
  std::swap(newest_, other.newest_);
  std::swap(words_, other.words_);
  std::swap(rows_, other.rows_);
  std::swap(capacity_, other.capacity_);
  std::swap(compact_above_, other.compact_above_);
  std::swap(columns_, other.columns_);
}

uint32_t SlidingCounter::CountOf(int row) const { return columns_ == 1 ? 1 : counts()[row] & kCountMax; }

bool SlidingCounter::Shared(int row) const { return columns_ > 1 && (counts()[row] & kSharedBit) != 0; }

uint32_t SlidingCounter::FirstAge(int row) const {
  if (!Shared(row)) return Age(row);
  // What lies beyond every window doesn't matter, and its age may not fit.
  constexpr uint64_t kOldest = kWindowMaxMs - 1;
  if (columns_ == 3) return static_cast<uint32_t>(std::min(uint64_t{Age(row)} + reaches()[row], kOldest));
  return row > 0 ? std::max(Age(row), Age(row - 1) - 1) : static_cast<uint32_t>(kOldest);
}

int SlidingCounter::RowYoungerThan(uint64_t age) const {
  // Short windows end within a few rows, which lie together: only others look among all. Either way without branches to guess,
  // for where a window begins follows no pattern.
  constexpr int kNear = 8;
  const uint32_t newest = ShortTime(newest_);
  const uint32_t* row = lasts();
  int among = rows_;
  if (among > kNear) {
    const bool near = newest - row[among - kNear] >= age;
    row += near ? among - kNear : 0;
    among = near ? kNear : among - kNear;
  }
  while (among > 1) {
    const int half = among / 2;
    row += newest - row[half - 1] >= age ? half : 0;
    among -= half;
  }
  return static_cast<int>(row - lasts()) + (among == 1 && newest - *row >= age ? 1 : 0);
}

uint64_t SlidingCounter::Sum(int begin, int end) const {
  if (columns_ == 1) return static_cast<uint64_t>(end - begin);
  uint64_t sum = 0;
  for (int row = begin; row < end; ++row) sum += counts()[row] & kCountMax;
  return sum;
}

uint64_t SlidingCounter::CountHeld(const AgeRange& ages) const {
  const int begin = RowYoungerThan(ages.to);
  if (ages.from == 0) return Sum(begin, rows_);
  uint64_t sum = 0;
  for (int row = begin; row < rows_; ++row) {
    if (FirstAge(row) >= ages.from) sum += CountOf(row);
  }
  return sum;
}

SlidingCounter::TwoCounts SlidingCounter::CountBoth(EventTime now, Span shorter, Span longer) const {
  if (rows_ == 0) return {};
  if (now < newest_) return {Count(now, shorter), Count(now, longer)};
  const uint64_t longer_age = WindowAges(newest_, now, longer).to, shorter_age = WindowAges(newest_, now, shorter).to;
  if (longer_age == 0) return {};
  const int middle = shorter_age == 0 ? rows_ : RowYoungerThan(shorter_age);
  const uint64_t sum = Sum(middle, rows_);
  return {sum, sum + Sum(RowYoungerThan(longer_age), middle)};
}

uint64_t SlidingCounter::total_held() const {
  uint64_t sum = 0;
  for (int row = 0; row < rows_; ++row) sum += CountOf(row);
  return sum;
}

bool SlidingCounter::Add(EventTime at, uint32_t n) {
  if (at.never()) return false;
  n = std::min(n, kCountMax);
  if (rows_ == 0 || at >= newest_) {
    if (n == 0) return true;
    if (rows_ > 0) DropExpired(MillisBetween(newest_, at));
    newest_ = at;
    if (rows_ > 0 && Age(rows_ - 1) == 0) {
      Bump(rows_ - 1, n);
      return true;
    }
    Insert(rows_, ShortTime(at), n);
  } else {
    const uint64_t age = MillisBetween(at, newest_);
    if (age >= kWindowMaxMs) return false;
    if (n == 0) return true;
    const int row = RowYoungerThan(age);
    if (row > 0 && Age(row - 1) == age && !Shared(row - 1)) {
      Bump(row - 1, n);
      return true;
    }
    Insert(row, ShortTime(at), n);
  }
  if (rows_ > compact_above_) Compact();
  return true;
}

// Drops what will be kWindowMax old or older once the newest event lies `ahead_ms` later.
void SlidingCounter::DropExpired(uint64_t ahead_ms) {
  int expired = 0;
  while (expired < rows_ && (ahead_ms >= kWindowMaxMs || Age(expired) + ahead_ms >= kWindowMaxMs)) ++expired;
  if (expired == 0) return;
  rows_ = static_cast<uint16_t>(rows_ - expired);
  for (int c = 0; c < columns_; ++c) {
    uint32_t* column = words_.get() + c * capacity_;
    std::memmove(column, column + expired, rows_ * sizeof(uint32_t));
  }
}

void SlidingCounter::Reshape(int capacity, int columns) {
  std::unique_ptr<uint32_t[]> words(new uint32_t[static_cast<size_t>(capacity) * columns]);
  for (int row = 0; row < rows_; ++row) {
    words[row] = lasts()[row];
    if (columns > 1) words[capacity + row] = CountOf(row) | (Shared(row) ? kSharedBit : 0);
    if (columns > 2) words[2 * capacity + row] = FirstAge(row) - Age(row);
  }
  words_ = std::move(words);
  capacity_ = static_cast<uint16_t>(capacity);
  columns_ = static_cast<uint8_t>(columns);
}

void SlidingCounter::Bump(int row, uint32_t n) {
  if (columns_ == 1) Reshape(capacity_, 2);
  counts()[row] = AddSaturating(counts()[row], n);
}

void SlidingCounter::Insert(int row, uint32_t time, uint32_t n) {
  int columns = columns_;
  if (n != 1) columns = std::max(columns, 2);
  // Before a shared entry: where that one begins must be written down now.
  if (row < rows_ && Shared(row)) columns = 3;
  int capacity = capacity_;
  if (rows_ == capacity) capacity = capacity < 4 ? 4 : capacity + capacity / 4 + 2;
  if (capacity != capacity_ || columns != columns_) Reshape(capacity, columns);
  for (int c = 0; c < columns_; ++c) {
    uint32_t* column = words_.get() + c * capacity_;
    std::memmove(column + row + 1, column + row, (rows_ - row) * sizeof(uint32_t));
    column[row] = c == 0 ? time : c == 1 ? n : 0;
  }
  ++rows_;
}

int SlidingCounter::Unpack(Entry* entries) const {
  for (int row = 0; row < rows_; ++row) entries[row] = {Age(row), FirstAge(row), CountOf(row)};
  return rows_;
}

void SlidingCounter::Pack(const Entry* entries, int n) {
  int columns = 1;
  for (int row = 0; row < n; ++row) {
    if (entries[row].count != 1) columns = std::max(columns, 2);
    const uint32_t before = row > 0 ? entries[row - 1].last : static_cast<uint32_t>(kWindowMaxMs);
    if (entries[row].shared() && entries[row].first >= before) columns = 3;
  }
  rows_ = 0;  // so that Reshape copies nothing
  Reshape(n + kSlackMin / 2, columns);
  for (int row = 0; row < n; ++row) {
    lasts()[row] = ShortTime(newest_) - entries[row].last;
    if (columns > 1) counts()[row] = entries[row].count | (entries[row].shared() ? kSharedBit : 0);
    if (columns > 2) reaches()[row] = entries[row].first - entries[row].last;
  }
  rows_ = static_cast<uint16_t>(n);
}

// Merges neighbours, newest first, as far as the promise allows.
//
// A window that begins inside a shared entry counts it whole. Let Over be the sum of the shared entries around a window's
// beginning, Sure the sum of the entries that begin after it, and one event more, for an entry's last time is that of an
// event: the truth is at least Sure, the answer at most Sure + Over - 1. So the promise holds where Over - 1 <= 5% of
// Sure at every possible beginning, and Over = 0 where Sure <= kExactItems.
// Sure only grows by later arrivals and Over only by merging (a new event is an entry of its own), so nothing but this
// merge has to check, and errors don't compound: each entry's count is exact.
//
// Sure falls towards the newest end of an entry and the entries around it that were merged before ("around") only
// begin farther back, so one check at the newest end covers the whole of it. Older shared entries that reach into the
// range ("ahead") are counted as if they covered it all.
void SlidingCounter::Compact() {
  Entry entries[kEntriesMax + 1];
  Entry around[kEntriesMax + 1];
  int n = Unpack(entries);
  for (uint64_t percent = 5;; percent += percent / 4 + 1) {
    int out = n;                   // entries[out, n) are merged
    uint64_t merged_sum = 0;       // of these
    int arounds = 0;               // those of these that begin before group.last
    uint64_t around_sum = 0;
    Entry group = entries[n - 1];
    int ahead_end = n - 1;         // the entries in [ahead_end, i) reach into the group's range
    uint64_t ahead_sum = 0;        // of the shared ones among these
    for (int i = n - 2; i >= 0; --i) {
      const Entry entry = entries[i];
      if (i >= ahead_end && entry.shared()) ahead_sum -= entry.count;
      ahead_end = std::min(ahead_end, i);
      const uint32_t first = std::max(group.first, entry.first);
      while (ahead_end > 0 && entries[ahead_end - 1].last < first) {
        --ahead_end;
        if (entries[ahead_end].shared()) ahead_sum += entries[ahead_end].count;
      }
      const uint64_t sure = merged_sum - around_sum;
      const uint64_t over = around_sum + ahead_sum + group.count + entry.count - 1;
      if (first == group.last || (sure >= kExactItems && over * 100 <= (sure + 1) * percent)) {
        group.first = first;
        group.count = AddSaturating(group.count, entry.count);
        continue;
      }
      entries[--out] = group;
      merged_sum += group.count;
      if (group.first > entry.last) {
        around[arounds++] = group;
        around_sum += group.count;
      }
      group = entry;
      ahead_end = i;
      ahead_sum = 0;
      for (int a = 0; a < arounds;) {
        if (around[a].first > group.last) {
          ++a;
          continue;
        }
        around_sum -= around[a].count;
        around[a] = around[--arounds];
      }
    }
    entries[--out] = group;
    n -= out;
    std::copy(entries + out, entries + out + n, entries);
    if (n <= kEntriesMax - kSlackMin) break;
  }
  Pack(entries, n);
  compact_above_ =
      static_cast<uint16_t>(std::clamp(n + std::max(kSlackMin, n / 4), kExactItems, kEntriesMax));
}

bool SlidingCounter::operator==(const SlidingCounter& other) const {
  if (newest_ != other.newest_ || rows_ != other.rows_ || columns_ != other.columns_ || compact_above_ != other.compact_above_) return false;
  for (int column = 0; column < columns_; ++column) {
    const uint32_t* mine = words_.get() + column * capacity_;
    if (!std::equal(mine, mine + rows_, other.words_.get() + column * other.capacity_)) return false;
  }
  return true;
}

void SlidingCounter::Encode(ByteWriter* writer) const {
  writer->PutVarint(rows_);
  if (rows_ == 0) return;
  uint32_t unit = kSecondMs;
  for (int row = 0; row < rows_; ++row) {
    if (Age(row) % kSecondMs != 0 || (columns_ == 3 && FirstAge(row) % kSecondMs != 0)) unit = 1;
  }
  writer->PutZigzag(newest_.millis());
  writer->PutVarint(compact_above_);
  writer->PutVarint(uint64_t{columns_} << 1 | (unit == kSecondMs ? 1 : 0));
  uint32_t previous = 0;
  for (int row = rows_ - 1; row >= 0; --row) {
    // The newest has age 0: ages are written as steps back. Two flags save the count of single events.
    const uint32_t count = CountOf(row);
    const uint64_t step = (Age(row) - previous) / unit;
    writer->PutVarint(step << 2 | (Shared(row) ? 2 : 0) | (count != 1 ? 1 : 0));
    if (count != 1) writer->PutVarint(count);
    if (columns_ == 3 && Shared(row)) writer->PutVarint((FirstAge(row) - Age(row)) / unit);
    previous = Age(row);
  }
}

bool SlidingCounter::Decode(ByteReader* reader) {
  *this = SlidingCounter();
  SlidingCounter decoded;
  const size_t n = reader->Length(1);
  if (n == 0) return reader->ok();
  if (n > kEntriesMax) {
    reader->Fail();
    return false;
  }
  decoded.newest_ = EventTime::FromMillis(reader->Zigzag());
  decoded.compact_above_ = static_cast<uint16_t>(reader->VarintUpTo(kEntriesMax));
  const uint64_t form = reader->VarintUpTo(7);
  const int columns = static_cast<int>(form >> 1);
  const uint64_t unit = (form & 1) != 0 ? kSecondMs : 1;
  if (!reader->ok() || columns == 0 || decoded.newest_.never() || decoded.compact_above_ < kExactItems ||
      n > decoded.compact_above_) {
    reader->Fail();
    return false;
  }
  decoded.Reshape(static_cast<int>(n), columns);
  decoded.rows_ = static_cast<uint16_t>(n);
  uint64_t age = 0;
  for (int row = decoded.rows_ - 1; row >= 0; --row) {
    const uint64_t word = reader->VarintUpTo(kWindowMaxMs << 2);
    const bool shared = (word & 2) != 0;
    const uint32_t count = (word & 1) != 0 ? static_cast<uint32_t>(reader->VarintUpTo(kCountMax)) : 1;
    const uint64_t reach = columns == 3 && shared ? unit * reader->VarintUpTo(kWindowMaxMs) : 0;
    age += unit * (word >> 2);
    const bool newest_row = row == decoded.rows_ - 1;
    if (!reader->ok() || count == 0 || ((word & 1) != 0 && count == 1) || age + reach >= kWindowMaxMs ||
        (newest_row && (age != 0 || shared)) || (columns == 1 && word % 4 != 0)) {
      reader->Fail();
      return false;
    }
    decoded.lasts()[row] = ShortTime(decoded.newest_) - static_cast<uint32_t>(age);
    if (columns > 1) decoded.counts()[row] = count | (shared ? kSharedBit : 0);
    if (columns > 2) decoded.reaches()[row] = static_cast<uint32_t>(reach);
  }
  *this = std::move(decoded);
  return true;
}

}  // namespace sekisho
