// Goal: distances between countries are right where they matter and err on the near side elsewhere. Method: known great
// circles, and each pair against the same places in floating point.
#include "engine/window/country_distance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace sekisho {
namespace {

constexpr uint16_t C(const char (&code)[3]) { return static_cast<uint16_t>(code[0] << 8 | code[1]); }

struct CountryPoint {
  uint16_t country;
  double x, y, z;
};
const std::vector<CountryPoint> kPlaces = {
#include "engine/window/country_points.inc"
};

TEST(CountryDistanceTest, KnownGreatCircles) {
  const auto whole = [](uint16_t a, uint16_t b) { return CountryDistanceKm(a, b) + kCountryReachKm; };
  EXPECT_NEAR(static_cast<double>(whole(C("JP"), C("TW"))), 2'100, 30);   // Tokyo, Taipei
  EXPECT_NEAR(static_cast<double>(whole(C("JP"), C("GB"))), 9'560, 60);   // Tokyo, London
  EXPECT_NEAR(static_cast<double>(whole(C("JP"), C("KR"))), 1'160, 30);   // Tokyo, Seoul
  EXPECT_NEAR(static_cast<double>(whole(C("KE"), C("NG"))), 3'830, 60);   // Nairobi, Lagos
}

TEST(CountryDistanceTest, NeighboursOneCountryAndTheUnknownAreNoDistance) {
  EXPECT_EQ(CountryDistanceKm(C("DE"), C("FR")), 0);
  EXPECT_EQ(CountryDistanceKm(C("JP"), C("JP")), 0);
  EXPECT_EQ(CountryDistanceKm(C("JP"), 0), 0);
  EXPECT_EQ(CountryDistanceKm(C("ZZ"), C("JP")), 0);
}

TEST(CountryDistanceTest, EachPairAgainstFloatingPoint) {
  ASSERT_GT(kPlaces.size(), 400u);
  ASSERT_TRUE(std::is_sorted(kPlaces.begin(), kPlaces.end(), [](const CountryPoint& a, const CountryPoint& b) { return a.country < b.country; }));
  std::vector<uint16_t> countries;
  for (const CountryPoint& p : kPlaces) {
    if (countries.empty() || countries.back() != p.country) countries.push_back(p.country);
  }
  for (const uint16_t a : countries) {
    for (const uint16_t b : countries) {
      double nearest = 1e9;
      for (const CountryPoint& p : kPlaces) {
        if (p.country != a) continue;
        for (const CountryPoint& q : kPlaces) {
          if (q.country != b) continue;
          const double chord = std::hypot(p.x - q.x, p.y - q.y, p.z - q.z) / 10'000;
          nearest = std::min(nearest, 2 * std::asin(std::min(1.0, chord / 2)) * 6'371);
        }
      }
      const auto got = static_cast<double>(CountryDistanceKm(a, b));
      if (a == b || nearest < kCountryReachKm) {
        ASSERT_LE(got, 1);
        continue;
      }
      ASSERT_LE(got, nearest - kCountryReachKm + 2) << a << " " << b;
      ASSERT_GE(got, nearest * 0.83 - kCountryReachKm - 2) << a << " " << b;
      if (nearest < 10'000) {
        ASSERT_GE(got, nearest * 0.995 - kCountryReachKm - 2) << a << " " << b;
      }
      ASSERT_EQ(CountryDistanceKm(a, b), CountryDistanceKm(b, a));
    }
  }
}

}  // namespace
}  // namespace sekisho
