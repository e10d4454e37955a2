// Who has an account, and what their habits are. An account is a function of (seed, number): it can be made
// again at any time, so no habit is stored, however large the population.
#ifndef SEKISHO_ENGINE_SIMULATE_POPULATION_H_
#define SEKISHO_ENGINE_SIMULATE_POPULATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/simulate/names.h"
#include "engine/simulate/networks.h"
#include "engine/simulate/random.h"
#include "engine/simulate/simulate.h"

namespace sekisho::simulate {

// So many VPN services there are, the first the greatest.
inline constexpr uint64_t kVpnProviders = 6;

// Which hours somebody is active: a weight for each local hour.
enum class Rhythm : uint8_t { kPrivate, kWork, kMachine };

struct Company {
  uint64_t key = 0;
  CountryIndex country = 0;
  std::string domain;
  uint32_t first_rank = 0;  // its members are [first_rank, first_rank + size) among business accounts
  uint32_t size = 0;
  int carrier = 0;  // of the office
};

// How one sender's messages look on the wire.
struct Mailer {
  uint32_t message_id_style = 0;
  bool port465 = false;
  bool login_method = false;   // SASL LOGIN instead of PLAIN
  bool second_server = false;  // submission-2
  double size_median = 0;      // bytes
  double size_sigma = 0;
};

struct Account {
  uint32_t index = 0;
  uint64_t key = 0;
  Kind kind = Kind::kHome;
  std::string login;  // local part and domain
  std::string domain;
  bool business = false;
  Company company;  // of a business account
  CountryIndex country = 0;
  Rhythm rhythm = Rhythm::kPrivate;

  // Devices and ways in.
  int computers = 0;
  bool phone = false;
  double mailbox_logins = 0;  // per day, all devices
  double webmail_share = 0;   // of its sessions and messages
  bool pop3 = false;
  int home_contract_days = 0;    // after so many days the home changes its carrier, and moves
  int mobile_contract_days = 0;  // and the phone its carrier
  bool home_nat = false;         // the home's carrier shares its addresses among its customers
  int lease_days = 0;            // of the home's address
  double v6_share = 0;           // of the connections that go over IPv6
  double vpn_share = 0;          // of the connections that go through a VPN
  uint32_t vpn_provider = 0;
  bool vpn_at_home = false;  // mostly through exits in the own country
  // Who has a VPN for some days only (a hotel, a free month) has it `vpn_spell_days` of every
  // `vpn_spell_cycle_days`; 0: never.
  int vpn_spell_cycle_days = 0;
  int vpn_spell_days = 0;
  double cloud_share = 0;  // of the connections that a mail client's cloud or a fetcher makes
  int cloud_carrier = 0;
  int trip_cycle_days = 0;  // one trip in so many days; 0: never
  int trip_days = 0;
  int places = 1;  // of a team: countries in which it works at once

  // Sending.
  double messages_per_day = 0;  // on a usual working day
  double recipients_mean = 0;   // further recipients of one message, beyond the first
  uint32_t book_size = 1;       // correspondents known when the run begins
  double novelty = 0;           // share of recipients never written to before
  double foreign_share = 0;     // of correspondents
  double big_share = 0;         // of correspondents, with a large provider of the own country
  double local_share = 0;       // of correspondents, with this very service
  double trouble = 0;           // share of recipients that bounce for good
  bool alias_sender = false;    // sends under another address than the login
  Mailer mailer;

  // Mailings: a list of `list_size` members, mailed every `mailing_cycle_days`; 0: none.
  uint32_t list_size = 0;
  int mailing_cycle_days = 0;
  uint32_t per_message = 1;  // recipients in one message of a mailing
  uint32_t customers = 0;    // who get a bill each around the end of the month, a message for each
  bool alarms = false;       // a machine that may write hundreds of messages in an hour, to the same few
};

// How messages of one program look; for owners and thieves alike.
Mailer DrawMailer(Random* random);

// A correspondent of an account.
struct Correspondent {
  std::string address;
  std::string domain;
  bool local = false;  // a mailbox of this service
  CountryIndex country = 0;
};

// Read-only after construction, thread-safe.
class Population {
 public:
  Population(const SimulateOptions& options, const Networks& networks);

  uint32_t size() const { return options_.accounts; }
  Account Make(uint32_t index) const;
  // Only the login and its domain: cheaper than Make.
  std::string LoginOf(uint32_t index, std::string* domain) const;
  bool IsBusiness(uint32_t index) const;
  // Of the company that business account `index` belongs to.
  Company CompanyOf(uint32_t index) const;

  // Correspondent number `n` of an account; [0, book_size) are known from the start. `day` numbers and the
  // like may be folded into `n` beyond book_size to get people never written to before.
  Correspondent MakeCorrespondent(const Account& account, uint64_t n) const;
  // Somebody with an address in that country: with a large provider there, or at a company.
  Correspondent MakeStranger(CountryIndex country, double big_share, uint64_t key) const;
  // Somebody with a mailbox at this service.
  Correspondent MakeLocal(uint64_t key) const;

  const Networks& networks() const { return networks_; }
  // A country other than `home`, the frequent partners and destinations more often.
  CountryIndex ForeignCountry(CountryIndex home, uint64_t key) const;

 private:
  Kind KindOf(uint32_t index, uint64_t key) const;
  void FillSources(Account* account, Random* random) const;
  void FillSending(Account* account, Random* random) const;

  const SimulateOptions& options_;
  const Networks& networks_;
  double business_share_ = 0;
  std::array<double, kKindCount> private_weights_{};
  std::array<double, kKindCount> business_weights_{};
  std::vector<CountryIndex> owner_countries_;
  std::vector<double> owner_weights_;
};

// Weight of each local hour, working day or not.
double HourWeight(Rhythm rhythm, int local_hour, bool weekend);

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_POPULATION_H_
