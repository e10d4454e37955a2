// Copies and one-line descriptions of events.
#include "connectors/ingest/testing/event_recorder.h"

#include <cstddef>

namespace sekisho::connectors::testing {
namespace {

constexpr const char* kKinds[] = {"login",   "login_failed",   "submission",         "queued",          "delivery", "rejected",
                                  "session", "mailbox_access", "credential_changed", "content_verdict", "complaint"};
constexpr const char* kOutcomes[] = {"-", "success", "failure", "sent", "deferred", "bounced", "expired"};

std::string_view OrDash(std::string_view s) { return s.empty() ? "-" : s; }

}  // namespace

std::string Describe(const Event& e) {
  std::string out = kKinds[static_cast<size_t>(e.kind)];
  const auto add = [&out](std::string_view s) { out.append(" ").append(OrDash(s)); };
  add(e.account);
  add(e.ip.unspecified() ? "" : e.ip.ToString());
  if (!e.queue_id.empty()) add(e.queue_id);
  switch (e.kind) {
    case Kind::kQueued:
      add(std::to_string(e.recipients));
      add(std::to_string(e.size_bytes));
      add(e.sender_domain);
      break;
    case Kind::kDelivery:
      add(kOutcomes[static_cast<size_t>(e.outcome)]);
      add(e.recipient_list.empty() ? "?" : e.recipient_list[0].domain);
      [[fallthrough]];
    case Kind::kRejected:
      add(std::to_string(e.status.klass) + "." + std::to_string(e.status.subject) + "." + std::to_string(e.status.detail));
      if (e.spam_refusal) add("spam");
      break;
    case Kind::kSession:
      add("auth=" + std::to_string(e.auth_ok) + "/" + std::to_string(e.auth_tried));
      add("rcpt=" + std::to_string(e.rcpt_ok) + "/" + std::to_string(e.rcpt_tried));
      break;
    default:
      break;
  }
  return out;
}

EventSink EventRecorder::sink() {
  return [this](const Event& e) {
    Recorded r;
    r.event = e;
    r.account = e.account;
    r.client_name = e.client_name;
    r.host = e.host;
    r.queue_id = e.queue_id;
    r.method = e.method;
    r.sender_domain = e.sender_domain;
    r.recipients.assign(e.recipient_list.begin(), e.recipient_list.end());
    if (!e.recipient_list.empty()) r.recipient_domain = e.recipient_list[0].domain;
    events.push_back(std::move(r));
    lines.push_back(Describe(e));
  };
}

std::string EventRecorder::Feed(Parser* parser, const LogLine& line) {
  const size_t before = lines.size();
  std::string_view why;
  result = parser->Parse(line, sink(), &why);
  reason = why;
  std::string joined;
  for (size_t i = before; i < lines.size(); ++i) joined += (joined.empty() ? "" : "; ") + lines[i];
  return joined;
}

}  // namespace sekisho::connectors::testing
