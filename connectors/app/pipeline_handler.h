// The parsers of connectors/ingest as what a Connector wants of them.
//
// Everything that they remember of earlier lines is saved with the position and restored with it: queue ids under way
// (Postfix, Exim), failures and accesses told once (Dovecot, Roundcube, and the rule between Dovecot and the MTA). A position
// that is lost loses it too: bounces of messages then under way find no account and count for nobody, and a failure that two
// programs tell of may count twice within kToldWindow. Nothing counts against somebody else.
#ifndef SEKISHO_CONNECTORS_APP_PIPELINE_HANDLER_H_
#define SEKISHO_CONNECTORS_APP_PIPELINE_HANDLER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "connectors/ingest/ingest.h"
#include "connectors/kafka/connector.h"

namespace sekisho::connectors {

// Thread-compatible.
class PipelineHandler : public LineHandler {
 public:
  explicit PipelineHandler(const Pipeline::Options& options) : pipeline_(options) {}

  ParseResult Line(const LogLine& line, const EventSink& sink, std::string_view* reason) override {
    return pipeline_.Line(line, sink, reason);
  }
  std::string_view Source() const override { return pipeline_.source(); }
  void SaveState(std::string* out) const override { pipeline_.SaveState(out); }
  absl::Status RestoreState(std::string_view bytes) override { return pipeline_.RestoreState(bytes); }

 private:
  Pipeline pipeline_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_APP_PIPELINE_HANDLER_H_
