#include "engine/app/score.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace sekisho::app {
namespace {

struct Stop {
  EventTime from, until;  // [from, until)
};

// The times at which the account's sending was stopped, from suspensions and releases in the order of their records.
std::vector<Stop> Stops(const std::vector<const ScoredAction*>& actions) {
  std::vector<Stop> stops;
  for (const ScoredAction* action : actions) {
    if (action->kind == ActionKind::kRelease) {
      for (Stop& stop : stops) stop.until = std::min(stop.until, std::max(stop.from, action->time));
    } else if (action->kind == ActionKind::kSuspend) {
      const EventTime forever = EventTime::FromMillis(INT64_MAX / 4);
      stops.push_back({action->time + kEnforcementDelay, action->expires.never() ? forever : action->expires});
    }
  }
  return stops;
}

bool Stopped(const std::vector<Stop>& stops, EventTime at) {
  return std::any_of(stops.begin(), stops.end(), [at](const Stop& s) { return s.from <= at && at < s.until; });
}

constexpr double kSecondDayEnds = 2 * 86'400;

// `since`: actions before are about the owner.
void ScoreTheft(const TruthAccount& account, EventTime since, const std::vector<const ScoredAction*>& actions,
                AttackScore* score) {
  if (account.abuse.empty()) return;
  ++score->stolen;
  const std::vector<Stop> stops = Stops(actions);
  double escaped = 0;
  for (const AbuseMessage& message : account.abuse) {
    if (!Stopped(stops, message.time)) escaped += message.recipients;
  }
  score->escaped_recipients.push_back(escaped);
  const auto found = std::find_if(actions.begin(), actions.end(), [&](const ScoredAction* a) {
    return a->kind == ActionKind::kSuspend && a->time >= since;
  });
  if (found == actions.end()) return;
  ++score->suspended;
  const Span late = (*found)->time - account.abuse.front().time;
  score->seconds_to_suspend.push_back(static_cast<double>(std::max<int64_t>(0, late.millis())) / 1000);
  score->by_second_day += score->seconds_to_suspend.back() <= kSecondDayEnds;
}

}  // namespace

Score ScoreRun(const Truth& truth, const std::vector<ScoredAction>& actions) {
  Score score;
  std::unordered_map<std::string_view, std::vector<const ScoredAction*>> by_account;
  for (const ScoredAction& action : actions) {
    if (truth.accounts.contains(action.account)) {
      by_account[action.account].push_back(&action);
    } else {
      ++score.unknown_accounts;
    }
  }
  static const std::vector<const ScoredAction*> kNothing;
  for (const auto& [login, account] : truth.accounts) {
    const auto found = by_account.find(login);
    const auto& mine = found == by_account.end() ? kNothing : found->second;
    const bool stolen = !account.attack.empty();
    const EventTime since = stolen ? account.compromised - truth.clock_error : EventTime::Never();
    if (stolen) ScoreTheft(account, since, mine, &score.attacks[account.attack]);

    OwnerScore& owner = score.owners[account.kind];
    ++owner.accounts;
    owner.days += stolen ? std::max(0.0, static_cast<double>((account.compromised - truth.start).seconds()) / 86'400)
                         : truth.days;
    const auto of_owner = [&](const ScoredAction* a) { return !stolen || a->time < since; };
    const auto wrongly = [&](ActionKind kind) {
      return std::find_if(mine.begin(), mine.end(), [&](const ScoredAction* a) { return a->kind == kind && of_owner(a); });
    };
    owner.notified += wrongly(ActionKind::kNotify) != mine.end();
    owner.throttled += wrongly(ActionKind::kThrottle) != mine.end();
    if (const auto first = wrongly(ActionKind::kSuspend); first != mine.end()) {
      ++owner.suspended;
      score.wrong.push_back({login, account.kind, (*first)->why, (*first)->time});
    }
    owner.suspensions += static_cast<uint32_t>(std::count_if(mine.begin(), mine.end(), [&](const ScoredAction* a) {
      return a->kind == ActionKind::kSuspend && !a->renewal && of_owner(a);
    }));
  }
  std::sort(score.wrong.begin(), score.wrong.end(),
            [](const auto& a, const auto& b) { return std::tie(a.time, a.account) < std::tie(b.time, b.account); });
  return score;
}

double Quantile(std::vector<double>* values, double share) {
  if (values->empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(values->size()));
  const size_t index = static_cast<size_t>(std::clamp(rank, 1.0, static_cast<double>(values->size()))) - 1;
  std::nth_element(values->begin(), values->begin() + static_cast<std::ptrdiff_t>(index), values->end());
  return (*values)[index];
}

Interval WilsonInterval(double hits, double trials) {
  if (trials <= 0) return {0, 1};
  constexpr double kZ = 1.959963985;
  const double share = hits / trials;
  const double denominator = 1 + kZ * kZ / trials;
  const double centre = (share + kZ * kZ / (2 * trials)) / denominator;
  const double half = kZ / denominator * std::sqrt(share * (1 - share) / trials + kZ * kZ / (4 * trials * trials));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace sekisho::app
