#include "bench/plain_rules.h"

#include <algorithm>

namespace sekisho::bench {
namespace {

constexpr Span kLongest = Span::Hours(24);

// A sum over the last 24 h, and over the last hour.
class TwoSums {
 public:
  void Add(EventTime at, int64_t amount) {
    events_.push_back({at, amount});
    day_ += amount;
    hour_ += amount;
    Advance(at);
  }
  void Advance(EventTime at) {
    while (older_ < events_.size() && at - events_[older_].first >= Span::Hours(1)) hour_ -= events_[older_++].second;
    while (!events_.empty() && at - events_.front().first >= kLongest) {
      day_ -= events_.front().second;
      events_.pop_front();
      if (older_ > 0) --older_;
    }
  }
  int64_t hour() const { return hour_; }
  int64_t day() const { return day_; }

 private:
  std::deque<std::pair<EventTime, int64_t>> events_;
  size_t older_ = 0;  // so many of them are older than an hour
  int64_t hour_ = 0, day_ = 0;
};

// Distinct values of the last 24 h.
class Distinct {
 public:
  void Add(EventTime at, uint64_t value) {
    EventTime& last = last_[value];
    last = last.never() ? at : std::max(last, at);
    events_.push_back({at, value});
    while (!events_.empty() && at - events_.front().first >= kLongest) {
      const auto found = last_.find(events_.front().second);
      if (found != last_.end() && at - found->second >= kLongest) last_.erase(found);
      events_.pop_front();
    }
  }
  int64_t size() const { return static_cast<int64_t>(last_.size()); }

 private:
  std::deque<std::pair<EventTime, uint64_t>> events_;
  absl::flat_hash_map<uint64_t, EventTime> last_;
};

struct Country {
  uint16_t code = 0;
  EventTime used, sent;
};

EventTime Later(EventTime a, EventTime b) { return a.never() ? b : std::max(a, b); }

}  // namespace

struct PlainRules::Account {
  TwoSums messages, recipients;
  Distinct used_from, sent_from;
  std::vector<Country> countries;
  std::vector<EventTime> stopped_until;  // by run
};

const std::vector<PlainRules::Rule>& PlainRules::Rules() {
  static const auto* const kRules = new std::vector<Rule>{
      {What::kCountries, true, Span::Hours(2), {2, 3, 4, 5, 8}},
      {What::kCountries, true, Span::Hours(24), {2, 3, 4, 5, 8}},
      {What::kCountries, false, Span::Hours(2), {2, 3, 4, 5, 8}},
      {What::kCountries, false, Span::Hours(24), {2, 3, 4, 5, 8}},
      {What::kMessages, true, Span::Hours(1), {20, 50, 100, 200, 500}},
      {What::kMessages, true, Span::Hours(24), {100, 200, 500, 1000, 2000}},
      {What::kRecipients, true, Span::Hours(24), {200, 500, 1000, 2000, 5000}},
      {What::kAddresses, true, Span::Hours(24), {3, 5, 10, 20, 50}},
      {What::kAddresses, false, Span::Hours(24), {3, 5, 10, 20, 50}},
  };
  return *kRules;
}

PlainRules::PlainRules() {
  static constexpr const char* kNames[] = {"countries", "messages", "recipients", "addresses"};
  for (const Rule& rule : Rules()) {
    const bool choice = rule.what == What::kCountries || rule.what == What::kAddresses;
    const std::string name = std::string(kNames[static_cast<size_t>(rule.what)]) + " " + std::to_string(rule.window.seconds() / 3600) +
                             "h" + (!choice ? "" : rule.sending_only ? " sending" : " any use");
    for (const int64_t threshold : rule.thresholds) runs_.push_back({name, threshold, {}});
  }
}

PlainRules::~PlainRules() = default;

int64_t PlainRules::Value(const Rule& rule, const Account& account, EventTime at) const {
  const bool hour = rule.window == Span::Hours(1);
  switch (rule.what) {
    case What::kCountries:
      return std::count_if(account.countries.begin(), account.countries.end(), [&](const Country& c) {
        const EventTime last = rule.sending_only ? c.sent : c.used;
        return !last.never() && at - last < rule.window;
      });
    case What::kMessages: return hour ? account.messages.hour() : account.messages.day();
    case What::kRecipients: return hour ? account.recipients.hour() : account.recipients.day();
    case What::kAddresses: return rule.sending_only ? account.sent_from.size() : account.used_from.size();
  }
  return 0;
}

void PlainRules::OnEvent(const Event& e) {
  const bool sending = e.kind == EventKind::kSubmission;
  if (!sending && e.kind != EventKind::kLogin && e.kind != EventKind::kQueued) return;
  std::unique_ptr<Account>& held = accounts_[e.id.hash.low];
  if (held == nullptr) {
    held = std::make_unique<Account>();
    held->stopped_until.resize(runs_.size());
  }
  Account& account = *held;
  if (e.kind == EventKind::kQueued) {
    account.recipients.Add(e.time, e.recipients);
  } else {
    // The webmail's own log tells a message a second time: the mail servers count it once, and see the webmail's address.
    if (sending && !e.sent_by_webmail_log) account.messages.Add(e.time, 1);
    if (!e.ip.unspecified() && !e.ip.is_private()) {
      account.used_from.Add(e.time, e.ip.source_key());
      if (sending) account.sent_from.Add(e.time, e.ip.source_key());
      if (e.place.country != 0) {
        auto c = std::find_if(account.countries.begin(), account.countries.end(),
                              [&](const Country& known) { return known.code == e.place.country; });
        if (c == account.countries.end()) c = account.countries.insert(c, Country{e.place.country, {}, {}});
        c->used = Later(c->used, e.time);
        if (sending) c->sent = Later(c->sent, e.time);
      }
    }
  }
  account.messages.Advance(e.time);
  account.recipients.Advance(e.time);
  size_t run = 0;
  for (const Rule& rule : Rules()) {
    const int64_t value = Value(rule, account, e.time);
    for (const int64_t threshold : rule.thresholds) {
      EventTime& until = account.stopped_until[run];
      if (value >= threshold && (until.never() || e.time >= until)) {
        until = e.time + kRuleStops;
        runs_[run].actions.push_back({std::string(e.account), ActionKind::kSuspend, e.time, until, runs_[run].rule});
      }
      ++run;
    }
  }
}

}  // namespace sekisho::bench
