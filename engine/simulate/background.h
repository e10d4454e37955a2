// What comes from outside whoever the accounts belong to: mail for them, and password guessing against
// everybody.
#ifndef SEKISHO_ENGINE_SIMULATE_BACKGROUND_H_
#define SEKISHO_ENGINE_SIMULATE_BACKGROUND_H_

#include "engine/simulate/mail_writer.h"
#include "engine/simulate/sources.h"

namespace sekisho::simulate {

// Thread-compatible.
class Background {
 public:
  Background(const SimulateOptions& options, const Population& population, const Sources& sources,
             MailWriter* writer)
      : options_(options), population_(population), sources_(sources), writer_(writer) {}

  void Day(Micros day_start);

 private:
  // One address goes through a list of names.
  void Dictionary(Micros at, Random* random);
  // Many addresses try one existing account, in vain.
  void Targeted(Micros day_start, Random* random);
  void Guess(Micros at, const Source& source, std::string_view login, bool exists, bool by_smtp,
             Random* random);
  void Inbound(Micros day_start, Random* random);

  const SimulateOptions& options_;
  const Population& population_;
  const Sources& sources_;
  MailWriter* writer_;
  uint64_t guesses_left_ = 0;
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_BACKGROUND_H_
