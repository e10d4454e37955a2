#include "engine/cluster/entity_partition.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <string>

#include "engine/cluster/marker.h"

namespace sekisho {
namespace {

constexpr uint64_t kFormat = 1;
constexpr int64_t kMinuteMs = 60'000;
// Less is no news.
constexpr int32_t kScoreStep = 20;
constexpr Span kExpiryStep = Span::Hours(1);

uint64_t Root(uint64_t n) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit > 0; bit >>= 1) {
    const uint64_t next = root | bit;
    if (next * next <= n) root = next;
  }
  return root;
}

void PutAddress(const IpAddress& ip, ByteWriter* out) {
  if (ip.is_v4()) {
    out->PutVarint(4);
    out->PutFixed32(ip.v4());
    return;
  }
  out->PutVarint(6);
  out->PutBytes({reinterpret_cast<const char*>(ip.bytes().data()), ip.bytes().size()});
}

IpAddress TakeAddress(ByteReader* in) {
  if (in->VarintUpTo(6) == 4) return IpAddress::FromV4(in->Fixed32());
  const std::string_view bytes = in->Bytes();
  std::array<uint8_t, 16> address{};
  if (bytes.size() != address.size()) in->Fail();
  std::copy_n(bytes.begin(), std::min(bytes.size(), address.size()), reinterpret_cast<char*>(address.data()));
  return IpAddress::FromBytes(address);
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
  out.PutVarint(kFormat);
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
  out.PutVarint(networks_.size());
  for (const auto& [address, network] : networks_) {
    PutAddress(address, &out);
    out.PutVarint(network.accounts.size());
    for (const Seen& seen : network.accounts) {
      out.PutFixed64(seen.account);
      out.PutVarint(static_cast<uint64_t>(seen.kind));
      out.PutZigzag(network.last.millis() - seen.at.millis());
    }
    out.PutZigzag(network.last.millis());
    out.PutVarint(static_cast<uint64_t>(network.score_milli));
    out.PutVarint(network.bad);
    out.PutZigzag(network.expires.millis());
    out.PutVarint(changed_.contains(address) ? 1 : 0);
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
  if (in.Varint() > kFormat && in.ok()) return absl::FailedPreconditionError("the state is of a later version");
  now_ = EventTime::FromMillis(in.Zigzag());
  minute_ = in.Zigzag();
  constexpr size_t kMarkBytesMin = 3, kNetworkBytesMin = 10, kSeenBytesMin = 10;
  for (size_t n = in.Length(kMarkBytesMin); n > 0 && in.ok(); --n) {
    SightingPlace& place = marks_[PartitionId{static_cast<int32_t>(in.VarintUpTo(INT32_MAX))}];
    place.offset = Offset{in.Zigzag()};
    place.k = static_cast<uint32_t>(in.VarintUpTo(UINT32_MAX));
  }
  day_ = in.Zigzag();
  if (!today_.Decode(&in) || !yesterday_.Decode(&in)) return absl::DataLossError("the state is damaged");
  for (size_t n = in.Length(kNetworkBytesMin); n > 0 && in.ok(); --n) {
    const IpAddress address = TakeAddress(&in);
    Network& network = networks_[address];
    network.accounts.resize(std::min(in.Length(kSeenBytesMin), kNetworkAccountsMax));
    std::vector<int64_t> ages;
    for (Seen& seen : network.accounts) {
      seen.account = in.Fixed64();
      seen.kind = static_cast<SightingKind>(in.VarintUpTo(static_cast<uint64_t>(SightingKind::kSuspended)));
      ages.push_back(in.Zigzag());
    }
    network.last = EventTime::FromMillis(in.Zigzag());
    for (size_t i = 0; i < ages.size(); ++i) network.accounts[i].at = network.last - Span::Millis(ages[i]);
    network.score_milli = static_cast<int32_t>(in.VarintUpTo(1000));
    network.bad = static_cast<uint32_t>(in.VarintUpTo(UINT32_MAX));
    network.expires = EventTime::FromMillis(in.Zigzag());
    if (in.VarintUpTo(1) == 1) changed_.insert(address);
    if (network.score_milli > 0) judged_.insert(address);
    by_last_.insert({network.last, address});
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
  if (sighting.prefix_bits != SourceNetworkBits(sighting.network) ||
      (mark == marks_.end() && marks_.size() >= kAccountShardsMax)) {
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
  today_.Add(sighting.account.hash.low);
  ++stats_.sightings;
  const auto [found, added] = networks_.try_emplace(sighting.network);
  Network& network = found->second;
  if (!added) by_last_.erase({network.last, sighting.network});
  network.last = added ? sighting.time : std::max(network.last, sighting.time);
  by_last_.insert({network.last, sighting.network});
  Note(sighting, &network);
  changed_.insert(sighting.network);
  if (networks_.size() > kNetworksMax) {
    ++stats_.forgotten;
    Forget(networks_.find(by_last_.begin()->second));
  }
  if (const int64_t minute = now_.millis() / kMinuteMs; minute != minute_) {
    minute_ = minute;
    while (!by_last_.empty() && by_last_.begin()->first <= now_ - kSightingLasts) Forget(networks_.find(by_last_.begin()->second));
    JudgeChanged();
  } else if (sighting.kind == SightingKind::kSuspended) {
    Judge(sighting.network);
  }
}

void EntityPartition::Note(const Sighting& sighting, Network* network) {
  std::vector<Seen>& accounts = network->accounts;
  const uint64_t account = sighting.account.hash.low;
  const auto held = std::find_if(accounts.begin(), accounts.end(), [account](const Seen& seen) { return seen.account == account; });
  if (held != accounts.end() && held->at > now_ - kSightingLasts) {
    // The worst of 72 h counts, and lasts from when it was seen last.
    if (sighting.kind < held->kind) return;
    held->at = sighting.kind > held->kind ? sighting.time : std::max(held->at, sighting.time);
    held->kind = sighting.kind;
    return;
  }
  if (held != accounts.end()) accounts.erase(held);
  if (accounts.size() >= kNetworkAccountsMax) {
    const auto least = std::min_element(accounts.begin(), accounts.end(), [](const Seen& a, const Seen& b) {
      return std::pair(a.kind, a.at) < std::pair(b.kind, b.at);
    });
    if (sighting.kind < least->kind) return;
    accounts.erase(least);
  }
  accounts.push_back({account, sighting.kind, sighting.time});
}

// A judgement of it that stands expires by itself.
void EntityPartition::Forget(Networks::iterator network) {
  by_last_.erase({network->second.last, network->first});
  changed_.erase(network->first);
  judged_.erase(network->first);
  networks_.erase(network);
}

uint64_t EntityPartition::AccountsLately() const { return std::max(today_.count(), yesterday_.count()); }

void EntityPartition::Judge(const IpAddress& address) {
  const auto found = networks_.find(address);
  if (found == networks_.end()) return;  // forgotten as soon as it came
  Network& network = found->second;
  std::erase_if(network.accounts, [this](const Seen& seen) { return seen.at <= now_ - kSightingLasts; });
  uint32_t bad = 0, good = 0;
  EventTime newest_bad;
  for (const Seen& seen : network.accounts) {
    good += seen.kind == SightingKind::kUsed;
    if (seen.kind != SightingKind::kSuspended) continue;
    newest_bad = bad == 0 ? seen.at : std::max(newest_bad, seen.at);
    ++bad;
  }
  int32_t score = bad < kBadAccountsMin ? 0 : BadShareMilli(bad, good);
  if (score < kBadShareMin) score = 0;
  const uint64_t everybodys =
      std::min<uint64_t>(std::max(kSuperSourceMin, AccountsLately() / kSuperSourcePart), kNetworkAccountsMax);
  if (score > 0 && network.accounts.size() >= everybodys) {
    ++stats_.super_sources;
    super_sources_[address] = network.accounts.size();
    score = 0;
  }
  const EventTime expires = score == 0 ? now_ : newest_bad + kSightingLasts;
  const bool news = (score == 0) != (network.score_milli == 0) ||
                    (score > 0 && (std::abs(score - network.score_milli) >= kScoreStep || bad != network.bad ||
                                   expires >= network.expires + kExpiryStep || now_ >= network.expires));
  if (!news || judgements_.size() >= kJudgementsPerBatch) {
    if (news) changed_.insert(address);
    return;
  }
  network.score_milli = score;
  network.bad = bad;
  network.expires = expires;
  if (score > 0) {
    judged_.insert(address);
  } else {
    judged_.erase(address);
  }
  judgements_.push_back({address, static_cast<uint8_t>(SourceNetworkBits(address)), score, bad, good, expires});
}

void EntityPartition::JudgeChanged() {
  // Of those that stand, the accounts they rest on may have come of age.
  std::set<IpAddress> due = std::exchange(changed_, {});
  due.insert(judged_.begin(), judged_.end());
  for (const IpAddress& address : due) Judge(address);
}

}  // namespace sekisho
