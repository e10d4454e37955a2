#include "engine/wire/action_codec.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/wire/bytes_of_hash.h"

namespace sekisho::wire {
namespace {

absl::Status UnknownAction(std::string_view field, std::string_view value) {
  return absl::UnimplementedError(
      absl::StrCat("action.", std::string(field), ": ", std::string(value), " is not known to this version"));
}

absl::Status WrongAction(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("action.", std::string(field), ": ", std::string(what)));
}

// The wire keeps zero for "not said": these are numbered one higher there.
static_assert(static_cast<int>(Family::kCohort) + 1 == v1::FAMILY_COHORT && v1::Family_MAX == v1::FAMILY_COHORT);
static_assert(static_cast<int>(ActionKind::kRelease) + 1 == v1::ACTION_KIND_RELEASE &&
              v1::ActionKind_MAX == v1::ACTION_KIND_RELEASE);
static_assert(static_cast<int>(Mode::kShadow) + 1 == v1::MODE_SHADOW && v1::Mode_MAX == v1::MODE_SHADOW);

// Asking nothing is what is not said.
static_assert(static_cast<int>(Request::kConfirmSuspension) == v1::REQUEST_CONFIRM_SUSPENSION &&
              v1::Request_MAX == v1::REQUEST_CONFIRM_SUSPENSION);

absl::Status DecodeSignal(const v1::Signal& in, Signal* out) {
  for (int id = 1; id < kDetectors; ++id) {
    if (Name(static_cast<DetectorId>(id)) == in.detector()) out->detector = static_cast<DetectorId>(id);
  }
  if (out->detector == DetectorId::kNone) return UnknownAction("signals.detector", in.detector());
  if (!v1::Family_IsValid(in.family()) || in.family() == v1::FAMILY_UNSPECIFIED) {
    return UnknownAction("signals.family", absl::StrCat(in.family()));
  }
  out->family = static_cast<Family>(in.family() - 1);
  if (in.score() < 1 || in.score() > 100) return WrongAction("signals.score", "not within [1, 100]");
  out->score = static_cast<int32_t>(in.score());
  out->shadow = in.shadow();
  if (!in.rule().empty()) out->rule = std::make_shared<const RuleText>(RuleText{in.rule(), in.rule_says()});
  for (const v1::Evidence& e : in.evidence()) {
    out->evidence.push_back({e.feature(), e.value(), e.threshold(), Span::Millis(e.window_ms())});
  }
  return absl::OkStatus();
}

}  // namespace

void EncodeAction(const Action& action, v1::Action* message) {
  message->Clear();
  message->set_id(BytesOf(action.id));
  message->set_account(action.account);
  message->set_kind(static_cast<v1::ActionKind>(static_cast<int>(action.kind) + 1));
  message->set_mode(static_cast<v1::Mode>(static_cast<int>(action.mode) + 1));
  message->set_request(static_cast<v1::Request>(static_cast<int>(action.request)));
  message->set_time_ms(action.time.millis());
  if (!action.expires.never()) message->set_expires_ms(action.expires.millis());
  message->set_risk(static_cast<uint32_t>(action.risk));
  message->set_generation(action.generation);
  message->set_renewals(action.renewals);
  message->set_policy(action.policy);
  message->set_rule(std::string(action.rule));
  message->set_ip(action.ip);
  message->set_messages_since_onset(action.messages_since_onset);
  if (!action.onset.never()) message->set_onset_ms(action.onset.millis());
  for (const Signal& signal : action.signals) {
    v1::Signal* out = message->add_signals();
    out->set_detector(std::string(Name(signal.detector)));
    out->set_family(static_cast<v1::Family>(static_cast<int>(signal.family) + 1));
    out->set_score(static_cast<uint32_t>(signal.score));
    out->set_shadow(signal.shadow);
    if (signal.rule != nullptr) {
      out->set_rule(signal.rule->name);
      out->set_rule_says(signal.rule->says);
    }
    for (const Evidence& e : signal.evidence) {
      v1::Evidence* evidence = out->add_evidence();
      evidence->set_feature(std::string(e.feature));
      evidence->set_value(e.value);
      evidence->set_threshold(e.threshold);
      evidence->set_window_ms(e.window.millis());
    }
  }
}

absl::Status DecodeAction(std::string_view bytes, v1::Action* buffer, Action* action) {
  if (bytes.size() > kActionBytesMax) return absl::ResourceExhaustedError(absl::StrCat("action: ", bytes.size(), " bytes"));
  v1::Action& in = *buffer;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return WrongAction("", "not a sekisho.v1.Action");
  if (in.id().size() != 16) return WrongAction("id", absl::StrCat(in.id().size(), " bytes, not 16"));
  if (in.account().empty()) return WrongAction("account", "empty");
  if (!v1::ActionKind_IsValid(in.kind()) || in.kind() == v1::ACTION_KIND_UNSPECIFIED) {
    return UnknownAction("kind", absl::StrCat(in.kind()));
  }
  if (!v1::Mode_IsValid(in.mode()) || in.mode() == v1::MODE_UNSPECIFIED) return UnknownAction("mode", absl::StrCat(in.mode()));
  if (!v1::Request_IsValid(in.request())) return UnknownAction("request", absl::StrCat(in.request()));
  if (in.risk() > 100) return WrongAction("risk", "beyond 100");

  *action = Action{};
  action->id = HashFromBytes(in.id());
  action->account = in.account();
  action->kind = static_cast<ActionKind>(in.kind() - 1);
  action->mode = static_cast<Mode>(in.mode() - 1);
  action->request = static_cast<Request>(in.request());
  action->time = EventTime::FromMillis(in.time_ms());
  if (in.has_expires_ms()) action->expires = EventTime::FromMillis(in.expires_ms());
  action->risk = static_cast<int32_t>(in.risk());
  action->generation = in.generation();
  action->renewals = in.renewals();
  action->policy = in.policy();
  action->rule = in.rule();
  action->ip = in.ip();
  action->messages_since_onset = in.messages_since_onset();
  if (in.has_onset_ms()) action->onset = EventTime::FromMillis(in.onset_ms());
  for (const v1::Signal& signal : in.signals()) {
    action->signals.emplace_back();
    if (absl::Status s = DecodeSignal(signal, &action->signals.back()); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace sekisho::wire
