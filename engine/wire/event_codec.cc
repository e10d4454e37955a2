#include "engine/wire/event_codec.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/wire/address.h"

namespace sekisho::wire {
namespace {

absl::Status UnknownEvent(std::string_view field, int value) {
  return absl::UnimplementedError(absl::StrCat("event.", std::string(field), ": value ", value, " is not known to schema ", kSchema));
}

absl::Status WrongEvent(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("event.", std::string(field), ": ", std::string(what)));
}

// Model and wire number these three alike.
static_assert(static_cast<int>(Service::kSieve) == v1::SERVICE_SIEVE && v1::Service_MAX == v1::SERVICE_SIEVE);
static_assert(static_cast<int>(FailureKind::kInternal) == v1::FAILURE_KIND_INTERNAL &&
              v1::FailureKind_MAX == v1::FAILURE_KIND_INTERNAL);
static_assert(static_cast<int>(DeliveryStatus::kExpired) == v1::DELIVERY_STATUS_EXPIRED &&
              v1::DeliveryStatus_MAX == v1::DELIVERY_STATUS_EXPIRED);

template <typename List>
absl::Status TakeRecipients(std::string_view field, const List& list, EventBuffer* buffer) {
  if (list.size() > kRecipientListMax) {
    return absl::ResourceExhaustedError(absl::StrCat("event.", std::string(field), ": ", list.size(), " recipients"));
  }
  for (const v1::Recipient& r : list) buffer->recipients.push_back({r.domain(), r.key()});
  return absl::OkStatus();
}

absl::Status TakeDelivery(const v1::Delivery& in, EventBuffer* buffer, Event* event) {
  event->kind = EventKind::kDelivery;
  if (!v1::DeliveryStatus_IsValid(in.status())) return UnknownEvent("delivery.status", in.status());
  event->delivery = static_cast<DeliveryStatus>(in.status());
  const v1::EnhancedStatus& code = in.code();
  if (code.klass() > 999 || code.subject() > 999 || code.detail() > 999) return WrongEvent("delivery.code", "beyond 999");
  event->status_class = static_cast<uint16_t>(code.klass());
  event->status_subject = static_cast<uint16_t>(code.subject());
  event->status_detail = static_cast<uint16_t>(code.detail());
  event->spam_refusal = in.spam_refusal();
  if (in.has_recipient()) buffer->recipients.push_back({in.recipient().domain(), in.recipient().key()});
  return absl::OkStatus();
}

absl::Status TakeAuthentication(const v1::Authentication& in, Event* event) {
  if (!v1::FailureKind_IsValid(in.failure())) return UnknownEvent("authentication.failure", in.failure());
  if (in.success() != (in.failure() == v1::FAILURE_KIND_UNSPECIFIED)) {
    return WrongEvent("authentication.failure", "must be given exactly when the login failed");
  }
  event->kind = in.success() ? EventKind::kLogin : EventKind::kLoginFailed;
  event->failure = static_cast<FailureKind>(in.failure());
  return absl::OkStatus();
}

absl::Status TakeBody(const v1::Event& in, EventBuffer* buffer, Event* event) {
  switch (in.body_case()) {
    case v1::Event::kAuthentication:
      return TakeAuthentication(in.authentication(), event);
    case v1::Event::kSubmission:
      event->kind = EventKind::kSubmission;
      event->recipients = in.submission().recipients();
      event->size_bytes = in.submission().size_bytes();
      event->sender_key = in.submission().sender_key();
      event->sent_by_webmail_log = in.submission().told_by_webmail();
      return TakeRecipients("submission.recipient_list", in.submission().recipient_list(), buffer);
    case v1::Event::kQueued:
      event->kind = EventKind::kQueued;
      event->recipients = in.queued().recipients();
      event->size_bytes = in.queued().size_bytes();
      event->sender_key = in.queued().sender_key();
      return TakeRecipients("queued.recipient_list", in.queued().recipient_list(), buffer);
    case v1::Event::kDelivery:
      return TakeDelivery(in.delivery(), buffer, event);
    case v1::Event::kMailboxAccess:
      event->kind = EventKind::kMailboxAccess;
      return absl::OkStatus();
    case v1::Event::kCredentialChanged:
      event->kind = EventKind::kCredentialChanged;
      return absl::OkStatus();
    case v1::Event::kContentVerdict:
      event->kind = EventKind::kContentVerdict;
      event->score_milli = in.content_verdict().score_milli();
      return absl::OkStatus();
    case v1::Event::kComplaint:
      event->kind = EventKind::kComplaint;
      return absl::OkStatus();
    case v1::Event::BODY_NOT_SET:
      break;
  }
  return absl::UnimplementedError(absl::StrCat("event.body: absent, or of a kind that schema ", kSchema, " does not know"));
}

template <typename List>
void PutRecipients(const Event& event, List* list) {
  for (const EventRecipient& r : event.recipient_list) {
    v1::Recipient* out = list->Add();
    out->set_domain(std::string(r.domain));
    out->set_key(r.key);
  }
}

void PutBody(const Event& event, v1::Event* out) {
  switch (event.kind) {
    case EventKind::kLogin:
      out->mutable_authentication()->set_success(true);
      return;
    case EventKind::kLoginFailed:
      // A failure must have a kind on the wire; an unexplained one is the common one.
      out->mutable_authentication()->set_failure(event.failure == FailureKind::kNone
                                                     ? v1::FAILURE_KIND_CREDENTIALS
                                                     : static_cast<v1::FailureKind>(event.failure));
      return;
    case EventKind::kSubmission: {
      v1::Submission* s = out->mutable_submission();
      s->set_recipients(event.recipients);
      s->set_size_bytes(event.size_bytes);
      s->set_sender_key(event.sender_key);
      s->set_told_by_webmail(event.sent_by_webmail_log);
      PutRecipients(event, s->mutable_recipient_list());
      return;
    }
    case EventKind::kQueued: {
      v1::Queued* q = out->mutable_queued();
      q->set_recipients(event.recipients);
      q->set_size_bytes(event.size_bytes);
      q->set_sender_key(event.sender_key);
      PutRecipients(event, q->mutable_recipient_list());
      return;
    }
    case EventKind::kDelivery: {
      v1::Delivery* d = out->mutable_delivery();
      d->set_status(static_cast<v1::DeliveryStatus>(event.delivery));
      d->set_spam_refusal(event.spam_refusal);
      if (event.status_class != 0) {
        d->mutable_code()->set_klass(event.status_class);
        d->mutable_code()->set_subject(event.status_subject);
        d->mutable_code()->set_detail(event.status_detail);
      }
      if (!event.recipient_list.empty()) {
        d->mutable_recipient()->set_domain(std::string(event.recipient_list.front().domain));
        d->mutable_recipient()->set_key(event.recipient_list.front().key);
      }
      return;
    }
    case EventKind::kMailboxAccess:
      out->mutable_mailbox_access();
      return;
    case EventKind::kCredentialChanged:
      out->mutable_credential_changed();
      return;
    case EventKind::kContentVerdict:
      out->mutable_content_verdict()->set_score_milli(event.score_milli);
      return;
    case EventKind::kComplaint:
      out->mutable_complaint();
      return;
  }
}

}  // namespace

absl::Status DecodeEvent(std::string_view bytes, EventBuffer* buffer, Event* event) {
  if (bytes.size() > kEventBytesMax) return absl::ResourceExhaustedError(absl::StrCat("event: ", bytes.size(), " bytes"));
  if (!buffer->message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return WrongEvent("", "not a sekisho.v1.Event");
  return TakeEvent(buffer->message, buffer, event);
}

absl::Status TakeEvent(const v1::Event& in, EventBuffer* buffer, Event* event) {
  buffer->recipients.clear();
  if (in.schema_min() > kSchema) {
    return absl::UnimplementedError(absl::StrCat("event.schema_min: needs schema ", in.schema_min(), ", this version knows ", kSchema));
  }
  if (in.account().empty()) return WrongEvent("account", "empty");
  if (in.account().size() > kAccountBytesMax) {
    return absl::ResourceExhaustedError(absl::StrCat("event.account: ", in.account().size(), " bytes"));
  }
  if (in.time_ms() <= 0 || in.time_ms() > kTimeMsMax) return WrongEvent("time_ms", "not within the years 1970 to 9999");
  if (!v1::Service_IsValid(in.service())) return UnknownEvent("service", in.service());
  if (!v1::Listener_IsValid(in.listener())) return UnknownEvent("listener", in.listener());
  const std::optional<IpAddress> ip = AddressFromBytes(in.ip());
  if (!ip) return WrongEvent("ip", absl::StrCat(in.ip().size(), " bytes, neither 4 nor 16"));

  *event = Event{};
  event->service = static_cast<Service>(in.service());
  event->via_webmail = in.via_webmail();
  event->time = EventTime::FromMillis(in.time_ms());
  event->account = in.account();
  event->id = AccountId::FromLogin(event->account);
  event->ip = *ip;
  event->host = in.host();
  if (absl::Status s = TakeBody(in, buffer, event); !s.ok()) return s;
  event->recipient_list = buffer->recipients;
  return absl::OkStatus();
}

void EncodeEvent(const Event& event, v1::Event* message) {
  message->Clear();
  message->set_schema_min(1);
  message->set_account(std::string(event.account));
  message->set_ip(BytesOf(event.ip));
  message->set_time_ms(event.time.millis());
  message->set_host(std::string(event.host));
  message->set_service(static_cast<v1::Service>(event.service));
  message->set_via_webmail(event.via_webmail);
  PutBody(event, message);
}

}  // namespace sekisho::wire
