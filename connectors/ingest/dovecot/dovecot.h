// Dovecot's log (2.2 to 2.4) and its event export, turned into plain events.
//
// | line                                                           | event                                              |
// | -------------------------------------------------------------- | -------------------------------------------------- |
// | *-login: Login: (2.4: Logged in:), proxy(…): started proxying  | login                                              |
// | *-login: … (auth failed, …), (proxy dest auth failed)          | login_failed, credentials                          |
// | *-login: … (user disabled), (password expired)                 | login_failed, disabled                             |
// | *-login: … (tried to use disallowed plaintext auth)            | login_failed, policy                               |
// | *-login: … (client didn't finish SASL auth), (aborted …)       | login_failed, aborted                              |
// | auth, auth-worker: sql(user,ip,<session>): Password mismatch   | login_failed; also pam, ldap, passwd-file, 2.4     |
// | auth: pam_unix(dovecot:auth): authentication failure; …        | login_failed                                       |
// | imap(user), pop3(user): Logged out, Disconnected               | mailbox_access, if anything was fetched or removed |
// | {"event":"auth_request_finished"}                              | login, login_failed; service=smtp is Postfix's SASL |
// | {"event":"auth_passdb_request_finished"}                       | login_failed, while no auth_request_finished was seen |
// | {"event":"smtp_server_transaction_finished"}                   | submission, of an account, with recipients         |
// | {"event":"imap_command_finished"} FETCH, pop3 RETR             | mailbox_access, once a session                     |
//
// One failed login counts once, whoever tells of it: see told_once.h. The login process sums up a connection's failures
// in one line, so from that alone they count as one. With auth_verbose and several passdbs, Dovecot also logs the
// "unknown user" of a passdb that another one makes up for; Dovecot's own remedy is `auth_verbose = no` in that passdb.
//
// Hostile text. A user name stands before the fields that matter, a given password (auth_verbose_passwords) after them.
// The login process's fields are therefore read from the end of the line, and in the authentication process's lines
// exactly one place may look like ",ADDRESS): REASON": with two, one is forged, and the line is malformed. A line so
// long that a syslog on the way may have cut it is malformed too: what is missing could be the true address.
#ifndef SEKISHO_CONNECTORS_INGEST_DOVECOT_DOVECOT_H_
#define SEKISHO_CONNECTORS_INGEST_DOVECOT_DOVECOT_H_

#include <memory>

#include "connectors/common/canonical.h"
#include "connectors/common/parser.h"

namespace sekisho::connectors {

// Login and authentication lines are a few hundred bytes; syslog may cut at 1,024 with its header (RFC 3164).
inline constexpr size_t kDovecotLoginLineBytesMax = 900;
// A session that says only how many bytes it sent has fetched something when it sent more than this: greeting,
// capabilities, LIST and SELECT stay below.
inline constexpr uint64_t kIdleImapBytesMax = 4096;

// `canonicalizer` must outlive the parser, and be used by no other thread meanwhile.
std::unique_ptr<Parser> MakeDovecotParser(Canonicalizer* canonicalizer);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_DOVECOT_DOVECOT_H_
