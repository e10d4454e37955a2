// Everything the engine remembers of one account, in event time: its sources, its habits, its rates, what was done
// about it. One structure answers every window length (rates, distinct counts, sequence marks, baseline).
//
// The words used below:
//   use      an accepted login or submission. Uses of one source less than kOneUse apart are one use, so that parallel
//            connections, and one event that two programs log, count once.
//   read     a use of the mailbox: IMAP, POP3 or webmail login, or a mailbox access.
//   known    the owner's, by history: see Familiarity.
//   stray    used to send, not known, and not backed by reading from the same surroundings. The owner's new hotel is
//            backed by the phone that fetches mail there; a thief's botnet never reads.
//   passing  near when first used, sent a few messages, and neither it nor its area was ever read from.
//
// Thread-compatible: belongs to the one shard that owns the account.
#ifndef SEKISHO_ENGINE_WINDOW_ACCOUNT_WINDOW_H_
#define SEKISHO_ENGINE_WINDOW_ACCOUNT_WINDOW_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/window/daily_stats.h"
#include "engine/window/distinct_window.h"
#include "engine/window/lazy.h"
#include "engine/window/population.h"
#include "engine/window/recipient_memory.h"
#include "engine/window/sliding_counter.h"
#include "engine/window/source_classes.h"

namespace sekisho {

inline constexpr Span kOneUse = Span::Seconds(60);
// A source entry costs about 100 B in memory, 20 to 40 B packed.
inline constexpr size_t kSourcesMax = 64;
// Of these, so many at least are left to strangers of the last day: more than any threshold on their number.
inline constexpr int kStrangersKept = 32;
// The baseline's places and countries: 48 B each in memory, about 15 B packed.
inline constexpr size_t kHabitsMax = 12;
inline constexpr int kBaselineDays = 62;
// Failing sources that are remembered, to recognise one that succeeds later. 24 B each.
inline constexpr size_t kFailingMax = 16;
// A stretch of sending by strays ends with a pause of this length.
inline constexpr Span kRunPause = Span::Minutes(10);
inline constexpr Span kRunsKept = Span::Days(3);
// 24 B each in memory, about 8 B packed, and only for accounts that strays sent from in the last kRunsKept.
inline constexpr size_t kRunsMax = 8;
// Of the webmail's and the MTA's line about one message, the second is dropped when it comes within this time.
inline constexpr Span kSameMessage = Span::Seconds(120);

// How an account knows a source.
enum class Familiarity : uint8_t {
  kKnown = 0,    // this source, its network or its place is the owner's by history, or an operator says so
  kNear = 1,     // new, in a country that is the owner's by history, or the population's; where no habit is known, in the account's first
  kFar = 2,      // new, in a country that is not
  kNowhere = 3,  // origin unknown: no address, a private one, or the fleet's own
};

// One source (an IPv4 address, an IPv6 /64) that the account was used from.
struct SourceUse {
  uint64_t source = 0, network = 0;
  uint64_t area = 0;  // the ASN where known, else the /16 or /32
  uint16_t country = 0;
  uint16_t days = 0, read_days = 0;  // distinct UTC days
  bool stray = false;                // it has sent as a stray
  Familiarity at_first = Familiarity::kNowhere;  // how known it was when first used
  EventTime first_seen, last_seen, last_sent, first_read, last_read;
  uint32_t uses = 0, reads = 0, messages = 0;  // since first seen, saturating
  SourceClass source_class = SourceClass::kUnknown;  // when last seen
  bool webmail = false;                              // it logged in to webmail
};

// A place (an area in a country, or a country) in the slow baseline.
struct Habit {
  uint64_t key = 0;
  EventTime first_seen, last_seen, first_read, last_read, last_sent;
  uint16_t days = 0, read_days = 0, sent_days = 0;  // distinct UTC days
  SourceClass source_class = SourceClass::kUnknown;  // of a place: when last seen
  uint32_t reads = 0;
};

struct FailingSource {
  uint64_t source = 0, network = 0;
  EventTime last;
  bool far = false;
};

// Messages by strays without a pause of kRunPause or more between two of them.
struct SendRun {
  EventTime first, last;
  uint32_t messages = 0;  // saturating
  bool refused = false;   // one of our limits stopped it; set only while nothing stood against the account
};

// An envelope sender that the owner's sources use. Told apart by 32 bits of its hash.
struct KnownSender {
  uint32_t key = 0;
  int32_t last_day = 0;  // UTC, since 1970
};
// 8 B each in memory and 6 B packed; most accounts have one.
inline constexpr size_t kSendersMax = 8;

// An account whose own sources send under ever new senders: a newsletter with VERP, an application, a list server.
struct SenderHabit {
  uint16_t days = 0;  // on which a sender gave way to another that was used lately, too
  int32_t last_day = 0;
};

// What strays did and what came of it, and complaints. Most accounts have none of it, and pay eight bytes.
struct StrayRecord {
  std::vector<SendRun> runs;  // the newest kRunsMax, in order of time
  // Deliveries of their messages that the receiver called spam, unwanted by policy, or from a bad address: for good
  // (5.7.x), and for now (4.7.x), which happens to everybody.
  SlidingCounter refused, put_off;
  DistinctWindow senders;  // envelope senders that the owner's sources don't use
  SlidingCounter complaints;  // feedback reports about the account's messages, whoever sent these

  size_t heap_bytes() const {
    return sizeof(*this) + runs.capacity() * sizeof(SendRun) + refused.heap_bytes() + put_off.heap_bytes() +
           senders.heap_bytes() + complaints.heap_bytes();
  }
};

// What was done about an account, and why it may be done again.
struct Standing {
  ActionKind verdict = ActionKind::kRelease;  // what stands now; kRelease: clear
  Mode mode = Mode::kEnforce;  // of that verdict, as it was said
  EventTime since, expires;
  uint32_t generation = 0;
  uint32_t renewals = 0;
  uint32_t suspensions = 0;  // ever
  EventTime evidence_last;   // the last stray submission while a verdict stood
  EventTime released;        // the last release
  EventTime shadow_said;     // the last action of shadowed detectors only, and its kind
  ActionKind shadow_kind = ActionKind::kObserve;
  std::array<EventTime, 4> announced;  // the last action of each kind, by ActionKind below kRelease
  uint32_t pattern = 0;      // detectors that led to the last throttle or suspension, one bit each by DetectorId
  EventTime grace;           // an operator's release lasts until then; Never(): there was none
  bool relapse_guard = false;  // the same pattern ends the grace
  bool confirm = false;        // a person was asked to confirm a suspension, and this throttling stands in its place
};

struct AccountWindow {
  std::string login;
  EventTime first_seen, last_seen, last_read, credential_changed;

  std::vector<SourceUse> sources;        // at most kSourcesMax, in order of arrival
  std::vector<Habit> places, countries;  // at most kHabitsMax each
  DistinctWindow sources_seen;           // every source of an accepted use, beyond kSourcesMax too
  DailyStats sources_a_day;              // distinct sources by day

  SlidingCounter messages, recipients;              // all submissions
  SlidingCounter stray_messages, stray_recipients;  // of stray sources
  DailyStats messages_a_day, recipients_a_day, reads_a_day;

  RecipientMemory known_recipients;
  SlidingCounter recipients_judged, recipients_new;  // recipients whose novelty is known, and the new ones
  SlidingCounter stray_judged, stray_new;            // of messages by stray sources
  uint32_t judged_total = 0, new_total = 0;  // the same since ever, both halved when kHabitHalvedAt is passed

  SlidingCounter sent, bounced, refused;  // deliveries: accepted; failed, or put off as spam; refused for good as spam

  SlidingCounter failures;          // of sources that aren't known
  DistinctWindow failing_sources;
  std::vector<FailingSource> failing;  // the newest kFailingMax
  EventTime guessed;                // a success that guessing explains
  uint64_t guessed_source = 0;

  // The last webmail login's true source, for submissions that come through the webmail host. A login from nearer by doesn't
  // take a foreign one's place within kForeignSession: of two open sessions, what is sent is more likely the thief's, and an
  // owner who logs in at home would otherwise cover him.
  IpAddress webmail_ip;
  Place webmail_place;
  EventTime webmail_login;
  // Messages through webmail that only one of the two logs has told yet, and when the newest of them was told.
  uint32_t unmatched_by_mta = 0, unmatched_by_webmail = 0;
  EventTime unmatched_by_mta_at, unmatched_by_webmail_at;

  // Passing sources by day, at most kPassingLearnedMax of a day: what is usual for an owner on the move, and what one day of
  // abuse can't move far.
  DailyStats passing_a_day;
  static constexpr uint64_t kPassingLearnedMax = 8;

  // The first use after kDormantAfter or more without any, and for how many days there was none. Forgotten after kAwakeAfter.
  EventTime woke;
  uint16_t slept_days = 0;
  static constexpr Span kDormantAfter = Span::Days(30);
  static constexpr Span kAwakeAfter = Span::Days(14);
  std::vector<KnownSender> senders;  // at most kSendersMax, of the owner's sources
  SenderHabit sender_habit;
  Lazy<StrayRecord> stray_record;
  // Of the newest message by a stray whose size is known: its size and number of recipients, roughly. 0: there was none.
  uint16_t stray_shape = 0;
  EventTime stray_shape_at;

  EventTime onset;  // first stray submission of the present episode (an episode ends after a day without one)
  Standing standing;

  static constexpr uint32_t kHabitHalvedAt = 4096;

  // What one event meant, for the features of that event.
  struct Touch {
    Familiarity familiarity = Familiarity::kNowhere;
    int source = -1;       // index in `sources`, valid until the next Apply; -1: origin unknown
    bool stray = false;
    bool first_today = false;  // the first use of this source on this UTC day
    bool counted = false;  // false: the second line about one message, or a late duplicate of no effect
    IpAddress ip;          // the true source: of the webmail login where the client was the webmail host
    Place place;
    SourceClass source_class = SourceClass::kUnknown;
    // Of a stray's message whose size is known now, when the stray message before it, less than kCampaignPause ago, had a known
    // size too: names the sizes and numbers of recipients of both, roughly. 0: there is none. What is sent again and again by
    // one hand through many accounts has one such pattern, or few.
    uint64_t pattern = 0;
  };
  static constexpr Span kCampaignPause = Span::Hours(1);

  // Folds one event in. The event may be older than the newest one seen: counters count it in its own place.
  // `deliveries_visible`: delivery lines reach us, so recipients are judged there and not from a webmail's list too.
  Touch Apply(const Event& event, const Population& population, bool deliveries_visible);

  Familiarity Know(const IpAddress& ip, const Place& place, EventTime at, const Population& population) const;

  // How often mail was read from the surroundings of a source, if it was within the last week: from the same country for
  // a far one (webmail logins don't count: every webmail thief has to log in), else from the same area.
  uint32_t ReadsThere(const IpAddress& ip, const Place& place, EventTime at, Familiarity familiarity) const;

  // True if mail was read from the surroundings of the source in the last week, so that sending from there is the
  // owner's: for a far source kFarReadsMin times; for a near one once, or from kPlacesOnTheMove areas
  // at all while it has sent no more than kMessagesOnTheMove messages and passing sources sent from fewer than
  // kPassingOnTheMove2h other areas in two hours, kPassingOnTheMove24h in a day: nobody moves through one after another.
  bool Backed(const IpAddress& ip, const Place& place, EventTime at, Familiarity familiarity) const;
  static constexpr uint32_t kFarReadsMin = 2;
  static constexpr int kPlacesOnTheMove = 4;
  static constexpr uint32_t kMessagesOnTheMove = 30;
  static constexpr int64_t kPassingOnTheMove2h = 3, kPassingOnTheMove24h = 6;

  // Distinct areas of passing sources that sent within (at - width, at], without the area `but`.
  int64_t PassingAreas(EventTime at, Span width, uint64_t but = 0) const;
  bool Passing(const SourceUse& source) const;
  static constexpr uint32_t kPassingMessagesMax = 3;

  // True until the account has a day of history: a habit can't be told yet.
  bool Young(EventTime at) const { return first_seen.never() || at - first_seen < Span::Hours(24); }

  // Of the account's mailbox reads that are remembered, those from this country; 100 where it reads nothing.
  int64_t ReadPercent(uint16_t country) const;

  // Countries that are the owner's by history: as many as he is at home in, through a VPN or a provider's cloud too.
  int HomeCountries(EventTime at) const;

  // Places that are the owner's by history, by class: homes and phones, and servers of any kind (hosting, fetchers, VPNs, Tor).
  struct HomePlaces {
    int access = 0, servers = 0;
  };
  HomePlaces PlacesByClass(EventTime at) const;

  // The account reads its mail where we can see it.
  bool Reads(EventTime at) const;

  // Bytes on the heap beyond sizeof(AccountWindow).
  size_t heap_bytes() const;

  void Encode(ByteWriter* out) const;
  // False if the bytes are no record; the object is then unspecified. Unknown tags are skipped.
  bool Decode(ByteReader* in);

 private:
  // Learns an envelope sender of the owner's sources, or counts it for the strays.
  void NoteSender(EventTime at, uint64_t sender_key, bool stray);
  // Of a delivery: what kind of failure it is, if it is one.
  void CountFailure(const Event& event, bool stray);
  void AddToRun(EventTime at);
  // One of our own limits refused a source that isn't the owner's.
  void MarkRefused(EventTime at);
  void ReadPattern(const Event& event, Touch* touch);
  // For what happens to a message later: was its source a stray when it sent? Without a source, whatever strayed in the
  // last hour is taken for it.
  void FindSender(EventTime at, Touch* touch) const;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_ACCOUNT_WINDOW_H_
