// The packed record of an account: fields as (tag, length, bytes), empty ones left out, unknown ones skipped.
//
// Tags are pinned for ever: never renumber, never reuse. Times are milliseconds from the record's base time (its first
// use) or from a time of the same thing, so that they stay short.
#include <algorithm>
#include <array>
#include <initializer_list>

#include "engine/window/account_window.h"

namespace sekisho {
namespace {

enum Tag : uint64_t {
  kBase = 1,
  kLogin = 2,
  kTimes = 3,
  kSources = 4,
  kPlaces = 5,
  kCountries = 6,
  kSourcesSeen = 7,
  kSourcesADay = 8,
  kMessages = 9,
  kRecipients = 10,
  kStrayMessages = 11,
  kStrayRecipients = 12,
  kMessagesADay = 13,
  kRecipientsADay = 14,
  kReadsADay = 15,
  kKnownRecipients = 16,
  kStrayJudged = 17,
  kRecipientsJudged = 18,
  kRecipientsNew = 19,
  kStrayNew = 20,
  kNoveltyHabit = 21,
  kSent = 22,
  kBounced = 23,
  kRefused = 24,
  kFailures = 25,
  kFailingSources = 26,
  kFailing = 27,
  kGuessed = 28,
  kWebmail = 29,
  kUnmatched = 30,
  kOnset = 31,
  kStanding = 32,
  kPattern = 33,
  kGrace = 34,
  kVerdictMode = 35,
  kAlike = 36,  // pairs of tags: the first counter is told once for both
  // Classes of `sources` and `places`, by index.
  kSourceClassOfSources = 60,
  kSourceClassOfPlaces = 61,
  kWebmailSources = 62,  // of `sources`, one bit each
  kPassingADay = 63,
  kAwakening = 64,
  kStrayRuns = 70,
  kStrayRefused = 71,
  kStrayPutOff = 72,
  kStraySenders = 73,
  kSenders = 74,
  kSenderHabit = 75,
  kComplaints = 76,
  kStrayShape = 80,
  kConfirm = 90,
};

// 0 is never; else one more than the zigzag distance from the base.
void PutTime(ByteWriter* w, EventTime base, EventTime t) {
  w->PutVarint(t.never() ? 0 : 1 + ToZigzag(t.millis() - base.millis()));
}

// No log tells of a time beyond this (some 31,000 years around 1970): a record that does is damaged, and times within it
// can be subtracted from each other without a thought.
constexpr int64_t kMillisMax = 1'000'000'000'000'000;

EventTime CheckedTime(ByteReader* r, uint64_t millis_twos_complement) {
  const auto millis = static_cast<int64_t>(millis_twos_complement);
  if (millis >= -kMillisMax && millis <= kMillisMax) return EventTime::FromMillis(millis);
  r->Fail();
  return EventTime::Never();
}

EventTime GetTime(ByteReader* r, EventTime base) {
  const uint64_t v = r->Varint();
  if (v == 0) return EventTime::Never();
  // Unsigned, because a damaged record may say anything, and must not overflow.
  return CheckedTime(r, static_cast<uint64_t>(base.millis()) + static_cast<uint64_t>(FromZigzag(v - 1)));
}

// Of one source or habit: `first` from the base, `last` from there, and the others from `last`, which they often equal.
void PutTimes(ByteWriter* w, EventTime base, EventTime first, EventTime last, std::initializer_list<EventTime> others) {
  PutTime(w, base, first);
  PutTime(w, first.never() ? base : first, last);
  for (const EventTime t : others) PutTime(w, last.never() ? base : last, t);
}

void GetTimes(ByteReader* r, EventTime base, EventTime* first, EventTime* last, std::initializer_list<EventTime*> others) {
  *first = GetTime(r, base);
  *last = GetTime(r, first->never() ? base : *first);
  for (EventTime* t : others) *t = GetTime(r, last->never() ? base : *last);
}

void PutSource(ByteWriter* w, EventTime base, const SourceUse& s) {
  w->PutFixed64(s.source);
  w->PutFixed64(s.network);
  w->PutFixed64(s.area);
  w->PutVarint(s.country);
  w->PutVarint(s.days);
  w->PutVarint(s.read_days);
  w->PutVarint(static_cast<uint64_t>(s.at_first) << 1 | (s.stray ? 1 : 0));
  PutTimes(w, base, s.first_seen, s.last_seen, {s.last_sent, s.first_read, s.last_read});
  for (const uint32_t n : {s.uses, s.reads, s.messages}) w->PutVarint(n);
}

void GetSource(ByteReader* r, EventTime base, SourceUse* s) {
  s->source = r->Fixed64();
  s->network = r->Fixed64();
  s->area = r->Fixed64();
  s->country = static_cast<uint16_t>(r->VarintUpTo(UINT16_MAX));
  s->days = static_cast<uint16_t>(r->VarintUpTo(UINT16_MAX));
  s->read_days = static_cast<uint16_t>(r->VarintUpTo(UINT16_MAX));
  const uint64_t bits = r->VarintUpTo(7);
  s->stray = (bits & 1) != 0;
  s->at_first = static_cast<Familiarity>(bits >> 1);
  GetTimes(r, base, &s->first_seen, &s->last_seen, {&s->last_sent, &s->first_read, &s->last_read});
  for (uint32_t* n : {&s->uses, &s->reads, &s->messages}) *n = static_cast<uint32_t>(r->VarintUpTo(UINT32_MAX));
}

void PutHabit(ByteWriter* w, EventTime base, const Habit& h) {
  w->PutFixed64(h.key);
  PutTimes(w, base, h.first_seen, h.last_seen, {h.first_read, h.last_read, h.last_sent});
  for (const uint32_t n : {uint32_t{h.days}, uint32_t{h.read_days}, uint32_t{h.sent_days}, h.reads}) w->PutVarint(n);
}

void GetHabit(ByteReader* r, EventTime base, Habit* h) {
  h->key = r->Fixed64();
  GetTimes(r, base, &h->first_seen, &h->last_seen, {&h->first_read, &h->last_read, &h->last_sent});
  for (uint16_t* n : {&h->days, &h->read_days, &h->sent_days}) *n = static_cast<uint16_t>(r->VarintUpTo(UINT16_MAX));
  h->reads = static_cast<uint32_t>(r->VarintUpTo(UINT32_MAX));
}

void PutFailing(ByteWriter* w, EventTime base, const FailingSource& f) {
  w->PutFixed64(f.source);
  w->PutFixed64(f.network);
  PutTime(w, base, f.last);
  w->PutVarint(f.far ? 1 : 0);
}

void GetFailing(ByteReader* r, EventTime base, FailingSource* f) {
  f->source = r->Fixed64();
  f->network = r->Fixed64();
  f->last = GetTime(r, base);
  f->far = r->VarintUpTo(1) == 1;
}

void PutRun(ByteWriter* w, EventTime base, const SendRun& run) {
  PutTime(w, base, run.first);
  w->PutVarint(static_cast<uint64_t>((run.last - run.first).millis()));
  w->PutVarint(uint64_t{run.messages} << 1 | (run.refused ? 1 : 0));
}

void GetRun(ByteReader* r, EventTime base, SendRun* run) {
  run->first = GetTime(r, base);
  if (run->first.never()) r->Fail();
  run->last = run->first + Span::Millis(static_cast<int64_t>(r->VarintUpTo(kMillisMax)));
  const uint64_t v = r->VarintUpTo(uint64_t{UINT32_MAX} << 1 | 1);
  run->messages = static_cast<uint32_t>(v >> 1);
  run->refused = (v & 1) != 0;
}

// Days are told from the base's, so that they stay short.
int32_t GetDay(ByteReader* r, EventTime base) {
  constexpr int64_t kDaysMax = kMillisMax / 86'400'000;
  const int64_t day = r->Zigzag();
  if (day >= -2 * kDaysMax && day <= 2 * kDaysMax) return static_cast<int32_t>(base.day() + day);
  r->Fail();
  return 0;
}

void PutSender(ByteWriter* w, EventTime base, const KnownSender& s) {
  w->PutVarint(s.key);
  w->PutZigzag(s.last_day - base.day());
}

void GetSender(ByteReader* r, EventTime base, KnownSender* s) {
  s->key = static_cast<uint32_t>(r->VarintUpTo(UINT32_MAX));
  s->last_day = GetDay(r, base);
}

template <typename T, typename PutOne>
void PutList(ByteWriter* w, EventTime base, const std::vector<T>& list, PutOne put) {
  w->PutVarint(list.size());
  for (const T& t : list) put(w, base, t);
}

// The least that an item of any list takes.
constexpr size_t kItemBytesMin = 2;

template <typename T, typename GetOne>
void GetList(ByteReader* r, EventTime base, size_t most, std::vector<T>* list, GetOne get) {
  const size_t n = r->Length(kItemBytesMin);
  if (n > most) return r->Fail();
  list->resize(n);
  for (T& t : *list) get(r, base, &t);
}

static_assert(kSourcesMax <= 64);

uint64_t WebmailBits(const std::vector<SourceUse>& sources) {
  uint64_t bits = 0;
  for (size_t i = 0; i < sources.size(); ++i) bits |= uint64_t{sources[i].webmail} << i;
  return bits;
}

// One byte each, without the unknown ones at the end; nothing where all are unknown, as without data.
template <typename T>
std::string ClassesOf(const std::vector<T>& list) {
  std::string bytes;
  for (const T& t : list) bytes.push_back(static_cast<char>(t.source_class));
  while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();
  return bytes;
}

template <typename T>
void GetClasses(ByteReader* r, std::vector<T>* list) {
  const std::string_view bytes = r->Bytes();
  if (bytes.size() > list->size()) return r->Fail();
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<uint8_t>(bytes[i]);
    if (c >= kSourceClasses) return r->Fail();
    (*list)[i].source_class = static_cast<SourceClass>(c);
  }
}

struct Counter {
  Tag tag;
  SlidingCounter AccountWindow::* member;
};

// Those that go alike where each message has one recipient and arrives: told once, and that saves a quiet account a third.
constexpr std::array<Counter, 5> kCounters = {{{kMessages, &AccountWindow::messages},
                                               {kRecipients, &AccountWindow::recipients},
                                               {kSent, &AccountWindow::sent},
                                               {kRecipientsJudged, &AccountWindow::recipients_judged},
                                               {kRecipientsNew, &AccountWindow::recipients_new}}};

SlidingCounter* CounterOf(AccountWindow* account, uint64_t tag) {
  for (const Counter& c : kCounters) {
    if (c.tag == tag) return &(account->*c.member);
  }
  return nullptr;
}

class Fields {
 public:
  explicit Fields(ByteWriter* w) : w_(w) {}
  // Writes the tag, then whatever `body` puts, with its length.
  template <typename Body>
  void Put(Tag tag, Body body) {
    w_->PutVarint(tag);
    const size_t begin = w_->BeginBytes();
    body(w_);
    w_->EndBytes(begin);
  }
  template <typename Window>
  void PutWindow(Tag tag, const Window& window) {
    if (!window.empty()) Put(tag, [&](ByteWriter* w) { window.Encode(w); });
  }
  // kCounters and the daily numbers of messages and recipients, and which of them are like an earlier one.
  void PutCounts(const AccountWindow& account) {
    std::string alike;
    ByteWriter pairs(&alike);
    for (size_t i = 0; i < kCounters.size(); ++i) {
      const SlidingCounter& mine = account.*kCounters[i].member;
      if (mine.empty()) continue;
      size_t first = 0;
      while (!(account.*kCounters[first].member == mine)) ++first;
      if (first == i) {
        PutWindow(kCounters[i].tag, mine);
      } else {
        pairs.PutVarint(kCounters[first].tag);
        pairs.PutVarint(kCounters[i].tag);
      }
    }
    PutWindow(kMessagesADay, account.messages_a_day);
    if (account.recipients_a_day.empty() || !(account.recipients_a_day == account.messages_a_day)) {
      PutWindow(kRecipientsADay, account.recipients_a_day);
    } else {
      pairs.PutVarint(kMessagesADay);
      pairs.PutVarint(kRecipientsADay);
    }
    if (alike.empty()) return;
    w_->PutVarint(kAlike);
    w_->PutBytes(alike);
  }

 private:
  ByteWriter* const w_;
};

}  // namespace

void AccountWindow::Encode(ByteWriter* out) const {
  Fields f(out);
  const EventTime base = first_seen.never() ? EventTime::FromMillis(0) : first_seen;
  f.Put(kBase, [&](ByteWriter* w) { w->PutZigzag(base.millis()); });
  f.Put(kLogin, [&](ByteWriter* w) { w->PutBytes(login); });
  f.Put(kTimes, [&](ByteWriter* w) {
    for (const EventTime t : {first_seen, last_seen, last_read, credential_changed}) PutTime(w, base, t);
  });
  if (!sources.empty()) f.Put(kSources, [&](ByteWriter* w) { PutList(w, base, sources, PutSource); });
  if (!places.empty()) f.Put(kPlaces, [&](ByteWriter* w) { PutList(w, base, places, PutHabit); });
  if (!countries.empty()) f.Put(kCountries, [&](ByteWriter* w) { PutList(w, base, countries, PutHabit); });
  f.PutWindow(kSourcesSeen, sources_seen);
  f.PutWindow(kSourcesADay, sources_a_day);
  f.PutCounts(*this);
  f.PutWindow(kStrayMessages, stray_messages);
  f.PutWindow(kStrayRecipients, stray_recipients);
  f.PutWindow(kReadsADay, reads_a_day);
  f.PutWindow(kKnownRecipients, known_recipients);
  f.PutWindow(kStrayJudged, stray_judged);
  f.PutWindow(kStrayNew, stray_new);
  if (judged_total > 0) {
    f.Put(kNoveltyHabit, [&](ByteWriter* w) {
      w->PutVarint(judged_total);
      w->PutVarint(new_total);
    });
  }
  f.PutWindow(kBounced, bounced);
  f.PutWindow(kRefused, refused);
  f.PutWindow(kFailures, failures);
  f.PutWindow(kFailingSources, failing_sources);
  if (!failing.empty()) f.Put(kFailing, [&](ByteWriter* w) { PutList(w, base, failing, PutFailing); });
  if (!guessed.never()) {
    f.Put(kGuessed, [&](ByteWriter* w) {
      PutTime(w, base, guessed);
      w->PutFixed64(guessed_source);
    });
  }
  if (!webmail_login.never()) {
    f.Put(kWebmail, [&](ByteWriter* w) {
      w->PutBytes({reinterpret_cast<const char*>(webmail_ip.bytes().data()), 16});
      w->PutVarint(webmail_place.country);
      w->PutVarint(webmail_place.asn);
      PutTime(w, base, webmail_login);
    });
  }
  if (unmatched_by_mta > 0 || unmatched_by_webmail > 0) {
    f.Put(kUnmatched, [&](ByteWriter* w) {
      w->PutVarint(unmatched_by_mta);
      PutTime(w, base, unmatched_by_mta_at);
      w->PutVarint(unmatched_by_webmail);
      PutTime(w, base, unmatched_by_webmail_at);
    });
  }
  if (!onset.never()) f.Put(kOnset, [&](ByteWriter* w) { PutTime(w, base, onset); });
  const bool told = std::any_of(standing.announced.begin(), standing.announced.end(), [](EventTime t) { return !t.never(); });
  if (standing.generation > 0 || told || !standing.shadow_said.never()) {
    f.Put(kStanding, [&](ByteWriter* w) {
      w->PutVarint(static_cast<uint64_t>(standing.verdict));
      for (const EventTime t : {standing.since, standing.expires, standing.evidence_last, standing.released}) PutTime(w, base, t);
      for (const uint32_t n : {standing.generation, standing.renewals, standing.suspensions}) w->PutVarint(n);
      for (const EventTime t : standing.announced) PutTime(w, base, t);
      PutTime(w, base, standing.shadow_said);
      w->PutVarint(static_cast<uint64_t>(standing.shadow_kind));
    });
  }
  if (standing.mode != Mode::kEnforce) f.Put(kVerdictMode, [&](ByteWriter* w) { w->PutVarint(static_cast<uint64_t>(standing.mode)); });
  if (standing.confirm) f.Put(kConfirm, [](ByteWriter* w) { w->PutVarint(1); });
  if (standing.pattern != 0) f.Put(kPattern, [&](ByteWriter* w) { w->PutVarint(standing.pattern); });
  if (!standing.grace.never()) {
    f.Put(kGrace, [&](ByteWriter* w) {
      PutTime(w, base, standing.grace);
      w->PutVarint(standing.relapse_guard ? 1 : 0);
    });
  }
  if (const std::string c = ClassesOf(sources); !c.empty()) f.Put(kSourceClassOfSources, [&](ByteWriter* w) { w->PutBytes(c); });
  if (const uint64_t bits = WebmailBits(sources); bits != 0) f.Put(kWebmailSources, [&](ByteWriter* w) { w->PutVarint(bits); });
  f.PutWindow(kPassingADay, passing_a_day);
  if (!woke.never()) {
    f.Put(kAwakening, [&](ByteWriter* w) {
      PutTime(w, base, woke);
      w->PutVarint(slept_days);
    });
  }
  if (const std::string c = ClassesOf(places); !c.empty()) f.Put(kSourceClassOfPlaces, [&](ByteWriter* w) { w->PutBytes(c); });
  if (const StrayRecord* record = stray_record.get(); record != nullptr) {
    if (!record->runs.empty()) f.Put(kStrayRuns, [&](ByteWriter* w) { PutList(w, base, record->runs, PutRun); });
    f.PutWindow(kStrayRefused, record->refused);
    f.PutWindow(kStrayPutOff, record->put_off);
    f.PutWindow(kStraySenders, record->senders);
    f.PutWindow(kComplaints, record->complaints);
  }
  if (!senders.empty()) f.Put(kSenders, [&](ByteWriter* w) { PutList(w, base, senders, PutSender); });
  if (sender_habit.days > 0) {
    f.Put(kSenderHabit, [&](ByteWriter* w) {
      w->PutVarint(sender_habit.days);
      w->PutZigzag(sender_habit.last_day - base.day());
    });
  }
  if (stray_shape != 0) {
    f.Put(kStrayShape, [&](ByteWriter* w) {
      w->PutVarint(stray_shape);
      PutTime(w, base, stray_shape_at);
    });
  }
}

bool AccountWindow::Decode(ByteReader* in) {
  *this = AccountWindow();
  EventTime base = EventTime::FromMillis(0);
  const uint64_t last_kind = static_cast<uint64_t>(ActionKind::kRelease);
  while (in->remaining() > 0) {
    const uint64_t tag = in->Varint();
    ByteReader r(in->Bytes());
    if (!in->ok()) return false;
    const auto window = [&r](auto* w) {
      if (!w->Decode(&r)) r.Fail();
    };
    switch (tag) {
      case kBase:
        base = CheckedTime(&r, static_cast<uint64_t>(r.Zigzag()));
        if (!r.ok()) return false;
        break;
      case kLogin: login = std::string(r.Bytes()); break;
      case kTimes:
        for (EventTime* t : {&first_seen, &last_seen, &last_read, &credential_changed}) *t = GetTime(&r, base);
        break;
      case kSources: GetList(&r, base, kSourcesMax, &sources, GetSource); break;
      case kPlaces: GetList(&r, base, kHabitsMax, &places, GetHabit); break;
      case kCountries: GetList(&r, base, kHabitsMax, &countries, GetHabit); break;
      case kSourcesSeen: window(&sources_seen); break;
      case kSourcesADay: window(&sources_a_day); break;
      case kMessages:
      case kRecipients:
      case kSent:
      case kRecipientsJudged:
      case kRecipientsNew: window(CounterOf(this, tag)); break;
      case kAlike:
        while (r.remaining() > 0) {
          const uint64_t first = r.Varint(), second = r.Varint();
          if (first == kMessagesADay && second == kRecipientsADay) {
            if (messages_a_day.empty() || !recipients_a_day.empty()) return false;
            recipients_a_day = messages_a_day;
            continue;
          }
          const SlidingCounter* told = CounterOf(this, first);
          SlidingCounter* untold = CounterOf(this, second);
          if (!r.ok() || told == nullptr || untold == nullptr || told->empty() || !untold->empty()) return false;
          *untold = *told;
        }
        break;
      case kStrayMessages: window(&stray_messages); break;
      case kStrayRecipients: window(&stray_recipients); break;
      case kMessagesADay: window(&messages_a_day); break;
      case kRecipientsADay: window(&recipients_a_day); break;
      case kReadsADay: window(&reads_a_day); break;
      case kKnownRecipients: window(&known_recipients); break;
      case kStrayJudged: window(&stray_judged); break;
      case kStrayNew: window(&stray_new); break;
      case kNoveltyHabit:
        judged_total = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        new_total = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        break;
      case kBounced: window(&bounced); break;
      case kRefused: window(&refused); break;
      case kFailures: window(&failures); break;
      case kFailingSources: window(&failing_sources); break;
      case kFailing: GetList(&r, base, kFailingMax, &failing, GetFailing); break;
      case kGuessed:
        guessed = GetTime(&r, base);
        guessed_source = r.Fixed64();
        break;
      case kWebmail: {
        const std::string_view bytes = r.Bytes();
        if (bytes.size() != 16) return false;
        std::array<uint8_t, 16> ip;
        std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(ip.data()));
        webmail_ip = IpAddress::FromBytes(ip);
        webmail_place.country = static_cast<uint16_t>(r.VarintUpTo(UINT16_MAX));
        webmail_place.asn = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        webmail_login = GetTime(&r, base);
        break;
      }
      case kUnmatched:
        unmatched_by_mta = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        unmatched_by_mta_at = GetTime(&r, base);
        unmatched_by_webmail = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        unmatched_by_webmail_at = GetTime(&r, base);
        break;
      case kOnset: onset = GetTime(&r, base); break;
      case kStanding:
        standing.verdict = static_cast<ActionKind>(r.VarintUpTo(last_kind));
        for (EventTime* t : {&standing.since, &standing.expires, &standing.evidence_last, &standing.released}) {
          *t = GetTime(&r, base);
        }
        for (uint32_t* n : {&standing.generation, &standing.renewals, &standing.suspensions}) {
          *n = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        }
        for (EventTime& t : standing.announced) t = GetTime(&r, base);
        standing.shadow_said = GetTime(&r, base);
        standing.shadow_kind = static_cast<ActionKind>(r.VarintUpTo(last_kind));
        break;
      case kVerdictMode: standing.mode = static_cast<Mode>(r.VarintUpTo(static_cast<uint64_t>(Mode::kShadow))); break;
      case kConfirm: standing.confirm = r.VarintUpTo(1) == 1; break;
      case kPattern: standing.pattern = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX)); break;
      case kGrace:
        standing.grace = GetTime(&r, base);
        standing.relapse_guard = r.VarintUpTo(1) == 1;
        break;
      case kSourceClassOfSources: GetClasses(&r, &sources); break;
      case kPassingADay: window(&passing_a_day); break;
      case kAwakening:
        woke = GetTime(&r, base);
        slept_days = static_cast<uint16_t>(r.VarintUpTo(UINT16_MAX));
        break;
      case kWebmailSources: {
        const uint64_t bits = r.Varint();
        if (sources.size() < 64 && bits >> sources.size() != 0) r.Fail();
        for (size_t i = 0; i < sources.size(); ++i) sources[i].webmail = (bits >> i & 1) != 0;
        break;
      }
      case kSourceClassOfPlaces: GetClasses(&r, &places); break;
      case kStrayRuns: GetList(&r, base, kRunsMax, &stray_record.Make().runs, GetRun); break;
      case kStrayRefused: window(&stray_record.Make().refused); break;
      case kStrayPutOff: window(&stray_record.Make().put_off); break;
      case kStraySenders: window(&stray_record.Make().senders); break;
      case kComplaints: window(&stray_record.Make().complaints); break;
      case kSenders: GetList(&r, base, kSendersMax, &senders, GetSender); break;
      case kSenderHabit:
        sender_habit.days = static_cast<uint16_t>(r.VarintUpTo(kBaselineDays));
        sender_habit.last_day = GetDay(&r, base);
        break;
      case kStrayShape:
        stray_shape = static_cast<uint16_t>(r.VarintUpTo(UINT16_MAX));
        stray_shape_at = GetTime(&r, base);
        break;
      default: continue;  // a newer record's field
    }
    if (!r.done()) return false;
  }
  return in->ok();
}

}  // namespace sekisho
