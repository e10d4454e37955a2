// Folding one event into an account's memory, and what the account knows of a source.
#include "engine/window/account_window.h"

#include <algorithm>
#include <bit>

namespace sekisho {
namespace {

constexpr Span kBaseline = Span::Days(kBaselineDays);
// A webmail session's login explains submissions through the webmail host for this long.
constexpr Span kWebmailSession = Span::Hours(24);
constexpr Span kForeignSession = Span::Hours(4);
constexpr Span kGuessingMemory = Span::Hours(72);

// Reading by which a place becomes the owner's before its second day: a thief who checks the password once doesn't get
// there, a phone that polls does by the next morning.
constexpr uint32_t kReadsKnown = 4;
constexpr Span kReadsKnownSpan = Span::Hours(12);
constexpr uint32_t kReadsKnownYoung = 3;

void SaturatingIncrement(uint32_t* v) {
  if (*v != UINT32_MAX) ++*v;
}

void AddDay(EventTime previous, EventTime at, uint16_t* days) {
  if ((previous.never() || at.day() > previous.day()) && *days < kBaselineDays) ++*days;
}

template <typename T>
bool ReadByTheOwner(const T& t, EventTime at) {
  return t.read_days >= 2 || (t.reads >= kReadsKnown && at - t.first_read >= kReadsKnownSpan);
}

constexpr int32_t kSenderUsedLately = 7;  // days

uint64_t Area(const IpAddress& ip, const Place& place) {
  return place.asn != 0 ? PinnedMix64(uint64_t{place.asn} << 16 | place.country) : ip.region_key();
}

uint64_t CountryKey(uint16_t country) { return country; }

const Habit* FindHabit(const std::vector<Habit>& habits, uint64_t key) {
  for (const Habit& h : habits) {
    if (h.key == key) return &h;
  }
  return nullptr;
}

Habit NewHabit(uint64_t key, EventTime at) {
  Habit h;
  h.key = key;
  h.first_seen = at;
  return h;
}

// Finds or makes room: the habit seen longest ago gives way, one that was read from only after all others.
Habit* TouchHabit(std::vector<Habit>* habits, uint64_t key, EventTime at) {
  for (Habit& h : *habits) {
    if (h.key == key) {
      if (at - h.last_seen > kBaseline) h = NewHabit(key, at);
      return &h;
    }
  }
  if (habits->size() < kHabitsMax) {
    habits->push_back(NewHabit(key, at));
    return &habits->back();
  }
  const auto worth = [](const Habit& h) { return std::pair(h.read_days >= 2 || h.sent_days >= 2, h.last_seen); };
  Habit* victim = &*std::min_element(habits->begin(), habits->end(),
                                     [&](const Habit& a, const Habit& b) { return worth(a) < worth(b); });
  *victim = NewHabit(key, at);
  return victim;
}

Habit& UpdateHabit(std::vector<Habit>* habits, uint64_t key, EventTime at, bool read, bool sent) {
  Habit* h = TouchHabit(habits, key, at);
  AddDay(h->last_seen, at, &h->days);
  h->last_seen = std::max(h->last_seen, at);
  if (read) {
    if (h->first_read.never()) h->first_read = at;
    AddDay(h->last_read, at, &h->read_days);
    if (h->last_read.never() || at - h->last_read > kOneUse) SaturatingIncrement(&h->reads);
    h->last_read = std::max(h->last_read, at);
  }
  if (sent) {
    AddDay(h->last_sent, at, &h->sent_days);
    h->last_sent = std::max(h->last_sent, at);
  }
  return *h;
}

// Size in steps of a fifth or so, recipients in doublings. Never 0.
uint16_t Shape(uint64_t size_bytes, uint32_t recipients) {
  const auto width = static_cast<uint32_t>(std::bit_width(size_bytes));
  const auto quarter = static_cast<uint32_t>((width > 3 ? size_bytes >> (width - 3) : size_bytes) & 3);
  const uint32_t crowd = std::min(static_cast<uint32_t>(std::bit_width(recipients)), 7u);
  return static_cast<uint16_t>((width << 2 | quarter) << 3 | crowd);
}

bool HabitKnown(const Habit& h, EventTime at, bool account_reads) {
  if (at - h.last_seen > kBaseline) return false;
  if (ReadByTheOwner(h, at)) return true;
  // Senders that never read: an application, a printer, a newsletter's server. Where the owner does read elsewhere, it
  // takes a week, or a thief would be at home on his second day.
  return account_reads ? h.sent_days >= 5 && at - h.first_seen >= Span::Days(7)
                       : h.sent_days >= 2 && at - h.first_seen >= Span::Hours(12);
}

// A country is less than a place: two reads or two days of sending, a day ago.
bool CountryKnown(const Habit& h, EventTime at, bool account_reads) {
  return HabitKnown(h, at, account_reads) ||
         (at - h.last_seen <= kBaseline && h.reads >= 2 && at - h.first_seen >= Span::Hours(24));
}

bool IsUse(EventKind kind) {
  return kind == EventKind::kLogin || kind == EventKind::kSubmission || kind == EventKind::kMailboxAccess;
}

bool IsRead(const Event& e) {
  if (e.kind == EventKind::kMailboxAccess) return true;
  return e.kind == EventKind::kLogin &&
         (e.service == Service::kImap || e.service == Service::kPop3 || e.service == Service::kWebmail);
}

// The entry that gives way when all are taken: of strangers (strays, and what was never read from) the one longest unseen, if
// it was for a day or there are kStrangersKept of them; else of the sources that are read from, before those that came
// back on another day. So a flood of strangers can't push the owner's sources out, and a phone's many addresses can't keep
// a rotation from being counted: each of its sources would push the one before out.
SourceUse* Victim(std::vector<SourceUse>* sources, EventTime at) {
  const auto stranger = [](const SourceUse& s) { return s.stray || s.reads == 0; };
  const bool enough = std::count_if(sources->begin(), sources->end(), stranger) >= kStrangersKept;
  const auto worth = [&](const SourceUse& s) {
    const int rank = stranger(s) ? (enough || at - s.last_seen >= Span::Hours(24) ? 0 : 3) : (s.read_days < 2 ? 1 : 2);
    return std::pair(rank, s.last_seen);
  };
  return &*std::min_element(sources->begin(), sources->end(),
                            [&](const SourceUse& a, const SourceUse& b) { return worth(a) < worth(b); });
}

}  // namespace

Familiarity AccountWindow::Know(const IpAddress& ip, const Place& place, EventTime at,
                                const Population& population) const {
  if (ip.unspecified() || ip.is_private()) return Familiarity::kNowhere;
  const bool reader = Reads(at);
  if (const Habit* h = FindHabit(places, Area(ip, place)); h != nullptr && HabitKnown(*h, at, reader)) {
    return Familiarity::kKnown;
  }
  const uint64_t network = ip.network_key();
  for (const SourceUse& s : sources) {
    if (s.network != network) continue;
    if (ReadByTheOwner(s, at) || (Young(at) && s.reads >= kReadsKnownYoung)) return Familiarity::kKnown;
  }
  if (place.country == 0) return Familiarity::kNear;
  // Nobody is far away where the service's customers live, wherever he is at home himself.
  if (first_seen.never() || population.Home(place.country)) return Familiarity::kNear;
  // Where no habit tells what is far, the country an account was first seen in is as good as its home.
  bool any_known = false, first_country = false;
  for (const Habit& h : countries) {
    const bool here = h.key == CountryKey(place.country);
    const bool first = h.first_seen == first_seen;
    const bool known = CountryKnown(h, at, reader);
    if (here && (known || (first && Young(at)))) return Familiarity::kNear;
    any_known |= known || (first && Young(at));
    first_country |= here && first;
  }
  return !any_known && first_country ? Familiarity::kNear : Familiarity::kFar;
}

bool AccountWindow::Backed(const IpAddress& ip, const Place& place, EventTime at, Familiarity familiarity) const {
  const uint32_t reads = ReadsThere(ip, place, at, familiarity);
  if (familiarity == Familiarity::kFar) return reads >= kFarReadsMin;
  if (reads > 0) return true;
  // An owner on the move reads from one new place after another; that he sends a little from one where he hasn't is no
  // surprise.
  const uint64_t source = ip.source_key();
  for (const SourceUse& s : sources) {
    if (s.source == source && s.messages >= kMessagesOnTheMove) return false;
  }
  int lately = 0;
  for (const Habit& h : places) lately += !h.last_read.never() && at - h.last_read <= Span::Days(7);
  if (lately < kPlacesOnTheMove) return false;
  const uint64_t area = Area(ip, place);
  return PassingAreas(at, Span::Hours(2), area) < kPassingOnTheMove2h &&
         PassingAreas(at, Span::Hours(24), area) < kPassingOnTheMove24h;
}

bool AccountWindow::Passing(const SourceUse& s) const {
  if (s.at_first != Familiarity::kNear || s.reads > 0 || s.messages == 0 || s.messages > kPassingMessagesMax) return false;
  const Habit* h = FindHabit(places, s.area);
  return h == nullptr || h->reads == 0;
}

int64_t AccountWindow::PassingAreas(EventTime at, Span width, uint64_t but) const {
  std::array<uint64_t, kSourcesMax> areas;
  size_t n = 0;
  for (const SourceUse& s : sources) {
    if (s.area == but || s.last_sent.never() || s.last_sent > at || at - s.last_sent >= width || !Passing(s)) continue;
    if (std::find(areas.begin(), areas.begin() + n, s.area) == areas.begin() + n) areas[n++] = s.area;
  }
  return static_cast<int64_t>(n);
}

uint32_t AccountWindow::ReadsThere(const IpAddress& ip, const Place& place, EventTime at, Familiarity familiarity) const {
  const Habit* h = familiarity == Familiarity::kFar && place.country != 0 ? FindHabit(countries, CountryKey(place.country))
                                                                         : FindHabit(places, Area(ip, place));
  return h != nullptr && !h->last_read.never() && at - h->last_read <= Span::Days(7) ? h->reads : 0;
}

int64_t AccountWindow::ReadPercent(uint16_t country) const {
  uint64_t all = 0, there = 0;
  for (const Habit& h : countries) {
    all += h.reads;
    if (h.key == CountryKey(country)) there = h.reads;
  }
  return all == 0 ? 100 : static_cast<int64_t>(there * 100 / all);
}

int AccountWindow::HomeCountries(EventTime at) const {
  const bool reader = Reads(at);
  return static_cast<int>(std::count_if(countries.begin(), countries.end(), [&](const Habit& h) { return HabitKnown(h, at, reader); }));
}

AccountWindow::HomePlaces AccountWindow::PlacesByClass(EventTime at) const {
  HomePlaces homes;
  const bool reader = Reads(at);
  for (const Habit& h : places) {
    if (h.source_class == SourceClass::kUnknown || !HabitKnown(h, at, reader)) continue;
    const bool access = h.source_class == SourceClass::kResidential || h.source_class == SourceClass::kCarrier;
    ++(access ? homes.access : homes.servers);
  }
  return homes;
}

bool AccountWindow::Reads(EventTime at) const {
  return !last_read.never() && at - last_read <= Span::Days(14) && reads_a_day.TotalBefore(at, 14) + reads_a_day.Today(at) >= 3;
}

void AccountWindow::NoteSender(EventTime at, uint64_t sender_key, bool stray) {
  if (sender_key == 0) return;  // none: a bounce, or not told
  const auto key = static_cast<uint32_t>(sender_key);
  const auto day = static_cast<int32_t>(at.day());
  const auto known = std::find_if(senders.begin(), senders.end(), [key](const KnownSender& s) { return s.key == key; });
  if (stray) {
    if (known == senders.end()) stray_record.Make().senders.Add(at, sender_key);
    return;
  }
  // The baseline isn't learned from what may be abuse.
  if (standing.verdict >= ActionKind::kThrottle && standing.verdict != ActionKind::kRelease) return;
  if (known != senders.end()) {
    known->last_day = std::max(known->last_day, day);
    return;
  }
  if (senders.size() < kSendersMax) {
    senders.push_back({key, day});
    return;
  }
  KnownSender& oldest = *std::min_element(senders.begin(), senders.end(),
                                          [](const KnownSender& a, const KnownSender& b) { return a.last_day < b.last_day; });
  if (day - oldest.last_day <= kSenderUsedLately && (sender_habit.days == 0 || day > sender_habit.last_day)) {
    if (sender_habit.days < kBaselineDays) ++sender_habit.days;
    sender_habit.last_day = day;
  }
  oldest = {key, day};
}

void AccountWindow::CountFailure(const Event& e, bool stray) {
  const bool failed = e.delivery == DeliveryStatus::kBounced || e.delivery == DeliveryStatus::kExpired;
  const bool as_spam = e.spam_refusal && e.delivery != DeliveryStatus::kSent;
  const bool for_good = e.status_class == 5 || (e.status_class != 4 && failed);
  if (as_spam && for_good) {
    refused.Add(e.time);
    if (stray) stray_record.Make().refused.Add(e.time);
    return;
  }
  if (as_spam && stray) stray_record.Make().put_off.Add(e.time);
  // Of many, bounce_surge takes what is put off as spam for a failure: it knows by the share that this isn't everybody's.
  if (failed || as_spam) bounced.Add(e.time);
}

void AccountWindow::AddToRun(EventTime at) {
  std::vector<SendRun>& runs = stray_record.Make().runs;
  while (!runs.empty() && at - runs.front().last > kRunsKept) runs.erase(runs.begin());
  // A late message goes to the newest run, or nowhere if it is older than that: runs are a rough picture.
  if (!runs.empty() && at < runs.back().first - kRunPause) return;
  if (runs.empty() || at - runs.back().last >= kRunPause) {
    if (runs.size() >= kRunsMax) runs.erase(runs.begin());
    runs.push_back({at, at, 0, false});
  }
  SendRun& run = runs.back();
  run.first = std::min(run.first, at);
  run.last = std::max(run.last, at);
  SaturatingIncrement(&run.messages);
}

void AccountWindow::MarkRefused(EventTime at) {
  // While a verdict stands, the refusal may be its doing: that would be evidence of itself.
  const bool clear = standing.verdict < ActionKind::kThrottle || standing.verdict == ActionKind::kRelease;
  if (!clear || stray_record.get() == nullptr || stray_record.get()->runs.empty()) return;
  SendRun& run = stray_record.Make().runs.back();
  if (at >= run.first && at - run.last < kRunPause) run.refused = true;
}

void AccountWindow::FindSender(EventTime at, Touch* touch) const {
  if (touch->familiarity == Familiarity::kNowhere) {
    touch->stray = stray_messages.Count(at, Span::Hours(1)) > 0;
    return;
  }
  const uint64_t key = touch->ip.source_key();
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].source != key) continue;
    touch->source = static_cast<int>(i);
    touch->stray = sources[i].stray;
    touch->familiarity = sources[i].stray ? sources[i].at_first : touch->familiarity;
    return;
  }
}

void AccountWindow::ReadPattern(const Event& e, Touch* touch) {
  if (!touch->stray || e.size_bytes == 0) return;
  const uint16_t shape = Shape(e.size_bytes, e.recipients);
  const bool again = stray_shape != 0 && e.time >= stray_shape_at && e.time - stray_shape_at < kCampaignPause;
  if (again) touch->pattern = uint64_t{stray_shape} << 16 | shape;
  stray_shape = shape;
  stray_shape_at = e.time;
}

AccountWindow::Touch AccountWindow::Apply(const Event& e, const Population& population, bool deliveries_visible) {
  Touch touch;
  touch.ip = e.ip;
  touch.place = e.place;
  const EventTime at = e.time;
  if (e.via_webmail) {
    const bool session = !webmail_login.never() && at - webmail_login <= kWebmailSession;
    touch.ip = session ? webmail_ip : IpAddress();
    touch.place = session ? webmail_place : Place();
  }
  touch.familiarity = Know(touch.ip, touch.place, at, population);
  if (touch.familiarity != Familiarity::kNowhere) {
    touch.source_class = population.source_classes.Of(touch.ip, touch.place);
    if (touch.source_class == SourceClass::kOwn) touch.familiarity = Familiarity::kNowhere;
  }
  const bool somewhere = touch.familiarity != Familiarity::kNowhere;
  const auto begin_session = [&] {
    const bool covers = touch.familiarity != Familiarity::kFar && !webmail_login.never() && at - webmail_login < kForeignSession &&
                        e.ip != webmail_ip && Know(webmail_ip, webmail_place, at, population) == Familiarity::kFar &&
                        !population.Trusts(webmail_ip, webmail_place, at);
    if (covers) return;
    webmail_ip = e.ip;
    webmail_place = e.place;
    webmail_login = at;
  };
  if (somewhere && population.Trusts(touch.ip, touch.place, at)) touch.familiarity = Familiarity::kKnown;

  switch (e.kind) {
    case EventKind::kLogin:
    case EventKind::kMailboxAccess:
      touch.counted = true;
      if (e.kind == EventKind::kLogin && e.service == Service::kWebmail && somewhere) begin_session();
      break;
    case EventKind::kSubmission: {
      // One message, two logs: whoever comes second within kSameMessage is the same message.
      touch.counted = true;
      const bool by_webmail = e.service == Service::kWebmail;
      if (by_webmail && somewhere) begin_session();
      if (by_webmail || e.via_webmail) {
        uint32_t& theirs = by_webmail ? unmatched_by_mta : unmatched_by_webmail;
        EventTime& theirs_at = by_webmail ? unmatched_by_mta_at : unmatched_by_webmail_at;
        uint32_t& ours = by_webmail ? unmatched_by_webmail : unmatched_by_mta;
        EventTime& ours_at = by_webmail ? unmatched_by_webmail_at : unmatched_by_mta_at;
        if (theirs > 0 && at - theirs_at <= kSameMessage) {
          --theirs;
          touch.counted = false;
        } else {
          if (ours > 0 && at - ours_at > kSameMessage) ours = 0;
          theirs = 0;
          SaturatingIncrement(&ours);
          ours_at = std::max(ours_at, at);
        }
      }
      break;
    }
    case EventKind::kLoginFailed:
      if (e.failure == FailureKind::kPolicy && somewhere && touch.familiarity != Familiarity::kKnown) MarkRefused(at);
      if (e.failure != FailureKind::kCredentials && e.failure != FailureKind::kUnknownUser) return touch;
      if (touch.familiarity == Familiarity::kKnown || !somewhere) return touch;
      for (const SourceUse& s : sources) {
        if (s.source == touch.ip.source_key() && s.uses > 0) return touch;  // the owner's mistyped or stale password
      }
      touch.counted = failures.Add(at);
      failing_sources.Add(at, touch.ip.source_key());
      {
        const uint64_t source = touch.ip.source_key();
        auto it = std::find_if(failing.begin(), failing.end(), [&](const FailingSource& f) { return f.source == source; });
        if (it == failing.end()) {
          if (failing.size() >= kFailingMax) failing.erase(failing.begin());
          failing.push_back({source, touch.ip.network_key(), at, touch.familiarity == Familiarity::kFar});
        } else {
          it->last = std::max(it->last, at);
        }
      }
      return touch;
    case EventKind::kQueued:
      touch.counted = true;
      FindSender(at, &touch);
      NoteSender(at, e.sender_key, touch.stray);
      ReadPattern(e, &touch);
      if (e.recipients == 0) return touch;
      recipients.Add(at, e.recipients);
      recipients_a_day.Add(at, e.recipients);
      if (touch.stray) stray_recipients.Add(at, e.recipients);
      return touch;
    case EventKind::kDelivery:
      touch.counted = true;
      FindSender(at, &touch);
      if (e.delivery == DeliveryStatus::kSent) sent.Add(at);
      CountFailure(e, touch.stray);
      break;
    case EventKind::kCredentialChanged:
      credential_changed = std::max(credential_changed, at);
      guessed = EventTime::Never();
      touch.counted = true;
      return touch;
    case EventKind::kComplaint:
      touch.counted = stray_record.Make().complaints.Add(at);
      return touch;
    case EventKind::kContentVerdict:
      return touch;
  }

  // Recipients: from delivery lines where we see them; a webmail's own list otherwise.
  const bool judge = e.kind == EventKind::kDelivery || (touch.counted && !deliveries_visible);
  if (judge) {
    for (const EventRecipient& r : e.recipient_list) {
      const bool waiting = e.kind == EventKind::kDelivery && e.delivery == DeliveryStatus::kDeferred;
      // A deferred recipient will be seen again: it is judged now if it is new, and remembered when it is done.
      const bool is_new = waiting ? !known_recipients.Contains(r.key) : known_recipients.AddAndTestNew(at, r.key);
      if (waiting && !is_new) continue;
      recipients_judged.Add(at);
      if (touch.stray) stray_judged.Add(at);
      SaturatingIncrement(&judged_total);
      if (is_new) {
        recipients_new.Add(at);
        if (touch.stray) stray_new.Add(at);
        SaturatingIncrement(&new_total);
      }
      if (judged_total > kHabitHalvedAt) {
        judged_total /= 2;
        new_total /= 2;
      }
    }
  }
  if (!IsUse(e.kind)) return touch;

  // An accepted use.
  const bool read = IsRead(e);
  const bool sends = e.kind == EventKind::kSubmission;
  if (first_seen.never()) first_seen = at;
  if (!last_seen.never() && at - last_seen >= kDormantAfter) {
    woke = at;
    slept_days = static_cast<uint16_t>(std::min<int64_t>(UINT16_MAX, (at - last_seen).seconds() / 86400));
  } else if (!woke.never() && at - woke >= kAwakeAfter) {
    woke = EventTime::Never();
    slept_days = 0;
  }
  if (read) {
    if (last_read.never() || at - last_read > kOneUse) reads_a_day.Add(at, 1);
    last_read = std::max(last_read, at);
  }
  if (sends && touch.counted) {
    messages.Add(at);
    messages_a_day.Add(at, 1);
    if (e.recipients > 0 && !(e.service == Service::kWebmail && deliveries_visible)) {
      recipients.Add(at, e.recipients);
      recipients_a_day.Add(at, e.recipients);
    }
  }
  last_seen = std::max(last_seen, at);
  if (!somewhere) return touch;

  const bool far = touch.familiarity == Familiarity::kFar;
  // Every webmail thief has to log in: abroad, that alone backs nothing.
  const bool backing_read = read && !(far && e.service == Service::kWebmail);
  touch.stray = sends && touch.familiarity != Familiarity::kKnown && !Backed(touch.ip, touch.place, at, touch.familiarity);

  const uint64_t key = touch.ip.source_key();
  SourceUse* s = nullptr;
  for (SourceUse& held : sources) {
    if (held.source == key) s = &held;
  }
  if (s == nullptr) {
    if (sources.size() < kSourcesMax) {
      sources.emplace_back();
      s = &sources.back();
    } else {
      s = Victim(&sources, at);
    }
    *s = SourceUse();
    s->source = key;
    s->network = touch.ip.network_key();
    s->area = Area(touch.ip, touch.place);
    s->country = touch.place.country;
    s->at_first = touch.familiarity;
    s->first_seen = at;
  }
  touch.source = static_cast<int>(s - sources.data());
  touch.first_today = s->last_seen.never() || at.day() > s->last_seen.day();
  if (touch.first_today) sources_a_day.Add(at, 1);
  AddDay(s->last_seen, at, &s->days);
  if (s->last_seen.never() || at - s->last_seen > kOneUse) SaturatingIncrement(&s->uses);
  s->last_seen = std::max(s->last_seen, at);
  s->source_class = touch.source_class;
  s->webmail |= e.service == Service::kWebmail;
  sources_seen.Add(at, key);
  if (backing_read) {
    if (s->first_read.never()) s->first_read = at;
    AddDay(s->last_read, at, &s->read_days);
    if (s->last_read.never() || at - s->last_read > kOneUse) SaturatingIncrement(&s->reads);
    s->last_read = std::max(s->last_read, at);
  }
  if (sends && touch.counted) {
    NoteSender(at, e.sender_key, touch.stray);
    SaturatingIncrement(&s->messages);
    s->last_sent = std::max(s->last_sent, at);
    s->stray = touch.stray;
    if (touch.stray) {
      if (onset.never() || stray_messages.Count(at, Span::Hours(24)) == 0) onset = at;
      stray_messages.Add(at);
      AddToRun(at);
      if (e.recipients > 0) stray_recipients.Add(at, e.recipients);
    }
  }
  // Where no line tells of the queue, the submission's tells of its size.
  if (sends && touch.counted) ReadPattern(e, &touch);
  // The baseline isn't learned from what may be abuse.
  const bool learn = standing.verdict < ActionKind::kThrottle || standing.verdict == ActionKind::kRelease;
  if (learn) {
    UpdateHabit(&places, s->area, at, backing_read, sends).source_class = touch.source_class;
    if (s->country != 0) UpdateHabit(&countries, CountryKey(s->country), at, backing_read, sends);
  }
  if (learn && sends && touch.counted && s->messages == 1 && Passing(*s) && passing_a_day.Today(at) < kPassingLearnedMax) {
    passing_a_day.Add(at);
  }
  // Guessed: a source that failed before gets in, among several that failed.
  if (touch.familiarity != Familiarity::kKnown) {
    const uint64_t distinct = failing_sources.Count(at, kGuessingMemory);
    bool came_back = false;
    int far_failing = 0;
    for (const FailingSource& f : failing) {
      if (at - f.last > kGuessingMemory) continue;
      came_back |= f.source == s->source || f.network == s->network;
      far_failing += f.far;
    }
    // A phone with an old password fails from one mobile address after another, and then gets in: all of them near.
    if (came_back && distinct >= 3 && (far || far_failing >= 3)) {
      guessed = at;
      guessed_source = s->source;
    }
  }
  return touch;
}

size_t AccountWindow::heap_bytes() const {
  return (login.capacity() > 15 ? login.capacity() + 1 : 0) + senders.capacity() * sizeof(KnownSender) + sources.capacity() * sizeof(SourceUse) +
         (places.capacity() + countries.capacity()) * sizeof(Habit) + failing.capacity() * sizeof(FailingSource) +
         (stray_record.get() == nullptr ? 0 : stray_record.get()->heap_bytes()) +
         sources_seen.heap_bytes() + sources_a_day.heap_bytes() + messages.heap_bytes() + recipients.heap_bytes() +
         stray_messages.heap_bytes() + stray_recipients.heap_bytes() + messages_a_day.heap_bytes() +
         recipients_a_day.heap_bytes() + reads_a_day.heap_bytes() + known_recipients.heap_bytes() +
         stray_judged.heap_bytes() + stray_new.heap_bytes() + recipients_judged.heap_bytes() +
         recipients_new.heap_bytes() + sent.heap_bytes() + bounced.heap_bytes() + refused.heap_bytes() +
         failures.heap_bytes() + failing_sources.heap_bytes() + passing_a_day.heap_bytes();
}

}  // namespace sekisho
