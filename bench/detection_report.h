// What a run of one seed says: one JSON object, and for people, each mistake with its circumstances.
#ifndef SEKISHO_BENCH_DETECTION_REPORT_H_
#define SEKISHO_BENCH_DETECTION_REPORT_H_

#include <cstdio>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/detection_service.h"
#include "bench/plain_rules.h"
#include "engine/app/json_writer.h"
#include "engine/app/score.h"
#include "engine/shard/shard.h"

namespace sekisho::bench {

// Appends {"rule","at_least","attacks":{NAME:{"stolen","suspended","by_second_day","escaped":[],"seconds":[]}},
// "owners":{KIND:{"accounts","days","suspended","suspensions","throttled","notified"}}} to the open array.
// "escaped": recipients, one number a stolen account; "seconds": one a suspended one.
void WriteScore(const std::string& rule, int64_t at_least, const app::Score& score, app::JsonWriter* out, std::string* text);

// Ours at other thresholds of the rung "suspend", in the form of a plain rule: evidence beyond doubt suspends at each.
class OtherRungs final : public FoldObserver {
 public:
  // `next` is told too; it may be null.
  OtherRungs(const Policy& policy, FoldObserver* next);
  void OnEvent(const Event& event, const AccountWindow& account, const Features& features, std::span<const Signal> signals,
               const Risk& risk, const Action* action) override;
  void OnTimer(const AccountWindow& account, const Action& action) override;
  std::vector<RuleRun>& runs() { return runs_; }

 private:
  FoldObserver* const next_;
  std::vector<Policy> policies_;
  std::vector<RuleRun> runs_;
  std::unordered_map<std::string, std::vector<EventTime>> stopped_until_;
};

// Keeps what was known when each action was taken, and when an account was closest to one, to tell why a mistake was made.
class Circumstances final : public FoldObserver {
 public:
  void OnEvent(const Event& event, const AccountWindow& account, const Features& features, std::span<const Signal> signals,
               const Risk& risk, const Action* action) override;
  void OnTimer(const AccountWindow&, const Action&) override {}

  // Owners who were told, slowed or stopped, and thieves who were missed or let much escape, one or a few lines each.
  void Tell(const Service& service, std::FILE* out) const;

 private:
  struct Moment {
    EventTime at;
    int32_t risk = -1;
    std::string text;
  };
  std::map<Hash128, std::string> of_action_;
  std::unordered_map<std::string, std::map<int64_t, Moment>> riskiest_;  // by account and day
};

}  // namespace sekisho::bench

#endif  // SEKISHO_BENCH_DETECTION_REPORT_H_
