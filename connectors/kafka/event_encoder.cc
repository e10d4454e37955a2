#include "connectors/kafka/event_encoder.h"

#include <utility>

namespace sekisho::connectors {
namespace {

// The lowest schema that a reader must know for what is written here; see Event.schema_min.
constexpr uint32_t kSchemaMin = 1;

// Ours and the wire's number these alike.
static_assert(static_cast<int>(Service::kSieve) == v1::SERVICE_SIEVE && v1::Service_MAX == v1::SERVICE_SIEVE);
static_assert(static_cast<int>(Listener::kPort587) == v1::LISTENER_PORT587 && v1::Listener_MAX == v1::LISTENER_PORT587);
static_assert(static_cast<int>(FailureKind::kInternal) == v1::FAILURE_KIND_INTERNAL);

void PutAddress(const IpAddress& ip, std::string* out) {
  if (ip.unspecified()) return;
  const auto& bytes = ip.bytes();
  out->assign(bytes.begin() + (ip.is_v4() ? 12 : 0), bytes.end());
}

void PutRecipient(const Recipient& recipient, v1::Recipient* out) {
  out->set_domain(recipient.domain.data(), recipient.domain.size());
  out->set_key(recipient.key);
}

template <typename List>
void PutRecipients(const Event& event, List* list) {
  size_t bytes = 0;
  for (const Recipient& recipient : event.recipient_list) {
    bytes += recipient.domain.size() + 16;
    if (bytes > kRecipientListBytesMax || list->size() == kRecipientListMax) return;
    PutRecipient(recipient, list->Add());
  }
}

v1::DeliveryStatus ToWire(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSent: return v1::DELIVERY_STATUS_SENT;
    case Outcome::kDeferred: return v1::DELIVERY_STATUS_DEFERRED;
    case Outcome::kBounced: return v1::DELIVERY_STATUS_BOUNCED;
    case Outcome::kExpired: return v1::DELIVERY_STATUS_EXPIRED;
    case Outcome::kNone:
    case Outcome::kSuccess:
    case Outcome::kFailure: break;
  }
  return v1::DELIVERY_STATUS_UNSPECIFIED;
}

void PutQueueId(const Event& event, auto* body) { body->set_queue_id(event.queue_id.data(), event.queue_id.size()); }

void PutMessage(const Event& event, auto* body) {
  body->set_recipients(event.recipients);
  body->set_size_bytes(event.size_bytes);
  body->set_sender_key(event.sender_key);
  PutQueueId(event, body);
  PutRecipients(event, body->mutable_recipient_list());
}

// False for kinds that no engine is told of.
bool PutBody(const Event& event, v1::Event* out) {
  switch (event.kind) {
    case Kind::kLogin:
    case Kind::kLoginFailed: {
      v1::Authentication* body = out->mutable_authentication();
      body->set_success(event.kind == Kind::kLogin);
      body->set_method(event.method.data(), event.method.size());
      if (event.kind == Kind::kLogin) return true;
      // A failure has a kind on the wire; an unexplained one is the common one.
      body->set_failure(event.failure == FailureKind::kNone ? v1::FAILURE_KIND_CREDENTIALS
                                                            : static_cast<v1::FailureKind>(event.failure));
      return true;
    }
    case Kind::kSubmission: {
      v1::Submission* body = out->mutable_submission();
      PutMessage(event, body);
      body->set_told_by_webmail(event.service == Service::kWebmail);
      return true;
    }
    case Kind::kQueued:
      PutMessage(event, out->mutable_queued());
      return true;
    case Kind::kDelivery: {
      v1::Delivery* body = out->mutable_delivery();
      body->set_status(ToWire(event.outcome));
      body->set_spam_refusal(event.spam_refusal);
      if (event.status.klass != 0) {
        body->mutable_code()->set_klass(event.status.klass);
        body->mutable_code()->set_subject(event.status.subject);
        body->mutable_code()->set_detail(event.status.detail);
      }
      if (!event.recipient_list.empty()) PutRecipient(event.recipient_list.front(), body->mutable_recipient());
      PutQueueId(event, body);
      return true;
    }
    case Kind::kMailboxAccess:
      out->mutable_mailbox_access();
      return true;
    case Kind::kCredentialChanged:
      out->mutable_credential_changed();
      return true;
    case Kind::kContentVerdict:
      out->mutable_content_verdict()->set_score_milli(event.score_milli);
      PutQueueId(event, out->mutable_content_verdict());
      return true;
    case Kind::kComplaint:
      PutQueueId(event, out->mutable_complaint());
      return true;
    case Kind::kRejected:
    case Kind::kSession:
      break;
  }
  return false;
}

}  // namespace

EventEncoder::EventEncoder(ConnectorName connector) : connector_(std::move(connector)) {}

bool EventEncoder::Encode(const Event& event, const Origin& origin, std::string* bytes) {
  bytes->clear();
  if (event.account.empty()) return false;
  record_.Clear();
  v1::Event* out = record_.mutable_event();
  if (!PutBody(event, out)) return false;
  out->set_account(event.account.data(), event.account.size());
  PutAddress(event.ip, out->mutable_ip());
  out->set_time_ms(event.time.millis());
  out->set_host(event.host.data(), event.host.size());
  out->set_service(static_cast<v1::Service>(event.service));
  out->set_listener(static_cast<v1::Listener>(event.listener));
  out->set_via_webmail(event.via_webmail);
  out->set_client_name(event.client_name.data(), event.client_name.size());
  out->set_client_port(event.client_port);
  out->set_session(event.session.data(), event.session.size());
  out->set_schema_min(kSchemaMin);
  v1::Origin* from = out->mutable_origin();
  from->set_connector(connector_.name);
  from->set_epoch(connector_.epoch);
  from->set_stream(origin.stream);
  from->set_byte_position(origin.byte_offset);
  from->set_index(origin.index);
  record_.AppendToString(bytes);
  return true;
}

EventTime EventEncoder::TimeOf(std::string_view bytes) {
  if (!record_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !record_.has_event()) return EventTime::Never();
  return EventTime::FromMillis(record_.event().time_ms());
}

void EventEncoder::EncodeHeartbeat(EventTime time, std::string* bytes) {
  bytes->clear();
  record_.Clear();
  record_.mutable_control()->mutable_heartbeat()->set_time_ms(time.millis());
  record_.AppendToString(bytes);
}

}  // namespace sekisho::connectors
