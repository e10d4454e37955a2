// campaign: a stray source sends a message of a pattern that strays of other accounts sent within the last hour, and most of those
// accounts have turned by signals of their own.
//
// Observed: one hand sends one text through many stolen accounts at the same time. The pattern is the size and the number of
// recipients of two messages in a row, roughly (AccountWindow::Touch): no content, and nothing that the owner's own mail is read for.
// Judged by an entity shard (engine/cluster/entity_partition.h): turned / all accounts that strays sent the pattern from, lower
// confidence bound, never counts; those over one network count as one.
//
// Who looks alike: travellers whose messages happen to be as large; they are the good ones of the share, and are only observed
// as long as nothing of their own speaks against them (with shared_source and domain_cohort it is at most one family).
// Limits: a text whose size varies by more than a fifth has no pattern; what is sent to whom is known only with the deliveries, too
// late for it, and isn't part of it.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectCampaign(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::Campaign& p = in.policy.campaign;
  constexpr Span kWithin = Features::kCampaignWithin;
  if (!f.stray || f.campaign_turned_share_milli == 0 || f.campaign_turned_accounts < p.accounts_min) return false;
  if (!Reach(in, p.most, "campaign_turned_share_milli", f.campaign_turned_share_milli, kWithin, signal) &&
      !Reach(in, p.some, "campaign_turned_share_milli", f.campaign_turned_share_milli, kWithin, signal)) {
    return false;
  }
  signal->evidence.push_back({"campaign_turned_accounts", f.campaign_turned_accounts, p.accounts_min, kWithin});
  return true;
}

}  // namespace sekisho
