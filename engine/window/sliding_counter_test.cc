// SlidingCounter against an exact count over the full history, and its stored form.
#include "engine/window/sliding_counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/window/window_test_util.h"

namespace sekisho {
namespace {

EventTime CountedAt(int64_t seconds) { return EventTime::FromSeconds(1'772'323'200 + seconds); }

// The slow, obvious answer.
class Oracle {
 public:
  bool Add(EventTime at, uint32_t n) {
    if (!events_.empty() && newest_ - at >= kWindowMax) return false;
    newest_ = std::max(newest_, at);
    events_.insert(std::upper_bound(events_.begin(), events_.end(), at,
                                    [](EventTime t, const Item& item) { return t < item.at; }),
                   {at, n});
    return true;
  }
  // The number in (after, until].
  uint64_t Count(EventTime after, EventTime until) const {
    uint64_t sum = 0;
    for (auto it = events_.rbegin(); it != events_.rend() && it->at > after; ++it) {
      if (it->at <= until) sum += it->n;
    }
    return sum;
  }
  EventTime newest() const { return newest_; }
  EventTime at(size_t i) const { return events_[i].at; }
  size_t size() const { return events_.size(); }

 private:
  struct Item {
    EventTime at;
    uint32_t n;
  };
  std::vector<Item> events_;
  EventTime newest_;
};

std::string Encoded(const SlidingCounter& counter) {
  std::string bytes;
  ByteWriter writer(&bytes);
  counter.Encode(&writer);
  return bytes;
}

class SlidingCounterOracleTest : public testing::TestWithParam<std::tuple<Arrival, bool>> {};

// Goal: never under, at most 5% over, exact to 64, at every width, in any order of arrival; a decoded copy is the same.
// Method: each arrival pattern, with and without weights, against the full history; queries at random widths and at
// widths that begin beside an event, now at, after and before the newest event. About 800,000 queries in all.
TEST_P(SlidingCounterOracleTest, KeepsItsPromise) {
  const auto [arrival, weighted] = GetParam();
  TestRandom random(20260301 + static_cast<uint64_t>(arrival) * 2 + (weighted ? 1 : 0));
  int entries_max = 0;
  size_t bytes_max = 0;
  for (int round = 0; round < 4; ++round) {
    ArrivalTimes times(arrival, &random);
    SlidingCounter counter;
    Oracle oracle;
    const int events = round == 0 ? 12'000 : 3'000;
    for (int i = 0; i < events; ++i) {
      const EventTime at = times.Next();
      const uint32_t n = weighted ? static_cast<uint32_t>(1 + random.Below(random.OneIn(50) ? 500 : 4)) : 1;
      ASSERT_EQ(counter.Add(at, n), oracle.Add(at, n));
      if (i % 500 == 499) {  // a stored and reloaded account goes on as if nothing had happened
        const std::string bytes = Encoded(counter);
        SlidingCounter copy;
        ByteReader reader(bytes);
        ASSERT_TRUE(copy.Decode(&reader) && reader.done());
        ASSERT_EQ(Encoded(copy), bytes);
        if (random.OneIn(2)) counter = copy;
      }
      entries_max = std::max(entries_max, counter.entries());
      bytes_max = std::max(bytes_max, counter.heap_bytes());
      if (i >= 200 && i % 20 != 0) continue;
      for (int q = 0; q < 40; ++q) {
        const EventTime newest = oracle.newest();
        EventTime now = newest;
        if (q % 4 == 1) now = newest + random.LogUniform(Span::Days(10));
        if (q % 4 == 2) now = newest - random.LogUniform(Span::Days(1));
        Span width = random.LogUniform(kWindowMax);
        if (random.OneIn(3)) {  // begin at an event, or 1 ms beside it
          const size_t back = std::min<size_t>(oracle.size(), 1 + random.Below(4000));
          width = now - oracle.at(oracle.size() - back) + Span::Millis(static_cast<int64_t>(random.Below(3)) - 1);
          width = std::clamp(width, Span(), kWindowMax);
        }
        const EventTime after = std::max(now - width, newest - kWindowMax);
        const uint64_t truth = oracle.Count(after, now);
        const uint64_t got = counter.Count(now, width);
        const uint64_t begun = oracle.Count(after, std::max(now, newest));
        // The stated exception: bounded memory comes first.
        const uint64_t percent = entries_max < SlidingCounter::kEntriesMax ? 5 : 12;
        ASSERT_GE(got, truth) << i << " " << FormatSpan(width);
        ASSERT_LE(got * 100, now >= newest ? truth * (100 + percent) : (truth + 2) * 100 + begun * 2 * percent)
            << i << " " << FormatSpan(width);
        if (begun <= SlidingCounter::kExactItems || i < SlidingCounter::kExactItems) {
          ASSERT_EQ(got, truth);
        }
        const Span shorter = Span::Millis(static_cast<int64_t>(random.Below(static_cast<uint64_t>(width.millis()) + 1)));
        const auto both = counter.CountBoth(now, shorter, width);
        ASSERT_EQ(both.longer, got);
        ASSERT_EQ(both.shorter, counter.Count(now, shorter)) << i << " " << FormatSpan(shorter);
      }
    }
  }
  std::cout << Name(arrival) << (weighted ? " weighted" : "") << ": at most " << entries_max << " entries, "
            << bytes_max << " bytes\n";
}

INSTANTIATE_TEST_SUITE_P(Patterns, SlidingCounterOracleTest,
                         testing::Combine(testing::ValuesIn(kArrivals), testing::Bool()), [](const auto& param) {
                           return Name(std::get<0>(param.param)) + (std::get<1>(param.param) ? "_weighted" : "");
                         });

// Goal: the brackets are those of (now - width, now]. Method: one event, windows that end and begin beside it.
TEST(SlidingCounterTest, WindowIsOpenAtItsBeginning) {
  SlidingCounter counter;
  counter.Add(CountedAt(100));
  EXPECT_EQ(counter.Count(CountedAt(100), Span::Millis(1)), 1u);
  EXPECT_EQ(counter.Count(CountedAt(160), Span::Seconds(60)), 0u);
  EXPECT_EQ(counter.Count(CountedAt(160), Span::Millis(60'001)), 1u);
  EXPECT_EQ(counter.Count(CountedAt(99), Span::Days(1)), 0u);
  EXPECT_EQ(counter.Count(CountedAt(100), Span()), 0u);
  EXPECT_EQ(counter.Count(CountedAt(100), Span::Seconds(-5)), 0u);
}

// Goal: what is too old is refused, and a leap of years leaves nothing behind. Method: the edge of 31 days, then leaps
// beyond what 32-bit times can tell apart.
TEST(SlidingCounterTest, OldEventsAndLeaps) {
  SlidingCounter counter;
  EXPECT_FALSE(counter.Add(EventTime::Never()));
  EXPECT_TRUE(counter.empty());
  EXPECT_TRUE(counter.Add(CountedAt(0)));
  EXPECT_FALSE(counter.Add(CountedAt(0) - kWindowMax));
  EXPECT_TRUE(counter.Add(CountedAt(0) - kWindowMax + Span::Millis(1)));
  EXPECT_EQ(counter.Count(CountedAt(0), kWindowMax), 2u);
  for (const Span leap : {Span::Days(20), Span::Days(31), Span::Millis(int64_t{1} << 32), Span::Days(3650)}) {
    SlidingCounter copy = counter;
    EXPECT_TRUE(copy.Add(CountedAt(0) + leap));
    EXPECT_EQ(copy.Count(CountedAt(0) + leap, kWindowMax), leap < kWindowMax ? 2u : 1u) << FormatSpan(leap);
    EXPECT_FALSE(copy.Add(CountedAt(0) + leap - kWindowMax));
  }
  EXPECT_EQ(counter.Count(EventTime::FromMillis(INT64_MAX), kWindowMax), 0u);
  EXPECT_EQ(counter.Count(EventTime::Never(), kWindowMax), 0u);
}

// Goal: absurd weights saturate instead of wrapping. Method: the largest weight, twice at one time.
TEST(SlidingCounterTest, WeightsSaturate) {
  SlidingCounter counter;
  counter.Add(CountedAt(0), UINT32_MAX);
  counter.Add(CountedAt(0), UINT32_MAX);
  EXPECT_EQ(counter.Count(CountedAt(0), Span::Hours(1)), uint64_t{INT32_MAX});
  counter.Add(CountedAt(1), 0);
  EXPECT_EQ(counter.newest(), CountedAt(0));
}

// Goal: memory is bounded however many events come. Method: a million events within a month and within a minute.
TEST(SlidingCounterTest, MemoryIsBounded) {
  for (const int64_t step_ms : {2'500, 1}) {
    SlidingCounter counter;
    for (int64_t i = 0; i < 1'000'000; ++i) counter.Add(CountedAt(0) + Span::Millis(i * step_ms));
    EXPECT_LE(counter.heap_bytes(), 4096u);
    std::cout << "a million events " << step_ms << " ms apart: " << counter.entries() << " entries, "
              << counter.heap_bytes() << " bytes, stored " << Encoded(counter).size() << "\n";
  }
}

// Goal: hostile stored bytes are refused or give a counter that works. Method: flip and cut a real one.
TEST(SlidingCounterTest, BrokenBytes) {
  TestRandom random(7);
  ArrivalTimes times(Arrival::kLate, &random);
  SlidingCounter counter;
  for (int i = 0; i < 2000; ++i) counter.Add(times.Next(), 1 + i % 3);
  const std::string good = Encoded(counter);
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good.substr(0, random.OneIn(4) ? random.Below(good.size()) : good.size());
    for (uint64_t f = random.Below(4); f > 0 && !bad.empty(); --f) {
      bad[random.Below(bad.size())] = static_cast<char>(random.Below(256));
    }
    ByteReader reader(bad);
    SlidingCounter decoded;
    if (!decoded.Decode(&reader)) {
      EXPECT_FALSE(reader.ok());
      EXPECT_TRUE(decoded.empty());
      continue;
    }
    for (int k = 0; k < 100; ++k) decoded.Add(decoded.newest() + Span::Millis(static_cast<int64_t>(random.Below(2000)) - 1000));
    decoded.Count(decoded.newest(), kWindowMax);
    std::string again = Encoded(decoded);
    SlidingCounter second;
    ByteReader second_reader(again);
    EXPECT_TRUE(second.Decode(&second_reader) && second_reader.done());
  }
}

}  // namespace
}  // namespace sekisho
