#include "engine/wire/record_codec.h"

#include "absl/strings/str_cat.h"

namespace sekisho::wire {

absl::Status DecodeRecord(std::string_view bytes, const OperatorKeys&, RecordBuffer* buffer, DecodedRecord* record) {
  if (bytes.size() > kEventBytesMax) return absl::ResourceExhaustedError(absl::StrCat("record: ", bytes.size(), " bytes"));
  v1::Record& in = buffer->message;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("record: not a sekisho.v1.Record");
  }
  record->origin = Origin();
  switch (in.record_case()) {
    case v1::Record::kEvent: {
      const v1::Origin& origin = in.event().origin();
      record->origin = {origin.connector(), origin.epoch(), origin.stream(), {origin.byte_position(), origin.index()}};
      return TakeEvent(in.event(), &buffer->event, &record->value.emplace<Event>());
    }
    case v1::Record::kControl: {
      if (in.control().control_case() != v1::Control::kHeartbeat) break;
      const int64_t time_ms = in.control().heartbeat().time_ms();
      if (time_ms <= 0 || time_ms > kTimeMsMax) {
        return absl::InvalidArgumentError("heartbeat.time_ms: not within the years 1970 to 9999");
      }
      record->value = TimePasses{EventTime::FromMillis(time_ms)};
      return absl::OkStatus();
    }
    case v1::Record::RECORD_NOT_SET: break;
  }
  return absl::UnimplementedError("record: absent, or of a kind that this version does not know");
}

std::string_view RefusalReason(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) return "too large";
  if (absl::IsUnimplemented(status)) return "newer schema";
  return "undecodable";
}

std::string EncodeTimePasses(EventTime time) {
  v1::Record record;
  record.mutable_control()->mutable_heartbeat()->set_time_ms(time.millis());
  return record.SerializeAsString();
}

}  // namespace sekisho::wire
