#include "engine/app/words.h"

#include <array>

#include "engine/app/terminal.h"
#include "engine/rules/feature_table.h"
#include "engine/rules/rule_set.h"

namespace sekisho::app {
namespace {

struct Entry {
  std::string_view name, words;
};

constexpr std::array kFeatures = {
    Entry{"far_countries_2h", "countries new to the owner from which unfamiliar sources sent"},
    Entry{"far_countries_24h", "countries new to the owner from which unfamiliar sources sent"},
    Entry{"stray_passing_2h", "unfamiliar sources that sent at most three messages each and moved on"},
    Entry{"stray_passing_24h", "unfamiliar sources that sent at most three messages each and moved on"},
    Entry{"far_passing_24h", "such sources in countries new to the owner"},
    Entry{"sources_24h", "distinct sources in use"},
    Entry{"messages_1h", "messages sent"},
    Entry{"messages_24h", "messages sent"},
    Entry{"recipients_1h", "recipients written to"},
    Entry{"recipients_24h", "recipients written to"},
    Entry{"stray_messages_10m", "messages sent by unfamiliar sources"},
    Entry{"stray_messages_1h", "messages sent by unfamiliar sources"},
    Entry{"stray_messages_24h", "messages sent from where nobody reads the owner's mail"},
    Entry{"stray_recipients_10m", "recipients of messages by unfamiliar sources"},
    Entry{"stray_recipients_1h", "recipients of messages by unfamiliar sources"},
    Entry{"new_recipients_1h", "recipients the account never wrote to before"},
    Entry{"failures_1h", "failed logins by unfamiliar sources"},
    Entry{"failing_sources_1h", "sources that failed to log in"},
    Entry{"failing_sources_72h", "sources that failed to log in"},
    Entry{"guessed_hours_ago", "hours since a login that guessing explains"},
    Entry{"source_bad_score_milli", "share of bad accounts in the source's network, at least, in thousandths"},
    Entry{"source_bad_accounts", "other accounts suspended over that network"},
    Entry{"denied", "denied by an operator"},
    Entry{"failed_deliveries_1h", "deliveries that bounced or were refused"},
};

constexpr std::array kRules = {
    Entry{"beyond_doubt", "rotation over sources in several far countries: enough by itself"},
    Entry{"two_families", "independent kinds of evidence agree, and their risk reaches this step"},
    Entry{"risk", "the risk reaches this step"},
    Entry{"circuit_breaker", "too many suspensions at once: slowed down instead, a person should look"},
    Entry{"renewed", "the suspension was about to end, and the unfamiliar sources were still at it"},
    Entry{"expired", "its time was over"},
    Entry{"operator", "an operator let it go"},
    Entry{"grace", "an operator let it go lately: told only"},
    Entry{"allowed", "an operator allowed it: told only"},
};

}  // namespace

std::string_view Name(EventKind kind) {
  switch (kind) {
    case EventKind::kLogin: return "login";
    case EventKind::kLoginFailed: return "login_failed";
    case EventKind::kSubmission: return "submission";
    case EventKind::kQueued: return "queued";
    case EventKind::kDelivery: return "delivery";
    case EventKind::kMailboxAccess: return "mailbox_access";
    case EventKind::kCredentialChanged: return "credential_changed";
    case EventKind::kContentVerdict: return "content_verdict";
    case EventKind::kComplaint: return "complaint";
  }
  return "unknown";
}

std::string_view DetectorWords(DetectorId id) {
  switch (id) {
    case DetectorId::kNone: return "nothing";
    case DetectorId::kCountryVelocity: return "sent from several countries far from the owner's in a short time";
    case DetectorId::kSourceDispersion: return "used from far more places than this account ever was";
    case DetectorId::kSourceRotation: return "sent from one unfamiliar address after another, hardly any twice";
    case DetectorId::kSendRate: return "sent more messages than this account ever did";
    case DetectorId::kRecipientRate: return "wrote to more recipients than this account ever did";
    case DetectorId::kSourceBurst: return "an unfamiliar address sent message after message";
    case DetectorId::kRecipientTendency: return "wrote mostly to people the owner never wrote to";
    case DetectorId::kSendWithoutRead: return "sent from where nobody reads the owner's mail";
    case DetectorId::kGuessing: return "somebody tried many passwords";
    case DetectorId::kGuessingThenUse: return "a password was guessed, then somebody unfamiliar sent";
    case DetectorId::kBounceSurge: return "receivers bounced or refused far too many messages";
    case DetectorId::kSharedSource: return "sent from a network that other stolen accounts use";
    case DetectorId::kOwnRule: return "did what a rule of this site watches for";
  }
  return "unknown";
}

std::string DetectorWords(const Signal& signal) {
  if (signal.rule == nullptr || signal.rule->says.empty()) return std::string(DetectorWords(signal.detector));
  return Printable(signal.rule->says, 2 * rules::kSaysBytesMax);
}

std::string EvidenceWords(const Evidence& evidence) {
  std::string_view words = evidence.feature;
  // What rules can ask for is described where they look it up.
  const int asked = rules::FindFeature(evidence.feature);
  const rules::Feature* const feature = asked < 0 ? nullptr : &rules::AllFeatures()[static_cast<size_t>(asked)];
  if (feature != nullptr) words = feature->meaning;
  for (const Entry& entry : kFeatures) {
    if (entry.name == evidence.feature) words = entry.words;
  }
  if (feature != nullptr && feature->type == rules::Type::kYesNo) return std::string(words) + ": " + (evidence.value != 0 ? "yes" : "no");
  std::string out = WithCommas(evidence.value) + " " + std::string(words);
  if (evidence.window != Span()) out += ", within " + FormatSpan(evidence.window);
  if (evidence.threshold > 0) out += " (threshold " + WithCommas(evidence.threshold) + ")";
  return out;
}

std::string SignalList(const std::vector<Signal>& signals) {
  std::string out;
  for (const Signal& signal : signals) {
    if (!out.empty()) out += ", ";
    out += NameOf(signal) + " " + std::to_string(signal.score);
    if (signal.shadow) out += " (shadow)";
  }
  return out;
}

std::string_view RuleWords(std::string_view rule) {
  for (const Entry& entry : kRules) {
    if (entry.name == rule) return entry.words;
  }
  return rule;
}

std::string RemedyWords(const Action& action) {
  if (action.kind != ActionKind::kThrottle && action.kind != ActionKind::kSuspend) return "";
  std::string out;
  if (!action.expires.never()) {
    out += "It ends by itself at " + HumanTime(action.expires) +
           (action.kind == ActionKind::kSuspend ? ", or is renewed if unfamiliar sources are still sending then.\n"
                                                : ".\n");
  }
  out += "A changed password locks out whoever knows the old one.\n";
  bool sources = false, recipients = false, rates = false;
  for (const Signal& signal : action.signals) {
    sources |= signal.family == Family::kOrigin || signal.family == Family::kMailbox ||
               signal.detector == DetectorId::kSourceBurst;
    recipients |= signal.detector == DetectorId::kRecipientTendency;
    rates |= signal.detector == DetectorId::kSendRate || signal.detector == DetectorId::kRecipientRate;
  }
  if (sources) {
    out += "A source counts as the owner's when mail is read from it or from where it is, or by use on several days.\n";
  }
  if (recipients) out += "Recipients who were written to before don't count as new.\n";
  if (rates) out += "The account's own habit raises its limits.\n";
  return out;
}

}  // namespace sekisho::app
