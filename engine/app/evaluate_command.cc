// `sekisho evaluate`: a simulation's truth.json and truth-abuse.tsv against a replay's actions. The formats are documented
// in engine/simulate/README.md and engine/app/README.md.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "connectors/common/json.h"
#include "connectors/common/log_time.h"
#include "engine/app/commands.h"
#include "engine/app/exit_code.h"
#include "engine/app/report.h"
#include "engine/app/score.h"
#include "engine/app/terminal.h"

namespace sekisho::app {
namespace {

using connectors::JsonReader;
using connectors::ParseRfc3339;
using simdjson::dom::object;

absl::Status Malformed(const std::string& file, const std::string& what) {
  return absl::DataLossError(file + ": " + what);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || !text) return absl::UnavailableError("can't read " + path);
  return text.str();
}

absl::Status AddAccount(const object& row, const std::string& file, Truth* truth) {
  TruthAccount account;
  account.kind = JsonReader::Text(row, "kind");
  account.attack = JsonReader::Text(row, "attack");
  if (!account.attack.empty()) {
    const std::optional<EventTime> at = ParseRfc3339(JsonReader::Text(row, "compromised"));
    if (!at) return Malformed(file, "a stolen account without \"compromised\"");
    account.compromised = *at;
  }
  truth->accounts.emplace(JsonReader::Text(row, "account"), std::move(account));
  return absl::OkStatus();
}

absl::Status ReadTruth(const std::string& file, Truth* truth) {
  absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return text.status();
  JsonReader reader;
  const std::optional<object> root = reader.Parse(*text);
  if (!root) return Malformed(file, "no JSON object");
  const std::optional<EventTime> start = ParseRfc3339(JsonReader::Text(*root, "start"));
  const std::optional<EventTime> end = ParseRfc3339(JsonReader::Text(*root, "end"));
  if (!start || !end) return Malformed(file, "\"start\" and \"end\" must be RFC 3339 times");
  truth->start = *start;
  truth->clock_error = Span::Seconds(1);
  if (object parameters; (*root)["parameters"].get(parameters) == simdjson::SUCCESS) {
    double skew = 0;
    if (parameters["skew_seconds"].get(skew) == simdjson::SUCCESS) {
      truth->clock_error = truth->clock_error + Span::Millis(static_cast<int64_t>(skew * 500));
    }
  }
  truth->days = static_cast<double>((*end - *start).seconds()) / 86'400;
  simdjson::dom::array accounts;
  if ((*root)["accounts"].get(accounts) != simdjson::SUCCESS) return Malformed(file, "\"accounts\" must be an array");
  for (const simdjson::dom::element element : accounts) {
    object row;
    if (element.get(row) != simdjson::SUCCESS) return Malformed(file, "an account must be an object");
    if (absl::Status status = AddAccount(row, file, truth); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// account, time, recipients, client; a header first.
absl::Status ReadAbuse(const std::string& file, Truth* truth) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::UnavailableError("can't read " + file);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string account, time;
    AbuseMessage message;
    std::getline(fields, account, '\t');
    std::getline(fields, time, '\t');
    fields >> message.recipients;
    const std::optional<EventTime> at = ParseRfc3339(time);
    const auto found = truth->accounts.find(account);
    if (!fields || !at || found == truth->accounts.end()) return Malformed(file, "not understood: " + line);
    message.time = *at;
    found->second.abuse.push_back(message);
  }
  return absl::OkStatus();
}

std::optional<ActionKind> ParseKind(std::string_view word) {
  for (const ActionKind kind : {ActionKind::kObserve, ActionKind::kNotify, ActionKind::kThrottle,
                                ActionKind::kSuspend, ActionKind::kRelease}) {
    if (Name(kind) == word) return kind;
  }
  return std::nullopt;
}

// Shadowed actions are left out: they stop nobody.
absl::Status ReadActions(const std::string& file, std::vector<ScoredAction>* actions) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::UnavailableError("can't read " + file);
  JsonReader reader;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    const std::optional<object> row = reader.Parse(line);
    const std::optional<ActionKind> kind = row ? ParseKind(JsonReader::Text(*row, "action")) : std::nullopt;
    const std::optional<EventTime> time = row ? ParseRfc3339(JsonReader::Text(*row, "time")) : std::nullopt;
    if (!kind || !time) return Malformed(file, "line " + std::to_string(number) + " is no action");
    if (JsonReader::Text(*row, "mode") == "shadow") continue;
    ScoredAction action;
    action.account = JsonReader::Text(*row, "account");
    action.kind = *kind;
    action.time = *time;
    action.expires = ParseRfc3339(JsonReader::Text(*row, "expires")).value_or(EventTime::Never());
    action.why = JsonReader::Text(*row, "rule");
    action.renewal = action.why == "renewed";
    simdjson::dom::array signals;
    if ((*row)["signals"].get(signals) == simdjson::SUCCESS) {
      for (const simdjson::dom::element signal : signals) {
        std::string_view name;
        if (signal.get(name) == simdjson::SUCCESS) action.why += " " + std::string(name);
      }
    }
    actions->push_back(std::move(action));
  }
  return absl::OkStatus();
}

std::string Number(double value, int digits = 0) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

void AddAttackRow(const std::string& name, AttackScore* score, Table* table) {
  const double recall = score->stolen == 0 ? 0 : 100.0 * score->suspended / score->stolen;
  const Interval interval = WilsonInterval(score->suspended, score->stolen);
  table->Row({name, WithCommas(score->stolen), WithCommas(score->suspended),
              Number(recall, 1) + "% [" + Number(100 * interval.low, 1) + ", " + Number(100 * interval.high, 1) + "]",
              WithCommas(score->by_second_day),
              Number(Quantile(&score->escaped_recipients, 0.5)), Number(Quantile(&score->escaped_recipients, 0.95)),
              Number(Quantile(&score->seconds_to_suspend, 0.5)), Number(Quantile(&score->seconds_to_suspend, 0.95))});
}

std::string AttackTable(Score* score) {
  Table table;
  table.Row({"attack", "stolen", "suspended", "recall", "by the second day", "escaped p50", "escaped p95", "seconds p50", "seconds p95"});
  AttackScore all;
  for (auto& [name, attack] : score->attacks) {
    AddAttackRow(name, &attack, &table);
    all.stolen += attack.stolen;
    all.suspended += attack.suspended;
    all.by_second_day += attack.by_second_day;
    all.escaped_recipients.insert(all.escaped_recipients.end(), attack.escaped_recipients.begin(),
                                  attack.escaped_recipients.end());
    all.seconds_to_suspend.insert(all.seconds_to_suspend.end(), attack.seconds_to_suspend.begin(),
                                  attack.seconds_to_suspend.end());
  }
  AddAttackRow("all", &all, &table);
  return table.ToString();
}

void AddOwnerRow(const std::string& name, const OwnerScore& owner, Table* table) {
  const auto per_million = [&](uint32_t hits) {
    const Interval interval = WilsonInterval(hits, owner.days);
    return Number(owner.days == 0 ? 0 : hits / owner.days * 1e6, 1) + " [" + Number(interval.low * 1e6, 1) + ", " +
           Number(interval.high * 1e6, 1) + "]";
  };
  table->Row({name, WithCommas(owner.accounts), WithCommas(static_cast<int64_t>(owner.days)),
              WithCommas(owner.suspended), per_million(owner.suspended), WithCommas(owner.suspensions),
              WithCommas(owner.throttled), WithCommas(owner.notified), per_million(owner.notified)});
}

std::string OwnerTable(const Score& score) {
  Table table;
  table.Row({"owner", "accounts", "account-days", "suspended", "per million account-days", "times", "throttled", "notified",
             "per million account-days"});
  OwnerScore all;
  for (const auto& [name, owner] : score.owners) {
    AddOwnerRow(name, owner, &table);
    all.accounts += owner.accounts;
    all.days += owner.days;
    all.suspended += owner.suspended;
    all.suspensions += owner.suspensions;
    all.throttled += owner.throttled;
    all.notified += owner.notified;
  }
  AddOwnerRow("all", all, &table);
  return table.ToString();
}

}  // namespace

int RunEvaluate(const EvaluateOptions& options) {
  std::filesystem::path truth_file = options.truth;
  std::error_code error;
  if (std::filesystem::is_directory(truth_file, error)) truth_file /= "truth.json";
  Truth truth;
  if (absl::Status status = ReadTruth(truth_file.string(), &truth); !status.ok()) return Complain(status);
  const std::string abuse_file = (truth_file.parent_path() / "truth-abuse.tsv").string();
  if (absl::Status status = ReadAbuse(abuse_file, &truth); !status.ok()) return Complain(status);
  std::vector<ScoredAction> actions;
  if (absl::Status status = ReadActions(options.actions, &actions); !status.ok()) return Complain(status);

  Score score = ScoreRun(truth, actions);
  std::printf("Stolen accounts (escaped: recipients of abusive messages that weren't stopped)\n%s\n"
              "Owners, wrongly suspended or notified (in brackets: Wilson's 95%% interval)\n%s",
              AttackTable(&score).c_str(), OwnerTable(score).c_str());
  if (score.unknown_accounts > 0) {
    std::printf("%s actions are about accounts that the truth doesn't know\n",
                WithCommas(static_cast<int64_t>(score.unknown_accounts)).c_str());
  }
  if (options.verbose && !score.wrong.empty()) {
    Table table;
    for (const WrongSuspension& wrong : score.wrong) {
      table.Row({HumanTime(wrong.time), Printable(wrong.account, 60), Printable(wrong.kind), Printable(wrong.why, 200)});
    }
    std::printf("\nWrongly suspended\n%s", table.ToString().c_str());
  }
  return kExitOk;
}

}  // namespace sekisho::app
