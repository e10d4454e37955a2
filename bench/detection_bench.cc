// One seed's simulated mail service, judged; bench/detection and bench/fit run this for many seeds and put the answers together.
//
//   detection_bench run --seed N [options]      prints one JSON object, see detection_report.h
//   detection_bench dump --seed N --lenient FILE --out FILE [options]
//                                               what bench/fit needs of that seed, see candidates.h
//   detection_bench judge FILE...               reads such files; then for each line "POLICY_FILE DETECTOR [keep]" of standard
//                                               input answers with one JSON object. DETECTOR: "all" begins anew; a detector's
//                                               name says that the policy differs from the last such one, or the last that was
//                                               to be kept, in that detector only, "none" that it differs outside of detectors
//
// A message counts as escaped when no suspension stood at its time: one stands from its action + 2 s (the way to the mail
// hosts) until it expires.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bench/candidates.h"
#include "bench/detection_report.h"
#include "bench/detection_service.h"
#include "bench/plain_rules.h"
#include "engine/app/json_writer.h"
#include "engine/app/policy_yaml.h"
#include "engine/geo/geo.h"
#include "engine/simulate/simulate.h"

namespace sekisho::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: detection_bench run|dump --seed N [--accounts N] [--days D] [--history D] [--drawn 0|1] [--text 0|1] [--stolen SHARE] [--lost SHARE] [--duplicated SHARE] [--skew S]\n"
    "         [--policy FILE] [--geo FILE] [--details FILE] [--rules 0|1] [--lenient FILE --out FILE]\n"
    "       detection_bench judge FILE...\n";

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "detection_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}

struct Arguments {
  std::map<std::string, std::string> values = {
      {"seed", ""}, {"accounts", "20000"}, {"days", "14"}, {"history", ""}, {"drawn", "1"}, {"stolen", "0.008"}, {"text", "0"}, {"lost", ""}, {"duplicated", ""}, {"skew", ""},
      {"policy", ""}, {"geo", "deploy/geo/country.mmdb"}, {"details", ""}, {"rules", "1"}, {"lenient", ""}, {"out", ""}};
  // False: not understood.
  bool Parse(int argc, char** argv) {
    for (int i = 2; i < argc; i += 2) {
      const std::string name = argv[i];
      if (!name.starts_with("--") || !values.contains(name.substr(2)) || i + 1 >= argc) return false;
      values[name.substr(2)] = argv[i + 1];
    }
    return !values["seed"].empty();
  }
  bool given(const std::string& name) const { return !values.at(name).empty(); }
  double number(const std::string& name) const { return std::strtod(values.at(name).c_str(), nullptr); }
};

absl::StatusOr<simulate::SimulateOptions> OptionsOf(const Arguments& args) {
  simulate::SimulateOptions options;
  options.seed = std::strtoull(args.values.at("seed").c_str(), nullptr, 10);
  options.accounts = static_cast<uint32_t>(args.number("accounts"));
  options.days = static_cast<uint32_t>(args.number("days"));
  options.stolen_share = args.number("stolen");
  if (args.given("history")) options.history_days = static_cast<int>(args.number("history"));
  if (args.number("drawn") != 0) options = simulate::DrawOptions(options.seed, options);
  if (args.given("lost")) options.lost_share = args.number("lost");
  if (args.given("duplicated")) options.duplicated_share = args.number("duplicated");
  if (args.given("skew")) options.skew_seconds = args.number("skew");
  if (absl::Status status = simulate::ValidateOptions(options); !status.ok()) return status;
  return options;
}

void WriteOptions(const simulate::SimulateOptions& o, app::JsonWriter* out) {
  const auto decimal = [&](std::string_view key, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    out->Text(key, text);
  };
  out->BeginObject("options");
  out->Number("accounts", o.accounts);
  out->Number("days", o.days);
  decimal("history_days", o.history_days);
  decimal("history_share", o.history_share);
  decimal("intensity", o.intensity);
  decimal("stealth", o.stealth);
  decimal("return_share", o.return_share);
  decimal("lost_share", o.lost_share);
  decimal("duplicated_share", o.duplicated_share);
  decimal("skew_seconds", o.skew_seconds);
  decimal("stolen_share", o.stolen_share);
  for (int i = 0; i < simulate::kKindCount; ++i) {
    decimal("share." + std::string(simulate::KindName(static_cast<simulate::Kind>(i))), o.kind_shares[static_cast<size_t>(i)]);
  }
  for (int i = 0; i < simulate::kAttackCount; ++i) {
    decimal("attack." + std::string(simulate::AttackName(static_cast<simulate::Attack>(i))), o.attack_weights[static_cast<size_t>(i)]);
  }
  out->EndObject();
}

int RunSeed(const Arguments& args, bool dump) {
  const absl::StatusOr<std::unique_ptr<GeoDatabase>> geo = GeoDatabase::Open(args.values.at("geo"));
  if (!geo.ok()) return Complain(geo.status());
  std::vector<Policy> policies;
  for (const char* name : {"policy", "lenient"}) {
    absl::StatusOr<Policy> policy = app::LoadPolicy(args.values.at(name));
    if (!policy.ok()) return Complain(policy.status());
    policies.push_back(*std::move(policy));
  }
  const absl::StatusOr<simulate::SimulateOptions> options = OptionsOf(args);
  if (!options.ok()) return Complain(options.status());

  Circumstances circumstances;
  OtherRungs rungs(policies[0], args.given("details") ? &circumstances : nullptr);
  CandidateKeeper candidates(policies[1]);
  PlainRules rules;
  Service service(*options, policies[0], **geo, !dump && args.number("rules") != 0 ? &rules : nullptr,
                  dump ? static_cast<FoldObserver*>(&candidates) : &rungs);
  // Only lines can be lost or doubled; all else goes three times as fast without text.
  const bool text_wanted = args.number("text") != 0 || options->lost_share > 0 || options->duplicated_share > 0;
  const absl::Status simulated = text_wanted ? simulate::SimulateTo(*options, &service, &service, nullptr)
                                             : simulate::SimulateActivityTo(*options, &service, &service, nullptr);
  if (!simulated.ok()) return Complain(simulated);
  if (dump) {
    if (absl::Status status = candidates.Write(service, args.values.at("out")); !status.ok()) return Complain(status);
    return 0;
  }
  if (args.given("details")) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(args.values.at("details").c_str(), "w"), std::fclose);
    if (out == nullptr) return Complain(absl::UnavailableError("can't write " + args.values.at("details")));
    circumstances.Tell(service, out.get());
  }

  std::string text;
  app::JsonWriter json(&text);
  json.Begin();
  json.Number("seed", static_cast<int64_t>(options->seed));
  WriteOptions(*options, &json);
  json.Text("policy", policies[0].version);
  json.Text("geo", (*geo)->version());
  json.Number("events", static_cast<int64_t>(service.events()));
  json.BeginArray("scores");
  WriteScore("sekisho", policies[0].suspend.risk, app::ScoreRun(service.truth(), ToScored(service.actions())), &json, &text);
  for (std::vector<RuleRun>* runs : {&rungs.runs(), &rules.runs()}) {
    if (runs == &rules.runs() && args.number("rules") == 0) continue;
    for (const RuleRun& run : *runs) WriteScore(run.rule, run.at_least, app::ScoreRun(service.truth(), run.actions), &json, &text);
  }
  json.EndArray();
  json.End();
  std::puts(text.c_str());
  return 0;
}

DetectorId DetectorOf(const std::string& name) {
  for (int d = 1; d < kDetectors; ++d) {
    if (Name(static_cast<DetectorId>(d)) == name) return static_cast<DetectorId>(d);
  }
  return DetectorId::kNone;
}

int Judge(const std::vector<std::string>& files) {
  Candidates candidates;
  for (const std::string& file : files) {
    if (absl::Status status = candidates.Add(file); !status.ok()) return Complain(status);
  }
  std::fprintf(stderr, "detection_bench: %zu events that may decide\n", candidates.size());
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream fields(line);
    std::string file, detector, keep;
    fields >> file >> detector >> keep;
    const absl::StatusOr<Policy> policy = app::LoadPolicy(file);
    if (!policy.ok()) return Complain(policy.status());
    std::string text;
    app::JsonWriter json(&text);
    json.Begin();
    json.BeginArray("scores");
    WriteScore("sekisho", policy->suspend.risk,
               detector == "all" ? candidates.Base(*policy) : candidates.Try(*policy, DetectorOf(detector), keep == "keep"), &json, &text);
    json.EndArray();
    json.End();
    std::puts(text.c_str());
    std::fflush(stdout);
  }
  return 0;
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "judge" && argc > 2) return Judge({argv + 2, argv + argc});
  Arguments args;
  const bool dump = command == "dump";
  if ((command != "run" && !dump) || !args.Parse(argc, argv) ||
      (dump && (!args.given("lenient") || !args.given("out")))) {
    std::fputs(std::string(kUsage).c_str(), stderr);
    return 2;
  }
  return RunSeed(args, dump);
}

}  // namespace
}  // namespace sekisho::bench

int main(int argc, char** argv) { return sekisho::bench::Main(argc, argv); }
