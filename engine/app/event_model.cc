#include "engine/app/event_model.h"

namespace sekisho::app {
namespace {

DeliveryStatus ToModel(connectors::Outcome outcome) {
  switch (outcome) {
    case connectors::Outcome::kSent: return DeliveryStatus::kSent;
    case connectors::Outcome::kDeferred: return DeliveryStatus::kDeferred;
    case connectors::Outcome::kBounced: return DeliveryStatus::kBounced;
    case connectors::Outcome::kExpired: return DeliveryStatus::kExpired;
    default: return DeliveryStatus::kNone;
  }
}

// The two enumerations name the same things in the same order; these asserts keep it so.
static_assert(static_cast<int>(connectors::Service::kSieve) == static_cast<int>(Service::kSieve));
static_assert(static_cast<int>(connectors::FailureKind::kInternal) == static_cast<int>(FailureKind::kInternal));

}  // namespace

std::optional<EventKind> FoldedKind(connectors::Kind kind) {
  switch (kind) {
    case connectors::Kind::kLogin: return EventKind::kLogin;
    case connectors::Kind::kLoginFailed: return EventKind::kLoginFailed;
    case connectors::Kind::kSubmission: return EventKind::kSubmission;
    case connectors::Kind::kQueued: return EventKind::kQueued;
    case connectors::Kind::kDelivery: return EventKind::kDelivery;
    case connectors::Kind::kMailboxAccess: return EventKind::kMailboxAccess;
    case connectors::Kind::kCredentialChanged: return EventKind::kCredentialChanged;
    case connectors::Kind::kContentVerdict: return EventKind::kContentVerdict;
    case connectors::Kind::kComplaint: return EventKind::kComplaint;
    // Our own refusals are never evidence against an account, and a session's counters say nothing that its commands
    // didn't.
    case connectors::Kind::kRejected:
    case connectors::Kind::kSession: break;
  }
  return std::nullopt;
}

void ToModel(const connectors::Event& from, EventKind kind, const GeoInfo& where, Event* to) {
  to->kind = kind;
  to->service = static_cast<Service>(from.service);
  to->failure = static_cast<FailureKind>(from.failure);
  to->delivery = kind == EventKind::kDelivery ? ToModel(from.outcome) : DeliveryStatus::kNone;
  to->via_webmail = from.via_webmail;
  to->spam_refusal = from.spam_refusal;
  to->sent_by_webmail_log = kind == EventKind::kSubmission && from.service == connectors::Service::kWebmail;
  to->time = from.time;
  to->account = from.account;
  to->id = AccountId::FromLogin(from.account);
  to->ip = from.ip;
  to->place = {where.country, where.asn};
  to->host = from.host;
  to->recipients = from.recipients;
  to->size_bytes = from.size_bytes;
  to->sender_key = from.sender_key;
  to->status_class = from.status.klass;
  to->status_subject = from.status.subject;
  to->status_detail = from.status.detail;
  to->score_milli = from.score_milli;
}

}  // namespace sekisho::app
