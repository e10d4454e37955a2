// A day in the life of an account's owner: reading, sending, mailings, forgotten passwords.
#ifndef SEKISHO_ENGINE_SIMULATE_HABITS_H_
#define SEKISHO_ENGINE_SIMULATE_HABITS_H_

#include "engine/simulate/mail_writer.h"
#include "engine/simulate/sources.h"

namespace sekisho::simulate {

// How the receiving side answers, as shares of recipients.
struct Reception {
  double trouble = 0;     // bounced for good
  double refused = 0.25;  // of those: as spam or by policy, instead of unknown, full, no such host
  double throttled = 0.003;
  double greylisted = 0.012;
};
Fate DrawFate(const Reception& reception, Random* random);

// Thread-compatible.
class Habits {
 public:
  Habits(const Population& population, const Sources& sources, MailWriter* writer)
      : population_(population), sources_(sources), writer_(writer) {}

  // All that the owner does in [day_start, day_start + 24 h).
  void Day(const Account& account, Micros day_start);

  // An envelope of the account as its owner's program makes it; recipients are the caller's.
  static Envelope MakeEnvelope(const Account& account, Micros at, Random* random);

 private:
  void Read(const Account& account, Micros at, Random* random);
  void Mailbox(const Account& account, Micros day_start, Random* random);
  void Forgotten(const Account& account, Micros day_start, Random* random);
  void Letters(const Account& account, Micros day_start, Random* random);
  void Letter(const Account& account, Micros at, Random* random);
  // Whom the next letter goes to. `fresh`: never written to before.
  static uint64_t PickCorrespondent(const Account& account, Micros at, Random* random, bool* fresh);
  void Mailing(const Account& account, Micros day_start, Random* random);
  // The bills of an office, around the end of each month.
  void Bills(const Account& account, Micros day_start, Random* random);
  // A machine that finds something wrong, and says so again and again.
  void Alarms(const Account& account, Micros day_start, Random* random);
  // One large mailing that isn't habit: a wedding, a move, the end of a month.
  void OneOff(const Account& account, Micros day_start, Random* random);
  // Sends to `recipients` (numbers of correspondents) in messages of at most `per_message`.
  void SendBatch(const Account& account, Micros at, const std::vector<uint64_t>& recipients,
                 uint32_t per_message, double seconds_between, const Reception& reception, Random* random);

  const Population& population_;
  const Sources& sources_;
  MailWriter* writer_;
};

// A time of the day by the rhythm of somebody `offset_minutes` east of UTC, never in the day's first three
// seconds (a few lines precede their event).
Micros DrawTime(Rhythm rhythm, int offset_minutes, Micros day_start, Random* random);
// Whether it is Saturday or Sunday there at noon of that UTC day.
bool IsWeekend(Micros day_start);

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_HABITS_H_
