#include "engine/app/action_json.h"

#include <cstdint>

#include "connectors/common/json.h"

namespace sekisho::app {
namespace {

using connectors::AppendJsonString;

void AppendKey(std::string_view key, std::string* out) {
  if (out->back() != '{') *out += ',';
  *out += '"';
  *out += key;
  *out += "\":";
}

void AppendText(std::string_view key, std::string_view value, std::string* out) {
  AppendKey(key, out);
  AppendJsonString(value, out);
}

void AppendNumber(std::string_view key, int64_t value, std::string* out) {
  AppendKey(key, out);
  *out += std::to_string(value);
}

void AppendTime(std::string_view key, EventTime value, std::string* out) {
  AppendKey(key, out);
  if (value.never()) {
    *out += "null";
  } else {
    AppendJsonString(FormatRfc3339(value), out);
  }
}

void AppendEvidence(const Signal& signal, const Evidence& evidence, std::string* out) {
  *out += '{';
  AppendText("detector", Name(signal.detector), out);
  AppendText("family", Name(signal.family), out);
  AppendNumber("score", signal.score, out);
  if (signal.shadow) {
    AppendKey("shadow", out);
    *out += "true";
  }
  AppendText("feature", evidence.feature, out);
  AppendNumber("value", evidence.value, out);
  AppendNumber("threshold", evidence.threshold, out);
  if (evidence.window != Span()) AppendNumber("window_s", evidence.window.seconds(), out);
  *out += '}';
}

}  // namespace

void AppendActionJson(const Action& action, std::string* out) {
  *out += '{';
  AppendText("account", action.account, out);
  AppendText("action", Name(action.kind), out);
  AppendTime("time", action.time, out);
  AppendText("id", action.id.ToHex(), out);
  AppendNumber("risk", action.risk, out);
  AppendKey("signals", out);
  *out += '[';
  for (const Signal& signal : action.signals) {
    if (out->back() != '[') *out += ',';
    AppendJsonString(Name(signal.detector), out);
  }
  *out += ']';
  AppendKey("evidence", out);
  *out += '[';
  for (const Signal& signal : action.signals) {
    for (const Evidence& evidence : signal.evidence) {
      if (out->back() != '[') *out += ',';
      AppendEvidence(signal, evidence, out);
    }
  }
  *out += ']';
  AppendTime("expires", action.expires, out);
  AppendText("mode", Name(action.mode), out);
  AppendText("policy", action.policy, out);
  AppendText("rule", action.rule, out);
  AppendNumber("generation", action.generation, out);
  AppendNumber("renewals", action.renewals, out);
  AppendText("ip", action.ip, out);
  AppendTime("onset", action.onset, out);
  AppendNumber("messages_since_onset", static_cast<int64_t>(action.messages_since_onset), out);
  *out += "}\n";
}

}  // namespace sekisho::app
