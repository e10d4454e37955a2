#include "engine/simulate/habits.h"

#include <algorithm>

namespace sekisho::simulate {
namespace {

enum : uint64_t { kDayKey = 201, kStale, kMailing, kBills };

// Correspondents beyond the book: strangers written to once, and from here on new acquaintances, so many a day.
constexpr uint64_t kStrangers = 1'000'000'000;
constexpr uint64_t kAcquaintances = 2 * kStrangers;
constexpr uint64_t kAcquaintancesPerDay = 4;

// Postfix serves about so many messages on one connection before clients open a new one.
constexpr uint32_t kMessagesPerConnection = 80;

}  // namespace

bool IsWeekend(Micros day_start) {
  const int64_t weekday = (day_start / kDay + 4) % 7;  // 1970-01-01 was a Thursday; 0 is Sunday
  return weekday == 0 || weekday == 6;
}

Micros DrawTime(Rhythm rhythm, int offset_minutes, Micros day_start, Random* random) {
  double weights[24];
  for (int hour = 0; hour < 24; ++hour) {
    const int local = ((hour * 60 + offset_minutes) / 60 % 24 + 24) % 24;
    weights[hour] = HourWeight(rhythm, local, false);
  }
  const int hour = random->Weighted(weights, 24);
  const Micros within = static_cast<Micros>(random->Below(static_cast<uint64_t>(kHour)));
  return day_start + std::max<Micros>(hour * kHour + within, 3 * kSecond);
}

Fate DrawFate(const Reception& reception, Random* random) {
  const double x = random->Real();
  if (x < reception.trouble) {
    if (random->Chance(reception.refused)) return Fate::kSpamRefused;
    const double y = random->Real();
    return y < 0.75 ? Fate::kUnknownUser : (y < 0.87 ? Fate::kMailboxFull : Fate::kNoHost);
  }
  if (random->Chance(reception.greylisted)) return Fate::kGreylisted;
  return random->Chance(reception.throttled) ? Fate::kThrottled : Fate::kSent;
}

Envelope Habits::MakeEnvelope(const Account& a, Micros at, Random* random) {
  Envelope envelope;
  envelope.sender = a.login;
  envelope.sender_domain = a.domain;
  if (a.alias_sender) envelope.sender = StrangerLocalPart(Key({a.key, 7})) + '@' + a.domain;
  envelope.message_id_style = a.mailer.message_id_style;
  envelope.message_id_key = random->Next();
  envelope.written = at;
  envelope.message_id_domain = a.domain;
  envelope.size_bytes = static_cast<uint64_t>(
      std::clamp(random->LogNormal(a.mailer.size_median, a.mailer.size_sigma), 900.0, 12e6));
  return envelope;
}

void Habits::Day(const Account& a, Micros day_start) {
  Random random(Key({a.key, kDayKey, static_cast<uint64_t>(day_start / kDay)}));
  writer_->Begin(random.Next());
  Mailbox(a, day_start, &random);
  Forgotten(a, day_start, &random);
  Letters(a, day_start, &random);
  Mailing(a, day_start, &random);
  Bills(a, day_start, &random);
  Alarms(a, day_start, &random);
  OneOff(a, day_start, &random);
}

void Habits::Read(const Account& a, Micros at, Random* random) {
  const Source source = sources_.Of(a, at, random);
  const int fetched = random->Chance(0.45) ? random->Geometric(1.5) : 0;
  if (a.webmail_share > 0 && random->Chance(a.webmail_share)) {
    if (random->Chance(0.02)) writer_->FailWebmail(at - 2 * kSecond, source, a.login, true);
    writer_->LoginWebmail(at, source, a.login);
    return;
  }
  if (random->Chance(0.003)) {
    writer_->FailImap(at, source, a.login, true, static_cast<int>(random->Between(1, 3)));
    at += random->Between(10, 40) * kSecond;
  }
  if (a.pop3 || (a.kind == Kind::kFetcher && random->Chance(a.cloud_share))) {
    writer_->Pop3(at, source, a.login, fetched);
  } else {
    const Micros length =
        static_cast<Micros>(random->Exponential(random->Chance(0.3) ? 25.0 : 0.4) * kMinute);
    writer_->Imap(at, source, a.login, std::min<Micros>(length, 3 * kHour), fetched);
  }
}

void Habits::Mailbox(const Account& a, Micros day_start, Random* random) {
  // Machines ask on Sundays as on Mondays; people at work don't.
  const double weekend = a.rhythm == Rhythm::kWork && IsWeekend(day_start) ? 0.3 : 1.0;
  const int offset = population_.networks().utc_offset_minutes(a.country);
  const int sessions = random->Poisson(a.mailbox_logins * weekend);
  const Rhythm rhythm = a.cloud_share > 0 ? Rhythm::kMachine : a.rhythm;
  for (int i = 0; i < sessions; ++i) Read(a, DrawTime(rhythm, offset, day_start, random), random);
}

void Habits::Forgotten(const Account& a, Micros day_start, Random* random) {
  const int offset = population_.networks().utc_offset_minutes(a.country);
  if (a.kind == Kind::kStalePassword) {
    // A device with the old password goes on trying for some days, then somebody sees to it.
    Random spell(Key({a.key, kStale}));
    const int64_t cycle = spell.Between(12, 40);
    const int64_t length = spell.Between(2, 10);
    const double tries = spell.LogNormal(18, 0.6);
    const bool by_smtp = spell.Chance(0.25);
    if ((day_start / kDay + static_cast<int64_t>(a.key % 1000)) % cycle >= length) return;
    for (int i = random->Poisson(tries); i > 0; --i) {
      const Micros at = DrawTime(Rhythm::kMachine, offset, day_start, random);
      const Source source =
          a.phone && random->Chance(0.5) ? sources_.Mobile(a, at, random) : sources_.Home(a, at, random);
      if (by_smtp) {
        Connection c = writer_->Connect(at, source, a.mailer);
        writer_->FailLogin(&c, at + random->Between(300'000, 900'000), a.login);
        writer_->Disconnect(&c, at + kSecond + random->Between(100'000, 900'000));
      } else {
        writer_->FailImap(at, source, a.login, true, 1);
      }
    }
    return;
  }
  // Anybody forgets a password once in a while, tries some, and finds it.
  if (a.mailbox_logins < 0.1 || !random->Chance(0.0015)) return;
  Micros at = DrawTime(a.rhythm, offset, day_start, random);
  const Source source = sources_.Of(a, at, random);
  for (int i = static_cast<int>(random->Between(2, 7)); i > 0; --i) {
    writer_->FailImap(at, source, a.login, true, static_cast<int>(random->Between(1, 3)));
    at += random->Between(15, 120) * kSecond;
  }
  writer_->Imap(at, source, a.login, kMinute, 3);
}

void Habits::Letters(const Account& a, Micros day_start, Random* random) {
  if (a.messages_per_day <= 0) return;
  double rate = a.messages_per_day;
  if (a.rhythm == Rhythm::kWork && IsWeekend(day_start)) rate *= 0.12;
  const int offset = population_.networks().utc_offset_minutes(a.country);
  if (sources_.TripAt(a, day_start + kDay / 2)) rate *= 0.5;
  for (int i = random->Poisson(rate); i > 0; --i)
    Letter(a, DrawTime(a.rhythm, offset, day_start, random), random);
}

uint64_t Habits::PickCorrespondent(const Account& a, Micros at, Random* random, bool* fresh) {
  const uint64_t today = static_cast<uint64_t>(at / kDay) * kAcquaintancesPerDay + random->Below(kAcquaintancesPerDay);
  const double x = random->Real();
  *fresh = x < a.novelty;
  if (x < a.novelty * 0.5) return kStrangers + random->Next() % kStrangers;
  if (*fresh) return kAcquaintances + today;
  // Who was met of late is written to again, for some weeks.
  if (x < a.novelty * 2) {
    const uint64_t ago = static_cast<uint64_t>(random->Geometric(8)) * kAcquaintancesPerDay;
    return kAcquaintances + today - std::min(ago, today);
  }
  return random->Zipf(a.book_size);
}

void Habits::Letter(const Account& a, Micros at, Random* random) {
  const Source source = sources_.Of(a, at, random);
  const Reception reception{.trouble = a.trouble};
  const auto envelope = [&](Micros when) {
    Envelope e = MakeEnvelope(a, when, random);
    const int count = 1 + std::min(random->Geometric(a.recipients_mean), 60);
    for (int i = 0; i < count; ++i) {
      bool fresh;
      const uint64_t n = PickCorrespondent(a, when, random, &fresh);
      Reception r = reception;
      // Who was written to before is there; who wasn't may have been misspelt.
      r.trouble *= fresh ? 4 : 0.6;
      r.greylisted *= fresh ? 4 : 0.4;
      e.deliveries.push_back(Delivery{population_.MakeCorrespondent(a, n), DrawFate(r, random)});
    }
    return e;
  };
  if (a.webmail_share > 0 && random->Chance(a.webmail_share)) {
    const WebmailSession session = writer_->LoginWebmail(at, source, a.login);
    const Micros sent = at + random->Between(40, 900) * kSecond;
    writer_->SendWebmail(session, sent, envelope(sent));
    return;
  }
  Connection c = writer_->Connect(at, source, a.mailer);
  at += random->Between(200'000, 700'000);
  if (random->Chance(0.004)) {
    writer_->FailLogin(&c, at, a.login);
    at += random->Between(3, 15) * kSecond;
  }
  for (int more = random->Chance(0.08) ? random->Geometric(1.5) + 1 : 1; more > 0; --more) {
    at = writer_->Send(&c, at, a.login, envelope(at)) + random->Between(600'000, 3'000'000);
  }
  writer_->Disconnect(&c, at);
}

void Habits::SendBatch(const Account& a, Micros at, const std::vector<uint64_t>& recipients,
                       uint32_t per_message, double seconds_between, const Reception& reception,
                       Random* random) {
  const Source source = sources_.Of(a, at, random);
  Connection c;
  uint32_t on_connection = 0;
  for (size_t i = 0; i < recipients.size();) {
    if (on_connection == 0) {
      c = writer_->Connect(at, source, a.mailer);
      at += random->Between(200'000, 500'000);
    }
    Envelope envelope = MakeEnvelope(a, at, random);
    for (uint32_t k = 0; k < per_message && i < recipients.size(); ++k, ++i) {
      envelope.deliveries.push_back(
          Delivery{population_.MakeCorrespondent(a, recipients[i]), DrawFate(reception, random)});
    }
    at = writer_->Send(&c, at, a.login, envelope) +
         static_cast<Micros>((0.1 + random->Exponential(seconds_between)) * kSecond);
    if (++on_connection == kMessagesPerConnection || i == recipients.size()) {
      writer_->Disconnect(&c, at);
      at += random->Between(50'000, 900'000);
      on_connection = 0;
    }
  }
}

void Habits::Mailing(const Account& a, Micros day_start, Random* random) {
  if (a.mailing_cycle_days == 0) return;
  const int64_t day = day_start / kDay;
  Random habit(Key({a.key, kMailing}));
  const int64_t phase = habit.Between(0, 1000);
  const double seconds_between = habit.LogNormal(0.5, 1.0);
  const bool at_night = habit.Chance(0.3);
  if ((day + phase) % a.mailing_cycle_days != 0) return;
  if (a.mailing_cycle_days < 7 && a.business && IsWeekend(day_start)) return;
  // Lists grow by a hundredth a month, and lose a member now and then. Some months apart a file of addresses (a fair, a
  // shop's customers) is added at once.
  const int64_t since = std::max<int64_t>(day - 20'000, 0);
  const int64_t import_cycle = habit.Between(120, 500);
  const int64_t imports = (since + phase) / import_cycle - phase / import_cycle;
  const int64_t today = a.list_size + since * a.list_size / 3'000 + imports * a.list_size / 5;
  std::vector<uint64_t> members;
  for (int64_t n = 0; n < today; ++n) {
    if (!random->Chance(0.02)) members.push_back(static_cast<uint64_t>(n));
  }
  const int offset = population_.networks().utc_offset_minutes(a.country);
  const Micros at = DrawTime(at_night ? Rhythm::kMachine : a.rhythm, offset, day_start, random);
  // Receivers slow mailings down, and take some for spam.
  const Reception reception{.trouble = a.trouble,
                            .refused = 0.3 * habit.Real(),
                            .throttled = habit.Chance(0.5) ? 0.01 : 0.1 * habit.Real()};
  SendBatch(a, at, members, a.per_message, seconds_between, reception, random);
}

void Habits::Bills(const Account& a, Micros day_start, Random* random) {
  if (a.customers == 0) return;
  // The last working days of the month, or the first of the next; every office has its day.
  Random habit(Key({a.key, kBills}));
  const int64_t bills_day = habit.Between(0, 4);
  const double seconds_between = habit.LogNormal(4, 1);
  // From two days before a month begins to two days after.
  if (CivilFromDays(day_start / kDay + 2 - bills_day).day != 1) return;
  std::vector<uint64_t> customers;
  for (uint64_t n = 0; n < a.customers; ++n) {
    if (random->Chance(0.85)) customers.push_back(n);
  }
  // A few are new each month.
  for (int i = random->Poisson(0.05 * a.customers); i > 0; --i) customers.push_back(kStrangers + random->Next() % kStrangers);
  const int offset = population_.networks().utc_offset_minutes(a.country);
  SendBatch(a, DrawTime(a.rhythm, offset, day_start, random), customers, 1, seconds_between,
            Reception{.trouble = a.trouble}, random);
}

void Habits::Alarms(const Account& a, Micros day_start, Random* random) {
  if (!a.alarms || !random->Chance(0.006)) return;
  const uint64_t readers = 1 + random->Below(std::min<uint64_t>(a.book_size, 4));
  std::vector<uint64_t> recipients;
  for (int64_t left = static_cast<int64_t>(random->LogNormal(150, 1)); left > 0 && recipients.size() < 4'000; --left) {
    for (uint64_t n = 0; n < readers; ++n) recipients.push_back(n);
  }
  const double seconds_between = random->LogNormal(3, 1);
  const Micros at = DrawTime(Rhythm::kMachine, 0, day_start, random);
  SendBatch(a, at, recipients, static_cast<uint32_t>(readers), seconds_between, Reception{.trouble = 0, .throttled = 0.02},
            random);
}

void Habits::OneOff(const Account& a, Micros day_start, Random* random) {
  // Once in nine months or so; at the end of a month more often for those at work.
  const int day_of_month = CivilFromDays(day_start / kDay).day;
  const double chance = a.rhythm == Rhythm::kWork && day_of_month >= 28 ? 0.012 : 0.0025;
  if (a.messages_per_day < 0.5 || a.kind == Kind::kAppSender || !random->Chance(chance)) return;
  const double known = 0.3 + 0.6 * random->Real();
  std::vector<uint64_t> recipients;
  const int64_t count = random->Between(40, 260);
  for (int64_t i = 0; i < count; ++i) {
    recipients.push_back(random->Chance(known) ? random->Below(a.book_size)
                                               : kStrangers + random->Next() % kStrangers);
  }
  const int offset = population_.networks().utc_offset_minutes(a.country);
  const uint32_t per_message = random->Chance(0.4) ? 1 : static_cast<uint32_t>(random->Between(10, 80));
  const Reception reception{.trouble = 0.01 + 0.05 * random->Real(), .refused = 0.1};
  const double seconds_between =
      per_message == 1 ? random->LogNormal(3.0, 1.0) : random->LogNormal(20.0, 0.8);
  const Micros at = DrawTime(a.rhythm, offset, day_start, random);
  SendBatch(a, at, recipients, per_message, seconds_between, reception, random);
}

}  // namespace sekisho::simulate
