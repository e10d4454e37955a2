// One pass over the account's memory for one event.
#include "engine/window/features.h"

#include <algorithm>
#include <array>

namespace sekisho {
namespace {

// Distinct values among at most kSourcesMax: a small array beats a set.
class SmallSet {
 public:
  void Add(uint64_t v) {
    for (size_t i = 0; i < n_; ++i) {
      if (values_[i] == v) return;
    }
    if (n_ < values_.size()) values_[n_++] = v;
  }
  int64_t size() const { return static_cast<int64_t>(n_); }

 private:
  std::array<uint64_t, kSourcesMax> values_;
  size_t n_ = 0;
};

void ReadStrays(const AccountWindow& a, EventTime at, Features* f) {
  SmallSet networks, countries_2h, countries_24h;
  for (const SourceUse& s : a.sources) {
    if (!s.stray || s.last_sent.never() || s.last_sent > at) continue;
    const Span age = at - s.last_sent;
    if (age >= Span::Hours(24)) continue;
    const bool near_time = age < Span::Hours(2);
    const bool passing = s.messages <= Features::kPassingMessagesMax && s.reads == 0;
    const bool far = s.at_first == Familiarity::kFar && s.reads == 0;
    ++f->stray_sources_24h;
    networks.Add(s.network);
    if (near_time) ++f->stray_sources_2h;
    if (passing) {
      ++f->stray_passing_24h;
      if (near_time) ++f->stray_passing_2h;
      if (far) ++f->far_passing_24h;
    }
    if (far && s.country != 0) {
      countries_24h.Add(s.country);
      if (near_time) countries_2h.Add(s.country);
    }
  }
  f->stray_networks_24h = networks.size();
  f->far_countries_2h = countries_2h.size();
  f->far_countries_24h = countries_24h.size();
}

void ReadCohorts(const AccountWindow& a, const AccountWindow::Touch& touch, EventTime at, const Judgements& judgements, Features* f) {
  const Judged domain = judgements.OfDomain(a.login, at), campaign = judgements.OfCampaign(touch.pattern, at);
  if (domain.score_milli == 0 && campaign.score_milli == 0) return;
  // An account of which something was said lately may be one of them: its own guilt proves nothing more.
  const auto& said = a.standing.announced;
  const auto itself = [&said, at](Span within) {
    return std::any_of(said.begin(), said.end(), [=](EventTime t) { return !t.never() && t > at - within; }) ? 1 : 0;
  };
  if (domain.score_milli > 0) {
    f->domain_turned_share_milli = domain.score_milli;
    f->domain_turned_accounts = static_cast<int64_t>(domain.bad_accounts) - itself(Features::kDomainTurnsWithin);
  }
  if (campaign.score_milli > 0) {
    f->campaign_turned_share_milli = campaign.score_milli;
    f->campaign_turned_accounts = static_cast<int64_t>(campaign.bad_accounts) - itself(Features::kCampaignWithin);
  }
}

int64_t Hours(EventTime at, EventTime then) { return then.never() ? -1 : std::max<int64_t>(0, (at - then).seconds() / 3600); }

}  // namespace

Features ReadFeatures(const AccountWindow& a, const Event& event, const AccountWindow::Touch& touch,
                      const Population& population) {
  constexpr Span k10m = Span::Minutes(10), k1h = Span::Hours(1), k24h = Span::Hours(24);
  Features f;
  const EventTime at = event.time;
  f.kind = event.kind;
  f.at = at;
  f.familiarity = touch.familiarity;
  f.stray = touch.stray;
  f.young = a.Young(at);
  f.history_days = a.first_seen.never() ? 0 : std::max<int64_t>(0, (at - a.first_seen).seconds() / 86400);
  f.log_young = population.LogYoung(at);
  f.reads_mail = a.Reads(at);
  f.reads_there = a.ReadsThere(touch.ip, touch.place, at, touch.familiarity);

  f.failures_1h = static_cast<int64_t>(a.failures.Count(at, k1h));
  if (f.failures_1h > 0) f.failing_sources_1h = static_cast<int64_t>(a.failing_sources.Count(at, k1h));
  if (event.kind == EventKind::kLoginFailed) return f;

  f.stray_messages_24h = static_cast<int64_t>(a.stray_messages.Count(at, k24h));
  if (f.stray_messages_24h > 0) {
    f.stray_messages_1m = static_cast<int64_t>(a.stray_messages.Count(at, Span::Minutes(1)));
    f.stray_messages_10m = static_cast<int64_t>(a.stray_messages.Count(at, k10m));
    f.stray_messages_1h = static_cast<int64_t>(a.stray_messages.Count(at, k1h));
    f.stray_recipients_10m = static_cast<int64_t>(a.stray_recipients.Count(at, k10m));
    f.stray_recipients_1h = static_cast<int64_t>(a.stray_recipients.Count(at, k1h));
    ReadStrays(a, at, &f);
  }
  if (touch.source >= 0) {
    const SourceUse& source = a.sources[static_cast<size_t>(touch.source)];
    f.source_messages = source.messages;
    f.source_reads = source.reads > 0;
  }

  if (const Judged judged = population.judgements.Of(touch.ip, at); judged.score_milli > 0) {
    f.source_bad_score_milli = judged.score_milli;
    for (const Habit& h : a.countries) {
      f.reading_countries_7d += !h.last_read.never() && h.last_read <= at && at - h.last_read <= Span::Days(7);
    }
    // The account may be one of them: its own guilt proves nothing more.
    f.source_bad_accounts = static_cast<int64_t>(judged.bad_accounts) - (a.standing.suspensions > 0 ? 1 : 0);
  }
  if (touch.stray) ReadCohorts(a, touch, at, population.judgements, &f);
  f.denied = (touch.stray && population.exceptions.OfSource(touch.ip, touch.place, at) == Ruling::kDenied) ||
             population.exceptions.OfAccount(a.login, at) == Ruling::kDenied;

  f.sources_24h = static_cast<int64_t>(a.sources_seen.Count(at, k24h));
  f.usual_sources_day = static_cast<int64_t>(a.sources_a_day.MaxBefore(at, kBaselineDays));

  f.messages_1h = static_cast<int64_t>(a.messages.Count(at, k1h));
  f.messages_24h = static_cast<int64_t>(a.messages.Count(at, k24h));
  f.usual_messages_day = static_cast<int64_t>(a.messages_a_day.MaxBefore(at, kBaselineDays));
  f.recipients_1h = static_cast<int64_t>(a.recipients.Count(at, k1h));
  f.recipients_24h = static_cast<int64_t>(a.recipients.Count(at, k24h));
  f.usual_recipients_day = static_cast<int64_t>(a.recipients_a_day.MaxBefore(at, kBaselineDays));

  f.judged_1h = static_cast<int64_t>(a.recipients_judged.Count(at, k1h));
  f.judged_24h = static_cast<int64_t>(a.recipients_judged.Count(at, k24h));
  if (f.judged_24h > 0) {
    f.new_recipients_1h = static_cast<int64_t>(a.recipients_new.Count(at, k1h));
    f.new_recipients_24h = static_cast<int64_t>(a.recipients_new.Count(at, k24h));
    f.stray_judged_1h = static_cast<int64_t>(a.stray_judged.Count(at, k1h));
    f.stray_new_recipients_1h = static_cast<int64_t>(a.stray_new.Count(at, k1h));
  }
  const int64_t judged_before = static_cast<int64_t>(a.judged_total) - f.judged_24h;
  if (judged_before >= Features::kHabitRecipientsMin) {
    const int64_t new_before = std::max<int64_t>(0, static_cast<int64_t>(a.new_total) - f.new_recipients_24h);
    f.usual_new_percent = std::min<int64_t>(100, new_before * 100 / judged_before);
  }

  f.sent_1h = static_cast<int64_t>(a.sent.Count(at, k1h));
  f.refused_1h = static_cast<int64_t>(a.refused.Count(at, k1h));
  f.failed_1h = f.refused_1h + static_cast<int64_t>(a.bounced.Count(at, k1h));

  if (!a.guessed.never() && a.guessed <= at) {
    f.guessed_hours_ago = Hours(at, a.guessed);
    f.from_guessed_source = touch.source >= 0 && a.sources[static_cast<size_t>(touch.source)].source == a.guessed_source;
    f.failing_sources_72h = static_cast<int64_t>(a.failing_sources.Count(at, Span::Hours(72)));
  }
  return f;
}

}  // namespace sekisho
