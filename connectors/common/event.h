// The plain event that a parser emits: what one or a few log lines say, in the fleet's own words, before the engine's
// model or the wire's protobuf. No content, no subject, no full recipient address is in it.
#ifndef SEKISHO_CONNECTORS_COMMON_EVENT_H_
#define SEKISHO_CONNECTORS_COMMON_EVENT_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

enum class Kind : uint8_t {
  kLogin,              // an authentication succeeded
  kLoginFailed,        // an authentication failed; the account is what the client claimed
  kSubmission,         // an authenticated client handed over a message (its first recipient was accepted)
  kQueued,             // that message is in the queue: its size and number of recipients are known now
  kDelivery,           // one delivery attempt of one recipient of a message an account submitted
  kRejected,           // our own server refused a command of this session (never evidence against the account)
  kSession,            // a connection ended: the counters of its commands
  kMailboxAccess,      // the account read its mail (a session fetched or expunged something)
  kCredentialChanged,  // the password was changed or reset
  kContentVerdict,     // an outbound scanner's score
  kComplaint,          // a feedback report (ARF) named a message of the account
};

enum class Service : uint8_t { kUnknown, kSmtp, kImap, kPop3, kWebmail, kSieve };

// Which listener took it. kUnknown where the log can't tell.
enum class Listener : uint8_t { kUnknown, kPort25, kPort465, kPort587 };

enum class Outcome : uint8_t {
  kNone,
  kSuccess,   // login, submission, queued
  kFailure,   // login_failed, rejected
  kSent,      // delivery: accepted by the next hop outside the fleet, or delivered locally
  kDeferred,  // delivery: will be tried again
  kBounced,   // delivery: failed for good (5.x.x), the sender is told
  kExpired,   // delivery: given up after many deferrals
};

enum class FailureKind : uint8_t {
  kNone,
  kCredentials,  // wrong password, or the server wouldn't say more
  kUnknownUser,
  kDisabled,  // disabled, expired, locked
  kAborted,   // the client gave up, or never sent a password
  kPolicy,    // refused by policy or rate limit
  kInternal,  // the server's own trouble
};

// An enhanced status code (RFC 3463), 0.0.0 where none was given.
struct StatusCode {
  uint16_t klass = 0, subject = 0, detail = 0;
  bool operator==(const StatusCode&) const = default;
};

// A recipient: the domain (lower case) and a keyed hash of the whole canonical address; the address itself is dropped.
struct Recipient {
  std::string_view domain;
  uint64_t key = 0;
};

// All string_views are valid only during the call that hands the event over.
struct Event {
  Kind kind = Kind::kLogin;
  Service service = Service::kUnknown;
  Listener listener = Listener::kUnknown;
  Outcome outcome = Outcome::kNone;
  FailureKind failure = FailureKind::kNone;
  EventTime time;
  std::string_view account;   // canonical login; empty where the log names none
  IpAddress ip;               // the client's address; unspecified where unknown
  bool via_webmail = false;   // submission whose client is a configured webmail host: `ip` is that host's
  std::string_view client_name;  // the client's name as the server looked it up; empty or "unknown" where none
  uint16_t client_port = 0;
  std::string_view host;      // the machine that logged it
  std::string_view queue_id;  // the first queue id of the message in the fleet, as the submitting host gave it
  std::string_view method;    // SASL mechanism as logged, e.g. "PLAIN"
  std::string_view session;   // session id where the log gives one
  uint32_t recipients = 0;    // submission (where known at once), queued: how many; 0 is unknown
  uint64_t size_bytes = 0;    // queued, submission where known; 0 is unknown
  std::string_view sender_domain;  // of the envelope sender, lower case; empty for <> or unknown
  uint64_t sender_key = 0;         // keyed hash of the envelope sender; 0 is none
  std::span<const Recipient> recipient_list;  // delivery: exactly one; submission: where the log names them
  StatusCode status;          // delivery, rejected
  bool spam_refusal = false;  // delivery: the receiver's words or code say "spam", "blocked", "policy", "reputation"
  int32_t score_milli = 0;    // content verdict: score in thousandths
  uint16_t auth_ok = 0, auth_tried = 0, rcpt_ok = 0, rcpt_tried = 0;  // session counters
};

// Where an event came from: names a place in a stream for ever, so that a shard can drop what it has seen.
struct Origin {
  uint32_t stream = 0;      // index of the file in the run, or the connector's stream number
  uint64_t byte_offset = 0; // of the first byte of the line that completed the event
  uint32_t index = 0;       // among the events of that line
};

using EventSink = std::function<void(const Event&)>;

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_EVENT_H_
