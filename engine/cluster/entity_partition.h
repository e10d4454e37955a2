// The fold of an entity shard: sightings of source networks, customer domains and campaigns in, judgements of them out. Runs under
// the same Worker as the fold of accounts, with the same promises; it reads no clock either.
//
// Each account counts once for a network, by the worst that was seen of it there in the last 72 h:
//   suspended   bad
//   suspected   neither: what is to come of it isn't known yet
//   used        good
// A network is judged by the lower confidence bound of bad / (bad + good): of few accounts little follows, and a carrier's pool
// with its thousands of customers stays clean whatever happens there.
//
// A domain is judged by its accounts likewise, so that what happens within 6 h to a company of twenty isn't what happens within 6 h
// to the ten thousand of a provider:
//   turned      suspected or suspended within the last 6 h: bad. Those that turned over one network count as one: an office that
//               has moved, a family in one hotel, a company's new gateway.
//   used        within 72 h: good
// It is judged once it has been known for a day, for at first most of its accounts haven't been seen yet. One with
// kNetworkAccountsMax active accounts or more is no company's, and isn't judged at all.
//
// A campaign is judged by the accounts that strays sent such messages from within one hour: turned ones, counted as above, are bad,
// others good.
//
// Time is the newest sighting's. All are judged when a minute of it has passed, and one at once when an account was suspended
// over it, or turned. What is said is only what changed; it expires 72 h (6 h, 1 h) after the last bad sighting.
//
// A network that a hundredth of all accounts lately seen use, and no fewer than kSuperSourceMin, is everybody's: a proxy of the
// operator's own, a carrier's gateway. It is never judged, even if a mistake of ours suspended all of them.
//
// All of the state is in the marker's globals: what a shard may remember is bounded, most of it moves within a day, and what
// was forgotten must not linger in a compacted topic for ever. So its worker commits more seldom than one of accounts.
#ifndef SEKISHO_ENGINE_CLUSTER_ENTITY_PARTITION_H_
#define SEKISHO_ENGINE_CLUSTER_ENTITY_PARTITION_H_

#include <array>
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

#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
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

// Networks of one entity shard, domains, and campaigns: so many each; the one longest unseen is forgotten. With ten accounts each
// 600 B in memory, 130 B in a marker (a domain: 210 B).
inline constexpr size_t kNetworksMax = 20'000;
// Accounts of one entity. Beyond it, those of less concern give way, the longest unseen first.
inline constexpr size_t kNetworkAccountsMax = 256;
// Account shards whose place is remembered.
inline constexpr size_t kAccountShardsMax = 4096;
inline constexpr Span kSightingLasts = Span::Hours(72);
inline constexpr Span kDomainTurnsWithin = Span::Hours(6);
inline constexpr Span kDomainKnownFor = Span::Hours(24);
inline constexpr Span kCampaignLasts = Span::Hours(1);
inline constexpr uint32_t kBadAccountsMin = 2;
inline constexpr int32_t kBadShareMin = 100;  // thousandths; below it a network is as good as any
// Accounts of one domain, and their share; so few are told, and the policy says how many it takes.
inline constexpr uint32_t kDomainBadMin = 2;
inline constexpr int32_t kDomainShareMin = 15;
inline constexpr uint32_t kCampaignBadMin = 3;
inline constexpr int32_t kCampaignShareMin = 250;
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
  uint64_t forgotten = 0;      // entities, because there were too many
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

  size_t entities() const { return entities_.size(); }
  const EntityStats& stats() const { return stats_; }

 private:
  struct Seen {
    uint64_t account = 0;  // of its id
    SightingKind kind = SightingKind::kUsed;
    EventTime at;
    uint64_t network = 0;  // over which it turned; 0: of no known one. Not of networks
  };
  struct Known {
    std::vector<Seen> accounts;  // at most kNetworkAccountsMax
    EventTime first, last;       // of networks, first isn't kept
    EventTime listed;            // where by_last_ has it: at most `last`
    // What was said last; score 0: nothing, or that it isn't bad any more.
    int32_t score_milli = 0;
    uint32_t bad = 0;
    EventTime expires;
  };
  // Found by hash, for every sighting asks; whatever is said or written goes through them in the order of their names.
  using Entities = absl::node_hash_map<Entity, Known>;
  // What an entity's accounts say of it.
  struct Tally {
    uint32_t bad = 0, good = 0;
    EventTime newest_bad;
  };

  EntityPartition(const EntitySetup* setup, PartitionId id, Offset fresh_from, FoldCounts* counts);
  absl::Status Restore(const StateMarker& stored);
  void FoldSighting(const Sighting& sighting);
  // True: the account is worse than it was.
  bool Note(const Sighting& sighting, Known* known);
  // Of those of a kind; there is at least one.
  Entities::iterator LongestUnseen(EntityKind kind);
  void ForgetOld();
  void Forget(Entities::iterator entity);
  Tally Count(EntityKind kind, const Known& known) const;
  bool Everybodys(const Entity& entity, const Known& known);
  void Judge(const Entity& entity);
  void JudgeChanged();
  uint64_t AccountsLately() const;
  std::set<std::pair<EventTime, Entity>>& LastOf(EntityKind kind) { return by_last_[static_cast<size_t>(kind) - 1]; }

  const EntitySetup* const setup_;
  const PartitionId id_;
  FoldCounts* const counts_;
  Offset next_;
  EventTime now_;
  int64_t minute_ = 0;  // of the last judging
  std::map<PartitionId, SightingPlace> marks_;
  Entities entities_;
  // By EntityKind. A sighting doesn't move its entity here: LongestUnseen does, when its turn comes.
  std::array<std::set<std::pair<EventTime, Entity>>, kEntityKinds> by_last_;
  absl::flat_hash_set<Entity> changed_;  // since the last judging
  std::set<Entity> judged_;   // whose score isn't 0
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
