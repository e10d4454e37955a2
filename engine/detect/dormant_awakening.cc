// dormant_awakening: an account that nobody used for months is used to send, from where it never was.
//
// Observed: forgotten accounts (former employees', test users, second addresses) are stolen by old passwords, and
// nobody is there to notice. Such an account has no habit left to compare with: what it knew is older than the baseline,
// nobody reads, and each recipient is new; so its long silence is the evidence.
// Limits: an owner who comes back after months on a new phone from a new network looks alike until he reads; one who comes back
// to the network he left from isn't judged. An account that is only read from, for months, is not dormant. The log must
// hold that silence: an engine that began last week knows of none.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectDormantAwakening(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::DormantAwakening& p = in.policy.dormant_awakening;
  if (f.slept_days < p.days_min) return false;
  const int32_t score = f.source_reads || f.reads_there > 0 ? p.read_score : p.messages.score;
  if (!Reach(in, {p.messages.at_least, score}, "messages_since_woke", f.messages_since_woke, Span::Days(7), signal)) return false;
  signal->evidence.push_back({"slept_days", f.slept_days, p.days_min, Span()});
  return true;
}

}  // namespace sekisho
