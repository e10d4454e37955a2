// Operators' exceptions, by account, domain of accounts, source network and AS number. Part of the fold's state: changed by
// orders in the log alone, and expiring in event time.
#ifndef SEKISHO_ENGINE_WINDOW_EXCEPTIONS_H_
#define SEKISHO_ENGINE_WINDOW_EXCEPTIONS_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/model/order.h"

namespace sekisho {

// Of one partition; those for networks, AS numbers and domains stand in each. About 150 B each in memory and 30 B in every
// snapshot's marker, which is written each second: an exception is for what can't be said in the policy, not a list of
// customers.
inline constexpr size_t kExceptionsMax = 10'000;

enum class Ruling : uint8_t { kNone = 0, kAllowed = 1, kDenied = 2 };

// Thread-compatible.
class Exceptions {
 public:
  explicit Exceptions(size_t most = kExceptionsMax) : most_(most) {}

  enum class Outcome : uint8_t {
    kDone,
    kNothing,  // to be taken back, but not there
    kFull,     // `most` others stand, none of them expired at `now`
  };
  Outcome Apply(const Exception& exception, EventTime now);

  // The account's own, else its domain's ("a@d": "d").
  Ruling OfAccount(std::string_view login, EventTime at) const;
  // The longest network's that holds the address and has not expired, else the AS number's.
  Ruling OfSource(const IpAddress& ip, const Place& place, EventTime at) const;

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  void Encode(ByteWriter* out) const;
  bool Decode(ByteReader* in);

 private:
  struct Entry {
    bool allow = true;
    EventTime expires;
  };
  // With networks' prefixes in bits of the 16 bytes, and without host bits.
  using Entries = std::map<Subject, Entry>;
  static Subject Normal(const Subject& subject);
  void Put(Subject subject, Entry entry);
  Entries::iterator Drop(Entries::iterator entry);
  Ruling Find(const Subject& subject, EventTime at) const;

  size_t most_;
  Entries entries_;
  std::array<uint32_t, 129> prefixes_{};  // how many networks of each length stand
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_EXCEPTIONS_H_
