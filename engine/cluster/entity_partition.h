// The fold of an entity shard: sightings of source networks in, judgements of them out. Runs under the same Worker as the fold
// of accounts, with the same promises; it reads no clock either.
//
// Each account counts once for a network, by the worst that was seen of it there in the last 72 h:
//   suspended   bad
//   suspected   neither: what is to come of it isn't known yet
//   used        good
// A network is judged by the lower confidence bound of bad / (bad + good): of few accounts little follows, and a carrier's pool
// with its thousands of customers stays clean whatever happens there.
//
// Time is the newest sighting's. Networks are judged when a minute of it has passed, and one at once when an account was
// suspended over it. What is said is only what changed; it expires 72 h after the last bad sighting.
//
// A network that a hundredth of all accounts lately seen use, and no fewer than kSuperSourceMin, is everybody's: a proxy of the
// operator's own, a carrier's gateway. It is never judged, even if a mistake of ours suspended all of them.
//
// All of the state is in the marker's globals: what a shard may remember is bounded, most of it moves within a day, and what
// was forgotten must not linger in a compacted topic for ever. So its worker commits more seldom than one of accounts.
#ifndef SEKISHO_ENGINE_CLUSTER_ENTITY_PARTITION_H_
#define SEKISHO_ENGINE_CLUSTER_ENTITY_PARTITION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"
#include "engine/cluster/fold.h"
#include "engine/model/order.h"
#include "engine/model/sighting.h"
#include "engine/stream/log.h"

namespace sekisho {

// Networks of one entity shard; the one longest unseen is forgotten. With ten accounts each 500 B in memory, 130 B in a marker.
inline constexpr size_t kNetworksMax = 20'000;
// Accounts of one network. Beyond it, those of less concern give way, the longest unseen first.
inline constexpr size_t kNetworkAccountsMax = 256;
// Account shards whose place is remembered.
inline constexpr size_t kAccountShardsMax = 4096;
inline constexpr Span kSightingLasts = Span::Hours(72);
inline constexpr uint32_t kBadAccountsMin = 2;
inline constexpr int32_t kBadShareMin = 100;  // thousandths; below it a network is as good as any
inline constexpr uint64_t kSuperSourceMin = 100;
inline constexpr uint64_t kSuperSourcePart = 100;  // one in so many accounts
// In one batch, so that it fits into a record; the others wait for the next minute.
inline constexpr size_t kJudgementsPerBatch = 5000;

// Lower end of the one-sided 95% Wilson interval of bad / (bad + good), in thousandths.
int32_t BadShareMilli(uint32_t bad, uint32_t good);

struct EntityStats {
  uint64_t sightings = 0;      // folded
  uint64_t repeats = 0;        // seen before, dropped
  uint64_t late = 0;           // older than kSightingLasts
  uint64_t unusable = 0;
  uint64_t judgements = 0;
  uint64_t super_sources = 0;  // judgements that were not made, because the network is everybody's
  uint64_t forgotten = 0;      // networks, because there were too many
};

// Says how many of a few hundred thousand hashes differ, within about 7%: the kept ones are the smallest.
class DistinctEstimate {
 public:
  void Add(uint64_t hash);
  uint64_t count() const;
  void Encode(ByteWriter* out) const;
  bool Decode(ByteReader* in);

 private:
  static constexpr size_t kKept = 256;
  std::set<uint64_t> smallest_;
};

// What is the same for every entity shard.
struct EntitySetup {
  Hash128 log_id;  // of the log of sightings
  // Told of a network that would be judged if it weren't everybody's, at most once a day and object; never of replayed records.
  // May be null. Changes nothing.
  std::function<void(PartitionId, const IpAddress& network, uint64_t accounts)> on_super_source;
};

class EntityPartition final : public PartitionFold {
 public:
  // As OpenFold; `setup` outlives it too.
  //   FailedPrecondition  the state is of another log, or of a later version
  //   DataLoss            the state is damaged
  static absl::StatusOr<std::unique_ptr<EntityPartition>> Open(const EntitySetup* setup, PartitionId id, RecordStore* store,
                                                               Offset fresh_from, FoldCounts* counts = nullptr);

  absl::Status Fold(const LogBatch& batch, Offset published, std::vector<Output>* outputs) override;
  Offset next() const override { return next_; }
  bool freeze_due() const override { return false; }
  // All of it is in the marker, so it is whole at once.
  void BeginFreeze() override;
  bool FreezeSome(size_t*) override { return true; }
  SnapshotPart TakeFrozen() override { return std::move(freezing_); }
  absl::Status Thaw() override { return absl::OkStatus(); }

  size_t networks() const { return networks_.size(); }
  const EntityStats& stats() const { return stats_; }

 private:
  struct Seen {
    uint64_t account = 0;  // of its id
    SightingKind kind = SightingKind::kUsed;
    EventTime at;
  };
  struct Network {
    std::vector<Seen> accounts;  // at most kNetworkAccountsMax
    EventTime last;
    // What was said last; score 0: nothing, or that it isn't bad any more.
    int32_t score_milli = 0;
    uint32_t bad = 0;
    EventTime expires;
  };
  using Networks = std::map<IpAddress, Network>;

  EntityPartition(const EntitySetup* setup, PartitionId id, Offset fresh_from, FoldCounts* counts);
  absl::Status Restore(const StateMarker& stored);
  void FoldSighting(const Sighting& sighting);
  void Note(const Sighting& sighting, Network* network);
  void Forget(Networks::iterator network);
  void Judge(const IpAddress& address);
  void JudgeChanged();
  uint64_t AccountsLately() const;

  const EntitySetup* const setup_;
  const PartitionId id_;
  FoldCounts* const counts_;
  Offset next_;
  EventTime now_;
  int64_t minute_ = 0;  // of the last judging
  std::map<PartitionId, SightingPlace> marks_;
  Networks networks_;
  std::set<std::pair<EventTime, IpAddress>> by_last_;
  std::set<IpAddress> changed_;  // since the last judging
  std::set<IpAddress> judged_;   // whose score isn't 0
  int64_t day_ = 0;
  DistinctEstimate today_, yesterday_;  // accounts
  std::vector<Judgement> judgements_;   // of the present record
  std::map<IpAddress, uint64_t> super_sources_;  // of the present record, with their accounts
  std::set<IpAddress> super_said_;      // today
  SnapshotPart freezing_;
  EntityStats stats_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_ENTITY_PARTITION_H_
