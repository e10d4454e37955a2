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

// How much an action weighs among all that was done: what stops, then what asks for it, then the rest; enforced before told.
int Gravity(const Action& action) {
  if (action.kind == ActionKind::kRelease) return -1;
  return static_cast<int>(action.kind) * 4 + (action.request != Request::kNone ? 2 : 0) + (action.mode == Mode::kEnforce ? 1 : 0);
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

void Story::OnEvent(const Event& event, const AccountWindow& account, const Features& features,
                    std::span<const Signal> signals, const Risk& risk, const Action* action) {
  if (event.id != id_) return;
  judged_ = true;
  FollowEpisode(event, account, features);
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
    if (action->request == Request::kConfirmSuspension) text += "; a person is asked to confirm its suspension";
    if (action->kind != ActionKind::kObserve) {
      if (actions_.size() < kActionsMax) actions_.push_back(*action);
      TakePicture(event, account, features, *action);
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
  if (action.kind == ActionKind::kRelease) release_ = action;
  AddLine(action.time, std::move(text));
}

void Story::FollowEpisode(const Event& event, const AccountWindow& account, const Features& features) {
  if (event.kind != EventKind::kSubmission || !features.stray) return;
  if (account.onset != episode_.onset) {
    episode_ = Episode();
    episode_.onset = account.onset;
  }
  // Behind a webmail host stands whoever logged in there.
  const IpAddress& ip = event.via_webmail ? account.webmail_ip : event.ip;
  const std::string country = CountryName(event.via_webmail ? account.webmail_place.country : event.place.country);
  if (episode_.messages == 0) episode_.first_source = ip.ToString() + (country.empty() ? "" : " (" + country + ")");
  ++episode_.messages;
  episode_.last = std::max(episode_.last, event.time);
  if (episode_.sources.size() < Episode::kSourcesCounted) episode_.sources.insert(ip.source_key());
  if (!country.empty()) ++episode_.countries[country];
  ++messages_after_;
  last_after_ = std::max(last_after_, event.time);
}

void Story::TakePicture(const Event& event, const AccountWindow& account, const Features& features, const Action& action) {
  if (picture_.has_value() && Gravity(action) < Gravity(picture_->action)) return;
  messages_after_ = 0;
  last_after_ = EventTime::Never();
  release_.reset();
  Picture& picture = picture_.emplace();
  picture.action = action;
  picture.features = features;
  const EventTime onset = action.onset.never() ? event.time : action.onset;
  if (!action.onset.never()) {
    picture.episode = episode_;
    picture.recipients = account.stray_recipients.Count(event.time, event.time - onset + Span::Millis(1));
  }
  picture.first_seen = account.first_seen;
  picture.last_read = account.last_read;
  for (const Habit& habit : account.countries) {
    const std::string name = CountryName(static_cast<uint16_t>(habit.key));
    const bool the_owners = habit.first_seen < onset && (habit.reads > 0 || habit.sent_days >= 2);
    if (the_owners && !name.empty() && picture.countries.size() < 6) picture.countries.emplace_back(name, habit.days);
  }
  for (const SourceUse& source : account.sources) picture.owner_sources += !source.stray && source.first_seen < onset ? 1 : 0;
  picture.reads_a_day_hundredths = account.reads_a_day.MeanBefore(event.time, 14);
}

std::string Story::Timeline() const {
  std::string out;
  if (actions_.size() > 1) {
    out += "\nAll that was done:\n";
    Table done;
    for (const Action& a : actions_) {
      done.Row({HumanTime(a.time), std::string(sekisho::Name(a.kind)), std::string(a.rule), SignalList(a.signals)});
    }
    out += done.ToString();
  }
  out += "\nTimeline:\n";
  for (const Line& line : lines_) {
    out += "  " + HumanTime(line.time) + "  " + line.text;
    if (line.times > 1) out += "\n    (" + WithCommas(static_cast<int64_t>(line.times)) + " times)";
    out += '\n';
  }
  if (lines_.empty()) out += "  nothing\n";
  if (lines_dropped_ > 0) out += "  and " + WithCommas(static_cast<int64_t>(lines_dropped_)) + " more lines\n";
  return out;
}

std::string Story::Tell(std::string_view login, const AccountWindow& account) const {
  ScreenFacts facts;
  facts.login = login;
  facts.account = &account;
  facts.policy = policy_;
  facts.picture = picture_.has_value() ? &*picture_ : nullptr;
  facts.messages_after = messages_after_;
  facts.last_after = last_after_;
  facts.first = first_;
  facts.last = last_;
  facts.events = events_;
  facts.risk_max = risk_max_;
  facts.risk_max_at = risk_max_at_;
  facts.risk_max_signals = risk_max_signals_;
  facts.release = release_.has_value() ? &*release_ : nullptr;
  facts.actions = actions_.size();
  facts.all = all_;
  std::string out = Screen(facts);
  if (all_) out += Timeline();
  return out;
}

}  // namespace sekisho::app
