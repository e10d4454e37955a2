// Distinct values of an account's sources.
#ifndef SEKISHO_ENGINE_WINDOW_SMALL_SET_H_
#define SEKISHO_ENGINE_WINDOW_SMALL_SET_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/window/account_window.h"

namespace sekisho {

// Of at most kSourcesMax values; more aren't counted. Most accounts have one or two, so looking through them beats sorting and
// hashing. Thread-compatible.
class SmallSet {
 public:
  void Add(uint64_t v) {
    for (size_t i = 0; i < n_; ++i) {
      if (values_[i] == v) return;
    }
    if (n_ < values_.size()) values_[n_++] = v;
  }
  int64_t size() const { return static_cast<int64_t>(n_); }

 private:
  std::array<uint64_t, kSourcesMax> values_;
  size_t n_ = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_SMALL_SET_H_
