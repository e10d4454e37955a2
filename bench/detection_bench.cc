// How many stolen accounts are found, how soon, and how many owners are wronged: simulated populations over many seeds,
// fed line by line through the shipped parsers and the shipped fold, and compared with the truth.
//
//   detection_bench --geo deploy/geo/country.mmdb --accounts 20000 --days 4 --seeds 1,2,3 [--verbose 1]
//
// A message counts as escaped when no suspension stood at its time: one stands from its action + 2 s (the way to the mail
// hosts) until it expires.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/common/canonical.h"
#include "connectors/common/syslog.h"
#include "connectors/ingest/dovecot/dovecot.h"
#include "connectors/ingest/postfix/postfix.h"
#include "connectors/ingest/roundcube/roundcube.h"
#include "engine/cluster/local_entities.h"
#include "engine/geo/geo.h"
#include "engine/shard/shard.h"
#include "engine/simulate/simulate.h"

namespace sekisho {
namespace {

constexpr Span kWayToTheHosts = Span::Seconds(2);
// Log lines tell whole seconds, the truth milliseconds.
constexpr Span kLogResolution = Span::Seconds(1);

// By kind of attack. Vectors: of suspended accounts; recipients, and seconds since the first abusive message.
struct Score {
  std::vector<double> escaped, seconds;
  int stolen = 0, suspended = 0;
};

// By kind of owner: accounts, and how many of them were told, slowed, stopped without a thief.
struct Wronged {
  uint64_t accounts = 0, notified = 0, throttled = 0, suspended = 0;
};

double Percentile(std::vector<double> v, double p) {
  if (v.empty()) return NAN;
  std::sort(v.begin(), v.end());
  return v[static_cast<size_t>(p * static_cast<double>(v.size() - 1) + 0.5)];
}

std::string Str(std::string_view s) { return std::string(s); }

// Keeps, for each action, what else was known when it was taken.
class Circumstances final : public FoldObserver {
 public:
  void OnEvent(const Event& event, const AccountWindow& account, const Features& f, std::span<const Signal>, const Risk&,
               const Action* action) override {
    if (action == nullptr) return;
    static constexpr const char* kNames[] = {"known", "near", "far", "nowhere"};
    std::string countries;
    for (const Habit& h : account.countries) {
      countries += std::string{static_cast<char>(h.key >> 8), static_cast<char>(h.key)} + std::to_string(h.reads) + " ";
    }
    of_[action->id] = countries + Str(kNames[static_cast<size_t>(f.familiarity)]) + (f.stray ? " stray" : "") + (f.young ? " young" : "") +
                      (f.reads_mail ? " reads" : "") + " age " + FormatSpan(event.time - account.first_seen) + " sources24h " +
                      std::to_string(f.sources_24h) + " places " + std::to_string(account.places.size()) + " usual_new " +
                      std::to_string(f.usual_new_percent) + " new1h " + std::to_string(f.stray_new_recipients_1h) + "/" +
                      std::to_string(f.stray_judged_1h);
  }
  void OnTimer(const AccountWindow&, const Action&) override {}
  std::string Of(const Action& a) const {
    const auto it = of_.find(a.id);
    return it == of_.end() ? "" : it->second;
  }

 private:
  std::map<Hash128, std::string> of_;
};

// Both sinks of the simulator in one: lines are folded as they are made.
class Run final : public simulate::LogSink, public simulate::TruthSink {
 public:
  Run(const simulate::SimulateOptions& options, const Policy& policy, const GeoDatabase* geo, const std::string& webmail_host)
      : geo_(geo),
        canonical_({}, HashKey::FromPassphrase("bench")),
        postfix_(connectors::MakePostfixParser(&canonical_, {})),
        dovecot_(connectors::MakeDovecotParser(&canonical_)),
        roundcube_(connectors::MakeRoundcubeParser(&canonical_, {})),
        webmail_(IpAddress::Parse(webmail_host)),
        shard_(ShardOptions{Hash128{options.seed, 1}, PartitionId{0}}, &policy, &table_),
        entities_(Hash128{options.seed, 1}, &shard_) {
    connectors::HeaderOptions header;
    header.zone = absl::FixedTimeZone(options.zone_minutes * 60);
    header.reference = options.start + Span::Days(options.days + 1);
    for (int i = 0; i < simulate::kLogFileCount; ++i) headers_.emplace_back(header);
    sink_ = [this](const connectors::Event& e) { OnEvent(e); };
    shard_.set_observer(&circumstances_);
  }

  absl::Status Line(simulate::LogFile file, EventTime, std::string_view line) override {
    const connectors::LogLine parsed = headers_[static_cast<size_t>(file)].Parse(line);
    std::string_view reason;
    connectors::Parser* const parsers[] = {postfix_.get(), dovecot_.get(), roundcube_.get()};
    for (connectors::Parser* p : parsers) {
      if (p->Parse(parsed, sink_, &reason) != connectors::ParseResult::kNotMine) break;
    }
    return status_;
  }
  absl::Status Abuse(std::string_view account, const simulate::AbusiveMessage& m) override {
    abuse_[Str(account)].push_back(m);
    return absl::OkStatus();
  }
  absl::Status Account(const simulate::AccountTruth& truth) override {
    truth_.push_back(truth);
    return absl::OkStatus();
  }

  void Tell(std::map<std::string, Score>* scores, std::map<std::string, Wronged>* wronged, bool verbose) const {
    std::map<std::string, std::vector<const Action*>> by_account;
    for (const Action& a : actions_) by_account[a.account].push_back(&a);
    for (const simulate::AccountTruth& t : truth_) {
      const std::vector<const Action*>& actions = by_account[t.account];
      TellOwner(t, actions, &(*wronged)[Str(simulate::KindName(t.kind))], verbose);
      const auto messages = abuse_.find(t.account);
      if (!t.stolen || messages == abuse_.end()) continue;
      TellThief(t, actions, messages->second, &(*scores)[Str(simulate::AttackName(t.attack))], verbose);
    }
  }

 private:
  // Of a stolen account, what happened before the thief came counts.
  void TellOwner(const simulate::AccountTruth& t, const std::vector<const Action*>& actions, Wronged* w, bool verbose) const {
    ++w->accounts;
    bool told[5] = {};
    for (const Action* a : actions) {
      if (t.stolen && a->time + kLogResolution > t.compromised) break;
      bool& before = told[static_cast<size_t>(a->kind)];
      if (verbose && !before && a->kind >= ActionKind::kNotify && a->kind <= ActionKind::kSuspend) Print("OWNER", t, *a);
      before = true;
    }
    w->notified += told[1] || told[2] || told[3];
    w->throttled += told[2] || told[3];
    w->suspended += told[3];
  }

  void TellThief(const simulate::AccountTruth& t, const std::vector<const Action*>& actions,
                        const std::vector<simulate::AbusiveMessage>& messages, Score* s, bool verbose) const {
    ++s->stolen;
    const Action* first = nullptr;
    for (const Action* a : actions) {
      if (a->kind == ActionKind::kSuspend && a->time + kLogResolution > t.compromised && first == nullptr) first = a;
    }
    double escaped = 0;
    for (const simulate::AbusiveMessage& m : messages) {
      bool stopped = false;
      for (const Action* a : actions) {
        stopped |= a->kind == ActionKind::kSuspend && m.time >= a->time + kWayToTheHosts && m.time < a->expires;
      }
      if (!stopped) escaped += m.recipients;
    }
    if (first != nullptr) {
      ++s->suspended;
      s->escaped.push_back(escaped);
      s->seconds.push_back(static_cast<double>((first->time - t.first_abuse).millis()) / 1000.0);
      if (verbose && escaped > 60) Print("LEAK " + std::to_string(static_cast<int>(escaped)), t, *first);
    } else if (verbose) {
      std::printf("MISSED %s %s %s from %s: %u messages, %lu recipients, %u addresses, %u countries\n", t.account.c_str(),
                  Str(simulate::KindName(t.kind)).c_str(), Str(simulate::AttackName(t.attack)).c_str(),
                  FormatRfc3339(t.first_abuse).c_str(), t.messages, static_cast<unsigned long>(t.recipients), t.addresses,
                  t.countries);
      for (const Action* a : actions) Print("   had", t, *a);
    }
  }

  void Print(const std::string& what, const simulate::AccountTruth& t, const Action& a) const {
    std::printf("%s %s %s %s: %s %s by %s risk %d, %lu messages since onset, ip %s:", what.c_str(), t.account.c_str(),
                Str(simulate::KindName(t.kind)).c_str(), t.stolen ? Str(simulate::AttackName(t.attack)).c_str() : "-",
                FormatRfc3339(a.time).c_str(), Str(Name(a.kind)).c_str(), Str(a.rule).c_str(), a.risk,
                static_cast<unsigned long>(a.messages_since_onset), a.ip.c_str());
    for (const Signal& s : a.signals) {
      std::printf(" %s=%d(", Str(Name(s.detector)).c_str(), s.score);
      for (const Evidence& e : s.evidence) {
        std::printf("%s %ld/%ld ", Str(e.feature).c_str(), static_cast<long>(e.value), static_cast<long>(e.threshold));
      }
      std::printf(")");
    }
    std::printf(" [%s]\n", circumstances_.Of(a).c_str());
  }

  void OnEvent(const connectors::Event& in) {
    Event e;
    switch (in.kind) {
      case connectors::Kind::kLogin: e.kind = EventKind::kLogin; break;
      case connectors::Kind::kLoginFailed: e.kind = EventKind::kLoginFailed; break;
      case connectors::Kind::kSubmission: e.kind = EventKind::kSubmission; break;
      case connectors::Kind::kQueued: e.kind = EventKind::kQueued; break;
      case connectors::Kind::kDelivery: e.kind = EventKind::kDelivery; break;
      case connectors::Kind::kMailboxAccess: e.kind = EventKind::kMailboxAccess; break;
      default: return;
    }
    if (in.account.empty()) return;
    e.service = static_cast<Service>(in.service);
    e.failure = static_cast<FailureKind>(in.failure);
    switch (in.outcome) {
      case connectors::Outcome::kSent: e.delivery = DeliveryStatus::kSent; break;
      case connectors::Outcome::kDeferred: e.delivery = DeliveryStatus::kDeferred; break;
      case connectors::Outcome::kBounced: e.delivery = DeliveryStatus::kBounced; break;
      case connectors::Outcome::kExpired: e.delivery = DeliveryStatus::kExpired; break;
      default: break;
    }
    e.via_webmail = webmail_ && in.ip == *webmail_;
    e.spam_refusal = in.spam_refusal;
    e.time = in.time;
    e.account = in.account;
    e.id = AccountId::FromLogin(in.account);
    e.ip = in.ip;
    if (!in.ip.unspecified()) {
      const GeoInfo info = geo_->Lookup(in.ip);
      e.place = {info.country, info.asn};
    }
    e.recipients = in.recipients;
    e.size_bytes = in.size_bytes;
    recipients_.clear();
    for (const connectors::Recipient& r : in.recipient_list) recipients_.push_back({r.domain, r.key});
    e.recipient_list = recipients_;
    status_.Update(shard_.Tick(e.time, Offset{offset_++}, &actions_));
    status_.Update(shard_.Fold(e, Offset{offset_++}, &actions_).status());
    status_.Update(entities_.Settle());
  }

  const GeoDatabase* const geo_;
  connectors::Canonicalizer canonical_;
  std::unique_ptr<connectors::PostfixParser> postfix_;
  std::unique_ptr<connectors::Parser> dovecot_, roundcube_;
  std::vector<connectors::HeaderParser> headers_;
  const std::optional<IpAddress> webmail_;
  connectors::EventSink sink_;
  std::vector<EventRecipient> recipients_;
  Circumstances circumstances_;
  AccountTable table_;
  Shard shard_;
  LocalEntities entities_;
  int64_t offset_ = 0;
  absl::Status status_;
  std::vector<Action> actions_;
  std::map<std::string, std::vector<simulate::AbusiveMessage>> abuse_;
  std::vector<simulate::AccountTruth> truth_;
};

// The summary of any run names the webmail's address; one account's single day is soon made.
std::string WebmailHost() {
  class Nothing final : public simulate::LogSink, public simulate::TruthSink {
    absl::Status Line(simulate::LogFile, EventTime, std::string_view) override { return absl::OkStatus(); }
    absl::Status Abuse(std::string_view, const simulate::AbusiveMessage&) override { return absl::OkStatus(); }
    absl::Status Account(const simulate::AccountTruth&) override { return absl::OkStatus(); }
  } nothing;
  simulate::SimulateOptions options;
  options.accounts = 100;
  options.days = 1;
  simulate::SimulateSummary summary;
  return simulate::SimulateTo(options, &nothing, &nothing, &summary).ok() ? summary.webmail_host : "";
}

void PrintTables(const std::map<std::string, Score>& scores, const std::map<std::string, Wronged>& wronged, uint32_t days) {
  std::printf("%-16s %7s %9s %7s %9s %9s %9s %9s\n", "attack", "stolen", "suspended", "recall", "esc.p50", "esc.p95", "sec.p50",
              "sec.p95");
  const auto row = [](const std::string& name, const Score& s) {
    std::printf("%-16s %7d %9d %6.1f%% %9.0f %9.0f %9.0f %9.0f\n", name.c_str(), s.stolen, s.suspended,
                s.stolen == 0 ? 0 : 100.0 * s.suspended / s.stolen, Percentile(s.escaped, 0.5), Percentile(s.escaped, 0.95),
                Percentile(s.seconds, 0.5), Percentile(s.seconds, 0.95));
  };
  Score all;
  for (const auto& [name, s] : scores) {
    row(name, s);
    all.stolen += s.stolen;
    all.suspended += s.suspended;
    all.escaped.insert(all.escaped.end(), s.escaped.begin(), s.escaped.end());
    all.seconds.insert(all.seconds.end(), s.seconds.begin(), s.seconds.end());
  }
  row("all", all);
  std::printf("%-16s %9s %9s %9s %9s\n", "owner", "accounts", "notified", "throttled", "suspended");
  Wronged total;
  for (const auto& [name, w] : wronged) {
    std::printf("%-16s %9lu %9lu %9lu %9lu\n", name.c_str(), w.accounts, w.notified, w.throttled, w.suspended);
    total.accounts += w.accounts;
    total.notified += w.notified;
    total.throttled += w.throttled;
    total.suspended += w.suspended;
  }
  const double account_days = static_cast<double>(total.accounts) * days;
  std::printf("owners: %.0f account-days, suspended %lu (%.1f per million), throttled %lu, notified %lu (%.1f per million)\n",
              account_days, total.suspended, 1e6 * static_cast<double>(total.suspended) / account_days, total.throttled,
              total.notified, 1e6 * static_cast<double>(total.notified) / account_days);
}

int Main(int argc, char** argv) {
  std::map<std::string, std::string> args = {
      {"geo", "deploy/geo/country.mmdb"}, {"accounts", "20000"}, {"days", "4"}, {"seeds", "1"}, {"verbose", "0"}};
  for (int i = 1; i < argc; i += 2) {
    const std::string name = Str(argv[i]).substr(std::min<size_t>(2, Str(argv[i]).size()));
    if (!args.contains(name) || i + 1 >= argc) {
      std::fprintf(stderr, "usage: detection_bench [--geo FILE] [--accounts N] [--days D] [--seeds S,S,...] [--verbose 1]\n");
      return 2;
    }
    args[name] = argv[i + 1];
  }
  const auto geo = GeoDatabase::Open(args["geo"]);
  if (!geo.ok()) {
    std::fprintf(stderr, "%s\n", Str(std::string(geo.status().message())).c_str());
    return 1;
  }
  const Policy policy = Policy::Default();
  const std::string webmail_host = WebmailHost();
  std::map<std::string, Score> scores;
  std::map<std::string, Wronged> wronged;
  simulate::SimulateOptions options;
  options.accounts = static_cast<uint32_t>(std::atoi(args["accounts"].c_str()));
  options.days = static_cast<uint32_t>(std::atoi(args["days"].c_str()));
  std::string seeds = args["seeds"] + ",";
  for (size_t comma; (comma = seeds.find(',')) != std::string::npos; seeds.erase(0, comma + 1)) {
    options.seed = std::strtoull(seeds.c_str(), nullptr, 10);
    Run run(options, policy, geo->get(), webmail_host);
    const absl::Status status = simulate::SimulateTo(options, &run, &run, nullptr);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
      return 1;
    }
    run.Tell(&scores, &wronged, args["verbose"] != "0");
  }
  std::printf("accounts %s, days %s, seeds %s, geo %s, policy %s\n", args["accounts"].c_str(), args["days"].c_str(),
              args["seeds"].c_str(), args["geo"].c_str(), policy.version.c_str());
  PrintTables(scores, wronged, options.days);
  return 0;
}

}  // namespace
}  // namespace sekisho

int main(int argc, char** argv) { return sekisho::Main(argc, argv); }
