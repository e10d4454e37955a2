// Goal: what separates a thief from an owner must be what the thief does, seen against what the owner used to
// do. If one number, looked at alone and without any memory, told stolen accounts from honest ones, the
// simulation would be too easy, or something in its lines would give the label away. Method: simulate a
// population in memory; from the lines alone compute for each account some twenty features; for each feature
// take the best threshold that hindsight can find, in either direction, by F1 (the harmonic mean of precision
// and recall). Fail if any reaches kF1Max.
//
// Not among the features, because they are the abuse itself and not a leak: how many addresses, networks or
// countries an account is used from in a day, and whether these are foreign. They are printed, for the
// record.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/simulate/simulate.h"
#include "gtest/gtest.h"

namespace sekisho::simulate {
namespace {

constexpr double kF1Max = 0.65;

struct DayCounts {
  double messages = 0, recipients = 0, bounced = 0, refused = 0, deferred = 0, settled = 0;
};

struct Features {
  std::map<int64_t, DayCounts> days;
  std::map<int64_t, double> failures, reads;
  std::map<int64_t, std::set<std::string>> addresses;
  double messages = 0, size_sum = 0, size_square_sum = 0, recipients = 0, recipients_max = 0, sized = 0;
  double night = 0, login_method = 0, port465 = 0, second_host = 0, unknown_name = 0, forged = 0;
  double pid_sum = 0, inode_sum = 0, id_length_sum = 0, big = 0, deliveries = 0, second_sum = 0,
         delay_sum = 0;
};

// Reads just enough of the lines. Knows the accounts by their logins, the messages by host and queue id.
class Collector : public LogSink, public TruthSink {
 public:
  absl::Status Line(LogFile file, EventTime at, std::string_view line) override {
    const int64_t day = at.day();
    const size_t colon = line.find(": ");
    const std::string_view message = line.substr(colon + 2);
    if (file == LogFile::kImap1) {
      const bool login = message.find("-login: Login: user=<") != std::string_view::npos;
      const bool failed = message.find("auth failed") != std::string_view::npos;
      if (!login && !failed) return absl::OkStatus();
      Features& f = features_[Between(message, "user=<", ">")];
      ++(login ? f.reads : f.failures)[day];
      return absl::OkStatus();
    }
    if (file != LogFile::kSubmission1 && file != LogFile::kSubmission2) return absl::OkStatus();
    if (message.find("authentication failed") != std::string_view::npos) {
      ++features_[std::string(message.substr(message.rfind('=') + 1))].failures[day];
      return absl::OkStatus();
    }
    const size_t end_of_id = message.find(": ");
    if (end_of_id == std::string_view::npos) return absl::OkStatus();
    std::string key(message.substr(0, end_of_id));
    key.push_back(file == LogFile::kSubmission1 ? '1' : '2');
    const std::string_view rest = message.substr(end_of_id + 2);
    if (rest.starts_with("client=")) {
      const std::string account(rest.substr(rest.rfind('=') + 1));
      account_of_[key] = account;
      Features& f = features_[account];
      ++f.messages;
      ++f.days[day].messages;
      const int64_t second_of_day = at.millis() / 1000 % 86'400;
      f.night += (second_of_day / 3600 + 9) % 24 < 6;  // in Japan
      f.second_sum += static_cast<double>(at.millis() / 1000 % 60);
      f.login_method += rest.find("sasl_method=LOGIN") != std::string_view::npos;
      f.port465 += line.substr(0, colon).find("submissions") != std::string_view::npos;
      f.second_host += file == LogFile::kSubmission2;
      f.unknown_name += rest.starts_with("client=unknown[");
      f.pid_sum += std::stod(Between(line, "[", "]"));
      f.inode_sum +=
          static_cast<double>(std::stoull(std::string(message.substr(5, end_of_id - 5)), nullptr, 16));
      f.addresses[day].insert(Between(rest, "[", "]"));
      return absl::OkStatus();
    }
    const auto found = account_of_.find(key);
    if (found == account_of_.end()) return absl::OkStatus();
    Features& f = features_[found->second];
    if (rest.starts_with("message-id=")) {
      f.id_length_sum += static_cast<double>(rest.size());
    } else if (rest.starts_with("from=<")) {
      const double size = std::stod(Between(rest, "size=", ","));
      const double recipients = std::stod(Between(rest, "nrcpt=", " "));
      ++f.sized;
      f.size_sum += size;
      f.size_square_sum += size * size;
      f.forged += Between(rest, "from=<", ">") != found->second;
      f.recipients += recipients;
      f.recipients_max = std::max(f.recipients_max, recipients);
      f.days[day].recipients += recipients;
    } else if (rest.starts_with("to=<")) {
      const std::string domain = Between(rest, "@", ">");
      f.big += domain == "gmail.com" || domain == "yahoo.com" || domain == "hotmail.com" ||
               domain == "yahoo.co.jp";
      ++f.deliveries;
      f.delay_sum += std::stod(Between(rest, "delay=", ","));
      DayCounts& d = f.days[day];
      ++d.settled;
      d.bounced += rest.find("status=bounced") != std::string_view::npos;
      d.refused += rest.find("dsn=5.7.1") != std::string_view::npos;
      d.deferred += rest.find("status=deferred") != std::string_view::npos;
    }
    return absl::OkStatus();
  }
  absl::Status Abuse(std::string_view, const AbusiveMessage&) override { return absl::OkStatus(); }
  absl::Status Account(const AccountTruth& truth) override {
    truths_.push_back(truth);
    return absl::OkStatus();
  }

  const std::vector<AccountTruth>& truths() const { return truths_; }
  const Features& features(const std::string& account) { return features_[account]; }

 private:
  static std::string Between(std::string_view text, std::string_view before, std::string_view after) {
    const size_t begin = text.find(before);
    if (begin == std::string_view::npos) return "0";
    const std::string_view rest = text.substr(begin + before.size());
    return std::string(rest.substr(0, rest.find(after)));
  }
  std::unordered_map<std::string, Features> features_;
  std::unordered_map<std::string, std::string> account_of_;
  std::vector<AccountTruth> truths_;
};

struct Best {
  double f1 = 0, precision = 0, recall = 0, threshold = 0;
  bool above = true;
};

// The best rule "value >= threshold" or "value <= threshold" in hindsight.
Best BestRule(std::vector<std::pair<double, bool>> values) {
  Best best;
  const double stolen =
      static_cast<double>(std::count_if(values.begin(), values.end(), [](auto& v) { return v.second; }));
  for (const bool above : {true, false}) {
    std::sort(values.begin(), values.end(), [above](const auto& a, const auto& b) {
      return above ? a.first > b.first : a.first < b.first;
    });
    double hits = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      hits += values[i].second;
      if (i + 1 < values.size() && values[i + 1].first == values[i].first) continue;
      const double precision = hits / static_cast<double>(i + 1), recall = hits / stolen;
      const double f1 = hits > 0 ? 2 * precision * recall / (precision + recall) : 0;
      if (f1 > best.f1) best = Best{f1, precision, recall, values[i].first, above};
    }
  }
  return best;
}

TEST(LeakTest, NoSingleStatelessFeatureTellsStolenFromHonest) {
  SimulateOptions options;
  options.accounts = 8'000;
  options.days = 6;
  options.seed = 20'260'302;
  Collector c;
  ASSERT_TRUE(SimulateTo(options, &c, &c, nullptr).ok());

  using Value = std::function<double(const std::string&, const Features&)>;
  const auto day_max = [](double DayCounts::*field) {
    return [field](const std::string&, const Features& f) {
      double most = 0;
      for (const auto& [day, counts] : f.days) most = std::max(most, counts.*field);
      return most;
    };
  };
  const auto day_share = [](double DayCounts::*part) {
    return [part](const std::string&, const Features& f) {
      double most = 0;
      for (const auto& [day, d] : f.days) {
        if (d.settled > 0) most = std::max(most, d.*part / d.settled);
      }
      return most;
    };
  };
  const auto mean = [](double Features::*sum, double Features::*of) {
    return [sum, of](const std::string&, const Features& f) { return f.*of > 0 ? f.*sum / f.*of : -1; };
  };
  const auto map_max = [](std::map<int64_t, double> Features::*counts) {
    return [counts](const std::string&, const Features& f) {
      double most = 0;
      for (const auto& [day, count] : f.*counts) most = std::max(most, count);
      return most;
    };
  };
  const std::vector<std::pair<std::string, Value>> rules = {
      {"messages in a day", day_max(&DayCounts::messages)},
      {"recipients in a day", day_max(&DayCounts::recipients)},
      {"bounced in a day", day_max(&DayCounts::bounced)},
      {"refused as spam in a day", day_max(&DayCounts::refused)},
      {"share bounced, worst day", day_share(&DayCounts::bounced)},
      {"share refused, worst day", day_share(&DayCounts::refused)},
      {"share deferred, worst day", day_share(&DayCounts::deferred)},
      {"failed logins in a day", map_max(&Features::failures)},
      {"mailbox logins in a day", map_max(&Features::reads)},
      {"recipients of a message, mean", mean(&Features::recipients, &Features::messages)},
      {"recipients of a message, most",
       [](const std::string&, const Features& f) { return f.recipients_max; }},
      {"size of a message, mean", mean(&Features::size_sum, &Features::sized)},
      {"size of a message, relative spread",
       [](const std::string&, const Features& f) {
         if (f.sized < 2) return -1.0;
         const double m = f.size_sum / f.sized;
         return std::sqrt(std::max(0.0, f.size_square_sum / f.sized - m * m)) / m;
       }},
      {"share sent at night", mean(&Features::night, &Features::messages)},
      {"second within the minute, mean", mean(&Features::second_sum, &Features::messages)},
      {"share of SASL LOGIN", mean(&Features::login_method, &Features::messages)},
      {"share of port 465", mean(&Features::port465, &Features::messages)},
      {"share of the second server", mean(&Features::second_host, &Features::messages)},
      {"share without a reverse name", mean(&Features::unknown_name, &Features::messages)},
      {"share under another sender", mean(&Features::forged, &Features::sized)},
      {"pid, mean", mean(&Features::pid_sum, &Features::messages)},
      {"inode in the queue id, mean", mean(&Features::inode_sum, &Features::messages)},
      {"length of the message id, mean", mean(&Features::id_length_sum, &Features::messages)},
      {"share to large providers", mean(&Features::big, &Features::deliveries)},
      {"delay of a delivery, mean", mean(&Features::delay_sum, &Features::deliveries)},
      {"length of the account's name",
       [](const std::string& account, const Features&) { return static_cast<double>(account.size()); }},
      {"digits in the account's name",
       [](const std::string& account, const Features&) {
         return static_cast<double>(
             std::count_if(account.begin(), account.end(), [](char x) { return x >= '0' && x <= '9'; }));
       }},
  };
  const auto judge = [&](const std::string& name, const Value& value) {
    std::vector<std::pair<double, bool>> values;
    for (const AccountTruth& truth : c.truths()) {
      values.emplace_back(value(truth.account, c.features(truth.account)), truth.stolen);
    }
    const Best best = BestRule(std::move(values));
    std::printf("%-40s F1 %.2f (precision %.2f, recall %.2f at %s %.4g)\n", name.c_str(), best.f1,
                best.precision, best.recall, best.above ? ">=" : "<=", best.threshold);
    return best.f1;
  };
  for (const auto& [name, value] : rules) EXPECT_LE(judge(name, value), kF1Max) << name;
  judge("(the abuse itself) addresses in a day", [](const std::string&, const Features& f) {
    size_t most = 0;
    for (const auto& [day, addresses] : f.addresses) most = std::max(most, addresses.size());
    return static_cast<double>(most);
  });
}

}  // namespace
}  // namespace sekisho::simulate
