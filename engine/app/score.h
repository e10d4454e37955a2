// Scores a run's actions against the truth of a simulation: what was found of each kind of attack, what escaped, whom
// it hit wrongly. Enforcement is counted as it is: sending is stopped from kEnforcementDelay after a suspension's own
// time until it expires or is released.
//
// `sekisho evaluate` and bench/detection both score by this, so their figures mean the same.
#ifndef SEKISHO_ENGINE_APP_SCORE_H_
#define SEKISHO_ENGINE_APP_SCORE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/model/action.h"

namespace sekisho::app {

inline constexpr Span kEnforcementDelay = Span::Seconds(2);

struct AbuseMessage {
  EventTime time;
  uint32_t recipients = 0;
};

struct TruthAccount {
  std::string kind;    // of the owner
  std::string attack;  // empty: never stolen
  EventTime compromised;  // the thief's first use; Never() if not stolen
  std::vector<AbuseMessage> abuse;  // in the order of time
};

struct Truth {
  std::map<std::string, TruthAccount, std::less<>> accounts;
  double days = 0;  // length of the run
  EventTime start;
  // What a log says of a time may be so much earlier than the truth's: logs tell whole seconds, and clocks of hosts are
  // apart. An action so shortly before the thief's first use is about the thief.
  Span clock_error;
};

// What scoring needs of an action.
struct ScoredAction {
  std::string account;
  ActionKind kind = ActionKind::kObserve;
  EventTime time, expires;
  std::string why;  // rule and signals, for people
  bool renewal = false;  // goes on with a suspension that stood
};

struct AttackScore {
  uint32_t stolen = 0;     // accounts with at least one abusive message
  uint32_t suspended = 0;  // by an enforced suspension after the compromise
  uint32_t by_second_day = 0;  // of these, within 48 h of the first abusive message
  std::vector<double> escaped_recipients;  // one of each stolen account, suspended or not
  std::vector<double> seconds_to_suspend;  // from the first abusive message (0 if before it); of suspended ones
};

struct OwnerScore {
  uint32_t accounts = 0;
  double days = 0;  // account-days before a compromise, if any
  uint32_t suspended = 0, throttled = 0, notified = 0;  // accounts wrongly hit in that way, each once
  uint32_t suspensions = 0;  // wrong ones, without renewals: an owner may be hit again and again
};

struct WrongSuspension {
  std::string account, kind, why;
  EventTime time;
};

struct Score {
  std::map<std::string, AttackScore> attacks;
  std::map<std::string, OwnerScore> owners;  // by the owner's kind
  std::vector<WrongSuspension> wrong;        // in the order of time
  uint64_t unknown_accounts = 0;             // actions on accounts that the truth doesn't know
};

// `actions` in the order of their records.
Score ScoreRun(const Truth& truth, const std::vector<ScoredAction>& actions);

// The value below which `share` of `values` lie (nearest rank); 0 of none. `values` is reordered.
double Quantile(std::vector<double>* values, double share);

struct Interval {
  double low = 0, high = 0;
};
// Wilson's score interval at 95% for `hits` of `trials` (Wilson 1927); in shares of 1. [0, 1] for no trials.
Interval WilsonInterval(double hits, double trials);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_SCORE_H_
