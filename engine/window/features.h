// The numbers that detectors and rules compare: all that is asked of an account about one event, read at the event's own
// time. Integer only; windows are (at - width, at].
#ifndef SEKISHO_ENGINE_WINDOW_FEATURES_H_
#define SEKISHO_ENGINE_WINDOW_FEATURES_H_

#include <cstdint>

#include "engine/model/event.h"
#include "engine/window/account_window.h"

namespace sekisho {

struct Features {
  EventKind kind = EventKind::kLogin;
  EventTime at;
  Familiarity familiarity = Familiarity::kNowhere;
  bool stray = false;          // this event's source is stray (see account_window.h)
  bool young = false;          // the account has less than a day of history
  int64_t history_days = 0;    // since its first use
  bool log_young = false;      // the log began some hours ago: "new" means nothing yet
  bool latecomer = false;      // the account was first seen when the log was a week old
  bool reads_mail = false;     // the owner reads mail where we can see it

  // Stray sources (messages sent by them in the window named).
  int64_t stray_sources_2h = 0, stray_sources_24h = 0;
  int64_t stray_networks_24h = 0;
  // Of these, the ones that sent at most kPassingMessagesMax messages and never read.
  int64_t stray_passing_2h = 0, stray_passing_24h = 0;
  int64_t far_passing_24h = 0;                          // of those, far ones
  int64_t far_countries_2h = 0, far_countries_24h = 0;  // countries of far stray sources that never read
  int64_t stray_messages_1m = 0, stray_messages_10m = 0, stray_messages_1h = 0, stray_messages_24h = 0;
  int64_t stray_recipients_10m = 0, stray_recipients_1h = 0;
  int64_t source_messages = 0;  // by this event's source, since first seen
  bool source_reads = false;    // mail was read from this very source

  int64_t sources_24h = 0, usual_sources_day = 0;  // all sources; the most on one day before today

  int64_t messages_1h = 0, messages_24h = 0, usual_messages_day = 0;
  int64_t recipients_1h = 0, recipients_24h = 0, usual_recipients_day = 0;

  // Recipients whose novelty is known, and those of them the account never wrote to.
  int64_t judged_1h = 0, new_recipients_1h = 0;
  int64_t judged_24h = 0, new_recipients_24h = 0;
  int64_t stray_judged_1h = 0, stray_new_recipients_1h = 0;  // of messages by stray sources
  int64_t stray_judged_24h = 0, stray_new_recipients_24h = 0;
  int64_t usual_new_percent = -1;  // of recipients before the last 24 h; -1: fewer than kHabitRecipientsMin were judged

  // So many strangers in a row would come about by this account's habit less than once in ten thousand times.
  int64_t strangers_by_chance = 0;

  int64_t sent_1h = 0, failed_1h = 0, refused_1h = 0;  // deliveries; failed: bounced or refused

  int64_t failures_1h = 0, failing_sources_1h = 0, failing_sources_72h = 0;
  int64_t guessed_hours_ago = -1;  // -1: no guessed success on record
  bool from_guessed_source = false;

  int64_t reads_there = 0;         // mailbox reads from the surroundings of this event's source, see ReadsThere
  // Of all mailbox reads, those from the country of this event's source, where the source isn't stray; 100: where it is, or
  // nobody reads.
  int64_t country_read_percent = 100;

  // What entity shards think of this event's source network: bad / (bad + good) accounts, its lower confidence bound in
  // thousandths, and how many others were found bad there. 0: nothing bad is known.
  int64_t source_bad_score_milli = 0, source_bad_accounts = 0;
  // Countries that the mailbox was read from within 7 days; only where the network is known to be bad.
  int64_t reading_countries_7d = 0;
  bool denied = false;             // an operator says that this source, or this account, is bad

  // impossible_travel: kilometres between the country of this event's stray source and one that the owner used within the
  // 24 h around the stray's last message, at least, and the speed that this takes, at most kKmhMax. Of all such pairs the
  // fastest; 0: none is far. `sent`: only uses that sent mail.
  int64_t travel_km = 0, travel_kmh = 0;
  int64_t travel_sent_km = 0, travel_sent_kmh = 0;

  // source_class: the class of this event's source; the owner's known places in homes and on phones, and on servers of any
  // kind; messages of stray sources in hosting networks that sent in the last 24 h, each source's since it was first seen.
  SourceClass source_class = SourceClass::kUnknown;
  int64_t access_places = 0, server_places = 0;
  int64_t stray_hosting_messages_24h = 0;

  // webmail_origin: this event's message came through webmail; far sources that used webmail in the last 24 h; messages of
  // those of them that are stray and sent in the last hour, each source's since it was first seen.
  bool via_webmail = false;
  int64_t far_webmail_sources_24h = 0, far_webmail_messages_1h = 0;

  // domestic_rotation, where this event's source is near and was never read from: distinct areas of passing sources (see
  // account_window.h) that sent; and the owner's passing sources on a mean day of his history, taken for kPassingDaysMin days
  // at least, in hundredths.
  int64_t passing_areas_2h = 0, passing_areas_24h = 0;
  int64_t usual_passing_day = 0;

  // dormant_awakening: days without any use before the account woke up, if that was within the last week and nothing that is
  // remembered from before was in this source's area; else 0. Messages since then.
  int64_t slept_days = 0, messages_since_woke = 0;

  // Whom the messages go to outranks where they come from: of at least `judged_min` recipients of this hour's strays (or of a
  // day's), the account knows more than three in ten; or of two or more, most.
  bool ToKnownPeople(int64_t judged_min) const {
    if (stray_judged_1h >= 2 && stray_new_recipients_1h * 2 < stray_judged_1h) return true;
    return stray_judged_1h >= judged_min && stray_new_recipients_1h * 10 < stray_judged_1h * 7;
  }
  bool ToKnownPeople24h(int64_t judged_min) const {
    return stray_judged_24h >= judged_min && stray_new_recipients_24h * 10 < stray_judged_24h * 7;
  }

  // Strangers are no more among this hour's strays' recipients than the account is used to, give or take `points` of a hundred.
  bool ToStrangersAsUsual(int64_t judged_min, int64_t points) const {
    return usual_new_percent >= 0 && stray_judged_1h >= judged_min &&
           stray_new_recipients_1h * 100 <= stray_judged_1h * (usual_new_percent + points);
  }

  // Less than a week of history: places and people that are new to us needn't be new to the owner.
  bool unsettled() const { return history_days < 7; }
  // The account itself is new, while the log is not.
  bool newcomer() const { return latecomer && unsettled(); }

  static constexpr int64_t kPassingDaysMin = 14;
  static constexpr int64_t kKmhMax = 100'000;
  // limit_probing. Runs: stretches of sending by strays, kRunPause or more apart. Read for strays only.
  int64_t stray_run_messages = 0;      // of the run that this event belongs to
  int64_t stray_run_rises_24h = 0;     // how many runs in a row, this one the last, were each a step above the one before
  int64_t stray_refused_runs_24h = 0;  // earlier runs that one of our limits stopped
  int64_t stray_day_before = 0;        // messages of the runs before the last pause of kReturnPause or more, if it is under 48 h ago

  // spam_refusal. Deliveries that the receiver refused as spam, by policy or for its sender's reputation; unknown recipients
  // are not among them. For good, or (put off) for now.
  int64_t stray_refused_24h = 0, stray_put_off_24h = 0;  // of messages by strays
  int64_t refused_24h = 0;             // whoever sent, for good
  int64_t finished_24h = 0;            // deliveries that were accepted, failed for good, or were put off as spam
  int64_t usual_refused_day = 0;       // a day's mean over the 30 days before, without what strays caused; rounded up

  // sender_variety. Envelope senders of strays that the owner's own sources don't use.
  int64_t stray_senders_1h = 0, stray_senders_24h = 0;
  bool sends_under_many_names = false;  // the owner does, on two days at least of the last 31

  // complaint. Read only where there was a complaint within 72 h.
  int64_t complaints_72h = 0;
  int64_t usual_complaints_72h = 0;  // the mean of 72 h in the 28 days before, rounded up
  int64_t recipients_7d = 0;         // a complaint comes hours or days after its message
  int64_t stray_messages_7d = 0;

  // relapse. Read for strays of an account whose last verdict was a suspension, and is over.
  int64_t released_hours_ago = -1;   // -1: no such
  bool password_changed = false;     // since that suspension began
  bool source_returned = false;      // this source had sent as a stray before the release
  int64_t stray_messages_since_release = 0;

  // --- domain_cohort, campaign ---
  // What entity shards think of the account's domain: turned / (turned + active) accounts, its lower confidence bound in
  // thousandths, and how many others turned within 6 h. 0: nothing of the kind is known.
  int64_t domain_turned_share_milli = 0, domain_turned_accounts = 0;
  // Of the messages of this one's pattern (AccountWindow::Touch) within the last hour: turned / all accounts that strays sent
  // them from, likewise, and how many others turned.
  int64_t campaign_turned_share_milli = 0, campaign_turned_accounts = 0;

  // An owner who reads from so many countries goes through a VPN or is on the road, and meets thieves on his ways.
  static constexpr int64_t kReadsWidely = 2;
  static constexpr Span kDomainTurnsWithin = Span::Hours(6), kCampaignWithin = Span::Hours(1);
  static constexpr int64_t kPassingMessagesMax = 3;
  static constexpr int64_t kStepMessagesMin = 3;     // of a run that a step may start from
  static constexpr int64_t kStepRisePercent = 130;   // of the run before
  static constexpr Span kReturnPause = Span::Hours(6);
  static constexpr int64_t kHabitRecipientsMin = 50;
};

// Reads the features of an event that has just been applied to the account (`touch` is what Apply returned).
Features ReadFeatures(const AccountWindow& account, const Event& event, const AccountWindow::Touch& touch,
                      const Population& population);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_FEATURES_H_
