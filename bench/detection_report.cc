#include "bench/detection_report.h"

#include <algorithm>

namespace sekisho::bench {
namespace {

std::string Str(std::string_view s) { return std::string(s); }

std::string Text(std::span<const Signal> signals) {
  std::string text;
  for (const Signal& s : signals) {
    text += " " + Str(Name(s.detector)) + "=" + std::to_string(s.score) + "(";
    for (const Evidence& e : s.evidence) {
      text += Str(e.feature) + " " + std::to_string(e.value) + "/" + std::to_string(e.threshold) + " ";
    }
    text += ")";
  }
  return text;
}

// The numbers that decide most.
std::string Text(const AccountWindow& account, const Features& f) {
  static constexpr const char* kNames[] = {"known", "near", "far", "nowhere"};
  std::string text = "[";
  for (const Habit& h : account.countries) {
    text += Str(CountryName(static_cast<uint16_t>(h.key))) + std::to_string(h.reads) + " ";
  }
  text += Str(kNames[static_cast<size_t>(f.familiarity)]) + (f.stray ? " stray" : "") + (f.young ? " young" : "") +
          (f.reads_mail ? " reads" : "") + " days " + std::to_string(f.history_days) + " places " +
          std::to_string(account.places.size()) + " sources24h " + std::to_string(f.sources_24h) + "/" +
          std::to_string(f.usual_sources_day) + " stray2h " + std::to_string(f.stray_sources_2h) + " stray24h " +
          std::to_string(f.stray_sources_24h) + " passing24h " + std::to_string(f.stray_passing_24h) + " messages1h/24h/usual " +
          std::to_string(f.messages_1h) + "/" + std::to_string(f.messages_24h) + "/" + std::to_string(f.usual_messages_day) +
          " stray_messages1h/24h " + std::to_string(f.stray_messages_1h) + "/" + std::to_string(f.stray_messages_24h) +
          " recipients24h/usual " + std::to_string(f.recipients_24h) + "/" + std::to_string(f.usual_recipients_day) +
          " new1h " + std::to_string(f.new_recipients_1h) + "/" + std::to_string(f.judged_1h) + " stray_new1h " +
          std::to_string(f.stray_new_recipients_1h) + "/" + std::to_string(f.stray_judged_1h) + " usual_new% " +
          std::to_string(f.usual_new_percent) + " failed1h " + std::to_string(f.failed_1h) + " refused1h " +
          std::to_string(f.refused_1h) + " reads_there " + std::to_string(f.reads_there) + " bad " +
          std::to_string(f.source_bad_score_milli) + "/" + std::to_string(f.source_bad_accounts);
  return text + "]";
}

void Write(const std::string& key, const std::vector<double>& values, std::string* text) {
  *text += ",\"" + key + "\":[";
  for (size_t i = 0; i < values.size(); ++i) {
    *text += (i == 0 ? "" : ",") + std::to_string(static_cast<int64_t>(values[i] + 0.5));
  }
  *text += "]";
}

constexpr double kMuchEscaped = 150;

}  // namespace

void WriteScore(const std::string& rule, int64_t at_least, const app::Score& score, app::JsonWriter* out, std::string* text) {
  out->BeginObject();
  out->Text("rule", rule);
  out->Number("at_least", at_least);
  out->BeginObject("attacks");
  for (const auto& [name, attack] : score.attacks) {
    out->BeginObject(name);
    out->Number("stolen", attack.stolen);
    out->Number("suspended", attack.suspended);
    out->Number("by_second_day", attack.by_second_day);
    Write("escaped", attack.escaped_recipients, text);
    Write("seconds", attack.seconds_to_suspend, text);
    out->EndObject();
  }
  out->EndObject();
  out->BeginObject("owners");
  for (const auto& [kind, owner] : score.owners) {
    out->BeginObject(kind);
    out->Number("accounts", owner.accounts);
    out->Number("days", static_cast<int64_t>(owner.days + 0.5));
    out->Number("suspended", owner.suspended);
    out->Number("suspensions", owner.suspensions);
    out->Number("throttled", owner.throttled);
    out->Number("notified", owner.notified);
    out->EndObject();
  }
  out->EndObject();
  out->EndObject();
}

OtherRungs::OtherRungs(const Policy& policy, FoldObserver* next) : next_(next) {
  for (const int32_t risk : {50, 55, 60, 65, 70, 75, 80, 85, 90, 95}) {
    policies_.push_back(policy);
    policies_.back().suspend.risk = risk;
    runs_.push_back({"sekisho, suspend from risk", risk, {}});
  }
}

void OtherRungs::OnEvent(const Event& event, const AccountWindow& account, const Features& features,
                         std::span<const Signal> signals, const Risk& risk, const Action* action) {
  if (next_ != nullptr) next_->OnEvent(event, account, features, signals, risk, action);
  if (risk.points < policies_.front().suspend.risk && !risk.beyond_doubt) return;
  std::vector<EventTime>* until = nullptr;
  for (size_t i = 0; i < policies_.size(); ++i) {
    const Decision decision = Climb(risk, policies_[i], event.time);
    if (!decision.act || decision.kind != ActionKind::kSuspend) continue;
    if (until == nullptr) {
      until = &stopped_until_[Str(event.account)];
      until->resize(policies_.size());
    }
    EventTime& mine = (*until)[i];
    if (!mine.never() && event.time < mine) continue;
    mine = event.time + kRuleStops;
    runs_[i].actions.push_back({Str(event.account), ActionKind::kSuspend, event.time, mine, runs_[i].rule});
  }
}

void OtherRungs::OnTimer(const AccountWindow& account, const Action& action) {
  if (next_ != nullptr) next_->OnTimer(account, action);
}

void Circumstances::OnEvent(const Event& event, const AccountWindow& account, const Features& features,
                            std::span<const Signal> signals, const Risk& risk, const Action* action) {
  if (action != nullptr) of_action_[action->id] = Text(account, features);
  if (!features.stray && signals.empty()) return;
  Moment& moment = riskiest_[Str(event.account)][event.time.day()];
  if (risk.points <= moment.risk) return;
  moment = {event.time, risk.points, "risk " + std::to_string(risk.points) + Text(signals) + " " + Text(account, features)};
}

void Circumstances::Tell(const Service& service, std::FILE* out) const {
  const auto print = [&](const std::string& what, const simulate::AccountTruth& t, const Action& a) {
    const auto found = of_action_.find(a.id);
    std::fprintf(out, "%s %s %s %s %s: %s by %s, risk %d, %llu messages since onset, ip %s:%s %s\n", what.c_str(), t.account.c_str(),
                 Str(simulate::KindName(t.kind)).c_str(), t.stolen ? Str(simulate::AttackName(t.attack)).c_str() : "-",
                 FormatRfc3339(a.time).c_str(), Str(Name(a.kind)).c_str(), Str(a.rule).c_str(), a.risk,
                 static_cast<unsigned long long>(a.messages_since_onset), a.ip.c_str(), Text(a.signals).c_str(),
                 found == of_action_.end() ? "" : found->second.c_str());
  };
  std::unordered_map<std::string, std::vector<const Action*>> by_account;
  for (const Action& a : service.actions()) by_account[a.account].push_back(&a);
  for (const simulate::AccountTruth& t : service.accounts()) {
    const std::vector<const Action*>& actions = by_account[t.account];
    const EventTime since = t.stolen ? t.compromised - service.truth().clock_error : EventTime::FromMillis(INT64_MAX / 4);
    bool told[5] = {};
    const Action* found = nullptr;
    for (const Action* a : actions) {
      const auto kind = static_cast<size_t>(a->kind);
      if (a->time < since) {
        if (!told[kind] && a->kind >= ActionKind::kNotify && a->kind <= ActionKind::kSuspend) print("OWNER", t, *a);
        told[kind] = true;
      } else if (found == nullptr && a->kind == ActionKind::kSuspend) {
        found = a;
      }
    }
    if (!t.stolen) continue;
    double escaped = 0;
    const std::vector<app::AbuseMessage>& abuse = service.truth().accounts.find(t.account)->second.abuse;
    for (const app::AbuseMessage& m : abuse) {
      const bool stopped = std::any_of(actions.begin(), actions.end(), [&](const Action* a) {
        return a->kind == ActionKind::kSuspend && m.time >= a->time + app::kEnforcementDelay && m.time < a->expires;
      });
      if (!stopped) escaped += m.recipients;
    }
    if (found != nullptr) {
      if (escaped > kMuchEscaped) print("LEAK " + std::to_string(static_cast<int64_t>(escaped)), t, *found);
      continue;
    }
    std::fprintf(out, "MISSED %s %s %s first abuse %s: %u messages, %llu recipients, %u addresses, %u countries\n", t.account.c_str(),
                 Str(simulate::KindName(t.kind)).c_str(), Str(simulate::AttackName(t.attack)).c_str(),
                 FormatRfc3339(t.first_abuse).c_str(), t.messages, static_cast<unsigned long long>(t.recipients), t.addresses, t.countries);
    for (const Action* a : actions) {
      if (a->kind > ActionKind::kObserve) print("   had", t, *a);
    }
    const auto days = riskiest_.find(t.account);
    if (days == riskiest_.end()) continue;
    for (const auto& [day, moment] : days->second) {
      if (day >= since.day()) std::fprintf(out, "   closest %s: %s\n", FormatRfc3339(moment.at).c_str(), moment.text.c_str());
    }
  }
}

}  // namespace sekisho::bench
