// shared_source: sends from a network over which other accounts were suspended lately, and that few good accounts use.
//
// Observed: stolen accounts are used through the same few hosters and proxies, ten messages a day each, below every limit;
// but some of them were greedier and were caught. Judged by the lower confidence bound of bad / (bad + good) accounts, never
// by counts: a carrier's address pool has both in plenty. Limits: it needs others to be caught first, and a shared VPN looks
// bad while its good customers are few here; so alone it is only observed, and of an owner who reads mail from several countries,
// as one does through a VPN, it says nothing.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSharedSource(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::SharedSource& p = in.policy.shared_source;
  if (f.denied) {
    signal->evidence.push_back({"denied", 1, 1, Span()});
    signal->score = p.denied_score;
    return true;
  }
  if (!f.stray || f.source_bad_score_milli == 0 || f.source_bad_accounts < p.accounts_min) return false;
  if (f.reading_countries_7d >= Features::kReadsWidely) return false;
  if (!Reach(in, p.most, "source_bad_score_milli", f.source_bad_score_milli, Span::Hours(72), signal) &&
      !Reach(in, p.some, "source_bad_score_milli", f.source_bad_score_milli, Span::Hours(72), signal)) {
    return false;
  }
  signal->evidence.push_back({"source_bad_accounts", f.source_bad_accounts, p.accounts_min, Span::Hours(72)});
  return true;
}

}  // namespace sekisho
