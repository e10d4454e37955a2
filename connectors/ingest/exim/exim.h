// Exim's main log, as files or by syslog (4.9x; also older ones), turned into plain events.
//
// | line                                                   | event                                             |
// | ------------------------------------------------------ | ------------------------------------------------- |
// | ID <= sender H=… [IP] … P=… A=driver:user S=… [for …]  | submission, with size, and recipients where named |
// | ID => ->, >> address …                                 | delivery, sent                                    |
// | ID == address …                                        | delivery, deferred                                |
// | ID ** address …                                        | delivery, bounced ("retry timeout": expired)      |
// | driver authenticator failed for … [IP]…: 535 … (set_id=user) | login_failed                                |
// | H=… [IP] … rejected RCPT …                             | rejected                                          |
// | ID Completed                                           | (the message is forgotten)                        |
//
// Deliveries are those of messages that an account submitted; `<address>` after a delivery's address is what the sender
// wrote, and counts. A hand-over to a host of our own (`C="250 OK id=ID"`) is followed as queue_join.h describes. Where
// the driver sets no id (A= without ':') there is no account and no event. `=>` with A=, and `ID driver authenticator
// failed H=…`, are our own server's logins elsewhere: no events. A line without [IP] has no address. The reject log
// repeats lines of the main log, so only one of them should be read.
//
// Hostile text. A HELO name stands in parentheses before [IP], and Exim by default admits neither blank nor ')' in it;
// where helo_accept_junk_hosts lets more in, the last `) [IP]` before the line's next field counts. An ID that begins a
// line is Exim's own. A sender's quoted local part may hold anything: it is passed over as a whole. What comes after S=
// (message id, subject) is the client's and is read for the recipients at the very end only. A user name in set_id=
// goes to the end of the line; one in A= to the first field that may follow it.
#ifndef SEKISHO_CONNECTORS_INGEST_EXIM_EXIM_H_
#define SEKISHO_CONNECTORS_INGEST_EXIM_EXIM_H_

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

struct EximOptions {
  // Public addresses of the fleet's own mail hosts, whose logs are read too. Private ones need not be named.
  std::vector<IpNetwork> own_relays;
  // See kQueueEntriesMax for the price.
  uint32_t queue_entries_max = kQueueEntriesMax;
};

class EximParser : public Parser {
 public:
  virtual const JoinCounters& join_counters() const = 0;
};

// `canonicalizer` must outlive the parser, and be used by no other thread meanwhile.
std::unique_ptr<EximParser> MakeEximParser(Canonicalizer* canonicalizer, EximOptions options);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_EXIM_EXIM_H_
