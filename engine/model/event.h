// An event as the fold sees it. Values only: no protobuf, no I/O.
#ifndef SEKISHO_ENGINE_MODEL_EVENT_H_
#define SEKISHO_ENGINE_MODEL_EVENT_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/base/ip.h"
#include "engine/base/time.h"

namespace sekisho {

enum class EventKind : uint8_t {
  kLogin = 0,
  kLoginFailed = 1,
  kSubmission = 2,
  kQueued = 3,
  kDelivery = 4,
  kMailboxAccess = 5,
  kCredentialChanged = 6,
  kContentVerdict = 7,
  kComplaint = 8,
};
inline constexpr int kEventKinds = 9;

enum class Service : uint8_t { kUnknown = 0, kSmtp = 1, kImap = 2, kPop3 = 3, kWebmail = 4, kSieve = 5 };

enum class FailureKind : uint8_t {
  kNone = 0, kCredentials = 1, kUnknownUser = 2, kDisabled = 3, kAborted = 4, kPolicy = 5, kInternal = 6,
};

enum class DeliveryStatus : uint8_t { kNone = 0, kSent = 1, kDeferred = 2, kBounced = 3, kExpired = 4 };

// Where on the internet: filled in before the fold from geo data whose version is an input of the run.
struct Place {
  uint16_t country = 0;  // two ASCII letters, high byte first ("JP" = 0x4a50); 0 unknown
  uint32_t asn = 0;      // 0 unknown
  auto operator<=>(const Place&) const = default;
};

struct EventRecipient {
  std::string_view domain;
  uint64_t key = 0;
};

// Views are valid until the source's next batch.
struct Event {
  EventKind kind = EventKind::kLogin;
  Service service = Service::kUnknown;
  FailureKind failure = FailureKind::kNone;
  DeliveryStatus delivery = DeliveryStatus::kNone;
  bool via_webmail = false;   // the client was a trusted webmail host; the true source is the webmail login's
  bool spam_refusal = false;  // delivery: refused for spam, policy or reputation, not for an unknown recipient
  bool sent_by_webmail_log = false;  // submission told by the webmail's own log (service kWebmail), see AccountWindow
  EventTime time;
  std::string_view account;   // canonical login, never empty
  AccountId id;               // AccountId::FromLogin(account)
  IpAddress ip;               // unspecified: origin unknown
  Place place;                // of ip
  std::string_view host;
  uint32_t recipients = 0;    // submission, queued; 0 unknown
  uint64_t size_bytes = 0;
  uint64_t sender_key = 0;
  std::span<const EventRecipient> recipient_list;
  uint16_t status_class = 0, status_subject = 0, status_detail = 0;
  int32_t score_milli = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_EVENT_H_
