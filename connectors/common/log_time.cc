// Scanning by hand: this runs once a line.
#include "connectors/common/log_time.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "connectors/common/scan.h"

namespace sekisho::connectors {
namespace {

constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

constexpr bool IsLeap(int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

absl::CivilSecond CivilFromLocal(int64_t local_s) { return absl::CivilSecond(1970, 1, 1, 0, 0, 0) + local_s; }
int64_t LocalFromCivil(absl::CivilSecond c) { return c - absl::CivilSecond(1970, 1, 1, 0, 0, 0); }

}  // namespace

std::optional<int64_t> DayNumber(int year, int month, int day) {
  if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1) return std::nullopt;
  const bool leap = IsLeap(year);
  if (day > kDaysBefore[month] - kDaysBefore[month - 1] + (leap && month == 2 ? 1 : 0)) return std::nullopt;
  const int past = year - 1;
  const int leap_days = past / 4 - past / 100 + past / 400 - 477;  // 477 of them came before 1970
  return int64_t{365} * (year - 1970) + leap_days + kDaysBefore[month - 1] + (leap && month > 2 ? 1 : 0) + day - 1;
}

int MonthFromName(std::string_view text) {
  static constexpr char kNames[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() < 3) return 0;
  for (int m = 0; m < 12; ++m) {
    if (std::memcmp(text.data(), kNames + 3 * m, 3) == 0) return m + 1;
  }
  return 0;
}

int ScanDigits(std::string_view text, int width) {
  if (text.size() < static_cast<size_t>(width)) return -1;
  int value = 0;
  for (int i = 0; i < width; ++i) {
    if (!IsDigit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

int ScanClock(std::string_view text) {
  if (text.size() < 8 || text[2] != ':' || text[5] != ':') return -1;
  const int h = ScanDigits(text, 2), m = ScanDigits(text.substr(3), 2), s = ScanDigits(text.substr(6), 2);
  if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60) return -1;
  return h * 3600 + m * 60 + s;
}

size_t ScanOffset(std::string_view text, int* seconds_east) {
  if (text.empty()) return 0;
  if (text[0] == 'Z' || text[0] == 'z') {
    *seconds_east = 0;
    return 1;
  }
  if (text[0] != '+' && text[0] != '-') return 0;
  const int h = ScanDigits(text.substr(1), 2);
  size_t used = 3;
  if (text.size() > used && text[used] == ':') ++used;
  if (h < 0 || h > 23 || text.size() < used) return 0;
  const int m = ScanDigits(text.substr(used), 2);
  if (m < 0 || m > 59) return 0;
  *seconds_east = (h * 3600 + m * 60) * (text[0] == '-' ? -1 : 1);
  return used + 2;
}

size_t ScanFraction(std::string_view text, int* millis) {
  *millis = 0;
  if (text.size() < 2 || (text[0] != '.' && text[0] != ',') || !IsDigit(text[1])) return 0;
  size_t i = 1;
  int scale = 100;
  for (; i < text.size() && IsDigit(text[i]); ++i) {
    *millis += (text[i] - '0') * scale;
    scale /= 10;
  }
  return i;
}

std::optional<EventTime> ParseRfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-') return std::nullopt;
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const auto day = DayNumber(ScanDigits(text, 4), ScanDigits(text.substr(5), 2), ScanDigits(text.substr(8), 2));
  const int clock_s = ScanClock(text.substr(11));
  if (!day || clock_s < 0) return std::nullopt;
  int millis = 0, east_s = 0;
  text.remove_prefix(19);
  text.remove_prefix(ScanFraction(text, &millis));
  const size_t zone = ScanOffset(text, &east_s);
  if (zone == 0 || zone != text.size()) return std::nullopt;
  return EventTime::FromMillis((*day * 86'400 + clock_s - east_s) * 1000 + millis);
}

absl::StatusOr<absl::TimeZone> ParseTimeZone(std::string_view name) {
  int east_s = 0;
  if (!name.empty() && name[0] != 'Z' && ScanOffset(name, &east_s) == name.size()) {
    return absl::FixedTimeZone(east_s);
  }
  absl::TimeZone zone;
  if (name == "UTC" || name == "Z") return absl::UTCTimeZone();
  if (name.empty() || !absl::LoadTimeZone(std::string(name), &zone)) {
    return absl::InvalidArgumentError("time zone \"" + std::string(name) +
                                      "\": neither a name of the zone database (\"Asia/Tokyo\") nor an offset "
                                      "(\"+09:00\")");
  }
  return zone;
}

int64_t ZoneClock::ToUtc(int64_t local_s) {
  last_utc_s_ = local_s >= valid_from_ && local_s < valid_until_ ? local_s - offset_s_ : Lookup(local_s);
  return last_utc_s_;
}

int64_t ZoneClock::Lookup(int64_t local_s) {
  const absl::TimeZone::TimeInfo info = zone_.At(CivilFromLocal(local_s));
  const int64_t first = absl::ToUnixSeconds(info.pre);
  if (info.kind == absl::TimeZone::TimeInfo::REPEATED) {
    const int64_t second = absl::ToUnixSeconds(info.post);
    // `first` < `second`; before their middle the first is nearer.
    return last_utc_s_ > first + (second - first) / 2 ? second : first;
  }
  if (info.kind == absl::TimeZone::TimeInfo::SKIPPED) return first;
  offset_s_ = local_s - first;
  valid_from_ = INT64_MIN;
  valid_until_ = INT64_MAX;
  absl::TimeZone::CivilTransition edge;
  if (zone_.PrevTransition(info.pre + absl::Seconds(1), &edge)) {
    valid_from_ = std::max(LocalFromCivil(edge.from), LocalFromCivil(edge.to));
  }
  if (zone_.NextTransition(info.pre, &edge)) {
    valid_until_ = std::min(LocalFromCivil(edge.from), LocalFromCivil(edge.to));
  }
  return first;
}

}  // namespace sekisho::connectors
