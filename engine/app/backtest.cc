#include "engine/app/backtest.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/app/json_writer.h"
#include "engine/app/terminal.h"

namespace sekisho::app {
namespace {

// Below this much history the first days say little about owners.
constexpr Span kWarmUp = Span::Days(7);
constexpr size_t kFirstStep = static_cast<size_t>(ActionKind::kNotify);
constexpr size_t kSuspendStep = static_cast<size_t>(ActionKind::kSuspend);

Moment MomentOf(const Action& action) {
  Moment moment{action.time, action.messages_since_onset, std::string(action.rule), {}};
  for (const Signal& signal : action.signals) {
    if (!signal.shadow || action.mode == Mode::kShadow) moment.signals.push_back(NameOf(signal));
  }
  return moment;
}

bool Same(const std::optional<Moment>& a, const std::optional<Moment>& b) {
  return a.has_value() == b.has_value() && (!a || a->at == b->at);
}

// The gravest step that only one of them took, or took at another time: whose signals made the difference.
const Moment* Difference(const std::array<std::optional<Moment>, 4>& now, const std::array<std::optional<Moment>, 4>& before) {
  for (size_t step = kSuspendStep; step >= kFirstStep; --step) {
    if (Same(now[step], before[step])) continue;
    const bool by_now = now[step] && (!before[step] || now[step]->at < before[step]->at);
    return by_now ? &*now[step] : &*before[step];
  }
  return nullptr;
}

std::optional<AccountChange> CompareOne(const std::string& account, const Outcome& now, const Outcome& before) {
  AccountChange change{account, Change::kTold, now, before, Span(), 0, {}};
  const std::optional<Moment>&a = now.suspended(), &b = before.suspended();
  const Moment* difference = Difference(now.steps, before.steps);
  if (a && !b) {
    change.change = Change::kNewly;
  } else if (!a && b) {
    change.change = Change::kNoLonger;
  } else if (a && b && a->at != b->at) {
    change.change = a->at < b->at ? Change::kEarlier : Change::kLater;
    change.by = a->at < b->at ? b->at - a->at : a->at - b->at;
    change.messages_by = static_cast<int64_t>(a->messages) - static_cast<int64_t>(b->messages);
  } else if (difference != nullptr) {
    change.change = Change::kOtherSteps;
  } else {
    difference = Difference(now.told, before.told);
    if (difference == nullptr) return std::nullopt;
  }
  change.signals = difference->signals;
  return change;
}

EventTime TimeOf(const AccountChange& change) {
  const auto first = [](const Outcome& o) {
    EventTime at;
    for (size_t step = kFirstStep; step <= kSuspendStep; ++step) {
      for (const std::optional<Moment>& moment : {o.steps[step], o.told[step]}) {
        if (moment && (at.never() || moment->at < at)) at = moment->at;
      }
    }
    return at;
  };
  if (change.now.suspended()) return change.now.suspended()->at;
  if (change.before.suspended()) return change.before.suspended()->at;
  const EventTime now = first(change.now), before = first(change.before);
  return now.never() || (!before.never() && before < now) ? before : now;
}

std::string Figure(uint64_t n) { return WithCommas(static_cast<int64_t>(n)); }

std::string StepWords(const std::array<std::optional<Moment>, 4>& steps, std::string_view prefix) {
  for (size_t step = kSuspendStep; step >= kFirstStep; --step) {
    if (!steps[step]) continue;
    std::string out = std::string(prefix) + std::string(Name(static_cast<ActionKind>(step))) + " " + HumanTime(steps[step]->at);
    if (steps[step]->messages > 0) out += " after " + Figure(steps[step]->messages) + (steps[step]->messages == 1 ? " message" : " messages");
    return out;
  }
  return "";
}

std::string OutcomeWords(const Outcome& outcome) {
  std::string out = StepWords(outcome.steps, "");
  if (out.empty()) out = StepWords(outcome.told, "told: ");
  return out.empty() ? "nothing" : out;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string PolicyWords(const std::string& version, const std::string& file) {
  return Printable(version) + (file.empty() ? " (built in)" : " (" + Printable(file) + ")");
}

std::string ByWords(const AccountChange& change) {
  if (change.change != Change::kEarlier && change.change != Change::kLater) return "";
  std::string out = FormatSpan(change.by);
  if (change.messages_by != 0) {
    out += ", " + Figure(static_cast<uint64_t>(std::abs(change.messages_by))) + (change.messages_by < 0 ? " fewer" : " more");
  }
  return out;
}

// Of a record that was passed over.
std::string_view ReasonWords(std::string_view reason) {
  if (reason == "policy") return "policies that were pushed: each side keeps its own";
  if (reason == "repeat") return "events and judgements that were there before";
  if (reason == "signature") return "orders without a signature by a known key (--operator-key)";
  return reason;
}

// The middle of the differences.
Span MedianBy(const Backtest& result, Change kind) {
  std::vector<Span> all;
  for (const AccountChange& change : result.changes) {
    if (change.change == kind) all.push_back(change.by);
  }
  if (all.empty()) return Span();
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end());
  return all[all.size() / 2];
}

void WriteSteps(std::string_view key, const std::array<std::optional<Moment>, 4>& steps, JsonWriter* json) {
  json->BeginArray(key);
  for (size_t step = kFirstStep; step <= kSuspendStep; ++step) {
    if (!steps[step]) continue;
    json->BeginObject();
    json->Text("action", Name(static_cast<ActionKind>(step)));
    json->Text("time", FormatRfc3339(steps[step]->at));
    json->Number("messages_since_onset", static_cast<int64_t>(steps[step]->messages));
    json->Text("rule", steps[step]->rule);
    json->BeginArray("signals");
    for (const std::string& signal : steps[step]->signals) json->Text(signal);
    json->EndArray();
    json->EndObject();
  }
  json->EndArray();
}

void WriteOutcome(std::string_view key, const Outcome& outcome, JsonWriter* json) {
  json->BeginObject(key);
  WriteSteps("steps", outcome.steps, json);
  WriteSteps("told", outcome.told, json);
  json->EndObject();
}

void WritePolicy(std::string_view key, const std::string& version, const std::string& file, uint64_t suspended, JsonWriter* json) {
  json->BeginObject(key);
  json->Text("version", version);
  if (file.empty()) {
    json->Null("file");
  } else {
    json->Text("file", file);
  }
  json->Number("suspended", static_cast<int64_t>(suspended));
  json->EndObject();
}

void WriteCounts(const std::array<uint64_t, kChanges>& counts, JsonWriter* json) {
  for (size_t i = 0; i < kChanges; ++i) json->Number(Name(static_cast<Change>(i)), static_cast<int64_t>(counts[i]));
}

}  // namespace

absl::Status OutcomeSink::Publish(std::span<const Action> actions) {
  for (const Action& action : actions) {
    if (action.kind == ActionKind::kObserve || action.kind == ActionKind::kRelease) continue;
    auto found = outcomes_.find(action.account);
    if (found == outcomes_.end()) {
      if (outcomes_.size() >= kAccountsMax) {
        ++left_out_;
        continue;
      }
      found = outcomes_.try_emplace(action.account).first;
    }
    Outcome& outcome = found->second;
    std::optional<Moment>& moment = (action.mode == Mode::kShadow ? outcome.told : outcome.steps)[static_cast<size_t>(action.kind)];
    if (!moment) moment = MomentOf(action);
  }
  return absl::OkStatus();
}

std::string_view Name(Change change) {
  static constexpr std::array<std::string_view, kChanges> kNames = {
      "newly_suspended", "no_longer_suspended", "suspended_earlier", "suspended_later", "other_steps", "told_only"};
  return kNames[static_cast<size_t>(change)];
}

std::string_view ChangeWords(Change change) {
  static constexpr std::array<std::string_view, kChanges> kWords = {
      "newly suspended", "no longer suspended", "suspended earlier", "suspended later", "other steps", "told only"};
  return kWords[static_cast<size_t>(change)];
}

Backtest Compare(const Outcomes& now, const Outcomes& before) {
  Backtest result;
  static const Outcome kNothing;
  const auto add = [&result](const std::string& account, const Outcome& a, const Outcome& b) {
    result.suspended_now += a.suspended().has_value();
    result.suspended_before += b.suspended().has_value();
    if (a.suspended() && b.suspended()) {
      ++result.suspended_both;
      result.messages_now += static_cast<int64_t>(a.suspended()->messages);
      result.messages_before += static_cast<int64_t>(b.suspended()->messages);
    }
    std::optional<AccountChange> change = CompareOne(account, a, b);
    if (!change) return;
    ++result.counts[static_cast<size_t>(change->change)];
    for (const std::string& signal : change->signals) ++result.by_signal[signal][static_cast<size_t>(change->change)];
    result.changes.push_back(*std::move(change));
  };
  for (const auto& [account, outcome] : now) {
    const auto found = before.find(account);
    add(account, outcome, found == before.end() ? kNothing : found->second);
  }
  for (const auto& [account, outcome] : before) {
    if (!now.contains(account)) add(account, kNothing, outcome);
  }
  std::sort(result.changes.begin(), result.changes.end(), [](const AccountChange& a, const AccountChange& b) {
    return std::tuple(a.change, TimeOf(a), std::string_view(a.account)) < std::tuple(b.change, TimeOf(b), std::string_view(b.account));
  });
  return result;
}

std::string BacktestText(const Backtest& result, const BacktestFrame& frame, size_t accounts_max) {
  std::string out = "Policies\n";
  Table policies;
  policies.Row({"new", PolicyWords(frame.now_version, frame.now_file)});
  policies.Row({"against", PolicyWords(frame.before_version, frame.before_file)});
  out += policies.ToString();
  out += "Over\n";
  Table over;
  over.Row({"events", Figure(frame.events)});
  over.Row({"accounts", Figure(frame.accounts)});
  over.Row({"time", frame.first.never() ? "none" : HumanTime(frame.first) + " to " + HumanTime(frame.last)});
  for (const auto& [reason, n] : frame.passed_over) over.Row({"records passed over", Figure(n), std::string(ReasonWords(reason))});
  out += over.ToString();
  if (!frame.first.never() && frame.last - frame.first < kWarmUp * 2) {
    out += "  Owners are known after a week or so: give logs that begin earlier, or trust what these say of their first days less.\n";
  }
  out += "Accounts\n";
  Table accounts;
  accounts.Row({"suspended by the new policy", Figure(result.suspended_now)});
  accounts.Row({"suspended by the other", Figure(result.suspended_before)});
  for (size_t i = 0; i < kChanges; ++i) {
    const auto kind = static_cast<Change>(i);
    std::string more;
    if ((kind == Change::kEarlier || kind == Change::kLater) && result.counts[i] > 0) more = "median " + FormatSpan(MedianBy(result, kind));
    accounts.Row({std::string(ChangeWords(kind)), Figure(result.counts[i]), more});
  }
  if (result.suspended_both > 0) {
    accounts.Row({"escaped from those that both suspend", WithCommas(result.messages_now), "messages, " + WithCommas(result.messages_before) + " by the other"});
  }
  if (frame.left_out > 0) accounts.Row({"actions on accounts for which there was no room", Figure(frame.left_out)});
  out += accounts.ToString();
  if (result.changes.empty()) return out + "Nothing changes for anybody.\n";

  out += "What spoke\n";
  Table spoke;
  spoke.Row({"", "newly", "no longer", "earlier", "later", "other steps", "told only"});
  for (const auto& [signal, counts] : result.by_signal) {
    std::vector<std::string> row = {signal};
    for (const uint64_t n : counts) row.push_back(Figure(n));
    spoke.Row(std::move(row));
  }
  out += spoke.ToString();
  out += "Who\n";
  Table who;
  who.Row({"account", "change", "by", "new policy", "the other", "what spoke"});
  const size_t shown = std::min(accounts_max, result.changes.size());
  for (size_t i = 0; i < shown; ++i) {
    const AccountChange& change = result.changes[i];
    who.Row({Printable(change.account, 60), std::string(ChangeWords(change.change)), ByWords(change), OutcomeWords(change.now),
             OutcomeWords(change.before), Joined(change.signals)});
  }
  out += who.ToString();
  if (result.changes.size() > shown) out += "  and " + Figure(result.changes.size() - shown) + " more; --all shows them\n";
  return out;
}

std::string BacktestJson(const Backtest& result, const BacktestFrame& frame) {
  std::string out;
  JsonWriter json(&out);
  json.Begin();
  WritePolicy("policy", frame.now_version, frame.now_file, result.suspended_now, &json);
  WritePolicy("against", frame.before_version, frame.before_file, result.suspended_before, &json);
  json.Number("events", static_cast<int64_t>(frame.events));
  json.Number("accounts", static_cast<int64_t>(frame.accounts));
  for (const auto& [key, time] : {std::pair("from", frame.first), std::pair("to", frame.last)}) {
    if (time.never()) {
      json.Null(key);
    } else {
      json.Text(key, FormatRfc3339(time));
    }
  }
  json.Number("left_out", static_cast<int64_t>(frame.left_out));
  json.BeginObject("passed_over");
  for (const auto& [reason, n] : frame.passed_over) json.Number(reason, static_cast<int64_t>(n));
  json.EndObject();
  json.BeginObject("counts");
  WriteCounts(result.counts, &json);
  json.EndObject();
  json.BeginArray("detectors");
  for (const auto& [signal, counts] : result.by_signal) {
    json.BeginObject();
    json.Text("name", signal);
    WriteCounts(counts, &json);
    json.EndObject();
  }
  json.EndArray();
  json.BeginArray("changes");
  for (const AccountChange& change : result.changes) {
    json.BeginObject();
    json.Text("account", change.account);
    json.Text("change", Name(change.change));
    json.Number("by_ms", change.by.millis());
    json.Number("messages_by", change.messages_by);
    json.BeginArray("signals");
    for (const std::string& signal : change.signals) json.Text(signal);
    json.EndArray();
    WriteOutcome("policy", change.now, &json);
    WriteOutcome("against", change.before, &json);
    json.EndObject();
  }
  json.EndArray();
  json.End();
  return out + '\n';
}

}  // namespace sekisho::app
