// Pinned randomness: the same key gives the same numbers on every machine and with every standard library
// (whose distributions differ), so the same options always give the same bytes. Never for secrets.
//
// A generator is cheap to make and keyed by what it decides ("account 17, day 3, sending"), so nothing has to
// be remembered from one day to the next and a day can be made without making those before it.
//
// The order in which a function's arguments are evaluated is the compiler's: never draw twice in one call's
// arguments.
#ifndef SEKISHO_ENGINE_SIMULATE_RANDOM_H_
#define SEKISHO_ENGINE_SIMULATE_RANDOM_H_

#include <cstdint>
#include <initializer_list>

#include "engine/base/hash.h"

namespace sekisho::simulate {

// Mixes any number of integers into one key. Order matters.
inline uint64_t Key(std::initializer_list<uint64_t> parts) {
  uint64_t key = 0x5e4b1540a11ce000ull;
  for (uint64_t part : parts) key = PinnedMix64(key ^ PinnedMix64(part));
  return key;
}

// Natural logarithm of x > 0 and exponential of |x| < 700, from the four operations alone, so that the
// mathematical library of the machine has no say. Good to about 1e-12, relative.
double PinnedLog(double x);
double PinnedExp(double x);

// xoshiro256** (Blackman and Vigna), its state filled by SplitMix64 as its authors advise. Thread-compatible.
class Random {
 public:
  explicit Random(uint64_t key);

  uint64_t Next();
  // Uniform in [0, n); 0 for n = 0.
  uint64_t Below(uint64_t n);
  // Uniform in [low, high], both included; low for an empty range.
  int64_t Between(int64_t low, int64_t high);
  // Uniform in [0, 1).
  double Real();
  bool Chance(double probability) { return Real() < probability; }
  // Exponentially distributed with that mean.
  double Exponential(double mean);
  // Standard normal.
  double Normal();
  // exp of a normal: half of the values lie below `median`; `sigma` is that of the logarithm.
  double LogNormal(double median, double sigma);
  // Between low and high, each power of ten as likely as the next.
  double LogUniform(double low, double high) { return low * PinnedExp(Real() * PinnedLog(high / low)); }
  // Poisson distributed; exact below a mean of 30, a rounded normal above.
  int Poisson(double mean);
  // 0, 1, 2, … with that mean, each next one a constant factor rarer.
  int Geometric(double mean);
  // An index in [0, n) that favours small ones: index i about as often as 1 / (i + 2). 0 for n = 0.
  uint64_t Zipf(uint64_t n);
  // An index with the probability of its weight; weights are not negative and not all 0.
  int Weighted(const double* weights, int count);

 private:
  uint64_t state_[4];
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_RANDOM_H_
