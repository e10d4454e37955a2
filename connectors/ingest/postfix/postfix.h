// Postfix's log, as its own sources print it (3.7; also older and newer ones), turned into plain events.
//
// | line                                        | event                                                         |
// | ------------------------------------------- | ------------------------------------------------------------- |
// | smtpd   client=…, sasl_username=…           | submission, at once                                           |
// | smtpd   warning: … authentication failed    | login_failed                                                  |
// | smtpd, cleanup   reject:, milter-reject:    | rejected                                                      |
// | smtpd   disconnect from … auth=0/1 …        | session                                                       |
// | qmgr    from=<…>, size=…, nrcpt=…           | queued, once a message                                        |
// | smtp, lmtp, local, virtual, pipe, … to=<…>  | delivery, of messages that an account submitted               |
// | qmgr    from=<…>, status=expired            | delivery, expired: whose recipient is unknown (empty, key 0)  |
//
// A login without mail names no account in Postfix's log; failures of the server itself (no connection to the
// authentication server, an unknown mechanism) are no login_failed, as no password was tried.
//
// Hand-overs. `status=sent (… queued as X)` to one of our own hosts, or to a content filter that gives the message back,
// isn't the outcome: that of X is, and it reaches the account under the message's first queue id, once. The rule needs
// no waiting: the line is a hand-over where
//  (1) X already belongs to the same message (the next hop's client= line had its orig_queue_id, by XFORWARD), or
//  (2) the next hop's address is private, loopback or in `own_relays`, and X is an entry of ours (on the same host for
//      loopback) that came without account from such an address, at most kHandOverWindow apart; or
//  (3) such a next hop has shown an X of its own before, and this X will come.
// Anything else counts as sent at once. Should X of a next hop as in (2) appear only afterwards, it is joined, and its
// `sent` isn't counted again. So a relay whose log we don't read loses nothing, and what a stranger's server says in
// its answer joins nothing. A filter before the queue (smtpd_proxy_filter) has no queue id to join by: its messages show
// as submissions only.
//
// Hostile text. NAME[IP] stands first in its line, and a name cannot hold '['; everything is read from the left. A user
// name is all after the first `, sasl_username=`, to the end of the line or to the first `, sasl_sender=`,
// `, orig_queue_id=` or `, orig_client=`: the first of these is written by any authenticated client (AUTH= of MAIL
// FROM) and would else make many accounts out of one. Nothing is taken from between '<' and '>' or from a reply's text
// but what stands for itself; a quoted local part may hold both. The ` sasl_username=<U>` at the end of some rejects
// cannot be told from a HELO name of that text, so it isn't read.
#ifndef SEKISHO_CONNECTORS_INGEST_POSTFIX_POSTFIX_H_
#define SEKISHO_CONNECTORS_INGEST_POSTFIX_POSTFIX_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "connectors/common/canonical.h"
#include "connectors/common/parser.h"
#include "connectors/common/queue_join.h"
#include "engine/base/ip.h"

namespace sekisho::connectors {

struct PostfixOptions {
  // Public addresses of the fleet's own mail hosts, whose logs are read too. Private ones need not be named.
  std::vector<IpNetwork> own_relays;
  // See kQueueEntriesMax for the price.
  uint32_t queue_entries_max = kQueueEntriesMax;
};

class PostfixParser : public Parser {
 public:
  virtual const JoinCounters& join_counters() const = 0;
};

// `canonicalizer` must outlive the parser, and be used by no other thread meanwhile.
std::unique_ptr<PostfixParser> MakePostfixParser(Canonicalizer* canonicalizer, PostfixOptions options);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_POSTFIX_POSTFIX_H_
