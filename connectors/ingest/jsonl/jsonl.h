// Sekisho's own JSON Lines: one event a line. What `sekisho events` prints is what any program may feed.
//
// | field               | type            | meaning                                                                       |
// | ------------------- | --------------- | ----------------------------------------------------------------------------- |
// | `time`              | string          | required. RFC 3339; printed in UTC with milliseconds, any offset is read        |
// | `kind`              | string          | required. login, login_failed, submission, queued, delivery, rejected, session, |
// |                     |                 | mailbox_access, credential_changed, content_verdict, complaint                  |
// | `account`           | string          | the login, made canonical when read; missing where the log names none           |
// | `ip`                | string          | the client's address; missing where unknown                                     |
// | `service`           | string          | smtp, imap, pop3, webmail, sieve, unknown                                       |
// | `listener`          | number          | 25, 465, 587: where the client connected                                        |
// | `outcome`           | string          | success, failure; of a delivery (required there): sent, deferred, bounced, expired |
// | `failure`           | string          | of login_failed: credentials, unknown_user, disabled, aborted, policy, internal |
// | `host`              | string          | the machine that logged it                                                      |
// | `queue_id`          | string          | the message's first queue id in the fleet                                       |
// | `method`            | string          | SASL mechanism                                                                  |
// | `session`           | string          | session id                                                                      |
// | `via_webmail`       | boolean         | the client was a trusted webmail host: `ip` is that host's                      |
// | `client_name`       | string          | the client's name as the server looked it up                                    |
// | `client_port`       | number          |                                                                                 |
// | `recipients`        | number or array | how many; an array of addresses is read too, counted, and hashed at once        |
// | `recipient_domains` | array of string | their domains, and,                                                             |
// | `recipient_keys`    | array of string | in the same order, keyed hashes of their addresses (16 hexadecimal digits)      |
// | `size`              | number          | of the message, in bytes                                                        |
// | `sender`            | string          | read only: the envelope sender's address, hashed at once                        |
// | `sender_domain`     | string          | its domain, and                                                                 |
// | `sender_key`        | string          | its keyed hash (16 hexadecimal digits)                                          |
// | `dsn`               | string          | enhanced status code of a delivery or refusal, "5.1.1"                          |
// | `spam_refusal`      | boolean         | the receiver's answer speaks of spam, policy, reputation or a block list        |
// | `score`             | number          | of content_verdict, exact to a thousandth                                       |
// | `auth_ok`, `auth_tried`, `rcpt_ok`, `rcpt_tried` | number | of session: commands that succeeded, and all of them      |
//
// Whatever has its default is left out when printed. When read: an unknown field is passed over, null counts as missing,
// and a field of a wrong type or an unknown word makes the line malformed. {"kind":"login","outcome":"failure"} is a
// login_failed. Bytes that are no UTF-8 are printed as stand-ins that are read back as those bytes (common/json.h).
#ifndef SEKISHO_CONNECTORS_INGEST_JSONL_JSONL_H_
#define SEKISHO_CONNECTORS_INGEST_JSONL_JSONL_H_

#include <memory>
#include <string>
#include <string_view>

#include "connectors/common/canonical.h"
#include "connectors/common/event.h"
#include "connectors/common/parser.h"

namespace sekisho::connectors {

// The words above.
std::string_view KindName(Kind kind);
std::string_view ServiceName(Service service);

// Appends `event` as one JSON object without a line end: valid JSON whatever the event's strings hold.
void AppendJson(const Event& event, std::string* out);

// Reads such lines; a line that isn't an object with "kind" isn't its own. `canonicalizer` must outlive the parser.
std::unique_ptr<Parser> MakeJsonlParser(Canonicalizer* canonicalizer);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_JSONL_JSONL_H_
