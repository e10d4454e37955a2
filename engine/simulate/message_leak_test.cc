// Goal: nothing in the lines of one message may tell whether its owner or a thief sent it: no size, id, pid, pause, order
// or word. Method: simulate a population in memory, with times to the microsecond; take of each submitted message the
// lines that are its own; compute some forty features of them. For each, on one half of the accounts, find by hindsight
// the best rule "value >= threshold" (either direction) or "value is one of these"; on the other half take its balanced
// accuracy: the mean of the share of abusive messages it finds and the share of honest ones it leaves alone. Each account
// weighs the same, so that no single busy thief makes a rule. Fail if any rule reaches kAccuracyMax; and a leak put into
// the same lines on purpose must be found.
//
// Not judged, because it is the abuse itself and not a leak: where the client is and where recipients are (by the last
// label of their names). Both are printed. Our servers' lines hold no HELO name, TLS cipher or user agent of a submission.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/base/hash.h"
#include "engine/simulate/simulate.h"
#include "gtest/gtest.h"

namespace sekisho::simulate {
namespace {

constexpr double kAccuracyMax = 0.75;

// The lines of one message. `before` is the line that its host wrote before, `connect` the one that began the connection.
struct Lines {
  std::string account;
  EventTime at;
  bool abusive = false;
  std::string connect, before, client, cleanup, queued, delivery;
  double messages_before = 0;  // on the same connection
  double weight = 0;           // all abusive messages of an account weigh 1, and all honest ones
  bool judge = false;          // the half of accounts on which rules are judged, not found
};

std::string_view Between(std::string_view text, std::string_view before, std::string_view after) {
  const size_t begin = text.find(before);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = text.substr(begin + before.size());
  return rest.substr(0, rest.find(after));
}

double Number(std::string_view text) {
  double value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Of "2026-03-02T09:00:00.123456+00:00 …", within the day.
double Seconds(std::string_view line) {
  if (line.size() < 26) return -1;
  return Number(line.substr(11, 2)) * 3600 + Number(line.substr(14, 2)) * 60 + Number(line.substr(17, 9));
}

double Pause(std::string_view from, std::string_view to) {
  const double seconds = Seconds(to) - Seconds(from);
  return seconds < -1 ? seconds + 86'400 : seconds;
}

// Letters become 'a', digits '9', runs of them one: "4B2.7@x" is "9a9.9@a".
std::string Shape(std::string_view text) {
  std::string shape;
  for (const char c : text) {
    const char as = (c >= '0' && c <= '9') ? '9' : ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? 'a' : c);
    if ((as != '9' && as != 'a') || shape.empty() || shape.back() != as) shape.push_back(as);
  }
  return shape;
}

std::string_view Message(std::string_view line) {
  const size_t end = line.find("]: ");
  return end == std::string_view::npos ? std::string_view() : line.substr(end + 3);
}

class MessageCollector : public LogSink, public TruthSink {
 public:
  absl::Status Line(LogFile file, EventTime at, std::string_view line) override {
    if (file != LogFile::kSubmission1 && file != LogFile::kSubmission2) return absl::OkStatus();
    const size_t host = file == LogFile::kSubmission1 ? 0 : 1;
    const std::string_view message = Message(line);
    const std::string process = std::string(Between(line, " postfix/", "]:")) + (host == 0 ? "1" : "2");
    const size_t end_of_id = message.find(": ");
    if (message.starts_with("connect from ")) {
      connections_[process] = {std::string(line), 0};
    } else if (end_of_id != std::string_view::npos) {
      std::string id(message.substr(0, end_of_id));
      id.push_back(host == 0 ? '1' : '2');
      const std::string_view rest = message.substr(end_of_id + 2);
      if (rest.starts_with("client=")) {
        Lines& lines = messages_.emplace_back();
        lines.account = rest.substr(rest.rfind('=') + 1);
        lines.at = at;
        Connection& connection = connections_[process];
        lines.connect = connection.line;
        lines.messages_before = connection.messages++;
        lines.before = before_[host];
        lines.client = line;
        by_id_[id] = messages_.size() - 1;
      } else if (const auto found = by_id_.find(id); found != by_id_.end()) {
        Lines& lines = messages_[found->second];
        if (rest.starts_with("message-id=")) lines.cleanup = line;
        if (rest.starts_with("from=<") && lines.queued.empty()) lines.queued = line;
        if (rest.starts_with("to=<") && lines.delivery.empty()) lines.delivery = line;
      }
    }
    before_[host] = line;
    return absl::OkStatus();
  }
  absl::Status Abuse(std::string_view account, const AbusiveMessage& message) override {
    abuse_.emplace(account, message.time);
    return absl::OkStatus();
  }
  absl::Status Account(const AccountTruth&) override { return absl::OkStatus(); }

  // Those from `from` on: before it all are honest, which pids and the like would tell.
  std::vector<Lines> Labelled(EventTime from) {
    std::erase_if(messages_, [from](const Lines& lines) { return lines.at < from; });
    std::unordered_map<std::string, std::array<double, 2>> counts;
    for (Lines& lines : messages_) {
      lines.abusive = abuse_.contains({lines.account, lines.at});
      lines.judge = PinnedHash64(lines.account) % 2 == 1;
      ++counts[lines.account][lines.abusive];
    }
    for (Lines& lines : messages_) lines.weight = 1 / counts[lines.account][lines.abusive];
    return std::move(messages_);
  }
  size_t abusive() const { return abuse_.size(); }

 private:
  struct Connection {
    std::string line;
    double messages = 0;
  };
  std::vector<Lines> messages_;
  std::unordered_map<std::string, size_t> by_id_;
  std::unordered_map<std::string, Connection> connections_;
  std::string before_[2];
  std::set<std::pair<std::string, EventTime>> abuse_;
};

// One message's value of a feature, in the eyes of a rule.
template <typename Value>
struct Sample {
  Value value;
  bool abusive = false;
  double weight = 0;
};

// The weighted shares of abusive and of honest samples of which `says` is true, as balanced accuracy.
template <typename Value, typename Rule>
double Accuracy(const std::vector<Sample<Value>>& samples, const Rule& says) {
  double said[2] = {}, all[2] = {};
  for (const Sample<Value>& s : samples) {
    all[s.abusive] += s.weight;
    if (says(s.value)) said[s.abusive] += s.weight;
  }
  return 0.5 * (said[1] / all[1] + 1 - said[0] / all[0]);
}

double JudgeNumbers(std::vector<Sample<double>> learn, const std::vector<Sample<double>>& judge) {
  std::sort(learn.begin(), learn.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  double all[2] = {}, below[2] = {};
  for (const auto& s : learn) all[s.abusive] += s.weight;
  double best = 0, threshold = 0;
  bool above = true;
  for (size_t i = 0; i < learn.size(); ++i) {
    if (i > 0 && learn[i].value > learn[i - 1].value) {
      const double lead = below[0] / all[0] - below[1] / all[1];  // of ">= this value"
      if (std::abs(lead) > best) {
        best = std::abs(lead);
        threshold = learn[i].value;
        above = lead > 0;
      }
    }
    below[learn[i].abusive] += learn[i].weight;
  }
  return Accuracy(judge, [&](double v) { return (v >= threshold) == above; });
}

double JudgeWords(const std::vector<Sample<std::string>>& learn, const std::vector<Sample<std::string>>& judge) {
  double all[2] = {};
  std::unordered_map<std::string, std::array<double, 2>> of;
  for (const auto& s : learn) {
    all[s.abusive] += s.weight;
    of[s.value][s.abusive] += s.weight;
  }
  std::unordered_set<std::string> words;
  for (const auto& [value, weights] : of) {
    if (weights[1] / all[1] > weights[0] / all[0]) words.insert(value);
  }
  return Accuracy(judge, [&](const std::string& v) { return words.contains(v); });
}

// Balanced accuracy of the best rule on one feature.
template <typename Value>
double Judge(const std::vector<Lines>& messages, const std::function<Value(const Lines&)>& feature) {
  std::vector<Sample<Value>> halves[2];
  for (const Lines& m : messages) halves[m.judge].push_back({feature(m), m.abusive, m.weight});
  if constexpr (std::is_same_v<Value, double>) {
    return JudgeNumbers(halves[0], halves[1]);
  } else {
    return JudgeWords(halves[0], halves[1]);
  }
}

using NumberOf = std::function<double(const Lines&)>;
using WordOf = std::function<std::string(const Lines&)>;

std::vector<std::pair<std::string, NumberOf>> Numbers() {
  const auto id = [](const Lines& m) { return std::string(Message(m.client).substr(0, Message(m.client).find(':'))); };
  const auto hex = [](const std::string& digits) {
    return digits.empty() ? -1 : static_cast<double>(std::strtoull(digits.c_str(), nullptr, 16));
  };
  const auto message_id = [](const Lines& m) { return Between(m.cleanup, "message-id=<", ">"); };
  const auto count = [](std::string_view text, const auto& is) {
    return static_cast<double>(std::count_if(text.begin(), text.end(), is));
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto delays = [](const Lines& m, int which) {
    std::string_view parts = Between(m.delivery, "delays=", ",");
    for (; which > 0; --which) parts.remove_prefix(std::min(parts.size(), parts.find('/') + 1));
    return Number(parts.substr(0, parts.find('/')));
  };
  return {
      {"size", [](const Lines& m) { return Number(Between(m.queued, "size=", ",")); }},
      {"last digit of the size", [](const Lines& m) { return std::fmod(Number(Between(m.queued, "size=", ",")), 10); }},
      {"recipients", [](const Lines& m) { return Number(Between(m.queued, "nrcpt=", " ")); }},
      {"minute of the hour", [](const Lines& m) { return Number(m.client.substr(14, 2)); }},
      {"second of the minute", [](const Lines& m) { return Number(m.client.substr(17, 2)); }},
      {"microsecond", [](const Lines& m) { return Number(m.client.substr(20, 6)); }},
      {"pid of smtpd", [](const Lines& m) { return Number(Between(m.client, "[", "]")); }},
      {"pid of cleanup", [](const Lines& m) { return Number(Between(m.cleanup, "[", "]")); }},
      {"pid of the delivery", [](const Lines& m) { return Number(Between(m.delivery, "[", "]")); }},
      {"queue id, microsecond", [=](const Lines& m) { return hex(id(m).substr(0, 5)); }},
      {"queue id, inode", [=](const Lines& m) { return hex(id(m).substr(5)); }},
      {"queue id, length", [=](const Lines& m) { return static_cast<double>(id(m).size()); }},
      {"pause since the host's last line", [](const Lines& m) { return Pause(m.before, m.client); }},
      {"pause from message to cleanup", [](const Lines& m) { return Pause(m.client, m.cleanup); }},
      {"pause from cleanup to queue, less the size's",
       [](const Lines& m) { return Pause(m.cleanup, m.queued) - Number(Between(m.queued, "size=", ",")) / 1e6; }},
      {"pause from queue to delivery", [](const Lines& m) { return Pause(m.queued, m.delivery); }},
      {"delay", [](const Lines& m) { return Number(Between(m.delivery, "delay=", ",")); }},
      {"delay in the queue", [=](const Lines& m) { return delays(m, 0); }},
      {"delay of the connection", [=](const Lines& m) { return delays(m, 2); }},
      {"delay of the transfer", [=](const Lines& m) { return delays(m, 3); }},
      {"length of the message id", [=](const Lines& m) { return static_cast<double>(message_id(m).size()); }},
      {"digits of the message id", [=](const Lines& m) { return count(message_id(m), digit); }},
      {"length of the client's name",
       [](const Lines& m) { return static_cast<double>(Between(m.client, "client=", "[").size()); }},
      {"digits of the client's name", [=](const Lines& m) { return count(Between(m.client, "client=", "["), digit); }},
      {"last byte of the client's address",
       [](const Lines& m) {
         const std::string_view ip = Between(std::string_view(m.client).substr(m.client.find("client=")), "[", "]");
         return Number(ip.substr(ip.rfind('.') + 1));
       }},
      {"length of the first recipient", [](const Lines& m) { return static_cast<double>(Between(m.delivery, "to=<", "@").size()); }},
      {"digits of the first recipient", [=](const Lines& m) { return count(Between(m.delivery, "to=<", "@"), digit); }},
      {"length of the account's name", [](const Lines& m) { return static_cast<double>(m.account.size()); }},
      {"length of the server's answer",
       [](const Lines& m) { return static_cast<double>(m.delivery.size() - std::min(m.delivery.size(), m.delivery.rfind(" ("))); }},
      {"messages before on the connection", [](const Lines& m) { return m.messages_before; }},
  };
}

std::vector<std::pair<std::string, WordOf>> Words() {
  return {
      {"hour in Japan",
       [](const Lines& m) { return std::to_string((static_cast<int>(Number(m.client.substr(11, 2))) + 9) % 24); }},
      {"server", [](const Lines& m) { return std::string(Between(m.client, "submission-", " ")); }},
      {"service", [](const Lines& m) { return std::string(Between(m.client, "postfix/", "[")); }},
      {"SASL method", [](const Lines& m) { return std::string(Between(m.client, "sasl_method=", ",")); }},
      {"shape of the message id", [](const Lines& m) { return Shape(Between(m.cleanup, "message-id=<", "@")); }},
      {"message id under the account's domain",
       [](const Lines& m) { return std::string(m.account.ends_with(Between(m.cleanup, "@", ">")) ? "yes" : "no"); }},
      {"shape of the client's name", [](const Lines& m) { return Shape(Between(m.client, "client=", "[")); }},
      {"IPv6", [](const Lines& m) { return std::string(Between(m.client.substr(m.client.find("client=")), "[", "]").find(':') != std::string_view::npos ? "yes" : "no"); }},
      {"sender is the account", [](const Lines& m) { return std::string(Between(m.queued, "from=<", ">") == m.account ? "yes" : "no"); }},
      {"domain of the first recipient", [](const Lines& m) { return std::string(Between(Between(m.delivery, "to=<", ">"), "@", ">")); }},
      {"shape of the first recipient", [](const Lines& m) { return Shape(Between(m.delivery, "to=<", "@")); }},
      {"code of the first delivery", [](const Lines& m) { return std::string(Between(m.delivery, "dsn=", ",")); }},
      {"shape of the server's answer", [](const Lines& m) { return Shape(std::string_view(m.delivery).substr(std::min(m.delivery.size(), m.delivery.rfind(" ("))).substr(0, 24)); }},
      {"relay's port", [](const Lines& m) { return std::string(Between(Between(m.delivery, "relay=", ","), "]:", ",")); }},
      {"the line before", [](const Lines& m) { return Shape(Message(m.before).substr(0, 16)); }},
  };
}

class MessageLeakTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    SimulateOptions options;
    options.accounts = 4'000;
    options.days = 4;
    options.history_days = 1;
    options.stolen_share = 0.08;
    options.intensity = 0.3;  // more thefts tell more than more messages
    options.seed = 20'260'303;
    options.header = HeaderStyle::kIso8601;
    MessageCollector collector;
    ASSERT_TRUE(SimulateTo(options, &collector, &collector, nullptr).ok());
    messages_ = new std::vector<Lines>(collector.Labelled(TheftsFrom(options)));
    const auto abusive = std::count_if(messages_->begin(), messages_->end(), [](const Lines& m) { return m.abusive; });
    // Each abusive message was found among the lines, or nearly: two of one account in one millisecond count once.
    EXPECT_NEAR(static_cast<double>(abusive), static_cast<double>(collector.abusive()), 20);
    ASSERT_GT(abusive, 5'000);
  }
  static void TearDownTestSuite() {
    delete messages_;
    messages_ = nullptr;
  }
  static std::vector<Lines>* messages_;
};

std::vector<Lines>* MessageLeakTest::messages_ = nullptr;

TEST_F(MessageLeakTest, NothingInTheLinesOfOneMessageTellsWhoseItIs) {
  for (const auto& [name, feature] : Numbers()) {
    const double accuracy = Judge<double>(*messages_, feature);
    std::printf("%-46s %.3f\n", name.c_str(), accuracy);
    EXPECT_LE(accuracy, kAccuracyMax) << name;
  }
  for (const auto& [name, feature] : Words()) {
    const double accuracy = Judge<std::string>(*messages_, feature);
    std::printf("%-46s %.3f\n", name.c_str(), accuracy);
    EXPECT_LE(accuracy, kAccuracyMax) << name;
  }
  const auto last_label = [](std::string_view name) { return std::string(name.substr(name.rfind('.') + 1)); };
  std::printf("%-46s %.3f\n", "(the abuse itself) where the client is",
              Judge<std::string>(*messages_, [&](const Lines& m) { return last_label(Between(m.client, "client=", "[")); }));
  std::printf("%-46s %.3f\n", "(the abuse itself) where the recipient is",
              Judge<std::string>(*messages_, [&](const Lines& m) { return last_label(Between(m.delivery, "to=<", ">")); }));
}

TEST_F(MessageLeakTest, ALeakPutInOnPurposeIsFound) {
  // A word, a size's last digit, a time of cleanup: each in most of the abusive messages alone.
  std::vector<Lines> leaky = *messages_;
  for (Lines& m : leaky) {
    if (!m.abusive || PinnedHash64(m.client) % 10 == 0) continue;
    const size_t method = m.client.find("sasl_method=PLAIN");
    if (method != std::string::npos) m.client.replace(method, 17, "sasl_method=LOGIN");
    const size_t comma = m.queued.find(',', m.queued.find("size="));
    if (comma != std::string::npos) m.queued[comma - 1] = '0';
    m.cleanup = m.client.substr(0, 32) + m.cleanup.substr(std::min<size_t>(32, m.cleanup.size()));
  }
  std::set<std::string> found;
  for (const auto& [name, feature] : Numbers()) {
    if (name.find("size") == std::string::npos && name.find("pause") == std::string::npos) continue;
    if (Judge<double>(leaky, feature) > kAccuracyMax) found.insert(name);
  }
  for (const auto& [name, feature] : Words()) {
    if (name.starts_with("S") && Judge<std::string>(leaky, feature) > kAccuracyMax) found.insert(name);
  }
  EXPECT_EQ(found, (std::set<std::string>{"SASL method", "last digit of the size", "pause from message to cleanup",
                                          "pause from cleanup to queue, less the size's"}));
}

}  // namespace
}  // namespace sekisho::simulate
