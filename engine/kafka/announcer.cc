#include "engine/kafka/announcer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/producer.h"
#include "engine/kafka/settings.h"

namespace sekisho::kafka {
namespace {

// How long a stop may go unnoticed.
constexpr int kFlushMs = 20;

}  // namespace

Announcer::~Announcer() { DestroyProducer(producer_); }

void Announcer::OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  State* state = static_cast<State*>(static_cast<TroubleOf*>(opaque));
  ++state->failed;
  state->trouble->Say(state->who, message->err, rd_kafka_err2str(message->err));
}

absl::Status Announcer::Announce(const std::function<absl::Status(const Emit&)>& produce, const std::function<bool()>& gives_up) {
  if (producer_ == nullptr) {
    absl::StatusOr<rd_kafka_t*> made = MakeProducer(AnnouncementConf(settings_), &state_, OnReport);
    if (!made.ok()) return made.status();
    producer_ = *made;
  }
  state_.failed = 0;
  absl::Status status = produce([&](const OutRecord& record) {
    const rd_kafka_resp_err_t error = ProduceRecord(producer_, record, [&] { return state_.failed > 0 || gives_up(); });
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? absl::OkStatus() : absl::UnavailableError(rd_kafka_err2str(error));
  });
  if (status.ok()) status = AwaitAcknowledgements(gives_up);
  if (!status.ok()) DestroyProducer(std::exchange(producer_, nullptr));
  return status;
}

absl::Status Announcer::AwaitAcknowledgements(const std::function<bool()>& gives_up) {
  while (rd_kafka_flush(producer_, kFlushMs) != RD_KAFKA_RESP_ERR_NO_ERROR && state_.failed == 0) {
    if (gives_up()) return absl::UnavailableError("records are not acknowledged yet");
  }
  return state_.failed == 0 ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(state_.failed, " records were not taken"));
}

}  // namespace sekisho::kafka
