// Several Dovecot processes tell of one and the same login, depending on the configuration: the authentication process
// (auth_verbose), PAM, the event export, and the login process when the connection ends. This remembers who told first.
//
// The rule, for failures and for successes apart: within kToldWindow, one session's outcome counts from the kind of line
// that told of it first; lines of other kinds about that session tell nothing new. A second line of the same kind counts
// again, as the authentication process has one for every attempt. Where one of two lines has no session id, the user
// and address stand for it. Forgetting (the table is full, or the window is over) can count something twice, never not
// at all.
#ifndef SEKISHO_CONNECTORS_INGEST_DOVECOT_TOLD_ONCE_H_
#define SEKISHO_CONNECTORS_INGEST_DOVECOT_TOLD_ONCE_H_

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho::connectors::dovecot {

inline constexpr Span kToldWindow = Span::Minutes(10);
// Each costs 24 B: 1.5 MB. At 100 logins a second the oldest is 10 minutes old.
inline constexpr size_t kToldSlots = 1 << 16;

enum class Teller : uint8_t { kNobody, kLoginProcess, kProxy, kAuthProcess, kPam, kExport, kExportPassdb };

// Thread-compatible. Every call is O(1).
class ToldOnce {
 public:
  ToldOnce() : slots_(kToldSlots) {}

  // True when an outcome of this session (may be empty) of this account from this address is for `teller` to tell.
  bool Claim(std::string_view session, std::string_view account, const IpAddress& ip, Teller teller, EventTime t) {
    const uint64_t who =
        PinnedHash64(account, PinnedHash64({reinterpret_cast<const char*>(ip.bytes().data()), ip.bytes().size()}));
    const uint64_t with_any = PinnedMix64(who + 1), with_none = PinnedMix64(who + 2);
    if (session.empty()) {
      if (ToldByAnother(with_any, teller, t)) return false;
      Remember(with_none, teller, t);
    } else {
      const uint64_t by_session = PinnedHash64(session);
      if (ToldByAnother(by_session, teller, t) || ToldByAnother(with_none, teller, t)) return false;
      Remember(by_session, teller, t);
    }
    Remember(with_any, teller, t);
    return true;
  }

  // The same for what is told by session only: without one (empty), always true.
  bool ClaimSession(std::string_view session, Teller teller, EventTime t) {
    if (session.empty()) return true;
    const uint64_t by_session = PinnedHash64(session);
    if (ToldByAnother(by_session, teller, t)) return false;
    Remember(by_session, teller, t);
    return true;
  }

  // True once a session and window, whoever tells.
  bool ClaimOnce(std::string_view session, EventTime t) {
    if (session.empty()) return true;
    const uint64_t by_session = PinnedHash64(session);
    if (ToldByAnother(by_session, Teller::kNobody, t)) return false;
    Remember(by_session, Teller::kExport, t);
    return true;
  }

  // Only what can still matter: told within kToldWindow of the newest.
  void Save(ByteWriter* out) const {
    EventTime newest;
    for (const Slot& slot : slots_) newest = std::max(newest, slot.time);
    for (const Slot& slot : slots_) {
      if (slot.teller == Teller::kNobody || newest - slot.time > kToldWindow) continue;
      out->PutVarint(static_cast<uint64_t>(slot.teller));
      out->PutFixed64(slot.key);
      out->PutZigzag(slot.time.millis());
    }
    out->PutVarint(static_cast<uint64_t>(Teller::kNobody));
  }
  // Fails the reader on bytes that Save didn't write; what was read so far is then remembered all the same.
  void Restore(ByteReader* in) {
    slots_.assign(kToldSlots, {});
    while (const uint64_t teller = in->VarintUpTo(static_cast<uint64_t>(Teller::kExportPassdb))) {
      const uint64_t key = in->Fixed64();
      const EventTime time = EventTime::FromMillis(in->Zigzag());
      if (!in->ok()) return;
      Remember(key, static_cast<Teller>(teller), time);
    }
  }

 private:
  struct Slot {
    uint64_t key = 0;
    EventTime time;
    Teller teller = Teller::kNobody;
  };
  Slot& SlotOf(uint64_t key) { return slots_[key % kToldSlots]; }
  bool ToldByAnother(uint64_t key, Teller teller, EventTime t) {
    const Slot& slot = SlotOf(key);
    return slot.key == key && slot.teller != Teller::kNobody && slot.teller != teller && t - slot.time <= kToldWindow &&
           slot.time - t <= kToldWindow;
  }
  void Remember(uint64_t key, Teller teller, EventTime t) { SlotOf(key) = {key, t, teller}; }

  std::vector<Slot> slots_;
};

}  // namespace sekisho::connectors::dovecot

#endif  // SEKISHO_CONNECTORS_INGEST_DOVECOT_TOLD_ONCE_H_
