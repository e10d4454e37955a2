#include "engine/model/entity_bytes.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace sekisho {
namespace {

constexpr uint64_t kIpv4 = 4, kIpv6 = 6, kDomain = 16, kCampaign = 17;

}  // namespace

void PutEntity(const Entity& entity, ByteWriter* out) {
  if (entity.kind != EntityKind::kNetwork) {
    out->PutVarint(entity.kind == EntityKind::kDomain ? kDomain : kCampaign);
    out->PutFixed64(entity.key.high);
    out->PutFixed64(entity.key.low);
  } else if (entity.network.is_v4()) {
    out->PutVarint(kIpv4);
    out->PutFixed32(entity.network.v4());
  } else {
    out->PutVarint(kIpv6);
    out->PutBytes({reinterpret_cast<const char*>(entity.network.bytes().data()), entity.network.bytes().size()});
  }
}

Entity TakeEntity(ByteReader* in) {
  Entity entity;
  const uint64_t form = in->Varint();
  if (form == kDomain || form == kCampaign) {
    entity.kind = form == kDomain ? EntityKind::kDomain : EntityKind::kCampaign;
    entity.key.high = in->Fixed64();
    entity.key.low = in->Fixed64();
  } else if (form == kIpv4) {
    entity.network = IpAddress::FromV4(in->Fixed32());
  } else if (form == kIpv6) {
    const std::string_view bytes = in->Bytes();
    std::array<uint8_t, 16> address{};
    if (bytes.size() != address.size()) in->Fail();
    std::copy_n(bytes.begin(), std::min(bytes.size(), address.size()), reinterpret_cast<char*>(address.data()));
    entity.network = IpAddress::FromBytes(address);
    // Each name has one spelling.
    if (entity.network.is_v4()) in->Fail();
  } else {
    in->Fail();
  }
  return entity;
}

}  // namespace sekisho
