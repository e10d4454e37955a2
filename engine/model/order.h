// What may change a decision besides events: an operator's orders, and what entity shards think of sources. Both stand as
// records in the partitions of the accounts they are about, so that a shard stays a fold of one log.
#ifndef SEKISHO_ENGINE_MODEL_ORDER_H_
#define SEKISHO_ENGINE_MODEL_ORDER_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"
#include "engine/model/sighting.h"

namespace sekisho {

// From here on, decide by this policy.
struct PolicyActivation {
  std::string version;  // of the text, as the program that validated it computed it
  std::string yaml;  // the full text
};

// An operator lets an account go.
struct AccountRelease {
  std::string account;         // canonical login
  std::string reason;
  Span grace;                  // signals seen within [time, time + grace) do not suspend again...
  bool relapse_guard = false;  // ...unless the same pattern returns
};

// Whom an exception is for.
struct Subject {
  enum class Kind : uint8_t { kAccount = 1, kNetwork = 2, kAsn = 3, kDomain = 4 };
  Kind kind = Kind::kAccount;
  std::string name;       // account, or the accounts' domain
  IpAddress network;      // first address
  uint8_t prefix_bits = 0;  // of `network`: [0, 32] for IPv4, [0, 128] for IPv6
  uint32_t asn = 0;
  auto operator<=>(const Subject&) const = default;
};

// Allow: never enforce anything against the account, or take the network's sources for the owner's. Deny: treat the
// subject as judged bad. One subject has one exception: a later order takes an earlier one's place.
struct Exception {
  bool allow = true;
  Subject subject;
  std::string owner;    // who answers for it
  std::string reason;
  EventTime expires;    // Never(): until taken back
  bool withdraw = false;  // takes an earlier one back
};

// Its signature has been found good.
struct Order {
  EventTime time;           // at which it was given
  std::string operator_name;
  uint64_t nonce = 0;       // two orders never share one
  std::variant<PolicyActivation, AccountRelease, Exception> what;
};

// What an entity shard thinks of one source network, customer domain or campaign.
struct Judgement {
  IpAddress network;        // first address; of others unspecified
  uint8_t prefix_bits = 0;
  int32_t score_milli = 0;  // lower confidence bound of bad / (bad + good) accounts, in thousandths
  uint32_t bad_accounts = 0, good_accounts = 0;
  EventTime expires;
  EntityKind entity = EntityKind::kNetwork;
  Hash128 key = {};  // of a domain or campaign, see Entity
  Entity of() const { return entity == EntityKind::kNetwork ? Entity{entity, network, {}} : Entity{entity, {}, key}; }
};

// All that one entity shard judged at one tick.
struct JudgementBatch {
  PartitionId partition;  // of the entity shard
  Offset offset;          // its record that closed the tick: a batch seen before is dropped
  EventTime time;
  std::vector<Judgement> judgements;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_ORDER_H_
