// The memory of a mail server's parser: which account a queue id belongs to.
//
// A server names the account once, when it takes the message (Postfix: `QID: client=…, sasl_username=…`; Exim: `ID <= …
// A=…`). All that follows (size, recipients, deliveries, bounces) carries the queue id alone, and a content filter or an
// outbound relay gives the same message a second id, on the same host or another. Three facts shape this table:
//  - Postfix's short queue ids are reused, and two hosts may use the same id at once: the key is (host, id) within a
//    time window.
//  - A hand-over is logged by both sides in either order, as two hosts' clocks differ and the lines of several files
//    are merged by whole seconds: whichever side comes first waits for the other, but for kHandOverWindow only.
//  - Nothing may grow without bound: each list below has a limit with its price, evicts its oldest first, and counts.
//
// Every operation is O(1). Thread-compatible. No clock: the caller passes each line's event time.
#ifndef SEKISHO_CONNECTORS_COMMON_QUEUE_JOIN_H_
#define SEKISHO_CONNECTORS_COMMON_QUEUE_JOIN_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "connectors/common/event.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// Each entry costs about 72 B, and each message behind it about 150 B (a long login more): a full table is 230 MB.
// A message has one entry for every hop whose log we read, from its first line to its `removed`.
inline constexpr uint32_t kQueueEntriesMax = 1 << 20;
// Outcomes seen before the line that says whose they are. Each costs about 150 B: 10 MB in all.
inline constexpr uint32_t kPendingPerEntryMax = 128;  // one hand-over has 50 recipients unless configured otherwise
inline constexpr uint32_t kPendingMax = 1 << 16;
// Hand-overs whose other side was not seen yet. Each costs about 64 B and holds its message: 14 MB in all.
inline constexpr uint32_t kExpectedMax = 1 << 16;
// Next hops known to be read by us. Each costs about 40 B.
inline constexpr uint32_t kKnownRelaysMax = 4096;

// An entry is forgotten this long after its last line: Postfix's own maximal_queue_lifetime.
inline constexpr Span kEntryLifetime = Span::Days(5);
// The line that ends a message can overtake a last one of another process of the same host, or of the next hop.
inline constexpr Span kRemovedGrace = Span::Seconds(60);
// How far apart the two sides of one hand-over may be logged: [-10 min, +10 min].
inline constexpr Span kHandOverWindow = Span::Minutes(10);

// Postfix's ids have 6 to 23 letters and digits (a long id is seconds, microseconds, 'z', inode), Exim's 16 or 23 bytes.
inline constexpr size_t kQueueIdBytesMax = 24;

// A message that an account submitted.
struct QueuedMessage {
  std::string account;  // canonical
  IpAddress ip;
  EventTime submitted;
  char queue_id[kQueueIdBytesMax] = {};  // the first one in the fleet
  uint8_t queue_id_bytes = 0;
  Listener listener = Listener::kUnknown;
  bool queued = false;  // its kQueued was emitted
  uint32_t refs = 0;    // entries and expectations that name it
  std::string_view first_id() const { return {queue_id, queue_id_bytes}; }
};

// The outcome of one delivery attempt, kept until it is known whose it is.
struct HeldOutcome {
  EventTime time;
  Outcome outcome = Outcome::kNone;
  StatusCode status;
  bool spam_refusal = false;
  uint64_t key = 0;
  std::string domain;
  std::string host;
};

// The delivery event that an outcome of `message` is. `host` logged it; `domain` is the recipient's.
void EmitDelivery(const QueuedMessage& message, const HeldOutcome& outcome, std::string_view host, std::string_view domain,
                  const EventSink& sink);

struct JoinCounters {
  uint64_t evicted = 0;           // entries dropped because the table was full
  uint64_t pending_dropped = 0;   // outcomes nobody could be found for in time, or beyond a limit
  uint64_t handed_over = 0;       // hand-overs followed
  uint64_t reused = 0;            // ids taken again while their old entry was still there
};

class QueueJoin {
 public:
  using Index = uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  // `entries_max` in [16, kQueueEntriesMax].
  explicit QueueJoin(uint32_t entries_max = kQueueEntriesMax);
  // The hash of a host's name, which stands for it in every call below.
  static uint64_t HostKey(std::string_view host);

  // An account's client was accepted on `host` under `id`. Replaces an older entry of that id. False, and nothing changes,
  // where it is the same line once more (as shippers of logs may send it): same account, address and time.
  bool Submit(uint64_t host, std::string_view id, EventTime t, std::string_view account, const IpAddress& ip,
              Listener listener);
  // A client without account that may be the next hop of a message of ours: a filter giving mail back, or a host of the
  // fleet. `original_id` is what XFORWARD told of the sender's queue id; empty where it didn't. Joined at once where
  // that id, or a hand-over that named `id`, is known; otherwise it waits. Replaces an older entry of that id.
  void Arrive(uint64_t host, std::string_view id, EventTime t, std::string_view original_id);
  // The id starts a new life that is nobody's (local mail, a bounce message): an older entry is forgotten.
  void Forget(uint64_t host, std::string_view id);

  // The live entry, its time moved on; kNone where there is none.
  Index Find(uint64_t host, std::string_view id, EventTime t);
  // The message behind an entry; null while nobody is known.
  QueuedMessage* message(Index entry);
  // True where this entry's `sent` was counted already, when the message was handed over.
  bool sent_counted(Index entry) const { return entries_[entry].sent_counted; }

  enum class HandOver : uint8_t {
    kFinal,     // not a hop of ours: what it said is the outcome
    kFollowed,  // the outcome will come from the next hop; this line is none
    kCounted,   // cannot tell yet: count this line as the outcome; should the next hop appear, its `sent` won't count again
  };
  // `entry` was delivered to `relay`, which named it `next_id`. `may_be_ours`: the relay's address is private or
  // configured as ours. On kFollowed, `*waiting` are outcomes of the next hop that were seen too early: now they are this
  // message's.
  HandOver Deliver(Index entry, uint64_t host, std::string_view next_id, const IpAddress& relay, bool may_be_ours,
                   EventTime t, std::vector<HeldOutcome>* waiting);

  // Keeps an outcome of an entry without a message.
  void Wait(Index entry, HeldOutcome outcome);
  // Outcomes that were waiting for `entry`, which has a message now.
  void TakeWaiting(Index entry, std::vector<HeldOutcome>* waiting);

  // The server is done with it. Lines within kRemovedGrace still find it.
  void Removed(Index entry, EventTime t);

  size_t size() const { return live_; }
  size_t waiting() const { return pending_total_; }
  const JoinCounters& counters() const { return counters_; }

  // The whole state as bytes, with a version in front; equal states give equal bytes. Counters are not part of it.
  void Save(std::string* out) const;
  // Replaces the state. On DataLoss (wrong version, torn or forged bytes) the table is left empty.
  absl::Status Restore(std::string_view bytes);

 private:
  struct Entry {
    uint64_t id = 0;    // hash of the queue id
    uint64_t host = 0;
    EventTime last;     // of its newest line
    Index message = kNone;
    Index older = kNone, newer = kNone;  // in the order of use, live_list_ or removed_list_; `newer` links free entries
    Index next = kNone;                  // another host's entry of the same id
    bool removed = false;
    bool sent_counted = false;
  };
  struct List {
    Index oldest = kNone, newest = kNone;
  };
  struct Expected {
    Index message = kNone;
    EventTime at;
    uint64_t relay = 0;     // key of the next hop's address
    uint64_t sequence = 0;
    bool counted = false;
  };

  static uint64_t IdKey(std::string_view id);
  Index Lookup(uint64_t host, uint64_t id, EventTime t) const;
  // The entry of that id on any host with the newest line within `window` of t, among those that `fits` accepts.
  template <typename Fits>
  Index LookupAnywhere(uint64_t id, EventTime t, Span window, Fits fits) const;
  // A fresh entry, in by_id_ and in live_list_. Evicts the oldest where there is no room.
  Index NewEntry(uint64_t host, uint64_t id, EventTime t);
  void Erase(Index entry);
  void Sweep(EventTime t);
  void Push(List* list, Index entry);
  void Unlink(List* list, Index entry);
  List* list_of(const Entry& e) { return e.removed ? &removed_list_ : &live_list_; }
  Index NewMessage();
  void Attach(Index entry, Index message);
  void Release(Index message);
  void Expect(uint64_t id, Expected expected);
  bool known_relay(uint64_t key) const { return known_relays_.contains(key); }
  void LearnRelay(uint64_t key);
  void Clear();
  absl::Status RestoreFrom(std::string_view bytes);

  const uint32_t entries_max_;
  std::vector<Entry> entries_;
  Index free_entry_ = kNone;
  size_t live_ = 0;
  std::vector<QueuedMessage> messages_;
  std::vector<Index> free_messages_;
  absl::flat_hash_map<uint64_t, Index> by_id_;  // the first of the entries of an id
  List live_list_, removed_list_;
  absl::flat_hash_map<Index, std::vector<HeldOutcome>> pending_;
  size_t pending_total_ = 0;
  absl::flat_hash_map<uint64_t, Expected> expected_;  // by the next hop's id
  std::deque<std::pair<uint64_t, uint64_t>> expected_order_;  // (id, sequence), oldest first; may name met ones
  uint64_t sequence_ = 0;
  absl::flat_hash_set<uint64_t> known_relays_;
  JoinCounters counters_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_QUEUE_JOIN_H_
