#include "engine/app/run_sink.h"

#include "engine/app/action_json.h"

namespace sekisho::app {

absl::Status RunSink::Publish(std::span<const Action> actions) {
  buffer_.clear();
  for (const Action& action : actions) {
    AppendActionJson(action, &buffer_);
    report_->Add(action);
  }
  return out_->Append(buffer_);
}

absl::Status RunSink::Commit(Offset next) {
  if (!commit_) return out_->Flush();
  if (absl::Status status = out_->Sync(); !status.ok()) return status;
  return commit_(next, out_->length());
}

}  // namespace sekisho::app
