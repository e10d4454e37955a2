#include "engine/cluster/entity_partition.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <string>

#include "engine/cluster/marker.h"
#include "engine/model/entity_bytes.h"

namespace sekisho {
namespace {

// 2: domains and campaigns.
constexpr uint64_t kEntityFormat = 2;
constexpr int64_t kMinuteMs = 60'000;
// Less is no news.
constexpr int32_t kScoreStep = 20;

// How one kind of entity is judged.
struct Rules {
  Span lasts;       // a sighting
  Span bad_lasts;   // a bad one
  Span known_for;   // before it is judged at all
  uint32_t bad_min;
  int32_t share_min;  // thousandths; below it an entity is as good as any
  Span expiry_step;   // a later expiry by less is no news
};

constexpr std::array<Rules, kEntityKinds> kRules = {
    Rules{kSightingLasts, kSightingLasts, Span(), kBadAccountsMin, kBadShareMin, Span::Hours(1)},
    Rules{kSightingLasts, kDomainTurnsWithin, kDomainKnownFor, kDomainBadMin, kDomainShareMin, Span::Hours(1)},
    Rules{kCampaignLasts, kCampaignLasts, Span(), kCampaignBadMin, kCampaignShareMin, Span::Minutes(10)},
};

const Rules& RulesOf(EntityKind kind) { return kRules[static_cast<size_t>(kind) - 1]; }

bool Usable(const Sighting& sighting) {
  const bool network = sighting.prefix_bits == SourceNetworkBits(sighting.network);
  return sighting.entity == EntityKind::kNetwork ? network : sighting.key != Hash128() && (network || sighting.network.unspecified());
}

uint64_t Root(uint64_t n) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit > 0; bit >>= 1) {
    const uint64_t next = root | bit;
    if (next * next <= n) root = next;
  }
  return root;
}

}  // namespace

int32_t BadShareMilli(uint32_t bad, uint32_t good) {
  const uint64_t n = uint64_t{bad} + good;
  if (bad == 0) return 0;
  // z = 1.645: (bad + z²/2 - z √(bad good / n + z²/4)) / (n + z²), all in thousandths.
  constexpr uint64_t kZ2 = 2706, kHalfZ2 = 1353, kZ2Micro = 2'706'025, kZ4Quarter = 1'830'643;
  const uint64_t spread = Root(kZ2Micro * (uint64_t{bad} * good) / n + kZ4Quarter);
  const uint64_t most = 1000 * uint64_t{bad} + kHalfZ2;
  return most <= spread ? 0 : static_cast<int32_t>(1000 * (most - spread) / (1000 * n + kZ2));
}

void DistinctEstimate::Add(uint64_t hash) {
  if (smallest_.size() >= kKept && hash >= *smallest_.rbegin()) return;
  smallest_.insert(hash);
  if (smallest_.size() > kKept) smallest_.erase(std::prev(smallest_.end()));
}

uint64_t DistinctEstimate::count() const {
  if (smallest_.size() < kKept) return smallest_.size();
  return (kKept - 1) * (UINT64_MAX / std::max<uint64_t>(1, *smallest_.rbegin()));
}

void DistinctEstimate::Encode(ByteWriter* out) const {
  out->PutVarint(smallest_.size());
  for (const uint64_t hash : smallest_) out->PutFixed64(hash);
}

bool DistinctEstimate::Decode(ByteReader* in) {
  smallest_.clear();
  const size_t count = in->Length(sizeof(uint64_t));
  if (count > kKept) in->Fail();
  for (size_t i = 0; i < count && in->ok(); ++i) smallest_.insert(in->Fixed64());
  return in->ok();
}

EntityPartition::EntityPartition(const EntitySetup* setup, PartitionId id, Offset fresh_from, FoldCounts* counts)
    : setup_(setup), id_(id), counts_(counts), next_(fresh_from) {}

absl::StatusOr<std::unique_ptr<EntityPartition>> EntityPartition::Open(const EntitySetup* setup, PartitionId id, RecordStore* store,
                                                                       Offset fresh_from, FoldCounts* counts) {
  std::unique_ptr<EntityPartition> partition(new EntityPartition(setup, id, fresh_from, counts));
  if (store->marker().has_value()) {
    if (absl::Status status = partition->Restore(*store->marker()); !status.ok()) {
      return absl::Status(status.code(), store->name() + ": " + std::string(status.message()));
    }
  }
  return partition;
}

void EntityPartition::BeginFreeze() {
  ShardMarker marker;
  marker.next = next_;
  marker.log_id = setup_->log_id;
  marker.time = now_;
  ByteWriter out(&marker.globals);
  out.PutVarint(kEntityFormat);
  out.PutZigzag(now_.millis());
  out.PutZigzag(minute_);
  out.PutVarint(marks_.size());
  for (const auto& [partition, place] : marks_) {
    out.PutVarint(static_cast<uint64_t>(partition.value));
    out.PutZigzag(place.offset.value);
    out.PutVarint(place.k);
  }
  out.PutZigzag(day_);
  today_.Encode(&out);
  yesterday_.Encode(&out);
  out.PutVarint(entities_.size());
  for (const auto* entry : InOrder(entities_)) {
    const auto& [entity, known] = *entry;
    const bool network = entity.kind == EntityKind::kNetwork;
    PutEntity(entity, &out);
    out.PutVarint(known.accounts.size());
    for (const Seen& seen : known.accounts) {
      out.PutFixed64(seen.account);
      out.PutVarint(static_cast<uint64_t>(seen.kind));
      out.PutZigzag(known.last.millis() - seen.at.millis());
      if (!network && seen.kind != SightingKind::kUsed) out.PutFixed64(seen.network);
    }
    out.PutZigzag(known.last.millis());
    out.PutVarint(static_cast<uint64_t>(known.score_milli));
    out.PutVarint(known.bad);
    out.PutZigzag(known.expires.millis());
    out.PutVarint(changed_.contains(entity) ? 1 : 0);
    if (!network) out.PutZigzag(known.last.millis() - known.first.millis());
  }
  freezing_ = {id_, std::make_shared<PackedRecords>(), std::move(marker), {}};
}

absl::Status EntityPartition::Restore(const StateMarker& stored) {
  absl::StatusOr<ShardMarker> marker = FromStateMarker(stored);
  if (!marker.ok()) return marker.status();
  if (marker->log_id != setup_->log_id) {
    return absl::FailedPreconditionError("the state is of another log (" + marker->log_id.ToHex() + ", not " + setup_->log_id.ToHex() +
                                         "); was a topic made anew? Then move the directory away and begin with new snapshots");
  }
  next_ = marker->next;
  ByteReader in(marker->globals);
  if (in.Varint() > kEntityFormat && in.ok()) return absl::FailedPreconditionError("the state is of a later version");
  now_ = EventTime::FromMillis(in.Zigzag());
  minute_ = in.Zigzag();
  constexpr size_t kMarkBytesMin = 3, kEntityBytesMin = 10, kSeenBytesMin = 10;
  for (size_t n = in.Length(kMarkBytesMin); n > 0 && in.ok(); --n) {
    SightingPlace& place = marks_[PartitionId{static_cast<int32_t>(in.VarintUpTo(INT32_MAX))}];
    place.offset = Offset{in.Zigzag()};
    place.k = static_cast<uint32_t>(in.VarintUpTo(UINT32_MAX));
  }
  day_ = in.Zigzag();
  if (!today_.Decode(&in) || !yesterday_.Decode(&in)) return absl::DataLossError("the state is damaged");
  for (size_t n = in.Length(kEntityBytesMin); n > 0 && in.ok(); --n) {
    const Entity entity = TakeEntity(&in);
    const bool network = entity.kind == EntityKind::kNetwork;
    if (entities_.contains(entity)) in.Fail();
    Known& known = entities_[entity];
    known.accounts.resize(std::min(in.Length(kSeenBytesMin), kNetworkAccountsMax));
    std::vector<int64_t> ages;
    for (Seen& seen : known.accounts) {
      seen.account = in.Fixed64();
      seen.kind = static_cast<SightingKind>(in.VarintUpTo(static_cast<uint64_t>(SightingKind::kSuspended)));
      ages.push_back(in.Zigzag());
      if (!network && seen.kind != SightingKind::kUsed) seen.network = in.Fixed64();
    }
    known.last = EventTime::FromMillis(in.Zigzag());
    for (size_t i = 0; i < ages.size(); ++i) known.accounts[i].at = known.last - Span::Millis(ages[i]);
    known.score_milli = static_cast<int32_t>(in.VarintUpTo(1000));
    known.bad = static_cast<uint32_t>(in.VarintUpTo(UINT32_MAX));
    known.expires = EventTime::FromMillis(in.Zigzag());
    if (in.VarintUpTo(1) == 1) changed_.insert(entity);
    if (!network) known.first = known.last - Span::Millis(in.Zigzag());
    if (known.score_milli > 0) judged_.insert(entity);
    known.listed = known.last;
    LastOf(entity.kind).insert({known.listed, entity});
  }
  return in.done() ? absl::OkStatus() : absl::DataLossError("the state is damaged");
}

absl::Status EntityPartition::Fold(const LogBatch& batch, Offset published, std::vector<Output>* outputs) {
  for (const LogRecord& record : batch.records) {
    if (record.offset < next_) continue;  // a reader may begin somewhat early
    judgements_.clear();
    super_sources_.clear();
    if (const Sighting* sighting = std::get_if<Sighting>(&record.value)) {
      FoldSighting(*sighting);
    } else {
      ++stats_.unusable;
    }
    next_ = Offset{record.offset.value + 1};
    const bool muted = record.offset < published;
    for (const auto& [network, accounts] : super_sources_) {
      if (!muted && setup_->on_super_source && super_said_.insert(network).second) setup_->on_super_source(id_, network, accounts);
    }
    if (counts_ != nullptr) ++(muted ? counts_->muted : counts_->live);
    stats_.judgements += judgements_.size();
    if (!muted && !judgements_.empty()) outputs->push_back(JudgementBatch{id_, record.offset, now_, judgements_});
  }
  next_ = std::max(next_, batch.next);
  return absl::OkStatus();
}

void EntityPartition::FoldSighting(const Sighting& sighting) {
  const auto mark = marks_.find(sighting.partition);
  if (mark != marks_.end() && sighting.place <= mark->second) {
    ++stats_.repeats;
    return;
  }
  if (!Usable(sighting) || (mark == marks_.end() && marks_.size() >= kAccountShardsMax)) {
    ++stats_.unusable;
    return;
  }
  marks_[sighting.partition] = sighting.place;
  if (!now_.never() && sighting.time <= now_ - kSightingLasts) {
    ++stats_.late;
    return;
  }
  now_ = now_.never() ? sighting.time : std::max(now_, sighting.time);
  if (now_.day() != day_) {
    yesterday_ = now_.day() == day_ + 1 ? std::move(today_) : DistinctEstimate();
    today_ = DistinctEstimate();
    super_said_.clear();
    day_ = now_.day();
  }
  // Each use of an account is told of its network; what else is told would say nothing more.
  if (sighting.entity == EntityKind::kNetwork) today_.Add(sighting.account.hash.low);
  ++stats_.sightings;
  const Entity entity = sighting.of();
  const auto [found, added] = entities_.try_emplace(entity);
  Known& known = found->second;
  auto& by_last = LastOf(entity.kind);
  if (added) {
    known.first = known.last = known.listed = sighting.time;
    by_last.insert({known.listed, entity});
  }
  known.last = std::max(known.last, sighting.time);
  const bool worse = Note(sighting, &known);
  changed_.insert(entity);
  if (by_last.size() > kNetworksMax) {
    ++stats_.forgotten;
    Forget(LongestUnseen(entity.kind));
  }
  if (const int64_t minute = now_.millis() / kMinuteMs; minute != minute_) {
    minute_ = minute;
    ForgetOld();
    JudgeChanged();
  } else if (entity.kind == EntityKind::kNetwork ? sighting.kind == SightingKind::kSuspended : worse) {
    Judge(entity);
  }
}

bool EntityPartition::Note(const Sighting& sighting, Known* known) {
  std::vector<Seen>& accounts = known->accounts;
  const uint64_t account = sighting.account.hash.low;
  const Span lasts = RulesOf(sighting.entity).lasts;
  const uint64_t network = sighting.network.unspecified() ? 0 : sighting.network.network_key();
  const bool turned = sighting.kind != SightingKind::kUsed;
  const auto held = std::find_if(accounts.begin(), accounts.end(), [account](const Seen& seen) { return seen.account == account; });
  if (held != accounts.end() && held->at > now_ - lasts) {
    // The worst of that time counts, and lasts from when it was seen last.
    if (sighting.kind < held->kind) return false;
    const bool worse = sighting.kind > held->kind;
    if (worse && held->kind == SightingKind::kUsed) held->network = network;
    held->at = worse ? sighting.time : std::max(held->at, sighting.time);
    held->kind = sighting.kind;
    return worse;
  }
  if (held != accounts.end()) accounts.erase(held);
  if (accounts.size() >= kNetworkAccountsMax) {
    const auto least = std::min_element(accounts.begin(), accounts.end(), [](const Seen& a, const Seen& b) {
      return std::pair(a.kind, a.at) < std::pair(b.kind, b.at);
    });
    if (sighting.kind < least->kind) return false;
    accounts.erase(least);
  }
  accounts.push_back({account, sighting.kind, sighting.time, turned ? network : 0});
  return turned;
}

EntityPartition::Entities::iterator EntityPartition::LongestUnseen(EntityKind kind) {
  auto& by_last = LastOf(kind);
  for (;;) {
    const Entities::iterator first = entities_.find(by_last.begin()->second);
    Known& known = first->second;
    if (known.listed == known.last) return first;
    auto moved = by_last.extract(by_last.begin());
    moved.value().first = known.listed = known.last;
    by_last.insert(std::move(moved));
  }
}

void EntityPartition::ForgetOld() {
  for (size_t kind = 0; kind < kEntityKinds; ++kind) {
    const EventTime oldest = now_ - kRules[kind].lasts;
    while (!by_last_[kind].empty() && by_last_[kind].begin()->first <= oldest) {
      const Entities::iterator entity = LongestUnseen(static_cast<EntityKind>(kind + 1));
      if (entity->second.last > oldest) break;
      Forget(entity);
    }
  }
}

// A judgement of it that stands expires by itself.
void EntityPartition::Forget(Entities::iterator entity) {
  LastOf(entity->first.kind).erase({entity->second.listed, entity->first});
  changed_.erase(entity->first);
  judged_.erase(entity->first);
  entities_.erase(entity);
}

uint64_t EntityPartition::AccountsLately() const { return std::max(today_.count(), yesterday_.count()); }

EntityPartition::Tally EntityPartition::Count(EntityKind kind, const Known& known) const {
  const Rules& rules = RulesOf(kind);
  Tally tally;
  std::set<uint64_t> networks;
  for (const Seen& seen : known.accounts) {
    tally.good += seen.kind == SightingKind::kUsed;
    const bool bad = seen.kind == SightingKind::kSuspended || (kind != EntityKind::kNetwork && seen.kind == SightingKind::kSuspected);
    if (!bad || seen.at <= now_ - rules.bad_lasts) continue;
    tally.newest_bad = tally.bad == 0 ? seen.at : std::max(tally.newest_bad, seen.at);
    if (kind == EntityKind::kNetwork || networks.insert(seen.network).second) ++tally.bad;
  }
  return tally;
}

bool EntityPartition::Everybodys(const Entity& entity, const Known& known) {
  if (entity.kind != EntityKind::kNetwork) return known.accounts.size() >= kNetworkAccountsMax;
  const uint64_t everybodys =
      std::min<uint64_t>(std::max(kSuperSourceMin, AccountsLately() / kSuperSourcePart), kNetworkAccountsMax);
  if (known.accounts.size() < everybodys) return false;
  ++stats_.super_sources;
  super_sources_[entity.network] = known.accounts.size();
  return true;
}

void EntityPartition::Judge(const Entity& entity) {
  const auto found = entities_.find(entity);
  if (found == entities_.end()) return;  // forgotten as soon as it came
  Known& known = found->second;
  const Rules& rules = RulesOf(entity.kind);
  std::erase_if(known.accounts, [&](const Seen& seen) { return seen.at <= now_ - rules.lasts; });
  const Tally tally = Count(entity.kind, known);
  int32_t score = tally.bad < rules.bad_min ? 0 : BadShareMilli(tally.bad, tally.good);
  if (score < rules.share_min) score = 0;
  if (score > 0 && now_ - known.first < rules.known_for) score = 0;
  if (score > 0 && Everybodys(entity, known)) score = 0;
  const EventTime expires = score == 0 ? now_ : tally.newest_bad + rules.bad_lasts;
  const bool news = (score == 0) != (known.score_milli == 0) ||
                    (score > 0 && (std::abs(score - known.score_milli) >= kScoreStep || tally.bad != known.bad ||
                                   expires >= known.expires + rules.expiry_step || now_ >= known.expires));
  if (!news || judgements_.size() >= kJudgementsPerBatch) {
    if (news) changed_.insert(entity);
    return;
  }
  known.score_milli = score;
  known.bad = tally.bad;
  known.expires = expires;
  if (score > 0) {
    judged_.insert(entity);
  } else {
    judged_.erase(entity);
  }
  const bool network = entity.kind == EntityKind::kNetwork;
  const auto bits = static_cast<uint8_t>(network ? SourceNetworkBits(entity.network) : 0);
  judgements_.push_back({entity.network, bits, score, tally.bad, tally.good, expires, entity.kind, entity.key});
}

void EntityPartition::JudgeChanged() {
  // Of those that stand, the accounts they rest on may have come of age.
  changed_.insert(judged_.begin(), judged_.end());
  std::vector<Entity> due(changed_.begin(), changed_.end());
  std::sort(due.begin(), due.end());
  changed_.clear();
  for (const Entity& entity : due) Judge(entity);
}

}  // namespace sekisho
