// What account shards tell of the networks that accounts are used from, of their customer domains, and of campaigns, so that
// entity shards can judge them.
#ifndef SEKISHO_ENGINE_MODEL_SIGHTING_H_
#define SEKISHO_ENGINE_MODEL_SIGHTING_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho {

// What is judged. Pinned: stored and published. Append only.
enum class EntityKind : uint8_t {
  kNetwork = 1,   // of sources
  kDomain = 2,    // of accounts
  kCampaign = 3,  // messages of one pattern, sent by strays of whatever account
};
inline constexpr size_t kEntityKinds = 3;

// The name of what is judged.
struct Entity {
  EntityKind kind = EntityKind::kNetwork;
  IpAddress network = {};  // of kNetwork: its first address
  Hash128 key = {};        // of the others: the pinned hash of the domain, the campaign's pattern
  auto operator<=>(const Entity&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Entity& e) {
    return H::combine(std::move(h), e.kind, e.network, e.key);
  }
};

// Of networks, "use" is any use. A domain is used by its accounts, wherever from; turned is an account that strays sent from with
// signals that other accounts' fates have no part in. A campaign is used by strays alone.
// Pinned: stored and published. Append only.
enum class SightingKind : uint8_t {
  kUsed = 1,       // an account in good standing used it
  kSuspected = 2,  // signals fired over a stray use
  kSuspended = 3,  // the account was suspended over its use, or was used by a stray while suspended
};

// Where a sighting comes from. Those of one partition are told in this order, but for repeats.
struct SightingPlace {
  Offset offset;   // of the record that led to it
  uint32_t k = 0;  // among the sightings of that record, from 0
  auto operator<=>(const SightingPlace&) const = default;
};

struct Sighting {
  PartitionId partition;  // of the account shard
  SightingPlace place;
  // The source's: first address; unspecified where a domain's or campaign's sighting has none.
  IpAddress network;
  uint8_t prefix_bits = 0;  // as in CIDR notation
  AccountId account;
  SightingKind kind = SightingKind::kUsed;
  EventTime time;
  int32_t risk = 0;  // [0, 100]
  // What the sighting is of, and its key if it isn't the network.
  EntityKind entity = EntityKind::kNetwork;
  Hash128 key = {};
  Entity of() const { return entity == EntityKind::kNetwork ? Entity{entity, network, {}} : Entity{entity, {}, key}; }
};

// The network of a source that is judged as one: an IPv4 /24, an IPv6 /48, as IpAddress::network_key.
inline int SourceNetworkBits(const IpAddress& ip) { return ip.is_v4() ? 24 : 48; }
inline IpAddress SourceNetwork(const IpAddress& ip) { return ip.Masked(ip.is_v4() ? 120 : 48); }
inline Entity NetworkOf(const IpAddress& ip) { return {EntityKind::kNetwork, SourceNetwork(ip), {}}; }

// Of a canonical login; without a domain, no key: zero.
inline Hash128 DomainKey(std::string_view login) {
  const size_t at = login.rfind('@');
  return at == std::string_view::npos ? Hash128() : PinnedHash128(login.substr(at + 1));
}
inline Entity DomainOf(std::string_view login) { return {EntityKind::kDomain, {}, DomainKey(login)}; }
inline Entity CampaignOf(uint64_t pattern) { return {EntityKind::kCampaign, {}, {0, pattern}}; }

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_SIGHTING_H_
