#include "engine/simulate/population.h"

#include <algorithm>

namespace sekisho::simulate {
namespace {

// What a key is for, so that two decisions about one account are independent.
enum : uint64_t { kForAccount = 1, kForKind, kForCompany, kForBook, kForSplit, kForCountry };

// Business accounts come in blocks of 60, each cut into companies by one of these patterns.
constexpr uint32_t kBlock = 60;
constexpr uint32_t kSplits[][8] = {{60, 0, 0, 0, 0, 0, 0, 0},  {30, 20, 10, 0, 0, 0, 0, 0},
                                   {12, 12, 9, 9, 6, 6, 3, 3}, {25, 15, 8, 5, 4, 3, 0, 0},
                                   {40, 8, 6, 6, 0, 0, 0, 0},  {10, 10, 10, 10, 5, 5, 5, 5}};

bool IsBusinessKind(Kind kind) {
  return kind == Kind::kOffice || kind == Kind::kNewsletter || kind == Kind::kAppSender ||
         kind == Kind::kTeamAbroad;
}

// Countries that people travel to and write to more than others do.
constexpr std::string_view kPartners[] = {"US", "CN", "KR", "TW", "TH", "SG", "HK", "VN", "DE", "FR", "GB",
                                          "AU", "ID", "MY", "PH", "IN", "IT", "ES", "CA", "NL", "CH", "AE"};

}  // namespace

double HourWeight(Rhythm rhythm, int local_hour, bool weekend) {
  constexpr double kPrivateHours[24] = {0.35, 0.15, 0.06, 0.04, 0.05, 0.2, 0.7, 1.2, 1.2, 1.0, 0.9, 0.9,
                                        1.3,  1.0,  0.8,  0.8,  0.9,  1.0, 1.2, 1.4, 1.6, 1.7, 1.4, 0.8};
  constexpr double kWorkHours[24] = {0.02, 0.01, 0.01, 0.01, 0.02, 0.05, 0.2, 0.6, 1.6, 2.4, 2.3, 2.1,
                                     1.0,  2.0,  2.1,  2.0,  2.0,  1.8,  1.1, 0.6, 0.3, 0.2, 0.1, 0.05};
  switch (rhythm) {
    case Rhythm::kPrivate:
      return kPrivateHours[local_hour] * (weekend ? 1.1 : 1.0);
    case Rhythm::kWork:
      return kWorkHours[local_hour] * (weekend ? 0.12 : 1.0);
    case Rhythm::kMachine:
      return 1.0;
  }
  return 1.0;
}

Mailer DrawMailer(Random* random) {
  Mailer mailer;
  mailer.message_id_style = static_cast<uint32_t>(random->Below(5));
  mailer.port465 = random->Chance(0.3);
  mailer.login_method = random->Chance(0.2);
  mailer.second_server = random->Chance(0.5);
  mailer.size_median = random->LogNormal(9'000, 0.9);
  // A third sends the same text again and again, the others write.
  mailer.size_sigma = random->Chance(0.33) ? 0.03 + 0.2 * random->Real() : 0.4 + random->Real();
  return mailer;
}

Population::Population(const SimulateOptions& options, const Networks& networks)
    : options_(options), networks_(networks) {
  double total = 0;
  for (double share : options.kind_shares) total += share;
  for (int i = 0; i < kKindCount; ++i) {
    const double share = options.kind_shares[static_cast<size_t>(i)];
    if (IsBusinessKind(static_cast<Kind>(i))) {
      business_weights_[static_cast<size_t>(i)] = share;
      business_share_ += share / total;
    } else {
      private_weights_[static_cast<size_t>(i)] = share;
    }
  }
  for (const auto& [code, weight] : options.owner_countries) {
    if (const std::optional<CountryIndex> country = networks.FindCountry(code)) {
      owner_countries_.push_back(*country);
      owner_weights_.push_back(weight);
    }
  }
}

bool Population::IsBusiness(uint32_t index) const {
  return static_cast<uint32_t>((index + 1.0) * business_share_) >
         static_cast<uint32_t>(index * business_share_);
}

Company Population::CompanyOf(uint32_t index) const {
  const uint32_t rank = static_cast<uint32_t>(index * business_share_);
  const uint32_t block = rank / kBlock;
  const uint32_t* split = kSplits[Key({options_.seed, kForSplit, block}) % std::size(kSplits)];
  Company company;
  company.first_rank = block * kBlock;
  uint32_t part = 0;
  while (rank >= company.first_rank + split[part]) company.first_rank += split[part++];
  company.size = split[part];
  company.key = Key({options_.seed, kForCompany, block, part});
  Random random(company.key);
  company.country = owner_countries_[static_cast<size_t>(
      random.Weighted(owner_weights_.data(), static_cast<int>(owner_weights_.size())))];
  company.domain = CompanyDomain(networks_, company.country, company.key);
  const std::vector<int>& carriers = networks_.carriers(company.country, Role::kResidential);
  company.carrier = carriers[random.Below(carriers.size())];
  return company;
}

Kind Population::KindOf(uint32_t index, uint64_t key) const {
  Random random(Key({key, kForKind}));
  const auto& weights = IsBusiness(index) ? business_weights_ : private_weights_;
  return static_cast<Kind>(random.Weighted(weights.data(), kKindCount));
}

std::string Population::LoginOf(uint32_t index, std::string* domain) const {
  const uint64_t key = Key({options_.seed, kForAccount, index});
  if (!IsBusiness(index)) {
    *domain = kRealm;
    return PersonLocalPart(index) + '@' + *domain;
  }
  const Company company = CompanyOf(index);
  *domain = company.domain;
  const uint32_t member = static_cast<uint32_t>(index * business_share_) - company.first_rank;
  std::string local;
  constexpr std::string_view kMachines[] = {"scanner", "noreply", "system", "shop",
                                            "monitor", "printer", "alert",  "order"};
  constexpr std::string_view kLists[] = {"news", "info", "magazine", "pr", "mailmag"};
  const uint64_t pick = PinnedMix64(key);
  switch (KindOf(index, key)) {
    case Kind::kAppSender:
      local = kMachines[pick % std::size(kMachines)];
      break;
    case Kind::kNewsletter:
      local = kLists[pick % std::size(kLists)];
      break;
    default:
      return MemberLocalPart(company.key, member) + '@' + *domain;
  }
  return local + std::to_string(member + 1) + '@' + *domain;
}

Account Population::Make(uint32_t index) const {
  Account account;
  account.index = index;
  account.key = Key({options_.seed, kForAccount, index});
  account.business = IsBusiness(index);
  account.kind = KindOf(index, account.key);
  account.login = LoginOf(index, &account.domain);
  Random random(account.key);
  account.country = owner_countries_[static_cast<size_t>(
      random.Weighted(owner_weights_.data(), static_cast<int>(owner_weights_.size())))];
  if (account.business) {
    account.company = CompanyOf(index);
    account.country = account.company.country;
    account.rhythm = Rhythm::kWork;
  }
  FillSources(&account, &random);
  FillSending(&account, &random);
  return account;
}

void Population::FillSources(Account* a, Random* random) const {
  a->home_contract_days = static_cast<int>(std::clamp(random->LogNormal(700, 0.7), 60.0, 4'000.0));
  a->mobile_contract_days = static_cast<int>(std::clamp(random->LogNormal(600, 0.6), 60.0, 4'000.0));
  a->home_nat = random->Chance(0.12);
  constexpr int kLeases[] = {1, 4, 15, 60, 400};
  constexpr double kLeaseWeights[] = {0.12, 0.18, 0.25, 0.25, 0.20};
  a->lease_days = kLeases[random->Weighted(kLeaseWeights, 5)];
  a->computers = random->Chance(0.25) ? 2 : 1;
  a->phone = random->Chance(0.55);
  a->pop3 = random->Chance(0.15);
  a->v6_share = random->Chance(0.25) ? 0.3 + 0.6 * random->Real() : 0;
  a->trip_cycle_days = static_cast<int>(random->Between(150, 420));
  a->trip_days = random->Chance(0.4) ? static_cast<int>(random->Between(2, 9)) : 0;
  if (!a->business && random->Chance(0.05)) {
    a->vpn_spell_cycle_days = static_cast<int>(random->Between(60, 300));
    a->vpn_spell_days = static_cast<int>(random->Between(2, 30));
  }
  a->vpn_provider = static_cast<uint32_t>(random->Zipf(kVpnProviders));
  a->vpn_at_home = random->Chance(0.35);
  double per_device = random->LogNormal(options_.imap_logins_per_day, 0.6) / 1.2;
  switch (a->kind) {
    case Kind::kHome:
      break;
    case Kind::kMobile:
      a->computers = 0;
      a->phone = true;
      break;
    case Kind::kOffice:
      a->trip_days = random->Chance(0.15) ? 4 : 0;
      break;
    case Kind::kTraveller:
      a->phone = true;
      a->trip_cycle_days = static_cast<int>(random->Between(12, 40));
      a->trip_days = static_cast<int>(random->Between(3, 9));
      if (random->Chance(0.6)) a->rhythm = Rhythm::kWork;
      break;
    case Kind::kVpn:
      a->vpn_share = random->Chance(0.4) ? 0.95 : 0.2 + 0.6 * random->Real();
      a->vpn_spell_cycle_days = 0;
      break;
    case Kind::kCloudClient:
    case Kind::kFetcher: {
      a->phone = true;
      a->computers = 0;
      a->cloud_share = 0.5 + 0.4 * random->Real();
      const char* country = a->kind == Kind::kCloudClient && random->Chance(0.4) ? "IE" : "US";
      const std::vector<int>& clouds =
          networks_.carriers(networks_.FindCountry(country).value_or(a->country), Role::kHosting);
      a->cloud_carrier = clouds[random->Below(std::min<size_t>(clouds.size(), 3))];
      per_device *= 2.5;
      break;
    }
    case Kind::kStalePassword:
      a->phone = true;
      break;
    case Kind::kNewsletter:
      a->phone = false;
      a->computers = 1;
      per_device *= random->Chance(0.5) ? 0.5 : 0.02;
      a->trip_days = 0;
      break;
    case Kind::kAppSender:
      a->phone = false;
      a->computers = 0;
      per_device = 0;
      a->trip_days = 0;
      a->rhythm = random->Chance(0.5) ? Rhythm::kMachine : Rhythm::kWork;
      break;
    case Kind::kClub:
      break;
    case Kind::kTeamAbroad:
      a->places = static_cast<int>(random->Between(2, 3));
      a->phone = false;
      a->computers = a->places;
      a->trip_days = 0;
      break;
    case Kind::kWebmail:
      a->webmail_share = random->Chance(0.6) ? 1.0 : 0.3 + 0.5 * random->Real();
      per_device *= a->webmail_share == 1.0 ? 0.3 : 0.8;
      break;
    case Kind::kIpv6:
      a->v6_share = 0.6 + 0.4 * random->Real();
      break;
    case Kind::kDormant:
      per_device = random->Chance(0.5) ? 0 : 0.15;
      a->trip_days = 0;
      break;
  }
  // A few people in every group look at their mail in the browser now and then.
  if (a->webmail_share == 0 && per_device > 0 && random->Chance(0.08)) a->webmail_share = 0.05;
  a->mailbox_logins = per_device * (a->computers + (a->phone ? 1 : 0));
  if (a->kind == Kind::kDormant) a->mailbox_logins = per_device;
}

void Population::FillSending(Account* a, Random* random) const {
  a->messages_per_day = random->LogNormal(a->rhythm == Rhythm::kWork ? 6.0 : 1.6, 0.9);
  a->recipients_mean = random->LogNormal(0.35, 0.8);
  a->book_size = static_cast<uint32_t>(std::clamp(random->LogNormal(45, 0.8), 4.0, 2000.0));
  a->novelty = std::min(0.4, random->LogNormal(a->business ? 0.07 : 0.05, 0.7));
  // Most people write abroad hardly ever; for some it is half of their mail.
  a->foreign_share = random->Chance(0.12) ? 0.1 + 0.6 * random->Real() : random->LogNormal(0.006, 0.8);
  a->big_share = 0.2 + 0.5 * random->Real();
  a->local_share = 0.05 + 0.25 * random->Real();
  a->trouble = std::min(0.08, random->LogNormal(0.008, 0.9));
  a->alias_sender = random->Chance(0.05);
  a->mailer = DrawMailer(random);
  if (a->kind == Kind::kOffice && random->Chance(0.12)) {
    a->customers = static_cast<uint32_t>(std::clamp(random->LogNormal(60, 0.8), 15.0, 400.0));
  }
  switch (a->kind) {
    case Kind::kNewsletter: {
      constexpr int kCycles[] = {1, 3, 7, 14, 30};
      constexpr double kWeights[] = {0.15, 0.20, 0.40, 0.12, 0.13};
      a->mailing_cycle_days = kCycles[random->Weighted(kWeights, 5)];
      a->list_size = static_cast<uint32_t>(std::clamp(random->LogNormal(450, 1.0), 60.0, 6000.0));
      a->per_message = random->Chance(0.7) ? 1 : 50;
      a->messages_per_day *= 0.15;
      // One list in three is old: many of its members are gone.
      a->trouble = random->Chance(0.35) ? 0.02 + 0.1 * random->Real() : std::min(0.03, a->trouble * 2);
      a->book_size = std::max(a->book_size, a->list_size);
      break;
    }
    case Kind::kAppSender: {
      const bool shop = random->Chance(0.45);
      a->messages_per_day = random->LogNormal(shop ? 60 : 12, 1.2);
      a->recipients_mean = 0.05;
      a->book_size = shop ? 40 : static_cast<uint32_t>(random->Between(1, 25));
      a->novelty = shop ? 0.6 : 0.002;
      a->trouble = shop ? 0.012 : a->trouble;
      a->alarms = !shop;
      break;
    }
    case Kind::kClub:
      a->mailing_cycle_days = static_cast<int>(random->Between(4, 30));
      a->list_size = static_cast<uint32_t>(random->Between(30, 150));
      a->per_message = random->Chance(0.5) ? 150 : (random->Chance(0.5) ? 20 : 1);
      a->book_size = std::max(a->book_size, a->list_size);
      break;
    case Kind::kTeamAbroad:
      a->foreign_share = 0.2 + 0.6 * random->Real();
      a->messages_per_day *= 2;
      break;
    case Kind::kDormant:
      a->messages_per_day = random->Chance(0.7) ? 0 : 0.03;
      break;
    default:
      break;
  }
}

CountryIndex Population::ForeignCountry(CountryIndex home, uint64_t key) const {
  Random random(Key({key, kForCountry}));
  for (int attempt = 0; attempt < 4; ++attempt) {
    CountryIndex country;
    if (random.Chance(0.75)) {
      country = networks_.FindCountry(kPartners[random.Zipf(std::size(kPartners))]).value_or(home);
    } else {
      country = static_cast<CountryIndex>(random.Below(static_cast<uint64_t>(networks_.country_count())));
    }
    if (country != home) return country;
  }
  return home == 0 ? 1 : 0;
}

Correspondent Population::MakeStranger(CountryIndex country, double big_share, uint64_t key) const {
  Random random(Key({key, kForBook}));
  Correspondent c;
  c.country = country;
  if (random.Chance(big_share)) {
    c.domain = BigProvider(networks_, country, random.Next());
  } else {
    // Some twenty thousand companies in each country, a few of them written to by many.
    const uint64_t company = random.Zipf(20'000);
    c.domain = CompanyDomain(networks_, country, Key({kForBook, static_cast<uint64_t>(country), company}));
  }
  c.address = StrangerLocalPart(random.Next()) + '@' + c.domain;
  return c;
}

Correspondent Population::MakeLocal(uint64_t key) const {
  Correspondent c;
  c.local = true;
  c.address = LoginOf(static_cast<uint32_t>(Key({key, kForBook}) % options_.accounts), &c.domain);
  c.country = owner_countries_.front();
  return c;
}

Correspondent Population::MakeCorrespondent(const Account& account, uint64_t n) const {
  const uint64_t key = Key({account.key, kForBook, n});
  Random random(key);
  const double x = random.Real();
  if (x < account.foreign_share) {
    return MakeStranger(ForeignCountry(account.country, random.Next()), 0.35, key);
  }
  if (x < account.foreign_share + account.local_share) return MakeLocal(key);
  const double left = 1.0 - account.local_share;
  return MakeStranger(account.country, std::min(1.0, account.big_share / left), key);
}

}  // namespace sekisho::simulate
