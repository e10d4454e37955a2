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
  int64_t usual_new_percent = -1;  // of recipients before the last 24 h; -1: fewer than kHabitRecipientsMin were judged

  int64_t sent_1h = 0, failed_1h = 0, refused_1h = 0;  // deliveries; failed: bounced or refused

  int64_t failures_1h = 0, failing_sources_1h = 0, failing_sources_72h = 0;
  int64_t guessed_hours_ago = -1;  // -1: no guessed success on record
  bool from_guessed_source = false;

  int64_t reads_there = 0;         // mailbox reads from the surroundings of this event's source, see ReadsThere

  // What entity shards think of this event's source network: bad / (bad + good) accounts, its lower confidence bound in
  // thousandths, and how many others were found bad there. 0: nothing bad is known.
  int64_t source_bad_score_milli = 0, source_bad_accounts = 0;
  // Countries that the mailbox was read from within 7 days; only where the network is known to be bad.
  int64_t reading_countries_7d = 0;
  bool denied = false;             // an operator says that this source, or this account, is bad

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
  static constexpr int64_t kHabitRecipientsMin = 50;
};

// Reads the features of an event that has just been applied to the account (`touch` is what Apply returned).
Features ReadFeatures(const AccountWindow& account, const Event& event, const AccountWindow::Touch& touch,
                      const Population& population);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_FEATURES_H_
