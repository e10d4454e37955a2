// What each command of `sekisho` is told, and the function that does it. A Run function prints its own errors on standard
// error and returns an ExitCode.
#ifndef SEKISHO_ENGINE_APP_COMMANDS_H_
#define SEKISHO_ENGINE_APP_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/simulate/simulate.h"

namespace sekisho::app {

// How log files are read; the same for every command that reads them.
struct InputOptions {
  std::vector<std::string> files;  // "-" is standard input
  std::string default_realm;
  std::string timezone = "UTC";
  int year = 0;  // of time stamps that carry none; 0: from the file's modification time
  std::vector<std::string> webmail_hosts;
  std::string recipient_key = "sekisho";
  std::vector<std::string> complaint_headers;  // how a feedback report names the account, see connectors/ingest/arf
  std::string complaint_verp;
};

// Where on the internet an address is, and by which policy an account is judged.
struct JudgementOptions {
  std::string policy;  // file; empty: the built-in default
  std::string geo;     // file; empty: the one that ships with the program
  std::string asn;     // file; empty: none
};

struct EventsOptions {
  InputOptions input;
};

struct ReplayOptions {
  InputOptions input;
  JudgementOptions judgement;
  std::string state;        // directory; empty: nothing is kept
  std::string out = "-";    // "-": standard output
  std::string dead_letter;  // file; empty: counted only
  uint64_t memory_bytes_max = uint64_t{1} << 30;
  uint64_t commit_lines = 0;  // with `state`: commit after so many lines; 0: about once a second
  bool entities = true;       // networks, domains and campaigns are judged
};

struct ExplainOptions {
  std::string account;
  InputOptions input;
  JudgementOptions judgement;
  bool all = false;  // every event of the account, not only those that say something
};

struct BacktestOptions {
  InputOptions input;
  JudgementOptions judgement;  // the new policy
  std::string against;         // the other policy's file; empty: the built-in default
  uint64_t memory_bytes_max = uint64_t{1} << 30;  // of both folds together
  bool json = false;
  bool all = false;  // every account that changes, not only the first ones
};

struct FeaturesOptions {
  bool json = false;
  bool markdown = false;
};

struct SimulateOptions {
  simulate::SimulateOptions simulation;
  std::string attacks;        // "rotate=3,burst=1"; empty: the default mix
  std::string start;          // YYYY-MM-DD; empty: the default
  bool draw = false;          // the settings of a measurement's run, by the seed
  bool iso_time = false;      // ISO 8601 time stamps in place of RFC 3164's
};

struct EvaluateOptions {
  std::string truth;    // truth.json, or the directory that holds it
  std::string actions;  // actions.jsonl
  bool verbose = false;
};

int RunEvents(const EventsOptions& options);
int RunReplay(const ReplayOptions& options);
int RunExplain(const ExplainOptions& options);
int RunBacktest(const BacktestOptions& options);
int RunFeatures(const FeaturesOptions& options);
int RunSimulate(const SimulateOptions& options);
int RunEvaluate(const EvaluateOptions& options);
int RunPolicyCheck(const std::string& file);
int RunPolicyDefault();

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_COMMANDS_H_
