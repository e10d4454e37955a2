// The queue-id table as bytes and back. Layout, all integers little-endian base-128 varints unless said otherwise:
//   "SKPJ", version (1 byte)
//   relays:   count, then each key (8 bytes), ascending
//   messages: count, then each: account, address (16 bytes), time (8), queue id, listener, queued; a text is its length and bytes
//   entries:  count, then each, oldest use first, live ones before removed ones: id and host (8 bytes each), last (8),
//             message + 1 (0: none), flags (1 removed, 2 sent_counted), held outcomes: count, then each outcome
//   expected: count, then each, oldest first: id (8), message, at (8), relay (8), counted
#include <algorithm>
#include <cstring>

#include "connectors/common/queue_join.h"

namespace sekisho::connectors {
namespace {

constexpr std::string_view kMagic{"SKPJ\x01", 5};
constexpr size_t kTextBytesMax = 1024;

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}
  void Varint(uint64_t v) {
    while (v >= 0x80) {
      out_->push_back(static_cast<char>(v | 0x80));
      v >>= 7;
    }
    out_->push_back(static_cast<char>(v));
  }
  void Fixed(uint64_t v) {
    for (int i = 0; i < 8; ++i) out_->push_back(static_cast<char>(v >> (8 * i)));
  }
  void Text(std::string_view s) {
    s = s.substr(0, kTextBytesMax);
    Varint(s.size());
    out_->append(s);
  }

 private:
  std::string* out_;
};

// Reads past the end give zeros and make ok() false for good.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  std::string_view Bytes(size_t n) {
    if (n > in_.size()) {
      ok_ = false;
      in_ = {};
      return {};
    }
    const std::string_view taken = in_.substr(0, n);
    in_.remove_prefix(n);
    return taken;
  }
  uint64_t Varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::string_view byte = Bytes(1);
      if (byte.empty()) return 0;
      v |= static_cast<uint64_t>(byte[0] & 0x7f) << shift;
      if ((byte[0] & 0x80) == 0) return v;
    }
    ok_ = false;
    return 0;
  }
  // A varint of at most `max`.
  uint64_t Below(uint64_t max) {
    const uint64_t v = Varint();
    if (v > max) ok_ = false;
    return ok_ ? v : 0;
  }
  uint64_t Fixed() {
    const std::string_view bytes = Bytes(8);
    uint64_t v = 0;
    for (size_t i = 0; i < bytes.size(); ++i) v |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    return v;
  }
  // A time whose difference to any other cannot overflow.
  EventTime Time() {
    const auto ms = static_cast<int64_t>(Fixed());
    const int64_t never = EventTime::Never().millis();
    if (ms < never || ms > -never / 2) ok_ = false;
    return ok_ ? EventTime::FromMillis(ms) : EventTime();
  }
  std::string_view Text() { return Bytes(Below(kTextBytesMax)); }

 private:
  std::string_view in_;
  bool ok_ = true;
};

void PutOutcome(const HeldOutcome& o, Writer* w) {
  w->Fixed(static_cast<uint64_t>(o.time.millis()));
  w->Varint(static_cast<uint64_t>(o.outcome));
  w->Varint(o.status.klass);
  w->Varint(o.status.subject);
  w->Varint(o.status.detail);
  w->Varint(o.spam_refusal);
  w->Fixed(o.key);
  w->Text(o.domain);
  w->Text(o.host);
}

HeldOutcome GetOutcome(Reader* r) {
  HeldOutcome o;
  o.time = r->Time();
  o.outcome = static_cast<Outcome>(r->Below(static_cast<uint64_t>(Outcome::kExpired)));
  o.status.klass = static_cast<uint16_t>(r->Below(UINT16_MAX));
  o.status.subject = static_cast<uint16_t>(r->Below(UINT16_MAX));
  o.status.detail = static_cast<uint16_t>(r->Below(UINT16_MAX));
  o.spam_refusal = r->Below(1) != 0;
  o.key = r->Fixed();
  o.domain = r->Text();
  o.host = r->Text();
  return o;
}

}  // namespace

void QueueJoin::Save(std::string* out) const {
  out->assign(kMagic);
  Writer w(out);

  std::vector<uint64_t> relays(known_relays_.begin(), known_relays_.end());
  std::sort(relays.begin(), relays.end());
  w.Varint(relays.size());
  for (const uint64_t key : relays) w.Fixed(key);

  std::vector<Index> order;  // entries, as they will be written
  order.reserve(live_);
  for (Index i = live_list_.oldest; i != kNone; i = entries_[i].newer) order.push_back(i);
  for (Index i = removed_list_.oldest; i != kNone; i = entries_[i].newer) order.push_back(i);
  std::vector<std::pair<uint64_t, const Expected*>> expected;
  for (const auto& [id, sequence] : expected_order_) {
    const auto it = expected_.find(id);
    if (it != expected_.end() && it->second.sequence == sequence) expected.emplace_back(id, &it->second);
  }

  // Messages are numbered in the order in which entries and expectations name them first.
  absl::flat_hash_map<Index, uint64_t> number;
  std::vector<Index> messages;
  const auto name = [&](Index m) {
    if (m != kNone && number.try_emplace(m, messages.size()).second) messages.push_back(m);
  };
  for (const Index i : order) name(entries_[i].message);
  for (const auto& [id, e] : expected) name(e->message);
  w.Varint(messages.size());
  for (const Index m : messages) {
    const QueuedMessage& message = messages_[m];
    w.Text(message.account);
    const auto& bytes = message.ip.bytes();
    out->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    w.Fixed(static_cast<uint64_t>(message.submitted.millis()));
    w.Text(message.first_id());
    w.Varint(static_cast<uint64_t>(message.listener));
    w.Varint(message.queued);
  }

  w.Varint(order.size());
  for (const Index i : order) {
    const Entry& e = entries_[i];
    w.Fixed(e.id);
    w.Fixed(e.host);
    w.Fixed(static_cast<uint64_t>(e.last.millis()));
    w.Varint(e.message == kNone ? 0 : number.at(e.message) + 1);
    w.Varint((e.removed ? 1 : 0) | (e.sent_counted ? 2 : 0));
    const auto held = pending_.find(i);
    w.Varint(held == pending_.end() ? 0 : held->second.size());
    if (held != pending_.end()) {
      for (const HeldOutcome& o : held->second) PutOutcome(o, &w);
    }
  }

  w.Varint(expected.size());
  for (const auto& [id, e] : expected) {
    w.Fixed(id);
    w.Varint(number.at(e->message));
    w.Fixed(static_cast<uint64_t>(e->at.millis()));
    w.Fixed(e->relay);
    w.Varint(e->counted);
  }
}

absl::Status QueueJoin::Restore(std::string_view bytes) {
  Clear();
  absl::Status status = RestoreFrom(bytes);
  if (!status.ok()) Clear();
  return status;
}

absl::Status QueueJoin::RestoreFrom(std::string_view bytes) {
  if (bytes.size() < kMagic.size() || bytes.substr(0, 4) != kMagic.substr(0, 4)) {
    return absl::DataLossError("queue join state: not one of ours");
  }
  if (bytes[4] != kMagic[4]) return absl::DataLossError("queue join state: another version");
  Reader r(bytes.substr(kMagic.size()));

  for (uint64_t n = r.Below(kKnownRelaysMax); n > 0 && r.ok(); --n) known_relays_.insert(r.Fixed());

  const uint64_t messages = r.Below(uint64_t{kQueueEntriesMax} + kExpectedMax);
  for (uint64_t n = 0; n < messages && r.ok(); ++n) {
    QueuedMessage& message = messages_.emplace_back();
    message.account = r.Text();
    std::array<uint8_t, 16> address{};
    if (const std::string_view raw = r.Bytes(16); r.ok()) std::memcpy(address.data(), raw.data(), 16);
    message.ip = IpAddress::FromBytes(address);
    message.submitted = r.Time();
    const std::string_view id = r.Bytes(r.Below(kQueueIdBytesMax));
    message.queue_id_bytes = static_cast<uint8_t>(id.size());
    std::copy(id.begin(), id.end(), message.queue_id);
    message.listener = static_cast<Listener>(r.Below(static_cast<uint64_t>(Listener::kPort587)));
    message.queued = r.Below(1) != 0;
    message.refs = 1;  // ours, until all is read: an entry may be evicted meanwhile, if this table is the smaller one
  }

  for (uint64_t n = r.Below(kQueueEntriesMax); n > 0 && r.ok(); --n) {
    const uint64_t id = r.Fixed(), host = r.Fixed();
    const EventTime last = r.Time();
    const uint64_t m = r.Below(messages);
    const uint64_t flags = r.Below(3);
    if (!r.ok()) break;
    const auto known = by_id_.find(id);
    for (Index i = known == by_id_.end() ? kNone : known->second; i != kNone; i = entries_[i].next) {
      if (entries_[i].host == host) return absl::DataLossError("queue join state: one queue id twice");
    }
    const Index index = NewEntry(host, id, last);
    if (m > 0) Attach(index, static_cast<Index>(m - 1));
    entries_[index].sent_counted = (flags & 2) != 0;
    if ((flags & 1) != 0) {
      Unlink(&live_list_, index);
      entries_[index].removed = true;
      Push(&removed_list_, index);
    }
    for (uint64_t held = r.Below(kPendingPerEntryMax); held > 0 && r.ok(); --held) Wait(index, GetOutcome(&r));
  }

  for (uint64_t n = r.Below(kExpectedMax); n > 0 && r.ok(); --n) {
    const uint64_t id = r.Fixed(), m = r.Varint();
    Expected e;
    e.at = r.Time();
    e.relay = r.Fixed();
    e.counted = r.Below(1) != 0;
    if (!r.ok()) break;
    if (m >= messages) return absl::DataLossError("queue join state: an expectation of an unknown message");
    e.message = static_cast<Index>(m);
    Expect(id, e);
  }
  if (!r.ok() || !r.at_end()) return absl::DataLossError("queue join state: torn, or longer than it says");
  for (Index m = 0; m < messages_.size(); ++m) Release(m);
  return absl::OkStatus();
}

}  // namespace sekisho::connectors
