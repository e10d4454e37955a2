// campaign: a stray source in a country new to the owner sends a message of a pattern that strays of other accounts sent within the last
// hour, and most of those accounts have turned by signals of their own.
//
// Observed: one hand sends one text through many stolen accounts at the same time. The pattern is the size and the number of
// recipients of two messages in a row, roughly (AccountWindow::Touch): no content, and nothing that the owner's own mail is read for.
// Judged by an entity shard (engine/cluster/entity_partition.h): turned / all accounts that strays sent the pattern from, lower
// confidence bound, never counts; those over one network count as one.
//
// Who looks alike: newsletters on their first day at a new server (near strays, and volume doesn't turn an account); travellers whose
// messages happen to be as large: they are the good ones of the share, and the score is low, so that it only adds to more.
// Limits: a text whose size varies by more than a fifth has no pattern; to whom it goes is known only with the deliveries, too late
// for it, and isn't part of it.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectCampaign(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::Campaign& p = in.policy.campaign;
  constexpr Span kWithin = Features::kCampaignWithin;
  if (!f.stray || f.familiarity != Familiarity::kFar) return false;
  if (f.campaign_turned_share_milli == 0 || f.campaign_turned_accounts < p.accounts_min) return false;
  if (!Reach(in, p.most, "campaign_turned_share_milli", f.campaign_turned_share_milli, kWithin, signal) &&
      !Reach(in, p.some, "campaign_turned_share_milli", f.campaign_turned_share_milli, kWithin, signal)) {
    return false;
  }
  signal->evidence.push_back({"campaign_turned_accounts", f.campaign_turned_accounts, p.accounts_min, kWithin});
  return true;
}

}  // namespace sekisho
