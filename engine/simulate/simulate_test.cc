// Goal: the simulator keeps its promises: the same options give the same bytes; lines look like the servers'
// own; the truth agrees with the logs; an owner's life goes on beside the thief; faults and skew are what was
// asked for. Method: small populations in memory, from fixed seeds; lines are read by regular expressions
// written from the servers' documentation of their logs, not by any parser of the project.
#include "engine/simulate/simulate.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "engine/simulate/names.h"
#include "gtest/gtest.h"

namespace sekisho::simulate {
namespace {

struct Message {
  std::string account;
  AbusiveMessage abuse;
};

class Memory : public LogSink, public TruthSink {
 public:
  absl::Status Line(LogFile file, EventTime at, std::string_view line) override {
    EXPECT_LE(last_, at);  // in the order of true time
    last_ = at;
    files[static_cast<size_t>(file)].emplace_back(line);
    times[static_cast<size_t>(file)].push_back(at);
    return absl::OkStatus();
  }
  absl::Status Abuse(std::string_view account, const AbusiveMessage& message) override {
    messages.push_back(Message{std::string(account), message});
    return absl::OkStatus();
  }
  absl::Status Account(const AccountTruth& truth) override {
    accounts.push_back(truth);
    return absl::OkStatus();
  }
  const std::vector<std::string>& of(LogFile file) const { return files[static_cast<size_t>(file)]; }

  std::array<std::vector<std::string>, kLogFileCount> files;
  std::array<std::vector<EventTime>, kLogFileCount> times;
  std::vector<Message> messages;
  std::vector<AccountTruth> accounts;

 private:
  EventTime last_;
};

Memory Simulated(const SimulateOptions& options, SimulateSummary* summary = nullptr) {
  Memory memory;
  const absl::Status status = SimulateTo(options, &memory, &memory, summary);
  EXPECT_TRUE(status.ok()) << status;
  return memory;
}

SimulateOptions Small(uint64_t seed) {
  SimulateOptions options;
  options.accounts = 400;
  options.days = 3;
  options.seed = seed;
  return options;
}

// account → number of client= lines in both submission logs.
std::map<std::string, int> Submissions(const Memory& memory) {
  std::map<std::string, int> counts;
  for (LogFile file : {LogFile::kSubmission1, LogFile::kSubmission2}) {
    for (const std::string& line : memory.of(file)) {
      const size_t at = line.find(": client=");
      if (at != std::string::npos) ++counts[line.substr(line.rfind('=') + 1)];
    }
  }
  return counts;
}

TEST(SimulateTest, SameOptionsSameBytesOtherSeedOtherBytes) {
  const Memory a = Simulated(Small(7)), b = Simulated(Small(7)), c = Simulated(Small(8));
  EXPECT_EQ(a.files, b.files);
  EXPECT_NE(a.files, c.files);
}

TEST(SimulateTest, EveryLineHasTheShapeOfItsProgram) {
  SimulateOptions options = Small(9);
  options.relay_share = 0.5;
  options.attack_weights.fill(1);
  options.stolen_share = 0.1;
  const Memory memory = Simulated(options);
  const std::string header = R"(Mar  [2-4] \d\d:\d\d:\d\d )";
  const std::string id = "[0-9A-F]{6,12}", peer = R"([a-z0-9.-]+\[[0-9a-f:.]+\])",
                    address = "[a-z0-9._-]+@[a-z0-9.-]+";
  const std::vector<std::regex> postfix = [&] {
    std::vector<std::regex> list;
    const std::string smtpd = header + R"((mx|submission|relay)-[12] postfix/(submissions?/)?smtpd\[\d+\]: )";
    const std::string daemon = header + R"((mx|submission|relay)-[12] postfix/)";
    for (
        const std::string& shape : {
            smtpd + "connect from " + peer,
            smtpd + "disconnect from " + peer +
                R"(( (ehlo|starttls|auth|mail|rcpt|data|quit)=\d+(/\d+)?)+ commands=\d+(/\d+)?)",
            smtpd + id + ": client=" + peer + "(, sasl_method=(PLAIN|LOGIN), sasl_username=" + address + ")?",
            smtpd + "warning: " + peer +
                R"(: SASL (PLAIN|LOGIN) authentication failed: (UGFzc3dvcmQ6|\(reason unavailable\)), sasl_username=)" +
                address,
            smtpd + "NOQUEUE: reject: RCPT from " + peer + ": 550 5.1.1 <" + address +
                ">: Recipient address rejected: .*; from=<" + address + "> to=<" + address +
                R"(> proto=ESMTP helo=<[a-z0-9.-]+>)",
            daemon + R"(cleanup\[\d+\]: )" + id + ": message-id=<[^<>]+>",
            daemon + R"(qmgr\[\d+\]: )" + id + ": (removed|from=<(" + address +
                R"()?>, size=\d+, nrcpt=\d+ \(queue active\)))",
            daemon + R"(l?s?mtp\[\d+\]: )" + id + ": to=<" + address +
                R"(>, relay=(none|[a-z0-9.-]+\[[0-9.]+\]:(25|24)), delay=[0-9.]+, delays=[0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+, dsn=[245]\.\d\.\d, status=(sent|deferred|bounced) \(.*\))",
            daemon + R"(bounce\[\d+\]: )" + id + ": sender non-delivery notification: " + id,
        }) {
      list.emplace_back(shape);
    }
    return list;
  }();
  const std::string login = " user=<[^>]+>, method=PLAIN, rip=[0-9a-f:.]+, lip=10.20.0.20,";
  const std::vector<std::regex> dovecot = {
      std::regex(header + "imap-1 dovecot: (imap|pop3)-login: Login:" + login +
                 R"( mpid=\d+, TLS, session=<[A-Za-z0-9+/]{16,32}>)"),
      std::regex(
          header +
          R"(imap-1 dovecot: imap-login: Disconnected: Connection closed \(auth failed, \d+ attempts in \d+ secs\):)" +
          login + R"( TLS, session=<[A-Za-z0-9+/]{16,32}>)"),
      std::regex(
          header +
          R"(imap-1 dovecot: auth-worker\(\d+\): conn unix:auth-worker \(pid=\d+,uid=\d+\): auth-worker<\d+>: sql\([^,]+,[0-9a-f:.]+,<[A-Za-z0-9+/]+>\): (Password mismatch|unknown user))"),
      std::regex(
          header +
          R"(imap-1 dovecot: imap\([^)]+\)<\d+><[^>]+>: Disconnected: (Logged out|Connection closed) in=\d+ out=\d+ deleted=\d+ expunged=0 trashed=0 hdr_count=\d+ hdr_bytes=\d+ body_count=\d+ body_bytes=\d+)"),
      std::regex(
          header +
          R"(imap-1 dovecot: pop3\([^)]+\)<\d+><[^>]+>: Disconnected: Logged out top=0/0, retr=\d+/\d+, del=\d+/\d+, size=\d+)")};
  const std::string stamp = R"(\[0[2-4]-Mar-2026 \d\d:\d\d:\d\d \+0000\]: <[0-9a-z]{8}> )";
  const std::vector<std::regex> userlogins = {
      std::regex(stamp +
                 R"(Successful login for [^ ]+ \(ID: \d+\) from [0-9a-f:.]+ in session [0-9a-z]{16})"),
      std::regex(stamp + R"(Failed login for [^ ]+ from [0-9a-f:.]+ in session [0-9a-z]{16} \(error: 0\))")};
  const std::vector<std::regex> sendmail = {std::regex(
      stamp + R"(User [^ ]+ \[[0-9a-f:.]+\]; Message <[^>]+> for [^;]+; 250: 2\.0\.0 Ok: queued as )" + id)};

  const std::vector<std::regex>* shapes[kLogFileCount] = {&postfix, &postfix,    &postfix, &postfix,
                                                          &dovecot, &userlogins, &sendmail};
  for (size_t f = 0; f < kLogFileCount; ++f) {
    EXPECT_FALSE(memory.files[f].empty()) << f;
    std::vector<int> seen(shapes[f]->size());
    // Regular expressions are slow: of a long file, every seventh line.
    for (size_t i = 0; i<memory.files[f].size(); i += memory.files[f].size()> 20'000 ? 7 : 1) {
      size_t k = 0;
      while (k < shapes[f]->size() && !std::regex_match(memory.files[f][i], (*shapes[f])[k])) ++k;
      ASSERT_LT(k, shapes[f]->size()) << memory.files[f][i];
      ++seen[k];
    }
    if (shapes[f] != &postfix) {
      for (size_t k = 0; k < seen.size(); ++k) EXPECT_GT(seen[k], 0) << f << " shape " << k;
    }
  }
}

TEST(SimulateTest, TruthAgreesWithTheLogsAndOwnersLiveOn) {
  SimulateOptions options = Small(10);
  options.attack_weights.fill(1);
  options.stolen_share = 0.15;
  SimulateSummary summary;
  const Memory stolen = Simulated(options, &summary);
  options.stolen_share = 0;
  const Memory honest = Simulated(options);
  EXPECT_TRUE(honest.messages.empty());

  const std::map<std::string, int> with = Submissions(stolen), without = Submissions(honest);
  std::map<std::string, std::vector<AbusiveMessage>> by_account;
  for (const Message& m : stolen.messages) by_account[m.account].push_back(m.abuse);
  EXPECT_EQ(stolen.messages.size(), summary.abusive_messages);
  uint32_t thefts = 0;
  for (const AccountTruth& t : stolen.accounts) {
    const auto count = [&](const std::map<std::string, int>& counts) {
      const auto found = counts.find(t.account);
      return found == counts.end() ? 0 : found->second;
    };
    const std::vector<AbusiveMessage>& abuse = by_account[t.account];
    // What the account submitted is what its owner does anyway, and the thief's messages.
    EXPECT_EQ(count(with), count(without) + static_cast<int>(abuse.size())) << t.account;
    EXPECT_EQ(t.stolen, !abuse.empty()) << t.account;
    if (!t.stolen) continue;
    ++thefts;
    uint64_t recipients = 0;
    std::set<IpAddress> addresses;
    EventTime first = abuse.front().time, last = first;
    for (const AbusiveMessage& m : abuse) {
      recipients += m.recipients;
      addresses.insert(m.client);
      first = std::min(first, m.time);
      last = std::max(last, m.time);
    }
    EXPECT_EQ(t.messages, abuse.size());
    EXPECT_EQ(t.recipients, recipients);
    EXPECT_EQ(t.addresses, addresses.size());
    EXPECT_EQ(t.first_abuse, first);
    EXPECT_EQ(t.last_abuse, last);
    EXPECT_LE(t.compromised, t.first_abuse);
    EXPECT_GE(t.first_abuse - options.start, Span::Days(options.days) * 2 / 5);  // after 40% of the run
  }
  EXPECT_EQ(thefts, summary.stolen_accounts);
  EXPECT_GT(thefts, 20u);
}

TEST(SimulateTest, EachAbusiveMessageIsOneClientLineOfItsAddressAndTime) {
  SimulateOptions options = Small(11);
  options.attack_weights.fill(1);
  options.stolen_share = 0.1;
  const Memory memory = Simulated(options);
  std::multimap<std::string, int64_t> lines;  // "account address" → time
  for (LogFile file : {LogFile::kSubmission1, LogFile::kSubmission2}) {
    for (size_t i = 0; i < memory.of(file).size(); ++i) {
      const std::string& line = memory.of(file)[i];
      const size_t client = line.find(": client=");
      if (client == std::string::npos) continue;
      const size_t open = line.find('[', client), close = line.find(']', client);
      lines.emplace(line.substr(line.rfind('=') + 1) + ' ' + line.substr(open + 1, close - open - 1),
                    memory.times[static_cast<size_t>(file)][i].millis());
    }
  }
  std::map<std::string, Attack> attack_of;
  for (const AccountTruth& t : memory.accounts) attack_of[t.account] = t.attack;
  ASSERT_FALSE(memory.messages.empty());
  for (const Message& m : memory.messages) {
    const bool webmail = attack_of[m.account] == Attack::kWebmail;
    const std::string key =
        m.account + ' ' + (webmail ? std::string(kWebmailAddress) : m.abuse.client.ToString());
    const auto [begin, end] = lines.equal_range(key);
    const auto found =
        std::find_if(begin, end, [&](const auto& l) { return l.second == m.abuse.time.millis(); });
    ASSERT_NE(found, end) << key << ' ' << FormatRfc3339(m.abuse.time);
    lines.erase(found);
  }
}

TEST(SimulateTest, AttacksHaveTheirShapes) {
  SimulateOptions options;
  options.accounts = 3'000;
  options.days = 6;
  options.seed = 12;
  options.stolen_share = 0.08;
  options.attack_weights.fill(1);
  options.return_share = 0;
  SimulateSummary summary;
  const Memory memory = Simulated(options, &summary);
  for (size_t i = 0; i < kAttackCount; ++i) {
    EXPECT_GT(summary.stolen_by_attack[i], 4u) << AttackName(static_cast<Attack>(i));
  }
  std::map<std::string, int> cohort_sizes;
  for (const AccountTruth& t : memory.accounts) {
    if (!t.stolen) continue;
    switch (t.attack) {
      case Attack::kRotate:
        if (t.addresses >= 150) {
          EXPECT_GE(t.countries, 30u) << t.account;
        }
        EXPECT_GE(t.addresses * 12, std::min(t.messages, 30u)) << t.account;
        break;
      case Attack::kBurst:
        EXPECT_EQ(t.addresses, 1u);
        EXPECT_LE(t.last_abuse - t.first_abuse, Span::Hours(3));
        break;
      case Attack::kDomestic:
        EXPECT_EQ(t.countries, 1u);
        break;
      case Attack::kLowAndSlow:
        EXPECT_LE(t.messages, 6u * 3 * 15);
        break;
      case Attack::kGuessThenUse:
        EXPECT_GE(t.first_abuse - t.compromised, Span::Hours(2));
        break;
      case Attack::kCohort:
        ++cohort_sizes[t.account.substr(t.account.find('@'))];
        break;
      case Attack::kProbe:
      case Attack::kWebmail:
        break;
    }
  }
  for (const auto& [domain, size] : cohort_sizes) EXPECT_NE(domain, "@" + std::string(kRealm));
}

TEST(SimulateTest, NoThiefActsBeforeTheHistoryIsOver) {
  for (const int history : {0, 1, 7}) {
    SimulateOptions options = Small(20);
    options.days = static_cast<uint32_t>(history) + 3;
    options.history_days = history;
    options.stolen_share = 0.2;
    options.attack_weights.fill(1);
    options.intensity = 0.1;
    const Memory memory = Simulated(options);
    const EventTime from = options.start + Span::Days(history);
    int thefts = 0, first_half = 0;
    for (const AccountTruth& t : memory.accounts) {
      if (!t.stolen) continue;
      ++thefts;
      EXPECT_GE(t.compromised, from) << t.account;
      first_half += t.first_abuse - from < Span::Hours(36);
    }
    EXPECT_GT(thefts, 30) << history;
    EXPECT_GT(first_half, thefts / 6) << history;
    EXPECT_LT(first_half, thefts) << history;
  }
}

TEST(SimulateTest, ThievesComeBackAndTakeCareAsOftenAsAskedFor) {
  SimulateOptions options;
  options.accounts = 700;
  options.days = 8;
  options.seed = 21;
  options.history_days = 1;
  options.stolen_share = 0.1;
  options.attack_weights = {1, 0, 0, 0, 0, 0, 0, 0};
  options.intensity = 0.2;
  // Mean recipients of a message, and thefts of which a day or more passed without a message.
  const auto run = [&](int* pauses) {
    const Memory memory = Simulated(options);
    std::map<std::string, EventTime> last;
    std::set<std::string> paused;
    double recipients = 0;
    for (const Message& m : memory.messages) {
      EventTime& before = last[m.account];
      if (!before.never() && m.abuse.time - before > Span::Hours(10)) paused.insert(m.account);
      before = m.abuse.time;
      recipients += m.abuse.recipients;
    }
    *pauses = static_cast<int>(paused.size());
    return recipients / static_cast<double>(memory.messages.size());
  };
  int never, always;
  options.stealth = 0;
  options.return_share = 0;
  const double bold = run(&never);
  options.stealth = 1;
  options.return_share = 1;
  const double careful = run(&always);
  EXPECT_LT(careful, bold / 1.5);
  EXPECT_EQ(never, 0);
  EXPECT_GT(always, 20);
}

TEST(SimulateTest, DrawnSettingsAreSoundDifferAndAreTheSeeds) {
  SimulateOptions base;
  base.days = 35;
  base.history_days = 28;
  std::set<uint32_t> sizes;
  int faulty = 0, elsewhere = 0;
  for (uint64_t seed = 1; seed <= 99; ++seed) {
    const SimulateOptions o = DrawOptions(seed, base);
    EXPECT_TRUE(ValidateOptions(o).ok()) << seed << ' ' << ValidateOptions(o);
    EXPECT_EQ(o.seed, seed);
    EXPECT_EQ(o.days, 35u);
    EXPECT_EQ(o.history_days, 28);
    EXPECT_GE(o.accounts, base.accounts * 0.39);
    EXPECT_LE(o.accounts, base.accounts * 2.5);
    EXPECT_EQ(o.accounts, DrawOptions(seed, base).accounts);
    std::set<std::string> countries;
    for (const auto& [code, weight] : o.owner_countries) EXPECT_TRUE(countries.insert(code).second) << code;
    sizes.insert(o.accounts);
    faulty += o.lost_share > 0;
    elsewhere += o.owner_countries.front().first != "JP";
  }
  EXPECT_GT(sizes.size(), 90u);
  EXPECT_GT(faulty, 10);
  EXPECT_LT(faulty, 45);
  EXPECT_GT(elsewhere, 10);
}

TEST(SimulateTest, TwoConnectionsNeverShareAProcess) {
  const Memory memory = Simulated(Small(13));
  for (LogFile file : {LogFile::kMx1, LogFile::kSubmission1, LogFile::kSubmission2}) {
    std::set<std::string> open;
    for (const std::string& line : memory.of(file)) {
      const std::string process =
          line.substr(line.find(" postfix/"), line.find("]: ") - line.find(" postfix/"));
      if (line.find("]: connect from") != std::string::npos) {
        EXPECT_TRUE(open.insert(process).second) << line;
      }
      if (line.find("]: disconnect from") != std::string::npos) {
        EXPECT_EQ(open.erase(process), 1u) << line;
      }
    }
  }
}

TEST(SimulateTest, LostAndDuplicatedLinesAreAsMany) {
  SimulateOptions options = Small(14);
  SimulateSummary whole, lost, twice;
  Simulated(options, &whole);
  options.lost_share = 0.1;
  Simulated(options, &lost);
  options.lost_share = 0;
  options.duplicated_share = 0.1;
  Simulated(options, &twice);
  EXPECT_NEAR(static_cast<double>(lost.lines) / static_cast<double>(whole.lines), 0.9, 0.01);
  EXPECT_NEAR(static_cast<double>(twice.lines) / static_cast<double>(whole.lines), 1.1, 0.01);
}

TEST(SimulateTest, SkewMovesTheHostsClocksApartAndIsoLinesSaySo) {
  SimulateOptions options = Small(15);
  options.header = HeaderStyle::kIso8601;
  options.zone_minutes = 540;
  options.skew_seconds = 30;
  const Memory memory = Simulated(options);
  std::set<int64_t> offsets;
  for (LogFile file : {LogFile::kMx1, LogFile::kSubmission1, LogFile::kSubmission2, LogFile::kImap1}) {
    const std::string& line = memory.of(file).front();
    int hour, minute, second, micros;
    ASSERT_EQ(std::sscanf(line.c_str(), "2026-03-02T%d:%d:%d.%d+09:00", &hour, &minute, &second, &micros), 4)
        << line;
    const int64_t said = ((hour - 9) * 3600 + minute * 60 + second) * int64_t{1000} + micros / 1000;
    offsets.insert(said - (memory.times[static_cast<size_t>(file)].front() - options.start).millis());
  }
  EXPECT_EQ(offsets.size(), 4u);
  EXPECT_LE(*offsets.rbegin() - *offsets.begin(), 30'000);
  EXPECT_GE(*offsets.rbegin() - *offsets.begin(), 15'000);
}

TEST(SimulateTest, FilesCarryTheTimeOfTheirLastLine) {
  SimulateOptions options = Small(16);
  options.accounts = 120;
  options.stolen_share = 0.2;
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("sekisho-simulate-" + std::to_string(::getpid()));
  options.out_dir = directory.string();
  SimulateSummary summary;
  const absl::Status status = Simulate(options, &summary);
  ASSERT_TRUE(status.ok()) << status;
  struct stat info;
  ASSERT_EQ(stat((directory / "imap-1.log").c_str(), &info), 0);
  const int64_t end = (options.start + Span::Days(3)).millis() / 1000;
  EXPECT_LT(info.st_mtime, end);
  EXPECT_GT(info.st_mtime, end - 3600);
  std::stringstream truth;
  truth << std::ifstream(directory / "truth.json").rdbuf();
  EXPECT_NE(truth.str().find("\"account_days\": 360"), std::string::npos);
  EXPECT_NE(truth.str().find("\"webmail_hosts\": [\"10.20.0.30\"]"), std::string::npos);
  uint64_t lines = 0;
  std::ifstream abuse(directory / "truth-abuse.tsv");
  for (std::string line; std::getline(abuse, line);) ++lines;
  EXPECT_EQ(lines, summary.abusive_messages + 1);
  std::filesystem::remove_all(directory);
}

TEST(SimulateTest, SenselessOptionsAreNamed) {
  const auto message = [](const SimulateOptions& o) { return std::string(ValidateOptions(o).message()); };
  SimulateOptions options;
  EXPECT_TRUE(ValidateOptions(options).ok());
  options.accounts = 0;
  EXPECT_EQ(message(options).substr(0, 9), "accounts:");
  options = {};
  options.stolen_share = 1.5;
  EXPECT_EQ(message(options).substr(0, 13), "stolen_share:");
  options = {};
  options.owner_countries = {{"XX", 1}};
  EXPECT_NE(message(options).find("XX"), std::string::npos);
  std::array<double, kAttackCount> weights;
  EXPECT_TRUE(ParseAttacks("rotate=3,burst", &weights).ok());
  EXPECT_EQ(weights[0], 3);
  EXPECT_EQ(weights[1], 1);
  EXPECT_EQ(weights[2], 0);
  EXPECT_FALSE(ParseAttacks("rotate=x", &weights).ok());
  EXPECT_FALSE(ParseAttacks("spin", &weights).ok());
}

}  // namespace
}  // namespace sekisho::simulate
