#include "engine/window/judgements.h"

#include <algorithm>
#include <array>

#include "engine/model/sighting.h"

namespace sekisho {

bool Judgements::Apply(const JudgementBatch& batch) {
  const auto mark = marks_.find(batch.partition);
  if (mark != marks_.end() && batch.offset <= mark->second) return false;
  if (mark == marks_.end() && marks_.size() >= kEntityShardsMax) return false;
  marks_[batch.partition] = batch.offset;
  while (!expiries_.empty() && expiries_.begin()->first <= batch.time) Drop(judged_.find(expiries_.begin()->second));
  for (const Judgement& j : batch.judgements) {
    if (j.prefix_bits != SourceNetworkBits(j.network)) continue;
    if (const auto held = judged_.find(j.network); held != judged_.end()) Drop(held);
    if (j.score_milli > 0 && j.expires > batch.time) Put(j.network, {j.score_milli, j.bad_accounts, j.expires});
  }
  return true;
}

Judged Judgements::Of(const IpAddress& ip, EventTime at) const {
  if (judged_.empty() || ip.unspecified()) return {};
  const auto found = judged_.find(SourceNetwork(ip));
  return found == judged_.end() || found->second.expires <= at ? Judged() : found->second;
}

void Judgements::Put(const IpAddress& network, const Judged& judged) {
  judged_[network] = judged;
  expiries_.insert({judged.expires, network});
  if (judged_.size() > most_) Drop(judged_.find(expiries_.begin()->second));
}

void Judgements::Drop(std::map<IpAddress, Judged>::iterator entry) {
  expiries_.erase({entry->second.expires, entry->first});
  judged_.erase(entry);
}

void Judgements::Encode(ByteWriter* out) const {
  out->PutVarint(marks_.size());
  for (const auto& [partition, offset] : marks_) {
    out->PutVarint(static_cast<uint64_t>(partition.value));
    out->PutZigzag(offset.value);
  }
  out->PutVarint(judged_.size());
  for (const auto& [network, judged] : judged_) {
    out->PutVarint(network.is_v4() ? 4 : 6);
    if (network.is_v4()) {
      out->PutFixed32(network.v4());
    } else {
      out->PutBytes({reinterpret_cast<const char*>(network.bytes().data()), network.bytes().size()});
    }
    out->PutVarint(static_cast<uint64_t>(judged.score_milli));
    out->PutVarint(judged.bad_accounts);
    out->PutZigzag(judged.expires.millis());
  }
}

bool Judgements::Decode(ByteReader* in) {
  *this = Judgements(most_);
  constexpr size_t kMarkBytesMin = 2, kJudgedBytesMin = 8;
  for (size_t n = in->Length(kMarkBytesMin); n > 0 && in->ok(); --n) {
    const PartitionId partition{static_cast<int32_t>(in->VarintUpTo(INT32_MAX))};
    marks_[partition] = Offset{in->Zigzag()};
  }
  const size_t count = in->Length(kJudgedBytesMin);
  if (count > most_) in->Fail();
  for (size_t n = 0; n < count && in->ok(); ++n) {
    IpAddress network;
    if (in->VarintUpTo(6) == 4) {
      network = IpAddress::FromV4(in->Fixed32());
    } else {
      const std::string_view bytes = in->Bytes();
      std::array<uint8_t, 16> address{};
      if (bytes.size() != address.size()) in->Fail();
      std::copy_n(bytes.begin(), std::min(bytes.size(), address.size()), reinterpret_cast<char*>(address.data()));
      network = IpAddress::FromBytes(address);
    }
    Judged judged;
    judged.score_milli = static_cast<int32_t>(in->VarintUpTo(1000));
    judged.bad_accounts = static_cast<uint32_t>(in->VarintUpTo(UINT32_MAX));
    judged.expires = EventTime::FromMillis(in->Zigzag());
    if (judged_.contains(network)) in->Fail();
    if (in->ok()) Put(network, judged);
  }
  return in->ok();
}

}  // namespace sekisho
