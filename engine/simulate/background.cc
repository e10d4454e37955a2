#include "engine/simulate/background.h"

namespace sekisho::simulate {
namespace {

enum : uint64_t { kBackground = 401, kBotnet };

// The machines that guess: the same for days, some of them in the networks where owners and thieves are, too.
constexpr uint64_t kGuessers = 4'000;

}  // namespace

void Background::Day(Micros day_start) {
  Random random(Key({options_.seed, kBackground, static_cast<uint64_t>(day_start / kDay)}));
  writer_->Begin(random.Next());
  guesses_left_ = static_cast<uint64_t>(random.Poisson(options_.guesses_per_day * options_.accounts));
  while (guesses_left_ > 0) {
    if (random.Chance(0.08)) {
      Targeted(day_start, &random);
    } else {
      Dictionary(day_start + 3 * kSecond + static_cast<Micros>(random.Below(kDay - 10 * kSecond)), &random);
    }
  }
  Inbound(day_start, &random);
}

void Background::Guess(Micros at, const Source& source, std::string_view login, bool exists, bool by_smtp,
                       Random* random) {
  if (guesses_left_ > 0) --guesses_left_;
  if (!by_smtp) {
    writer_->FailImap(at, source, login, exists, 1);
    return;
  }
  Mailer tool;
  tool.login_method = source.ip.source_key() % 3 == 0;
  tool.second_server = random->Chance(0.5);
  Connection c = writer_->Connect(at, source, tool);
  writer_->FailLogin(&c, at + random->Between(300'000, 900'000), login);
  writer_->Disconnect(&c, at + random->Between(950'000, 2'500'000));
}

void Background::Dictionary(Micros at, Random* random) {
  Random machine(Key({options_.seed, kBotnet, random->Below(kGuessers)}));
  const auto country =
      static_cast<CountryIndex>(machine.Below(static_cast<uint64_t>(population_.networks().country_count())));
  const Source source =
      sources_.Anywhere(country, machine.Chance(0.65) ? Role::kResidential : Role::kHosting, &machine);
  const bool by_smtp = machine.Chance(0.6);
  const double pause_s = machine.LogNormal(20, 1.5);
  for (int left = 1 + random->Geometric(8); left > 0; --left) {
    std::string domain;
    std::string login;
    const bool exists = random->Chance(0.15);
    if (exists) {
      login = population_.LoginOf(static_cast<uint32_t>(random->Below(options_.accounts)), &domain);
    } else {
      constexpr std::string_view kWords[] = {"admin",   "test", "info", "office",  "sales", "user",
                                             "contact", "web",  "scan", "support", "root",  "postmaster"};
      login = random->Chance(0.5) ? std::string(kWords[random->Below(std::size(kWords))])
                                  : StrangerLocalPart(random->Next());
      login += '@';
      login += kRealm;
    }
    Guess(at, source, login, exists, by_smtp, random);
    at += static_cast<Micros>((1 + random->Exponential(pause_s)) * kSecond);
  }
}

void Background::Targeted(Micros day_start, Random* random) {
  std::string domain;
  const std::string login =
      population_.LoginOf(static_cast<uint32_t>(random->Below(options_.accounts)), &domain);
  const Micros begin = day_start + 3 * kSecond + static_cast<Micros>(random->Below(20 * kHour));
  const double spread_h = random->LogNormal(2, 0.8);
  const uint64_t machines = 1 + random->Below(20);
  const uint64_t first = random->Below(kGuessers);
  const bool by_smtp = random->Chance(0.5);
  for (int left = 4 + random->Geometric(20); left > 0; --left) {
    Random machine(Key({options_.seed, kBotnet, (first + random->Below(machines)) % kGuessers}));
    const auto country = static_cast<CountryIndex>(
        machine.Below(static_cast<uint64_t>(population_.networks().country_count())));
    const Source source =
        sources_.Anywhere(country, machine.Chance(0.65) ? Role::kResidential : Role::kHosting, &machine);
    Guess(begin + static_cast<Micros>(random->Real() * spread_h * static_cast<double>(kHour)), source, login,
          true, by_smtp, random);
  }
}

void Background::Inbound(Micros day_start, Random* random) {
  if (!writer_->wants_text()) return;  // mail from outside is no account's doing
  const Networks& networks = population_.networks();
  const int count = random->Poisson(options_.inbound_per_day * options_.accounts);
  for (int i = 0; i < count; ++i) {
    const Micros at = day_start + 3 * kSecond + static_cast<Micros>(random->Below(kDay - 10 * kSecond));
    CountryIndex country = networks.FindCountry("JP").value_or(0);
    if (random->Chance(0.4)) country = population_.ForeignCountry(country, random->Next());
    const Source source =
        sources_.Anywhere(country, random->Chance(0.9) ? Role::kHosting : Role::kResidential, random);
    std::string domain;
    const bool refused = random->Chance(0.2);
    const std::string to =
        refused ? StrangerLocalPart(random->Next()) + '@' + std::string(kRealm)
                : population_.LoginOf(static_cast<uint32_t>(random->Below(options_.accounts)), &domain);
    writer_->Inbound(at, source, to, refused);
  }
}

}  // namespace sekisho::simulate
