// Writes the logs of a mail service that doesn't exist: Postfix, Dovecot and Roundcube lines of a mixed
// population over some days, among them accounts that somebody else uses, and beside the logs the truth:
// which accounts, from when, and what each abusive message carried. Whoever says that a detector finds stolen
// accounts can be asked to show it here.
//
// Two promises make the figures mean something. The simulator knows nothing of detection: it shares no code,
// threshold or feature with the detectors. And nothing in a line (order, ids, pids, sizes, rates, names) is
// written differently for a thief than for an owner: both go through the same writer, the same networks and
// the same distributions; a test runs one-feature rules over the result and fails if any does well.
//
// The same options give the same bytes on every machine. Nothing reads a clock. Memory stays below about 400
// MB whatever the number of accounts and days: a day's lines that don't fit go through unnamed temporary
// files.
#ifndef SEKISHO_ENGINE_SIMULATE_SIMULATE_H_
#define SEKISHO_ENGINE_SIMULATE_SIMULATE_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho::simulate {

// What an account's owner is like. README.md says how each behaves.
enum class Kind : uint8_t {
  kHome,
  kMobile,
  kOffice,
  kTraveller,
  kVpn,
  kCloudClient,
  kStalePassword,
  kNewsletter,
  kAppSender,
  kClub,
  kTeamAbroad,
  kWebmail,
  kIpv6,
  kFetcher,
  kDormant,
};
inline constexpr int kKindCount = 15;
// "home", "mobile", …, as in truth.json.
std::string_view KindName(Kind kind);

// What a thief does with an account.
enum class Attack : uint8_t {
  kRotate,
  kBurst,
  kGuessThenUse,
  kLowAndSlow,
  kProbe,
  kCohort,
  kWebmail,
  kDomestic,
};
inline constexpr int kAttackCount = 8;
// "rotate", "burst", "guess-then-use", "low-and-slow", "probe", "cohort", "webmail", "domestic".
std::string_view AttackName(Attack attack);
// Parses "rotate=3,burst=1" or "rotate,burst" (weight 1 each): the weights of those named, 0 for all others.
absl::Status ParseAttacks(std::string_view text, std::array<double, kAttackCount>* weights);

// How a syslog line begins.
enum class HeaderStyle : uint8_t {
  kRfc3164,  // "Mar  2 09:00:00 host program[pid]: ", no year, no zone
  kIso8601,  // "2026-03-02T09:00:00.123456+00:00 host program[pid]: "
};

struct SimulateOptions {
  // Where Simulate() writes; SimulateTo() doesn't look at it.
  std::string out_dir;
  uint32_t accounts = 1000;
  uint32_t days = 4;
  uint64_t seed = 1;
  // The first day, midnight UTC. Default 2026-03-02, a Monday.
  EventTime start = EventTime::FromSeconds(1'772'409'600);

  // Shares of the population by Kind; scaled to a sum of 1.
  std::array<double, kKindCount> kind_shares = {0.34, 0.20,  0.14, 0.04, 0.03, 0.03, 0.02, 0.015,
                                                0.02, 0.015, 0.01, 0.06, 0.03, 0.02, 0.03};
  // Where owners live: ISO country code and weight; countries of the table in networks_table.cc.
  std::vector<std::pair<std::string, double>> owner_countries = {
      {"JP", 0.90}, {"US", 0.02}, {"KR", 0.01}, {"TW", 0.01}, {"DE", 0.01},
      {"TH", 0.01}, {"SG", 0.01}, {"VN", 0.01}, {"AU", 0.01}, {"GB", 0.01}};
  // Mean mailbox logins of one device in one day.
  double imap_logins_per_day = 8;
  // Inbound messages from outside per account and day, which the mail exchanger logs.
  double inbound_per_day = 0.3;
  // Password guesses per account and day against the whole service, most of them at names that don't exist.
  double guesses_per_day = 0.3;
  // Of the outgoing messages, the share that passes a relay on another host before it leaves.
  double relay_share = 0;

  // Share of accounts stolen at some time of the run, and the mix of attacks (weights by Attack).
  double stolen_share = 0.025;
  std::array<double, kAttackCount> attack_weights = {0.45, 0.12, 0.12, 0.08, 0.06, 0.06, 0.05, 0.06};
  // No thief does anything before this share of the run has passed: owners need a history.
  double history_share = 0.4;
  // The same in days; below 0, `history_share` decides.
  int history_days = -1;
  // Multiplies how fast and how much thieves send.
  double intensity = 1;
  // Share of thieves who take care: slow, in the owner's waking hours, under the owner's name, to people of the
  // owner's country, most of them with large providers, few of whom don't exist.
  double stealth = 0.2;
  // Share of thieves who come back some days after they were done.
  double return_share = 0.1;

  HeaderStyle header = HeaderStyle::kRfc3164;
  // The zone of the log lines, minutes east of UTC.
  int zone_minutes = 0;
  bool long_queue_ids = false;
  // Faults of the log's way: each line is lost with `lost_share`, written twice with `duplicated_share`; the
  // clocks of the hosts are spread evenly over [-skew_seconds / 2, +skew_seconds / 2].
  double lost_share = 0;
  double duplicated_share = 0;
  double skew_seconds = 0;
};

// One log file.
enum class LogFile : uint8_t {
  kMx1,
  kSubmission1,
  kSubmission2,
  kRelay1,
  kImap1,
  kWebmailUserlogins,
  kWebmailSendmail,
};
inline constexpr int kLogFileCount = 7;
// "submission-1.log"
std::string_view LogFileName(LogFile file);

// Takes the lines as they are made. Called from the thread that called Simulate.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // `line` has no newline and is valid during the call. Lines come in the order of their true time `at`; what
  // the line itself says differs by the skew of its host. An error ends the simulation with that error.
  virtual absl::Status Line(LogFile file, EventTime at, std::string_view line) = 0;
};

// What one line, or the lines of one message together, say about an account: for a reader of very many
// account-days that has no use for text. Nothing is in it that a reader of the lines wouldn't know.
enum class ActivityKind : uint8_t {
  kLogin,          // mailbox or webmail
  kLoginFailed,    // at any server; the account is the name that was tried
  kSubmission,     // the server took a message's first recipient; through webmail also told by the webmail's log
  kQueued,         // its size and recipients are known; once a message
  kDelivery,       // one attempt for one recipient, by whichever host sends it out of the fleet or into a mailbox
  kMailboxAccess,  // the end of a session that fetched at least one message
};
enum class ActivityService : uint8_t { kUnknown, kSmtp, kImap, kPop3, kWebmail };  // unknown: the auth worker's
enum class ActivityOutcome : uint8_t { kNone, kSent, kDeferred, kBounced };

// An enhanced status code: {5, 1, 1}.
struct StatusDigits {
  uint8_t klass = 0, subject = 0, detail = 0;
  bool operator==(const StatusDigits&) const = default;
};

struct Activity {
  ActivityKind kind = ActivityKind::kLogin;
  ActivityService service = ActivityService::kUnknown;
  LogFile file = LogFile::kMx1;  // of the line that says it
  EventTime time;  // as the line says it: by its host's clock, whole seconds where the log has no finer ones
  std::string_view account;
  IpAddress ip;               // the client, as that server sees it: of most webmail traffic the webmail's
  bool via_webmail = false;   // ip is the webmail's
  bool unknown_user = false;  // failed login: no such account
  uint64_t message = 0;       // a number of the message: submission by SMTP, queued, delivery
  uint32_t recipients = 0;    // queued; submission by the webmail's log
  uint64_t size_bytes = 0;    // queued
  std::string_view sender;    // queued: of the envelope
  ActivityOutcome outcome = ActivityOutcome::kNone;  // delivery
  StatusDigits status;                               // delivery
  bool spam_refusal = false;  // delivery: put off or refused as spam or by policy, by its code and words
  std::span<const std::string_view> recipient_list;  // delivery: one; submission by the webmail's log: all
};

// Takes activities as they happen. Called from the thread that called SimulateActivityTo.
class ActivitySink {
 public:
  virtual ~ActivitySink() = default;
  // Views are valid during the call. In the order of the true time `at` of the lines; activity.time differs from
  // it by the skew of the host. An error ends the simulation with that error.
  virtual absl::Status Tell(EventTime at, const Activity& activity) = 0;
};

// The host that writes a log, as in its lines.
std::string_view HostName(LogFile file);

// One message that a thief submitted.
struct AbusiveMessage {
  EventTime time;  // true time at which the server took its first recipient
  uint32_t recipients = 0;
  IpAddress client;  // the thief's own address, also through webmail
};

struct AccountTruth {
  std::string account;
  Kind kind = Kind::kHome;
  bool stolen = false;
  Attack attack = Attack::kRotate;  // of a stolen account
  EventTime compromised;  // first use of any sort by the thief (a login, a guess); Never() if not stolen
  EventTime first_abuse, last_abuse;  // first and last abusive message
  uint32_t messages = 0;              // abusive
  uint64_t recipients = 0;            // abusive
  uint32_t addresses = 0;             // distinct addresses that abusive messages came from
  uint32_t countries = 0;             // and countries, by the table of networks
};

// In the order of account numbers, and of time.
class TruthSink {
 public:
  virtual ~TruthSink() = default;
  virtual absl::Status Abuse(std::string_view account, const AbusiveMessage& message) = 0;
  virtual absl::Status Account(const AccountTruth& truth) = 0;
};

struct SimulateSummary {
  uint64_t lines = 0;  // written, duplicates included
  uint64_t bytes = 0;  // newlines included
  uint64_t submissions = 0;
  uint64_t logins = 0;
  uint64_t failures = 0;
  uint64_t abusive_messages = 0;
  uint32_t stolen_accounts = 0;
  std::array<uint32_t, kAttackCount> stolen_by_attack{};
  std::array<uint32_t, kKindCount> accounts_by_kind{};
  int year = 0;              // of the first line
  int zone_minutes = 0;      // of the lines
  std::string webmail_host;  // the webmail's address, as the submission servers see it
  std::string default_realm;
};

// Settings of one run of many, drawn from `seed` alone: what a measurement over many runs varies, so that no
// figure rests on one choice of ours. README.md states each range. Taken from `base` as they are: out_dir, days
// and history; from base.accounts and base.stolen_share the drawn ones are within a factor of two and a half.
SimulateOptions DrawOptions(uint64_t seed, const SimulateOptions& base);

// When the first thief may act.
EventTime TheftsFrom(const SimulateOptions& options);

// InvalidArgument names the option that makes no sense.
absl::Status ValidateOptions(const SimulateOptions& options);

// Makes everything in memory-bounded steps of a day and hands it to the sinks. `summary` may be null.
absl::Status SimulateTo(const SimulateOptions& options, LogSink* logs, TruthSink* truth,
                        SimulateSummary* summary);

// The same without text, in a third of the time: what a reader of the lines that SimulateTo makes of these
// options would know, in the order of those lines. Only lines can be lost or doubled, so InvalidArgument if
// the options ask for that. `summary->lines` and `bytes` stay 0.
absl::Status SimulateActivityTo(const SimulateOptions& options, ActivitySink* activities, TruthSink* truth,
                                SimulateSummary* summary);

// SimulateTo into files of `options.out_dir`, which is made if need be: one log a host (those with at least one
// line), whose modification time is set to its last line's, truth.json and truth-abuse.tsv. Files of these
// names are overwritten. `summary` may be null.
absl::Status Simulate(const SimulateOptions& options, SimulateSummary* summary);

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_SIMULATE_H_
