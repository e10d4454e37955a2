// What entity shards think of source networks, as an account shard remembers it. Part of the fold's state: changed by
// records in the log alone, and expiring in event time.
#ifndef SEKISHO_ENGINE_WINDOW_JUDGEMENTS_H_
#define SEKISHO_ENGINE_WINDOW_JUDGEMENTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"
#include "engine/model/order.h"

namespace sekisho {

// Networks judged bad. About 150 B each in memory and 20 B in every snapshot's marker, which is written each second: more than
// these at once are a botnet that no list of networks describes, and those that would expire first give way.
inline constexpr size_t kJudgedMax = 20'000;
// Entity shards whose place is remembered. Batches of more of them are dropped.
inline constexpr size_t kEntityShardsMax = 4096;

struct Judged {
  int32_t score_milli = 0;  // lower confidence bound of bad / (bad + good) accounts, in thousandths; 0: not judged
  uint32_t bad_accounts = 0;
  EventTime expires;
};

// Thread-compatible.
class Judgements {
 public:
  explicit Judgements(size_t most = kJudgedMax) : most_(most) {}

  // False: this batch, or a later one of that entity shard, was applied before; nothing changes. A judgement of score 0
  // takes an earlier one back. Networks of another size than SourceNetworkBits are for later versions.
  bool Apply(const JudgementBatch& batch);

  // Of the network that the address is in.
  Judged Of(const IpAddress& ip, EventTime at) const;

  size_t size() const { return judged_.size(); }

  void Encode(ByteWriter* out) const;
  bool Decode(ByteReader* in);

 private:
  void Put(const IpAddress& network, const Judged& judged);
  void Drop(std::map<IpAddress, Judged>::iterator entry);

  size_t most_;
  std::map<PartitionId, Offset> marks_;  // the last batch of each entity shard
  std::map<IpAddress, Judged> judged_;   // by first address
  std::set<std::pair<EventTime, IpAddress>> expiries_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_JUDGEMENTS_H_
