// Goal: how well logs that nobody here wrote are read, and that no user name ever changes the address.
// Method: each labelled line of fail2ban's test logs, each log of Exim's test suite and each case of postfix-grok-patterns
// goes through `sekisho events` as it is shipped. Every field is matched, wrong, missing or not labelled. Lines that tell of
// an authentication (fail2ban-auth.tsv) are scored; the others must give no login and no failure. Logins are compared
// without regard to case, as the program folds it.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/openlogs/support.h"

namespace sekisho::openlogs {
namespace {

using nlohmann::json;

// 2005-08-14T12:00+02:00, by which fail2ban's own tests tell the year of dates without one; and their zone.
constexpr std::time_t kReference = 1'124'013'600;
constexpr char kZone[] = "Europe/Zurich";

struct Case {
  std::string file;
  int number = 0;  // of the line, from 1
  std::string line;
  json label;
  bool injection = false;  // its author says that somebody tries to forge something
};

bool SaysInjection(const std::string& text) {
  const std::string lower = Lower(text);
  return lower.find("inject") != std::string::npos;
}

std::vector<Case> ReadFail2ban(const std::filesystem::path& path) {
  std::vector<Case> cases;
  Case next;
  bool labelled = false;
  const std::vector<std::string> lines = Lines(ReadFile(path));
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line[0] == '#') {
      const size_t at = line.find("failJSON:");
      if (at != std::string::npos && at <= 2) {
        next.label = json::parse(line.substr(at + 9), nullptr, false);
        EXPECT_TRUE(next.label.is_object()) << path << ":" << i + 1;
        labelled = true;
      }
      next.injection = next.injection || SaysInjection(line);
      continue;
    }
    if (labelled) {
      next.file = path.filename();
      next.number = static_cast<int>(i + 1);
      next.line = line;
      cases.push_back(next);
    }
    next = {};
    labelled = false;
  }
  return cases;
}

std::map<std::pair<std::string, int>, bool> ReadMarks() {
  std::map<std::pair<std::string, int>, bool> marks;
  for (const std::string& line : Lines(ReadFile(SEKISHO_OPENLOGS_MARKS))) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream in(line);
    std::string file, mark;
    int number = 0;
    in >> file >> number >> mark;
    EXPECT_TRUE(mark == "AUTH" || mark == "NON-AUTH") << line;
    marks[{file, number}] = mark == "AUTH";
  }
  return marks;
}

bool IsAuth(const json& event) { return Text(event, "kind") == "login" || Text(event, "kind") == "login_failed"; }

std::string Show(const std::vector<json>& events) {
  std::string out;
  for (const json& e : events) {
    out += (out.empty() ? "" : ", ") + Text(e, "kind") + " " + (Text(e, "account").empty() ? "-" : Text(e, "account")) + " " +
           (Text(e, "ip").empty() ? "-" : Text(e, "ip"));
  }
  return out.empty() ? "nothing" : out;
}

class OpenLogsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = LogsFolder();
    if (!folder) GTEST_SKIP() << "the logs of other projects are absent: set SEKISHO_SHARED, or put them into ../shared/logs";
    logs_ = *folder;
  }

  std::filesystem::path logs_;
  EventsRunner runner_;
};

// The systems that are parsed, and of how many authentications the address (and the time) must be found. Never lower one.
// Not found: one line of exim.log has its time behind the program's name, where no transport puts it. Told otherwise: four
// labels of dovecot.log take multilog's TAI64N for UTC and are 10 s late.
struct Floor {
  const char* file;
  int address, time;
};
constexpr Floor kFloors[] = {
    {"postfix.log", 11, 11}, {"dovecot.log", 46, 42}, {"exim.log", 11, 11}, {"exim-spam.log", 0, 0}, {"roundcube-auth.log", 17, 17}};

TEST_F(OpenLogsTest, Fail2banLinesOfParsedSystems) {
  const auto marks = ReadMarks();
  for (const Floor& floor : kFloors) {
    Tally address, user, time;
    int quiet = 0, noisy = 0;
    for (const Case& c : ReadFail2ban(logs_ / "fail2ban" / floor.file)) {
      const std::string where = c.file + ":" + std::to_string(c.number);
      const auto mark = marks.find({c.file, c.number});
      ASSERT_NE(mark, marks.end()) << where << " is not in fail2ban-auth.tsv";
      const std::vector<json> events = runner_.Run(c.line + "\n", kReference, kZone);
      std::vector<json> auth;
      for (const json& e : events) {
        if (IsAuth(e)) auth.push_back(e);
      }
      const bool match = c.label.value("match", false);
      if (!mark->second || !match) {
        // A line that is no authentication, or one that its authors say is no failure.
        const bool wrong = !auth.empty();
        noisy += wrong;
        quiet += !wrong;
        EXPECT_TRUE(auth.empty()) << where << " gave " << Show(auth);
        continue;
      }
      EXPECT_LE(auth.size(), 1u) << where << " counts more than once: " << Show(auth);
      const std::string host = Address(c.label.value("host", ""));
      const std::string found = auth.empty() ? "" : Text(auth[0], "ip");
      if (host.empty()) {
        ++address.not_labelled;
      } else {
        ++(found.empty() ? address.missing : found == host ? address.matched : address.wrong);
        if (found != host) std::printf("  %s: address %s, not %s\n", where.c_str(), found.empty() ? "missing" : found.c_str(), host.c_str());
        EXPECT_TRUE(found.empty() || found == host) << where << ": a wrong address, " << found << " for " << host;
      }
      if (!c.label.contains("user")) {
        ++user.not_labelled;
      } else {
        const std::string name = auth.empty() ? "" : Text(auth[0], "account");
        ++(name.empty() ? user.missing : name == Lower(c.label["user"]) ? user.matched : user.wrong);
        EXPECT_TRUE(name.empty() || name == Lower(c.label["user"])) << where << ": a wrong user, " << name;
      }
      if (!c.label.contains("time") || auth.empty()) {
        ++(c.label.contains("time") ? time.missing : time.not_labelled);
      } else {
        // Labels are Zurich's local time; `time` is printed in UTC. Zurich is one or two hours ahead.
        std::tm label{}, event{};
        strptime(c.label["time"].get<std::string>().c_str(), "%Y-%m-%dT%H:%M:%S", &label);
        strptime(Text(auth[0], "time").c_str(), "%Y-%m-%dT%H:%M:%S", &event);
        const long ahead_s = static_cast<long>(timegm(&label) - timegm(&event));
        ++(ahead_s == 3600 || ahead_s == 7200 ? time.matched : time.wrong);
        if (ahead_s != 3600 && ahead_s != 7200) {
          std::printf("  %s: time %s, labelled %s\n", where.c_str(), Text(auth[0], "time").c_str(), c.label["time"].get<std::string>().c_str());
        }
      }
    }
    const std::string name = std::string("fail2ban/") + floor.file;
    address.Print(name + " address");
    user.Print(name + " user");
    time.Print(name + " time");
    std::printf("%-34s no event %d, false event %d\n", (name + " other lines").c_str(), quiet, noisy);
    EXPECT_GE(address.matched, floor.address) << name;
    EXPECT_GE(time.matched, floor.time) << name;
    EXPECT_EQ(noisy, 0) << name;
  }
}

// Whoever wrote these lines tried to make a user name speak for an address. Each is listed.
TEST_F(OpenLogsTest, NoInjectionChangesAnAddress) {
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(logs_ / "fail2ban")) {
    if (entry.path().extension() != ".log") continue;
    for (const Case& c : ReadFail2ban(entry.path())) {
      if (!c.injection) continue;
      ++cases;
      const std::vector<json> events = runner_.Run(c.line + "\n", kReference, kZone);
      const std::string host = Address(c.label.value("host", ""));
      std::printf("  %s:%d %s: expected %s, got %s\n", c.file.c_str(), c.number, c.label.value("desc", "").c_str(), host.c_str(), Show(events).c_str());
      for (const json& e : events) {
        const std::string found = Text(e, "ip");
        EXPECT_TRUE(found.empty() || found == host) << c.file << ":" << c.number << " believed " << found;
      }
    }
  }
  EXPECT_GE(cases, 12);
}

// Logs of systems that are not parsed: whatever is made of them must at least not be false.
TEST_F(OpenLogsTest, Fail2banLinesOfOtherSystemsGiveNoFalseEvent) {
  std::set<std::string> parsed;
  for (const Floor& floor : kFloors) parsed.insert(floor.file);
  int lines = 0, events_seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(logs_ / "fail2ban")) {
    if (entry.path().extension() != ".log" || parsed.contains(entry.path().filename())) continue;
    for (const Case& c : ReadFail2ban(entry.path())) {
      ++lines;
      for (const json& e : runner_.Run(c.line + "\n", kReference, kZone)) {
        ++events_seen;
        EXPECT_EQ(Text(e, "kind"), "login_failed") << c.file << ":" << c.number << " " << e.dump();
        EXPECT_TRUE(c.label.value("match", false)) << c.file << ":" << c.number << " " << e.dump();
        EXPECT_EQ(Text(e, "ip"), Address(c.label.value("host", ""))) << c.file << ":" << c.number;
      }
    }
  }
  std::printf("fail2ban, other systems: %d lines, %d events, none false\n", lines, events_seen);
  EXPECT_GE(lines, 200);
}

// The address in the last brackets before `end`; "" where there is none.
std::string LastBrackets(const std::string& line, size_t end) {
  const size_t close = line.rfind(']', end);
  const size_t open = close == std::string::npos ? close : line.rfind('[', close);
  return open == std::string::npos ? "" : Address(line.substr(open + 1, close - open - 1));
}

// A mechanical reading of Exim's test suite: it has no labels, and a parser might follow the same rule, so this is a
// measure of consistency, not of accuracy.
TEST_F(OpenLogsTest, EximTestSuite) {
  Tally submissions, failures;
  int others = 0;
  for (const char* folder : {"log", "rejectlog"}) {
    for (const auto& entry : std::filesystem::directory_iterator(logs_ / "exim-testsuite/test" / folder)) {
      const std::string bytes = ReadFile(entry.path());
      std::multiset<std::string> want_submissions, want_failures;
      for (const std::string& line : Lines(bytes)) {
        const bool has_id = line.size() > 43 && line[26] == '-' && line[38] == '-';
        const size_t arrival = line.find(" <= "), a = line.find(" A=");
        if (has_id && arrival != std::string::npos && a != std::string::npos) {
          const std::string value = line.substr(a + 3, line.find(' ', a + 3) - a - 3);
          const size_t colon = value.find(':');
          if (colon == std::string::npos) continue;  // no id was set
          const std::string user = value.substr(colon + 1, value.find(':', colon + 1) - colon - 1);
          want_submissions.insert(Lower(user) + " " + LastBrackets(line, a));
        }
        const size_t failed = line.find(" authenticator failed ");
        if (!has_id && failed != std::string::npos) {
          const size_t set_id = line.find("(set_id="), end = line.rfind(')');
          const std::string user = set_id == std::string::npos ? "" : line.substr(set_id + 8, end - set_id - 8);
          want_failures.insert(Lower(user) + " " + LastBrackets(line, set_id));
        }
      }
      for (const json& e : runner_.Run(bytes, kReference, "UTC")) {
        const std::string kind = Text(e, "kind"), what = Text(e, "account") + " " + Text(e, "ip");
        if (kind != "submission" && !IsAuth(e)) {
          ++others;
          continue;
        }
        EXPECT_NE(kind, "login") << entry.path() << " " << e.dump();
        auto& want = kind == "submission" ? want_submissions : want_failures;
        Tally& tally = kind == "submission" ? submissions : failures;
        const auto it = want.find(what);
        ++(it == want.end() ? tally.wrong : tally.matched);
        EXPECT_NE(it, want.end()) << entry.path() << " gave " << e.dump();
        if (it != want.end()) want.erase(it);
      }
      submissions.missing += static_cast<int>(want_submissions.size());
      failures.missing += static_cast<int>(want_failures.size());
      for (const std::string& w : want_submissions) std::printf("  %s: no submission of %s\n", entry.path().filename().c_str(), w.c_str());
      for (const std::string& w : want_failures) std::printf("  %s: no failure of %s\n", entry.path().filename().c_str(), w.c_str());
    }
  }
  submissions.Print("exim-testsuite submission");
  failures.Print("exim-testsuite login_failed");
  std::printf("exim-testsuite: %d other events (deliveries, rejections)\n", others);
  EXPECT_GE(submissions.share(), 1.0);
  EXPECT_GE(failures.share(), 1.0);
}

// Cases of postfix-grok-patterns: a message without its header, and the fields that are in it.
TEST_F(OpenLogsTest, PostfixGrokPatterns) {
  Tally address, name, port, id;
  int cases = 0, with_event = 0;
  for (const auto& entry : std::filesystem::directory_iterator(logs_ / "postfix-grok-patterns/test")) {
    if (entry.path().extension() != ".yaml") continue;
    const YAML::Node test = YAML::LoadFile(entry.path());
    if (!test["data"] || !test["results"]) continue;
    ++cases;
    const std::string file = entry.path().filename();
    const std::string daemon = file.substr(0, file.rfind('_'));
    const std::string line = "Mar  1 09:00:00 mail postfix/" + daemon + "[4711]: " + test["data"].as<std::string>() + "\n";
    const std::vector<json> events = runner_.Run(line, kReference, "UTC");
    if (events.empty()) continue;
    ++with_event;
    const auto compare = [&](Tally* tally, const char* label, const std::string& found) {
      const YAML::Node expected = test["results"][label];
      if (!expected) {
        ++tally->not_labelled;
        return;
      }
      const std::string want = expected.as<std::string>();
      if (want == "unknown" && std::string(label) == "postfix_client_ip") return;
      ++(found.empty() ? tally->missing : found == want ? tally->matched : tally->wrong);
      EXPECT_TRUE(found.empty() || found == want) << file << " " << label << ": " << found << " for " << want;
    };
    compare(&address, "postfix_client_ip", Text(events[0], "ip"));
    compare(&name, "postfix_client_hostname", Text(events[0], "client_name"));
    compare(&port, "postfix_client_port", events[0].contains("client_port") ? std::to_string(events[0]["client_port"].get<int>()) : "");
    const std::string queue_id = test["results"]["postfix_queueid"] ? test["results"]["postfix_queueid"].as<std::string>() : "";
    if (queue_id != "NOQUEUE") compare(&id, "postfix_queueid", Text(events[0], "queue_id"));
  }
  address.Print("postfix-grok-patterns address");
  name.Print("postfix-grok-patterns client name");
  port.Print("postfix-grok-patterns port");
  id.Print("postfix-grok-patterns queue id");
  std::printf("postfix-grok-patterns: %d cases, %d with an event\n", cases, with_event);
  EXPECT_GE(cases, 180);
  EXPECT_GE(address.share(), 1.0);
  EXPECT_GE(name.share(), 1.0);
}

}  // namespace
}  // namespace sekisho::openlogs
