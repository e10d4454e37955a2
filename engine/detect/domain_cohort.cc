// domain_cohort: a stray source in a country new to the owner sends, while other accounts of the same customer domain have turned within
// 6 h, by strays of their own and with signals of their own.
//
// Observed: malware inside a company takes the passwords of all who work there; three to a dozen accounts begin to send abroad
// within minutes of each other. Each would be found by itself; the third and later ones needn't first send as much as the first.
// Judged by an entity shard (engine/cluster/entity_partition.h): turned / (turned + active) accounts of the domain, lower
// confidence bound. So the ten thousand accounts of a provider's own domain, of which some always are stolen, are no cohort.
//
// Who looks alike, and why it is spared: an office behind one address, a mailing to all (their sources are known, hence no strays);
// an office that moved or got a new gateway, a family in one hotel (those over one network count as one). A judgement is what others
// did: with shared_source it is one family, so it never suspends by itself.
// Limits: near strays, of which colleagues with phones leave some every day, say nothing; a domain known for less than a day is not
// judged, nor one with 256 active accounts or more; the first accounts of a cohort have nobody to be told by.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectDomainCohort(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::DomainCohort& p = in.policy.domain_cohort;
  constexpr Span kWithin = Features::kDomainTurnsWithin;
  if (!f.stray || f.familiarity != Familiarity::kFar) return false;
  if (f.domain_turned_share_milli == 0 || f.domain_turned_accounts < p.accounts_min) return false;
  if (!Reach(in, p.most, "domain_turned_share_milli", f.domain_turned_share_milli, kWithin, signal) &&
      !Reach(in, p.some, "domain_turned_share_milli", f.domain_turned_share_milli, kWithin, signal)) {
    return false;
  }
  signal->evidence.push_back({"domain_turned_accounts", f.domain_turned_accounts, p.accounts_min, kWithin});
  return true;
}

}  // namespace sekisho
