#include "bench/detection_service.h"

#include <optional>
#include <utility>
#include <variant>

namespace sekisho::bench {
namespace {

std::optional<EventKind> KindOf(connectors::Kind kind) {
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
    default: return std::nullopt;
  }
}

DeliveryStatus StatusOf(connectors::Outcome outcome) {
  switch (outcome) {
    case connectors::Outcome::kSent: return DeliveryStatus::kSent;
    case connectors::Outcome::kDeferred: return DeliveryStatus::kDeferred;
    case connectors::Outcome::kBounced: return DeliveryStatus::kBounced;
    case connectors::Outcome::kExpired: return DeliveryStatus::kExpired;
    default: return DeliveryStatus::kNone;
  }
}

constexpr std::string_view kRecipientKey = "bench";

connectors::Pipeline::Options PipelineOptions() {
  connectors::Pipeline::Options options;
  options.key = HashKey::FromPassphrase(kRecipientKey);
  // The webmail's address as the submission servers see it: the simulator's own, see its README.
  options.webmail.push_back(IpNetwork::Parse("10.20.0.30").value());
  return options;
}

}  // namespace

Service::Service(const simulate::SimulateOptions& options, const Policy& policy, const GeoDatabase& geo, PlainRules* rules,
                 FoldObserver* observer)
    : geo_(geo),
      rules_(rules),
      canonical_({}, HashKey::FromPassphrase(kRecipientKey)),
      pipeline_(PipelineOptions()),
      table_(AccountTableOptions{.memory_bytes_max = size_t{8} << 30}),
      shard_(ShardOptions{Hash128{options.seed, 1}, PartitionId{0}}, &policy, &table_),
      entities_(Hash128{options.seed, 1}, &shard_) {
  connectors::HeaderOptions header;
  header.zone = absl::FixedTimeZone(options.zone_minutes * 60);
  header.reference = options.start + Span::Days(options.days + 1);
  for (int i = 0; i < simulate::kLogFileCount; ++i) headers_.emplace_back(header);
  sink_ = [this](const connectors::Event& e) { OnEvent(e); };
  shard_.set_observer(observer);
  truth_.start = options.start;
  truth_.days = options.days;
  // Logs tell whole seconds, and clocks are at most half of the skew off.
  truth_.clock_error = Span::Seconds(1) + Span::Millis(static_cast<int64_t>(options.skew_seconds * 500));
}

absl::Status Service::Line(simulate::LogFile file, EventTime, std::string_view line) {
  const connectors::LogLine parsed = headers_[static_cast<size_t>(file)].Parse(line);
  std::string_view reason;
  pipeline_.Line(parsed, sink_, &reason);
  return status_;
}

absl::Status Service::Tell(EventTime, const simulate::Activity& activity) {
  if (const connectors::Event* event = activities_.Read(activity)) OnEvent(*event);
  return status_;
}

absl::Status Service::Abuse(std::string_view account, const simulate::AbusiveMessage& message) {
  truth_.accounts[std::string(account)].abuse.push_back({message.time, message.recipients});
  return absl::OkStatus();
}

absl::Status Service::Account(const simulate::AccountTruth& truth) {
  app::TruthAccount& account = truth_.accounts[truth.account];
  account.kind = std::string(simulate::KindName(truth.kind));
  if (truth.stolen) {
    account.attack = std::string(simulate::AttackName(truth.attack));
    account.compromised = truth.compromised;
  }
  accounts_.push_back(truth);
  return absl::OkStatus();
}

void Service::OnEvent(const connectors::Event& in) {
  const std::optional<EventKind> kind = KindOf(in.kind);
  if (!kind || in.account.empty() || !status_.ok()) return;
  Event e;
  e.kind = *kind;
  e.service = static_cast<sekisho::Service>(in.service);
  e.failure = static_cast<FailureKind>(in.failure);
  e.delivery = *kind == EventKind::kDelivery ? StatusOf(in.outcome) : DeliveryStatus::kNone;
  e.via_webmail = in.via_webmail;
  e.spam_refusal = in.spam_refusal;
  e.sent_by_webmail_log = *kind == EventKind::kSubmission && in.service == connectors::Service::kWebmail;
  e.time = in.time;
  e.account = in.account;
  e.id = AccountId::FromLogin(in.account);
  e.ip = in.ip;
  if (!in.ip.unspecified()) {
    const GeoInfo info = geo_.Lookup(in.ip);
    e.place = {info.country, info.asn};
  }
  e.host = in.host;
  e.recipients = in.recipients;
  e.size_bytes = in.size_bytes;
  e.sender_key = in.sender_key;
  recipients_.clear();
  for (const connectors::Recipient& r : in.recipient_list) recipients_.push_back({r.domain, r.key});
  e.recipient_list = recipients_;
  e.status_class = in.status.klass;
  e.status_subject = in.status.subject;
  e.status_detail = in.status.detail;
  e.score_milli = in.score_milli;
  ++events_;
  if (rules_ != nullptr) rules_->OnEvent(e);
  status_.Update(shard_.Tick(e.time, Offset{offset_++}, &actions_));
  status_.Update(shard_.Fold(e, Offset{offset_++}, &actions_).status());
  status_.Update(entities_.Settle());
}

std::vector<app::ScoredAction> ToScored(const std::vector<Action>& actions) {
  std::vector<app::ScoredAction> scored;
  for (const Action& a : actions) {
    if (a.mode == Mode::kShadow) continue;
    std::string why(a.rule);
    for (const Signal& s : a.signals) why += " " + std::string(Name(s.detector));
    scored.push_back({a.account, a.kind, a.time, a.expires, std::move(why), a.rule == "renewed"});
  }
  return scored;
}

}  // namespace sekisho::bench
