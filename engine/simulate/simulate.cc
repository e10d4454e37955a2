#include "engine/simulate/simulate.h"

#include <charconv>
#include <string>

#include "engine/simulate/attacks.h"
#include "engine/simulate/background.h"
#include "engine/simulate/habits.h"
#include "engine/simulate/lines.h"
#include "engine/simulate/mail_writer.h"
#include "engine/simulate/networks.h"
#include "engine/simulate/population.h"
#include "engine/simulate/sources.h"
#include "engine/simulate/truth.h"

namespace sekisho::simulate {
namespace {

constexpr std::string_view kKindNames[kKindCount] = {
    "home",         "mobile",         "office",     "traveller",  "vpn",
    "cloud-client", "stale-password", "newsletter", "app-sender", "club",
    "team-abroad",  "webmail",        "ipv6",       "fetcher",    "dormant"};
constexpr std::string_view kAttackNames[kAttackCount] = {"rotate", "burst",  "guess-then-use", "low-and-slow",
                                                         "probe",  "cohort", "webmail",        "domestic"};
constexpr std::string_view kFileNames[kLogFileCount] = {
    "mx-1.log",   "submission-1.log",         "submission-2.log",      "relay-1.log",
    "imap-1.log", "webmail-1-userlogins.log", "webmail-1-sendmail.log"};

constexpr uint32_t kAccountsMax = 5'000'000;
constexpr uint32_t kDaysMax = 4'000;

absl::Status Invalid(std::string_view option, std::string_view why) {
  return absl::InvalidArgumentError(std::string(option) + ": " + std::string(why));
}

}  // namespace

std::string_view KindName(Kind kind) { return kKindNames[static_cast<size_t>(kind)]; }
std::string_view AttackName(Attack attack) { return kAttackNames[static_cast<size_t>(attack)]; }
std::string_view LogFileName(LogFile file) { return kFileNames[static_cast<size_t>(file)]; }

absl::Status ParseAttacks(std::string_view text, std::array<double, kAttackCount>* weights) {
  weights->fill(0);
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    const size_t equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    double weight = 1;
    if (equals != std::string_view::npos) {
      const std::string_view number = item.substr(equals + 1);
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), weight);
      if (error != std::errc() || end != number.data() + number.size() || !(weight >= 0 && weight <= 1e6)) {
        return Invalid("attacks", "no weight: \"" + std::string(item) + "\"");
      }
    }
    bool found = false;
    for (size_t i = 0; i < kAttackCount; ++i) {
      if (kAttackNames[i] != name) continue;
      (*weights)[i] = weight;
      found = true;
    }
    if (!found) return Invalid("attacks", "no such attack: \"" + std::string(name) + "\"");
  }
  return absl::OkStatus();
}

EventTime TheftsFrom(const SimulateOptions& options) {
  if (options.history_days >= 0) return options.start + Span::Days(options.history_days);
  return options.start +
         Span::Millis(static_cast<int64_t>(options.history_share * static_cast<double>(Span::Days(options.days).millis())));
}

absl::Status ValidateOptions(const SimulateOptions& o) {
  if (o.accounts < 1 || o.accounts > kAccountsMax) return Invalid("accounts", "must be 1 to 5,000,000");
  if (o.days < 1 || o.days > kDaysMax) return Invalid("days", "must be 1 to 4,000");
  if (o.start.never() || o.start.millis() % 86'400'000 != 0 || o.start.millis() < 0) {
    return Invalid("start", "must be a midnight UTC, 1970 or later");
  }
  const auto share = [](double x) { return x >= 0 && x <= 1; };
  double kinds = 0, attacks = 0, countries = 0;
  for (double x : o.kind_shares) {
    if (!(x >= 0)) return Invalid("kind_shares", "no share may be negative");
    kinds += x;
  }
  if (!(kinds > 0)) return Invalid("kind_shares", "one at least must be above 0");
  for (double x : o.attack_weights) {
    if (!(x >= 0)) return Invalid("attack_weights", "no weight may be negative");
    attacks += x;
  }
  if (!share(o.stolen_share)) return Invalid("stolen_share", "must be 0 to 1");
  if (!(attacks > 0) && o.stolen_share > 0) return Invalid("attack_weights", "one at least must be above 0");
  const Networks networks;
  for (const auto& [code, weight] : o.owner_countries) {
    if (!networks.FindCountry(code))
      return Invalid("owner_countries", "no networks known for \"" + code + "\"");
    if (!(weight >= 0)) return Invalid("owner_countries", "no weight may be negative");
    countries += weight;
  }
  if (!(countries > 0)) return Invalid("owner_countries", "one weight at least must be above 0");
  if (!(o.history_share >= 0 && o.history_share <= 0.9)) return Invalid("history_share", "must be 0 to 0.9");
  if (o.history_days >= 0 && static_cast<uint32_t>(o.history_days) >= o.days) {
    return Invalid("history_days", "must be fewer than days");
  }
  if (!(o.intensity >= 0.01 && o.intensity <= 100)) return Invalid("intensity", "must be 0.01 to 100");
  if (!share(o.stealth)) return Invalid("stealth", "must be 0 to 1");
  if (!share(o.return_share)) return Invalid("return_share", "must be 0 to 1");
  if (!share(o.relay_share)) return Invalid("relay_share", "must be 0 to 1");
  if (!share(o.lost_share)) return Invalid("lost_share", "must be 0 to 1");
  if (!share(o.duplicated_share)) return Invalid("duplicated_share", "must be 0 to 1");
  if (!(o.skew_seconds >= 0 && o.skew_seconds <= 3600)) return Invalid("skew_seconds", "must be 0 to 3,600");
  if (!(o.imap_logins_per_day >= 0 && o.imap_logins_per_day <= 1000)) {
    return Invalid("imap_logins_per_day", "must be 0 to 1,000");
  }
  if (!(o.inbound_per_day >= 0 && o.inbound_per_day <= 1000))
    return Invalid("inbound_per_day", "must be 0 to 1,000");
  if (!(o.guesses_per_day >= 0 && o.guesses_per_day <= 1000))
    return Invalid("guesses_per_day", "must be 0 to 1,000");
  if (o.zone_minutes < -14 * 60 || o.zone_minutes > 14 * 60)
    return Invalid("zone_minutes", "must be within 14 hours");
  return absl::OkStatus();
}

namespace {

// One of `logs` and `activities` is null.
absl::Status Run(const SimulateOptions& options, LogSink* logs, ActivitySink* activities, TruthSink* truth_sink,
                 SimulateSummary* summary) {
  if (absl::Status status = ValidateOptions(options); !status.ok()) return status;
  const Networks networks;
  const Population population(options, networks);
  const Sources sources(networks, population);
  LogBuffer lines(options, logs, activities);
  MailWriter writer(options, population, &lines);
  Truth truth;
  Habits habits(population, sources, &writer);
  Attacks attacks(options, population, sources, &writer, &truth);
  Background background(options, population, sources, &writer);
  const auto login_of = [&population](uint32_t index) {
    std::string domain;
    return population.LoginOf(index, &domain);
  };

  const Micros start = options.start.millis() * 1000;
  for (uint32_t day = 0; day < options.days; ++day) {
    const Micros day_start = start + static_cast<Micros>(day) * kDay;
    background.Day(day_start);
    for (uint32_t index = 0; index < options.accounts; ++index) {
      const Account account = population.Make(index);
      habits.Day(account, day_start);
      if (const std::optional<Plan> plan = attacks.PlanOf(account)) attacks.Day(account, *plan, day_start);
    }
    // What began today and goes on tomorrow is kept; the run's last midnight cuts it off, as it would a log
    // file.
    if (absl::Status status = lines.Flush(day_start + kDay); !status.ok()) return status;
    if (absl::Status status = truth.TellMessages(login_of, truth_sink); !status.ok()) return status;
  }

  SimulateSummary result;
  for (uint32_t index = 0; index < options.accounts; ++index) {
    const Account account = population.Make(index);
    AccountTruth told;
    told.account = account.login;
    told.kind = account.kind;
    ++result.accounts_by_kind[static_cast<size_t>(account.kind)];
    truth.Fill(index, &told);
    const std::optional<Plan> plan = attacks.PlanOf(account);
    if (plan && told.messages > 0) {
      told.stolen = true;
      told.attack = plan->attack;
      ++result.stolen_accounts;
      ++result.stolen_by_attack[static_cast<size_t>(plan->attack)];
    }
    if (absl::Status status = truth_sink->Account(told); !status.ok()) return status;
  }
  result.lines = lines.lines();
  result.bytes = lines.bytes();
  result.submissions = writer.submissions();
  result.logins = writer.logins();
  result.failures = writer.failures();
  result.abusive_messages = truth.messages();
  result.year = CivilFromDays(start / kDay).year;
  result.zone_minutes = options.zone_minutes;
  result.webmail_host = kWebmailAddress;
  result.default_realm = kRealm;
  if (summary != nullptr) *summary = result;
  return absl::OkStatus();
}

}  // namespace

absl::Status SimulateTo(const SimulateOptions& options, LogSink* logs, TruthSink* truth, SimulateSummary* summary) {
  return Run(options, logs, nullptr, truth, summary);
}

absl::Status SimulateActivityTo(const SimulateOptions& options, ActivitySink* activities, TruthSink* truth,
                                SimulateSummary* summary) {
  if (options.lost_share > 0) return Invalid("lost_share", "must be 0 where no lines are written");
  if (options.duplicated_share > 0) return Invalid("duplicated_share", "must be 0 where no lines are written");
  return Run(options, nullptr, activities, truth, summary);
}

}  // namespace sekisho::simulate
