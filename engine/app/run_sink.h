// Where a replay's actions go: JSON Lines, with or without a store that makes the run durable.
#ifndef SEKISHO_ENGINE_APP_RUN_SINK_H_
#define SEKISHO_ENGINE_APP_RUN_SINK_H_

#include <functional>
#include <span>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "engine/app/output_file.h"
#include "engine/app/report.h"
#include "engine/state/codec.h"
#include "engine/stream/stream.h"

namespace sekisho::app {

// Thread-compatible. Nothing is owned; all outlives the sink.
class RunSink : public Sink {
 public:
  // `commit` makes the fold's state durable together with the length of the output, which is on the disk by then. Null:
  // nothing is durable, and Commit only empties the buffer.
  using CommitState = std::function<absl::Status(Offset next, uint64_t output_length)>;
  RunSink(OutputFile* out, ActionReport* report, CommitState commit)
      : out_(out), report_(report), commit_(std::move(commit)) {}

  absl::Status Publish(std::span<const Action> actions) override;
  absl::Status Commit(Offset next) override;

 private:
  OutputFile* const out_;
  ActionReport* const report_;
  const CommitState commit_;
  std::string buffer_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_RUN_SINK_H_
