// What entity shards think of source networks, customer domains and campaigns, as an account shard remembers it. Part of the fold's state: changed by
// records in the log alone, and expiring in event time.
#ifndef SEKISHO_ENGINE_WINDOW_JUDGEMENTS_H_
#define SEKISHO_ENGINE_WINDOW_JUDGEMENTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/base/bytes.h"
#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"
#include "engine/model/order.h"
#include "engine/model/sighting.h"

namespace sekisho {

// Networks judged bad. About 150 B each in memory and 20 B in every snapshot's marker, which is written each second: more than
// these at once are a botnet that no list of networks describes, and those that would expire first give way.
inline constexpr size_t kJudgedMax = 20'000;
// Domains, and campaigns, likewise: a table of their own each, because they expire so much sooner that networks would push them out.
inline constexpr size_t kJudgedCohortsMax = 4'000;
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
  explicit Judgements(size_t networks_max = kJudgedMax, size_t cohorts_max = kJudgedCohortsMax)
      : tables_{Table{networks_max, {}, {}}, Table{cohorts_max, {}, {}}, Table{cohorts_max, {}, {}}} {}

  // False: this batch, or a later one of that entity shard, was applied before; nothing changes. A judgement of score 0
  // takes an earlier one back. Networks of another size than SourceNetworkBits are for later versions.
  bool Apply(const JudgementBatch& batch);

  // Of the network that the address is in.
  Judged Of(const IpAddress& ip, EventTime at) const;
  Judged OfDomain(std::string_view login, EventTime at) const;
  Judged OfCampaign(uint64_t pattern, EventTime at) const;

  size_t size() const;

  void Encode(ByteWriter* out) const;
  bool Decode(ByteReader* in);

 private:
  struct Table {
    size_t most;
    absl::flat_hash_map<Entity, Judged> judged;
    std::set<std::pair<EventTime, Entity>> expiries;
    void Put(const Entity& entity, const Judged& judged);
    void Drop(absl::flat_hash_map<Entity, Judged>::iterator entry);
    Judged Find(const Entity& entity, EventTime at) const;
  };
  Table& TableOf(EntityKind kind) { return tables_[static_cast<size_t>(kind) - 1]; }
  const Table& TableOf(EntityKind kind) const { return tables_[static_cast<size_t>(kind) - 1]; }

  std::map<PartitionId, Offset> marks_;  // the last batch of each entity shard
  std::array<Table, kEntityKinds> tables_;  // by EntityKind
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_JUDGEMENTS_H_
