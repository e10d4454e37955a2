// Times as logs print them: civil dates, RFC 3339, and local times of a zone with daylight saving.
#ifndef SEKISHO_CONNECTORS_COMMON_LOG_TIME_H_
#define SEKISHO_CONNECTORS_COMMON_LOG_TIME_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// Days since 1970-01-01 of a date of the Gregorian calendar; nullopt where there is no such day (Feb 29 of a common
// year, month 13) or the year is outside [1970, 9999].
std::optional<int64_t> DayNumber(int year, int month, int day);

// 1 to 12 for "Jan" to "Dec" at the start of `text`; 0 for anything else.
int MonthFromName(std::string_view text);

// `width` decimal digits at the start of `text`, or -1.
int ScanDigits(std::string_view text, int width);

// "hh:mm:ss" at the start of `text` (a leap second 60 is taken) as seconds since midnight, or -1.
int ScanClock(std::string_view text);

// A zone at the start of `text`: "Z", "+hh:mm", "+hhmm" (or '-'). Returns the bytes taken, 0 where there is none.
size_t ScanOffset(std::string_view text, int* seconds_east);

// A fraction ".123456" at the start of `text`, cut to milliseconds. Returns the bytes taken, 0 where there is none.
size_t ScanFraction(std::string_view text, int* millis);

// RFC 3339, the whole of `text`: "2026-03-01T09:00:00[.fraction]" and an offset. A blank may stand for the 'T'.
std::optional<EventTime> ParseRfc3339(std::string_view text);

// "UTC", an IANA name ("Asia/Tokyo"), or a fixed offset ("+09:00").
absl::StatusOr<absl::TimeZone> ParseTimeZone(std::string_view name);

// Turns local times of one zone into UTC; asks the zone's tables only when the time leaves the stretch between two
// transitions that the last one was in. Thread-compatible.
class ZoneClock {
 public:
  explicit ZoneClock(absl::TimeZone zone) : zone_(zone) {}

  // `local_s` counts seconds since 1970-01-01T00:00:00 on the zone's own clocks; the result counts them in UTC. A time
  // that exists twice (clocks set back) is the one nearer to the last result, the first of the two to begin with, so
  // that a log that runs through the change stays in order. A time that never was (clocks set forward) is taken as if
  // they had not been.
  int64_t ToUtc(int64_t local_s);

 private:
  int64_t Lookup(int64_t local_s);

  absl::TimeZone zone_;
  int64_t valid_from_ = 0, valid_until_ = 0;  // local [from, until): one offset, each time exists once
  int64_t offset_s_ = 0;
  int64_t last_utc_s_ = INT64_MIN;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_LOG_TIME_H_
