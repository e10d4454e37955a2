// The detectors' keys, in the order of their numbers.
#include <string>
#include <utility>

#include "engine/app/policy_yaml_parts.h"

namespace sekisho::app {
namespace {

// Adds the keys of one detector below its section.
class DetectorKeys {
 public:
  DetectorKeys(YamlFields* fields, Policy* policy, DetectorId id, std::string doc)
      : fields_(fields), path_("detectors." + std::string(Name(id))) {
    fields_->Section(path_, std::move(doc));
    fields_->Enum(path_ + ".mode", &policy->detectors[static_cast<size_t>(id)],
                  {{"enforce", static_cast<int>(DetectorMode::kOn)},
                   {"shadow", static_cast<int>(DetectorMode::kShadow)},
                   {"off", static_cast<int>(DetectorMode::kOff)}},
                  "shadow: the signal is computed and told, but nothing follows from it");
  }
  void Count(const std::string& key, int64_t* field, std::string doc) {
    fields_->Integer(path_ + "." + key, field, 1, kPolicyCountMax, std::move(doc));
  }
  void Percent(const std::string& key, int64_t* field, std::string doc) {
    fields_->Integer(path_ + "." + key, field, 0, 100'000, std::move(doc));
  }
  void Permille(const std::string& key, int64_t* field, std::string doc) {
    fields_->Integer(path_ + "." + key, field, 0, 1000, std::move(doc));
  }
  void Score(const std::string& key, int32_t* field, std::string doc) {
    fields_->Integer(path_ + "." + key, field, 0, 100, std::move(doc));
  }
  void Limit(const std::string& key, struct Limit* limit, std::string doc) {
    fields_->Section(path_ + "." + key, std::move(doc));
    Count(key + ".at_least", &limit->at_least, "The signal is raised from this count on");
    Score(key + ".score", &limit->score, "Points of risk it then brings");
  }

 private:
  YamlFields* const fields_;
  const std::string path_;
};

void AddOrigin(YamlFields* f, Policy* p) {
  DetectorKeys velocity(f, p, DetectorId::kCountryVelocity,
                        "Countries far from the owner's that unfamiliar sources sent from");
  velocity.Limit("two_hours", &p->country_velocity.two_hours,
                 "Within 2 h. Lower finds a rotation a message earlier, and stops trips through two countries");
  velocity.Limit("first_two", &p->country_velocity.first_two, "Within 2 h; suspends only with evidence of another kind");
  velocity.Limit("day", &p->country_velocity.day, "Within 24 h: a slower rotation");
  velocity.Count("judged_min", &p->country_velocity.judged_min,
                 "From so many recipients of that day on, `day` is silent where three in ten of them are people the account knows");

  DetectorKeys rotation(f, p, DetectorId::kSourceRotation,
                        "Unfamiliar sources that sent at most three messages each and moved on");
  rotation.Limit("two_hours", &p->source_rotation.two_hours,
                 "Within 2 h. Lower finds a rotation earlier, and stops people who walk between networks");
  rotation.Limit("day", &p->source_rotation.day, "Within 24 h");
  rotation.Limit("far_day", &p->source_rotation.far_day, "Within 24 h, counting only sources in countries new to the owner");
  rotation.Count("judged_min", &p->source_rotation.judged_min,
                 "From so many recipients of that day on, `day` and `far_day` are silent where three in ten of them are people the "
                 "account knows");

  DetectorKeys dispersion(f, p, DetectorId::kSourceDispersion,
                          "More sources in 24 h than the account is used to, a third of them unfamiliar at least");
  dispersion.Count("sources_min", &p->source_dispersion.sources_min,
                   "Fewer are never too many: a phone on the road meets a new address with each cell");
  dispersion.Percent("usual_factor_percent", &p->source_dispersion.usual_factor_percent,
                     "Of the most sources on one earlier day");
  dispersion.Score("score", &p->source_dispersion.score, "Points of risk");
}

void AddRate(YamlFields* f, Policy* p, DetectorId id, Policy::Rate* rate, std::string doc) {
  DetectorKeys keys(f, p, id, std::move(doc));
  keys.Count("hour_limit", &rate->hour_limit, "Within 1 h; fewer are never too many");
  keys.Count("day_limit", &rate->day_limit, "Within 24 h; fewer are never too many");
  keys.Percent("usual_factor_percent", &rate->usual_factor_percent,
               "Of the most on one earlier day: a newsletter's habit raises its own limit");
  keys.Score("score", &rate->score, "Points of risk");
  keys.Score("score_high", &rate->score_high, "Points of risk from three times the limit on");
}

void AddVolume(YamlFields* f, Policy* p) {
  DetectorKeys burst(f, p, DetectorId::kSourceBurst, "Messages that unfamiliar sources sent");
  burst.Limit("minute", &p->source_burst.minute, "Within 1 min, from sources in countries new to the owner");
  burst.Limit("ten_minutes", &p->source_burst.ten_minutes,
              "Within 10 min. Lower lets fewer recipients escape, and stops owners who mail from a new place in a hurry");
  burst.Limit("hour", &p->source_burst.hour, "Within 1 h");
  burst.Limit("hour_high", &p->source_burst.hour_high, "Within 1 h, beyond what people send by hand");
  burst.Count("recipients_per_message", &p->source_burst.recipients_per_message,
              "So many recipients weigh like one message");
  burst.Count("recipients_messages_min", &p->source_burst.recipients_messages_min,
              "Recipients count from so many messages on: one message to a whole club is no burst");
  burst.Count("judged_min", &p->source_burst.judged_min,
              "From so many recipients on, the score is halved where three in ten of them are people the account knows");
  burst.Percent("as_usual_points", &p->source_burst.as_usual_points,
                "Where the recipients' share of strangers is at most so many points above what the account is used to");
  burst.Percent("as_usual_percent", &p->source_burst.as_usual_percent,
                "the score is this part of itself. Less spares owners who write to strangers every day, and gives those who steal "
                "their accounts time");
  burst.Percent("read_factor_percent", &p->source_burst.read_factor_percent,
                "Where mail is read too, if only a little, a source may send so much more");
  burst.Percent("near_factor_percent", &p->source_burst.near_factor_percent,
                "Sources in the owner's own country may send so much more");
  burst.Percent("newcomer_factor_percent", &p->source_burst.newcomer_factor_percent,
                "The same where the account itself is new: first seen when the log was a week old");
  burst.Percent("near_score_percent", &p->source_burst.near_score_percent, "Their scores are this part of the others'");
  burst.Limit("side_country", &p->source_burst.side_country,
              "Within 24 h, the last of them from a familiar source, but in a country that the owner seldom reads from: who "
              "watched the mailbox for days before he sends is familiar, too");
  burst.Percent("side_percent_max", &p->source_burst.side_percent_max, "Of the owner's reads, at most so many are from there");
  burst.Percent("side_factor_percent", &p->source_burst.side_factor_percent,
                "Of the most messages on one earlier day: below, nothing is odd");
  AddRate(f, p, DetectorId::kSendRate, &p->send_rate, "Messages of the account, from whatever source");
  AddRate(f, p, DetectorId::kRecipientRate, &p->recipient_rate, "Recipients of the account, from whatever source");
}

void AddRecipients(YamlFields* f, Policy* p) {
  DetectorKeys tendency(f, p, DetectorId::kRecipientTendency, "Recipients that the account never wrote to");
  tendency.Percent("new_percent_min", &p->recipient_tendency.new_percent_min, "Their share of that hour's recipients");
  tendency.Percent("usual_new_percent_max", &p->recipient_tendency.usual_new_percent_max,
                   "An account with a larger share by habit (a shop) is only judged by `habitual`");
  tendency.Limit("first", &p->recipient_tendency.first,
                 "New recipients within 1 h of unfamiliar sources in countries new to the owner; too weak to act on with as weak another");
  tendency.Count("messages_min", &p->recipient_tendency.messages_min,
                 "Messages of such sources within that hour, for `few` and `many`. Lower is earlier, and stops who tells many at once "
                 "of his move");
  tendency.Limit("few", &p->recipient_tendency.few,
                 "The same, and more in a row than this account would write to by chance once in ten thousand times. Lower finds "
                 "ten-messages-a-day abuse sooner, and stops travellers who make new friends");
  tendency.Limit("many", &p->recipient_tendency.many, "The same, many of them");
  tendency.Limit("near_few", &p->recipient_tendency.near_few, "The same, of sources in the owner's own country");
  tendency.Limit("near_many", &p->recipient_tendency.near_many, "The same, many of them");
  tendency.Limit("habitual", &p->recipient_tendency.habitual,
                 "Of sources in countries new to the owner, where strangers are this account's habit");
  tendency.Limit("side_country", &p->recipient_tendency.side_country,
                 "Within 24 h, the last by a familiar source in a country that the owner seldom reads from");
  tendency.Limit("unread_source", &p->recipient_tendency.unread_source,
                 "Of a source in the owner's surroundings that never read mail, where the owner reads from others");
  tendency.Limit("known_source", &p->recipient_tendency.known_source,
                 "The same from a source that is the owner's: most often an honest mailing");
}

void AddMailboxAndCredential(YamlFields* f, Policy* p) {
  DetectorKeys unread(f, p, DetectorId::kSendWithoutRead,
                      "Unfamiliar sources send, and nobody reads mail from there, where the owner does read mail");
  unread.Count("messages_min", &p->send_without_read.messages_min, "Messages within 24 h; fewer say nothing");
  unread.Count("history_days_min", &p->send_without_read.history_days_min,
               "Days of history from which on the habit is settled; before, a traveller may look the same");
  unread.Count("judged_min", &p->send_without_read.judged_min,
               "From so many recipients on, it is silent where three in ten of them are people the account knows");
  unread.Score("far_score", &p->send_without_read.far_score, "Points of risk in a country new to the owner");
  unread.Score("far_score_unsettled", &p->send_without_read.far_score_unsettled,
               "The same before the habit is settled");

  DetectorKeys guessing(f, p, DetectorId::kGuessing, "Somebody is trying passwords");
  guessing.Count("failures_min", &p->guessing.failures_min, "Failed logins within 1 h by unfamiliar sources");
  guessing.Count("sources_min", &p->guessing.sources_min, "Distinct sources of them: one stale phone is only one");
  guessing.Score("score", &p->guessing.score, "Points of risk; low, because most guessing finds nothing");

  DetectorKeys use(f, p, DetectorId::kGuessingThenUse, "A password was guessed, and somebody unfamiliar sends");
  use.Count("hours_max", &p->guessing_then_use.hours_max, "Hours between the guessed login and the sending");
  use.Count("fresh_hours", &p->guessing_then_use.fresh_hours, "Hours after which it may be chance that another source sends");
  use.Score("score", &p->guessing_then_use.score, "Points of risk when another source sends");
  use.Score("score_late", &p->guessing_then_use.score_late, "The same after that time");
  use.Score("same_source_score", &p->guessing_then_use.same_source_score, "Points when the source that guessed sends");
}

void AddOutcome(YamlFields* f, Policy* p) {
  DetectorKeys surge(f, p, DetectorId::kBounceSurge, "Deliveries that failed for good or were refused as spam");
  surge.Limit("failed", &p->bounce_surge.failed, "Within 1 h. Lower is earlier, and hits old address books");
  surge.Limit("failed_high", &p->bounce_surge.failed_high, "Within 1 h, beyond any address book");
  surge.Percent("percent_min", &p->bounce_surge.percent_min, "Their share of that hour's deliveries, at least");
  surge.Percent("own_score_percent", &p->bounce_surge.own_score_percent,
                "Where only familiar sources sent, the scores are this part of the others': old lists bounce, too");
}

void AddReputation(YamlFields* f, Policy* p) {
  DetectorKeys shared(f, p, DetectorId::kSharedSource,
                      "An unfamiliar source sends from a network over which other accounts were suspended in the last 72 h");
  shared.Count("accounts_min", &p->shared_source.accounts_min,
               "Other accounts found bad there. Lower lets one thief's few accounts condemn a network");
  shared.Limit("some", &p->shared_source.some,
               "Bad among all accounts seen there, lower confidence bound in thousandths. Lower hits a VPN's customers");
  shared.Limit("most", &p->shared_source.most, "The same where hardly anybody good is seen");
  shared.Score("denied_score", &p->shared_source.denied_score, "Points of risk when an operator denied the source or the account");
}

void AddImpossibleTravel(YamlFields* f, Policy* p) {
  DetectorKeys travel(f, p, DetectorId::kImpossibleTravel,
                      "An unfamiliar source sends from farther than anyone can have travelled since the owner's last use");
  travel.Count("kmh_min", &p->impossible_travel.kmh_min, "Speed in km/h. Lower hits people who slept on a plane");
  travel.Count("km_min", &p->impossible_travel.km_min, "Distance in km, beyond what the two countries reach over");
  travel.Count("history_days_min", &p->impossible_travel.history_days_min,
               "Days of history from which on it is measured; before, the owner's countries aren't known");
  travel.Score("sent_score", &p->impossible_travel.sent_score, "Points of risk where the owner had sent mail");
  travel.Score("read_score", &p->impossible_travel.read_score,
               "Points where he had only read: perhaps a computer that was left on");
}

void AddSourceClass(YamlFields* f, Policy* p) {
  DetectorKeys change(f, p, DetectorId::kSourceClass,
                      "An unfamiliar source in a hosting network (see source_classes) sends for an account that is used from "
                      "homes and phones only");
  change.Limit("few", &p->source_class.few,
               "Messages from such sources within 24 h. Lower is earlier, and hits owners who try a new service");
  change.Limit("many", &p->source_class.many, "The same, many of them");
  change.Count("history_days_min", &p->source_class.history_days_min,
               "Days of history from which on it is judged; before, a new customer's own server isn't known");
}

void AddWebmailOrigin(YamlFields* f, Policy* p) {
  DetectorKeys webmail(f, p, DetectorId::kWebmailOrigin,
                       "Messages through webmail whose session was opened in a country new to the owner");
  webmail.Limit("few", &p->webmail_origin.few,
                "Within 1 h. Lower is earlier, and hits travellers who answer their mail through webmail");
  webmail.Limit("many", &p->webmail_origin.many, "The same, many of them");
  webmail.Limit("sources", &p->webmail_origin.sources, "Foreign sources that used webmail within 24 h");
  webmail.Count("messages_min", &p->webmail_origin.messages_min, "Sources count from so many such messages within 1 h on");
  webmail.Count("judged_min", &p->webmail_origin.judged_min,
                "From so many recipients on, it is silent where three in ten of them are people the account knows");
}

void AddDomesticRotation(YamlFields* f, Policy* p) {
  DetectorKeys rotation(f, p, DetectorId::kDomesticRotation,
                        "Networks in the owner's own country (by AS number, else /16 or /32) of which each sent a message or "
                        "two, and from which nobody ever read");
  rotation.Limit("two_hours", &p->domestic_rotation.two_hours,
                 "Within 2 h. Lower is earlier, and hits who sends from one borrowed network after another");
  rotation.Limit("two_hours_high", &p->domestic_rotation.two_hours_high, "The same, many of them");
  rotation.Limit("two_hours_most", &p->domestic_rotation.two_hours_most, "The same, more than anybody walks through");
  rotation.Limit("day", &p->domestic_rotation.day, "Within 24 h: a slower rotation");
  rotation.Percent("usual_factor_percent", &p->domestic_rotation.usual_factor_percent,
                   "Of such sources on a mean day of this account; the limits are above that");
}

void AddDormantAwakening(YamlFields* f, Policy* p) {
  DetectorKeys dormant(f, p, DetectorId::kDormantAwakening,
                       "An account that nobody used for months sends, from an area it was never used from");
  dormant.Count("days_min", &p->dormant_awakening.days_min, "Days without any use. Lower meets long holidays");
  dormant.Limit("messages", &p->dormant_awakening.messages, "Messages since it was used again, within 7 days");
  dormant.Score("read_score", &p->dormant_awakening.read_score,
                "Points where mail is read from where it is sent, as an owner who comes back would");
}

void AddLimitProbing(YamlFields* f, Policy* p) {
  DetectorKeys probing(f, p, DetectorId::kLimitProbing,
                       "Unfamiliar sources send in steps, each well above the one before, with pauses between, or are back "
                       "the next day for as much");
  probing.Limit("steps", &p->limit_probing.steps,
                "Steps in a row within 24 h. One would stop travellers whose second mailing is the larger one");
  probing.Limit("many_steps", &p->limit_probing.many_steps, "The same, beyond chance");
  probing.Count("step_messages_min", &p->limit_probing.step_messages_min,
                "Messages in the last step; with fewer nobody is looking for a limit");
  probing.Count("day_before_min", &p->limit_probing.day_before_min,
                "Messages before a night's pause; lower finds those who return earlier, and people on a longer journey");
  probing.Percent("return_percent", &p->limit_probing.return_percent, "Of them, sent again in one go after it");
  probing.Score("return_score", &p->limit_probing.return_score, "Points of risk of that");
  probing.Percent("near_score_percent", &p->limit_probing.near_score_percent,
                  "In the owner's own country the scores are this part of the others'");
}

void AddSpamRefusal(YamlFields* f, Policy* p) {
  DetectorKeys refusal(f, p, DetectorId::kSpamRefusal,
                       "Receivers refuse messages as spam, by policy or for their sender's reputation. Unknown recipients "
                       "don't count");
  refusal.Limit("few", &p->spam_refusal.few,
                "For good, within 24 h, of messages by unfamiliar sources. One would let a single strict receiver speak for all");
  refusal.Limit("many", &p->spam_refusal.many, "The same, many of them");
  refusal.Percent("percent_min", &p->spam_refusal.percent_min,
                  "Their share of these sources' recipients; somebody refuses every large mailing");
  refusal.Limit("put_off", &p->spam_refusal.put_off,
                "Put off with 4.7.x, within 24 h, of messages by unfamiliar sources; it happens to everybody");
  refusal.Percent("put_off_percent_min", &p->spam_refusal.put_off_percent_min, "Their share of these sources' recipients");
  refusal.Limit("own", &p->spam_refusal.own,
                "For good, within 24 h, whoever sent. Lower finds spam from the owner's own computer, and hits newsletters");
  refusal.Percent("own_percent_min", &p->spam_refusal.own_percent_min, "Their share of the account's finished deliveries");
  refusal.Percent("usual_factor_percent", &p->spam_refusal.usual_factor_percent,
                  "Of the account's mean day before: fewer are its habit");
}

void AddSenderVariety(YamlFields* f, Policy* p) {
  DetectorKeys variety(f, p, DetectorId::kSenderVariety,
                       "Unfamiliar sources send under addresses that the owner's own sources never used");
  variety.Limit("hour", &p->sender_variety.hour,
                "Within 1 h. Lower finds them a message earlier, and stops people who bring new addresses on a journey");
  variety.Limit("day", &p->sender_variety.day, "Within 24 h");
  variety.Percent("near_score_percent", &p->sender_variety.near_score_percent,
                  "In the owner's own country the scores are this part of the others'");
}

void AddComplaint(YamlFields* f, Policy* p) {
  DetectorKeys complaint(f, p, DetectorId::kComplaint, "Feedback reports (ARF) about the account's messages, within 72 h");
  complaint.Count("stray_messages_min", &p->complaint.stray_messages_min,
                  "Messages by unfamiliar sources within 7 days, from which on the complaints may be about these");
  complaint.Limit("stray_few", &p->complaint.stray_few, "Then. One would let a single reader decide");
  complaint.Limit("stray_many", &p->complaint.stray_many, "Then, many of them");
  complaint.Limit("own", &p->complaint.own,
                  "Otherwise. Lower finds spam from the owner's own computer, and hits newsletters");
  complaint.Permille("own_permille_min", &p->complaint.own_permille_min,
                     "Their share of the recipients of 7 days, in thousandths; wanted mailings have about one");
  complaint.Percent("usual_factor_percent", &p->complaint.usual_factor_percent,
                    "Of what is usual for the account: fewer are its habit");
}

void AddRelapse(YamlFields* f, Policy* p) {
  DetectorKeys relapse(f, p, DetectorId::kRelapse, "The account was suspended and let go, and unfamiliar sources send again");
  relapse.Count("hours_max", &p->relapse.hours_max,
                "Hours since the release. Longer watches thieves for longer, and owners who were wronged, too");
  relapse.Limit("same_source", &p->relapse.same_source, "Messages since the release, now from a source that had sent before it");
  relapse.Limit("other_source", &p->relapse.other_source, "From any unfamiliar source, while the password is the old one");
  relapse.Percent("near_score_percent", &p->relapse.near_score_percent,
                  "In the owner's own country the scores are this part of the others'");
}

void AddCohort(YamlFields* f, Policy* p) {
  DetectorKeys domain(f, p, DetectorId::kDomainCohort,
                      "A source in a country new to the owner sends, while other accounts of the same domain have turned within 6 h");
  domain.Count("accounts_min", &p->domain_cohort.accounts_min,
               "Other accounts that turned. Lower lets one stolen account throw suspicion on a whole family");
  domain.Limit("some", &p->domain_cohort.some, "Turned among the domain's active accounts, lower confidence bound in thousandths");
  domain.Limit("most", &p->domain_cohort.most, "The same where it is a large part of the company");

  DetectorKeys campaign(f, p, DetectorId::kCampaign,
                        "A source in a country new to the owner sends messages of a pattern that stolen accounts sent within 1 h");
  campaign.Count("accounts_min", &p->campaign.accounts_min,
                 "Other accounts that turned. Lower takes two thieves with letters of one size for one hand");
  campaign.Limit("some", &p->campaign.some,
                 "Turned among all accounts that unfamiliar sources send such messages from, lower confidence bound in thousandths");
  campaign.Limit("most", &p->campaign.most, "The same where hardly any of them hasn't turned");
}

}  // namespace

void AddDetectors(YamlFields* f, Policy* p) {
  f->Section("detectors", "Each brings points of risk. Of one family (origin and mailbox count as one) only the "
                          "strongest counts");
  AddOrigin(f, p);
  AddVolume(f, p);
  AddRecipients(f, p);
  AddMailboxAndCredential(f, p);
  AddOutcome(f, p);
  AddReputation(f, p);
  AddImpossibleTravel(f, p);
  AddSourceClass(f, p);
  AddWebmailOrigin(f, p);
  AddDomesticRotation(f, p);
  AddDormantAwakening(f, p);
  AddLimitProbing(f, p);
  AddSpamRefusal(f, p);
  AddSenderVariety(f, p);
  AddComplaint(f, p);
  AddRelapse(f, p);
  AddCohort(f, p);
}

}  // namespace sekisho::app
