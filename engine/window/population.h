// What holds for all accounts of a shard together: the countries they are first seen in, read only for accounts too young
// to have a habit of their own, and the operators' exceptions. Part of the fold's state: changed by records alone.
#ifndef SEKISHO_ENGINE_WINDOW_POPULATION_H_
#define SEKISHO_ENGINE_WINDOW_POPULATION_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/window/exceptions.h"
#include "engine/window/judgements.h"
#include "engine/window/source_classes.h"

namespace sekisho {

class Population {
 public:
  // An account was first seen in this country (0: unknown, not counted).
  void AddAccount(uint16_t country);

  // At least one account in ten is first seen there, of at least kAccountsMin; or the policy names it.
  bool Home(uint16_t country) const;

  // From the policy, in any order; they are home whatever the counts.
  void SetHomeCountries(std::vector<uint16_t> countries) { named_ = std::move(countries); }

  // What the policy's file allows; it outlives this object or the next call. Null: nothing.
  void SetAllowed(const Exceptions* allowed) { allowed_ = allowed; }

  // An operator says that this source is the owner's, whosoever's: it is never stray. An order comes before the policy.
  bool Trusts(const IpAddress& ip, const Place& place, EventTime at) const {
    if (const Ruling ordered = exceptions.OfSource(ip, place, at); ordered != Ruling::kNone) return ordered == Ruling::kAllowed;
    return allowed_ != nullptr && allowed_->OfSource(ip, place, at) == Ruling::kAllowed;
  }
  // An operator says that nothing is to be enforced against this account. An order comes before the policy.
  bool Spares(std::string_view login, EventTime at) const {
    if (const Ruling ordered = exceptions.OfAccount(login, at); ordered != Ruling::kNone) return ordered == Ruling::kAllowed;
    return allowed_ != nullptr && allowed_->OfAccount(login, at) == Ruling::kAllowed;
  }
  Exceptions exceptions;  // of orders
  // From the policy.
  SourceClasses source_classes;
  // What entity shards think of source networks.
  Judgements judgements;

  // The time of the shard's first event. For some hours from it, "new" means only that the log has just begun: a team in
  // three countries hasn't read its mail from each yet.
  EventTime log_began;
  bool LogYoung(EventTime at) const { return log_began.never() || at - log_began < kLogYoung; }
  static constexpr Span kLogYoung = Span::Hours(8);
  // From here on, an account that is seen for the first time wasn't used for a while, or is a new customer's.
  bool LogSettled(EventTime at) const { return !log_began.never() && at - log_began >= kLogSettled; }
  static constexpr Span kLogSettled = Span::Days(7);

  static constexpr uint64_t kAccountsMin = 20;

  void Encode(ByteWriter* out) const;  // without the policy's countries and classes, and without exceptions and judgements
  bool Decode(ByteReader* in);

 private:
  struct Count {
    uint16_t country;
    uint64_t accounts;
  };
  std::vector<Count> counts_;  // in order of first appearance; at most one entry a country
  uint64_t total_ = 0;
  std::vector<uint16_t> named_;
  const Exceptions* allowed_ = nullptr;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_POPULATION_H_
