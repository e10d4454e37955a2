// The packed record of an account: fields as (tag, length, bytes), empty ones left out, unknown ones skipped.
//
// Tags are pinned for ever: never renumber, never reuse. Times are milliseconds from the record's base time (its first
// use), so that they stay short.
#include <algorithm>

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
  kStrayShape = 80,
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

void PutSource(ByteWriter* w, EventTime base, const SourceUse& s) {
  w->PutFixed64(s.source);
  w->PutFixed64(s.network);
  w->PutFixed64(s.area);
  w->PutVarint(s.country);
  w->PutVarint(s.days);
  w->PutVarint(s.read_days);
  w->PutVarint(static_cast<uint64_t>(s.at_first) << 1 | (s.stray ? 1 : 0));
  for (const EventTime t : {s.first_seen, s.last_seen, s.last_sent, s.first_read, s.last_read}) PutTime(w, base, t);
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
  for (EventTime* t : {&s->first_seen, &s->last_seen, &s->last_sent, &s->first_read, &s->last_read}) *t = GetTime(r, base);
  for (uint32_t* n : {&s->uses, &s->reads, &s->messages}) *n = static_cast<uint32_t>(r->VarintUpTo(UINT32_MAX));
}

void PutHabit(ByteWriter* w, EventTime base, const Habit& h) {
  w->PutFixed64(h.key);
  for (const EventTime t : {h.first_seen, h.last_seen, h.first_read, h.last_read, h.last_sent}) PutTime(w, base, t);
  for (const uint32_t n : {uint32_t{h.days}, uint32_t{h.read_days}, uint32_t{h.sent_days}, h.reads}) w->PutVarint(n);
}

void GetHabit(ByteReader* r, EventTime base, Habit* h) {
  h->key = r->Fixed64();
  for (EventTime* t : {&h->first_seen, &h->last_seen, &h->first_read, &h->last_read, &h->last_sent}) *t = GetTime(r, base);
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

template <typename T, typename PutOne>
void PutList(ByteWriter* w, EventTime base, const std::vector<T>& list, PutOne put) {
  w->PutVarint(list.size());
  for (const T& t : list) put(w, base, t);
}

template <typename T, typename GetOne>
void GetList(ByteReader* r, EventTime base, size_t most, std::vector<T>* list, GetOne get) {
  const size_t n = r->Length(8);
  if (n > most) return r->Fail();
  list->resize(n);
  for (T& t : *list) get(r, base, &t);
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
  f.PutWindow(kMessages, messages);
  f.PutWindow(kRecipients, recipients);
  f.PutWindow(kStrayMessages, stray_messages);
  f.PutWindow(kStrayRecipients, stray_recipients);
  f.PutWindow(kMessagesADay, messages_a_day);
  f.PutWindow(kRecipientsADay, recipients_a_day);
  f.PutWindow(kReadsADay, reads_a_day);
  f.PutWindow(kKnownRecipients, known_recipients);
  f.PutWindow(kStrayJudged, stray_judged);
  f.PutWindow(kRecipientsJudged, recipients_judged);
  f.PutWindow(kRecipientsNew, recipients_new);
  f.PutWindow(kStrayNew, stray_new);
  if (judged_total > 0) {
    f.Put(kNoveltyHabit, [&](ByteWriter* w) {
      w->PutVarint(judged_total);
      w->PutVarint(new_total);
    });
  }
  f.PutWindow(kSent, sent);
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
  if (standing.pattern != 0) f.Put(kPattern, [&](ByteWriter* w) { w->PutVarint(standing.pattern); });
  if (!standing.grace.never()) {
    f.Put(kGrace, [&](ByteWriter* w) {
      PutTime(w, base, standing.grace);
      w->PutVarint(standing.relapse_guard ? 1 : 0);
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
      case kMessages: window(&messages); break;
      case kRecipients: window(&recipients); break;
      case kStrayMessages: window(&stray_messages); break;
      case kStrayRecipients: window(&stray_recipients); break;
      case kMessagesADay: window(&messages_a_day); break;
      case kRecipientsADay: window(&recipients_a_day); break;
      case kReadsADay: window(&reads_a_day); break;
      case kKnownRecipients: window(&known_recipients); break;
      case kStrayJudged: window(&stray_judged); break;
      case kRecipientsJudged: window(&recipients_judged); break;
      case kRecipientsNew: window(&recipients_new); break;
      case kStrayNew: window(&stray_new); break;
      case kNoveltyHabit:
        judged_total = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        new_total = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX));
        break;
      case kSent: window(&sent); break;
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
      case kPattern: standing.pattern = static_cast<uint32_t>(r.VarintUpTo(UINT32_MAX)); break;
      case kGrace:
        standing.grace = GetTime(&r, base);
        standing.relapse_guard = r.VarintUpTo(1) == 1;
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
