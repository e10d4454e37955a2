#include "engine/kafka/outputs.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/wire/action_codec.h"
#include "engine/wire/record_codec.h"
#include "engine/wire/sighting_codec.h"
#include "engine/wire/snapshot_codec.h"
#include "engine/wire/verdict_codec.h"

namespace sekisho::kafka {
namespace {

class Emitter {
 public:
  Emitter(const OutputPart& part, const OutputContext& context, std::string_view owner, const Emit& emit)
      : partition_(part.partition.value), context_(context), owner_(owner), emit_(emit) {}

  absl::Status operator()(const Action& action) const {
    v1::Action message;
    wire::EncodeAction(action, &message);
    const std::string bytes = message.SerializeAsString();
    const bool gentle = action.kind == ActionKind::kObserve || action.kind == ActionKind::kNotify;
    const std::string id = action.id.ToHex();
    OutRecord record{gentle ? context_.topics.actions_notify : context_.topics.actions_suspend, partition_, action.account, bytes,
                     // CloudEvents 1.0, the Kafka protocol binding's binary mode.
                     {{"ce_id", id},
                      {"ce_type", absl::StrCat("sekisho.v1.action.", std::string(Name(action.kind)))},
                      {"ce_source", absl::StrCat("/sekisho/", context_.log_id.ToHex(), "/", partition_)},
                      {"ce_time", FormatRfc3339(action.time)},
                      {"ce_specversion", "1.0"},
                      {"content-type", "application/protobuf"},
                      {"sekisho-owner", std::string(owner_)}}};
    if (absl::Status emitted = emit_(record); !emitted.ok()) return emitted;
    v1::Verdict verdict;
    if (wire::EncodeVerdict(action, &verdict)) {
      const std::string standing = verdict.SerializeAsString();
      const absl::Status emitted = emit_({context_.topics.verdicts, partition_, action.account, standing, {{"sekisho-owner", std::string(owner_)}}});
      if (!emitted.ok()) return emitted;
    }
    if (!context_.finding) return absl::OkStatus();
    const std::string finding = context_.finding(action);
    return emit_({context_.topics.findings, -1, id, finding, {{"content-type", "application/json"}, {"sekisho-owner", std::string(owner_)}}});
  }

  absl::Status operator()(const Forgotten& forgotten) const {
    return emit_({context_.topics.verdicts, partition_, forgotten.account, std::nullopt, {{"sekisho-owner", std::string(owner_)}}});
  }

  absl::Status operator()(const DeadLetter& letter) const {
    // The same key for the same record, so that somebody who looks finds both, should it ever come twice.
    const std::string key = absl::StrCat(partition_, "/", letter.offset.value);
    OutRecord record{context_.topics.dead_letter, -1, key, std::string_view(letter.bytes).substr(0, kDeadLetterBytesMax),
                     {{"sekisho-reason", letter.reason},
                      {"sekisho-detail", letter.detail},
                      {"sekisho-partition", absl::StrCat(partition_)},
                      {"sekisho-offset", absl::StrCat(letter.offset.value)}}};
    if (letter.bytes.size() > kDeadLetterBytesMax) record.headers.emplace_back("sekisho-cut-from", absl::StrCat(letter.bytes.size()));
    return emit_(record);
  }

  absl::Status operator()(const JudgementBatch&) const { return absl::OkStatus(); }

 private:
  const int32_t partition_;
  const OutputContext& context_;
  const std::string_view owner_;
  const Emit& emit_;
};

}  // namespace

absl::Status EmitOutputs(const OutputPart& part, const OutputContext& context, std::string_view owner, const Emit& emit) {
  const Emitter emitter(part, context, owner, emit);
  for (const Output& output : part.outputs) {
    if (absl::Status emitted = std::visit(emitter, output); !emitted.ok()) return emitted;
  }
  return absl::OkStatus();
}

absl::Status EmitJudgements(const OutputPart& part, const OutputContext& context, const Emit& emit) {
  for (const Output& output : part.outputs) {
    const JudgementBatch* batch = std::get_if<JudgementBatch>(&output);
    if (batch == nullptr) continue;
    const std::string bytes = wire::EncodeJudgements(*batch);
    for (int32_t p = 0; p < context.event_partitions; ++p) {
      if (absl::Status emitted = emit({context.topics.events, p, "", bytes, {}}); !emitted.ok()) return emitted;
    }
  }
  return absl::OkStatus();
}

absl::Status EmitSnapshot(const SnapshotPart& part, const OutputContext& context, const Emit& emit) {
  const std::string_view topic = context.topics.snapshots;
  std::string key, value;
  for (const Sighting& sighting : part.sightings) {
    key = wire::SightingKey(sighting);
    value = wire::EncodeSighting(sighting);
    if (absl::Status emitted = emit({context.topics.sightings, -1, key, value, {}}); !emitted.ok()) return emitted;
  }
  for (size_t i = 0; i < part.records->size(); ++i) {
    wire::EncodeAccountSnapshot(part.records->id(i), part.records->record(i), part.marker.next, &key, &value);
    if (absl::Status emitted = emit({topic, part.partition.value, key, value, {}}); !emitted.ok()) return emitted;
  }
  for (const wire::SnapshotRecord& record : wire::EncodeShardMarker(part.partition, part.marker, OwnerOf(context.role))) {
    if (absl::Status emitted = emit({topic, part.partition.value, record.key, record.value, {}}); !emitted.ok()) return emitted;
  }
  return absl::OkStatus();
}

}  // namespace sekisho::kafka
