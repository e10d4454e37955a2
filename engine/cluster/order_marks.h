// Which orders a partition has obeyed: each one once, however often a copy of it turns up, for ever, in bounded memory.
//
// A copy can't be told by its signature, which is as good as the first one's. So the newest kOrderMarksMax orders are known by
// operator and nonce, and what was given before the oldest of those is refused as stale.
#ifndef SEKISHO_ENGINE_CLUSTER_ORDER_MARKS_H_
#define SEKISHO_ENGINE_CLUSTER_ORDER_MARKS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/time.h"
#include "engine/model/order.h"

namespace sekisho {

// 14 B each in every marker. An order that waits while so many later ones overtake it is lost: it has to be given again.
inline constexpr size_t kOrderMarksMax = 1024;

// Thread-compatible.
class OrderMarks {
 public:
  explicit OrderMarks(size_t most = kOrderMarksMax) : most_(most) {}

  enum class Outcome : uint8_t { kNew, kRepeat, kStale };
  // After kNew the order is known.
  Outcome Take(const Order& order);

  void Encode(ByteWriter* out) const;
  bool Decode(ByteReader* in);

 private:
  size_t most_;
  std::set<std::pair<EventTime, uint64_t>> by_time_;  // with a hash of operator and nonce
  EventTime stale_;  // orders of this time or earlier were forgotten; Never(): none
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_ORDER_MARKS_H_
