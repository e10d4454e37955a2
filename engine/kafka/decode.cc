#include "engine/kafka/decode.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "engine/wire/sighting_codec.h"

namespace sekisho::kafka {

LogRecord Decoder::Decode(Offset offset, std::string_view bytes) {
  if (used_ == buffers_.size()) buffers_.emplace_back();
  Buffer& buffer = buffers_[used_++];
  LogRecord record;
  record.offset = offset;
  record.bytes = bytes;
  if (role_ == Role::kEntities) {
    const absl::StatusOr<Sighting> sighting = wire::DecodeSighting(bytes);
    if (sighting.ok()) {
      record.value = *sighting;
      return record;
    }
    buffer.detail = std::string(sighting.status().message());
    record.value = Unusable{wire::RefusalReason(sighting.status()), buffer.detail};
    return record;
  }
  wire::DecodedRecord decoded;
  if (const absl::Status status = wire::DecodeRecord(bytes, *keys_, &buffer.record, &decoded); !status.ok()) {
    buffer.detail = std::string(status.message());
    record.value = Unusable{wire::RefusalReason(status), buffer.detail};
    return record;
  }
  record.origin = decoded.origin;
  std::visit(
      [this, &record](auto&& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, wire::TimePasses>) {
          record.value = Heartbeat{value.time};
        } else {
          if constexpr (std::is_same_v<T, Event>) {
            if (locate_) value.place = locate_(value.ip);
          }
          record.value = std::forward<decltype(value)>(value);
        }
      },
      std::move(decoded.value));
  return record;
}

}  // namespace sekisho::kafka
