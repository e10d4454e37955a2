// Counts of accounts by country.
#include "engine/window/population.h"

#include <algorithm>

namespace sekisho {

void Population::AddAccount(uint16_t country) {
  if (country == 0) return;
  ++total_;
  for (Count& c : counts_) {
    if (c.country == country) {
      ++c.accounts;
      return;
    }
  }
  counts_.push_back({country, 1});
}

bool Population::Home(uint16_t country) const {
  if (country == 0) return false;
  if (std::find(named_.begin(), named_.end(), country) != named_.end()) return true;
  if (total_ < kAccountsMin) return false;
  for (const Count& c : counts_) {
    if (c.country == country) return c.accounts * 10 >= total_;
  }
  return false;
}

void Population::Encode(ByteWriter* out) const {
  out->PutZigzag(log_began.millis());
  out->PutVarint(counts_.size());
  for (const Count& c : counts_) {
    out->PutVarint(c.country);
    out->PutVarint(c.accounts);
  }
}

bool Population::Decode(ByteReader* in) {
  log_began = EventTime::FromMillis(in->Zigzag());
  const uint64_t n = in->Varint();
  counts_.clear();
  total_ = 0;
  for (uint64_t i = 0; i < n && in->ok(); ++i) {
    const uint64_t country = in->Varint();
    const uint64_t accounts = in->Varint();
    if (country > 0xffff) return false;
    counts_.push_back({static_cast<uint16_t>(country), accounts});
    total_ += accounts;
  }
  return in->ok();
}

}  // namespace sekisho
