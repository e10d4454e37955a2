// What thieves do with the accounts they stole. A plan is drawn once for each stolen account, from wide
// distributions; from it a schedule of messages follows. All of it goes on to its end: nobody stops a thief
// here, so that what escaped by any time can be counted afterwards.
#ifndef SEKISHO_ENGINE_SIMULATE_ATTACKS_H_
#define SEKISHO_ENGINE_SIMULATE_ATTACKS_H_

#include <optional>
#include <vector>

#include "engine/simulate/habits.h"
#include "engine/simulate/mail_writer.h"
#include "engine/simulate/sources.h"
#include "engine/simulate/truth.h"

namespace sekisho::simulate {

// Everything about one theft.
struct Plan {
  Attack attack = Attack::kRotate;
  uint64_t key = 0;        // of this theft; of the whole company's for kCohort
  uint64_t times_key = 0;  // of the schedule; differs within a cohort
  uint64_t gang = 0;       // whose machines they are: several thefts share a gang's
  Micros start = 0;        // of the first message
  Micros length = 0;       // until the last
  double per_minute = 1;
  uint32_t messages_max = 0;
  uint32_t addresses = 1;  // taken in turn
  double uses_mean = 0;    // further messages from one address before the next one's turn
  uint32_t per_connection = 1;
  double recipients_mean = 0;  // further recipients of a message
  bool check_login = false;    // looks into the mailbox once, to try the password
  int watch_days = 0;          // reads the mailbox for so many days before, now and then
  uint32_t waves = 1;          // all of it so many times
  Micros between_waves = 0;    // from one's end to the next one's beginning
  // Of kGuessThenUse: guesses over `guessing`, then a success, then silence until `start`.
  Micros guessing = 0;
  Micros silence = 0;
  bool own_sender = true;      // sends under the account's own name
  Mailer mailer;
  // Who is written to; the rest are strangers abroad.
  double known_share = 0;  // correspondents of the owner
  double local_share = 0;  // mailboxes of this service
  double home_share = 0;   // strangers in the owner's country
  double big_share = 0;    // of strangers, with a large provider
  Reception reception;
};

// Thread-compatible.
class Attacks {
 public:
  Attacks(const SimulateOptions& options, const Population& population, const Sources& sources,
          MailWriter* writer, Truth* truth);

  // The theft of this account, if it is stolen.
  std::optional<Plan> PlanOf(const Account& account) const;

  // All that begins in [day_start, day_start + 24 h).
  void Day(const Account& account, const Plan& plan, Micros day_start);

 private:
  // One message of a schedule.
  struct Shot {
    Micros at = 0;
    uint32_t address = 0;
    uint32_t connection = 0;  // shots of one number share a connection
  };

  std::optional<Attack> AttackOn(const Account& account) const;
  void DrawByKind(Random* random, Plan* plan) const;
  void DrawStart(const Account& account, bool careful, Plan* plan) const;
  std::vector<Shot> Schedule(const Plan& plan) const;
  // One wave of it, from `at` on.
  void Wave(const Plan& plan, Micros at, Random* random, std::vector<Shot>* shots) const;
  Source ThiefSource(const Account& account, const Plan& plan, uint32_t address) const;
  Envelope Spam(const Account& account, const Plan& plan, Micros at, Random* random) const;
  // Looks into the mailbox before the first message.
  void Looks(const Account& account, const Plan& plan, Micros day_start);
  void Guesses(const Account& account, const Plan& plan, Micros day_start);
  void Bulk(const Account& account, const Plan& plan, Micros day_start);

  const SimulateOptions& options_;
  const Population& population_;
  const Sources& sources_;
  MailWriter* writer_;
  Truth* truth_;
  Micros thefts_from_ = 0;
  Micros run_end_ = 0;
  double cohort_chance_ = 0;  // of a company
  double single_chance_ = 0;  // of an account
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_ATTACKS_H_
