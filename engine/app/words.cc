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
    Entry{"stray_messages_1m", "messages sent by unfamiliar sources"},
    Entry{"stray_messages_10m", "messages sent by unfamiliar sources"},
    Entry{"stray_messages_1h", "messages sent by unfamiliar sources"},
    Entry{"stray_messages_24h", "messages sent from where nobody reads the owner's mail"},
    Entry{"stray_recipients_10m", "recipients of messages by unfamiliar sources"},
    Entry{"stray_recipients_1h", "recipients of messages by unfamiliar sources"},
    Entry{"new_recipients_1h", "recipients the account never wrote to before"},
    Entry{"new_recipients_24h", "recipients the account never wrote to before, the last of them from a country it hardly reads from"},
    Entry{"stray_new_recipients_1h", "recipients new to the account, written to by unfamiliar sources"},
    Entry{"failures_1h", "failed logins by unfamiliar sources"},
    Entry{"failing_sources_1h", "sources that failed to log in"},
    Entry{"failing_sources_72h", "sources that failed to log in"},
    Entry{"guessed_hours_ago", "hours since a login that guessing explains"},
    Entry{"source_bad_score_milli", "share of bad accounts in the source's network, at least, in thousandths"},
    Entry{"source_bad_accounts", "other accounts suspended over that network"},
    Entry{"denied", "denied by an operator"},
    Entry{"travel_kmh", "km/h from where the owner read mail to where an unfamiliar source sent"},
    Entry{"travel_km", "km between the two, at least"},
    Entry{"travel_sent_kmh", "km/h from where the owner sent to where an unfamiliar source sent"},
    Entry{"travel_sent_km", "km between the two, at least"},
    Entry{"stray_hosting_messages_24h", "messages sent by unfamiliar rented servers"},
    Entry{"access_places", "of the owner's places are homes or phones, and none is a server"},
    Entry{"far_webmail_messages_1h", "messages through webmail sessions opened in countries new to the owner"},
    Entry{"far_webmail_sources_24h", "such sources that used webmail"},
    Entry{"passing_areas_2h", "networks of the owner's country that sent a little and never read"},
    Entry{"passing_areas_24h", "networks of the owner's country that sent a little and never read"},
    Entry{"messages_since_woke", "messages since the account was used again"},
    Entry{"slept_days", "days without any use before that"},
    Entry{"stray_run_rises_24h", "steps in a row, each larger than the one before, by unfamiliar sources"},
    Entry{"stray_refused_runs_24h", "of these steps ended at one of our limits"},
    Entry{"stray_run_messages", "messages sent in one go by unfamiliar sources"},
    Entry{"stray_day_before", "messages sent by them before the last long pause"},
    Entry{"stray_refused_24h", "refused as spam or by policy, of what unfamiliar sources sent"},
    Entry{"stray_put_off_24h", "put off for such reasons, of what unfamiliar sources sent"},
    Entry{"refused_24h", "refused as spam or by policy"},
    Entry{"stray_senders_1h", "sender addresses of unfamiliar sources that the owner never uses"},
    Entry{"stray_senders_24h", "sender addresses of unfamiliar sources that the owner never uses"},
    Entry{"complaints_72h", "feedback reports about its messages"},
    Entry{"released_hours_ago", "hours since a suspension ended"},
    Entry{"stray_messages_since_release", "messages by unfamiliar sources since then"},
    Entry{"domain_turned_share_milli", "share of the domain's active accounts that turned, at least, in thousandths"},
    Entry{"domain_turned_accounts", "other accounts of the domain that turned"},
    Entry{"campaign_turned_share_milli", "share of turned accounts among those such messages are sent from, at least, in thousandths"},
    Entry{"campaign_turned_accounts", "other turned accounts that such messages were sent from"},
    Entry{"failed_deliveries_1h", "deliveries that bounced or were refused"},
};

constexpr std::array kRules = {
    Entry{"beyond_doubt", "rotation over sources in several far countries or many near networks: enough by itself"},
    Entry{"two_families", "independent kinds of evidence agree, and their risk reaches this step"},
    Entry{"risk", "the risk reaches this step"},
    Entry{"relapse", "the same again after an operator let it go: less risk is enough"},
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
    case DetectorId::kSourceBurst: return "an unfamiliar address, or one in a country hardly read from, sent message after message";
    case DetectorId::kRecipientTendency: return "wrote mostly to people the owner never wrote to";
    case DetectorId::kSendWithoutRead: return "sent from where nobody reads the owner's mail";
    case DetectorId::kGuessing: return "somebody tried many passwords";
    case DetectorId::kGuessingThenUse: return "a password was guessed, then somebody unfamiliar sent";
    case DetectorId::kBounceSurge: return "receivers bounced or refused far too many messages";
    case DetectorId::kSharedSource: return "sent from a network that other stolen accounts use";
    case DetectorId::kImpossibleTravel: return "sent from farther away than the owner can have travelled";
    case DetectorId::kSourceClass: return "sent from rented servers, where the owner uses homes and phones";
    case DetectorId::kWebmailOrigin: return "logged in to webmail from abroad and sent message after message";
    case DetectorId::kDomesticRotation: return "sent from one network after another of the owner's own country";
    case DetectorId::kDormantAwakening: return "sent from somewhere new after months without any use";
    case DetectorId::kLimitProbing: return "sent more each time, as if to find the limit";
    case DetectorId::kSpamRefusal: return "receivers refused its messages as spam";
    case DetectorId::kSenderVariety: return "sent under addresses that the owner never uses";
    case DetectorId::kComplaint: return "people who got its messages reported them as spam";
    case DetectorId::kRelapse: return "was let go, and the same began again";
    case DetectorId::kDomainCohort: return "sent by somebody unfamiliar, as from other accounts of the same domain just now";
    case DetectorId::kCampaign: return "sent what is being sent through other stolen accounts";
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
  // How long ago something was is evidence up to its threshold, all else from it on.
  const std::string_view bound = evidence.feature == "guessed_hours_ago" ? "at most " : "threshold ";
  if (evidence.threshold > 0) out += " (" + std::string(bound) + WithCommas(evidence.threshold) + ")";
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
  if (action.request == Request::kConfirmSuspension) {
    out += "A person is to say whether it shall be suspended: sekisho deny --account confirms it, sekisho release refuses.\n";
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
