// The simulator's activities as the plain events that connectors::Pipeline makes of the simulator's lines, so that a
// measurement needs no text. tests/activities holds the two equal, one by one.
#ifndef SEKISHO_BENCH_SIMULATED_EVENTS_H_
#define SEKISHO_BENCH_SIMULATED_EVENTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "connectors/common/canonical.h"
#include "connectors/common/event.h"
#include "engine/simulate/simulate.h"

namespace sekisho::bench {

// Events that name an account, without what nothing is decided by: names and ports of clients, methods, session and
// queue ids. Thread-compatible.
class SimulatedEvents {
 public:
  // `canonicalizer` must outlive this.
  explicit SimulatedEvents(const connectors::Canonicalizer* canonicalizer) : canonicalizer_(*canonicalizer) {}

  // Valid until the next call; null for what the pipeline counts once: the webmail's own logins at the mailbox server, of
  // which the webmail's log tells.
  const connectors::Event* Read(const simulate::Activity& a) {
    using simulate::ActivityKind;
    using simulate::ActivityService;
    const bool by_webmail = a.service == ActivityService::kWebmail;
    const bool webmail_host = !by_webmail && a.ip == webmail_;
    const bool login = a.kind == ActivityKind::kLogin || a.kind == ActivityKind::kLoginFailed;
    if (webmail_host && login && a.service != ActivityService::kSmtp) return nullptr;
    event_ = connectors::Event();
    event_.kind = KindOf(a.kind);
    event_.service = static_cast<connectors::Service>(a.service);
    event_.time = a.time;
    event_.account = a.account;
    event_.ip = a.ip;
    event_.via_webmail = webmail_host;
    if (!by_webmail) event_.host = simulate::HostName(a.file);
    event_.recipients = a.recipients;
    event_.size_bytes = a.size_bytes;
    event_.outcome = OutcomeOf(a);
    if (a.kind == ActivityKind::kLoginFailed) {
      event_.failure = a.unknown_user ? connectors::FailureKind::kUnknownUser : connectors::FailureKind::kCredentials;
    }
    event_.status = {a.status.klass, a.status.subject, a.status.detail};
    event_.spam_refusal = a.spam_refusal;
    if (!a.sender.empty()) {
      const connectors::Recipient sender = canonicalizer_.Address(a.sender, &sender_domain_);
      event_.sender_domain = sender.domain;
      event_.sender_key = sender.key;
    }
    // Before any view into them is taken.
    if (domains_.size() < a.recipient_list.size()) domains_.resize(a.recipient_list.size());
    recipients_.clear();
    for (const std::string_view address : a.recipient_list) {
      recipients_.push_back(canonicalizer_.Address(address, &domains_[recipients_.size()]));
    }
    event_.recipient_list = recipients_;
    return &event_;
  }

 private:
  static connectors::Kind KindOf(simulate::ActivityKind kind) {
    switch (kind) {
      case simulate::ActivityKind::kLogin: return connectors::Kind::kLogin;
      case simulate::ActivityKind::kLoginFailed: return connectors::Kind::kLoginFailed;
      case simulate::ActivityKind::kSubmission: return connectors::Kind::kSubmission;
      case simulate::ActivityKind::kQueued: return connectors::Kind::kQueued;
      case simulate::ActivityKind::kDelivery: return connectors::Kind::kDelivery;
      case simulate::ActivityKind::kMailboxAccess: return connectors::Kind::kMailboxAccess;
    }
    return connectors::Kind::kSession;
  }

  static connectors::Outcome OutcomeOf(const simulate::Activity& a) {
    switch (a.kind) {
      case simulate::ActivityKind::kLoginFailed: return connectors::Outcome::kFailure;
      case simulate::ActivityKind::kMailboxAccess: return connectors::Outcome::kNone;
      case simulate::ActivityKind::kDelivery: break;
      default: return connectors::Outcome::kSuccess;
    }
    switch (a.outcome) {
      case simulate::ActivityOutcome::kSent: return connectors::Outcome::kSent;
      case simulate::ActivityOutcome::kDeferred: return connectors::Outcome::kDeferred;
      case simulate::ActivityOutcome::kBounced: return connectors::Outcome::kBounced;
      case simulate::ActivityOutcome::kNone: break;
    }
    return connectors::Outcome::kNone;
  }

  const connectors::Canonicalizer& canonicalizer_;
  const IpAddress webmail_ = IpAddress::FromV4(0x0a14001e);  // 10.20.0.30, see engine/simulate/README.md
  connectors::Event event_;
  std::string sender_domain_;
  std::vector<std::string> domains_;
  std::vector<connectors::Recipient> recipients_;
};

}  // namespace sekisho::bench

#endif  // SEKISHO_BENCH_SIMULATED_EVENTS_H_
