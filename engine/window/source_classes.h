// What kind of network a source is in: a home's, a phone carrier's, a hoster's, and so on. From a list of networks and AS
// numbers that the policy gives; what it doesn't name is unknown, and nothing is concluded from that.
#ifndef SEKISHO_ENGINE_WINDOW_SOURCE_CLASSES_H_
#define SEKISHO_ENGINE_WINDOW_SOURCE_CLASSES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/ip.h"
#include "engine/model/event.h"

namespace sekisho {

// Pinned: stored. Append only.
enum class SourceClass : uint8_t {
  kUnknown = 0,
  kResidential = 1,
  kCarrier = 2,  // phones, many behind one address
  kHosting = 3,
  kFetcher = 4,  // a provider's servers that fetch and send mail for people
  kVpn = 5,
  kTor = 6,
  kOwn = 7,      // the operator's own: says nothing of where somebody is
};
inline constexpr int kSourceClasses = 8;
// "unknown", "residential", "carrier", "hosting", "fetcher", "vpn", "tor", "own".
std::string_view Name(SourceClass source_class);

// Where somebody sits can be told from the country of such a source. Exits and fetchers stand where their operators like, and
// a roaming phone appears at home.
constexpr bool TellsPlace(SourceClass c) {
  return c == SourceClass::kUnknown || c == SourceClass::kResidential || c == SourceClass::kHosting;
}

// Thread-compatible; a value.
class SourceClasses {
 public:
  // In one class. Each is in memory of each policy, and its text in every snapshot's marker.
  static constexpr size_t kWordsMax = 1000;

  // Lists of well-known operators.
  static SourceClasses Default();

  // The class's networks ("192.0.2.0/24", "2001:db8::/32", "192.0.2.1") and AS numbers ("AS64500"), in place of those it had.
  // "", or what is wrong; nothing is changed then.
  std::string Set(SourceClass source_class, const std::vector<std::string>& words);
  const std::vector<std::string>& words(SourceClass source_class) const { return words_[static_cast<size_t>(source_class)]; }

  // The longest network's that holds the address, else the AS number's. Of one network or AS number in two classes the later
  // class in the order of SourceClass counts.
  SourceClass Of(const IpAddress& ip, const Place& place) const;

 private:
  void Index();

  std::array<std::vector<std::string>, kSourceClasses> words_;
  std::vector<std::pair<uint32_t, SourceClass>> asns_;  // ordered
  // By prefix length in bits of the 16 bytes, the longest first.
  std::map<int, std::map<IpAddress, SourceClass>, std::greater<int>> networks_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_SOURCE_CLASSES_H_
