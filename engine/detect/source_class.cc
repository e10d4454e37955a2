// source_class: an account that is used from homes and phones begins to send from rented servers.
//
// Observed: stolen passwords are used from rented servers, the guessed ones above all, hours after a success. No server is
// bad by itself (newsletters, shops' applications, VPNs and mail programs in clouds send from them all day): the change
// is the sign, so an account that has any server among its known places is let alone, and so is a server from which
// the mailbox is read. A missing or dynamic reverse name says nothing here: every home has one.
// Limits: needs AS data and lists of classes (or networks in the policy); of a source in no list nothing is said. Robbed home
// machines are of the owner's own class.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSourceClass(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const Policy::SourceClassChange& p = in.policy.source_class;
  if (f.log_young || f.history_days < p.history_days_min) return false;
  if (!f.stray || f.source_class != SourceClass::kHosting || f.access_places == 0 || f.server_places > 0) return false;
  const Span day = Span::Hours(24);
  if (!Reach(in, p.many, "stray_hosting_messages_24h", f.stray_hosting_messages_24h, day, signal) &&
      !Reach(in, p.few, "stray_hosting_messages_24h", f.stray_hosting_messages_24h, day, signal)) {
    return false;
  }
  signal->evidence.push_back({"access_places", f.access_places, 1, Span()});
  return true;
}

}  // namespace sekisho
