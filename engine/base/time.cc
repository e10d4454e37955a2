// Event time for people and for files.
#include "engine/base/time.h"

#include <cstdio>

namespace sekisho {
namespace {

// Days since 1970-01-01 to a proleptic Gregorian date, by counting 400-year cycles from 0000-03-01.
void CivilFromDays(int64_t z, int64_t* y, unsigned* m, unsigned* d) {
  z += 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const unsigned doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  *d = doy - (153 * mp + 2) / 5 + 1;
  *m = mp < 10 ? mp + 3 : mp - 9;
  *y = static_cast<int64_t>(yoe) + era * 400 + (*m <= 2 ? 1 : 0);
}

}  // namespace

std::string FormatRfc3339(EventTime t) {
  if (t.never()) return "never";
  const int64_t day = t.day();
  const int64_t ms = t.millis() - day * 86'400'000;
  int64_t y;
  unsigned m, d;
  CivilFromDays(day, &y, &m, &d);
  char buf[64];
  std::snprintf(buf, sizeof buf, "%04lld-%02u-%02uT%02d:%02d:%02d.%03d+00:00", static_cast<long long>(y), m, d,
                static_cast<int>(ms / 3'600'000), static_cast<int>(ms / 60'000 % 60),
                static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000));
  return buf;
}

std::string FormatSpan(Span s) {
  int64_t ms = s.millis();
  std::string out = ms < 0 ? "-" : "";
  if (ms < 0) ms = -ms;
  if (ms < 1000) return out + std::to_string(ms) + "ms";
  struct Unit {
    int64_t ms;
    const char* name;
  };
  constexpr Unit kUnits[] = {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}};
  int printed = 0;
  for (const Unit& u : kUnits) {
    const int64_t n = ms / u.ms;
    ms %= u.ms;
    if (n == 0) {
      if (printed > 0) break;
      continue;
    }
    if (printed > 0) out += ' ';
    out += std::to_string(n) + u.name;
    if (++printed == 2) break;
  }
  return out;
}

}  // namespace sekisho
