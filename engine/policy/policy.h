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
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/model/action.h"
#include "engine/rules/rule_set.h"

namespace sekisho {

enum class DetectorMode : uint8_t { kOn = 0, kShadow = 1, kOff = 2 };

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

  std::array<DetectorMode, kDetectors> detectors{};

  // Countries, far from the owner's, that stray sources sent from.
  struct CountryVelocity {
    Limit two_hours = {3, 60};   // lower: finds a rotation one message earlier, stops two-country trips
    Limit first_two = {2, 30};   // in two hours; alone only observed
    Limit day = {4, 55};
  } country_velocity;

  // Stray sources that sent at most three messages each and moved on.
  struct SourceRotation {
    Limit two_hours = {4, 50};
    Limit day = {8, 50};
    Limit far_day = {5, 45};     // far sources only
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
    Limit ten_minutes = {8, 35};
    Limit hour = {25, 55};
    Limit hour_high = {60, 70};
    int64_t recipients_per_message = 3;  // the same scores at so many times as many recipients,
    int64_t recipients_messages_min = 3; // of at least so many messages: one message to a whole club is no burst
    int64_t judged_min = 5;              // so many judged recipients, less than half of them new, halve the score
    int64_t read_factor_percent = 200;   // sources in surroundings that are read from, if little, may send so much more
    int64_t near_factor_percent = 300;   // sources in the owner's own country may send so much more,
    int64_t near_score_percent = 80;     // and weigh so much
  } source_burst;

  // Messages of the account, whatever the source, against its class's limit and its own habit.
  struct Rate {
    int64_t hour_limit = 0, day_limit = 0;      // below these nobody sends too much
    int64_t usual_factor_percent = 300;         // of the most on one earlier day
    int32_t score = 30, score_high = 45;        // high: three times the threshold
  };
  Rate send_rate = {.hour_limit = 200, .day_limit = 500};
  Rate recipient_rate = {.hour_limit = 300, .day_limit = 1000};

  // Recipients the account never wrote to.
  struct RecipientTendency {
    int64_t new_percent_min = 80;        // of the recipients judged in one hour
    int64_t usual_new_percent_max = 60;  // an account that always writes to strangers (a shop) is not odd
    Limit few = {5, 40};                 // new ones in one hour, written to by far strays
    Limit many = {20, 45};
    Limit near_few = {8, 20};            // by near strays
    Limit near_many = {30, 25};
    Limit habitual = {20, 20};           // far strays of an account that always writes to strangers
    Limit unread_source = {100, 30};     // a source in the owner's surroundings that never read mail itself
    Limit known_source = {100, 5};      // the owner's own source: a mailing, perhaps a large one
  } recipient_tendency;

  // Stray sending by an account whose owner reads mail, with no reading from where it is sent.
  struct SendWithoutRead {
    int64_t messages_min = 3;            // in 24 h
    int64_t history_days_min = 7;        // before, a traveller's first days abroad may look the same
    int32_t far_score = 30, far_score_unsettled = 25;
  } send_without_read;

  struct Guessing {
    int64_t failures_min = 10, sources_min = 4;  // in one hour
    int32_t score = 20;
  } guessing;

  struct GuessingThenUse {
    int64_t hours_max = 336;             // between the guessed success and the sending
    int32_t score = 50, same_source_score = 60;
  } guessing_then_use;

  struct BounceSurge {
    Limit failed = {10, 35};             // deliveries bounced or refused in one hour
    Limit failed_high = {50, 50};
    int64_t percent_min = 25;            // of the deliveries of that hour
  } bounce_surge;

  // A stray source in a network that other accounts were suspended over.
  struct SharedSource {
    int64_t accounts_min = 3;            // others found bad there; lower lets one thief's few accounts condemn a network
    Limit some = {300, 25};              // lower bound of bad / (bad + good) accounts, in thousandths
    Limit most = {600, 40};              // hardly anybody good is seen there
    int32_t denied_score = 40;           // an operator denied the source, or the account
  } shared_source;

  // own_rule: the operator's, beside the detectors.
  rules::RuleSet rules;

  // The ladder. A rung is reached by risk, with evidence of so many independent families; origin and mailbox are one
  // family here (a new network and no reading from it are one fact).
  struct Rung {
    int32_t risk = 0;
    int32_t families = 1;
    Span lasts;                          // expiry of what the rung does
  };
  Rung observe = {30, 1, Span()};
  Rung notify = {55, 2, Span()};
  Rung throttle = {60, 2, Span::Hours(1)};
  Rung suspend = {70, 2, Span::Hours(24)};
  // country_velocity and source_rotation together, each at this score at least, suspend by themselves.
  int32_t beyond_doubt_score = 45;

  Span announce_every = Span::Hours(24);  // observe and notify are said at most so often
  Span evidence_fresh = Span::Hours(6);   // evidence this close to the expiry renews a suspension
  Span suspend_max = Span::Days(7);       // renewals double up to this

  // More than max(suspensions_min, factor x usual) suspensions in ten minutes become throttles.
  struct CircuitBreaker {
    int64_t suspensions_min = 20;
    int64_t usual_factor = 5;
  } circuit_breaker;

  static Policy Default() { return Policy(); }
};

// In [-jitter_percent, +jitter_percent], the same for one account all day (UTC).
int32_t Jitter(const Policy& policy, AccountId account, EventTime at);

// `threshold` moved by `jitter` percent, rounded to nearest; never below 1.
int64_t Jittered(int64_t threshold, int32_t jitter);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_POLICY_POLICY_H_
