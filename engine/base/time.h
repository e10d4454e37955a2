// Event time as a value. Nothing here reads a clock: see clock.h for the only place that does.
//
// One unit everywhere, the millisecond: syslog gives seconds, RFC 5424 and event exports give more, and two mail
// hosts never agree within one. Intervals are written with brackets wherever a window is named.
#ifndef SEKISHO_ENGINE_BASE_TIME_H_
#define SEKISHO_ENGINE_BASE_TIME_H_

#include <compare>
#include <cstdint>
#include <string>

namespace sekisho {

// A length of time in milliseconds. May be negative.
class Span {
 public:
  constexpr Span() = default;
  static constexpr Span Millis(int64_t n) { return Span(n); }
  static constexpr Span Seconds(int64_t n) { return Span(n * 1000); }
  static constexpr Span Minutes(int64_t n) { return Seconds(n * 60); }
  static constexpr Span Hours(int64_t n) { return Minutes(n * 60); }
  static constexpr Span Days(int64_t n) { return Hours(n * 24); }
  constexpr int64_t millis() const { return ms_; }
  // Whole seconds, rounded towards zero.
  constexpr int64_t seconds() const { return ms_ / 1000; }
  constexpr auto operator<=>(const Span&) const = default;
  constexpr Span operator+(Span o) const { return Span(ms_ + o.ms_); }
  constexpr Span operator-(Span o) const { return Span(ms_ - o.ms_); }
  constexpr Span operator*(int64_t n) const { return Span(ms_ * n); }
  constexpr Span operator/(int64_t n) const { return Span(ms_ / n); }

 private:
  constexpr explicit Span(int64_t ms) : ms_(ms) {}
  int64_t ms_ = 0;
};

// A point in event time: milliseconds since 1970-01-01T00:00:00Z. The default value means "never".
class EventTime {
 public:
  constexpr EventTime() = default;
  static constexpr EventTime FromMillis(int64_t ms) { return EventTime(ms); }
  static constexpr EventTime FromSeconds(int64_t s) { return EventTime(s * 1000); }
  // Earlier than every time that a log can carry.
  static constexpr EventTime Never() { return EventTime(); }
  constexpr int64_t millis() const { return ms_; }
  constexpr bool never() const { return ms_ == kNever; }
  // The day number in UTC since 1970-01-01.
  constexpr int64_t day() const { return ms_ >= 0 ? ms_ / 86'400'000 : (ms_ - 86'399'999) / 86'400'000; }
  constexpr auto operator<=>(const EventTime&) const = default;
  constexpr EventTime operator+(Span s) const { return EventTime(ms_ + s.millis()); }
  constexpr EventTime operator-(Span s) const { return EventTime(ms_ - s.millis()); }
  constexpr Span operator-(EventTime o) const { return Span::Millis(ms_ - o.ms_); }

 private:
  static constexpr int64_t kNever = INT64_C(-4611686018427387904);  // far from overflow under + and -
  constexpr explicit EventTime(int64_t ms) : ms_(ms) {}
  int64_t ms_ = kNever;
};

// RFC 3339 in UTC with milliseconds: "2026-03-01T09:00:00.000+00:00". "never" for EventTime::Never().
std::string FormatRfc3339(EventTime t);

// "1d 2h", "3h 10m", "45s", "250ms": at most two units, for people.
std::string FormatSpan(Span s);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_TIME_H_
