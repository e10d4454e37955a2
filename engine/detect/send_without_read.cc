// send_without_read: somebody sends from where nobody reads, while the owner does read mail elsewhere.
//
// Observed: thieves use an account to send and never look into the mailbox, while its owner polls it all day.
// Limits: in the owner's own country it says nothing, since a phone reads at one address and sends from the next. Needs a
// reading habit to break: printers, applications and list servers never read, and where no IMAP or POP3
// log reaches us nobody seems to. In an account's first week it weighs little: where its owner reads isn't known yet. A new
// network and no reading from it are one fact, so with the origin family alone this doesn't count as a second family. Silent
// where many recipients are people the account knows, unless other accounts were suspended over that network.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSendWithoutRead(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray || f.familiarity != Familiarity::kFar || !f.reads_mail || f.reads_there > 0) return false;
  const Policy::SendWithoutRead& p = in.policy.send_without_read;
  // Who writes to the owner's people is most likely the owner; not so from where other accounts were stolen.
  const bool known_people = f.ToKnownPeople(p.judged_min) || f.ToKnownPeople24h(p.judged_min);
  if (known_people && f.source_bad_accounts <= 0) return false;
  const int32_t score = f.history_days >= p.history_days_min ? p.far_score : p.far_score_unsettled;
  return Reach(in, {p.messages_min, score}, "stray_messages_24h", f.stray_messages_24h, Span::Hours(24), signal);
}

}  // namespace sekisho
