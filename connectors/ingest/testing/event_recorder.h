// For tests: keeps copies of the events a parser emits, and prints each as one line that a test can compare with.
#ifndef SEKISHO_CONNECTORS_INGEST_TESTING_EVENT_RECORDER_H_
#define SEKISHO_CONNECTORS_INGEST_TESTING_EVENT_RECORDER_H_

#include <string>
#include <string_view>
#include <vector>

#include "connectors/common/event.h"
#include "connectors/common/parser.h"

namespace sekisho::connectors::testing {

struct Recorded {
  Event event;  // its views point nowhere: use the copies below
  std::string account, client_name, host, queue_id, method, sender_domain, recipient_domain;
  std::vector<Recipient> recipients;  // domains point nowhere
};

// "submission a@b 192.0.2.1 QID", "delivery a@b 192.0.2.1 QID bounced example.org 5.1.1"; "-" where there is none.
std::string Describe(const Event& e);

class EventRecorder {
 public:
  EventSink sink();
  // Gives the parser one line; returns the descriptions of its events, joined by "; ".
  std::string Feed(Parser* parser, const LogLine& line);

  ParseResult result = ParseResult::kNotMine;  // of the last line
  std::string reason;
  std::vector<Recorded> events;
  std::vector<std::string> lines;  // described
};

}  // namespace sekisho::connectors::testing

#endif  // SEKISHO_CONNECTORS_INGEST_TESTING_EVENT_RECORDER_H_
