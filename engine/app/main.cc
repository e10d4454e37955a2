// `sekisho`: finds mail accounts that somebody else is using. This file turns the command line into one call of
// commands.h; each command builds what it needs from top to bottom, in its own file.
#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <string>

#include "engine/app/commands.h"
#include "engine/app/exit_code.h"
#include "engine/app/stop.h"
#ifdef SEKISHO_HAS_CLUSTER_LOG
#include "engine/app/backtest_range_command.h"
#include "engine/app/refold_command.h"
#endif
#ifdef SEKISHO_HAS_ORDERS
#include "engine/app/orders_command.h"
#endif
#ifdef SEKISHO_HAS_TOPICS
#include "engine/app/engine_command.h"
#include "engine/app/topics_command.h"
#endif

namespace sekisho::app {
namespace {

constexpr char kExitCodes[] =
    "Exit codes:\n"
    "  0    done\n"
    "  1    failed: a full disk, a state directory that doesn't fit, ...\n"
    "  2    wrong usage, or an invalid policy file\n"
    "  3    done, but some input couldn't be read, or not to its end\n"
    "  130  stopped by Ctrl-C or SIGTERM\n";

std::string Footer(const std::string& text) { return "\n" + text + "\n" + kExitCodes; }

void AddInput(CLI::App* command, InputOptions* input) {
  command->add_option("FILE", input->files, "Log files, plain, .gz or .zst; \"-\" is standard input")->required();
  command->add_option("--default-realm", input->default_realm, "Appended as @REALM to logins that have none");
  command->add_option("--timezone", input->timezone, "Zone of time stamps that carry none, e.g. Asia/Tokyo")
      ->capture_default_str();
  command->add_option("--year", input->year, "Year of time stamps that carry none (default: from the file's mtime)")
      ->check(CLI::Range(1970, 9999));
  command->add_option("--webmail-host", input->webmail_hosts, "Address of a webmail host; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--complaint-header", input->complaint_headers,
                      "Field of a message that holds its login, read in feedback reports (ARF); may be repeated")
      ->allow_extra_args(false);
  command->add_option("--complaint-verp", input->complaint_verp,
                      "Envelope sender that tells the account in feedback reports, e.g. bounces+*@example.jp");
  command->add_option("--recipient-key", input->recipient_key,
                      "Secret that recipients are hashed under; the same for all runs that share state");
}

void AddGeo(CLI::App* command, JudgementOptions* judgement) {
  command->add_option("--geo", judgement->geo, "Country database in MMDB format (default: the one that comes along)");
  command->add_option("--asn", judgement->asn, "Database of AS numbers in MMDB format (default: none)");
}

void AddJudgement(CLI::App* command, JudgementOptions* judgement) {
  command->add_option("--policy", judgement->policy, "Policy file (default: built in, see \"sekisho policy default\")");
  AddGeo(command, judgement);
}

void AddEvents(CLI::App* app, std::function<int()>* run) {
  static EventsOptions options;
  CLI::App* command = app->add_subcommand("events", "Print every recognised event as one JSON line, merged by time");
  AddInput(command, &options.input);
  command->footer(Footer("Examples:\n"
                         "  sekisho events /var/log/mail.log\n"
                         "  sekisho events --default-realm example.jp mx1/mail.log.1.gz mx2/mail.log.1.gz\n"
                         "  journalctl -o json -u postfix | sekisho events -\n"
                         "The output can be read back as a FILE.\n"));
  command->callback([run] { *run = [] { return RunEvents(options); }; });
}

void AddReplay(CLI::App* app, std::function<int()>* run) {
  static ReplayOptions options;
  CLI::App* command = app->add_subcommand("replay", "Read logs, print the actions they lead to, and a summary");
  AddInput(command, &options.input);
  AddJudgement(command, &options.judgement);
  command->add_option("--state", options.state,
                      "Directory that makes the run durable: killed at any point, the same command goes on");
  command->add_option("--out", options.out, "Actions go here as JSON Lines; \"-\" is standard output")
      ->capture_default_str();
  command->add_option("--dead-letter", options.dead_letter,
                      "Lines that couldn't be used go here as JSON Lines, with the reason; recipients are redacted");
  command->add_option("--memory-max", options.memory_bytes_max, "Bound of the account table, e.g. 512MiB")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("1GiB");
  command->add_option("--commit-lines", options.commit_lines,
                      "With --state, commit after so many lines (default: about once a second)");
  command->add_flag("!--no-entities", options.entities,
                    "Judge no networks, domains or campaigns: what a cluster does whose engines have \"entities: false\"");
  command->footer(Footer("Examples:\n"
                         "  sekisho replay --out actions.jsonl /var/log/mail.log.1 /var/log/mail.log\n"
                         "  sekisho replay --webmail-host 192.0.2.10 --timezone Asia/Tokyo mx*/mail.log.gz\n"
                         "  sekisho replay --state /var/tmp/run1 --out actions.jsonl huge.log.zst\n"
                         "With --state, --out must be a file. A resumed run reads the inputs again from their start to\n"
                         "rebuild what it needs, refuses inputs or options that have changed, and goes on with the same\n"
                         "actions as a run that was never stopped.\n"
                         "Dead letters are broken, over-long, too late or too early lines; lines of other programs are\n"
                         "only counted.\n"));
  command->callback([run] { *run = [] { return RunReplay(options); }; });
}

void AddExplain(CLI::App* app, std::function<int()>* run) {
  static ExplainOptions options;
  CLI::App* command = app->add_subcommand("explain", "Tell in words what happened to one account, and why");
  command->add_option("ACCOUNT", options.account, "The login, as the logs or the actions name it")->required();
  AddInput(command, &options.input);
  AddJudgement(command, &options.judgement);
  command->add_flag("--all", options.all, "After the screen, all that was done and every event of the account");
  command->footer(Footer("Examples:\n"
                         "  sekisho explain alice@example.jp /var/log/mail.log\n"
                         "  sekisho explain --all --policy site.yaml alice@example.jp mx*/mail.log.gz | less\n"));
  command->callback([run] { *run = [] { return RunExplain(options); }; });
}

void AddBacktest(CLI::App* app, std::function<int()>* run) {
  static BacktestOptions options;
  CLI::App* command = app->add_subcommand("backtest", "Show for whom another policy would decide otherwise, and why");
  AddInput(command, &options.input);
  std::vector<CLI::Option*> of_files = command->get_options([command](const CLI::Option* o) { return o != command->get_help_ptr(); });
  for (CLI::Option* option : of_files) option->group("Of FILE");
  command->add_option("--policy", options.judgement.policy, "The new policy's file")->required();
  command->add_option("--against", options.against, "The policy it is compared with (default: the built-in one)");
  AddGeo(command, &options.judgement);
  command->add_option("--memory-max", options.memory_bytes_max, "Bound of the account tables, e.g. 512MiB")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("1GiB");
  command->add_flag("--json", options.json, "One JSON object with every account that changes");
  command->add_flag("--all", options.all, "Every account that changes, not only the first 50");
  command->callback([run] { *run = [] { return RunBacktest(options); }; });
#ifdef SEKISHO_HAS_CLUSTER_LOG
  AddBacktestRange(command, of_files, &options, run);
#endif
  command->footer(Footer("Examples:\n"
                         "  sekisho backtest --policy new.yaml --against site.yaml mx*/mail.log.*.gz mx*/mail.log\n"
                         "  sekisho backtest --policy new.yaml --json /var/log/mail.log | jq -r '.changes[].account'\n"
                         "Both policies see the same events in one pass. A policy's own mode is set aside: what it would do is\n"
                         "asked. What shadowed detectors and rules would have done is \"told only\". Compared are an account's\n"
                         "first notification, throttle and suspension. Whether anything changes isn't in the exit code.\n" +
                         command->get_footer()));
}

void AddFeatures(CLI::App* app, std::function<int()>* run) {
  static FeaturesOptions options;
  CLI::App* command = app->add_subcommand("features", "List what rules of the policy may ask for");
  CLI::Option* json = command->add_flag("--json", options.json, "As one JSON object");
  command->add_flag("--markdown", options.markdown, "As a table in Markdown")->excludes(json);
  command->footer(Footer("Examples:\n"
                         "  sekisho features\n"
                         "  sekisho features --json | jq -r '.features[].name'\n"
                         "\"sekisho policy default\" shows where rules stand in the policy.\n"));
  command->callback([run] { *run = [] { return RunFeatures(options); }; });
}

void AddSimulate(CLI::App* app, std::function<int()>* run) {
  static SimulateOptions options;
  CLI::App* command =
      app->add_subcommand("simulate", "Write realistic mail logs of a population in which some accounts are stolen");
  simulate::SimulateOptions& simulation = options.simulation;
  command->add_option("--accounts", simulation.accounts, "How many accounts")->capture_default_str();
  command->add_option("--days", simulation.days, "How many days")->capture_default_str();
  command->add_option("--seed", simulation.seed, "The same seed gives the same bytes")->capture_default_str();
  command->add_option("--start", options.start, "The first day, YYYY-MM-DD (default: 2026-03-02, a Monday)");
  command->add_option("--out", simulation.out_dir, "Directory for the logs and truth.json")->required();
  command->add_option("--stolen-share", simulation.stolen_share, "Share of accounts that are stolen")
      ->capture_default_str();
  command->add_option("--history-share", simulation.history_share, "No theft before this share of the days has passed")
      ->capture_default_str();
  command->add_option("--history", simulation.history_days,
                      "No theft in the first so many days, which --days counts, too (in place of --history-share)");
  command->add_option("--intensity", simulation.intensity, "How fast and how much thieves send, times the usual")
      ->capture_default_str();
  command->add_option("--stealth", simulation.stealth, "Share of thieves who take care not to be seen")->capture_default_str();
  command->add_flag("--draw", options.draw,
                    "Draw all settings but --days, --history and --out from --seed, as measurements do; sizes from around "
                    "--accounts and --stolen-share");
  command->add_option("--attacks", options.attacks, "Which attacks, with weights, e.g. rotate=3,burst=1 (default: all)");
  command->add_option("--lost,--lost-share", simulation.lost_share, "Share of lines that the log loses")
      ->capture_default_str();
  command->add_option("--duplicated,--duplicated-share", simulation.duplicated_share, "Share of lines that the log has twice")
      ->capture_default_str();
  command->add_option("--skew,--skew-seconds", simulation.skew_seconds, "How many seconds the hosts' clocks are apart")
      ->capture_default_str();
  command->add_flag("--iso-time", options.iso_time, "ISO 8601 time stamps in place of \"Mar  2 09:00:00\"");
  command->footer(Footer("Example:\n"
                         "  sekisho simulate --accounts 2000 --days 4 --seed 7 --out day\n"
                         "  sekisho replay --out actions.jsonl day/*.log && sekisho evaluate day/truth.json actions.jsonl\n"));
  command->callback([run] { *run = [] { return RunSimulate(options); }; });
}

void AddEvaluate(CLI::App* app, std::function<int()>* run) {
  static EvaluateOptions options;
  CLI::App* command = app->add_subcommand("evaluate", "Score a replay's actions against a simulation's truth");
  command->add_option("TRUTH", options.truth, "truth.json, or the directory that holds it")->required();
  command->add_option("ACTIONS", options.actions, "What \"sekisho replay --out\" wrote")->required();
  command->add_flag("--verbose", options.verbose, "Also list the owners who were wrongly suspended, with the signals");
  command->footer(Footer("Example:\n"
                         "  sekisho evaluate day/truth.json actions.jsonl\n"));
  command->callback([run] { *run = [] { return RunEvaluate(options); }; });
}

CLI::App* AddPolicy(CLI::App* app, std::function<int()>* run) {
  static std::string file;
  CLI::App* command = app->add_subcommand("policy", "Check a policy file, print the default one, or see to a cluster's");
  command->require_subcommand(1);
  CLI::App* check = command->add_subcommand("check", "Say whether FILE is a valid policy");
  check->add_option("FILE", file, "Policy in YAML")->required();
  check->footer(Footer("Example:\n  sekisho policy check site.yaml\n"));
  check->callback([run] { *run = [] { return RunPolicyCheck(file); }; });
  CLI::App* print = command->add_subcommand("default", "Print the default policy, every key explained");
  print->footer(Footer("Example:\n  sekisho policy default > site.yaml\n"));
  print->callback([run] { *run = [] { return RunPolicyDefault(); }; });
  command->footer(Footer("Examples:\n"
                         "  sekisho policy default > site.yaml\n"
                         "  sekisho policy check site.yaml\n"));
  return command;
}

int Main(int argc, char** argv) {
  std::function<int()> run;
  CLI::App app("Finds mail accounts that somebody else is using.", "sekisho");
  app.require_subcommand(1);
  app.set_version_flag("--version", SEKISHO_VERSION);
  AddReplay(&app, &run);
  AddExplain(&app, &run);
  AddEvents(&app, &run);
  AddBacktest(&app, &run);
  AddFeatures(&app, &run);
  [[maybe_unused]] CLI::App* policy = AddPolicy(&app, &run);
  AddSimulate(&app, &run);
  AddEvaluate(&app, &run);
#ifdef SEKISHO_HAS_ORDERS
  AddOrders(&app, policy, &run);
#endif
#ifdef SEKISHO_HAS_TOPICS
  AddEngine(&app, &run);
  AddTopics(&app, &run);
#endif
#ifdef SEKISHO_HAS_CLUSTER_LOG
  AddRefold(&app, &run);
#endif
  app.footer(Footer("Example:\n"
                    "  sekisho replay --out actions.jsonl /var/log/mail.log\n"
                    "\"sekisho COMMAND --help\" tells more.\n"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  CatchStopSignals();
  return run();
}

}  // namespace
}  // namespace sekisho::app

int main(int argc, char** argv) { return sekisho::app::Main(argc, argv); }
