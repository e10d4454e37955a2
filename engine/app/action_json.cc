#include "engine/app/action_json.h"

#include <cstdint>

#include "engine/app/json_writer.h"

namespace sekisho::app {
namespace {

void WriteTime(std::string_view key, EventTime value, JsonWriter* json) {
  if (value.never()) {
    json->Null(key);
  } else {
    json->Text(key, FormatRfc3339(value));
  }
}

void WriteEvidence(const Signal& signal, const Evidence& evidence, JsonWriter* json) {
  json->BeginObject();
  json->Text("detector", NameOf(signal));
  json->Text("family", Name(signal.family));
  json->Number("score", signal.score);
  if (signal.shadow) json->Bool("shadow", true);
  json->Text("feature", evidence.feature);
  json->Number("value", evidence.value);
  json->Number("threshold", evidence.threshold);
  if (evidence.window != Span()) json->Number("window_s", evidence.window.seconds());
  json->EndObject();
}

}  // namespace

void AppendActionJson(const Action& action, std::string* out) {
  JsonWriter json(out);
  json.Begin();
  json.Text("account", action.account);
  json.Text("action", Name(action.kind));
  WriteTime("time", action.time, &json);
  json.Text("id", action.id.ToHex());
  json.Number("risk", action.risk);
  json.BeginArray("signals");
  for (const Signal& signal : action.signals) json.Text(NameOf(signal));
  json.EndArray();
  json.BeginArray("evidence");
  for (const Signal& signal : action.signals) {
    for (const Evidence& evidence : signal.evidence) WriteEvidence(signal, evidence, &json);
  }
  json.EndArray();
  WriteTime("expires", action.expires, &json);
  json.Text("mode", Name(action.mode));
  if (action.request != Request::kNone) json.Text("request", Name(action.request));
  json.Text("policy", action.policy);
  json.Text("rule", action.rule);
  json.Number("generation", action.generation);
  json.Number("renewals", action.renewals);
  json.Text("ip", action.ip);
  WriteTime("onset", action.onset, &json);
  json.Number("messages_since_onset", static_cast<int64_t>(action.messages_since_onset));
  json.End();
  *out += '\n';
}

}  // namespace sekisho::app
