// The policy: every number that decides, as plain values with documented defaults. YAML is read in engine/app.
// deploy/policy.yaml documents each key; a test keeps the two equal. A policy is an input of a run, and its version is in
// each action's id.
//
// Scores are points of risk in [1, 100]; what each number trades is said beside it.
#ifndef SEKISHO_ENGINE_POLICY_POLICY_H_
#define SEKISHO_ENGINE_POLICY_POLICY_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/model/order.h"
#include "engine/policy/account_set.h"
#include "engine/window/exceptions.h"
#include "engine/window/source_classes.h"
#include "engine/rules/rule_set.h"

namespace sekisho {

enum class DetectorMode : uint8_t { kOn = 0, kShadow = 1, kOff = 2 };

// Whose account it is, for how much is usual and who decides.
enum class CustomerClass : uint8_t {
  kConsumer = 0,
  kBusiness = 1,  // a person confirms a suspension; until then the account is only throttled
  kSender = 2,    // newsletters and applications: volume limits of their own
};

// Each entry stands in every snapshot's marker, with the rest of the policy's text, and that is written each second.
inline constexpr size_t kAccountPatternsMax = 2000;
inline constexpr size_t kAllowEntriesMax = 500;

// A count in a window, and the score when it is reached.
struct Limit {
  int64_t at_least = 0;
  int32_t score = 0;
};

struct Policy {
  std::string version = "default-1";
  Mode mode = Mode::kEnforce;

  // Thresholds move by up to this share up or down, by account and day, under the key: what one account teaches a thief
  // does not hold for the next, or tomorrow. 0 switches it off.
  int32_t jitter_percent = 10;
  HashKey jitter_key = HashKey::FromPassphrase("sekisho");

  // Countries where the operator's customers live, as ISO 3166 codes ("JP"); empty: learned from the accounts.
  std::vector<uint16_t> home_countries;

  // An account that no list names is a consumer's. An exact name comes before a domain.
  AccountSet business, senders;
  // What is enforced for others is only told for these, as if `mode` were shadow.
  AccountSet shadowed;
  // Whom operators trust, by the file; an order given by the log comes before it. Only Allow() changes it.
  std::vector<Exception> allow;
  Exceptions allowed{kAllowEntriesMax};  // the same, to look up
  // Which networks and AS numbers are homes', carriers', hosters', and so on. A source in none is of unknown class, and
  // what asks for the class says nothing then. Too wide a class "hosting" makes owners' VPNs look like rented servers.
  SourceClasses source_classes = SourceClasses::Default();

  std::array<DetectorMode, kDetectors> detectors{};

  // Countries, far from the owner's, that stray sources sent from.
  struct CountryVelocity {
    Limit two_hours = {3, 60};   // lower: finds a rotation one message earlier, stops two-country trips
    Limit first_two = {2, 50};   // in two hours; suspends only with other evidence as strong
    Limit day = {4, 55};         // unless
    int64_t judged_min = 5;      // so many recipients of that day are judged, and three in ten of them known
  } country_velocity;

  // Stray sources that sent at most three messages each and moved on.
  struct SourceRotation {
    Limit two_hours = {4, 50};
    Limit day = {8, 50};
    Limit far_day = {5, 45};     // far sources only
    int64_t judged_min = 5;      // so many recipients of that day judged, three in ten of them known, silence `day` and `far_day`
  } source_rotation;

  // Distinct sources in 24 h, of which at least a third are stray.
  struct SourceDispersion {
    int64_t sources_min = 20;    // below this nobody is dispersed
    int64_t usual_factor_percent = 300;  // of the most on one earlier day
    int32_t score = 40;
  } source_dispersion;

  // Messages by stray sources.
  struct SourceBurst {
    Limit minute = {10, 45};
    Limit ten_minutes = {10, 35};
    Limit hour = {25, 55};
    Limit hour_high = {60, 70};
    int64_t recipients_per_message = 3;  // the same scores at so many times as many recipients,
    int64_t recipients_messages_min = 7; // of at least so many messages: one message to a whole club is no burst
    int64_t judged_min = 5;              // so many judged recipients, three in ten of them known, halve the score
    int64_t as_usual_points = 20;        // the share of strangers may be so far above the account's habit
    int64_t as_usual_percent = 75;       // for the score to be this part of itself
    int64_t read_factor_percent = 200;   // sources in surroundings that are read from, if little, may send so much more
    int64_t near_factor_percent = 1000;  // sources in the owner's own country may send so much more,
    int64_t newcomer_factor_percent = 300;  // or so much where the account itself was first seen when the log was a week old
    int64_t near_score_percent = 80;     // and weigh so much
    Limit side_country = {280, 45};       // in 24 h, whoever sent, now by a known source in a country that
    int64_t side_percent_max = 20;       // so few of the owner's mailbox reads come from
    int64_t side_factor_percent = 300;   // of the most messages on one earlier day
  } source_burst;

  // Messages of the account, whatever the source, against its class's limit and its own habit.
  struct Rate {
    int64_t hour_limit = 0, day_limit = 0;      // below these nobody sends too much
    int64_t usual_factor_percent = 300;         // of the most on one earlier day
    int32_t score = 30, score_high = 45;        // high: three times the threshold
  };
  Rate send_rate = {.hour_limit = 200, .day_limit = 500};
  Rate recipient_rate = {.hour_limit = 300, .day_limit = 1000};
  // In their place, for the class `sender`.
  struct VolumeLimits {
    int64_t hour_limit = 0, day_limit = 0;
  };
  VolumeLimits sender_send_rate = {5'000, 20'000};
  VolumeLimits sender_recipient_rate = {50'000, 200'000};

  // Recipients the account never wrote to.
  struct RecipientTendency {
    int64_t new_percent_min = 80;        // of the recipients judged in one hour
    int64_t usual_new_percent_max = 60;  // an account that always writes to strangers (a shop) is not odd
    Limit first = {5, 20};               // new ones in one hour, written to by far strays
    int64_t messages_min = 6;            // by strays in that hour, for the next two
    Limit few = {5, 40};                 // more of them than the account's habit brings about by chance
    Limit many = {20, 45};
    Limit near_few = {8, 20};            // by near strays
    Limit near_many = {30, 25};
    Limit habitual = {20, 20};           // far strays of an account that always writes to strangers
    Limit side_country = {150, 30};      // in 24 h, now by a known source in a country that few reads come from
    Limit unread_source = {100, 30};     // a source in the owner's surroundings that never read mail itself
    Limit known_source = {100, 5};      // the owner's own source: a mailing, perhaps a large one
  } recipient_tendency;

  // Stray sending by an account whose owner reads mail, with no reading from where it is sent.
  struct SendWithoutRead {
    int64_t messages_min = 3;            // in 24 h
    int64_t history_days_min = 7;        // before, a traveller's first days abroad may look the same
    int64_t judged_min = 5;              // so many judged recipients, three in ten of them known, silence it
    int32_t far_score = 30, far_score_unsettled = 10;
  } send_without_read;

  struct Guessing {
    int64_t failures_min = 10, sources_min = 4;  // in one hour
    int32_t score = 20;
  } guessing;

  struct GuessingThenUse {
    int64_t hours_max = 336;             // between the guessed success and the sending
    int64_t fresh_hours = 24;            // beyond, it may as well be chance that an unfamiliar source sends
    int32_t score = 50, score_late = 35, same_source_score = 60;
  } guessing_then_use;

  struct BounceSurge {
    Limit failed = {10, 35};             // deliveries bounced or refused in one hour
    Limit failed_high = {50, 50};
    int64_t percent_min = 25;            // of the deliveries of that hour
    int64_t own_score_percent = 30;      // where no stray sent: an old address book, an old list
  } bounce_surge;

  // A stray source in a network that other accounts were suspended over.
  struct SharedSource {
    int64_t accounts_min = 3;            // others found bad there; lower lets one thief's few accounts condemn a network
    Limit some = {400, 25};              // lower bound of bad / (bad + good) accounts, in thousandths; lower hits a VPN's customers
    Limit most = {600, 40};              // hardly anybody good is seen there
    int32_t denied_score = 40;           // an operator denied the source, or the account
  } shared_source;

  // A stray source sends from farther than anyone can have travelled since the owner's last use, within 24 h.
  struct ImpossibleTravel {
    int64_t kmh_min = 1'000;             // lower: hits people who slept on a plane
    int64_t km_min = 500;                // beyond what the two countries themselves reach over
    int64_t history_days_min = 7;        // before, an owner's countries aren't known yet
    int32_t sent_score = 20;             // the owner sent where he was
    int32_t read_score = 10;             // he only read there: perhaps a computer that was left on
  } impossible_travel;

  // A stray source in a hosting network sends for an account that is at home only in homes and on phones.
  struct SourceClassChange {
    Limit few = {3, 20};                 // messages from hosting networks; lower: hits who tries a new program once
    Limit many = {10, 30};
    int64_t history_days_min = 7;        // before, a new customer's own server isn't known yet
  } source_class;

  // Messages through webmail whose session was opened from a country that isn't the owner's.
  struct WebmailOrigin {
    Limit few = {5, 15};                 // in one hour; lower: hits travellers who answer their mail at an internet cafe
    Limit many = {15, 25};
    Limit sources = {3, 25};             // foreign sources that used webmail in 24 h, of at least messages_min messages
    int64_t messages_min = 3;
    int64_t judged_min = 5;              // so many judged recipients, three in ten of them known, silence it
  } webmail_origin;

  // Areas (AS numbers, else /16 and /32) in the owner's own country, from each of which passing sources sent.
  struct DomesticRotation {
    Limit two_hours = {4, 50};           // lower: hits who sends, without reading, from one borrowed network after another
    Limit two_hours_high = {7, 60};
    Limit two_hours_most = {10, 70};     // beyond doubt together with source_rotation, see there
    Limit day = {8, 50};
    int64_t usual_factor_percent = 400;  // of the passing sources on a mean day of this account
  } domestic_rotation;

  // An account that nobody used for months is used to send, from an area it was never used from.
  struct DormantAwakening {
    int64_t days_min = 60;               // of silence; lower: meets long holidays
    Limit messages = {3, 25};            // since it woke up
    int32_t read_score = 10;             // mail is read where it is sent, as an owner who comes back would
  } dormant_awakening;
  // Volume by stray sources that rises in steps, with pauses between them, or is back the next day.
  struct LimitProbing {
    Limit steps = {2, 30};               // steps in a row within 24 h; 1 stops travellers whose second mailing is the larger one
    Limit many_steps = {3, 40};
    int64_t step_messages_min = 8;       // in the last step; below it nobody is looking for a limit
    int64_t day_before_min = 40;         // messages before the pause of a night; below it there was no limit to be found
    int64_t return_percent = 30;         // of them, in the first run since
    int32_t return_score = 35;
    int64_t near_score_percent = 60;     // in the owner's own country scores are this part
  } limit_probing;

  // Receivers refuse what is sent as spam, by policy, or for its sender's reputation; unknown recipients don't count.
  struct SpamRefusal {
    Limit few = {2, 25};                 // in 24 h, of messages by strays; 1 would let one strict receiver speak for all
    Limit many = {6, 40};
    int64_t percent_min = 5;             // of the strays' recipients; a large mailing is refused by somebody
    Limit put_off = {10, 15};            // for now (4.7.x), of messages by strays: it happens to everybody
    int64_t put_off_percent_min = 40;
    Limit own = {20, 25};                // in 24 h, whoever sent
    int64_t own_percent_min = 20;        // of the deliveries of those 24 h
    int64_t usual_factor_percent = 300;  // of the mean day's
  } spam_refusal;

  // Envelope senders of stray sources that the owner's own sources never used.
  struct SenderVariety {
    Limit hour = {3, 40};                // lower: one message earlier; stops people who bring two new addresses on a journey
    Limit day = {6, 40};
    int64_t near_score_percent = 60;     // in the owner's own country scores are this part: a new office server sends there
  } sender_variety;

  // Feedback reports about the account's messages, in 72 h.
  struct Complaint {
    int64_t stray_messages_min = 3;      // by strays in 7 days, from which on the first two limits hold
    Limit stray_few = {2, 30};           // 1 would let a single reader decide
    Limit stray_many = {6, 45};
    Limit own = {5, 30};                 // otherwise: lower finds spam from the owner's own computer, and hits newsletters
    int64_t own_permille_min = 5;        // of the recipients of 7 days; wanted mailings have one in a thousand
    int64_t usual_factor_percent = 300;  // of what is usual in 72 h
  } complaint;

  // Messages by strays of an account that was suspended and let go.
  struct Relapse {
    int64_t hours_max = 336;             // since the release; longer watches thieves for longer, and owners who were wronged
    Limit same_source = {1, 40};         // from a source that had sent as a stray before
    Limit other_source = {3, 30};        // from any, while the password is the old one
    int64_t near_score_percent = 60;     // in the owner's own country scores are this part
  } relapse;
  // A stray source, while other accounts of the domain have turned.
  struct DomainCohort {
    int64_t accounts_min = 2;            // others; lower lets one stolen account throw suspicion on a family
    Limit some = {25, 20};               // lower bound of turned / (turned + active) accounts, in thousandths
    Limit most = {80, 25};               // a large part of the company
  } domain_cohort;

  // A stray's message of a pattern that strays of other, turned accounts send.
  struct Campaign {
    int64_t accounts_min = 3;            // others; lower takes two thieves with letters of one size for one
    Limit some = {300, 10};              // lower bound of turned / all accounts that strays send such messages from, in thousandths
    Limit most = {500, 15};              // hardly any of them hasn't turned
  } campaign;

  // own_rule: the operator's, beside the detectors.
  rules::RuleSet rules;

  // The ladder. A rung is reached by risk, with evidence of so many independent families; origin and mailbox are one
  // family here (a new network and no reading from it are one fact), and so are reputation and cohort (what others did).
  struct Rung {
    int32_t risk = 0;
    int32_t families = 1;
    Span lasts;                          // expiry of what the rung does
  };
  Rung observe = {30, 1, Span()};
  Rung notify = {55, 2, Span()};
  Rung throttle = {60, 2, Span::Hours(1)};
  Rung suspend = {70, 2, Span::Hours(24)};
  // source_rotation with country_velocity, or with domestic_rotation, suspends by itself, each at these scores at least. Owners
  // hop through two countries by VPN, and phones move through near networks, so those must be higher.
  int32_t beyond_doubt_score = 45;
  int32_t beyond_doubt_velocity_score = 55;
  int32_t beyond_doubt_domestic_score = 70;

  Span announce_every = Span::Hours(24);  // observe and notify are said at most so often
  Span evidence_fresh = Span::Hours(6);   // evidence this close to the expiry renews a suspension
  Span suspend_max = Span::Days(7);       // renewals double up to this

  // After a release that an operator guarded, and its grace: what brought the account down before needs less risk to suspend it
  // again, though still two families.
  struct RelapseGuard {
    Span lasts = Span::Days(14);  // from the end of the grace
    int32_t points = 10;          // so much less
  } relapse_guard;

  // More than max(suspensions_min, factor x usual) suspensions in ten minutes become throttles.
  struct CircuitBreaker {
    int64_t suspensions_min = 20;
    int64_t usual_factor = 5;
  } circuit_breaker;

  CustomerClass ClassOf(std::string_view login) const;
  // What may be done about this account at most.
  Mode ModeFor(std::string_view login) const { return shadowed.Find(login) == AccountSet::Match::kNone ? mode : Mode::kShadow; }
  // Adds to `allow`. False: there are kAllowEntriesMax.
  bool Allow(const Exception& exception);

  static Policy Default() { return Policy(); }
};

std::string_view Name(CustomerClass customer);  // "consumer", "business", "sender"

// In [-jitter_percent, +jitter_percent], the same for one account all day (UTC).
int32_t Jitter(const Policy& policy, AccountId account, EventTime at);

// `threshold` moved by `jitter` percent, rounded to nearest; never below 1.
int64_t Jittered(int64_t threshold, int32_t jitter);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_POLICY_POLICY_H_
