#include "engine/window/distinct_window.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/hash.h"

namespace sekisho {
namespace {

constexpr int kRegisters = DistinctWindow::kRegisters;
constexpr int kRegisterBits = 7;
static_assert(kRegisters == 1 << kRegisterBits);

// A rank and when it was seen last, in one word: the short time with its lowest six bits (64 ms) given to the rank.
constexpr uint32_t kRankMask = 63;
uint32_t RankOf(uint32_t word) { return word & kRankMask; }
uint32_t TimeOf(uint32_t word) { return word & ~kRankMask; }

// Ages of such times, and the first that no window reaches.
constexpr uint32_t kSketchAgeMax = static_cast<uint32_t>(kWindowMaxMs) & ~kRankMask;

struct Placed {
  uint32_t register_index = 0;
  uint32_t rank = 0;  // [1, 58]
};
Placed PlaceOf(uint32_t key) {
  const uint64_t h = PinnedMix64(key);
  return {static_cast<uint32_t>(h) & (kRegisters - 1),
          static_cast<uint32_t>(std::countr_zero((h >> kRegisterBits) | uint64_t{1} << 57)) + 1};
}

// Ertl's sigma for every share of registers that are still zero (New cardinality estimation algorithms for HyperLogLog
// sketches, 2017), times the number of registers, in units of 2^-32. It replaces the usual switch between estimators.
// Computed by the compiler, so that every machine has the same table.
constexpr std::array<uint64_t, kRegisters> kSigma = [] {
  std::array<uint64_t, kRegisters> table{};
  for (int zeros = 0; zeros < kRegisters; ++zeros) {
    double x = static_cast<double>(zeros) / kRegisters;
    double sum = x;
    double y = 1;
    for (int i = 0; i < 64; ++i) {
      x *= x;
      sum += x * y;
      y += y;
    }
    table[static_cast<size_t>(zeros)] = static_cast<uint64_t>(sum * kRegisters * 4294967296.0 + 0.5);
  }
  return table;
}();

// From the greatest rank of each register, 0 for none.
uint64_t Estimate(const std::array<uint8_t, kRegisters>& ranks) {
  uint64_t sum = 0;  // in units of 2^-32
  uint32_t zeros = 0;
  for (const uint8_t rank : ranks) {
    if (rank == 0) {
      ++zeros;
    } else {
      sum += rank <= 32 ? uint64_t{1} << (32 - rank) : 0;
    }
  }
  if (zeros == kRegisters) return 0;
  sum += kSigma[zeros];
  // m^2 / (2 ln 2) / sum
  constexpr uint64_t kNumerator = static_cast<uint64_t>(kRegisters * kRegisters / (2 * 0.69314718055994530942) * 4294967296.0);
  return (kNumerator + sum / 2) / std::max<uint64_t>(sum, 1);
}

}  // namespace

// For each register the words, oldest and greatest rank first: each later one has a smaller rank.
class DistinctWindow::Sketch {
 public:
  EventTime evicted_newest;  // no key in here was seen later
  EventTime swept;           // expired words are older than this

  void Insert(uint32_t now, uint32_t key, uint32_t time) {
    const Placed placed = PlaceOf(key);
    const uint32_t begin = Begin(placed.register_index);
    uint8_t& length = lengths_[placed.register_index];
    const uint32_t age = now - TimeOf(time);
    // Find its place by age; what is older or as old with no greater rank never matters again.
    uint32_t at = 0;
    while (at < length && now - TimeOf(words_[begin + at]) > age) ++at;
    if (at < length && RankOf(words_[begin + at]) >= placed.rank) return;  // the rest are as new or newer
    uint32_t from = at;
    while (from > 0 && RankOf(words_[begin + from - 1]) <= placed.rank) --from;
    uint32_t to = at;
    while (to < length && now - TimeOf(words_[begin + to]) == age) ++to;
    words_.Erase(begin + from, to - from);
    length = static_cast<uint8_t>(length - (to - from));
    words_.Insert(begin + from, TimeOf(time) | placed.rank);
    ++length;
    if (length <= kRanksMax) return;
    // The smallest rank says least.
    words_.Erase(begin + length - 1);
    --length;
  }

  // Drops what no window reaches; at least once in 18 days, before short times repeat.
  void Sweep(EventTime newest) {
    const uint32_t now = ShortTime(newest) & ~kRankMask;
    uint32_t out = 0;
    uint32_t in = 0;
    for (uint8_t& length : lengths_) {
      const uint32_t end = in + length;
      uint8_t kept = 0;
      for (; in < end; ++in) {
        if (now - TimeOf(words_[in]) >= kSketchAgeMax) continue;
        words_[out++] = words_[in];
        ++kept;
      }
      length = kept;
    }
    words_.Resize(out);
    swept = newest;
  }

  void Raise(uint32_t now, uint64_t age_limit, std::array<uint8_t, kRegisters>* ranks) const {
    const uint32_t* word = words_.begin();
    for (int r = 0; r < kRegisters; ++r) {
      for (int i = 0; i < lengths_[static_cast<size_t>(r)]; ++i) {
        if ((now & ~kRankMask) - TimeOf(word[i]) >= age_limit) continue;
        (*ranks)[static_cast<size_t>(r)] = static_cast<uint8_t>(RankOf(word[i]));
        break;
      }
      word += lengths_[static_cast<size_t>(r)];
    }
  }

  size_t heap_bytes() const { return words_.heap_bytes(); }

  void Encode(EventTime newest, ByteWriter* writer) const {
    writer->PutVarint(MillisBetween(evicted_newest, newest));
    writer->PutVarint(MillisBetween(swept, newest));
    const uint32_t* word = words_.begin();
    for (const uint8_t length : lengths_) {
      writer->PutVarint(length);
      for (int i = 0; i < length; ++i) writer->PutFixed32(*word++);
    }
  }

  bool Decode(EventTime newest, ByteReader* reader) {
    evicted_newest = newest - Span::Millis(static_cast<int64_t>(reader->VarintUpTo(kWindowMaxMs - 1)));
    swept = newest - Span::Millis(static_cast<int64_t>(reader->VarintUpTo(kWindowMaxMs - 1)));
    for (uint8_t& length : lengths_) {
      length = static_cast<uint8_t>(reader->VarintUpTo(kRanksMax));
      for (int i = 0; i < length; ++i) {
        const uint32_t word = reader->Fixed32();
        if (RankOf(word) == 0 || RankOf(word) > 58) reader->Fail();
        // Greatest rank first, and each once.
        if (i > 0 && RankOf(words_.back()) <= RankOf(word)) reader->Fail();
        if (!reader->ok()) return false;
        words_.push_back(word);
      }
    }
    return reader->ok();
  }

 private:
  uint32_t Begin(uint32_t register_index) const {
    uint32_t begin = 0;
    for (uint32_t r = 0; r < register_index; ++r) begin += lengths_[r];
    return begin;
  }

  std::array<uint8_t, kRegisters> lengths_{};
  SmallArray<uint32_t> words_;
};

void DistinctWindow::SketchDelete::operator()(Sketch* sketch) const { delete sketch; }

DistinctWindow::DistinctWindow(const DistinctWindow& other)
    : newest_(other.newest_),
      seen_(other.seen_),
      sketch_(other.sketch_ == nullptr ? nullptr : new Sketch(*other.sketch_)) {}

DistinctWindow& DistinctWindow::operator=(DistinctWindow other) noexcept {
  newest_ = other.newest_;
  seen_.swap(other.seen_);
  sketch_.swap(other.sketch_);
  return *this;
}

void DistinctWindow::Advance(EventTime to) {
  if (!seen_.empty()) {
    const uint64_t ahead = MillisBetween(newest_, to);
    uint32_t expired = 0;
    while (expired < seen_.size() &&
           (ahead >= kWindowMaxMs || Age(seen_[expired].time) + ahead >= kWindowMaxMs)) {
      ++expired;
    }
    seen_.Erase(0, expired);
  }
  newest_ = to;
  if (sketch_ == nullptr) return;
  if (MillisBetween(sketch_->evicted_newest, to) >= kWindowMaxMs) {
    sketch_.reset();
  } else if (MillisBetween(sketch_->swept, to) >= static_cast<uint64_t>(Span::Days(8).millis())) {
    sketch_->Sweep(to);
  }
}

bool DistinctWindow::Add(EventTime at, uint64_t key) {
  if (at.never()) return false;
  if (seen_.empty() || at >= newest_) {
    Advance(at);
  } else if (MillisBetween(at, newest_) >= kWindowMaxMs) {
    return false;
  }
  const uint32_t short_key = static_cast<uint32_t>(PinnedMix64(key) >> 32);
  const uint64_t age = MillisBetween(at, newest_);
  uint32_t held = seen_.size();
  while (held > 0 && seen_[held - 1].key != short_key) --held;
  if (held > 0 && Age(seen_[held - 1].time) <= age) return false;  // seen as late or later
  const bool is_new = held == 0;
  if (!is_new) seen_.Erase(held - 1);
  uint32_t place = seen_.size();
  while (place > 0 && Age(seen_[place - 1].time) < age) --place;
  seen_.Insert(place, {short_key, ShortTime(at)});
  if (seen_.size() > kExactKeys) {
    const Seen oldest = seen_[0];
    seen_.Erase(0);
    const EventTime oldest_at = newest_ - Span::Millis(Age(oldest.time));
    if (sketch_ == nullptr) {
      sketch_.reset(new Sketch);
      sketch_->evicted_newest = oldest_at;
      sketch_->swept = newest_;
    }
    sketch_->evicted_newest = std::max(sketch_->evicted_newest, oldest_at);
    sketch_->Insert(ShortTime(newest_), oldest.key, oldest.time);
  }
  return is_new;
}

uint64_t DistinctWindow::Count(EventTime now, Span width) const {
  if (seen_.empty()) return 0;
  const AgeRange ages = WindowAges(newest_, now, width);
  if (ages.to <= ages.from) return 0;
  uint32_t exact = 0;
  while (exact < seen_.size() && Age(seen_[seen_.size() - 1 - exact].time) < ages.to) ++exact;
  if (sketch_ == nullptr || MillisBetween(sketch_->evicted_newest, newest_) >= ages.to) return exact;
  std::array<uint8_t, kRegisters> ranks{};
  sketch_->Raise(ShortTime(newest_), ages.to, &ranks);
  for (const Seen& seen : seen_) {
    const Placed placed = PlaceOf(seen.key);
    ranks[placed.register_index] = std::max(ranks[placed.register_index], static_cast<uint8_t>(placed.rank));
  }
  return std::max<uint64_t>(Estimate(ranks), exact);
}

std::optional<EventTime> DistinctWindow::LastSeen(uint64_t key) const {
  const uint32_t short_key = static_cast<uint32_t>(PinnedMix64(key) >> 32);
  for (uint32_t i = seen_.size(); i-- > 0;) {
    if (seen_[i].key == short_key) return newest_ - Span::Millis(Age(seen_[i].time));
  }
  return std::nullopt;
}

size_t DistinctWindow::heap_bytes() const {
  return seen_.heap_bytes() + (sketch_ == nullptr ? 0 : sizeof(Sketch) + sketch_->heap_bytes());
}

void DistinctWindow::Encode(ByteWriter* writer) const {
  uint32_t unit = kSecondMs;
  for (const Seen& seen : seen_) {
    if (Age(seen.time) % kSecondMs != 0) unit = 1;
  }
  if (seen_.empty()) return writer->PutVarint(0);
  writer->PutVarint(uint64_t{seen_.size()} << 2 | (unit == kSecondMs ? 2 : 0) | (sketch_ != nullptr ? 1 : 0));
  writer->PutZigzag(newest_.millis());
  uint32_t previous = 0;
  for (uint32_t i = seen_.size(); i-- > 0;) {
    writer->PutFixed32(seen_[i].key);
    writer->PutVarint((Age(seen_[i].time) - previous) / unit);
    previous = Age(seen_[i].time);
  }
  if (sketch_ != nullptr) sketch_->Encode(newest_, writer);
}

bool DistinctWindow::Decode(ByteReader* reader) {
  *this = DistinctWindow();
  DistinctWindow decoded;
  const uint64_t head = reader->VarintUpTo(kExactKeys << 2 | 3);
  const uint32_t n = static_cast<uint32_t>(head >> 2);
  const uint64_t unit = (head & 2) != 0 ? kSecondMs : 1;
  if (n == 0) {
    if (head != 0) reader->Fail();
    return reader->ok();
  }
  decoded.newest_ = EventTime::FromMillis(reader->Zigzag());
  if (decoded.newest_.never()) reader->Fail();
  decoded.seen_.Resize(n);
  uint64_t age = 0;
  for (uint32_t i = n; i-- > 0;) {
    const uint32_t key = reader->Fixed32();
    age += unit * reader->VarintUpTo(kWindowMaxMs);
    if (!reader->ok() || age >= kWindowMaxMs) {
      reader->Fail();
      return false;
    }
    decoded.seen_[i] = {key, ShortTime(decoded.newest_) - static_cast<uint32_t>(age)};
  }
  if ((head & 1) != 0) {
    decoded.sketch_.reset(new Sketch);
    if (!decoded.sketch_->Decode(decoded.newest_, reader)) return false;
  }
  *this = std::move(decoded);
  return true;
}

}  // namespace sekisho
