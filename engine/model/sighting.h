// What account shards tell of the networks that accounts are used from, so that entity shards can judge them.
#ifndef SEKISHO_ENGINE_MODEL_SIGHTING_H_
#define SEKISHO_ENGINE_MODEL_SIGHTING_H_

#include <compare>
#include <cstdint>

#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho {

// Pinned: stored and published. Append only.
enum class SightingKind : uint8_t {
  kUsed = 1,       // an account in good standing used the network
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
  IpAddress network;        // first address
  uint8_t prefix_bits = 0;  // as in CIDR notation
  AccountId account;
  SightingKind kind = SightingKind::kUsed;
  EventTime time;
  int32_t risk = 0;  // [0, 100]
};

// The network of a source that is judged as one: an IPv4 /24, an IPv6 /48, as IpAddress::network_key.
inline int SourceNetworkBits(const IpAddress& ip) { return ip.is_v4() ? 24 : 48; }
inline IpAddress SourceNetwork(const IpAddress& ip) { return ip.Masked(ip.is_v4() ? 120 : 48); }

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_SIGHTING_H_
