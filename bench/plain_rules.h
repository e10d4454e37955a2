// The plain rules that mail services run today, over the very events that the fold sees, so that both are measured on the
// same data. None of them knows anything of an account but what it counts; each stops an account's sending for 24 h when its
// count reaches a threshold, and again when it does so after that.
//
//   countries   distinct countries, by the same geo data, that the account was used from in (t - window, t]
//   messages    messages submitted in (t - window, t], as the mail servers count them
//   recipients  recipients of those
//   addresses   distinct addresses that the account was used from in (t - window, t]
//
// "Used" is either sending alone, or any accepted login or sending. Each rule is run at several thresholds at once, so that the
// best of its settings can be set against us, and a curve drawn.
#ifndef SEKISHO_BENCH_PLAIN_RULES_H_
#define SEKISHO_BENCH_PLAIN_RULES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/app/score.h"
#include "engine/base/time.h"
#include "engine/model/event.h"

namespace sekisho::bench {

inline constexpr Span kRuleStops = Span::Hours(24);

// One rule at one threshold, and what it did. Ours at other thresholds of the ladder is kept in the same form.
struct RuleRun {
  std::string rule;      // "countries 2h sending"
  int64_t at_least = 0;  // its threshold
  std::vector<app::ScoredAction> actions;
};

// Thread-compatible.
class PlainRules {
 public:
  PlainRules();
  ~PlainRules();

  // In the order of the log.
  void OnEvent(const Event& event);

  std::vector<RuleRun>& runs() { return runs_; }

 private:
  struct Account;
  enum class What : uint8_t { kCountries, kMessages, kRecipients, kAddresses };
  struct Rule {
    What what;
    bool sending_only;
    Span window;
    std::vector<int64_t> thresholds;
  };
  int64_t Value(const Rule& rule, const Account& account, EventTime at) const;
  static const std::vector<Rule>& Rules();

  absl::flat_hash_map<uint64_t, std::unique_ptr<Account>> accounts_;  // by half of the id: no adversary here
  std::vector<RuleRun> runs_;
};

}  // namespace sekisho::bench

#endif  // SEKISHO_BENCH_PLAIN_RULES_H_
