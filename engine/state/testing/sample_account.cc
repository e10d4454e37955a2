// The sample's life, told as events.
#include "engine/state/testing/sample_account.h"

#include <string>
#include <vector>

#include "engine/base/hash.h"
#include "engine/model/event.h"

namespace sekisho {
namespace {

constexpr char kLogin[] = "hanako@example.jp";
constexpr uint16_t kJp = 'J' << 8 | 'P';
constexpr uint16_t kBr = 'B' << 8 | 'R';
const EventTime kBegin = EventTime::FromSeconds(1'772'323'200);  // 2026-03-01

Event EventOf(EventKind kind, Service service, EventTime at, const IpAddress& ip, Place place) {
  Event event;
  event.kind = kind;
  event.service = service;
  event.time = at;
  event.account = kLogin;
  event.id = AccountId::FromLogin(kLogin);
  event.ip = ip;
  event.place = place;
  if (kind == EventKind::kLoginFailed) event.failure = FailureKind::kCredentials;
  return event;
}

void Fold(AccountWindow* account, const Event& event) {
  static const SourceClasses classes = SourceClasses::Default();
  Population population;
  population.source_classes = classes;
  population.log_began = kBegin - Span::Days(30);
  account->Apply(event, population, false);
}

void Send(AccountWindow* account, EventTime at, const IpAddress& ip, Place place, uint64_t first_recipient, uint32_t n) {
  Event event = EventOf(EventKind::kSubmission, Service::kSmtp, at, ip, place);
  std::vector<EventRecipient> recipients(n);
  for (uint32_t i = 0; i < n; ++i) recipients[i] = {"example.org", PinnedMix64(first_recipient + i)};
  event.recipients = n;
  event.recipient_list = recipients;
  event.size_bytes = 4'000;
  event.sender_key = PinnedMix64(first_recipient % 10 + 1);
  Fold(account, event);
  Event delivery = EventOf(EventKind::kDelivery, Service::kSmtp, at + Span::Seconds(2), ip, place);
  delivery.delivery = first_recipient % 3 == 0 ? DeliveryStatus::kBounced : DeliveryStatus::kSent;
  delivery.spam_refusal = first_recipient % 6 == 0;
  delivery.status_class = first_recipient % 3 == 0 ? 5 : 2;
  if (first_recipient % 12 == 0) {
    delivery.delivery = DeliveryStatus::kDeferred;
    delivery.status_class = 4;
  }
  delivery.recipient_list = recipients;
  Fold(account, delivery);
}

}  // namespace

void LiveOn(AccountWindow* account, EventTime from, int64_t i) {
  const EventTime at = from + Span::Minutes(i * 7) - Span::Minutes(i % 11 == 5 ? 300 : 0);  // now and then late
  const IpAddress ip = IpAddress::FromV4(0xc0000200u + static_cast<uint32_t>(i % 90));
  switch (i % 6) {
    case 0: return Fold(account, EventOf(EventKind::kLogin, Service::kImap, at, ip, {kJp, 2497}));
    case 1: return Send(account, at, ip, {kJp, 2497}, static_cast<uint64_t>(i), 2);
    case 2: return Fold(account, EventOf(EventKind::kLoginFailed, Service::kSmtp, at, ip, {kBr, 27699}));
    case 3: return Fold(account, EventOf(EventKind::kMailboxAccess, Service::kImap, at, ip, {kJp, 2497}));
    case 4: return Fold(account, EventOf(EventKind::kQueued, Service::kSmtp, at, ip, {kJp, 2497}));
    default: return Send(account, at, ip, {kBr, 27699}, static_cast<uint64_t>(i) * 1'000, 5);
  }
}

AccountWindow SampleAccount(bool busy) {
  const IpAddress home = IpAddress::FromV4(0xcb007105);
  const IpAddress hotel = IpAddress::FromV4(0xc6336407);
  AccountWindow account;
  account.login = kLogin;
  EventTime at = kBegin;
  for (int day = 0; day < 21; ++day, at = kBegin + Span::Days(day)) {
    const bool away = day == 12 || day == 13;
    const IpAddress& ip = away ? hotel : home;
    const Place place = away ? Place{kBr, 27699} : Place{kJp, 2497};
    for (int hour = 8; hour < 22; hour += busy ? 1 : 6) {
      Fold(&account, EventOf(EventKind::kLogin, Service::kImap, at + Span::Hours(hour), ip, place));
    }
    Send(&account, at + Span::Hours(9), ip, place, static_cast<uint64_t>(day % 5), 2);
    if (day % 7 == 3) {
      Fold(&account, EventOf(EventKind::kLogin, Service::kWebmail, at + Span::Hours(12), ip, place));
      Event event = EventOf(EventKind::kSubmission, Service::kSmtp, at + Span::Hours(12) + Span::Minutes(1),
                            IpAddress::FromV4(0x0a000009), {});
      event.via_webmail = true;
      event.recipients = 1;
      Fold(&account, event);
    }
  }
  for (int i = 0; i < 3; ++i) {
    Fold(&account, EventOf(EventKind::kLoginFailed, Service::kImap, at + Span::Minutes(i), hotel, {kBr, 27699}));
  }
  Fold(&account, EventOf(EventKind::kCredentialChanged, Service::kWebmail, at + Span::Minutes(5), home, {kJp, 2497}));
  if (!busy) return account;

  at = at + Span::Hours(2);
  for (uint32_t i = 0; i < 40; ++i) {
    Fold(&account, EventOf(EventKind::kLoginFailed, Service::kSmtp, at + Span::Seconds(i * 10), IpAddress::FromV4(0x5b000000u + i * 65'537),
                           {static_cast<uint16_t>('U' << 8 | 'A'), 200'000 + i}));
  }
  for (uint32_t i = 0; i < 1'500; ++i) {
    const uint32_t source = i % 300;
    const EventTime sent = at + Span::Seconds(600 + i * 8) - Span::Seconds(i % 9 == 4 ? 900 : 0);
    const IpAddress ip = IpAddress::FromV4(0x5b000000u + source * 65'537);
    const Place place{static_cast<uint16_t>(('A' + source % 26) << 8 | 'X'), 200'000 + source};
    if (i < 300) Fold(&account, EventOf(EventKind::kLogin, Service::kSmtp, sent, ip, place));
    Send(&account, sent, ip, place, 100'000 + i * 3, 3);
  }
  // Somebody passes through networks nearby.
  for (uint32_t i = 0; i < 4; ++i) {
    Send(&account, at + Span::Hours(4) + Span::Minutes(i), IpAddress::FromV4(0x79000001u + i * 65'536), {kJp, 64'500 + i}, 900'000 + i, 1);
  }
  account.woke = at - Span::Days(10);
  account.slept_days = 45;
  for (int i = 0; i < 2; ++i) {
    Fold(&account, EventOf(EventKind::kComplaint, Service::kSmtp, at + Span::Hours(5 + i), IpAddress(), {}));
  }
  Standing& standing = account.standing;
  standing.verdict = ActionKind::kSuspend;
  standing.since = at + Span::Minutes(15);
  standing.expires = at + Span::Hours(24);
  standing.evidence_last = at + Span::Hours(3);
  standing.generation = 3;
  standing.suspensions = 1;
  standing.mode = Mode::kShadow;
  standing.confirm = true;
  standing.pattern = 0b1010;
  standing.grace = at + Span::Days(2);
  standing.relapse_guard = true;
  standing.announced = {at, at + Span::Minutes(11), at + Span::Minutes(12), at + Span::Minutes(15)};
  return account;
}

}  // namespace sekisho
