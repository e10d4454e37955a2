#include "engine/state/codec.h"

#include "engine/base/bytes.h"

namespace sekisho {
namespace {

// The marker's tags, pinned for ever.
enum MarkerTag : uint64_t {
  kInput = 1,
  kFold = 2,
  kDedupe = 3,
  kOutputLength = 4,  // a varint within the field's bytes
};

// The format number, or why not.
absl::Status ReadFormat(ByteReader* reader) {
  const uint64_t format = reader->Varint();
  if (reader->ok() && format != kRecordFormat) {
    return absl::FailedPreconditionError("stored by another version (format " + std::to_string(format) + ", this one reads " +
                                         std::to_string(kRecordFormat) + ")");
  }
  return absl::OkStatus();
}

}  // namespace

void EncodeRecord(const AccountWindow& account, std::string* out) {
  ByteWriter writer(out);
  writer.PutVarint(kRecordFormat);
  account.Encode(&writer);
}

absl::Status DecodeRecord(std::string_view bytes, AccountWindow* account) {
  ByteReader reader(bytes);
  absl::Status status = ReadFormat(&reader);
  if (status.ok() && (!reader.ok() || !account->Decode(&reader) || !reader.done())) {
    status = absl::DataLossError("damaged account record of " + std::to_string(bytes.size()) + " bytes");
  }
  if (!status.ok()) *account = AccountWindow();
  return status;
}

void EncodeMarker(const StateMarker& marker, std::string* out) {
  ByteWriter writer(out);
  writer.PutVarint(kRecordFormat);
  writer.PutVarint(kInput);
  writer.PutBytes(marker.input);
  writer.PutVarint(kFold);
  writer.PutBytes(marker.fold);
  writer.PutVarint(kDedupe);
  writer.PutBytes(marker.dedupe);
  writer.PutVarint(kOutputLength);
  const size_t begin = writer.BeginBytes();
  writer.PutVarint(marker.output_length);
  writer.EndBytes(begin);
}

absl::Status DecodeMarker(std::string_view bytes, StateMarker* marker) {
  *marker = StateMarker();
  ByteReader reader(bytes);
  if (absl::Status status = ReadFormat(&reader); !status.ok()) return status;
  while (reader.remaining() > 0) {
    const uint64_t tag = reader.Varint();
    const std::string_view field = reader.Bytes();
    switch (tag) {
      case kInput: marker->input = field; break;
      case kFold: marker->fold = field; break;
      case kDedupe: marker->dedupe = field; break;
      case kOutputLength: {
        ByteReader length(field);
        marker->output_length = length.Varint();
        if (!length.done()) reader.Fail();
        break;
      }
      default: break;  // a later version's field
    }
  }
  if (reader.ok()) return absl::OkStatus();
  *marker = StateMarker();
  return absl::DataLossError("damaged marker");
}

}  // namespace sekisho
