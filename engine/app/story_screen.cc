#include "engine/app/story_screen.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "engine/app/terminal.h"
#include "engine/app/words.h"

namespace sekisho::app {
namespace {

constexpr size_t kEvidenceIndent = 4;

size_t Columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string Count(uint64_t n, std::string_view one, std::string_view many) {
  return WithCommas(static_cast<int64_t>(n)) + " " + std::string(n == 1 ? one : many);
}

// What can be told in too many lines loses whole paragraphs: those of the least weight, the last of them before the others.
class Page {
 public:
  void Put(int weight, std::string_view text, size_t indent) {
    paragraphs_.push_back({Wrap(std::string(indent, ' ') + std::string(text), kScreenColumns, indent + 2), weight});
    lines_ += paragraphs_.back().lines.size();
  }
  void Head(std::string_view text) { Put(kHead, text, 0); }
  void Say(int weight, std::string_view text) { Put(weight, text, 2); }

  std::string ToString(size_t lines_max) {
    while (lines_ > lines_max && !paragraphs_.empty()) {
      const auto least = std::min_element(paragraphs_.rbegin(), paragraphs_.rend(),
                                          [](const Paragraph& a, const Paragraph& b) { return a.weight < b.weight; });
      lines_ -= least->lines.size();
      paragraphs_.erase(std::next(least).base());
    }
    std::string out;
    for (const Paragraph& paragraph : paragraphs_) {
      for (const std::string& line : paragraph.lines) out += line + '\n';
    }
    return out;
  }

  static constexpr int kHead = 100;

 private:
  struct Paragraph {
    std::vector<std::string> lines;
    int weight = 0;
  };
  std::vector<Paragraph> paragraphs_;
  size_t lines_ = 0;
};

std::string Done(const Action& action) {
  const bool shadow = action.mode == Mode::kShadow;
  const bool asks = action.request == Request::kConfirmSuspension;
  switch (action.kind) {
    case ActionKind::kSuspend: return shadow ? "Would have been suspended (shadow: told only)" : "Suspended";
    case ActionKind::kThrottle:
      if (asks) return shadow ? "Would have been slowed down, and a person asked to confirm its suspension (shadow: told only)"
                              : "Slowed down, and a person asked to confirm its suspension,";
      return shadow ? "Would have been slowed down (shadow: told only)" : "Slowed down";
    case ActionKind::kNotify: return shadow ? "Its owner would have been told (shadow: told only)" : "Its owner was told";
    default: return "Noted for the operators";
  }
}

std::string Headline(const ScreenFacts& facts) {
  const Standing& standing = facts.account->standing;
  std::string out = Printable(facts.login, 48) + ": ";
  const std::string until = standing.expires.never() ? "" : " until " + HumanTime(standing.expires);
  const std::string shadow = standing.mode == Mode::kShadow ? " (shadow: told only)" : "";
  switch (standing.verdict) {
    case ActionKind::kSuspend: return out + "suspended" + until + (shadow.empty() ? "; receiving goes on" : shadow);
    case ActionKind::kThrottle:
      return out + "slowed down" + until + (standing.confirm ? "; a person is to confirm its suspension" : "") + shadow;
    default: return out + "free" + (facts.release == nullptr ? "" : " since " + HumanTime(facts.release->time));
  }
}

int RungRisk(const Policy& policy, const Action& action) {
  if (action.kind == ActionKind::kSuspend || action.request == Request::kConfirmSuspension) return policy.suspend.risk;
  if (action.kind == ActionKind::kThrottle) return policy.throttle.risk;
  return action.kind == ActionKind::kNotify ? policy.notify.risk : policy.observe.risk;
}

std::string CountriesBy(const std::map<std::string, uint64_t>& countries) {
  std::vector<std::pair<uint64_t, std::string>> order;
  for (const auto& [country, messages] : countries) order.emplace_back(messages, country);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string out;
  constexpr size_t kShown = 5;
  for (size_t i = 0; i < std::min(order.size(), kShown); ++i) {
    out += (i > 0 ? ", " : "") + order[i].second + " " + WithCommas(static_cast<int64_t>(order[i].first));
  }
  if (order.size() > kShown) out += " and " + std::to_string(order.size() - kShown) + " more";
  return out;
}

void TellWhatHappened(const Picture& picture, const Policy& policy, Page* page) {
  const Action& action = picture.action;
  const Episode& episode = picture.episode;
  page->Head("What happened");
  const bool strangers = !action.onset.never() && episode.messages > 0;
  if (strangers) {
    page->Say(99, "Began at " + HumanTime(action.onset) + " with a message from " + episode.first_source + ", no source of the owner's.");
  } else {
    page->Say(99, "No unfamiliar source sent; what was sent, or what came of it, is the evidence" +
                      (action.ip.empty() ? "." : ", last from " + action.ip + "."));
  }
  std::string then = Done(action) + " at " + HumanTime(action.time);
  if (strangers) {
    then += ", " + FormatSpan(action.time - action.onset) + " and " + Count(action.messages_since_onset, "message", "messages") + " later";
  }
  page->Say(98, then + "; risk " + std::to_string(action.risk) + " of 100, " + std::to_string(RungRisk(policy, action)) + " is enough.");
  if (strangers) {
    std::string sent = "Sent by then: " + Count(action.messages_since_onset, "message", "messages");
    if (picture.recipients > 0) sent += " to " + Count(picture.recipients, "recipient", "recipients");
    sent += " from " + Count(episode.sources.size(), "address", "addresses");
    if (!episode.countries.empty()) sent += "; by country: " + CountriesBy(episode.countries);
    page->Say(97, sent + ".");
  }
}

// Whether this signal says what a stronger one of its family doesn't: that pair suspends together.
bool BeyondDoubt(const Action& action, const Signal& signal) {
  return action.rule == "beyond_doubt" &&
         (signal.detector == DetectorId::kCountryVelocity || signal.detector == DetectorId::kSourceRotation);
}

// A detector's measurements, the one furthest beyond its threshold first, and as many more as fit on its line.
std::string Measured(const Signal& signal) {
  std::vector<const Evidence*> order;
  for (const Evidence& evidence : signal.evidence) order.push_back(&evidence);
  const auto beyond = [](const Evidence* e) { return e->threshold > 0 ? 1 + e->value * 100 / e->threshold : 0; };
  std::stable_sort(order.begin(), order.end(), [&](const Evidence* a, const Evidence* b) { return beyond(a) > beyond(b); });
  std::string text;
  for (const Evidence* evidence : order) {
    const std::string words = EvidenceWords(*evidence);
    if (text.empty()) {
      text = words;
    } else if (kEvidenceIndent + Columns(text) + Columns("; ") + Columns(words) + 1 <= kScreenColumns) {
      text += "; " + words;
    }
  }
  return text.empty() ? text : text + '.';
}

void TellWhy(const Picture& picture, Page* page) {
  const Action& action = picture.action;
  page->Head("Why: " + std::string(RuleWords(action.rule)));
  std::vector<const Signal*> signals;
  for (const Signal& signal : action.signals) signals.push_back(&signal);
  std::stable_sort(signals.begin(), signals.end(), [](const Signal* a, const Signal* b) {
    return a->shadow != b->shadow ? b->shadow : a->score > b->score;
  });
  std::array<bool, kFamilies> told{};
  // Each kind has room, the first three with what was measured; the others' numbers may have to go.
  int shown = 0, unsaid = 0;
  for (const Signal* signal : signals) {
    bool& family = told[static_cast<size_t>(signal->family)];
    // A rule of the operator's own is told in any case: who wrote it wants to see it.
    if (family && !BeyondDoubt(action, *signal) && signal->rule == nullptr) {
      ++unsaid;
      continue;
    }
    family = true;
    std::string text = std::string(Name(signal->family)) + ", " + std::to_string(signal->score) + " points by " +
                       NameOf(*signal) + (signal->shadow ? " (shadow: counted for nothing)" : "") + ": " + DetectorWords(*signal) + ".";
    const int weight = std::max(86, 95 - 2 * shown);
    page->Say(weight, text);
    if (const std::string measured = Measured(*signal); !measured.empty()) {
      page->Put(shown < 3 ? weight - 1 : 60 - shown, measured, kEvidenceIndent);
    }
    ++shown;
  }
  if (unsaid > 0) {
    page->Say(20, Count(static_cast<uint64_t>(unsaid), "more signal", "more signals") + " of these kinds; a kind counts once, by its strongest.");
  }
}

void TellHabit(const Picture& picture, Page* page) {
  page->Head("What the account is used to");
  std::string from;
  for (const auto& [country, days] : picture.countries) {
    from += (from.empty() ? "" : ", ") + country + " (" + Count(static_cast<uint64_t>(days), "day", "days") + ")";
  }
  std::string text = "Known since " + HumanTime(picture.first_seen);
  if (!from.empty()) text += "; used from " + from;
  if (picture.owner_sources > 0) text += ", lately from " + Count(static_cast<uint64_t>(picture.owner_sources), "address", "addresses");
  page->Say(85, text + ".");
  const Features& f = picture.features;
  if (f.usual_messages_day > 0) {
    text = "Busiest earlier day: " + Count(static_cast<uint64_t>(f.usual_messages_day), "message", "messages") + " to " +
           Count(static_cast<uint64_t>(f.usual_recipients_day), "recipient", "recipients") + ". ";
  } else {
    text = "Sent nothing on earlier days. ";
  }
  if (picture.last_read.never()) {
    text += "Nobody reads its mail, as far as the logs show.";
  } else {
    const uint64_t reads = (picture.reads_a_day_hundredths + 50) / 100;
    const std::string often = reads > 1 ? Count(reads, "time", "times") + " a day" : std::string(reads == 1 ? "once a day" : "now and then");
    text += "Mail read " + often + ", last " + HumanTime(picture.last_read) + ".";
  }
  page->Say(84, text);
}

void TellRemedy(const ScreenFacts& facts, const Picture& picture, Page* page) {
  const Action& action = picture.action;
  if (action.kind != ActionKind::kSuspend && action.kind != ActionKind::kThrottle) return;
  page->Head("What would have kept it from this, and what ends it");
  bool sources = false, recipients = false, rates = false;
  for (const Signal& signal : action.signals) {
    if (signal.shadow) continue;
    sources |= signal.family == Family::kOrigin || signal.family == Family::kMailbox || signal.detector == DetectorId::kSourceBurst;
    recipients |= signal.family == Family::kRecipients;
    rates |= signal.detector == DetectorId::kSendRate || signal.detector == DetectorId::kRecipientRate;
  }
  std::string kept = "A risk below " + std::to_string(RungRisk(*facts.policy, action)) +
                     (action.rule == "beyond_doubt" ? " without a rotation over countries" : ", or one kind of evidence only");
  if (sources) kept += "; sources where the owner reads mail, or that he used on several days, don't count";
  if (recipients) kept += "; people written to before aren't new";
  if (rates) kept += "; a larger habit raises the limits";
  page->Say(82, kept + ".");
  if (action.kind == ActionKind::kSuspend || action.request == Request::kConfirmSuspension) {
    page->Say(87, "It ends by itself, unless an unfamiliar source sends in the last " + FormatSpan(facts.policy->evidence_fresh) +
                      ": then it is doubled, up to " + FormatSpan(facts.policy->suspend_max) + ".");
  } else {
    page->Say(87, "It ends by itself.");
  }
  page->Say(88, "A new password locks the thief out; after that: sekisho release ACCOUNT --reason …");
  if (action.request == Request::kConfirmSuspension) page->Say(88, "To suspend it instead: sekisho deny --account ACCOUNT …");
}

void TellNow(const ScreenFacts& facts, Page* page) {
  const Standing& standing = facts.account->standing;
  std::string text = "Now: ";
  switch (standing.verdict) {
    case ActionKind::kSuspend:
      text += "suspended since " + HumanTime(standing.since);
      if (standing.renewals > 0) text += ", renewed " + Count(standing.renewals, "time", "times");
      break;
    case ActionKind::kThrottle:
      text += "slowed down since " + HumanTime(standing.since);
      if (standing.renewals > 0) text += ", renewed " + Count(standing.renewals, "time", "times");
      break;
    default:
      text += facts.release == nullptr ? "free" : "free: " + std::string(RuleWords(facts.release->rule));
  }
  if (standing.suspensions > 1) text += "; suspended or renewed " + Count(standing.suspensions, "time", "times") + " in all";
  if (facts.messages_after > 0) {
    text += "; unfamiliar sources sent or tried " + Count(facts.messages_after, "more", "more") + ", last " +
            HumanTime(facts.last_after);
  } else {
    text += "; no unfamiliar source has sent since";
  }
  page->Put(96, text + ".", 0);
}

}  // namespace

std::vector<std::string> Wrap(std::string_view text, size_t columns, size_t indent) {
  std::vector<std::string> lines;
  const std::string blanks(indent, ' ');
  std::string line;
  size_t at = std::min(text.find_first_not_of(' '), text.size());
  line.assign(text.substr(0, at));
  bool begun = false;
  while (at < text.size()) {
    size_t end = std::min(text.find(' ', at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = std::min(text.find_first_not_of(' ', end), text.size());
    if (begun && Columns(line) + 1 + Columns(word) > columns) {
      lines.push_back(std::move(line));
      line = blanks;
      begun = false;
    }
    if (begun) line += ' ';
    // A word longer than a line is cut into lines.
    for (const char c : word) {
      const bool starts = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      if (starts && Columns(line) >= columns) {
        lines.push_back(std::move(line));
        line = blanks;
      }
      line += c;
    }
    begun = true;
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string Screen(const ScreenFacts& facts) {
  Page page;
  page.Head(Headline(facts));
  const CustomerClass customer = facts.policy->ClassOf(facts.login);
  if (customer != CustomerClass::kConsumer) {
    page.Say(89, "Customer class " + std::string(Name(customer)) +
                     (customer == CustomerClass::kBusiness ? ": a person confirms a suspension." : ": it may send more than others."));
  }
  if (facts.picture == nullptr) {
    page.Say(95, "Seen from " + HumanTime(facts.first) + " to " + HumanTime(facts.last) + " in " + Count(facts.events, "event", "events") + ".");
    if (facts.risk_max == 0) {
      page.Say(94, "Nothing was done about it. No detector saw anything.");
    } else {
      page.Say(94, "Nothing was done about it. The highest risk was " + std::to_string(facts.risk_max) + " of 100 (" + facts.risk_max_signals +
                       ") at " + HumanTime(facts.risk_max_at) + "; telling the owner begins at " + std::to_string(facts.policy->notify.risk) +
                       ", suspending at " + std::to_string(facts.policy->suspend.risk) + ".");
    }
  } else {
    TellWhatHappened(*facts.picture, *facts.policy, &page);
    TellWhy(*facts.picture, &page);
    TellHabit(*facts.picture, &page);
    TellRemedy(facts, *facts.picture, &page);
    TellNow(facts, &page);
  }
  if (!facts.all) {
    page.Put(80, "Each step" + (facts.actions > 1 ? " (" + Count(facts.actions, "action", "actions") + ")" : std::string()) +
                     " and each event: add --all.", 0);
  }
  return page.ToString(kScreenLines);
}

}  // namespace sekisho::app
