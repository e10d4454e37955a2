#include "engine/simulate/random.h"

#include <bit>

namespace sekisho::simulate {

double PinnedLog(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>((bits >> 52) & 0x7ff) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull);
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5;
    ++exponent;
  }
  // log(m) = 2 artanh((m - 1) / (m + 1)), |t| <= 0.172.
  const double t = (mantissa - 1.0) / (mantissa + 1.0);
  const double t2 = t * t;
  double series = 0.0;
  for (int n = 17; n >= 1; n -= 2) series = series * t2 + 1.0 / n;
  return 2.0 * t * series + exponent * 0.69314718055994530942;
}

double PinnedExp(double x) {
  const double scaled = x * 1.44269504088896340736;
  const int k = static_cast<int>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  const double r = x - k * 0.69314718055994530942;  // |r| <= 0.35
  double series = 1.0;
  for (int n = 14; n >= 1; --n) series = 1.0 + series * r / n;
  return series * std::bit_cast<double>(static_cast<uint64_t>(k + 1023) << 52);
}

Random::Random(uint64_t key) {
  for (uint64_t& word : state_) {
    word = PinnedMix64(key);
    key += 0x9e3779b97f4a7c15ull;
  }
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t n) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
}

int64_t Random::Between(int64_t low, int64_t high) {
  if (high <= low) return low;
  return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
}

double Random::Real() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Random::Exponential(double mean) { return -mean * PinnedLog(1.0 - Real()); }

double Random::Normal() {
  // Twelve uniform numbers have variance 1; their sum is close enough to normal for habits and sizes.
  double sum = -6.0;
  for (int i = 0; i < 12; ++i) sum += Real();
  return sum;
}

double Random::LogNormal(double median, double sigma) { return median * PinnedExp(sigma * Normal()); }

int Random::Poisson(double mean) {
  if (mean <= 0) return 0;
  if (mean > 30) {
    double root = mean;  // Newton's square root
    for (int i = 0; i < 40; ++i) root = 0.5 * (root + mean / root);
    const double value = mean + root * Normal() + 0.5;
    return value < 0 ? 0 : static_cast<int>(value);
  }
  const double limit = PinnedExp(-mean);
  double product = Real();
  int n = 0;
  while (product > limit) {
    product *= Real();
    ++n;
  }
  return n;
}

int Random::Geometric(double mean) {
  return static_cast<int>(Exponential(1.0 / PinnedLog(1.0 + 1.0 / mean)));
}

uint64_t Random::Zipf(uint64_t n) {
  if (n == 0) return 0;
  const double span = PinnedLog(static_cast<double>(n) + 2.0) - 0.69314718055994530942;
  const double x = PinnedExp(0.69314718055994530942 + Real() * span) - 2.0;
  const uint64_t index = x <= 0 ? 0 : static_cast<uint64_t>(x);
  return index < n ? index : n - 1;
}

int Random::Weighted(const double* weights, int count) {
  double total = 0;
  for (int i = 0; i < count; ++i) total += weights[i];
  double x = Real() * total;
  for (int i = 0; i < count; ++i) {
    x -= weights[i];
    if (x < 0) return i;
  }
  for (int i = count - 1; i > 0; --i) {
    if (weights[i] > 0) return i;
  }
  return 0;
}

}  // namespace sekisho::simulate
