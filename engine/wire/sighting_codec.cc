#include "engine/wire/sighting_codec.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/ip.h"
#include "engine/wire/address.h"
#include "engine/wire/bytes_of_hash.h"
#include "engine/wire/event_codec.h"
#include "sekisho/v1/sighting.pb.h"

namespace sekisho::wire {
namespace {

constexpr uint32_t kRiskMax = 100;

absl::Status WrongSighting(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("sighting", std::string(field), ": ", std::string(what)));
}

}  // namespace

std::string SightingKey(const Sighting& sighting) {
  return sighting.entity == EntityKind::kNetwork ? BytesOf(sighting.network) : BytesOf(sighting.key);
}

std::string EncodeSighting(const Sighting& sighting) {
  v1::Sighting out;
  out.set_partition(static_cast<uint32_t>(sighting.partition.value));
  out.set_offset(sighting.place.offset.value);
  out.set_k(sighting.place.k);
  const std::string network = BytesOf(sighting.network);
  switch (sighting.entity) {
    case EntityKind::kNetwork: out.set_network(network); break;
    case EntityKind::kDomain: out.set_domain_id(BytesOf(sighting.key)); break;
    case EntityKind::kCampaign: out.set_campaign(BytesOf(sighting.key)); break;
  }
  if (sighting.entity != EntityKind::kNetwork && !sighting.network.unspecified()) out.set_source_network(network);
  out.set_prefix_bits(sighting.prefix_bits);
  out.set_account_id(BytesOf(sighting.account.hash));
  out.set_kind(static_cast<v1::SightingKind>(sighting.kind));
  out.set_time_ms(sighting.time.millis());
  out.set_risk(static_cast<uint32_t>(sighting.risk));
  return out.SerializeAsString();
}

absl::StatusOr<Sighting> DecodeSighting(std::string_view bytes) {
  v1::Sighting in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return WrongSighting("", "not a sekisho.v1.Sighting");
  Sighting out;
  const std::string* key = nullptr;
  switch (in.entity_case()) {
    case v1::Sighting::kNetwork: out.entity = EntityKind::kNetwork; break;
    case v1::Sighting::kDomainId:
      out.entity = EntityKind::kDomain;
      key = &in.domain_id();
      break;
    case v1::Sighting::kCampaign:
      out.entity = EntityKind::kCampaign;
      key = &in.campaign();
      break;
    default: return absl::UnimplementedError("sighting.entity: absent, or of a kind that this version does not know");
  }
  switch (in.kind()) {
    case v1::SIGHTING_KIND_USED: out.kind = SightingKind::kUsed; break;
    case v1::SIGHTING_KIND_SUSPECTED: out.kind = SightingKind::kSuspected; break;
    case v1::SIGHTING_KIND_SUSPENDED: out.kind = SightingKind::kSuspended; break;
    default: return absl::UnimplementedError("sighting.kind: absent, or one that this version does not know");
  }
  if (in.partition() > INT32_MAX) return WrongSighting(".partition", "no partition");
  if (in.offset() < 0) return WrongSighting(".offset", "negative");
  if (in.account_id().size() != kHashBytes) return WrongSighting(".account_id", "not 16 bytes");
  if (in.time_ms() <= 0 || in.time_ms() > kTimeMsMax) return WrongSighting(".time_ms", "not within the years 1970 to 9999");
  if (key != nullptr && key->size() != kHashBytes) return WrongSighting(".entity", "not 16 bytes");
  if (key != nullptr) out.key = HashFromBytes(*key);
  const std::string& bytes_of_network = key == nullptr ? in.network() : in.source_network();
  const std::optional<IpAddress> address = bytes_of_network.empty() ? std::nullopt : AddressFromBytes(bytes_of_network);
  const std::optional<IpNetwork> network =
      address && in.prefix_bits() <= 128 ? IpNetwork::Of(*address, static_cast<int>(in.prefix_bits())) : std::nullopt;
  if (!network && (key == nullptr || !bytes_of_network.empty())) return WrongSighting(".network", "no network");
  out.partition = PartitionId{static_cast<int32_t>(in.partition())};
  out.place = {Offset{in.offset()}, in.k()};
  if (network) {
    out.network = network->first();
    out.prefix_bits = static_cast<uint8_t>(network->prefix_bits());
  }
  out.account = AccountId{HashFromBytes(in.account_id())};
  out.time = EventTime::FromMillis(in.time_ms());
  out.risk = static_cast<int32_t>(std::min(in.risk(), kRiskMax));
  return out;
}

}  // namespace sekisho::wire
