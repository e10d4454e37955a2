// The queue-id table: slabs of entries and messages, linked by index, so that a line costs one hash look-up and no
// allocation once the slabs are warm.
#include "connectors/common/queue_join.h"

#include <algorithm>
#include <cstring>

#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

// Entries of one id on different hosts. Real fleets have one or two; a forged log could have any number.
constexpr int kHostsPerIdMax = 16;

Span Distance(EventTime a, EventTime b) { return a < b ? b - a : a - b; }

bool IsLoopback(const IpAddress& ip) {
  return ip.is_v4() ? ip.bytes()[12] == 127 : ip.is_private() && ip.bytes()[0] == 0;
}

// A filter on the loopback address of one host is not the one of another host.
uint64_t RelayKey(uint64_t host, const IpAddress& relay) {
  const auto& bytes = relay.bytes();
  return PinnedHash64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, IsLoopback(relay) ? host : 0);
}

}  // namespace

void EmitDelivery(const QueuedMessage& m, const HeldOutcome& o, std::string_view host, std::string_view domain,
                  const EventSink& sink) {
  const Recipient recipient{.domain = domain, .key = o.key};
  Event e;
  e.kind = Kind::kDelivery;
  e.service = Service::kSmtp;
  e.listener = m.listener;
  e.outcome = o.outcome;
  e.time = o.time;
  e.account = m.account;
  e.ip = m.ip;
  e.host = host;
  e.queue_id = m.first_id();
  e.recipient_list = {&recipient, 1};
  e.status = o.status;
  e.spam_refusal = o.spam_refusal;
  sink(e);
}

QueueJoin::QueueJoin(uint32_t entries_max) : entries_max_(std::clamp<uint32_t>(entries_max, 16, kQueueEntriesMax)) {}

uint64_t QueueJoin::HostKey(std::string_view host) { return PinnedHash64(host); }
uint64_t QueueJoin::IdKey(std::string_view id) { return PinnedHash64(id); }

bool QueueJoin::Submit(uint64_t host, std::string_view id, EventTime t, std::string_view account, const IpAddress& ip,
                       Listener listener) {
  const uint64_t key = IdKey(id);
  if (const Index old = Lookup(host, key, t); old != kNone && entries_[old].message != kNone) {
    const QueuedMessage& m = messages_[entries_[old].message];
    if (m.submitted == t && m.ip == ip && m.account == account) return false;
  }
  Sweep(t);
  Forget(host, id);
  const Index index = NewEntry(host, key, t);
  const Index m = NewMessage();
  QueuedMessage& message = messages_[m];
  message.account.assign(account);
  message.ip = ip;
  message.submitted = t;
  message.queue_id_bytes = static_cast<uint8_t>(std::min(id.size(), kQueueIdBytesMax));
  std::memcpy(message.queue_id, id.data(), message.queue_id_bytes);
  message.listener = listener;
  message.queued = false;
  Attach(index, m);
  return true;
}

void QueueJoin::Arrive(uint64_t host, std::string_view id, EventTime t, std::string_view original_id) {
  Sweep(t);
  Forget(host, id);
  const uint64_t key = IdKey(id);
  const Index index = NewEntry(host, key, t);
  if (const auto it = expected_.find(key); it != expected_.end() && Distance(t, it->second.at) <= kHandOverWindow) {
    const Expected expected = it->second;
    expected_.erase(it);
    Attach(index, expected.message);
    Release(expected.message);
    entries_[index].sent_counted = expected.counted;
    LearnRelay(expected.relay);
    ++counters_.handed_over;
    return;
  }
  if (!original_id.empty()) {
    const uint64_t original = IdKey(original_id);
    const auto known = [](const Entry& e) { return e.message != kNone; };
    Index from = Lookup(host, original, t);
    if (from == kNone || !known(entries_[from])) from = LookupAnywhere(original, t, kEntryLifetime, known);
    if (from != kNone && from != index) {
      Attach(index, entries_[from].message);
      ++counters_.handed_over;
    }
  }
}

void QueueJoin::Forget(uint64_t host, std::string_view id) {
  const auto it = by_id_.find(IdKey(id));
  if (it == by_id_.end()) return;
  for (Index i = it->second; i != kNone; i = entries_[i].next) {
    if (entries_[i].host == host) {
      if (!entries_[i].removed) ++counters_.reused;
      Erase(i);
      return;
    }
  }
}

QueueJoin::Index QueueJoin::Find(uint64_t host, std::string_view id, EventTime t) {
  const Index index = Lookup(host, IdKey(id), t);
  if (index == kNone || entries_[index].removed) return index;
  Unlink(&live_list_, index);
  entries_[index].last = t;
  Push(&live_list_, index);
  return index;
}

QueuedMessage* QueueJoin::message(Index entry) {
  const Index m = entries_[entry].message;
  return m == kNone ? nullptr : &messages_[m];
}

QueueJoin::HandOver QueueJoin::Deliver(Index entry, uint64_t host, std::string_view next_id, const IpAddress& relay,
                                       bool may_be_ours, EventTime t, std::vector<HeldOutcome>* waiting) {
  const Index m = entries_[entry].message;
  if (next_id.empty() || m == kNone) return HandOver::kFinal;
  const uint64_t id = IdKey(next_id);
  const uint64_t relay_key = RelayKey(host, relay);
  const bool same_host = IsLoopback(relay);
  const auto joined = [&](const Entry& e) {
    return e.message == m && &e != &entries_[entry] && (!same_host || e.host == host);
  };
  if (LookupAnywhere(id, t, kEntryLifetime, joined) != kNone) {
    LearnRelay(relay_key);
    return HandOver::kFollowed;
  }
  const bool known = known_relay(relay_key);
  if (!may_be_ours && !known) return HandOver::kFinal;
  const auto nobodys = [&](const Entry& e) { return e.message == kNone && (!same_host || e.host == host); };
  if (const Index next = LookupAnywhere(id, t, kHandOverWindow, nobodys); next != kNone) {
    Attach(next, m);
    LearnRelay(relay_key);
    TakeWaiting(next, waiting);
    ++counters_.handed_over;
    return HandOver::kFollowed;
  }
  Expect(id, {.message = m, .at = t, .relay = relay_key, .sequence = 0, .counted = !known});
  return known ? HandOver::kFollowed : HandOver::kCounted;
}

void QueueJoin::Wait(Index entry, HeldOutcome outcome) {
  if (pending_total_ >= kPendingMax) {
    ++counters_.pending_dropped;
    return;
  }
  std::vector<HeldOutcome>& list = pending_[entry];
  if (list.size() >= kPendingPerEntryMax) {
    ++counters_.pending_dropped;
    return;
  }
  list.push_back(std::move(outcome));
  ++pending_total_;
}

void QueueJoin::TakeWaiting(Index entry, std::vector<HeldOutcome>* waiting) {
  const auto it = pending_.find(entry);
  if (it == pending_.end()) return;
  pending_total_ -= it->second.size();
  std::move(it->second.begin(), it->second.end(), std::back_inserter(*waiting));
  pending_.erase(it);
}

void QueueJoin::Removed(Index entry, EventTime t) {
  Entry& e = entries_[entry];
  Unlink(list_of(e), entry);
  e.removed = true;
  e.last = t;
  Push(&removed_list_, entry);
  Sweep(t);
}

QueueJoin::Index QueueJoin::Lookup(uint64_t host, uint64_t id, EventTime t) const {
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return kNone;
  for (Index i = it->second; i != kNone; i = entries_[i].next) {
    const Entry& e = entries_[i];
    if (e.host == host) return Distance(t, e.last) <= (e.removed ? kRemovedGrace : kEntryLifetime) ? i : kNone;
  }
  return kNone;
}

template <typename Fits>
QueueJoin::Index QueueJoin::LookupAnywhere(uint64_t id, EventTime t, Span window, Fits fits) const {
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return kNone;
  Index best = kNone;
  for (Index i = it->second; i != kNone; i = entries_[i].next) {
    const Entry& e = entries_[i];
    // A hop that is quicker than the log of the host before it may be gone already: the window alone decides.
    if (Distance(t, e.last) > window || !fits(e)) continue;
    if (best == kNone || e.last > entries_[best].last) best = i;
  }
  return best;
}

QueueJoin::Index QueueJoin::NewEntry(uint64_t host, uint64_t id, EventTime t) {
  if (live_ >= entries_max_) {
    Erase(removed_list_.oldest != kNone ? removed_list_.oldest : live_list_.oldest);
    ++counters_.evicted;
  }
  auto [it, fresh] = by_id_.try_emplace(id, kNone);
  if (!fresh) {
    int hosts = 0;
    Index last = kNone;
    for (Index i = it->second; i != kNone; i = entries_[i].next, ++hosts) last = i;
    if (hosts >= kHostsPerIdMax) {
      Erase(last);  // the first that came; others remain, so `it` stays valid
      ++counters_.evicted;
    }
  }
  Index index = free_entry_;
  if (index != kNone) {
    free_entry_ = entries_[index].newer;
  } else {
    index = static_cast<Index>(entries_.size());
    entries_.emplace_back();
  }
  Entry& e = entries_[index];
  e = Entry{};
  e.id = id;
  e.host = host;
  e.last = t;
  e.next = it->second;
  it->second = index;
  ++live_;
  Push(&live_list_, index);
  return index;
}

void QueueJoin::Erase(Index entry) {
  Entry& e = entries_[entry];
  const auto it = by_id_.find(e.id);
  if (it->second == entry) {
    if (e.next == kNone) {
      by_id_.erase(it);
    } else {
      it->second = e.next;
    }
  } else {
    Index before = it->second;
    while (entries_[before].next != entry) before = entries_[before].next;
    entries_[before].next = e.next;
  }
  if (const auto held = pending_.find(entry); held != pending_.end()) {
    pending_total_ -= held->second.size();
    counters_.pending_dropped += held->second.size();
    pending_.erase(held);
  }
  Unlink(list_of(e), entry);
  if (e.message != kNone) Release(e.message);
  e.newer = free_entry_;
  free_entry_ = entry;
  --live_;
}

void QueueJoin::Sweep(EventTime t) {
  // A few at a time keeps every line cheap, and keeps one line with a wrong clock from emptying the table.
  for (int i = 0; i < 4 && removed_list_.oldest != kNone; ++i) {
    if (t - entries_[removed_list_.oldest].last <= kRemovedGrace) break;
    Erase(removed_list_.oldest);
  }
  for (int i = 0; i < 2 && live_list_.oldest != kNone; ++i) {
    if (t - entries_[live_list_.oldest].last <= kEntryLifetime) break;
    Erase(live_list_.oldest);
  }
}

void QueueJoin::Push(List* list, Index entry) {
  Entry& e = entries_[entry];
  e.older = list->newest;
  e.newer = kNone;
  (list->newest == kNone ? list->oldest : entries_[list->newest].newer) = entry;
  list->newest = entry;
}

void QueueJoin::Unlink(List* list, Index entry) {
  const Entry& e = entries_[entry];
  (e.older == kNone ? list->oldest : entries_[e.older].newer) = e.newer;
  (e.newer == kNone ? list->newest : entries_[e.newer].older) = e.older;
}

QueueJoin::Index QueueJoin::NewMessage() {
  if (free_messages_.empty()) {
    messages_.emplace_back();
    return static_cast<Index>(messages_.size() - 1);
  }
  const Index m = free_messages_.back();
  free_messages_.pop_back();
  return m;
}

void QueueJoin::Attach(Index entry, Index message) {
  ++messages_[message].refs;
  if (entries_[entry].message != kNone) Release(entries_[entry].message);
  entries_[entry].message = message;
}

void QueueJoin::Release(Index message) {
  if (--messages_[message].refs == 0) free_messages_.push_back(message);
}

void QueueJoin::Expect(uint64_t id, Expected expected) {
  if (const auto it = expected_.find(id); it != expected_.end()) {
    if (it->second.message == expected.message) {  // another recipient of the same hand-over
      it->second.counted |= expected.counted;
      return;
    }
    Release(it->second.message);
    expected_.erase(it);
  }
  while (!expected_order_.empty()) {
    const auto& [oldest, sequence] = expected_order_.front();
    const auto it = expected_.find(oldest);
    const bool met = it == expected_.end() || it->second.sequence != sequence;
    if (!met && expected_order_.size() < kExpectedMax && expected.at - it->second.at <= kHandOverWindow) break;
    if (!met) {
      Release(it->second.message);
      expected_.erase(it);
    }
    expected_order_.pop_front();
  }
  expected.sequence = ++sequence_;
  ++messages_[expected.message].refs;
  expected_order_.emplace_back(id, expected.sequence);
  expected_.emplace(id, expected);
}

void QueueJoin::LearnRelay(uint64_t key) {
  if (known_relays_.size() < kKnownRelaysMax) known_relays_.insert(key);
}

void QueueJoin::Clear() {
  entries_.clear();
  free_entry_ = kNone;
  live_ = 0;
  messages_.clear();
  free_messages_.clear();
  by_id_.clear();
  live_list_ = removed_list_ = {};
  pending_.clear();
  pending_total_ = 0;
  expected_.clear();
  expected_order_.clear();
  known_relays_.clear();
}

}  // namespace sekisho::connectors
