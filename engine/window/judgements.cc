#include "engine/window/judgements.h"

#include "engine/model/entity_bytes.h"

namespace sekisho {

bool Judgements::Apply(const JudgementBatch& batch) {
  const auto mark = marks_.find(batch.partition);
  if (mark != marks_.end() && batch.offset <= mark->second) return false;
  if (mark == marks_.end() && marks_.size() >= kEntityShardsMax) return false;
  marks_[batch.partition] = batch.offset;
  for (Table& table : tables_) {
    while (!table.expiries.empty() && table.expiries.begin()->first <= batch.time) {
      table.Drop(table.judged.find(table.expiries.begin()->second));
    }
  }
  for (const Judgement& j : batch.judgements) {
    if (j.entity == EntityKind::kNetwork && j.prefix_bits != SourceNetworkBits(j.network)) continue;
    const Entity entity = j.of();
    Table& table = TableOf(j.entity);
    if (const auto held = table.judged.find(entity); held != table.judged.end()) table.Drop(held);
    if (j.score_milli > 0 && j.expires > batch.time) table.Put(entity, {j.score_milli, j.bad_accounts, j.expires});
  }
  return true;
}

Judged Judgements::Of(const IpAddress& ip, EventTime at) const {
  const Table& table = TableOf(EntityKind::kNetwork);
  return table.judged.empty() || ip.unspecified() ? Judged() : table.Find(NetworkOf(ip), at);
}

Judged Judgements::OfDomain(std::string_view login, EventTime at) const {
  const Table& table = TableOf(EntityKind::kDomain);
  return table.judged.empty() ? Judged() : table.Find(DomainOf(login), at);
}

Judged Judgements::OfCampaign(uint64_t pattern, EventTime at) const {
  const Table& table = TableOf(EntityKind::kCampaign);
  return table.judged.empty() || pattern == 0 ? Judged() : table.Find(CampaignOf(pattern), at);
}

size_t Judgements::size() const {
  size_t size = 0;
  for (const Table& table : tables_) size += table.judged.size();
  return size;
}

Judged Judgements::Table::Find(const Entity& entity, EventTime at) const {
  const auto found = judged.find(entity);
  return found == judged.end() || found->second.expires <= at ? Judged() : found->second;
}

void Judgements::Table::Put(const Entity& entity, const Judged& value) {
  judged[entity] = value;
  expiries.insert({value.expires, entity});
  if (judged.size() > most) Drop(judged.find(expiries.begin()->second));
}

void Judgements::Table::Drop(absl::flat_hash_map<Entity, Judged>::iterator entry) {
  expiries.erase({entry->second.expires, entry->first});
  judged.erase(entry);
}

void Judgements::Encode(ByteWriter* out) const {
  out->PutVarint(marks_.size());
  for (const auto& [partition, offset] : marks_) {
    out->PutVarint(static_cast<uint64_t>(partition.value));
    out->PutZigzag(offset.value);
  }
  out->PutVarint(size());
  for (const Table& table : tables_) {
    for (const auto* entry : InOrder(table.judged)) {
      const Judged& judged = entry->second;
      PutEntity(entry->first, out);
      out->PutVarint(static_cast<uint64_t>(judged.score_milli));
      out->PutVarint(judged.bad_accounts);
      out->PutZigzag(judged.expires.millis());
    }
  }
}

bool Judgements::Decode(ByteReader* in) {
  marks_.clear();
  for (Table& table : tables_) {
    table.judged.clear();
    table.expiries.clear();
  }
  constexpr size_t kMarkBytesMin = 2, kJudgedBytesMin = 8;
  for (size_t n = in->Length(kMarkBytesMin); n > 0 && in->ok(); --n) {
    const PartitionId partition{static_cast<int32_t>(in->VarintUpTo(INT32_MAX))};
    marks_[partition] = Offset{in->Zigzag()};
  }
  for (size_t n = in->Length(kJudgedBytesMin); n > 0 && in->ok(); --n) {
    const Entity entity = TakeEntity(in);
    Judged judged;
    judged.score_milli = static_cast<int32_t>(in->VarintUpTo(1000));
    judged.bad_accounts = static_cast<uint32_t>(in->VarintUpTo(UINT32_MAX));
    judged.expires = EventTime::FromMillis(in->Zigzag());
    Table& table = TableOf(entity.kind);
    if (table.judged.contains(entity) || table.judged.size() >= table.most) in->Fail();
    if (in->ok()) table.Put(entity, judged);
  }
  return in->ok();
}

}  // namespace sekisho
