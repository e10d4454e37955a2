// The table itself, and how each feature is read.
#include "engine/rules/feature_table.h"

#include <algorithm>

#include "engine/window/small_set.h"

namespace sekisho::rules {
namespace {

bool Within(EventTime then, const Scene& s, Span window) {
  return !then.never() && then <= s.event.time && s.event.time - then < window;
}

int64_t Count(const SlidingCounter& counter, const Scene& s, Span window) {
  return static_cast<int64_t>(counter.Count(s.event.time, window));
}

int64_t Count(const DistinctWindow& distinct, const Scene& s, Span window) {
  return static_cast<int64_t>(distinct.Count(s.event.time, window));
}

// Distinct values of a member among the remembered sources in use within the window; 0 is no value.
template <typename T>
int64_t Distinct(const Scene& s, Span window, T SourceUse::*member) {
  SmallSet set;
  for (const SourceUse& source : s.account.sources) {
    if (source.*member != 0 && Within(source.last_seen, s, window)) set.Add(source.*member);
  }
  return set.size();
}

bool StrayWithin(const SourceUse& source, const Scene& s, Span window) {
  return source.stray && Within(source.last_sent, s, window);
}
bool Passing(const SourceUse& source) { return source.messages <= Features::kPassingMessagesMax && source.reads == 0; }
bool FarUnread(const SourceUse& source) { return source.at_first == Familiarity::kFar && source.reads == 0; }

// What the mean day before today brings in a window of that length, rounded up.
int64_t Usual(const DailyStats& days, const Scene& s, Span window) {
  const auto mean_hundredths = static_cast<int64_t>(days.MeanBefore(s.event.time, kBaselineDays));
  // A day's total is below 2^24 and a window below 2^22 s, so this stays below 2^53.
  constexpr int64_t kDay = 100 * 86'400;
  return (mean_hundredths * window.seconds() + kDay - 1) / kDay;
}

int64_t Most(const DailyStats& days, const Scene& s) {
  return static_cast<int64_t>(days.MaxBefore(s.event.time, kBaselineDays));
}

int64_t HoursSince(EventTime then, const Scene& s) {
  if (then.never()) return kNeverHours;
  return std::clamp<int64_t>((s.event.time - then).seconds() / 3600, 0, kNeverHours);
}

// What an account without a record has none of.
template <typename T>
int64_t OfStrays(const Scene& s, Span window, T StrayRecord::*member) {
  const StrayRecord* const record = s.account.stray_record.get();
  return record == nullptr ? 0 : Count(record->*member, s, window);
}

template <SourceClass kClass>
int64_t OfClass(const Scene& s, Span) {
  return s.features.source_class == kClass;
}

constexpr std::array<Span, 2> kNoWindows = {};
constexpr std::array<Span, 2> kOneHour = {Span::Hours(1), Span()};
constexpr std::array<Span, 2> kOneDay = {Span::Days(1), Span()};
constexpr std::array<Span, 2> kOneWeek = {Span::Days(7), Span()};

using S = const Scene&;
constexpr auto kNumber = Type::kNumber;
constexpr auto kYesNo = Type::kYesNo;
constexpr auto kNone = Windows::kNone;
constexpr auto kAny = Windows::kAny;
constexpr auto kFixed = Windows::kFixed;

constexpr Feature kFeatures[] = {
    // What the account sends.
    {"messages", kNumber, kAny, kNoWindows, "messages", "messages sent, from whatever source",
     [](S s, Span w) { return Count(s.account.messages, s, w); }},
    {"recipients", kNumber, kAny, kNoWindows, "recipients", "recipients written to, from whatever source",
     [](S s, Span w) { return Count(s.account.recipients, s, w); }},
    {"stray_messages", kNumber, kAny, kNoWindows, "messages", "messages sent by stray sources",
     [](S s, Span w) { return Count(s.account.stray_messages, s, w); }},
    {"stray_recipients", kNumber, kAny, kNoWindows, "recipients", "recipients of messages by stray sources",
     [](S s, Span w) { return Count(s.account.stray_recipients, s, w); }},
    {"judged_recipients", kNumber, kAny, kNoWindows, "recipients", "recipients of whom it is known whether they are new",
     [](S s, Span w) { return Count(s.account.recipients_judged, s, w); }},
    {"new_recipients", kNumber, kAny, kNoWindows, "recipients", "of these, recipients the account never wrote to before",
     [](S s, Span w) { return Count(s.account.recipients_new, s, w); }},
    {"stray_judged_recipients", kNumber, kAny, kNoWindows, "recipients",
     "recipients of messages by stray sources, of whom it is known whether they are new",
     [](S s, Span w) { return Count(s.account.stray_judged, s, w); }},
    {"stray_new_recipients", kNumber, kAny, kNoWindows, "recipients",
     "of these, recipients the account never wrote to before",
     [](S s, Span w) { return Count(s.account.stray_new, s, w); }},
    {"accepted_deliveries", kNumber, kAny, kNoWindows, "deliveries", "deliveries that receivers accepted",
     [](S s, Span w) { return Count(s.account.sent, s, w); }},
    {"bounced_deliveries", kNumber, kAny, kNoWindows, "deliveries", "deliveries that bounced or expired, not as spam",
     [](S s, Span w) { return Count(s.account.bounced, s, w); }},
    {"refused_deliveries", kNumber, kAny, kNoWindows, "deliveries", "deliveries refused as spam, by policy or reputation",
     [](S s, Span w) { return Count(s.account.refused, s, w); }},
    {"failed_deliveries", kNumber, kAny, kNoWindows, "deliveries", "deliveries that bounced or were refused",
     [](S s, Span w) { return Count(s.account.bounced, s, w) + Count(s.account.refused, s, w); }},
    {"stray_refused_deliveries", kNumber, kAny, kNoWindows, "deliveries",
     "deliveries refused as spam, by policy or reputation, of messages by stray sources",
     [](S s, Span w) { return OfStrays(s, w, &StrayRecord::refused); }},
    {"stray_put_off_deliveries", kNumber, kAny, kNoWindows, "deliveries", "deliveries put off for such reasons, likewise",
     [](S s, Span w) { return OfStrays(s, w, &StrayRecord::put_off); }},
    {"complaints", kNumber, kAny, kNoWindows, "complaints", "feedback reports about the account's messages",
     [](S s, Span w) { return OfStrays(s, w, &StrayRecord::complaints); }},
    {"stray_senders", kNumber, kAny, kNoWindows, "senders",
     "envelope senders of stray sources that the owner's own sources don't use",
     [](S s, Span w) { return OfStrays(s, w, &StrayRecord::senders); }},
    {"stray_run_messages", kNumber, kNone, kNoWindows, "messages",
     "messages by stray sources without a pause of ten minutes, up to this one; 0 unless the source is stray",
     [](S s, Span) { return s.features.stray_run_messages; }, true},
    {"stray_run_rises", kNumber, kFixed, kOneDay, "steps",
     "such runs in a row, this the last, each larger by three tenths than the one before; 0 unless the source is stray",
     [](S s, Span) { return s.features.stray_run_rises_24h; }, true},

    // Where it is used from. Lists of sources hold the 64 that matter most.
    {"distinct_sources", kNumber, kAny, kNoWindows, "sources", "sources in use (an IPv4 address, an IPv6 /64)",
     [](S s, Span w) { return Count(s.account.sources_seen, s, w); }},
    {"distinct_networks", kNumber, kAny, kNoWindows, "networks", "networks in use, among the last 64 sources",
     [](S s, Span w) { return Distinct(s, w, &SourceUse::network); }},
    {"distinct_areas", kNumber, kAny, kNoWindows, "areas",
     "areas in use (an AS number in a country, else an IPv4 /16 or IPv6 /32), among the last 64 sources",
     [](S s, Span w) { return Distinct(s, w, &SourceUse::area); }},
    {"distinct_countries", kNumber, kAny, kNoWindows, "countries", "countries in use, among the last 64 sources",
     [](S s, Span w) { return Distinct(s, w, &SourceUse::country); }},
    {"stray_sources", kNumber, kAny, kNoWindows, "sources", "stray sources that sent",
     [](S s, Span w) -> int64_t {
       return std::count_if(s.account.sources.begin(), s.account.sources.end(),
                            [&](const SourceUse& source) { return StrayWithin(source, s, w); });
     }},
    {"stray_networks", kNumber, kAny, kNoWindows, "networks", "networks of stray sources that sent",
     [](S s, Span w) {
       SmallSet set;
       for (const SourceUse& source : s.account.sources) {
         if (StrayWithin(source, s, w)) set.Add(source.network);
       }
       return set.size();
     }},
    {"passing_sources", kNumber, kAny, kNoWindows, "sources",
     "stray sources that sent at most three messages each, never read, and moved on",
     [](S s, Span w) -> int64_t {
       return std::count_if(s.account.sources.begin(), s.account.sources.end(),
                            [&](const SourceUse& source) { return StrayWithin(source, s, w) && Passing(source); });
     }},
    {"far_passing_sources", kNumber, kAny, kNoWindows, "sources", "of these, the ones in countries new to the owner",
     [](S s, Span w) -> int64_t {
       return std::count_if(s.account.sources.begin(), s.account.sources.end(), [&](const SourceUse& source) {
         return StrayWithin(source, s, w) && Passing(source) && FarUnread(source);
       });
     }},
    {"far_countries", kNumber, kAny, kNoWindows, "countries",
     "countries new to the owner from which stray sources sent that never read",
     [](S s, Span w) {
       SmallSet set;
       for (const SourceUse& source : s.account.sources) {
         if (source.country != 0 && StrayWithin(source, s, w) && FarUnread(source)) set.Add(source.country);
       }
       return set.size();
     }},
    {"passing_areas", kNumber, kAny, kNoWindows, "areas",
     "areas in the owner's own countries from which sources sent a few messages, and nobody ever read",
     [](S s, Span w) { return s.account.PassingAreas(s.event.time, w); }},
    {"stray_hosting_messages", kNumber, kFixed, kOneDay, "messages",
     "messages of stray sources in hosting networks that sent within the window; each source's since it was first seen",
     [](S s, Span) { return s.features.stray_hosting_messages_24h; }, true},
    {"far_webmail_sources", kNumber, kFixed, kOneDay, "sources", "sources in countries new to the owner that used webmail",
     [](S s, Span) { return s.features.far_webmail_sources_24h; }, true},
    {"far_webmail_messages", kNumber, kFixed, kOneHour, "messages",
     "messages of the stray ones of them that sent within the window; each source's since it was first seen",
     [](S s, Span) { return s.features.far_webmail_messages_1h; }, true},

    // Failed logins, of sources that aren't the owner's.
    {"failed_logins", kNumber, kAny, kNoWindows, "logins", "failed logins by unfamiliar sources",
     [](S s, Span w) { return Count(s.account.failures, s, w); }},
    {"failing_sources", kNumber, kAny, kNoWindows, "sources", "unfamiliar sources that failed to log in",
     [](S s, Span w) { return Count(s.account.failing_sources, s, w); }},

    // Habits. Today doesn't count, so that abuse can't make itself usual.
    {"usual_messages", kNumber, kAny, kNoWindows, "messages",
     "messages that such a window usually has: the mean of the last 62 days (fewer while the account is younger), spread "
     "evenly over day and night, rounded up; 0 without history",
     [](S s, Span w) { return Usual(s.account.messages_a_day, s, w); }},
    {"usual_recipients", kNumber, kAny, kNoWindows, "recipients",
     "recipients that such a window usually has, likewise",
     [](S s, Span w) { return Usual(s.account.recipients_a_day, s, w); }},
    {"most_messages", kNumber, kFixed, kOneDay, "messages", "messages on the busiest of the 62 days before today",
     [](S s, Span) { return Most(s.account.messages_a_day, s); }},
    {"most_recipients", kNumber, kFixed, kOneDay, "recipients", "recipients on the busiest of the 62 days before today",
     [](S s, Span) { return Most(s.account.recipients_a_day, s); }},
    {"most_sources", kNumber, kFixed, kOneDay, "sources", "sources on the day with the most, of the 62 before today",
     [](S s, Span) { return Most(s.account.sources_a_day, s); }},
    {"usual_new_percent", kNumber, kNone, kNoWindows, "percent",
     "of recipients before the last day were new; -1 while fewer than 50 are known",
     [](S s, Span) { return s.features.usual_new_percent; }, true},
    {"strangers_by_chance", kNumber, kNone, kNoWindows, "recipients",
     "so many new recipients in a row would come about by the account's habit less than once in 10,000 times",
     [](S s, Span) { return s.features.strangers_by_chance; }, true},
    {"history_days", kNumber, kNone, kNoWindows, "days", "days since the account was first used",
     [](S s, Span) { return s.features.history_days; }},
    {"hours_since_read", kNumber, kNone, kNoWindows, "hours", "hours since mail was last read; 1000000: never",
     [](S s, Span) { return HoursSince(s.account.last_read, s); }},
    {"hours_since_guess", kNumber, kNone, kNoWindows, "hours",
     "hours since a login that guessing explains; 1000000: none since the password was changed",
     [](S s, Span) { return HoursSince(s.account.guessed, s); }},
    {"hours_since_password_change", kNumber, kNone, kNoWindows, "hours",
     "hours since the password was changed; 1000000: never, as far as the logs show",
     [](S s, Span) { return HoursSince(s.account.credential_changed, s); }},
    {"hours_since_release", kNumber, kNone, kNoWindows, "hours",
     "hours since a throttling or suspension of this account ended; 1000000: none did",
     [](S s, Span) { return HoursSince(s.account.standing.released, s); }},
    {"slept_days", kNumber, kNone, kNoWindows, "days",
     "days without any use, 30 or more, that ended within the last week, if this source's area is new since; else 0",
     [](S s, Span) { return s.features.slept_days; }, true},
    {"sends_under_many_names", kYesNo, kNone, kNoWindows, "yes or no",
     "strays sent within a day, and the owner's own sources send under ever new senders, as newsletters do",
     [](S s, Span) -> int64_t { return s.features.sends_under_many_names; }, true},
    {"suspensions", kNumber, kNone, kNoWindows, "suspensions", "suspensions of this account ever",
     [](S s, Span) { return static_cast<int64_t>(s.account.standing.suspensions); }},

    // This event and its source.
    {"source_messages", kNumber, kNone, kNoWindows, "messages", "messages by this source since it was first seen",
     [](S s, Span) { return s.features.source_messages; }, true},
    {"source_days", kNumber, kNone, kNoWindows, "days", "days on which this source was used, today included",
     [](S s, Span) -> int64_t {
       return s.touch.source < 0 ? 0 : s.account.sources[static_cast<size_t>(s.touch.source)].days;
     }},
    {"reads_there", kNumber, kFixed, kOneWeek, "reads",
     "reads of the mailbox in this source's surroundings, if the last was within the window; since first seen there",
     [](S s, Span) { return s.features.reads_there; }},
    {"country_read_percent", kNumber, kNone, kNoWindows, "percent",
     "of the remembered reads of the mailbox came from this source's country; 100 for a stray source, and where nobody reads",
     [](S s, Span) { return s.features.country_read_percent; }, true},
    {"source_bad_score", kNumber, kNone, kNoWindows, "thousandths",
     "share of bad accounts in this source's network, at least; 0: nothing bad is known",
     [](S s, Span) { return s.features.source_bad_score_milli; }, true},
    {"source_bad_accounts", kNumber, kNone, kNoWindows, "accounts", "other accounts found bad in this source's network",
     [](S s, Span) { return s.features.source_bad_accounts; }, true},
    {"travel_km", kNumber, kNone, kNoWindows, "km",
     "to this stray source, at least, from where the owner was within a day: of all such ways, the one that takes most speed",
     [](S s, Span) { return s.features.travel_km; }, true},
    {"travel_kmh", kNumber, kNone, kNoWindows, "km/h", "the speed that this way takes, at least",
     [](S s, Span) { return s.features.travel_kmh; }, true},
    {"domain_turned_share", kNumber, kNone, kNoWindows, "thousandths",
     "share of the domain's active accounts that turned within 6 hours, at least; 0: none is known, or the source isn't stray",
     [](S s, Span) { return s.features.domain_turned_share_milli; }, true},
    {"domain_turned_accounts", kNumber, kNone, kNoWindows, "accounts", "other accounts of the domain that turned, likewise",
     [](S s, Span) { return std::max<int64_t>(0, s.features.domain_turned_accounts); }, true},
    {"campaign_turned_share", kNumber, kNone, kNoWindows, "thousandths",
     "share of turned accounts among all that stray sources send messages like this from, at least; 0: likewise",
     [](S s, Span) { return s.features.campaign_turned_share_milli; }, true},
    {"campaign_turned_accounts", kNumber, kNone, kNoWindows, "accounts", "other turned accounts among these",
     [](S s, Span) { return std::max<int64_t>(0, s.features.campaign_turned_accounts); }, true},
    {"event_recipients", kNumber, kNone, kNoWindows, "recipients", "recipients of this submission; 0: not known",
     [](S s, Span) { return static_cast<int64_t>(s.event.recipients); }},
    {"event_bytes", kNumber, kNone, kNoWindows, "bytes", "size of this submission; 0: not known",
     [](S s, Span) { return static_cast<int64_t>(std::min<uint64_t>(s.event.size_bytes, INT64_MAX)); }},
    {"submission", kYesNo, kNone, kNoWindows, "yes or no", "the event is a message being handed in",
     [](S s, Span) -> int64_t { return s.event.kind == EventKind::kSubmission; }},
    {"delivery", kYesNo, kNone, kNoWindows, "yes or no", "the event is a delivery, tried or done",
     [](S s, Span) -> int64_t { return s.event.kind == EventKind::kDelivery; }},
    {"failed_login", kYesNo, kNone, kNoWindows, "yes or no", "the event is a failed login",
     [](S s, Span) -> int64_t { return s.event.kind == EventKind::kLoginFailed; }},
    {"webmail", kYesNo, kNone, kNoWindows, "yes or no", "the event came through the webmail",
     [](S s, Span) -> int64_t { return s.event.via_webmail || s.event.service == Service::kWebmail; }},
    {"known_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is the owner's by history, or an operator allowed it",
     [](S s, Span) -> int64_t { return s.touch.familiarity == Familiarity::kKnown; }},
    {"near_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is new, in a country that is the owner's by history",
     [](S s, Span) -> int64_t { return s.touch.familiarity == Familiarity::kNear; }},
    {"far_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is new, in a country that is new to the owner",
     [](S s, Span) -> int64_t { return s.touch.familiarity == Familiarity::kFar; }},
    {"stray", kYesNo, kNone, kNoWindows, "yes or no",
     "the source is stray: it sends, is not the owner's, and nobody reads mail from its surroundings",
     [](S s, Span) -> int64_t { return s.touch.stray; }},
    {"residential_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is in a network of homes and offices, by source_classes of the policy",
     OfClass<SourceClass::kResidential>, true},
    {"carrier_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is in a network of phones, by source_classes of the policy",
     OfClass<SourceClass::kCarrier>, true},
    {"hosting_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is a rented server, by source_classes of the policy",
     OfClass<SourceClass::kHosting>, true},
    {"fetcher_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is a cloud that fetches mail for its users, by source_classes of the policy",
     OfClass<SourceClass::kFetcher>, true},
    {"vpn_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is an exit of a VPN service, by source_classes of the policy",
     OfClass<SourceClass::kVpn>, true},
    {"tor_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is an exit of Tor, by source_classes of the policy",
     OfClass<SourceClass::kTor>, true},
    {"source_reads", kYesNo, kNone, kNoWindows, "yes or no", "mail was read from this very source",
     [](S s, Span) -> int64_t { return s.features.source_reads; }, true},
    {"from_guessed_source", kYesNo, kNone, kNoWindows, "yes or no", "the source is the one whose login guessing explains",
     [](S s, Span) -> int64_t { return s.features.from_guessed_source; }, true},
    {"denied", kYesNo, kNone, kNoWindows, "yes or no", "an operator denied the stray source, or the account",
     [](S s, Span) -> int64_t { return s.features.denied; }, true},
    {"reads_mail", kYesNo, kNone, kNoWindows, "yes or no", "the owner reads mail where the logs show it",
     [](S s, Span) -> int64_t { return s.features.reads_mail; }},
    {"young", kYesNo, kNone, kNoWindows, "yes or no", "the account has less than a day of history",
     [](S s, Span) -> int64_t { return s.features.young; }},
    {"log_young", kYesNo, kNone, kNoWindows, "yes or no", "the log began less than 8 hours ago: new means nothing yet",
     [](S s, Span) -> int64_t { return s.features.log_young; }},
};

}  // namespace

std::span<const Feature> AllFeatures() { return kFeatures; }

int FindFeature(std::string_view name) {
  for (size_t i = 0; i < std::size(kFeatures); ++i) {
    if (kFeatures[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

std::string WindowText(Span window) {
  const int64_t s = window.seconds();
  if (s % 86'400 == 0) return std::to_string(s / 86'400) + "d";
  if (s % 3600 == 0) return std::to_string(s / 3600) + "h";
  if (s % 60 == 0) return std::to_string(s / 60) + "m";
  return std::to_string(s) + "s";
}

std::string WindowsText(const Feature& feature) {
  if (feature.windows == Windows::kNone) return "none";
  if (feature.windows == Windows::kAny) return "any, " + WindowText(kWindowLeast) + " to " + WindowText(kWindowMost);
  std::string out;
  for (const Span window : feature.fixed) {
    if (window != Span()) out += (out.empty() ? "" : ", ") + WindowText(window);
  }
  return out;
}

std::string FeaturesMarkdown() {
  std::string out = "| feature | window | unit | meaning |\n| --- | --- | --- | --- |\n";
  for (const Feature& f : kFeatures) {
    out += "| `" + std::string(f.name) + "` | " + WindowsText(f) + " | " + std::string(f.unit) + " | " + std::string(f.meaning) + (f.blind ? " *" : "") + " |\n";
  }
  return out;
}

}  // namespace sekisho::rules
