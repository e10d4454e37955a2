#include "engine/simulate/sources.h"

namespace sekisho::simulate {
namespace {

enum : uint64_t {
  kLease = 101,
  kArea,
  kV6,
  kNat,
  kOffice,
  kServer,
  kTeam,
  kCloud,
  kVpn,
  kTrip,
  kHotel,
  kContract
};

// Behind one carrier's NAT stand so many areas of so many shared addresses.
constexpr uint64_t kNatAreas = 6;
constexpr uint64_t kNatHosts = 40;
// One exchange serves so many areas of customers.
constexpr uint64_t kHomeAreas = 300;
constexpr uint64_t kVpnCountries = 14;
constexpr uint64_t kVpnHosts = 8;
// A cloud's mail fetchers.
constexpr uint64_t kCloudAreas = 3;
constexpr uint64_t kCloudHosts = 60;

}  // namespace

std::optional<Trip> Sources::TripAt(const Account& a, Micros at) const {
  if (a.trip_days == 0) return std::nullopt;
  const uint64_t day = static_cast<uint64_t>(at / kDay) + a.key % 100'003;
  const int position = static_cast<int>(day % static_cast<uint64_t>(a.trip_cycle_days));
  if (position >= a.trip_days) return std::nullopt;
  Trip trip;
  trip.key = Key({a.key, kTrip, day / static_cast<uint64_t>(a.trip_cycle_days)});
  const int countries = 1 + static_cast<int>(trip.key % 10 < 3) + static_cast<int>(trip.key % 10 == 0);
  trip.leg = position * countries / a.trip_days;
  trip.country = population_.ForeignCountry(a.country, Key({trip.key, static_cast<uint64_t>(trip.leg)}));
  return trip;
}

int Sources::CarrierAt(const Account& a, Role role, int contract_days, Micros at, uint64_t* contract) const {
  const uint64_t length = static_cast<uint64_t>(contract_days);
  const uint64_t number = (static_cast<uint64_t>(at / kDay) + a.key % 8'009) / length;
  *contract = Key({a.key, kContract, static_cast<uint64_t>(role), number});
  // The first carriers of a country are its greatest.
  const std::vector<int>& carriers = networks_.carriers(a.country, role);
  return carriers[Random(*contract).Zipf(carriers.size())];
}

Source Sources::Home(const Account& a, Micros at, Random* random) const {
  const uint64_t lease =
      (static_cast<uint64_t>(at / kDay) + a.key % 997) / static_cast<uint64_t>(a.lease_days);
  const uint64_t lease_key = Key({a.key, kLease, lease});
  uint64_t contract;
  const int carrier = CarrierAt(a, Role::kResidential, a.home_contract_days, at, &contract);
  if (a.v6_share > 0 && random->Chance(a.v6_share)) {
    // The prefix stays for months; the interface changes each day (privacy addresses), one for each of two
    // devices.
    const uint64_t device = random->Below(2);
    return {networks_.AddressV6(carrier, Key({contract, kV6, lease / 20}),
                                Key({a.key, kV6, static_cast<uint64_t>(at / kDay), device})),
            carrier};
  }
  if (a.home_nat) return CarrierNat(carrier, Key({contract, kNat, static_cast<uint64_t>(at / (6 * kHour))}));
  // A new lease is mostly in the same neighbourhood, now and then in another.
  const uint64_t area = lease_key % 100 < 15 ? lease_key : contract;
  return {
      networks_.AddressV4(carrier, Key({kArea, static_cast<uint64_t>(carrier), area % kHomeAreas}), lease_key),
      carrier};
}

Source Sources::CarrierNat(int carrier, uint64_t choice) const {
  const uint64_t mixed = PinnedMix64(choice);
  return {networks_.AddressV4(carrier, Key({kNat, static_cast<uint64_t>(carrier), mixed % kNatAreas}),
                              (mixed >> 20) % kNatHosts, 22),
          carrier};
}

Source Sources::Mobile(const Account& a, Micros at, Random* random) const {
  const Micros slot_length = (20 + static_cast<Micros>(a.key % 160)) * kMinute;
  const uint64_t slot = Key({a.key, kNat, static_cast<uint64_t>(at / slot_length)});
  uint64_t contract;
  const int carrier = CarrierAt(a, Role::kMobile, a.mobile_contract_days, at, &contract);
  if (a.v6_share > 0 && random->Chance(a.v6_share * 0.7)) {
    return {networks_.AddressV6(carrier, slot, slot + 1), carrier};
  }
  return CarrierNat(carrier, slot);
}

Source Sources::Office(const Account& a) const {
  return {
      networks_.AddressV4(a.company.carrier, Key({a.company.key, kOffice}), Key({a.company.key, kOffice, 1})),
      a.company.carrier};
}

Source Sources::Server(const Account& a, Micros at) const {
  const uint64_t length = 150 + a.key % 600;
  Random random(Key({a.key, kServer, (static_cast<uint64_t>(at / kDay) + a.key % 1'009) / length}));
  const CountryIndex country =
      random.Chance(0.85) ? a.country : networks_.FindCountry("US").value_or(a.country);
  return Anywhere(country, Role::kHosting, &random);
}

Source Sources::TeamPlace(const Account& a, int place, CountryIndex* country) const {
  *country = a.country;
  if (place == 0) return Office(a);
  const uint64_t key = Key({a.key, kTeam, static_cast<uint64_t>(place)});
  *country = population_.ForeignCountry(a.country, key);
  Random random(key);
  return Anywhere(*country, Role::kResidential, &random);
}

Source Sources::Cloud(const Account& a, Random* random) const {
  const uint64_t carrier = static_cast<uint64_t>(a.cloud_carrier);
  const uint64_t area = Key({kCloud, carrier, random->Below(kCloudAreas)});
  return {networks_.AddressV4(a.cloud_carrier, area, random->Below(kCloudHosts), 22), a.cloud_carrier};
}

Source Sources::VpnExit(uint32_t provider, uint64_t choice) const {
  const std::vector<CountryIndex>& countries = networks_.hosting_countries();
  const uint64_t which = choice % kVpnCountries;
  const CountryIndex country = countries[Key({kVpn, provider, which}) % countries.size()];
  const std::vector<int>& carriers = networks_.carriers(country, Role::kHosting);
  const int carrier = carriers[Key({kVpn, provider, which, 1}) % carriers.size()];
  return {
      networks_.AddressV4(carrier, Key({kVpn, provider, which, 2}), (choice / kVpnCountries) % kVpnHosts, 24),
      carrier};
}

Source Sources::VpnExitIn(CountryIndex country, uint32_t provider, uint64_t choice) const {
  const std::vector<int>& carriers = networks_.carriers(country, Role::kHosting);
  const uint64_t which = static_cast<uint64_t>(country) + 1'000;
  const int carrier = carriers[Key({kVpn, provider, which}) % carriers.size()];
  return {networks_.AddressV4(carrier, Key({kVpn, provider, which, 2}), choice % (4 * kVpnHosts), 24), carrier};
}

double Sources::VpnShareAt(const Account& a, Micros at) const {
  if (a.vpn_spell_cycle_days == 0) return a.vpn_share;
  const int64_t cycle = a.vpn_spell_cycle_days;
  const int64_t position = (at / kDay + static_cast<int64_t>(a.key % 1'013)) % cycle;
  return position < a.vpn_spell_days ? 0.2 + 0.7 * static_cast<double>(a.key % 64) / 64 : 0;
}

Source Sources::Vpn(const Account& a, Micros at, Random* random) const {
  // Which exit, changes every few hours.
  const uint64_t slot = Key({a.key, kVpn, static_cast<uint64_t>(at / (3 * kHour))});
  if (a.vpn_at_home && random->Chance(0.9)) return VpnExitIn(a.country, a.vpn_provider, slot >> 30);
  // One to four favourite countries.
  const uint64_t favourites = 1 + a.key % 4;
  const uint64_t exit = Key({a.key, kVpn, slot % favourites}) % kVpnCountries;
  return VpnExit(a.vpn_provider, exit + kVpnCountries * ((slot >> 30) % kVpnHosts));
}

Source Sources::Anywhere(CountryIndex country, Role role, Random* random) const {
  const std::vector<int>& carriers = networks_.carriers(country, role);
  const int carrier = carriers[random->Zipf(carriers.size())];
  if (role == Role::kMobile) return CarrierNat(carrier, random->Next());
  const uint64_t area = Key({kArea, static_cast<uint64_t>(carrier), random->Below(kHomeAreas)});
  return {networks_.AddressV4(carrier, area, random->Next()), carrier};
}

Source Sources::Abroad(const Account& a, const Trip& trip, Micros at, Random* random) const {
  if (a.phone && random->Chance(0.5)) {
    // The home carrier's roaming leads home again; a local card doesn't.
    if (trip.key % 100 < 45) return Mobile(a, at, random);
    const std::vector<int>& carriers = networks_.carriers(trip.country, Role::kMobile);
    const Micros slot_length = 90 * kMinute;
    return CarrierNat(carriers[trip.key % carriers.size()],
                      Key({a.key, kHotel, static_cast<uint64_t>(at / slot_length)}));
  }
  // A hotel, for two days or the whole leg; now and then a café, a friend's, an airport.
  const bool elsewhere = random->Chance(0.08);
  Random place(Key({trip.key, kHotel, static_cast<uint64_t>(trip.leg),
                    elsewhere ? random->Below(5) + 100 : static_cast<uint64_t>(at / kDay / 2)}));
  return Anywhere(trip.country, Role::kResidential, &place);
}

Source Sources::Of(const Account& a, Micros at, Random* random) const {
  if (a.kind == Kind::kTeamAbroad) {
    CountryIndex country;
    return TeamPlace(a, static_cast<int>(random->Below(static_cast<uint64_t>(a.places))), &country);
  }
  if (a.kind == Kind::kAppSender || a.kind == Kind::kNewsletter) {
    return a.key % 100 < 55 ? Office(a) : Server(a, at);
  }
  if (a.cloud_share > 0 && random->Chance(a.cloud_share)) return Cloud(a, random);
  const double vpn_share = VpnShareAt(a, at);
  if (vpn_share > 0 && random->Chance(vpn_share)) return Vpn(a, at, random);
  const std::optional<Trip> trip = TripAt(a, at);
  if (trip) {
    // The computer at home stays on in some homes, and goes on asking for mail.
    const bool left_on = a.computers > 0 && trip->key % 7 == 0;
    if (!left_on || random->Chance(0.6)) return Abroad(a, *trip, at, random);
  }
  if (a.phone && (a.computers == 0 || random->Chance(0.45))) {
    // The phone is on the home's network, too, half of the time.
    if (a.computers > 0 && random->Chance(0.5)) return a.business ? Office(a) : Home(a, at, random);
    return Mobile(a, at, random);
  }
  if (a.business && !random->Chance(0.1)) return Office(a);
  return Home(a, at, random);
}

}  // namespace sekisho::simulate
