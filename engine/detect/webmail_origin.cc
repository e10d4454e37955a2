// webmail_origin: foreign webmail logins, then message after message through the webmail host.
//
// Observed: operators saw stolen accounts used through webmail, so that the mail servers see only the webmail host's own address;
// found by people who looked, then called the owner. Each message is joined to the login that opened its session
// (account_window.h says which, where two are open), so here only messages of sessions count that were opened from a
// country that isn't the owner's and from which no mail program reads.
// Limits: needs the webmail's own log of logins, or everybody sits in one place. Travellers use webmail too: it is silent while
// most recipients are people they know, and of the family that a new country already belongs to. Blind to thieves
// in the owner's own country.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectWebmailOrigin(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray || !f.via_webmail || f.familiarity != Familiarity::kFar || f.log_young) return false;
  const Policy::WebmailOrigin& p = in.policy.webmail_origin;
  if (f.ToKnownPeople(p.judged_min)) return false;
  const Span hour = Span::Hours(1);
  bool any = Reach(in, p.many, "far_webmail_messages_1h", f.far_webmail_messages_1h, hour, signal) ||
             Reach(in, p.few, "far_webmail_messages_1h", f.far_webmail_messages_1h, hour, signal);
  if (f.far_webmail_messages_1h >= p.messages_min) {
    any |= Reach(in, p.sources, "far_webmail_sources_24h", f.far_webmail_sources_24h, Span::Hours(24), signal);
  }
  return any;
}

}  // namespace sekisho
