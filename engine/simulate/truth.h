// What really happened: kept for each stolen account while the logs are written, told to the sink day by day.
#ifndef SEKISHO_ENGINE_SIMULATE_TRUTH_H_
#define SEKISHO_ENGINE_SIMULATE_TRUTH_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "engine/simulate/lines.h"
#include "engine/simulate/networks.h"
#include "engine/simulate/simulate.h"

namespace sekisho::simulate {

// Thread-compatible.
class Truth {
 public:
  // The thief of account number `index` did something at that time, or submitted a message.
  void Compromised(uint32_t index, Micros at);
  void Abused(uint32_t index, Micros at, uint32_t recipients, const IpAddress& client, CountryIndex country);

  // Tells the sink the messages recorded since the last call, in the order of time. `login_of` is a function
  // of an account's number.
  template <typename LoginOf>
  absl::Status TellMessages(const LoginOf& login_of, TruthSink* sink) {
    SortRecent();
    for (const Recent& recent : recent_) {
      if (absl::Status status = sink->Abuse(login_of(recent.index), recent.message); !status.ok())
        return status;
    }
    recent_.clear();
    return absl::OkStatus();
  }

  // Fills in what is known of account number `index`.
  void Fill(uint32_t index, AccountTruth* truth) const;
  uint64_t messages() const { return messages_; }

 private:
  struct Recent {
    uint32_t index;
    AbusiveMessage message;
  };
  struct Theft {
    EventTime compromised, first, last;
    uint32_t messages = 0;
    uint64_t recipients = 0;
    absl::btree_set<IpAddress> addresses;
    absl::btree_set<CountryIndex> countries;
  };
  void SortRecent();

  absl::btree_map<uint32_t, Theft> thefts_;
  std::vector<Recent> recent_;
  uint64_t messages_ = 0;
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_TRUTH_H_
