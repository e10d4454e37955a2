#include "engine/cluster/order_marks.h"

#include "engine/base/hash.h"

namespace sekisho {

OrderMarks::Outcome OrderMarks::Take(const Order& order) {
  if (!stale_.never() && order.time <= stale_) return Outcome::kStale;
  // The time is part of what was signed, so a copy has the same one.
  const std::pair key(order.time, PinnedHash64(order.operator_name, order.nonce));
  if (!by_time_.insert(key).second) return Outcome::kRepeat;
  if (by_time_.size() > most_) {
    stale_ = by_time_.begin()->first;
    while (!by_time_.empty() && by_time_.begin()->first <= stale_) by_time_.erase(by_time_.begin());
  }
  return Outcome::kNew;
}

void OrderMarks::Encode(ByteWriter* out) const {
  out->PutZigzag(stale_.millis());
  out->PutVarint(by_time_.size());
  for (const auto& [time, key] : by_time_) {
    out->PutZigzag(time.millis());
    out->PutFixed64(key);
  }
}

bool OrderMarks::Decode(ByteReader* in) {
  by_time_.clear();
  stale_ = EventTime::FromMillis(in->Zigzag());
  constexpr size_t kMarkBytesMin = 9;
  for (size_t n = in->Length(kMarkBytesMin); n > 0 && in->ok(); --n) {
    const EventTime time = EventTime::FromMillis(in->Zigzag());
    by_time_.emplace(time, in->Fixed64());
  }
  return in->ok() && by_time_.size() <= most_;
}

}  // namespace sekisho
