// Goal: pinned randomness has the distributions it claims, and the very same numbers for ever.
// Method: compare with the mathematical library, with expected means over many draws, and with stored
// numbers.
#include "engine/simulate/random.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"

namespace sekisho::simulate {
namespace {

TEST(RandomTest, PinnedFunctionsAgreeWithTheLibrary) {
  for (double x = 1e-6; x < 1e6; x *= 1.37) {
    EXPECT_NEAR(PinnedLog(x), std::log(x), 1e-11 * std::max(1.0, std::abs(std::log(x))));
  }
  for (double x = -50; x < 50; x += 0.37) EXPECT_NEAR(PinnedExp(x) / std::exp(x), 1.0, 1e-11);
}

TEST(RandomTest, DistributionsHaveTheirMeans) {
  Random random(18);
  double exponential = 0, poisson_small = 0, poisson_large = 0, geometric = 0, normal = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    exponential += random.Exponential(3);
    poisson_small += random.Poisson(2.5);
    poisson_large += random.Poisson(80);
    geometric += random.Geometric(4);
    normal += random.Normal();
    EXPECT_LT(random.Zipf(10), 10u);
  }
  EXPECT_NEAR(exponential / kDraws, 3, 0.05);
  EXPECT_NEAR(poisson_small / kDraws, 2.5, 0.03);
  EXPECT_NEAR(poisson_large / kDraws, 80, 0.2);
  EXPECT_NEAR(geometric / kDraws, 4, 0.06);
  EXPECT_NEAR(normal / kDraws, 0, 0.01);
}

TEST(RandomTest, FirstNumbersArePinned) {
  // The numbers of the first version: a change here changes every simulated log.
  Random random(1);
  EXPECT_EQ(random.Next(), 12966619160104079557u);
  EXPECT_EQ(random.Next(), 9600361134598540522u);
}

}  // namespace
}  // namespace sekisho::simulate
