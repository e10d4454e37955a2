// Arbitrary bytes as a record, and as an order that a key holder signed: a record or a status. What came through goes out and in
// again unchanged.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/base/hmac.h"
#include "engine/wire/record_codec.h"

namespace {

using sekisho::wire::DecodeRecord;

void Check(std::string_view bytes, const sekisho::wire::OperatorKeys& keys) {
  sekisho::wire::RecordBuffer buffer, again_buffer;
  sekisho::wire::DecodedRecord record, again;
  if (!DecodeRecord(bytes, keys, &buffer, &record).ok()) return;
  std::string out;
  if (const auto* order = std::get_if<sekisho::Order>(&record.value)) {
    out = sekisho::wire::SignOrder(*order, keys, "k").value();
  } else if (const auto* batch = std::get_if<sekisho::JudgementBatch>(&record.value)) {
    out = sekisho::wire::EncodeJudgements(*batch);
  } else {
    return;
  }
  if (!DecodeRecord(out, keys, &again_buffer, &again).ok()) std::abort();
  if (again.value.index() != record.value.index()) std::abort();
  if (const auto* order = std::get_if<sekisho::Order>(&again.value)) {
    if (sekisho::wire::SignOrder(*order, keys, "k").value() != out) std::abort();
  } else if (sekisho::wire::EncodeJudgements(std::get<sekisho::JudgementBatch>(again.value)) != out) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string key(32, 'k');
  static const sekisho::wire::OperatorKeys keys = [] {
    sekisho::wire::OperatorKeys made;
    if (!made.Add("k", key).ok()) std::abort();
    return made;
  }();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(bytes, keys);
  sekisho::v1::Record record;
  sekisho::v1::SignedOrder* order = record.mutable_control()->mutable_signed_order();
  order->set_order(std::string(bytes));
  order->set_key_id("k");
  order->set_hmac(sekisho::HmacSha256(key, {std::string_view("sekisho.v1.OperatorOrder\0", 25), bytes}));
  Check(record.SerializeAsString(), keys);
  return 0;
}
