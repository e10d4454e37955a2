// Two policies over the same events: what each came to about each account, and where they differ.
//
// Compared are the first notification, throttle and suspension of an account; observations aren't, nor is what follows a
// suspension (renewals, releases, another one): after the first difference two histories have little in common. A policy's own
// `mode` must be set aside before: what it would do is asked. What shadowed detectors and rules would have done counts
// as told, apart from the rest.
#ifndef SEKISHO_ENGINE_APP_BACKTEST_H_
#define SEKISHO_ENGINE_APP_BACKTEST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/model/action.h"
#include "engine/stream/stream.h"

namespace sekisho::app {

// One step of the ladder, when it was first taken.
struct Moment {
  EventTime at;
  uint64_t messages = 0;             // by unfamiliar sources until then
  std::string rule;                  // of the ladder
  std::vector<std::string> signals;  // that counted, see NameOf
};

// Of one account under one policy. Notify, throttle, suspend: indexed by ActionKind, whose first is never set.
struct Outcome {
  std::array<std::optional<Moment>, 4> steps;  // enforced
  std::array<std::optional<Moment>, 4> told;   // what shadowed signals would have led to, or an exception kept from being done
  const std::optional<Moment>& suspended() const { return steps[static_cast<size_t>(ActionKind::kSuspend)]; }
};
using Outcomes = std::map<std::string, Outcome, std::less<>>;

// Where the actions of one policy's fold go. Thread-compatible.
class OutcomeSink final : public Sink {
 public:
  absl::Status Publish(std::span<const Action> actions) override;
  absl::Status Commit(Offset) override { return absl::OkStatus(); }

  const Outcomes& outcomes() const { return outcomes_; }
  // Accounts that had no room.
  uint64_t left_out() const { return left_out_; }

  // About 500 B each.
  static constexpr size_t kAccountsMax = 1'000'000;

 private:
  Outcomes outcomes_;
  uint64_t left_out_ = 0;
};

enum class Change : uint8_t { kNewly = 0, kNoLonger = 1, kEarlier = 2, kLater = 3, kOtherSteps = 4, kTold = 5 };
inline constexpr size_t kChanges = 6;
std::string_view Name(Change change);       // "newly_suspended", "no_longer_suspended", "suspended_earlier", …
std::string_view ChangeWords(Change change);  // "newly suspended", …

struct AccountChange {
  std::string account;
  Change change = Change::kNewly;
  Outcome now, before;  // under the new policy, under the old one
  // Of an earlier or later suspension: by how much, always positive.
  Span by;
  int64_t messages_by = 0;  // messages that more (or, negative, fewer) escaped under the new policy
  // The signals that made the difference: of the new policy's step where there is one that the old one hadn't yet, else of
  // the old one's.
  std::vector<std::string> signals;
};

struct Backtest {
  std::vector<AccountChange> changes;  // by kind of change, then time, then account
  std::array<uint64_t, kChanges> counts{};
  uint64_t suspended_now = 0, suspended_before = 0, suspended_both = 0;
  int64_t messages_now = 0, messages_before = 0;  // that escaped from accounts that both suspend
  // By what spoke: how many accounts of each change.
  std::map<std::string, std::array<uint64_t, kChanges>, std::less<>> by_signal;
};

Backtest Compare(const Outcomes& now, const Outcomes& before);

// What frames the comparison in a report.
struct BacktestFrame {
  std::string now_file, now_version, before_file, before_version;  // an empty file: the built-in policy
  uint64_t events = 0, accounts = 0;
  EventTime first, last;
  uint64_t left_out = 0;
  // Records of a cluster's log that neither policy made anything of, by reason: a dead letter's, "repeat", or "policy", which is
  // an order that brings one.
  std::map<std::string, uint64_t, std::less<>> passed_over;
};

// For people: the summary, what spoke, then a line for each account, at most `accounts_max`.
std::string BacktestText(const Backtest& result, const BacktestFrame& frame, size_t accounts_max);
// All of it, as one JSON object and a newline. Fields are only ever added; see engine/app/README.md.
std::string BacktestJson(const Backtest& result, const BacktestFrame& frame);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_BACKTEST_H_
