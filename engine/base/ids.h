// Different things have different types: these do not convert into each other.
#ifndef SEKISHO_ENGINE_BASE_IDS_H_
#define SEKISHO_ENGINE_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <string_view>

#include "engine/base/hash.h"

namespace sekisho {

// A partition of the input log, which is also a shard. Files are partition 0.
struct PartitionId {
  int32_t value = 0;
  auto operator<=>(const PartitionId&) const = default;
};

// A record's place in its partition. "Committed offset" always means the next one to process.
struct Offset {
  int64_t value = 0;
  auto operator<=>(const Offset&) const = default;
};

// Who an account is, to the engine: the pinned 128-bit hash of its canonical login.
struct AccountId {
  Hash128 hash;
  static AccountId FromLogin(std::string_view canonical_login) {
    return AccountId{PinnedHash128(canonical_login)};
  }
  auto operator<=>(const AccountId&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const AccountId& v) {
    return H::combine(std::move(h), v.hash);
  }
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_IDS_H_
