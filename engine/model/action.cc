// Names that are printed and published, and the action id.
#include "engine/model/action.h"

#include <array>

namespace sekisho {

std::string_view Name(DetectorId id) {
  static constexpr std::array<std::string_view, kDetectors> kNames = {
      "none",         "country_velocity", "source_dispersion",  "source_rotation",   "send_rate", "recipient_rate",
      "source_burst", "recipient_tendency", "send_without_read", "guessing", "guessing_then_use", "bounce_surge",
      "shared_source", "impossible_travel", "source_class", "webmail_origin", "domestic_rotation", "dormant_awakening",
      "limit_probing", "spam_refusal", "sender_variety", "complaint", "relapse", "domain_cohort", "campaign",
      "own_rule"};
  const auto i = static_cast<size_t>(id);
  return i < kNames.size() ? kNames[i] : "unknown";
}

std::string_view Name(Family family) {
  static constexpr std::array<std::string_view, kFamilies> kNames = {
      "origin", "volume", "recipients", "mailbox", "credential", "outcome", "reputation", "history", "cohort"};
  const auto i = static_cast<size_t>(family);
  return i < kNames.size() ? kNames[i] : "unknown";
}

std::string_view Name(ActionKind kind) {
  static constexpr std::array<std::string_view, 5> kNames = {"observe", "notify", "throttle", "suspend", "release"};
  const auto i = static_cast<size_t>(kind);
  return i < kNames.size() ? kNames[i] : "unknown";
}

std::string_view Name(Mode mode) { return mode == Mode::kEnforce ? "enforce" : "shadow"; }

std::string_view Name(Request request) { return request == Request::kNone ? "none" : "confirm_suspension"; }
std::string NameOf(const Signal& signal) {
  std::string name(Name(signal.detector));
  if (signal.rule != nullptr) name += ":" + signal.rule->name;
  return name;
}

Hash128 MakeActionId(Hash128 log_id, PartitionId partition, Offset offset, AccountId account, ActionKind kind,
                     std::string_view rule, std::string_view policy_version, uint32_t k) {
  std::string bytes;
  bytes.reserve(96);
  const auto put = [&bytes](uint64_t v) {
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(v >> (8 * i)));
  };
  put(log_id.high);
  put(log_id.low);
  put(static_cast<uint64_t>(static_cast<int64_t>(partition.value)));
  put(static_cast<uint64_t>(offset.value));
  put(account.hash.high);
  put(account.hash.low);
  put(static_cast<uint64_t>(kind));
  put(k);
  put(rule.size());
  bytes.append(rule);
  bytes.append(policy_version);
  return PinnedHash128(bytes);
}

}  // namespace sekisho
