#include "engine/app/finding.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "engine/app/json_writer.h"
#include "engine/base/printable.h"
#include "engine/app/words.h"
#include "engine/base/ids.h"
#include "engine/base/ip.h"

namespace sekisho::app {
namespace {

// A number of the schema's and its caption. Only what is used here.
struct Coded {
  int id = 0;
  std::string_view caption;
};

constexpr int kClass = 2004;

Coded Activity(const Action& action) {
  return action.kind == ActionKind::kRelease ? Coded{3, "Close"} : Coded{1, "Create"};
}

Coded Status(const Action& action) {
  return action.kind == ActionKind::kRelease ? Coded{4, "Resolved"} : Coded{1, "New"};
}

Coded Severity(const Action& action) {
  if (action.rule == "circuit_breaker") return {5, "Critical"};
  if (action.request == Request::kConfirmSuspension) return {4, "High"};
  switch (action.kind) {
    case ActionKind::kObserve:
    case ActionKind::kRelease: return {1, "Informational"};
    case ActionKind::kNotify: return {2, "Low"};
    case ActionKind::kThrottle: return {3, "Medium"};
    case ActionKind::kSuspend: return {4, "High"};
  }
  return {0, "Unknown"};
}

Coded Confidence(const Action& action) {
  if (action.rule == "beyond_doubt") return {3, "High"};
  if (action.rule == "two_families" || action.rule == "relapse" || action.rule == "renewed" || action.rule == "circuit_breaker") return {2, "Medium"};
  if (action.rule == "risk") return {1, "Low"};
  return {0, "Unknown"};
}

Coded Control(const Action& action) {
  if (action.mode == Mode::kShadow) return {3, "Observed"};
  switch (action.kind) {
    case ActionKind::kObserve:
    case ActionKind::kNotify: return {3, "Observed"};
    case ActionKind::kThrottle:
    case ActionKind::kRelease: return {1, "Allowed"};
    case ActionKind::kSuspend: return {2, "Denied"};
  }
  return {0, "Unknown"};
}

Coded Disposition(const Action& action) {
  if (action.mode == Mode::kShadow) return {15, "Detected"};
  switch (action.kind) {
    case ActionKind::kObserve: return {15, "Detected"};
    case ActionKind::kNotify: return {19, "Alert"};
    case ActionKind::kThrottle: return {14, "Delayed"};
    case ActionKind::kSuspend: return {24, "Access Revoked"};
    case ActionKind::kRelease: return {1, "Allowed"};
  }
  return {0, "Unknown"};
}

bool IsAlert(const Action& action) {
  return action.mode == Mode::kEnforce && action.kind != ActionKind::kObserve && action.kind != ActionKind::kRelease;
}

std::string_view Title(const Action& action) {
  const bool shadow = action.mode == Mode::kShadow;
  switch (action.kind) {
    case ActionKind::kObserve: return "A mail account is used in an unusual way";
    case ActionKind::kNotify: return "A mail account may be used by somebody else";
    case ActionKind::kThrottle:
      if (action.request == Request::kConfirmSuspension) {
        return shadow ? "A mail account's suspension would wait for a person to confirm it; it would be slowed down"
                      : "A mail account's suspension waits for a person to confirm it; it is slowed down";
      }
      return shadow ? "A mail account would be slowed down: somebody else seems to use it"
                    : "A mail account is slowed down: somebody else seems to use it";
    case ActionKind::kSuspend:
      return shadow ? "A mail account would be suspended: somebody else uses it"
                    : "A mail account is suspended: somebody else uses it";
    case ActionKind::kRelease: return shadow ? "A mail account would be released" : "A mail account is released";
  }
  return "A mail account";
}

std::string Sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + '.';
}

std::string Description(const Action& action) {
  std::string out;
  for (const Signal& signal : action.signals) {
    std::string line(DetectorWords(signal));
    if (signal.shadow) line += " (shadow: counted for nothing)";
    std::string_view separator = ": ";
    for (const Evidence& evidence : signal.evidence) {
      line.append(separator).append(EvidenceWords(evidence));
      separator = "; ";
    }
    out += Sentence(std::move(line)) + ' ';
  }
  return out + Sentence(std::string(RuleWords(action.rule)));
}

// For a person's eye; the account comes last, so that it can't pretend to be anything else.
std::string Message(const Action& action, std::string_view shown) {
  std::string out(Name(action.kind));
  if (action.mode == Mode::kShadow) out += " (shadow)";
  out += ", risk " + std::to_string(action.risk) + ", rule " + std::string(action.rule);
  if (!action.signals.empty()) out += ", " + SignalList(action.signals);
  return out + ": account " + Printable(shown);
}

// The strongest that counts comes first.
std::vector<const Signal*> ByScore(const Action& action) {
  std::vector<const Signal*> signals;
  for (const Signal& signal : action.signals) signals.push_back(&signal);
  std::stable_sort(signals.begin(), signals.end(), [](const Signal* a, const Signal* b) {
    return a->shadow != b->shadow ? b->shadow : a->score > b->score;
  });
  return signals;
}

void WriteCoded(std::string_view id_key, std::string_view caption_key, const Coded& coded, JsonWriter* json) {
  json->Number(id_key, coded.id);
  json->Text(caption_key, coded.caption);
}

// Members of an analytic object. A detector compares an account's behaviour with its own habit; a rule is a rule.
void WriteDetector(const Signal& signal, const Action& action, JsonWriter* json) {
  json->Text("uid", NameOf(signal));
  json->Text("name", NameOf(signal));
  json->Text("desc", DetectorWords(signal));
  json->Text("category", Name(signal.family));
  json->Text("version", action.policy);
  WriteCoded("type_id", "type", signal.rule != nullptr ? Coded{1, "Rule"} : Coded{2, "Behavioral"}, json);
  WriteCoded("state_id", "state", signal.shadow ? Coded{3, "Experimental"} : Coded{1, "Active"}, json);
}

void WriteAttacks(const Action& action, JsonWriter* json) {
  if (action.signals.empty()) return;
  const auto guesses = [](const Signal& s) {
    return s.detector == DetectorId::kGuessing || s.detector == DetectorId::kGuessingThenUse;
  };
  const auto used = [](const Signal& s) { return s.detector != DetectorId::kGuessing; };
  const auto technique = [json](std::string_view uid, std::string_view name) {
    json->BeginObject();
    json->BeginObject("technique");
    json->Text("uid", uid);
    json->Text("name", name);
    json->EndObject();
    json->EndObject();
  };
  json->BeginArray("attacks");
  if (std::any_of(action.signals.begin(), action.signals.end(), used)) technique("T1078", "Valid Accounts");
  if (std::any_of(action.signals.begin(), action.signals.end(), guesses)) technique("T1110", "Brute Force");
  json->EndArray();
}

void WriteFindingInfo(const Action& action, JsonWriter* json) {
  const std::vector<const Signal*> signals = ByScore(action);
  json->BeginObject("finding_info");
  json->Text("uid", action.id.ToHex());
  json->Text("title", Title(action));
  json->Text("desc", Description(action));
  json->BeginArray("types");
  json->Text("Compromised Mail Account");
  json->EndArray();
  json->Number("created_time", action.time.millis());
  if (!action.onset.never()) json->Number("first_seen_time", action.onset.millis());
  json->Number("last_seen_time", action.time.millis());
  json->BeginObject("analytic");
  if (signals.empty()) {
    json->Text("uid", action.rule);
    json->Text("name", action.rule);
    json->Text("desc", RuleWords(action.rule));
    json->Text("version", action.policy);
    WriteCoded("type_id", "type", {1, "Rule"}, json);
  } else {
    WriteDetector(*signals[0], action, json);
  }
  json->EndObject();
  if (signals.size() > 1) {
    json->BeginArray("related_analytics");
    for (size_t i = 1; i < signals.size(); ++i) {
      json->BeginObject();
      WriteDetector(*signals[i], action, json);
      json->EndObject();
    }
    json->EndArray();
  }
  WriteAttacks(action, json);
  json->EndObject();
}

// Only what is an address: the source came out of a log.
bool HasSource(const Action& action) { return IpAddress::Parse(action.ip).has_value(); }

void WriteEvidences(const Action& action, JsonWriter* json) {
  if (!HasSource(action) && action.signals.empty()) return;
  json->BeginArray("evidences");
  if (HasSource(action)) {
    json->BeginObject();
    json->Text("name", "source");
    json->BeginObject("src_endpoint");
    json->Text("ip", action.ip);
    json->EndObject();
    json->EndObject();
  }
  for (const Signal& signal : action.signals) {
    json->BeginObject();
    json->Text("name", NameOf(signal));
    json->BeginObject("data");
    json->Text("family", Name(signal.family));
    json->Number("score", signal.score);
    json->Bool("shadow", signal.shadow);
    json->BeginArray("features");
    for (const Evidence& evidence : signal.evidence) {
      json->BeginObject();
      json->Text("feature", evidence.feature);
      json->Number("value", evidence.value);
      json->Number("threshold", evidence.threshold);
      if (evidence.window != Span()) json->Number("window_s", evidence.window.seconds());
      json->EndObject();
    }
    json->EndArray();
    json->EndObject();
    json->EndObject();
  }
  json->EndArray();
}

void WriteResources(std::string_view uid, std::string_view name, JsonWriter* json) {
  json->BeginArray("resources");
  json->BeginObject();
  json->Text("uid", uid);
  json->Text("name", name);
  json->Text("type", "Mail Account");
  WriteCoded("role_id", "role", {3, "Affected"}, json);
  json->BeginObject("owner");
  json->Text("uid", uid);
  json->Text("name", name);
  WriteCoded("type_id", "type", {1, "User"}, json);
  json->EndObject();
  json->EndObject();
  json->EndArray();
}

void WriteObservables(const Action& action, std::string_view name, JsonWriter* json) {
  json->BeginArray("observables");
  json->BeginObject();
  json->Text("name", "resources[0].owner.name");
  WriteCoded("type_id", "type", {4, "User Name"}, json);
  json->Text("value", name);
  json->EndObject();
  if (HasSource(action)) {
    json->BeginObject();
    json->Text("name", "evidences[0].src_endpoint.ip");
    WriteCoded("type_id", "type", {2, "IP Address"}, json);
    json->Text("value", action.ip);
    json->EndObject();
  }
  json->EndArray();
}

void WriteMetadata(const Action& action, std::string_view correlation, JsonWriter* json) {
  json->BeginObject("metadata");
  json->Text("version", "1.8.0");
  json->BeginArray("profiles");
  json->Text("security_control");
  json->EndArray();
  json->BeginObject("product");
  json->Text("name", "Sekisho");
  json->Text("vendor_name", "Sekisho");
  json->Text("version", SEKISHO_VERSION);
  json->EndObject();
  json->Text("uid", action.id.ToHex());
  json->Text("correlation_uid", correlation);
  json->Text("event_code", "sekisho.v1.action." + std::string(Name(action.kind)));
  json->Text("log_name", "findings");
  json->Text("original_time", FormatRfc3339(action.time));
  json->EndObject();
}

}  // namespace

std::string Pseudonym(const HashKey& key, std::string_view account) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const uint64_t hash = KeyedHash64(key, account);
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[hash >> shift & 15];
  return out;
}

std::string FindingJson(const Action& action, const FindingOptions& options) {
  std::string uid, name;
  if (options.pseudonym_key.has_value()) {
    uid = name = Pseudonym(*options.pseudonym_key, action.account);
  } else {
    uid = AccountId::FromLogin(action.account).hash.ToHex();
    name = action.account;
  }
  const Coded activity = Activity(action);
  std::string out;
  out.reserve(4096);
  JsonWriter json(&out);
  json.Begin();
  WriteCoded("activity_id", "activity_name", activity, &json);
  WriteCoded("category_uid", "category_name", {2, "Findings"}, &json);
  WriteCoded("class_uid", "class_name", {kClass, "Detection Finding"}, &json);
  json.Number("type_uid", kClass * 100 + activity.id);
  json.Text("type_name", "Detection Finding: " + std::string(activity.caption));
  json.Number("time", action.time.millis());
  json.Number("timezone_offset", 0);
  WriteCoded("severity_id", "severity", Severity(action), &json);
  WriteCoded("status_id", "status", Status(action), &json);
  json.Text("message", Message(action, name));
  WriteMetadata(action, uid, &json);
  WriteFindingInfo(action, &json);
  WriteCoded("confidence_id", "confidence", Confidence(action), &json);
  json.Number("risk_score", action.risk);
  json.Bool("is_alert", IsAlert(action));
  WriteCoded("action_id", "action", Control(action), &json);
  WriteCoded("disposition_id", "disposition", Disposition(action), &json);
  json.BeginObject("policy");
  json.Text("name", "Sekisho");
  json.Text("version", action.policy);
  json.Bool("is_applied", action.mode == Mode::kEnforce);
  json.EndObject();
  WriteResources(uid, name, &json);
  WriteEvidences(action, &json);
  WriteObservables(action, name, &json);
  if (const std::string remedy = RemedyWords(action); !remedy.empty()) {
    json.BeginObject("remediation");
    json.Text("desc", remedy);
    json.EndObject();
  }
  json.BeginObject("unmapped");
  json.Text("action", Name(action.kind));
  json.Text("mode", Name(action.mode));
  json.Text("rule", action.rule);
  if (action.request != Request::kNone) json.Text("request", Name(action.request));
  json.Number("generation", action.generation);
  json.Number("renewals", action.renewals);
  if (!action.expires.never()) json.Number("expires", action.expires.millis());
  json.Number("messages_since_onset", static_cast<int64_t>(action.messages_since_onset));
  json.EndObject();
  json.End();
  return out;
}

}  // namespace sekisho::app
