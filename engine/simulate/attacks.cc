#include "engine/simulate/attacks.h"

#include <algorithm>

namespace sekisho::simulate {
namespace {

enum : uint64_t {
  kStolen = 301,
  kWhich,
  kPlan,
  kTimes,
  kShot,
  kAddress,
  kGang,
  kCohortKey,
  kIntrusion,
  kCloudPool,
  kDaily,
  kStart,
  kLook
};

constexpr uint64_t kGangs = 9;
// Machines of one gang: so many that two thefts rarely show the same one, so few that some do.
constexpr uint64_t kGangMachines = 25'000;
// The cloud addresses that all low-and-slow thieves share.
constexpr uint64_t kSharedCloudAddresses = 45;
// Accounts of programs have old passwords in many places, forgotten ones weak passwords that nobody changes.
constexpr double kProgramsRisk = 2;
constexpr double kDormantRisk = 1.5;
// Thieves begin in this part of the time after the owners' history, so that each is seen for a while.
constexpr double kThefts = 0.8;
constexpr uint32_t kCohortMin = 3;
constexpr uint32_t kCohortMax = 14;

}  // namespace

Attacks::Attacks(const SimulateOptions& options, const Population& population, const Sources& sources,
                 MailWriter* writer, Truth* truth)
    : options_(options), population_(population), sources_(sources), writer_(writer), truth_(truth) {
  thefts_from_ = TheftsFrom(options).millis() * 1000;
  run_end_ = options.start.millis() * 1000 + static_cast<Micros>(options.days) * kDay;
  double total = 0;
  for (double weight : options.attack_weights) total += weight;
  if (total <= 0) return;
  const double cohort = options.attack_weights[static_cast<size_t>(Attack::kCohort)] / total;
  single_chance_ = options.stolen_share * (1 - cohort);
  // A cohort needs a company of several, and takes a part of it: count what one company would yield.
  double accounts_hit = 0;
  const uint32_t sample = std::min<uint32_t>(options.accounts, 50'000);
  for (uint32_t i = 0; i < sample; ++i) {
    if (!population.IsBusiness(i)) continue;
    const uint32_t size = population.CompanyOf(i).size;
    if (size >= kCohortMin) accounts_hit += std::min(1.0, 0.5 * (kCohortMin + kCohortMax) / size);
  }
  if (accounts_hit > 0) cohort_chance_ = std::min(1.0, options.stolen_share * cohort * sample / accounts_hit);
}

std::optional<Attack> Attacks::AttackOn(const Account& a) const {
  if (a.business && a.company.size >= kCohortMin) {
    Random random(Key({a.company.key, kCohortKey}));
    if (random.Chance(cohort_chance_)) {
      const double wanted = static_cast<double>(random.Between(kCohortMin, kCohortMax));
      if (Random(Key({a.key, kCohortKey})).Chance(wanted / a.company.size)) return Attack::kCohort;
    }
  }
  Random random(Key({a.key, kStolen}));
  const bool program = a.kind == Kind::kNewsletter || a.kind == Kind::kAppSender;
  const double risk = program ? kProgramsRisk : (a.kind == Kind::kDormant ? kDormantRisk : 1);
  if (!random.Chance(std::min(1.0, risk * single_chance_))) return std::nullopt;
  std::array<double, kAttackCount> weights = options_.attack_weights;
  weights[static_cast<size_t>(Attack::kCohort)] = 0;
  double total = 0;
  for (double weight : weights) total += weight;
  if (total <= 0) return std::nullopt;
  return static_cast<Attack>(random.Weighted(weights.data(), kAttackCount));
}

std::optional<Plan> Attacks::PlanOf(const Account& a) const {
  const std::optional<Attack> attack = AttackOn(a);
  if (!attack) return std::nullopt;
  Plan p;
  p.attack = *attack;
  p.key = Key({*attack == Attack::kCohort ? a.company.key : a.key, kPlan});
  p.times_key = Key({a.key, kTimes});
  Random random(p.key);
  p.gang = Key({options_.seed, kGang, random.Zipf(kGangs)});
  p.mailer = DrawMailer(&random);
  p.own_sender = random.Chance(0.7);
  p.check_login = random.Chance(0.3);
  p.per_minute = random.LogUniform(0.7, 5);
  p.length = static_cast<Micros>(random.LogUniform(0.6, 20) * kHour);
  p.messages_max = 3'000;
  p.recipients_mean = random.Chance(0.45) ? 0 : random.LogUniform(0.4, 18);
  p.addresses = static_cast<uint32_t>(random.LogUniform(30, 3'000));
  p.uses_mean = random.Chance(0.5) ? 0.05 : random.Real() * 3;
  // To whom: from "all abroad" to "nearly all in the owner's country".
  p.known_share = random.Chance(0.2) ? 0.3 * random.Real() : 0;
  p.local_share = random.Chance(0.3) ? 0.2 * random.Real() : 0;
  p.home_share = random.Chance(0.35) ? 0.5 + 0.5 * random.Real() : 0.25 * random.Real();
  p.big_share = 0.2 + 0.75 * random.Real();
  p.reception.trouble = random.LogUniform(0.003, 0.35);
  p.reception.refused = 0.4 * random.Real();
  p.reception.throttled = random.Chance(0.5) ? 0.01 : 0.15 * random.Real();
  p.reception.greylisted = 0.04;
  DrawByKind(&random, &p);
  if (p.attack != Attack::kGuessThenUse && random.Chance(0.08)) p.watch_days = static_cast<int>(random.Between(1, 7));
  // Those who never end anyway don't come back.
  const bool ends = p.attack != Attack::kLowAndSlow && p.attack != Attack::kProbe;
  if (random.Chance(options_.return_share) && ends) p.waves = static_cast<uint32_t>(random.Between(2, 3));
  p.between_waves = static_cast<Micros>(random.LogUniform(0.5, 6) * kDay);
  p.per_minute *= options_.intensity;
  p.messages_max = std::max(1u, static_cast<uint32_t>(p.messages_max * options_.intensity));
  const bool careful = random.Chance(options_.stealth);
  if (careful) {
    p.own_sender = true;
    p.check_login = false;
    p.per_minute *= random.LogUniform(0.15, 0.7);
    p.recipients_mean = random.Chance(0.6) ? 0 : random.Real();
    p.home_share = 0.7 + 0.3 * random.Real();
    p.big_share = 0.6 + 0.4 * random.Real();
    p.reception.trouble = random.LogUniform(0.001, 0.02);
    p.reception.refused = 0.1 * random.Real();
    p.reception.throttled = 0.01;
  }
  DrawStart(a, careful, &p);
  return p;
}

void Attacks::DrawStart(const Account& a, bool careful, Plan* p) const {
  // One time for a whole cohort, whose members follow within minutes.
  Random random(Key({p->key, kStart}));
  const Micros lead = p->silence + p->guessing + p->watch_days * kDay + 5 * kHour;
  const Micros first = thefts_from_ + std::min(lead, std::max<Micros>(0, (run_end_ - thefts_from_) / 4));
  const double span = static_cast<double>(run_end_ - first);
  p->start = first + static_cast<Micros>(kThefts * random.Real() * span);
  if (careful) {
    // The same day, at an hour at which the owner is up.
    const Micros day_start = p->start / kDay * kDay;
    const int offset = population_.networks().utc_offset_minutes(a.country);
    p->start = std::max(first, DrawTime(a.rhythm, offset, day_start, &random));
  }
  if (p->attack == Attack::kCohort) p->start += static_cast<Micros>(Random(Key({a.key, kStart})).Below(12 * kMinute));
  p->length = std::min(p->length, run_end_ - p->start);
}

void Attacks::DrawByKind(Random* random, Plan* p) const {
  switch (p->attack) {
    case Attack::kRotate:
      p->messages_max = static_cast<uint32_t>(random->LogUniform(25, 3'000));
      break;
    case Attack::kBurst:
      p->per_minute = random->LogUniform(80, 480);
      p->length = static_cast<Micros>(random->LogUniform(0.4, 1.6) * kHour);
      p->messages_max = static_cast<uint32_t>(random->Between(1'200, 6'000));
      p->addresses = 1;
      p->per_connection = static_cast<uint32_t>(random->LogUniform(1, 100));
      p->recipients_mean = random->Chance(0.7) ? 0 : random->LogUniform(0.5, 5);
      break;
    case Attack::kGuessThenUse:
      p->per_minute = random->LogUniform(5, 120);
      p->length = static_cast<Micros>(random->LogUniform(0.3, 5) * kHour);
      p->messages_max = static_cast<uint32_t>(random->Between(300, 3'000));
      p->addresses = static_cast<uint32_t>(random->Between(1, 3));
      p->uses_mean = 200;
      p->per_connection = static_cast<uint32_t>(random->LogUniform(1, 60));
      p->silence = random->Between(2 * 60, 12 * 60) * kMinute;
      p->guessing = static_cast<Micros>(random->LogUniform(0.2, 10) * kHour);
      break;
    case Attack::kLowAndSlow:
      p->length = run_end_;
      p->messages_max = 2'000;
      p->recipients_mean = random->Chance(0.5) ? 0 : 2 * random->Real();
      p->per_minute = random->LogUniform(0.1, 1);
      break;
    case Attack::kProbe:
      p->length = run_end_;
      p->messages_max = 20'000;
      p->addresses = static_cast<uint32_t>(random->Between(1, 6));
      p->per_minute = random->LogUniform(2, 30);
      p->recipients_mean = random->Chance(0.6) ? 0 : 10 * random->Real();
      p->uses_mean = 60;
      p->per_connection = static_cast<uint32_t>(random->LogUniform(1, 20));
      break;
    case Attack::kCohort:
      p->length = static_cast<Micros>(random->LogUniform(0.5, 10) * kHour);
      p->per_minute = random->LogUniform(0.3, 6);
      p->messages_max = static_cast<uint32_t>(random->LogUniform(20, 1'500));
      break;
    case Attack::kWebmail:
      p->per_minute = random->LogUniform(0.5, 15);
      p->length = static_cast<Micros>(random->LogUniform(0.5, 12) * kHour);
      p->messages_max = static_cast<uint32_t>(random->LogUniform(20, 1'500));
      p->addresses = static_cast<uint32_t>(random->LogUniform(1, 12));
      p->uses_mean = 60 * random->Real();
      p->per_connection = 1 + static_cast<uint32_t>(p->uses_mean);
      p->recipients_mean = random->Chance(0.3) ? 0 : random->LogUniform(1, 40);
      break;
    case Attack::kDomestic:
      p->addresses = static_cast<uint32_t>(random->LogUniform(25, 800));
      p->per_minute = random->LogUniform(0.3, 4);
      p->messages_max = static_cast<uint32_t>(random->LogUniform(25, 2'000));
      break;
  }
}

std::vector<Attacks::Shot> Attacks::Schedule(const Plan& p) const {
  Random random(p.times_key);
  std::vector<Shot> shots;
  Micros at = p.start;
  for (uint32_t wave = 0; wave < p.waves && at < run_end_; ++wave) {
    Wave(p, at, &random, &shots);
    if (!shots.empty()) at = shots.back().at + p.between_waves;
  }
  return shots;
}

void Attacks::Wave(const Plan& p, Micros at, Random* random_ptr, std::vector<Shot>* out) const {
  Random& random = *random_ptr;
  std::vector<Shot>& shots = *out;
  const size_t before = shots.size();
  const Micros end = std::min(at + p.length, run_end_);
  uint32_t address = shots.empty() ? 0 : shots.back().address;
  uint32_t left = 0, connection = shots.empty() ? 0 : shots.back().connection, on_connection = 0;
  // How many go out before a pause, and how long the pause is: most never pause.
  uint32_t until_pause = p.messages_max;
  double batch = 0, limit = 0;
  if (p.attack == Attack::kLowAndSlow) until_pause = static_cast<uint32_t>(random.Between(5, 15));
  if (p.attack == Attack::kProbe) {
    batch = random.LogUniform(5, 40);
    limit = random.LogUniform(150, 1'500);
    until_pause = static_cast<uint32_t>(batch);
  }
  double today = 0;
  bool found_limit = false;
  while (at < end && shots.size() - before < p.messages_max) {
    if (left == 0) {
      address = shots.empty() ? 0 : address + 1;
      left = 1 + static_cast<uint32_t>(p.uses_mean > 0 ? random.Geometric(p.uses_mean) : 0);
      on_connection = 0;
    }
    if (on_connection == 0) {
      ++connection;
      on_connection = p.per_connection;
    }
    shots.push_back(Shot{at, address % p.addresses, connection});
    --left;
    --on_connection;
    at += static_cast<Micros>(std::max(0.02, random.Exponential(1.0 / p.per_minute) * 60) * kSecond);
    if (--until_pause > 0) continue;
    on_connection = 0;
    if (p.attack == Attack::kLowAndSlow) {
      // Now and then: after half a day to two days, from the next addresses.
      at += static_cast<Micros>((0.4 + random.Exponential(0.6)) * kDay);
      until_pause = static_cast<uint32_t>(random.Between(5, 15));
      left = 0;
    } else if (p.attack == Attack::kProbe) {
      today += batch;
      if (!found_limit && today < limit) {
        at += random.Between(15, 70) * kMinute;
        batch *= 1.5 + random.Real();
        until_pause = static_cast<uint32_t>(std::max(1.0, std::min(batch, limit - today)));
      } else {
        // The limit is known from here on: back the next day, and straight up to it.
        found_limit = true;
        today = limit;
        at += static_cast<Micros>((0.75 + 0.4 * random.Real()) * kDay);
        until_pause = static_cast<uint32_t>(limit * (0.85 + 0.1 * random.Real()));
        left = 0;
      }
    }
  }
}

Source Attacks::ThiefSource(const Account& a, const Plan& p, uint32_t address) const {
  const Networks& networks = population_.networks();
  const auto abroad = [&](Random* random) {
    for (;;) {
      const auto country =
          static_cast<CountryIndex>(random->Below(static_cast<uint64_t>(networks.country_count())));
      if (country != a.country) return country;
    }
  };
  Random pick(Key({p.attack == Attack::kCohort ? Key({a.key, p.key}) : p.key, kAddress, address}));
  const auto vpn_exit = [&] {
    const auto provider = static_cast<uint32_t>(pick.Below(kVpnProviders));
    return sources_.VpnExit(provider, pick.Next());
  };
  switch (p.attack) {
    case Attack::kRotate:
    case Attack::kCohort: {
      // Mostly robbed home machines, some phones, some servers, some exits of VPN services that owners use,
      // too.
      if (pick.Chance(0.06)) return vpn_exit();
      Random machine(Key({p.gang, kAddress, pick.Below(kGangMachines)}));
      const double x = machine.Real();
      const Role role = x < 0.7 ? Role::kResidential : (x < 0.85 ? Role::kMobile : Role::kHosting);
      return sources_.Anywhere(abroad(&machine), role, &machine);
    }
    case Attack::kDomestic: {
      Random machine(
          Key({p.gang, kAddress, 1, static_cast<uint64_t>(a.country), pick.Below(kGangMachines / 4)}));
      return sources_.Anywhere(a.country, machine.Chance(0.88) ? Role::kResidential : Role::kMobile,
                               &machine);
    }
    case Attack::kLowAndSlow: {
      Random cloud(Key({options_.seed, kCloudPool, pick.Below(kSharedCloudAddresses)}));
      const std::vector<CountryIndex>& countries = networks.hosting_countries();
      return sources_.Anywhere(countries[cloud.Below(countries.size())], Role::kHosting, &cloud);
    }
    case Attack::kBurst:
    case Attack::kGuessThenUse:
    case Attack::kProbe:
    case Attack::kWebmail: {
      const double x = pick.Real();
      if (x < 0.12) return vpn_exit();
      const bool server = p.attack == Attack::kGuessThenUse || x < 0.6;
      if (!server) return sources_.Anywhere(abroad(&pick), Role::kResidential, &pick);
      const std::vector<CountryIndex>& countries = networks.hosting_countries();
      CountryIndex country = countries[pick.Below(countries.size())];
      if (country == a.country)
        country = networks.FindCountry(a.country == 0 ? "US" : "JP").value_or(country);
      return sources_.Anywhere(country, Role::kHosting, &pick);
    }
  }
  return {};
}

Envelope Attacks::Spam(const Account& a, const Plan& p, Micros at, Random* random) const {
  Account sender = a;
  sender.mailer = p.mailer;
  sender.alias_sender = false;
  Envelope envelope = Habits::MakeEnvelope(sender, at, random);
  if (!p.own_sender) {
    const Correspondent forged = population_.MakeStranger(a.country, 0.3, random->Next());
    envelope.sender = forged.address;
    envelope.sender_domain = forged.domain;
  }
  const int count = 1 + std::min(p.recipients_mean > 0 ? random->Geometric(p.recipients_mean) : 0, 99);
  for (int i = 0; i < count; ++i) {
    Delivery delivery;
    const double x = random->Real();
    if (x < p.known_share) {
      delivery.to = population_.MakeCorrespondent(a, random->Below(a.book_size));
    } else if (x < p.known_share + p.local_share) {
      delivery.to = population_.MakeLocal(random->Next());
    } else {
      const CountryIndex country =
          random->Chance(p.home_share)
              ? a.country
              : population_.ForeignCountry(a.country, Key({p.gang, random->Below(12)}));
      delivery.to = population_.MakeStranger(country, p.big_share, random->Next());
    }
    delivery.fate = DrawFate(p.reception, random);
    envelope.deliveries.push_back(std::move(delivery));
  }
  return envelope;
}

void Attacks::Day(const Account& a, const Plan& p, Micros day_start) {
  writer_->Begin(Key({a.key, kDaily, static_cast<uint64_t>(day_start / kDay)}));
  if (p.attack == Attack::kGuessThenUse) {
    Guesses(a, p, day_start);
  } else {
    Looks(a, p, day_start);
  }
  if (p.start < day_start + kDay) Bulk(a, p, day_start);
}

void Attacks::Looks(const Account& a, const Plan& p, Micros day_start) {
  Random random(Key({a.key, kLook, static_cast<uint64_t>(day_start / kDay)}));
  const auto look = [&](Micros at) {
    if (at < std::max(day_start, thefts_from_) || at >= std::min(day_start + kDay, run_end_)) return;
    truth_->Compromised(a.index, at);
    const Micros length = random.Between(1, 20) * kSecond;
    writer_->Imap(at, ThiefSource(a, p, 0), a.login, length, static_cast<int>(random.Below(3)));
  };
  if (p.check_login) {
    const Micros at = p.start - Random(Key({a.key, kLook})).Between(2, 240) * kMinute;
    // Who steals an account in the first minutes of a run has looked before it.
    look(at);
  }
  if (day_start < p.start && day_start + p.watch_days * kDay >= p.start) {
    for (int i = 1 + random.Poisson(1.5); i > 0; --i) {
      const Micros at = day_start + 5 * kSecond + static_cast<Micros>(random.Below(kDay - 10 * kSecond));
      if (at < p.start) look(at);
    }
  }
}

void Attacks::Guesses(const Account& a, const Plan& p, Micros day_start) {
  // Guesses from several addresses, a success, then hours of silence before a server comes with the bulk.
  const auto today = [&](Micros at) {
    return at >= std::max(day_start, thefts_from_ + 5 * kSecond) && at < std::min(day_start + kDay, run_end_);
  };
  Random random(Key({a.key, kIntrusion}));
  const int addresses = static_cast<int>(random.Between(3, 25));
  const int guesses = static_cast<int>(random.LogUniform(12, 300));
  const bool by_smtp = random.Chance(0.5);
  const Micros success = p.start - p.silence;
  Source source;
  for (int i = 0; i <= guesses; ++i) {
    Random pick(Key({a.key, kIntrusion, random.Below(static_cast<uint64_t>(addresses))}));
    const auto country =
        static_cast<CountryIndex>(pick.Below(static_cast<uint64_t>(population_.networks().country_count())));
    source = sources_.Anywhere(country, pick.Chance(0.7) ? Role::kResidential : Role::kHosting, &pick);
    const Micros at =
        success - static_cast<Micros>(random.Real() * static_cast<double>(p.guessing)) - 5 * kSecond;
    if (i == guesses) break;
    if (!today(at)) continue;
    truth_->Compromised(a.index, at);
    if (by_smtp) {
      Connection c = writer_->Connect(at, source, p.mailer);
      writer_->FailLogin(&c, at + 700'000, a.login);
      writer_->Disconnect(&c, at + 1'500'000);
    } else {
      writer_->FailImap(at, source, a.login, true, 1);
    }
  }
  const Micros at = std::max(success, thefts_from_ + 6 * kSecond);
  if (!today(at)) return;
  truth_->Compromised(a.index, at);
  writer_->Imap(at, source, a.login, random.Between(1, 20) * kSecond, static_cast<int>(random.Below(3)));
}

void Attacks::Bulk(const Account& a, const Plan& p, Micros day_start) {
  const std::vector<Shot> shots = Schedule(p);
  for (size_t first = 0; first < shots.size();) {
    size_t end = first + 1;
    while (end < shots.size() && shots[end].connection == shots[first].connection) ++end;
    const Micros begin = shots[first].at;
    if (begin < day_start || begin >= day_start + kDay) {
      first = end;
      continue;
    }
    Random random(Key({a.key, kShot, first}));
    const Source source = ThiefSource(a, p, shots[first].address);
    const CountryIndex country = population_.networks().carrier(source.carrier).country;
    const auto record = [&](Micros at, const Envelope& envelope) {
      if (at < run_end_)
        truth_->Abused(a.index, at, static_cast<uint32_t>(envelope.deliveries.size()), source.ip, country);
    };
    Micros at = begin;
    if (p.attack == Attack::kWebmail) {
      truth_->Compromised(a.index, at);
      const WebmailSession session = writer_->LoginWebmail(at, source, a.login);
      at += random.Between(8, 90) * kSecond;
      for (size_t i = first; i < end; ++i) {
        at = std::max(at, shots[i].at);
        const Envelope envelope = Spam(a, p, at, &random);
        record(writer_->SendWebmail(session, at, envelope), envelope);
      }
    } else {
      Connection c = writer_->Connect(at, source, p.mailer);
      for (size_t i = first; i < end; ++i) {
        at = std::max(at + random.Between(60'000, 400'000), shots[i].at);
        const Envelope envelope = Spam(a, p, at, &random);
        at = writer_->Send(&c, at, a.login, envelope);
        record(at, envelope);
      }
      writer_->Disconnect(&c, at + random.Between(100'000, 2'000'000));
    }
    first = end;
  }
}

}  // namespace sekisho::simulate
