// One pass over the account's memory for one event.
#include "engine/window/features.h"

#include <algorithm>
#include <array>

#include "engine/window/country_distance.h"
#include "engine/window/small_set.h"

namespace sekisho {
namespace {

void ReadStrays(const AccountWindow& a, EventTime at, Features* f) {
  SmallSet networks, countries_2h, countries_24h;
  for (const SourceUse& s : a.sources) {
    if (s.webmail && s.at_first == Familiarity::kFar && s.last_seen <= at && at - s.last_seen < Span::Hours(24)) {
      ++f->far_webmail_sources_24h;
      if (s.stray && !s.last_sent.never() && at - s.last_sent < Span::Hours(1)) f->far_webmail_messages_1h += s.messages;
    }
    if (!s.stray || s.last_sent.never() || s.last_sent > at) continue;
    const Span age = at - s.last_sent;
    if (age >= Span::Hours(24)) continue;
    const bool near_time = age < Span::Hours(2);
    const bool passing = s.messages <= Features::kPassingMessagesMax && s.reads == 0;
    const bool far = s.at_first == Familiarity::kFar && s.reads == 0;
    if (s.source_class == SourceClass::kHosting) f->stray_hosting_messages_24h += s.messages;
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

// A country that the account is at home in beside another says nothing of travel: somebody is there through a VPN or a
// provider's cloud, or the account is a team's.
void ReadTravel(const AccountWindow& a, EventTime at, const SourceUse& stray, Features* f) {
  if (stray.country == 0 || stray.at_first != Familiarity::kFar || stray.reads > 0 || !TellsPlace(stray.source_class)) return;
  if (a.HomeCountries(at) > 1) return;
  const auto measure = [&](const SourceUse& owners, EventTime used, int64_t* km, int64_t* kmh) {
    const EventTime then = stray.last_sent;
    const Span apart = then > used ? then - used : used - then;
    if (used.never() || apart >= Span::Hours(24)) return;
    const int64_t distance = CountryDistanceKm(stray.country, owners.country);
    // A minute is what clocks may differ by.
    const int64_t speed = std::min(Features::kKmhMax, distance * 3600 / std::max<int64_t>(60, apart.seconds()));
    if (speed <= *kmh) return;
    *km = distance;
    *kmh = speed;
  };
  for (const SourceUse& s : a.sources) {
    if (s.stray || s.at_first == Familiarity::kFar || s.country == 0 || s.country == stray.country || !TellsPlace(s.source_class)) continue;
    measure(s, s.last_seen, &f->travel_km, &f->travel_kmh);
    measure(s, s.last_sent, &f->travel_sent_km, &f->travel_sent_kmh);
  }
}

// Who comes back to the network he left from is the owner, as far as one can tell.
void ReadAwakening(const AccountWindow& a, EventTime at, const SourceUse& source, Features* f) {
  if (a.woke > at || at - a.woke >= Span::Days(7)) return;
  const auto from_before = [&](const SourceUse& s) { return s.area == source.area && s.first_seen < a.woke; };
  if (std::any_of(a.sources.begin(), a.sources.end(), from_before)) return;
  f->slept_days = a.slept_days;
  f->messages_since_woke = static_cast<int64_t>(a.messages.Count(at, at - a.woke + Span::Millis(1)));
}

void ReadRuns(const AccountWindow& a, EventTime at, Features* f) {
  if (a.stray_record.get() == nullptr) return;
  const std::vector<SendRun>& runs = a.stray_record.get()->runs;
  // A late event's run isn't the last one.
  if (runs.empty() || at < runs.back().first || at - runs.back().last >= kRunPause) return;
  f->stray_run_messages = runs.back().messages;
  bool rising = true;
  size_t i = runs.size() - 1;
  for (; i > 0 && at - runs[i - 1].last < Span::Hours(24); --i) {
    const SendRun& before = runs[i - 1];
    if (runs[i].first - before.last >= Features::kReturnPause) break;
    f->stray_refused_runs_24h += before.refused;
    rising = rising && before.messages >= Features::kStepMessagesMin &&
             int64_t{runs[i].messages} * 100 >= int64_t{before.messages} * Features::kStepRisePercent;
    f->stray_run_rises_24h += rising;
  }
  for (; i > 0 && runs[i].first - runs[i - 1].last < Features::kReturnPause; --i) {}
  // runs[i] is the first since the long pause: what came before it, up to the pause before that.
  for (size_t j = i; j > 0 && at - runs[j - 1].last < Span::Hours(48); --j) {
    if (j < i && runs[j].first - runs[j - 1].last >= Features::kReturnPause) break;
    f->stray_day_before += runs[j - 1].messages;
  }
}

void ReadRefusals(const AccountWindow& a, EventTime at, Features* f) {
  constexpr Span k24h = Span::Hours(24), kMonth = Span::Days(31);
  if (a.refused.empty() && (a.stray_record.get() == nullptr || a.stray_record.get()->put_off.empty())) return;
  const auto count = [at](const SlidingCounter& c, Span width) { return static_cast<int64_t>(c.Count(at, width)); };
  int64_t month = count(a.refused, kMonth);
  f->refused_24h = count(a.refused, k24h);
  if (const StrayRecord* record = a.stray_record.get(); record != nullptr) {
    f->stray_refused_24h = count(record->refused, k24h);
    f->stray_put_off_24h = count(record->put_off, k24h);
    month -= count(record->refused, kMonth) - f->stray_refused_24h;
  }
  f->finished_24h = count(a.sent, k24h) + count(a.bounced, k24h) + f->refused_24h;
  const int64_t days = std::clamp<int64_t>(f->history_days, 1, 30);
  f->usual_refused_day = (std::max<int64_t>(0, month - f->refused_24h) + days - 1) / days;
}

void ReadComplaints(const AccountWindow& a, EventTime at, Features* f) {
  const StrayRecord* record = a.stray_record.get();
  if (record == nullptr || record->complaints.empty()) return;
  const auto count = [at](const SlidingCounter& c, Span width) { return static_cast<int64_t>(c.Count(at, width)); };
  f->complaints_72h = count(record->complaints, Span::Hours(72));
  if (f->complaints_72h == 0) return;
  f->usual_complaints_72h = (count(record->complaints, Span::Days(31)) - f->complaints_72h) * 3;
  f->usual_complaints_72h = (f->usual_complaints_72h + 27) / 28;
  f->recipients_7d = count(a.recipients, Span::Days(7));
  f->stray_messages_7d = count(a.stray_messages, Span::Days(7));
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

// The least n with share^n < 1/10,000, by twentieths of the share of strangers among the recipients so far; who has hardly any is
// taken to write to two strangers in five.
int64_t StrangersByChance(int64_t judged, int64_t strangers) {
  constexpr std::array<int64_t, 20> kInARow = {4, 4, 5, 5, 6, 7, 8, 9, 11, 12, 14, 16, 19, 22, 26, 33, 42, 57, 88, 180};
  return kInARow[static_cast<size_t>((strangers + 2) * 20 / (judged + 5))];
}

int64_t Hours(EventTime at, EventTime then) { return then.never() ? -1 : std::max<int64_t>(0, (at - then).seconds() / 3600); }

}  // namespace

namespace {

void ReadRelapse(const AccountWindow& a, EventTime at, int source, Features* f) {
  const Standing& s = a.standing;
  const EventTime suspended = s.announced[static_cast<size_t>(ActionKind::kSuspend)];
  // A throttling that is over says little: the next evidence would make a suspension of it whoever it was.
  if (s.verdict != ActionKind::kRelease || s.released.never() || s.released > at || suspended.never() || suspended < s.since) return;
  f->released_hours_ago = Hours(at, s.released);
  f->password_changed = !a.credential_changed.never() && a.credential_changed >= s.since;
  f->source_returned = source >= 0 && a.sources[static_cast<size_t>(source)].first_seen < s.released;
  f->stray_messages_since_release = static_cast<int64_t>(a.stray_messages.Count(at, at - s.released));
}

}  // namespace

Features ReadFeatures(const AccountWindow& a, const Event& event, const AccountWindow::Touch& touch,
                      const Population& population) {
  static constexpr Span k10m = Span::Minutes(10), k1h = Span::Hours(1), k24h = Span::Hours(24);
  Features f;
  const EventTime at = event.time;
  const auto hour_and_day = [at](const SlidingCounter& counter, int64_t* hour, int64_t* day) {
    const SlidingCounter::TwoCounts counts = counter.CountBoth(at, k1h, k24h);
    *hour = static_cast<int64_t>(counts.shorter);
    *day = static_cast<int64_t>(counts.longer);
  };
  f.kind = event.kind;
  f.at = at;
  f.familiarity = touch.familiarity;
  f.stray = touch.stray;
  f.young = a.Young(at);
  f.history_days = a.first_seen.never() ? 0 : std::max<int64_t>(0, (at - a.first_seen).seconds() / 86400);
  f.log_young = population.LogYoung(at);
  f.latecomer = population.LogSettled(a.first_seen.never() ? at : a.first_seen);
  f.via_webmail = event.via_webmail || (event.kind == EventKind::kSubmission && event.service == Service::kWebmail);
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
    if (f.stray) ReadRuns(a, at, &f);
    if (f.stray) ReadRelapse(a, at, touch.source, &f);
    if (const StrayRecord* record = a.stray_record.get(); record != nullptr && !record->senders.empty()) {
      f.stray_senders_1h = static_cast<int64_t>(record->senders.Count(at, k1h));
      f.stray_senders_24h = static_cast<int64_t>(record->senders.Count(at, k24h));
      f.sends_under_many_names = a.sender_habit.days >= 2 && at.day() - a.sender_habit.last_day <= 31;
    }
  }
  if (touch.source >= 0) {
    const SourceUse& source = a.sources[static_cast<size_t>(touch.source)];
    f.source_messages = source.messages;
    f.source_reads = source.reads > 0;
    if (touch.stray) ReadTravel(a, at, source, &f);
    if (!touch.stray && f.reads_mail && touch.place.country != 0) f.country_read_percent = a.ReadPercent(touch.place.country);
    if (source.at_first == Familiarity::kNear && source.messages > 0 && source.reads == 0) {
      f.passing_areas_24h = a.PassingAreas(at, k24h);
      if (f.passing_areas_24h > 1) {
        f.passing_areas_2h = a.PassingAreas(at, Span::Hours(2));
        // Over the whole history, not since the first such day: that may be yesterday's abuse.
        const int64_t days = std::clamp<int64_t>(f.history_days, Features::kPassingDaysMin, kBaselineDays);
        f.usual_passing_day = static_cast<int64_t>(a.passing_a_day.TotalBefore(at, kBaselineDays)) * 100 / days;
      }
    }
    if (!a.woke.never()) ReadAwakening(a, at, source, &f);
    f.source_class = source.source_class;
    if (f.stray_hosting_messages_24h > 0) {
      const AccountWindow::HomePlaces homes = a.PlacesByClass(at);
      f.access_places = homes.access;
      f.server_places = homes.servers;
    }
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

  hour_and_day(a.messages, &f.messages_1h, &f.messages_24h);
  f.usual_messages_day = static_cast<int64_t>(a.messages_a_day.MaxBefore(at, kBaselineDays));
  hour_and_day(a.recipients, &f.recipients_1h, &f.recipients_24h);
  f.usual_recipients_day = static_cast<int64_t>(a.recipients_a_day.MaxBefore(at, kBaselineDays));

  hour_and_day(a.recipients_judged, &f.judged_1h, &f.judged_24h);
  if (f.judged_24h > 0) {
    hour_and_day(a.recipients_new, &f.new_recipients_1h, &f.new_recipients_24h);
    hour_and_day(a.stray_judged, &f.stray_judged_1h, &f.stray_judged_24h);
    hour_and_day(a.stray_new, &f.stray_new_recipients_1h, &f.stray_new_recipients_24h);
  }
  const int64_t judged_before = std::max<int64_t>(0, static_cast<int64_t>(a.judged_total) - f.judged_24h);
  const int64_t new_before = std::clamp<int64_t>(static_cast<int64_t>(a.new_total) - f.new_recipients_24h, 0, judged_before);
  if (judged_before >= Features::kHabitRecipientsMin) f.usual_new_percent = new_before * 100 / judged_before;
  f.strangers_by_chance = StrangersByChance(judged_before, new_before);

  ReadRefusals(a, at, &f);
  ReadComplaints(a, at, &f);
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
