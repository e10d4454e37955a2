#include "engine/window/daily_stats.h"

#include <algorithm>
#include <utility>

namespace sekisho {
namespace {

constexpr uint32_t kTotalMax = (uint32_t{1} << 24) - 1;
// Days beyond this many of 1970 (the year 7400 or so) are no time that a log carries; keeps day numbers in 32 bits.
constexpr int64_t kDayMax = 2'000'000;

}  // namespace

void DailyStats::Add(EventTime at, uint32_t n) {
  const int64_t day = at.day();
  if (n == 0 || day < -kDayMax || day > kDayMax) return;
  if (totals_.empty()) {
    newest_day_ = first_day_ = static_cast<int32_t>(day);
  } else if (day > newest_day_) {
    uint32_t expired = 0;
    while (expired < totals_.size() && day - Day(totals_[expired]) >= kDaysHeld) ++expired;
    totals_.Erase(0, expired);
    newest_day_ = static_cast<int32_t>(day);
  } else if (newest_day_ - day >= kDaysHeld) {
    return;
  }
  first_day_ = std::min(first_day_, static_cast<int32_t>(day));
  uint32_t at_row = totals_.size();
  while (at_row > 0 && Day(totals_[at_row - 1]) > day) --at_row;
  if (at_row > 0 && Day(totals_[at_row - 1]) == day) {
    uint32_t& word = totals_[at_row - 1];
    word = Word(day, static_cast<uint32_t>(std::min<uint64_t>(uint64_t{Total(word)} + n, kTotalMax)));
  } else {
    totals_.Insert(at_row, Word(day, std::min(n, kTotalMax)));
  }
}

template <typename Fn>
void DailyStats::ForEachBefore(EventTime now, int days, Fn fn) const {
  const int64_t end = now.day();
  const int64_t begin = end - std::clamp(days, 0, kDaysHeld);
  for (const uint32_t word : totals_) {
    if (Day(word) >= begin && Day(word) < end) fn(Total(word));
  }
}

uint64_t DailyStats::Today(EventTime now) const {
  for (uint32_t i = totals_.size(); i-- > 0;) {
    if (Day(totals_[i]) == now.day()) return Total(totals_[i]);
  }
  return 0;
}

uint64_t DailyStats::MaxBefore(EventTime now, int days) const {
  uint64_t max = 0;
  ForEachBefore(now, days, [&](uint32_t total) { max = std::max<uint64_t>(max, total); });
  return max;
}

uint64_t DailyStats::TotalBefore(EventTime now, int days) const {
  uint64_t sum = 0;
  ForEachBefore(now, days, [&](uint32_t total) { sum += total; });
  return sum;
}

int DailyStats::DaysActive(EventTime now, int days) const {
  int n = 0;
  ForEachBefore(now, days, [&](uint32_t) { ++n; });
  return n;
}

int DailyStats::DaysKnown(EventTime now, int days) const {
  if (totals_.empty()) return 0;
  const int64_t since_first = std::max<int64_t>(now.day() - first_day_, 0);
  return static_cast<int>(std::min<int64_t>(std::clamp(days, 0, kDaysHeld), since_first));
}

uint64_t DailyStats::MeanBefore(EventTime now, int days) const {
  const int known = DaysKnown(now, days);
  return known == 0 ? 0 : TotalBefore(now, days) * 100 / static_cast<uint64_t>(known);
}

bool DailyStats::operator==(const DailyStats& other) const {
  return newest_day_ == other.newest_day_ && first_day_ == other.first_day_ &&
         std::equal(totals_.begin(), totals_.end(), other.totals_.begin(), other.totals_.end());
}

void DailyStats::Encode(ByteWriter* writer) const {
  writer->PutVarint(totals_.size());
  if (totals_.empty()) return;
  writer->PutZigzag(newest_day_);
  writer->PutVarint(static_cast<uint64_t>(int64_t{newest_day_} - first_day_));
  // A total, and how many days lie between its day and the one before it, where that isn't none.
  int64_t before = Day(totals_[0]);
  writer->PutVarint(static_cast<uint64_t>(newest_day_ - before));
  for (const uint32_t word : totals_) {
    const int64_t day = Day(word);
    const bool gap = day - before > 1;
    writer->PutVarint(uint64_t{Total(word)} << 1 | (gap ? 1 : 0));
    if (gap) writer->PutVarint(static_cast<uint64_t>(day - before - 1));
    before = day;
  }
}

bool DailyStats::Decode(ByteReader* reader) {
  *this = DailyStats();
  DailyStats decoded;
  const size_t n = reader->Length(1);
  if (n == 0) return reader->ok();
  const int64_t newest = reader->Zigzag();
  const int64_t known = static_cast<int64_t>(reader->VarintUpTo(2 * kDayMax));
  if (!reader->ok() || n > kDaysHeld || newest > kDayMax || newest - known < -kDayMax) {
    reader->Fail();
    return false;
  }
  decoded.newest_day_ = static_cast<int32_t>(newest);
  decoded.first_day_ = static_cast<int32_t>(newest - known);
  decoded.totals_.Resize(static_cast<uint32_t>(n));
  int64_t back = static_cast<int64_t>(reader->VarintUpTo(kDaysHeld - 1)) + 1;
  if (back - 1 > known) reader->Fail();
  for (uint32_t& word : decoded.totals_) {
    const uint64_t v = reader->VarintUpTo(uint64_t{kTotalMax} << 1 | 1);
    const auto between = (v & 1) != 0 ? static_cast<int64_t>(reader->VarintUpTo(kDaysHeld - 1)) : 0;
    const auto total = static_cast<uint32_t>(v >> 1);
    back -= 1 + between;
    if (!reader->ok() || back < 0 || total == 0 || ((v & 1) != 0 && between == 0)) {
      reader->Fail();
      return false;
    }
    word = Word(newest - back, total);
  }
  if (back != 0) {
    reader->Fail();
    return false;
  }
  *this = std::move(decoded);
  return true;
}

}  // namespace sekisho
