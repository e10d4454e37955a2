// Admit, apply, detect, respond.
#include "engine/shard/shard.h"

#include <algorithm>

#include "engine/base/bytes.h"
#include "engine/window/features.h"

namespace sekisho {
namespace {

// 2: exceptions, and how many counters follow. 3: judgements. 4: of domains and campaigns, too.
constexpr uint64_t kStateVersion = 4;
constexpr uint64_t kDetectorsOfVersion1 = 12;

// Events after which an account is judged. Logins and mailbox accesses only build the picture: what is to be stopped is
// sending.
bool IsJudged(const Event& event, const AccountWindow::Touch& touch) {
  switch (event.kind) {
    case EventKind::kSubmission:
    case EventKind::kQueued:
    case EventKind::kDelivery:
    case EventKind::kLoginFailed:
    case EventKind::kComplaint:
      return touch.counted;
    default:
      return false;
  }
}

}  // namespace

Shard::Shard(const ShardOptions& options, const Policy* policy, AccountTable* table)
    : options_(options), policy_(policy), table_(table) {
  SetPolicy(policy);
}

void Shard::SetPolicy(const Policy* policy) {
  policy_ = policy;
  population_.SetHomeCountries(policy->home_countries);
  population_.SetAllowed(&policy->allowed);
  population_.source_classes = policy->source_classes;
}

FoldResult Shard::Admit(EventTime at) {
  if (at.never()) return FoldResult::kInvalid;
  if (now_.never()) {
    now_ = at;
    return FoldResult::kFolded;
  }
  if (at > now_ + kFutureMax) {
    future_from_ = future_in_a_row_ == 0 ? at : std::min(future_from_, at);
    if (++future_in_a_row_ <= kFutureAgreeing) return FoldResult::kFuture;
  }
  future_in_a_row_ = 0;
  if (at < now_ - kLateMax) return FoldResult::kLate;
  return FoldResult::kFolded;
}

absl::StatusOr<FoldResult> Shard::Fold(const Event& event, Offset offset, std::vector<Action>* actions) {
  const FoldResult admitted = event.account.empty() ? FoldResult::kInvalid : Admit(event.time);
  if (admitted != FoldResult::kFolded) {
    stats_.late += admitted == FoldResult::kLate;
    stats_.future += admitted == FoldResult::kFuture;
    stats_.invalid += admitted == FoldResult::kInvalid;
    return admitted;
  }
  k_ = 0;
  now_ = std::max(now_, event.time);
  if (auto s = FireTimers(now_, offset, actions); !s.ok()) return s;
  if (population_.log_began.never()) population_.log_began = event.time;
  if (event.kind == EventKind::kDelivery) delivery_seen_ = std::max(delivery_seen_, event.time);

  absl::StatusOr<AccountWindow*> found = table_->FindOrCreate(event.id);
  if (!found.ok()) return found.status();
  AccountWindow* account = *found;
  if (account->login.empty()) {
    account->login = std::string(event.account);
    ++stats_.accounts;
  }
  const bool unseen = account->first_seen.never();
  const EventTime seen_before = account->last_seen;
  const bool deliveries_visible = !delivery_seen_.never() && event.time - delivery_seen_ < Span::Hours(24);
  const AccountWindow::Touch touch = account->Apply(event, population_, deliveries_visible);
  if (unseen && !account->first_seen.never()) population_.AddAccount(touch.place.country);
  ++stats_.folded[static_cast<size_t>(event.kind)];
  const bool suspended_before = Suspended(account->standing);
  const size_t said = actions->size();
  signals_.clear();
  if (IsJudged(event, touch)) Decide(event, account, touch, offset, actions);
  if (sightings_ != nullptr) {
    const Occasion occasion = {.first_today = account->last_seen > seen_before && (unseen || account->last_seen.day() > seen_before.day()),
                               .suspended_now = !suspended_before && Suspended(account->standing),
                               .acted = actions->size() > said && Counts(actions->back().mode)};
    Sight(event, *account, touch, occasion, offset);
  }
  return FoldResult::kFolded;
}

void Shard::Sight(const Event& event, const AccountWindow& account, const AccountWindow::Touch& touch, const Occasion& occasion,
                  Offset offset) {
  const bool somewhere = touch.familiarity != Familiarity::kNowhere;
  const bool suspended = Suspended(account.standing);
  const bool clear = account.standing.verdict == ActionKind::kRelease || account.standing.verdict < ActionKind::kThrottle;
  // What all but a few events tell: nothing.
  if (!touch.stray && !occasion.first_today && !touch.first_today) return;
  // A stray's messages are told at the first of a day, and then each time that their number has doubled.
  const uint32_t messages = touch.source < 0 ? 0 : account.sources[static_cast<size_t>(touch.source)].messages;
  const bool again = touch.first_today || occasion.acted || (event.kind == EventKind::kSubmission && (messages & (messages - 1)) == 0);
  const bool signalled = std::any_of(signals_.begin(), signals_.end(), [](const Signal& s) { return !s.shadow; });

  Sighting sighting;
  sighting.partition = options_.partition;
  sighting.place = {offset, 0};
  sighting.account = event.id;
  sighting.time = event.time;
  if (somewhere) {
    sighting.network = SourceNetwork(touch.ip);
    sighting.prefix_bits = static_cast<uint8_t>(SourceNetworkBits(touch.ip));
  }
  if (signalled) sighting.risk = Weigh(signals_, *policy_, false).points;
  const auto tell = [&](EntityKind entity, Hash128 key, SightingKind kind) {
    sighting.entity = entity;
    sighting.key = key;
    sighting.kind = kind;
    sightings_->push_back(sighting);
    ++sighting.place.k;
  };
  // The owner's own source may bring the last straw; it isn't what the suspension is about.
  const bool over_it = touch.stray && suspended && (occasion.suspended_now || again);
  if (somewhere && !(occasion.suspended_now && !touch.stray)) {
    if (over_it) {
      tell(EntityKind::kNetwork, {}, SightingKind::kSuspended);
    } else if (touch.stray && signalled && again) {
      tell(EntityKind::kNetwork, {}, SightingKind::kSuspected);
    } else if (touch.first_today && clear) {
      tell(EntityKind::kNetwork, {}, SightingKind::kUsed);
    }
  }
  // What others did is no sign that this account has turned: or a judgement would be its own proof.
  const bool turned = touch.stray && OwnRisk() >= kTurnedRisk;
  const SightingKind kind = suspended ? SightingKind::kSuspended : SightingKind::kSuspected;
  if (turned && (over_it || again)) {
    if (const Hash128 domain = DomainKey(account.login); domain != Hash128()) tell(EntityKind::kDomain, domain, kind);
  } else if (occasion.first_today && clear) {
    if (const Hash128 domain = DomainKey(account.login); domain != Hash128()) tell(EntityKind::kDomain, domain, SightingKind::kUsed);
  }
  if (touch.pattern != 0) {
    // In a long row of them the first tell enough.
    const uint64_t today = account.stray_messages.Count(event.time, Span::Hours(24));
    if (occasion.acted || today <= kPatternsTold || (today & (today - 1)) == 0) {
      tell(EntityKind::kCampaign, CampaignOf(touch.pattern).key, turned ? kind : SightingKind::kUsed);
    }
  }
}

int32_t Shard::OwnRisk() const {
  const Risk risk = Weigh(signals_, *policy_, false);
  int32_t points = 0;
  for (int family = 0; family < kFamilies; ++family) {
    const auto f = static_cast<Family>(family);
    if (f != Family::kReputation && f != Family::kCohort && f != Family::kVolume) points += risk.by_family[static_cast<size_t>(family)];
  }
  return points;
}

absl::Status Shard::Tick(EventTime at, Offset offset, std::vector<Action>* actions) {
  if (at.never() || (!now_.never() && at <= now_)) return absl::OkStatus();
  k_ = 0;
  now_ = at;
  future_in_a_row_ = 0;
  return FireTimers(now_, offset, actions);
}

void Shard::Decide(const Event& event, AccountWindow* account, const AccountWindow::Touch& touch, Offset offset,
                   std::vector<Action>* actions) {
  const Features features = ReadFeatures(*account, event, touch, population_);
  const CustomerClass customer = policy_->ClassOf(account->login);
  const Mode mode = policy_->ModeFor(account->login);
  const rules::Scene scene{*account, event, touch, features};
  Detect({features, *policy_, Jitter(*policy_, event.id, event.time), customer, &scene}, &signals_);
  if (account->standing.verdict >= ActionKind::kThrottle && account->standing.verdict != ActionKind::kRelease &&
      features.stray && event.kind == EventKind::kSubmission) {
    account->standing.evidence_last = std::max(account->standing.evidence_last, event.time);
  }
  Action* action = nullptr;
  Risk risk;
  if (!signals_.empty()) {
    for (const Signal& s : signals_) ++stats_.signals[static_cast<size_t>(s.detector)];
    risk = Weigh(signals_, *policy_, false);
    const bool confirmed = Confirmed(*account, event.time);
    const bool relapsing = features.stray && event.kind == EventKind::kSubmission &&
                           Relapses(signals_, account->standing, *policy_, event.time);
    Decision decision = WithinGrace(Climb(risk, *policy_, event.time, relapsing), event, features, account->standing);
    decision = Restrain(decision, customer, confirmed);
    if (Overdue(decision, now_)) decision = {};
    if (population_.Spares(account->login, event.time)) {
      decision.rule = "allowed";
      if (decision.act) action = SayInShadow(decision, true, event, account, offset, actions);
    } else {
      const bool suspends = decision.kind == ActionKind::kSuspend || decision.request == Request::kConfirmSuspension;
      if (suspends && SaysMore(decision, account->standing, *policy_, mode, event.time) && BreakerOpen(event.time)) {
        decision = {true, ActionKind::kThrottle, "circuit_breaker", event.time + policy_->throttle.lasts};
        if (Overdue(decision, now_)) decision = {};
      }
      if (SaysMore(decision, account->standing, *policy_, mode, event.time)) {
        action = Act(decision, mode, false, event.time, event.id, account, offset, actions);
        if (decision.kind >= ActionKind::kThrottle) {
          account->standing.pattern = PatternOf(signals_);
          // The way up stays shorter until it has been gone.
          const EventTime& grace = account->standing.grace;
          const bool on_the_way = !grace.never() && event.time >= grace && decision.kind != ActionKind::kSuspend &&
                                  decision.request == Request::kNone;
          if (!on_the_way) {
            account->standing.grace = EventTime::Never();
            account->standing.relapse_guard = false;
          }
        }
      } else if (std::any_of(signals_.begin(), signals_.end(), [](const Signal& s) { return s.shadow; })) {
        // What shadowed detectors would have done is said, and changes nothing but the memory of having said it.
        const Risk shadow_risk = Weigh(signals_, *policy_, true);
        const Decision shadow = Restrain(Climb(shadow_risk, *policy_, event.time), customer, confirmed);
        if (shadow.act && !Overdue(shadow, now_) && (!decision.act || shadow.kind > decision.kind)) {
          action = SayInShadow(shadow, mode != Mode::kShadow, event, account, offset, actions);
          if (action != nullptr) risk = shadow_risk;
        }
      }
    }
    if (action != nullptr) {
      action->risk = risk.points;
      action->signals = signals_;
      action->ip = touch.ip.unspecified() ? "" : touch.ip.ToString();
    }
  }
  if (observer_ != nullptr) observer_->OnEvent(event, *account, features, signals_, risk, action);
}

Decision Shard::WithinGrace(const Decision& decision, const Event& event, const Features& features,
                            const Standing& standing) const {
  if (standing.grace.never() || event.time >= standing.grace || !decision.act || decision.kind < ActionKind::kThrottle) {
    return decision;
  }
  const bool relapse = standing.relapse_guard && standing.pattern != 0 && features.stray && event.kind == EventKind::kSubmission &&
                       (PatternOf(signals_) & standing.pattern) == standing.pattern;
  return relapse ? decision : Decision{true, ActionKind::kNotify, "grace", EventTime::Never()};
}

Action* Shard::SayInShadow(const Decision& decision, bool told, const Event& event, AccountWindow* account, Offset offset,
                           std::vector<Action>* actions) {
  Standing& standing = account->standing;
  if (!standing.shadow_said.never() && decision.kind <= standing.shadow_kind &&
      event.time - standing.shadow_said < policy_->announce_every) {
    return nullptr;
  }
  if (!SaysMore(decision, standing, *policy_, policy_->ModeFor(account->login), event.time)) return nullptr;
  Action* action = Act(decision, Mode::kShadow, told, event.time, event.id, account, offset, actions);
  standing.shadow_said = event.time;
  standing.shadow_kind = decision.kind;
  return action;
}

Action* Shard::Act(const Decision& decision, Mode mode, bool told, EventTime at, AccountId id, AccountWindow* account,
                   Offset offset, std::vector<Action>* actions) {
  Standing& standing = account->standing;
  if (!told) {
    if (decision.kind >= ActionKind::kThrottle) {
      if (!standing.expires.never()) timers_.erase({standing.expires, id});
      if (decision.kind == ActionKind::kRelease) {
        standing.released = at;
        standing.expires = EventTime::Never();
        standing.renewals = 0;
      } else {
        standing.since = at;
        standing.mode = mode;
        standing.expires = decision.expires;
        standing.evidence_last = std::max(standing.evidence_last, at);
        timers_.insert({decision.expires, id});
      }
      standing.verdict = decision.kind;
      standing.confirm = decision.request == Request::kConfirmSuspension;
      ++standing.generation;
      if (decision.kind == ActionKind::kSuspend) ++standing.suspensions;
      // The breaker is about what is done: what is only told of some accounts must not keep others' suspensions back.
      const bool suspends = decision.kind == ActionKind::kSuspend || standing.confirm;
      if (suspends && decision.rule != "renewed" && Counts(mode)) suspensions_.Add(at);
    }
    if (decision.kind != ActionKind::kRelease) {
      EventTime& announced = standing.announced[static_cast<size_t>(decision.kind)];
      announced = std::max(announced, at);
    }
  }
  Action& action = actions->emplace_back();
  action.id = MakeActionId(options_.log_id, options_.partition, offset, id, decision.kind, decision.rule, policy_->version, k_++);
  action.account = account->login;
  action.kind = decision.kind;
  action.mode = mode;
  action.request = decision.request;
  action.time = at;
  action.expires = decision.expires;
  action.generation = standing.generation;
  action.renewals = standing.renewals;
  action.policy = policy_->version;
  action.rule = decision.rule;
  if (!account->onset.never() && account->onset <= at && at - account->onset <= Span::Days(31)) {
    action.onset = account->onset;
    action.messages_since_onset = account->stray_messages.Count(at, at - account->onset + Span::Millis(1));
  }
  ++stats_.actions[static_cast<size_t>(decision.kind)];
  return &action;
}

absl::Status Shard::FireTimers(EventTime until, Offset offset, std::vector<Action>* actions) {
  while (!timers_.empty() && timers_.begin()->first <= until) {
    const auto [at, id] = *timers_.begin();
    timers_.erase(timers_.begin());
    absl::StatusOr<AccountWindow*> found = table_->Find(id);
    if (!found.ok()) return found.status();
    AccountWindow* account = *found;
    if (account == nullptr || account->standing.expires != at) continue;
    Standing& standing = account->standing;
    Decision decision{true, ActionKind::kRelease, "expired", EventTime::Never()};
    Mode mode = standing.mode;
    const Mode wanted = policy_->ModeFor(account->login);
    const bool relaxed = standing.mode == Mode::kEnforce && wanted == Mode::kShadow;
    // A thief who is still at it is not let in again by the clock.
    if ((standing.verdict == ActionKind::kSuspend || standing.confirm) && !standing.evidence_last.never() &&
        at - standing.evidence_last <= policy_->evidence_fresh && !relaxed && !population_.Spares(account->login, at)) {
      ++standing.renewals;
      decision = Restrain({true, ActionKind::kSuspend, "renewed", at + SuspensionLength(*policy_, standing.renewals)},
                          policy_->ClassOf(account->login), Confirmed(*account, at));
      mode = wanted;
    }
    const Action* action = Act(decision, mode, false, at, id, account, offset, actions);
    if (observer_ != nullptr) observer_->OnTimer(*account, *action);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Shard::Release(const AccountRelease& order, EventTime given, Offset offset, std::vector<Action>* actions) {
  k_ = 0;
  const AccountId id = AccountId::FromLogin(order.account);
  absl::StatusOr<AccountWindow*> found = table_->Find(id);
  if (!found.ok()) return found.status();
  AccountWindow* account = *found;
  if (account == nullptr) return false;
  // An account that we know has had an event, so there is a time.
  Standing& standing = account->standing;
  if (order.grace > Span()) {
    standing.grace = std::max(given, now_) + order.grace;
    standing.relapse_guard = order.relapse_guard;
  }
  if (standing.verdict != ActionKind::kRelease && standing.verdict >= ActionKind::kThrottle) {
    const Decision decision{true, ActionKind::kRelease, "operator", EventTime::Never()};
    const Action* action = Act(decision, standing.mode, false, now_, id, account, offset, actions);
    if (observer_ != nullptr) observer_->OnTimer(*account, *action);
  }
  return true;
}

bool Shard::BreakerOpen(EventTime at) {
  const Policy::CircuitBreaker& p = policy_->circuit_breaker;
  // Usual: the mean of ten minutes over the last week.
  const auto week = static_cast<int64_t>(suspensions_.Count(at, Span::Days(7)));
  const auto now = static_cast<int64_t>(suspensions_.Count(at, Span::Minutes(10)));
  return now >= std::max(p.suspensions_min, p.usual_factor * week / (7 * 24 * 6));
}

void Shard::EncodeState(std::string* out) const {
  ByteWriter w(out);
  w.PutVarint(kStateVersion);
  w.PutZigzag(now_.millis());
  w.PutZigzag(future_from_.millis());
  w.PutVarint(static_cast<uint64_t>(future_in_a_row_));
  w.PutZigzag(delivery_seen_.millis());
  population_.Encode(&w);
  suspensions_.Encode(&w);
  w.PutVarint(timers_.size());
  for (const auto& [at, id] : timers_) {
    w.PutZigzag(at.millis());
    w.PutFixed64(id.hash.high);
    w.PutFixed64(id.hash.low);
  }
  population_.exceptions.Encode(&w);
  population_.judgements.Encode(&w);
  w.PutVarint(stats_.signals.size());
  for (const uint64_t n : stats_.folded) w.PutVarint(n);
  for (const uint64_t n : {stats_.late, stats_.future, stats_.invalid, stats_.accounts}) w.PutVarint(n);
  for (const uint64_t n : stats_.actions) w.PutVarint(n);
  for (const uint64_t n : stats_.signals) w.PutVarint(n);
}

absl::Status Shard::DecodeState(std::string_view bytes) {
  ByteReader r(bytes);
  const uint64_t version = r.Varint();
  if (r.ok() && version > kStateVersion) return absl::FailedPreconditionError("the shard's state is of a later version");
  now_ = EventTime::FromMillis(r.Zigzag());
  future_from_ = EventTime::FromMillis(r.Zigzag());
  future_in_a_row_ = static_cast<int>(r.VarintUpTo(kFutureAgreeing + 1));
  delivery_seen_ = EventTime::FromMillis(r.Zigzag());
  if (!population_.Decode(&r) || !suspensions_.Decode(&r)) return absl::DataLossError("the shard's state is damaged");
  timers_.clear();
  for (uint64_t n = r.Varint(); n > 0 && r.ok(); --n) {
    const EventTime at = EventTime::FromMillis(r.Zigzag());
    const uint64_t high = r.Fixed64();
    const uint64_t low = r.Fixed64();
    timers_.insert({at, AccountId{Hash128{high, low}}});
  }
  population_.exceptions = Exceptions();
  population_.judgements = Judgements();
  uint64_t detectors = kDetectorsOfVersion1;
  if (version >= 2) {
    if (!population_.exceptions.Decode(&r)) return absl::DataLossError("the shard's state is damaged");
    if (version >= 3 && !population_.judgements.Decode(&r)) return absl::DataLossError("the shard's state is damaged");
    detectors = r.Varint();
    if (detectors > stats_.signals.size()) return absl::FailedPreconditionError("the shard's state is of a later version");
  }
  for (uint64_t& n : stats_.folded) n = r.Varint();
  for (uint64_t* n : {&stats_.late, &stats_.future, &stats_.invalid, &stats_.accounts}) *n = r.Varint();
  for (uint64_t& n : stats_.actions) n = r.Varint();
  stats_.signals.fill(0);
  for (uint64_t i = 0; i < detectors; ++i) stats_.signals[i] = r.Varint();
  return r.done() ? absl::OkStatus() : absl::DataLossError("the shard's state is damaged");
}

}  // namespace sekisho
