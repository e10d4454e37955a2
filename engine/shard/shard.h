// The fold: state = fold(records). One shard owns one partition of the input log and everything it says of its accounts.
//
// A shard reads no clock, draws no random number and asks no service, so the same records under the same policy always
// give the same actions with the same ids. Crash recovery, backtests and `explain` all rest on that.
//
// Time: the shard's time is the newest time that a record or a heartbeat brought. Windows are read at an event's own
// time. An event more than kFutureMax ahead of the shard's time is refused as kFuture and moves nothing, unless a
// heartbeat brings the time there first, or kFutureAgreeing such events in a row agree. An event more than kLateMax
// behind is refused as kLate. Both are for the caller to count and keep aside.
//
// Orders of operators are records of the same log. They move no time, because an operator's clock is nobody's event time;
// what they say holds from their own place in the log on. There are then two more ways to an action than the ladder:
//   release  rule "operator": the standing verdict ends. Until the grace ends, whatever would throttle or suspend the account
//            notifies instead, rule "grace"; with the relapse guard, a stray submission with all the signals that led to the
//            verdict ends the grace and is judged as ever.
//   allow    rule "allowed", mode shadow: what the account (or its domain) does is judged and said, nothing of it is enforced
//            or renewed, and its standing doesn't move. A verdict that already stands goes on to its expiry: a release ends it.
//            An allowed network's sources are the owner's, see AccountWindow. What the policy's file allows is as good as an order,
//            but comes after every order about the same account or source.
//   deny     of a business's account confirms its suspension: see Restrain.
//
// In shadow: accounts that the policy says so of (Policy::shadowed) are judged as ever, and all that is said of them has mode
// shadow, their verdicts too. Signals of shadowed detectors and rules count for nothing; what they would have done is told. No
// enforced action depends on either: they condemn no network, trip no breaker, and move no standing but a shadowed account's own.
//
// Late: an event whose verdict would be over before the shard's own time leads to none.
//
// Thread-compatible: one thread owns a shard.
#ifndef SEKISHO_ENGINE_SHARD_SHARD_H_
#define SEKISHO_ENGINE_SHARD_SHARD_H_

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/detect/detector.h"
#include "engine/model/action.h"
#include "engine/model/event.h"
#include "engine/model/order.h"
#include "engine/model/sighting.h"
#include "engine/policy/policy.h"
#include "engine/respond/ladder.h"
#include "engine/state/account_table.h"
#include "engine/window/account_window.h"
#include "engine/window/population.h"
#include "engine/window/sliding_counter.h"

namespace sekisho {

inline constexpr Span kFutureMax = Span::Minutes(10);
inline constexpr int kFutureAgreeing = 100;
inline constexpr Span kLateMax = Span::Hours(24);
// Points of risk, of a stray's sending, without volume and without what rests on other accounts, from which on an account counts as
// turned.
inline constexpr int32_t kTurnedRisk = 30;
// Of one account's strays within 24 h, so many messages' patterns are told each; then each time that their number has doubled.
inline constexpr uint64_t kPatternsTold = 32;

enum class FoldResult : uint8_t {
  kFolded = 0,
  kLate = 1,     // older than the shard's time by more than kLateMax
  kFuture = 2,   // ahead of the shard's time by more than kFutureMax
  kInvalid = 3,  // no account, or no time
};

// Sees each decision of the fold, for `explain`. Called on the shard's thread; must not change anything.
class FoldObserver {
 public:
  virtual ~FoldObserver() = default;
  // After an event was folded. `action`: what it led to, null if nothing new was said.
  virtual void OnEvent(const Event& event, const AccountWindow& account, const Features& features,
                       std::span<const Signal> signals, const Risk& risk, const Action* action) = 0;
  // After a timer led to an action (a release or a renewal), or an operator to a release.
  virtual void OnTimer(const AccountWindow& account, const Action& action) = 0;
};

struct ShardStats {
  std::array<uint64_t, kEventKinds> folded{};  // by EventKind
  uint64_t late = 0, future = 0, invalid = 0;
  uint64_t accounts = 0;                       // first seen by this shard's state
  std::array<uint64_t, 5> actions{};           // by ActionKind
  std::array<uint64_t, kDetectors> signals{};  // by DetectorId
};

struct ShardOptions {
  Hash128 log_id;          // names the input log in action ids
  PartitionId partition;
};

class Shard {
 public:
  // `policy` and `table` must outlive the shard. The table holds this shard's accounts only.
  Shard(const ShardOptions& options, const Policy* policy, AccountTable* table);

  // Folds one event that stands at `offset`. Appends what is to be said to `actions`, in order. An error is the table's
  // (its disk); the shard must then be reopened from its last commit.
  absl::StatusOr<FoldResult> Fold(const Event& event, Offset offset, std::vector<Action>* actions);

  // A heartbeat at `offset`: the time has come to `at`. Fires the timers that are due, in (time, account) order; their
  // actions carry the timers' own times. Earlier than the shard's time: nothing.
  absl::Status Tick(EventTime at, Offset offset, std::vector<Action>* actions);

  // From the next record on, decides by this policy, which outlives the shard or the next call. What stands, stands: expiries
  // that have been said don't move, renewals go by the new one. Between policies of different mode, an enforced verdict ends by an
  // enforced release, though it isn't renewed any more, and a verdict that was only told doesn't keep from enforcing one.
  void SetPolicy(const Policy* policy);

  // An order at `offset`. False: this partition knows no such account, which nothing was changed for.
  absl::StatusOr<bool> Release(const AccountRelease& order, EventTime given, Offset offset, std::vector<Action>* actions);
  Exceptions::Outcome Except(const Exception& order) { return population_.exceptions.Apply(order, now_); }

  // What an entity shard thinks of sources, from the next record on. It moves no time: its own is another shard's. False: seen
  // before.
  bool Judge(const JudgementBatch& batch) { return population_.judgements.Apply(batch); }

  // What is to be told to entity shards is appended there from now on; null: nowhere. The state doesn't depend on it.
  void set_sightings(std::vector<Sighting>* sightings) { sightings_ = sightings; }

  // Everything not keyed by account: time, timers, population, exceptions, judgements, counters.
  void EncodeState(std::string* out) const;
  absl::Status DecodeState(std::string_view bytes);

  EventTime now() const { return now_; }
  const ShardStats& stats() const { return stats_; }
  void set_observer(FoldObserver* observer) { observer_ = observer; }

 private:
  FoldResult Admit(EventTime at);
  absl::Status FireTimers(EventTime until, Offset offset, std::vector<Action>* actions);
  void Decide(const Event& event, AccountWindow* account, const AccountWindow::Touch& touch, Offset offset,
              std::vector<Action>* actions);
  // Tells what the event meant for its source's network, for the account's domain, and for a campaign: at most one sighting each,
  // and few an account and day.
  struct Occasion {
    bool first_today = false;    // the account's first use on this UTC day
    bool suspended_now = false;  // by this event
    bool acted = false;          // it led to an action
  };
  void Sight(const Event& event, const AccountWindow& account, const AccountWindow::Touch& touch, const Occasion& occasion,
             Offset offset);
  // Of the present event's signals, without those that rest on what other accounts did, and without volume: a newsletter's first
  // day on a new server is no theft.
  int32_t OwnRisk() const;
  // What an operator's release leaves of a decision.
  Decision WithinGrace(const Decision& decision, const Event& event, const Features& features, const Standing& standing) const;
  // In shadow, once in Policy::announce_every for each kind; null if that was said already.
  Action* SayInShadow(const Decision& decision, bool told, const Event& event, AccountWindow* account, Offset offset,
                      std::vector<Action>* actions);
  // Builds the action and, unless it is only `told`, moves the account's standing.
  Action* Act(const Decision& decision, Mode mode, bool told, EventTime at, AccountId id, AccountWindow* account, Offset offset,
              std::vector<Action>* actions);
  bool BreakerOpen(EventTime at);
  // What is said in this mode may lead to something elsewhere: it is enforced, or nothing is and all is to be seen as it would be.
  bool Counts(Mode mode) const { return mode == Mode::kEnforce || policy_->mode == Mode::kShadow; }
  // Suspended, as far as that counts.
  bool Suspended(const Standing& standing) const { return standing.verdict == ActionKind::kSuspend && Counts(standing.mode); }
  // An operator denied this very account, or its domain: that is the person whom a business's suspension waits for.
  bool Confirmed(const AccountWindow& account, EventTime at) const {
    return population_.exceptions.OfAccount(account.login, at) == Ruling::kDenied;
  }

  const ShardOptions options_;
  const Policy* policy_;
  AccountTable* const table_;
  FoldObserver* observer_ = nullptr;
  std::vector<Sighting>* sightings_ = nullptr;

  EventTime now_;
  EventTime future_from_;   // the earliest of the future events in a row
  int future_in_a_row_ = 0;
  std::set<std::pair<EventTime, AccountId>> timers_;  // expiries of standing verdicts
  Population population_;
  SlidingCounter suspensions_;
  EventTime delivery_seen_;
  uint32_t k_ = 0;          // actions of the present record so far
  std::vector<Signal> signals_;  // scratch
  ShardStats stats_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_SHARD_SHARD_H_
