#include "tests/simulation/broker.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace sekisho::simulation {

void Broker::Append(int partition, std::unique_ptr<OwnedRecord> record) {
  auto& log = logs_[Index(partition)];
  record->record.offset = Offset{static_cast<int64_t>(log.size())};
  log.push_back(std::move(record));
}

uint64_t Broker::Join(const std::string& instance) {
  const uint64_t id = next_member_++;
  for (auto it = members_.begin(); it != members_.end(); ++it) {
    if (it->second.instance != instance) continue;
    Member member = std::move(it->second);
    members_.erase(it);
    member.heard = now;
    member.told_assigned = member.told_revoked = false;
    member.joined = rebalancing_;
    members_[id] = std::move(member);
    TryFinishRebalance();
    return id;
  }
  members_[id].instance = instance;
  members_[id].heard = now;
  StartRebalance();
  members_[id].joined = true;
  TryFinishRebalance();
  return id;
}

bool Broker::InstanceTakenFrom(const std::string& instance, uint64_t id) const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](const auto& member) { return member.second.instance == instance && member.first != id; });
}

void Broker::StartRebalance() {
  rebalancing_ = true;
  for (auto& [id, member] : members_) member.joined = member.told_revoked = false;
}

void Broker::TryFinishRebalance() {
  if (!rebalancing_ || members_.empty()) return;
  for (const auto& [id, member] : members_) {
    if (!member.joined) return;
  }
  rebalancing_ = false;
  ++generation_;
  for (auto& [id, member] : members_) {
    member.generation = generation_;
    member.told_assigned = false;
    member.partitions.clear();
  }
  // A turn more each time, so that partitions do move.
  auto it = std::next(members_.begin(), static_cast<long>(generation_ % members_.size()));
  for (int p = 0; p < partitions(); ++p) {
    it->second.partitions.push_back(PartitionId{p});
    if (++it == members_.end()) it = members_.begin();
  }
}

GroupChange Broker::PollMember(uint64_t id) {
  const auto found = members_.find(id);
  if (found == members_.end()) return {GroupChange::Kind::kLost, {}};
  Member& member = found->second;
  member.heard = now;
  if (rebalancing_) {
    if (member.joined || member.told_revoked) return {};
    if (!member.told_assigned) {
      // It holds nothing that could be revoked.
      member.joined = true;
      TryFinishRebalance();
      return {};
    }
    member.told_revoked = true;
    return {GroupChange::Kind::kRevoked, member.partitions};
  }
  if (member.told_assigned) return {};
  member.told_assigned = true;
  return {GroupChange::Kind::kAssigned, member.partitions};
}

void Broker::Rejoin(uint64_t id) {
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  found->second.heard = now;
  found->second.joined = rebalancing_;
  TryFinishRebalance();
}

void Broker::Leave(uint64_t id) {
  if (members_.erase(id) == 0) return;
  StartRebalance();
  TryFinishRebalance();
}

uint64_t Broker::GenerationOf(uint64_t id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? 0 : found->second.generation;
}

std::optional<std::optional<Offset>> Broker::CommittedStable(int partition) const {
  for (const auto& txn : unresolved_) {
    for (const auto& [key, offset] : txn->offsets) {
      if (key.second == partition) return std::nullopt;
    }
  }
  return std::optional<std::optional<Offset>>(Committed(partition));
}

std::optional<Offset> Broker::Committed(int partition) const {
  const auto found = committed_.find({"events", partition});
  if (found == committed_.end()) return std::nullopt;
  return Offset{found->second};
}

uint64_t Broker::InitProducer(const std::string& id) {
  for (const auto& txn : std::vector<std::shared_ptr<Txn>>(unresolved_)) {
    if (txn->id == id) Resolve(txn, txn->state == TxnState::kPrepared ? TxnState::kCommitted : TxnState::kAborted);
  }
  return ++producers_[id];
}

std::shared_ptr<Txn> Broker::BeginTxn(const std::string& id, uint64_t epoch) {
  if (producers_[id] != epoch) return nullptr;
  auto txn = std::make_shared<Txn>();
  txn->id = id;
  txn->epoch = epoch;
  txn->opened = now;
  unresolved_.push_back(txn);
  return txn;
}

void Broker::Produce(const std::shared_ptr<Txn>& txn, int partition, Output output) {
  if (txn->state == TxnState::kOpen) outputs_[Index(partition)].push_back({std::move(output), txn});
}

void Broker::Produce(const std::shared_ptr<Txn>& txn, int partition, SnapshotEntry entry) {
  if (txn->state != TxnState::kOpen) return;
  entry.txn = txn;
  snapshots_[Index(partition)].push_back(std::move(entry));
}

bool Broker::SendOffsets(const std::shared_ptr<Txn>& txn, const std::string& topic, uint64_t member, uint64_t generation,
                         const std::vector<std::pair<int, int64_t>>& offsets) {
  // While the next generation forms, the present one may still commit.
  if (txn->state != TxnState::kOpen || generation == 0 || GenerationOf(member) != generation) return false;
  for (const auto& [partition, offset] : offsets) txn->offsets[{topic, partition}] = offset;
  return true;
}

bool Broker::EndTxn(const std::shared_ptr<Txn>& txn) {
  if (txn->state != TxnState::kOpen) return txn->state != TxnState::kAborted;
  if (producers_[txn->id] != txn->epoch) return false;
  txn->state = TxnState::kPrepared;
  return true;
}

void Broker::Resolve(const std::shared_ptr<Txn>& txn, TxnState state) {
  txn->state = state;
  std::erase(unresolved_, txn);
  if (state != TxnState::kCommitted) return;
  for (const auto& [key, offset] : txn->offsets) committed_[key] = offset;
}

std::vector<const Output*> Broker::VisibleOutputs(int partition) const {
  std::vector<const Output*> visible;
  for (const OutputEntry& entry : outputs_[Index(partition)]) {
    if (entry.txn->state == TxnState::kCommitted) visible.push_back(&entry.output);
  }
  return visible;
}

size_t Broker::StableEnd(int partition) const {
  const std::vector<SnapshotEntry>& entries = snapshots_[Index(partition)];
  for (size_t i = 0; i < entries.size(); ++i) {
    const TxnState state = entries[i].txn->state;
    if (state == TxnState::kOpen || state == TxnState::kPrepared) return i;
  }
  return entries.size();
}

void Broker::Compact(int partition) {
  std::vector<SnapshotEntry>& entries = snapshots_[Index(partition)];
  std::set<AccountId> seen;
  bool marker_seen = false;
  for (size_t i = StableEnd(partition); i-- > 0;) {
    SnapshotEntry& entry = entries[i];
    if (entry.compacted) continue;
    if (entry.txn->state == TxnState::kAborted) {
      entry.compacted = true;
    } else if (const AccountState* state = std::get_if<AccountState>(&entry.value)) {
      entry.compacted = !seen.insert(state->first).second;
    } else if (std::holds_alternative<ShardMarker>(entry.value)) {
      entry.compacted = std::exchange(marker_seen, true);
    }
  }
}

void Broker::Tick() {
  const size_t evicted =
      std::erase_if(members_, [this](const auto& member) { return now - member.second.heard > kSessionMs; });
  if (evicted > 0) {
    StartRebalance();
    TryFinishRebalance();
  }
  for (const auto& txn : std::vector<std::shared_ptr<Txn>>(unresolved_)) {
    if (txn->state == TxnState::kPrepared) {
      Resolve(txn, TxnState::kCommitted);
    } else if (now - txn->opened > kTransactionMs) {
      ++producers_[txn->id];
      Resolve(txn, TxnState::kAborted);
    }
  }
}

}  // namespace sekisho::simulation
