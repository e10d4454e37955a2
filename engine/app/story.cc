#include "engine/app/story.h"

#include <algorithm>

#include "engine/app/terminal.h"
#include "engine/geo/geo.h"

namespace sekisho::app {
namespace {

constexpr size_t kActionsMax = 1000;

std::string_view FamiliarityWords(Familiarity familiarity) {
  switch (familiarity) {
    case Familiarity::kKnown: return "the owner's";
    case Familiarity::kNear: return "new";
    case Familiarity::kFar: return "new, in a country new to the owner";
    case Familiarity::kNowhere: return "of unknown origin";
  }
  return "";
}

std::string EventWords(const Event& event) {
  std::string out(Name(event.kind));
  if (event.ip.unspecified()) return out;
  const std::string country = CountryName(event.place.country);
  return out + " from " + event.ip.ToString() + (country.empty() ? "" : " " + country);
}

// The action that matters most: the last suspension, else the highest step.
const Action* Gravest(const std::vector<Action>& actions) {
  const Action* gravest = nullptr;
  for (const Action& action : actions) {
    if (action.kind == ActionKind::kRelease) continue;
    if (gravest == nullptr || action.kind > gravest->kind) gravest = &action;
  }
  return gravest;
}

std::string StandingWords(const Standing& standing) {
  switch (standing.verdict) {
    case ActionKind::kSuspend: return "suspended until " + HumanTime(standing.expires);
    case ActionKind::kThrottle: return "slowed down until " + HumanTime(standing.expires);
    default: return "free";
  }
}

}  // namespace

void Story::AddLine(EventTime time, std::string text) {
  if (!lines_.empty() && lines_.back().text == text) {
    ++lines_.back().times;
    return;
  }
  if (lines_.size() >= kLinesMax) {
    ++lines_dropped_;
    return;
  }
  lines_.push_back({time, std::move(text), 1});
}

void Story::OnEvent(const Event& event, const AccountWindow&, const Features& features,
                    std::span<const Signal> signals, const Risk& risk, const Action* action) {
  if (event.id != id_) return;
  judged_ = true;
  if (signals.empty() && !all_) return;
  std::string text = EventWords(event) + ", " + std::string(FamiliarityWords(features.familiarity));
  if (features.stray) text += ", not backed by reading from there";
  if (!signals.empty()) {
    const std::string list = SignalList({signals.begin(), signals.end()});
    if (risk.points > risk_max_) {
      risk_max_ = risk.points;
      risk_max_at_ = event.time;
      risk_max_signals_ = list;
    }
    text += "\n    signals: " + list + "; risk " + std::to_string(risk.points) + " of 100, " +
            std::to_string(risk.families) + (risk.families == 1 ? " kind of evidence" : " kinds of evidence");
  }
  if (action != nullptr) {
    for (const Signal& signal : signals) {
      for (const Evidence& evidence : signal.evidence) {
        text += "\n      " + NameOf(signal) + ": " + EvidenceWords(evidence);
      }
    }
    text += "\n    => " + std::string(sekisho::Name(action->kind)) +
            (action->mode == Mode::kShadow ? " (shadow: told only)" : "") + ": " +
            std::string(RuleWords(action->rule));
    if (!action->expires.never()) text += "; until " + HumanTime(action->expires);
    if (action->kind == ActionKind::kObserve) {
      ++observed_;
    } else if (actions_.size() < kActionsMax) {
      actions_.push_back(*action);
    }
  }
  AddLine(event.time, std::move(text));
}

void Story::OnFolded(const Event& event) {
  if (event.id != id_) return;
  ++events_;
  ++events_by_kind_[static_cast<size_t>(event.kind)];
  if (first_.never()) first_ = event.time;
  last_ = std::max(last_, event.time);
  if (all_ && !judged_) AddLine(event.time, EventWords(event));
  judged_ = false;
}

void Story::OnTimer(const AccountWindow&, const Action& action) {
  if (AccountId::FromLogin(action.account) != id_) return;
  std::string text = "=> " + std::string(sekisho::Name(action.kind)) + ": " + std::string(RuleWords(action.rule));
  if (!action.expires.never()) text += "; until " + HumanTime(action.expires);
  if (actions_.size() < kActionsMax) actions_.push_back(action);
  AddLine(action.time, std::move(text));
}

std::string Story::Summary(std::string_view login, const AccountWindow& account) const {
  std::string out = Printable(login) + ": " + StandingWords(account.standing) + "\n\n";
  Table table;
  table.Row({"seen", HumanTime(first_) + " to " + HumanTime(last_)});
  std::string kinds;
  for (int kind = 0; kind < kEventKinds; ++kind) {
    if (events_by_kind_[kind] == 0) continue;
    kinds += (kinds.empty() ? "" : ", ") + WithCommas(static_cast<int64_t>(events_by_kind_[kind])) + " " +
             std::string(Name(static_cast<EventKind>(kind)));
  }
  table.Row({"events", kinds});
  std::string countries;
  for (const Habit& habit : account.countries) {
    const std::string name = CountryName(static_cast<uint16_t>(habit.key));
    countries += (countries.empty() ? "" : ", ") + (name.empty() ? "unknown" : name) + " (" +
                 std::to_string(habit.days) + (habit.days == 1 ? " day)" : " days)");
  }
  table.Row({"used from", countries.empty() ? "nowhere known" : countries});
  table.Row({"mail read", account.last_read.never() ? "never, as far as the logs show"
                                                    : "last at " + HumanTime(account.last_read)});
  out += table.ToString();

  const Action* gravest = Gravest(actions_);
  if (gravest == nullptr) {
    out += "\nNothing was done about it. ";
    if (risk_max_ == 0) return out + "No detector saw anything.\n";
    return out + "The highest risk was " + std::to_string(risk_max_) + " of 100 (" + risk_max_signals_ + ") at " +
           HumanTime(risk_max_at_) + "; telling the owner begins at " + std::to_string(policy_->notify.risk) +
           ", suspending at " + std::to_string(policy_->suspend.risk) + ".\n";
  }
  out += "\nWhat happened: " + std::string(sekisho::Name(gravest->kind)) + " at " + HumanTime(gravest->time) +
         (gravest->mode == Mode::kShadow ? " (shadow: told only, not enforced)" : "") + ", risk " +
         std::to_string(gravest->risk) + " of 100\n";
  if (!gravest->onset.never()) {
    out += "  The first message from an unfamiliar source was sent at " + HumanTime(gravest->onset) + "; " +
           WithCommas(static_cast<int64_t>(gravest->messages_since_onset)) + " by such sources until then.\n";
  }
  out += "\nWhy: " + std::string(RuleWords(gravest->rule)) + "\n";
  for (const Signal& signal : gravest->signals) {
    out += "  " + DetectorWords(signal) + " (" + NameOf(signal) +
           ", " + std::to_string(signal.score) + " points" + (signal.shadow ? ", shadow" : "") + ")\n";
    for (const Evidence& evidence : signal.evidence) out += "    " + EvidenceWords(evidence) + "\n";
  }
  const std::string remedy = RemedyWords(*gravest);
  if (!remedy.empty()) {
    out += "\nWhat releases it, and what would have kept it from happening:\n";
    size_t from = 0;
    while (from < remedy.size()) {
      const size_t end = remedy.find('\n', from);
      out += "  " + remedy.substr(from, end - from + 1);
      from = end + 1;
    }
  }
  if (actions_.size() > 1) {
    out += "\nAll that was done:\n";
    Table done;
    constexpr size_t kShown = 12;
    for (size_t i = 0; i < std::min(actions_.size(), kShown); ++i) {
      const Action& a = actions_[i];
      done.Row({HumanTime(a.time), std::string(sekisho::Name(a.kind)), std::string(a.rule),
                SignalList(a.signals)});
    }
    out += done.ToString();
    if (actions_.size() > kShown) out += "  and " + std::to_string(actions_.size() - kShown) + " more\n";
  }
  return out;
}

std::string Story::Tell(std::string_view login, const AccountWindow& account) const {
  std::string out = Summary(login, account);
  out += all_ ? "\nTimeline:\n" : "\nTimeline (events that raised a signal; --all shows the others):\n";
  for (const Line& line : lines_) {
    out += "  " + HumanTime(line.time) + "  " + line.text;
    if (line.times > 1) out += "\n    (" + WithCommas(static_cast<int64_t>(line.times)) + " times)";
    out += '\n';
  }
  if (lines_.empty()) out += "  nothing\n";
  if (lines_dropped_ > 0) out += "  and " + WithCommas(static_cast<int64_t>(lines_dropped_)) + " more lines\n";
  return out;
}

}  // namespace sekisho::app
