#include "engine/window/exceptions.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sekisho {

Subject Exceptions::Normal(const Subject& subject) {
  Subject normal;
  normal.kind = subject.kind;
  switch (subject.kind) {
    case Subject::Kind::kAccount:
    case Subject::Kind::kDomain:
      normal.name = subject.name;
      break;
    case Subject::Kind::kNetwork: {
      const int bits = std::min(subject.prefix_bits + (subject.network.is_v4() ? 96 : 0), 128);
      normal.network = subject.network.Masked(bits);
      normal.prefix_bits = static_cast<uint8_t>(bits);
      break;
    }
    case Subject::Kind::kAsn:
      normal.asn = subject.asn;
      break;
  }
  return normal;
}

Exceptions::Outcome Exceptions::Apply(const Exception& exception, EventTime now) {
  Subject subject = Normal(exception.subject);
  const auto found = entries_.find(subject);
  if (exception.withdraw) {
    if (found == entries_.end() || found->second.allow != exception.allow) return Outcome::kNothing;
    Drop(found);
    return Outcome::kDone;
  }
  if (found == entries_.end() && entries_.size() >= most_) {
    for (auto it = entries_.begin(); it != entries_.end();) {
      it = !it->second.expires.never() && it->second.expires <= now ? Drop(it) : std::next(it);
    }
    if (entries_.size() >= most_) return Outcome::kFull;
  }
  Put(std::move(subject), {exception.allow, exception.expires});
  return Outcome::kDone;
}

void Exceptions::Put(Subject subject, Entry entry) {
  const bool network = subject.kind == Subject::Kind::kNetwork;
  const size_t bits = subject.prefix_bits;
  const bool added = entries_.insert_or_assign(std::move(subject), entry).second;
  if (network && added) ++prefixes_[bits];
}

Exceptions::Entries::iterator Exceptions::Drop(Entries::iterator entry) {
  if (entry->first.kind == Subject::Kind::kNetwork) --prefixes_[entry->first.prefix_bits];
  return entries_.erase(entry);
}

Ruling Exceptions::Find(const Subject& subject, EventTime at) const {
  const auto found = entries_.find(subject);
  if (found == entries_.end()) return Ruling::kNone;
  if (!found->second.expires.never() && found->second.expires <= at) return Ruling::kNone;
  return found->second.allow ? Ruling::kAllowed : Ruling::kDenied;
}

Ruling Exceptions::OfAccount(std::string_view login, EventTime at) const {
  if (entries_.empty()) return Ruling::kNone;
  Subject subject;
  subject.kind = Subject::Kind::kAccount;
  subject.name = login;
  if (const Ruling ruling = Find(subject, at); ruling != Ruling::kNone) return ruling;
  const size_t sign = login.rfind('@');
  if (sign == std::string_view::npos) return Ruling::kNone;
  subject.kind = Subject::Kind::kDomain;
  subject.name = login.substr(sign + 1);
  return Find(subject, at);
}

Ruling Exceptions::OfSource(const IpAddress& ip, const Place& place, EventTime at) const {
  if (entries_.empty() || ip.unspecified()) return Ruling::kNone;
  Subject subject;
  subject.kind = Subject::Kind::kNetwork;
  // "::/0" is about IPv6 and not about the IPv4 addresses that are kept beneath it.
  for (int bits = 128; bits >= (ip.is_v4() ? 96 : 0); --bits) {
    if (prefixes_[static_cast<size_t>(bits)] == 0) continue;
    subject.network = ip.Masked(bits);
    subject.prefix_bits = static_cast<uint8_t>(bits);
    if (const Ruling ruling = Find(subject, at); ruling != Ruling::kNone) return ruling;
  }
  if (place.asn == 0) return Ruling::kNone;
  Subject as;
  as.kind = Subject::Kind::kAsn;
  as.asn = place.asn;
  return Find(as, at);
}

void Exceptions::Encode(ByteWriter* out) const {
  out->PutVarint(entries_.size());
  for (const auto& [subject, entry] : entries_) {
    out->PutVarint(static_cast<uint64_t>(subject.kind));
    switch (subject.kind) {
      case Subject::Kind::kAccount:
      case Subject::Kind::kDomain:
        out->PutBytes(subject.name);
        break;
      case Subject::Kind::kNetwork:
        out->PutBytes({reinterpret_cast<const char*>(subject.network.bytes().data()), 16});
        out->PutVarint(subject.prefix_bits);
        break;
      case Subject::Kind::kAsn:
        out->PutVarint(subject.asn);
        break;
    }
    out->PutVarint(entry.allow ? 1 : 0);
    out->PutZigzag(entry.expires.millis());
  }
}

bool Exceptions::Decode(ByteReader* in) {
  entries_.clear();
  prefixes_.fill(0);
  constexpr size_t kEntryBytesMin = 4;
  const size_t count = in->Length(kEntryBytesMin);
  if (count > most_) in->Fail();
  for (size_t n = 0; n < count && in->ok(); ++n) {
    Subject subject;
    const uint64_t kind = in->VarintUpTo(static_cast<uint64_t>(Subject::Kind::kDomain));
    subject.kind = static_cast<Subject::Kind>(kind);
    switch (subject.kind) {
      case Subject::Kind::kAccount:
      case Subject::Kind::kDomain:
        subject.name = in->Bytes();
        break;
      case Subject::Kind::kNetwork: {
        const std::string_view bytes = in->Bytes();
        subject.prefix_bits = static_cast<uint8_t>(in->VarintUpTo(128));
        if (bytes.size() != 16) {
          in->Fail();
          break;
        }
        std::array<uint8_t, 16> address;
        std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(address.data()));
        subject.network = IpAddress::FromBytes(address).Masked(subject.prefix_bits);
        break;
      }
      case Subject::Kind::kAsn:
        subject.asn = static_cast<uint32_t>(in->VarintUpTo(UINT32_MAX));
        break;
      default:
        in->Fail();
    }
    Entry entry;
    entry.allow = in->VarintUpTo(1) == 1;
    entry.expires = EventTime::FromMillis(in->Zigzag());
    if (in->ok()) Put(std::move(subject), entry);
  }
  return in->ok();
}

}  // namespace sekisho
