#include "bench/detection_service.h"

#include <optional>
#include <utility>

#include "engine/app/event_model.h"

namespace sekisho::bench {
namespace {

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
  const std::optional<EventKind> kind = app::FoldedKind(in.kind);
  if (!kind || in.account.empty() || !status_.ok()) return;
  Event e;
  app::ToModel(in, *kind, in.ip.unspecified() ? GeoInfo() : geo_.Lookup(in.ip), &e);
  recipients_.clear();
  for (const connectors::Recipient& r : in.recipient_list) recipients_.push_back({r.domain, r.key});
  e.recipient_list = recipients_;
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
