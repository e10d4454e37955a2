// Great circles without floating point.
#include "engine/window/country_distance.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace sekisho {
namespace {

// A point of the unit sphere, in ten thousandths.
struct Point {
  uint16_t country;
  int16_t x, y, z;
};

constexpr uint16_t C(const char (&code)[3]) { return static_cast<uint16_t>(code[0] << 8 | code[1]); }

// Ordered by country.
constexpr Point kPoints[] = {
#include "engine/window/country_points.inc"
};

constexpr int64_t kUnit = 10'000;
constexpr int64_t kEarthRadiusKm = 6'371;

struct Points {
  const Point* begin;
  const Point* end;
};

Points Of(uint16_t country) {
  const auto [begin, end] =
      std::equal_range(std::begin(kPoints), std::end(kPoints), Point{country, 0, 0, 0},
                       [](const Point& a, const Point& b) { return a.country < b.country; });
  return {begin, end};
}

int64_t SquareRoot(int64_t v) {
  int64_t root = 0;
  for (int64_t bit = int64_t{1} << 16; bit > 0; bit >>= 1) {
    if ((root + bit) * (root + bit) <= v) root += bit;
  }
  return root;
}

// The arc over a chord (both in kUnit of the radius): 2 asin(c / 2) = c + c^3/24 + 3 c^5/640 + 5 c^7/7168 + 35 c^9/294912 + ...
// All terms are positive, so that to cut the series errs on the near side: by 0.1% at a quarter of the globe.
int64_t Arc(int64_t chord) {
  const int64_t square = chord * chord / kUnit;
  int64_t power = chord, arc = chord;
  constexpr std::array<std::array<int64_t, 2>, 4> kTerms = {{{1, 24}, {3, 640}, {5, 7168}, {35, 294'912}}};
  for (const auto& [times, over] : kTerms) {
    power = power * square / kUnit;
    arc += power * times / over;
  }
  return arc;
}

}  // namespace

int64_t CountryDistanceKm(uint16_t a, uint16_t b) {
  if (a == b) return 0;
  const Points from = Of(a), to = Of(b);
  int64_t nearest = INT64_MAX;
  for (const Point* p = from.begin; p != from.end; ++p) {
    for (const Point* q = to.begin; q != to.end; ++q) {
      const int64_t dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
      nearest = std::min(nearest, dx * dx + dy * dy + dz * dz);
    }
  }
  if (nearest == INT64_MAX) return 0;
  return std::max<int64_t>(0, Arc(SquareRoot(nearest)) * kEarthRadiusKm / kUnit - kCountryReachKm);
}

}  // namespace sekisho
