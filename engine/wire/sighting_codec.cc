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

constexpr size_t kHashBytes = 16;
constexpr uint32_t kRiskMax = 100;

absl::Status Wrong(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("sighting", std::string(field), ": ", std::string(what)));
}

}  // namespace

std::string SightingKey(const Sighting& sighting) { return BytesOf(sighting.network); }

std::string EncodeSighting(const Sighting& sighting) {
  v1::Sighting out;
  out.set_partition(static_cast<uint32_t>(sighting.partition.value));
  out.set_offset(sighting.place.offset.value);
  out.set_k(sighting.place.k);
  out.set_network(BytesOf(sighting.network));
  out.set_prefix_bits(sighting.prefix_bits);
  out.set_account_id(BytesOf(sighting.account.hash));
  out.set_kind(static_cast<v1::SightingKind>(sighting.kind));
  out.set_time_ms(sighting.time.millis());
  out.set_risk(static_cast<uint32_t>(sighting.risk));
  return out.SerializeAsString();
}

absl::StatusOr<Sighting> DecodeSighting(std::string_view bytes) {
  v1::Sighting in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Wrong("", "not a sekisho.v1.Sighting");
  if (in.entity_case() != v1::Sighting::kNetwork) {
    return absl::UnimplementedError("sighting.entity: absent, or of a kind that this version does not know");
  }
  Sighting out;
  switch (in.kind()) {
    case v1::SIGHTING_KIND_USED: out.kind = SightingKind::kUsed; break;
    case v1::SIGHTING_KIND_SUSPECTED: out.kind = SightingKind::kSuspected; break;
    case v1::SIGHTING_KIND_SUSPENDED: out.kind = SightingKind::kSuspended; break;
    default: return absl::UnimplementedError("sighting.kind: absent, or one that this version does not know");
  }
  if (in.partition() > INT32_MAX) return Wrong(".partition", "no partition");
  if (in.offset() < 0) return Wrong(".offset", "negative");
  if (in.account_id().size() != kHashBytes) return Wrong(".account_id", "not 16 bytes");
  if (in.time_ms() <= 0 || in.time_ms() > kTimeMsMax) return Wrong(".time_ms", "not within the years 1970 to 9999");
  const std::optional<IpAddress> address = in.network().empty() ? std::nullopt : AddressFromBytes(in.network());
  const std::optional<IpNetwork> network =
      address && in.prefix_bits() <= 128 ? IpNetwork::Of(*address, static_cast<int>(in.prefix_bits())) : std::nullopt;
  if (!network) return Wrong(".network", "no network");
  out.partition = PartitionId{static_cast<int32_t>(in.partition())};
  out.place = {Offset{in.offset()}, in.k()};
  out.network = network->first();
  out.prefix_bits = static_cast<uint8_t>(network->prefix_bits());
  out.account = AccountId{HashFromBytes(in.account_id())};
  out.time = EventTime::FromMillis(in.time_ms());
  out.risk = static_cast<int32_t>(std::min(in.risk(), kRiskMax));
  return out;
}

}  // namespace sekisho::wire
