// Goal: what each detector sees, and what the ladder makes of it, changes only on purpose; each kind of attack that the
// simulator knows ends in a suspension, each kind of owner is left alone. Method: short scripted lives in data/*.trace are
// folded by the real shard; every signal and action is printed and compared with data/*.golden. README.md lists the lives.
//
// SEKISHO_UPDATE_GOLDEN=1 rewrites the golden files; read the difference before committing it.
//
// A trace is lines of
//   DELAY KIND SERVICE ADDRESS COUNTRY [key=value ...]
//   repeat N DELAY KIND ...       N times, DELAY apart; '#' in the address, in r= or in s= becomes 0, 1, 2, ...
//   again N                       the lines from here to "end", N times in turn; '%' in them becomes 0, 1, 2, ...
//   rule NAME SCORE FAMILY on|shadow WHEN...   a rule of the operator's, from the beginning on
// COUNTRY may be several by turns: RU,UA,BY is the first country, then the second, and so on, and begins again.
// DELAY (10s, 5m, 3h, 2d) is the time since the line before. KIND is a kind of event, and "sent", "deferred", "bounced",
// "refused" (5.7.x), "put_off" (4.7.x) for deliveries; "judged" is no event but what an entity shard thinks of the address's
// network (score= in thousandths, bad= accounts, for a day), "denied" an operator's order about that network. "judged_domain" (for six
// hours) and "judged_campaign" (for one) are the same of the account's domain, and of messages like the newest stray one. "-" is no
// address or no country. Keys: n= recipients, r= recipient key, s= sender key, via=webmail, asn= AS number of the address, size=
// bytes, f=policy (of login_failed: one of our own limits refused), by=thief (of submission: not the owner's. While the
// account is suspended it is refused, as by a fleet, and what became of it is left out; the golden file's last line counts both).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "engine/shard/shard.h"
#include "engine/simulate/simulate.h"

namespace sekisho {
namespace {

namespace fs = std::filesystem;

const fs::path kData = "tests/traces/data";

class Printer final : public FoldObserver {
 public:
  Printer(EventTime start, std::string* out) : start_(start), out_(out) {}

  void OnEvent(const Event& event, const AccountWindow& account, const Features&, std::span<const Signal> signals, const Risk& risk,
               const Action* action) override {
    pattern_ = uint64_t{account.stray_shape} << 16 | account.stray_shape;
    if (signals.empty()) return;
    std::ostringstream line, gist;
    for (const Signal& s : signals) {
      gist << NameOf(s) << s.score << ' ';
      line << " " << NameOf(s) << "=" << s.score << "(";
      for (size_t i = 0; i < s.evidence.size(); ++i) {
        line << (i > 0 ? " " : "") << s.evidence[i].feature << " " << s.evidence[i].value << "/" << s.evidence[i].threshold;
      }
      line << ")";
    }
    // Signals that only go on are said once.
    if (action == nullptr && gist.str() == last_) return;
    last_ = gist.str();
    *out_ += FormatSpan(event.time - start_) + line.str() + " risk=" + std::to_string(risk.points) + "\n";
    if (action != nullptr) Print(*action);
  }
  void OnTimer(const AccountWindow&, const Action& action) override { Print(action); }

  // Two messages in a row like the newest stray one.
  uint64_t pattern() const { return pattern_; }
  // Whether a suspension that is enforced stands.
  bool suspended() const { return suspended_; }

 private:
  void Print(const Action& a) {
    if (a.kind == ActionKind::kSuspend && a.mode == Mode::kEnforce) suspended_ = true;
    if (a.kind == ActionKind::kRelease) suspended_ = false;
    *out_ += FormatSpan(a.time - start_) + " -> " + std::string(Name(a.kind)) + (a.mode == Mode::kShadow ? " in shadow" : "") + " by " + std::string(a.rule) + " of " + a.account +
             ", messages since onset " + std::to_string(a.messages_since_onset) + "\n";
  }
  const EventTime start_;
  std::string* const out_;
  std::string last_;
  uint64_t pattern_ = 0;
  bool suspended_ = false;
};

Span ParseSpan(const std::string& text) {
  const int64_t n = std::atoll(text.c_str());
  switch (text.empty() ? '?' : text.back()) {
    case 's': return Span::Seconds(n);
    case 'm': return Span::Minutes(n);
    case 'h': return Span::Hours(n);
    case 'd': return Span::Days(n);
  }
  ADD_FAILURE() << "no span: " << text;
  return Span();
}

std::string Number(std::string text, int i) {
  const size_t at = text.find('#');
  if (at != std::string::npos) text.replace(at, 1, std::to_string(i));
  return text;
}

// The i-th of "RU,UA,BY", counted from 0, round and round.
std::string ByTurns(const std::string& countries, int i) {
  std::vector<std::string> each;
  std::istringstream list(countries);
  for (std::string country; std::getline(list, country, ',');) each.push_back(country);
  return each.empty() ? "-" : each[static_cast<size_t>(i) % each.size()];
}

// A line of a trace, and how often "again" has come to it before.
struct Line {
  std::string text;
  int turn = 0;
};

// What the file says, without comments, empty lines and rules, and with each "again" written out.
std::vector<Line> Lines(const fs::path& path) {
  std::vector<Line> lines, block;
  int turns = 0;
  std::ifstream in(path);
  std::string text;
  while (std::getline(in, text)) {
    text.resize(std::min(text.size(), text.find("//")));
    std::istringstream words(text);
    std::string first;
    if (!(words >> first) || first == "rule") continue;
    if (first == "again") {
      EXPECT_TRUE(turns == 0 && (words >> turns) && turns > 0) << path << ": " << text << ": within another, or without a number";
    } else if (first == "end") {
      EXPECT_GT(turns, 0) << path << ": an end without its beginning";
      for (int turn = 0; turn < turns; ++turn) {
        for (Line line : block) {
          line.turn = turn;
          for (size_t at; (at = line.text.find('%')) != std::string::npos;) line.text.replace(at, 1, std::to_string(turn));
          lines.push_back(line);
        }
      }
      block.clear();
      turns = 0;
    } else {
      (turns > 0 ? block : lines).push_back({text});
    }
  }
  EXPECT_EQ(turns, 0) << path << ": an again without its end";
  return lines;
}

void AddRules(const fs::path& path, Policy* policy) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string word, family, mode;
    rules::Rule rule;
    if (!(words >> word) || word != "rule") continue;
    words >> rule.name >> rule.score >> family >> mode;
    std::getline(words, rule.when);
    for (int f = 0; f < kFamilies; ++f) {
      if (Name(static_cast<Family>(f)) == family) rule.family = static_cast<Family>(f);
    }
    rule.mode = mode == "on" ? rules::RuleMode::kOn : rules::RuleMode::kShadow;
    EXPECT_EQ(policy->rules.Add(rule), "") << path << ": " << line;
  }
}

class TraceTest : public ::testing::TestWithParam<std::string> {};

std::string Fold(const fs::path& path) {
  std::string out;
  const EventTime start = EventTime::FromSeconds(1'772'409'600);
  Policy policy = Policy::Default();
  policy.jitter_percent = 0;
  policy.home_countries = {'J' << 8 | 'P'};
  AddRules(path, &policy);
  AccountTable table;
  Shard shard(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy, &table);
  Printer printer(start, &out);
  shard.set_observer(&printer);
  std::vector<Action> actions;
  int64_t offset = 0;
  EventTime at = start;

  static const std::map<std::string, EventKind> kKinds = {
      {"login", EventKind::kLogin},          {"login_failed", EventKind::kLoginFailed}, {"submission", EventKind::kSubmission},
      {"queued", EventKind::kQueued},        {"sent", EventKind::kDelivery},            {"deferred", EventKind::kDelivery},
      {"bounced", EventKind::kDelivery},     {"refused", EventKind::kDelivery}, {"put_off", EventKind::kDelivery},         {"mailbox_access", EventKind::kMailboxAccess},
      {"complaint", EventKind::kComplaint},
      {"credential_changed", EventKind::kCredentialChanged}};
  static const std::map<std::string, Service> kServices = {
      {"smtp", Service::kSmtp}, {"imap", Service::kImap}, {"pop3", Service::kPop3}, {"webmail", Service::kWebmail}};

  int thief = 0, escaped = 0;
  std::string refused;  // the address that the last message was refused from

  for (const auto& [line, turn] : Lines(path)) {
    std::istringstream words(line);
    std::string delay, kind, service, ip, countries, extra;
    words >> delay;
    int times = 1;
    if (delay == "repeat") words >> times >> delay;
    if (!(words >> kind >> service >> ip >> countries) || (!kKinds.contains(kind) && !kind.starts_with("judged") && kind != "denied") || !kServices.contains(service)) {
      ADD_FAILURE() << path << ": " << line;
      continue;
    }
    std::map<std::string, std::string> extras;
    while (words >> extra) extras[extra.substr(0, extra.find('='))] = extra.substr(extra.find('=') + 1);
    for (int i = 0; i < times; ++i) {
      at = at + ParseSpan(delay);
      if (kind == "judged") {
        const IpAddress address = IpAddress::Parse(ip).value();
        const Judgement judgement{SourceNetwork(address), static_cast<uint8_t>(SourceNetworkBits(address)),
                                  std::atoi(extras["score"].c_str()), static_cast<uint32_t>(std::atoi(extras["bad"].c_str())), 0,
                                  at + Span::Days(1), EntityKind::kNetwork, {}};
        EXPECT_TRUE(shard.Judge({PartitionId{0}, Offset{offset++}, at, {judgement}}));
        continue;
      }
      if (kind == "judged_domain" || kind == "judged_campaign") {
        const bool domain = kind == "judged_domain";
        Judgement judgement;
        judgement.entity = domain ? EntityKind::kDomain : EntityKind::kCampaign;
        judgement.key = domain ? DomainKey("owner@example.jp") : CampaignOf(printer.pattern()).key;
        judgement.score_milli = std::atoi(extras["score"].c_str());
        judgement.bad_accounts = static_cast<uint32_t>(std::atoi(extras["bad"].c_str()));
        judgement.expires = at + Span::Hours(domain ? 6 : 1);
        EXPECT_TRUE(shard.Judge({PartitionId{0}, Offset{offset++}, at, {judgement}}));
        continue;
      }
      if (kind == "denied") {
        Exception order;
        order.allow = false;
        const IpAddress address = IpAddress::Parse(ip).value();
        order.subject = {Subject::Kind::kNetwork, "", SourceNetwork(address), static_cast<uint8_t>(SourceNetworkBits(address)), 0};
        shard.Except(order);
        continue;
      }
      Event e;
      e.account = "owner@example.jp";
      e.id = AccountId::FromLogin(e.account);
      e.kind = kKinds.at(kind);
      e.service = kServices.at(service);
      e.time = at;
      e.via_webmail = extras["via"] == "webmail";
      e.failure = kind == "login_failed" ? FailureKind::kCredentials : FailureKind::kNone;
      if (extras.contains("s")) e.sender_key = PinnedHash64(Number(extras["s"], i));
      if (extras["f"] == "policy") e.failure = FailureKind::kPolicy;
      e.recipients = static_cast<uint32_t>(std::atoi(extras["n"].c_str()));
      e.size_bytes = static_cast<uint64_t>(std::atoll(extras["size"].c_str()));
      const std::optional<IpAddress> address = IpAddress::Parse(Number(ip, i));
      EXPECT_EQ(address.has_value(), ip != "-") << path << ": " << line << ": no address";
      e.ip = address.value_or(IpAddress());
      const std::string country = ByTurns(countries, times > 1 ? i : turn);
      if (country != "-") e.place.country = static_cast<uint16_t>(country[0] << 8 | country[1]);
      if (extras.contains("asn")) e.place.asn = static_cast<uint32_t>(std::atoi(extras["asn"].c_str()));
      if (kind == "sent") e.delivery = DeliveryStatus::kSent;
      if (kind == "deferred") e.delivery = DeliveryStatus::kDeferred;
      if (kind == "put_off") e.delivery = DeliveryStatus::kDeferred;
      if (kind == "bounced" || kind == "refused") e.delivery = DeliveryStatus::kBounced;
      e.spam_refusal = kind == "refused" || kind == "put_off";
      if (e.spam_refusal) e.status_class = kind == "refused" ? 5 : 4, e.status_subject = 7;
      EventRecipient recipient{"example.com", 0};
      if (extras.contains("r")) {
        recipient.key = PinnedHash64(Number(extras["r"], i));
        e.recipient_list = {&recipient, 1};
      }
      EXPECT_TRUE(shard.Tick(e.time, Offset{offset++}, &actions).ok());
      if (e.kind == EventKind::kSubmission) {
        const bool stopped = extras["by"] == "thief" && printer.suspended();
        refused = stopped ? Number(ip, i) : "";
        if (extras["by"] == "thief") ++thief, escaped += stopped ? 0 : 1;
      }
      const bool follows = e.kind == EventKind::kSubmission || e.kind == EventKind::kQueued || e.kind == EventKind::kDelivery;
      if (follows && !refused.empty() && Number(ip, i) == refused) continue;
      const auto folded = shard.Fold(e, Offset{offset++}, &actions);
      EXPECT_TRUE(folded.ok() && *folded == FoldResult::kFolded) << line;
    }
  }
  EXPECT_TRUE(shard.Tick(at + Span::Days(3), Offset{offset++}, &actions).ok());
  if (out.empty()) out = "nothing\n";
  if (thief > 0) out += std::to_string(escaped) + " of the thief's " + std::to_string(thief) + " messages escaped\n";
  return out;
}

TEST_P(TraceTest, GivesItsGoldenSignalsAndActions) {
  const fs::path trace = kData / (GetParam() + ".trace");
  fs::path golden = trace;
  golden.replace_extension(".golden");
  const std::string out = Fold(trace);
  if (std::getenv("SEKISHO_UPDATE_GOLDEN") != nullptr) std::ofstream(golden) << out;
  std::ifstream in(golden);
  std::stringstream want;
  want << in.rdbuf();
  EXPECT_EQ(out, want.str()) << golden;
  // A detector's own trace must show it.
  for (int d = 1; d < kDetectors; ++d) {
    const std::string name(Name(static_cast<DetectorId>(d)));
    const bool its_own = GetParam() == name;
    EXPECT_TRUE(!its_own || out.find(" " + name + "=") != std::string::npos || out.find(" " + name + ":") != std::string::npos) << name << " is silent in its own trace";
  }
}

std::vector<std::string> Traces() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kData)) {
    if (entry.path().extension() == ".trace") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Golden, TraceTest, ::testing::ValuesIn(Traces()), [](const auto& instance) { return instance.param; });

// "guess-then-use" is told by attack_guess_then_use, as test names allow no hyphen.
std::string TraceOf(std::string_view what, std::string_view kind) {
  std::string name = std::string(what) + "_" + std::string(kind);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

TEST(TracesTest, EveryAttackHasOneThatEndsInASuspension) {
  for (int i = 0; i < simulate::kAttackCount; ++i) {
    const std::string name = TraceOf("attack", simulate::AttackName(static_cast<simulate::Attack>(i)));
    if (!fs::exists(kData / (name + ".trace"))) {
      ADD_FAILURE() << kData / (name + ".trace") << " isn't there";
      continue;
    }
    const std::string out = Fold(kData / (name + ".trace"));
    EXPECT_NE(out.find(" -> suspend by "), std::string::npos) << name << ":\n" << out;
    EXPECT_NE(out.find(" messages escaped\n"), std::string::npos) << name << " doesn't say which messages are the thief's";
  }
}

// An owner may be observed, which nobody sees but operators who ask.
TEST(TracesTest, EveryKindOfOwnerHasOneAndNothingIsDoneAboutIt) {
  for (int i = 0; i < simulate::kKindCount; ++i) {
    const std::string name = TraceOf("spared", simulate::KindName(static_cast<simulate::Kind>(i)));
    if (!fs::exists(kData / (name + ".trace"))) {
      ADD_FAILURE() << kData / (name + ".trace") << " isn't there";
      continue;
    }
    const std::string out = Fold(kData / (name + ".trace"));
    for (const ActionKind kind : {ActionKind::kNotify, ActionKind::kThrottle, ActionKind::kSuspend}) {
      EXPECT_EQ(out.find(" -> " + std::string(Name(kind))), std::string::npos) << name << ":\n" << out;
    }
  }
}

TEST(TracesTest, EveryDetectorHasOne) {
  for (int d = 1; d < kDetectors; ++d) {
    const std::string name(Name(static_cast<DetectorId>(d)));
    EXPECT_TRUE(fs::exists(kData / (name + ".trace"))) << name;
  }
}

}  // namespace
}  // namespace sekisho
