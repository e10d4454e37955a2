// For fitting: the features of all events that could decide something under any policy within bounds, kept in a file, so that
// a policy is judged in about a second instead of by folding everything again. Features don't depend on the policy, but for
// what entity shards think of sources: that stays as the dumping run had it.
//
// The bound is a lenient policy: what doesn't reach "notify" under it can't under a stricter one, as far as lower thresholds
// and higher scores only ever add risk. Of one account kKeptADay events in 24 h are kept, some hundred messages: a thief
// who isn't stopped within them counts as missed. What is fitted is checked by whole runs afterwards.
#ifndef SEKISHO_BENCH_CANDIDATES_H_
#define SEKISHO_BENCH_CANDIDATES_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/detection_service.h"
#include "engine/app/score.h"
#include "engine/shard/shard.h"

namespace sekisho::bench {

inline constexpr size_t kKeptADay = 300;

// Keeps them while a service is folded.
class CandidateKeeper final : public FoldObserver {
 public:
  // `lenient` outlives it.
  explicit CandidateKeeper(const Policy& lenient) : lenient_(lenient) {}
  void OnEvent(const Event& event, const AccountWindow& account, const Features& features, std::span<const Signal> signals,
               const Risk& risk, const Action* action) override;
  void OnTimer(const AccountWindow&, const Action&) override {}

  // With the truth, to be read by Candidates::Add of the same program.
  absl::Status Write(const Service& service, const std::string& path) const;

 private:
  struct Kept {
    EventTime day;     // since when `today` are counted
    size_t today = 0;
    std::vector<Features> features;
  };
  const Policy& lenient_;
  std::vector<Signal> signals_;
  std::unordered_map<std::string, Kept> accounts_;
};

// The candidates of many seeds in memory. Thread-compatible.
class Candidates {
 public:
  // FailedPrecondition: written by another version of the program.
  absl::Status Add(const std::string& path);

  // Judges every account by `policy` from nothing, and remembers each detector's scores for Try.
  app::Score Base(const Policy& policy);
  // The same by a policy that differs from the last Base or kept Try only in `detector`, or, for kNone, outside of detectors.
  app::Score Try(const Policy& policy, DetectorId detector, bool keep);

  size_t size() const { return events_.size(); }

 private:
  struct Account {
    AccountId id;
    uint8_t kind = 0;
    int8_t attack = -1;  // not stolen
    EventTime since, first_abuse;  // actions from `since` on are about the thief
    size_t begin = 0, end = 0;     // in events_
    std::vector<app::AbuseMessage> abuse;
  };
  using Scores = std::array<uint8_t, kDetectors>;

  void Detect(const Policy& policy, std::vector<Scores>* scores, int only);
  app::Score Judge(const Policy& policy, const std::vector<Scores>& scores) const;

  std::vector<Account> accounts_;
  std::vector<Features> events_;
  std::vector<Scores> base_, tried_;
  std::array<Family, kDetectors> families_{};
  std::map<std::string, app::OwnerScore> owners_;  // accounts and account-days
};

}  // namespace sekisho::bench

#endif  // SEKISHO_BENCH_CANDIDATES_H_
