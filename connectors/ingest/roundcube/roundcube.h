// Roundcube's logs (userlogins, errors, sendmail; files or syslog), turned into plain events of service webmail.
//
// | line                                                                     | event                                 |
// | ------------------------------------------------------------------------ | ------------------------------------- |
// | Successful login for U (ID: N) from IP in session S                      | login                                 |
// | Failed login for U from IP in session S (error: N); FAILED login for …   | login_failed                          |
// | IMAP Error: Login failed for U [against HOST] from IP[. ANSWER]          | login_failed                          |
// | User U [IP]; Message <ID> for A, B; 250: 2.0.0 Ok: queued as Q           | submission, with queue id, recipients |
//
// The errors log and the userlogins log tell of one failure, so the same user and address within kToldTwiceWindow count
// from the log that told first.
//
// IP may be followed by "(X-Real-IP: …,X-Forwarded-For: …)", which any client can send. They are believed only where IP
// is a proxy that the configuration names; then the last address of X-Forwarded-For that is no such proxy counts, or
// X-Real-IP.
//
// Hostile text. The user name stands before the address, those headers and the IMAP server's answer after it. Exactly one
// place may look like " from IP" followed by what must follow there; with two, one is forged, and the line is malformed,
// unless the line's end settles it.
#ifndef SEKISHO_CONNECTORS_INGEST_ROUNDCUBE_ROUNDCUBE_H_
#define SEKISHO_CONNECTORS_INGEST_ROUNDCUBE_ROUNDCUBE_H_

#include <memory>
#include <vector>

#include "connectors/common/canonical.h"
#include "connectors/common/parser.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

inline constexpr Span kToldTwiceWindow = Span::Minutes(1);

struct RoundcubeOptions {
  std::vector<IpNetwork> trusted_proxies;
};

// `canonicalizer` must outlive the parser, and be used by no other thread meanwhile.
std::unique_ptr<Parser> MakeRoundcubeParser(Canonicalizer* canonicalizer, RoundcubeOptions options);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_ROUNDCUBE_ROUNDCUBE_H_
