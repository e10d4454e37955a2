// Where a connection comes from: which address an owner has at a time, at home, on the move, abroad, behind a
// VPN. Functions of (account, time), so nothing is stored between days.
#ifndef SEKISHO_ENGINE_SIMULATE_SOURCES_H_
#define SEKISHO_ENGINE_SIMULATE_SOURCES_H_

#include <optional>

#include "engine/simulate/lines.h"
#include "engine/simulate/population.h"

namespace sekisho::simulate {

// A stay abroad.
struct Trip {
  uint64_t key = 0;  // of the whole trip
  int leg = 0;       // one country after another
  CountryIndex country = 0;
};

class Sources {
 public:
  explicit Sources(const Networks& networks, const Population& population)
      : networks_(networks), population_(population) {}

  // Where the owner, or a program that acts for the owner, connects from at that time. `random` decides what
  // isn't settled by account and time: which device, which of two protocols, VPN or not.
  Source Of(const Account& account, Micros at, Random* random) const;

  std::optional<Trip> TripAt(const Account& account, Micros at) const;

  Source Home(const Account& account, Micros at, Random* random) const;
  Source Mobile(const Account& account, Micros at, Random* random) const;
  Source Office(const Account& account) const;
  // A rented server that sends for this account; moves every some hundred days.
  Source Server(const Account& account, Micros at) const;
  // Member place `place` of a team; 0 is the office.
  Source TeamPlace(const Account& account, int place, CountryIndex* country) const;
  Source Cloud(const Account& account, Random* random) const;
  // An exit of a VPN service in one of the countries it serves.
  Source VpnExit(uint32_t provider, uint64_t choice) const;
  // The same in that country.
  Source VpnExitIn(CountryIndex country, uint32_t provider, uint64_t choice) const;

  // One of the shared addresses of a mobile carrier's NAT.
  Source CarrierNat(int carrier, uint64_t choice) const;
  // Any address of a random carrier of that role in a country.
  Source Anywhere(CountryIndex country, Role role, Random* random) const;

 private:
  // Whose customer the owner is at that time: contracts are changed after months or years.
  int CarrierAt(const Account& account, Role role, int contract_days, Micros at, uint64_t* contract) const;
  // How much of the owner's connections go through a VPN at that time.
  double VpnShareAt(const Account& account, Micros at) const;
  Source Vpn(const Account& account, Micros at, Random* random) const;
  Source Abroad(const Account& account, const Trip& trip, Micros at, Random* random) const;

  const Networks& networks_;
  const Population& population_;
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_SOURCES_H_
