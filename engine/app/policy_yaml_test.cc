// Goal: the policy file, its documentation and the defaults in the code are one.
// Method: deploy/policy.yaml against the printed default; every value changed in turn must be read back and change the
// version; mistakes must name their place.
#include "engine/app/policy_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sekisho::app {
namespace {

TEST(PolicyYaml, TheShippedFileIsTheDefault) {
  std::stringstream shipped;
  shipped << std::ifstream("deploy/policy.yaml").rdbuf();
  EXPECT_EQ(shipped.str(), DefaultPolicyYaml()) << "run: sekisho policy default > deploy/policy.yaml";
  const auto policy = ParsePolicy(shipped.str(), "deploy/policy.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->version, Policy::Default().version);
  EXPECT_EQ(policy->jitter_key.bytes, Policy::Default().jitter_key.bytes);
}

TEST(PolicyYaml, EveryKeyIsDocumented) {
  std::istringstream lines(DefaultPolicyYaml());
  std::string line, before;
  while (std::getline(lines, line)) {
    if (line.find_first_not_of(' ') != std::string::npos && line[line.find_first_not_of(' ')] != '#') {
      EXPECT_THAT(before, testing::HasSubstr("# ")) << line;
    }
    before = line;
  }
}

// A list of every value's line and a different legal value for it would only repeat the table; what can go wrong is a key
// bound to the wrong field, which shows when changing it changes another key's printed value or none. Changing a value
// must change the version, so each field is read; two keys on one field would make the default file contradict itself.
TEST(PolicyYaml, EachValueCountsInTheVersion) {
  std::istringstream lines(DefaultPolicyYaml());
  std::string line;
  std::vector<std::string> path;
  int changed = 0;
  while (std::getline(lines, line)) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos || line[indent] == '#') continue;
    path.resize(indent / 2);
    const size_t colon = line.find(':');
    path.push_back(line.substr(indent, colon - indent));
    if (colon + 1 == line.size()) continue;
    const std::string value = line.substr(colon + 2);
    std::string other;
    if (path.back() == "rules") {
      other = "[{name: n, when: stray, score: 1, family: origin}]";
    } else if (value == "enforce") {
      other = "shadow";
    } else if (path.back() == "allow") {
      other = "[{account: a, owner: o, reason: r, expires: 2030-01-01}]";
    } else if (value.front() == '[') {
      other = path.front() == "source_classes" ? "[AS64500, 192.0.2.0/24]" : "[JP, DE]";
    } else if (value.front() == '"') {
      other = "other";
    } else if (value.back() == 'd' || value.back() == 'h') {
      other = "5m";
    } else {
      other = std::to_string(std::stoll(value) == 1 ? 2 : std::stoll(value) - 1);
    }
    std::string yaml, tail;
    for (const std::string& key : path) {
      yaml += (yaml.empty() ? "" : ": {") + key;
      if (&key != &path.front()) tail += "}";
    }
    yaml += ": " + other + tail;
    const auto policy = ParsePolicy(yaml, "p.yaml");
    ASSERT_TRUE(policy.ok()) << policy.status() << "\n" << yaml;
    EXPECT_NE(policy->version, Policy::Default().version) << yaml;
    ++changed;
  }
  EXPECT_GT(changed, 60);
}

TEST(PolicyYaml, ReadsIntoTheRightField) {
  const auto policy = ParsePolicy(
      "version: site-7\nmode: shadow\nhome_countries: [JP, TW]\n"
      "detectors:\n  guessing: {mode: off, sources_min: 9}\n  send_rate: {mode: shadow}\n"
      "  country_velocity:\n    two_hours: {at_least: 4, score: 61}\n"
      "ladder:\n  suspend: {risk: 80, families: 3, lasts: 12h}\n",
      "site.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_THAT(policy->version, testing::MatchesRegex("site-7-[0-9a-f]{8}"));
  EXPECT_EQ(policy->mode, Mode::kShadow);
  EXPECT_THAT(policy->home_countries, testing::ElementsAre(0x4a50, 0x5457));
  EXPECT_EQ(policy->detectors[static_cast<size_t>(DetectorId::kGuessing)], DetectorMode::kOff);
  EXPECT_EQ(policy->detectors[static_cast<size_t>(DetectorId::kSendRate)], DetectorMode::kShadow);
  EXPECT_EQ(policy->guessing.sources_min, 9);
  EXPECT_EQ(policy->country_velocity.two_hours.at_least, 4);
  EXPECT_EQ(policy->country_velocity.two_hours.score, 61);
  EXPECT_EQ(policy->suspend.risk, 80);
  EXPECT_EQ(policy->suspend.families, 3);
  EXPECT_EQ(policy->suspend.lasts, Span::Hours(12));
}

TEST(PolicyYaml, ReadsWhoseAccountsTheyAreAndWhoIsTrusted) {
  const auto policy = ParsePolicy(
      "classes:\n  business: {accounts: [\"*@Firm.example.jp\", boss@example.jp]}\n"
      "  sender:\n    accounts: [news@firm.example.jp]\n    send_rate: {hour_limit: 7}\n    recipient_rate: {day_limit: 9}\n"
      "shadow: {accounts: [\"*@trial.example.jp\"]}\n"
      "allow:\n"
      "  - {account: Shop@example.jp, owner: noc, reason: catalogue, expires: 2027-03-31}\n"
      "  - {account: \"*@school.example.jp\", owner: noc, reason: lessons, expires: 2027-03-31T18:00:00+09:00}\n"
      "  - {network: 192.0.2.0/24, owner: noc, reason: relays, expires: 2027-03-31}\n"
      "  - {network: \"2001:db8::/32\", owner: noc, reason: relays, expires: 2027-03-31}\n"
      "  - {asn: 64500, owner: noc, reason: data centre, expires: 2027-03-31}\n",
      "site.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->ClassOf("a@firm.example.jp"), CustomerClass::kBusiness);
  EXPECT_EQ(policy->ClassOf("boss@example.jp"), CustomerClass::kBusiness);
  EXPECT_EQ(policy->ClassOf("news@firm.example.jp"), CustomerClass::kSender);
  EXPECT_EQ(policy->ClassOf("a@example.jp"), CustomerClass::kConsumer);
  EXPECT_EQ(policy->sender_send_rate.hour_limit, 7);
  EXPECT_EQ(policy->sender_recipient_rate.day_limit, 9);
  EXPECT_EQ(policy->ModeFor("x@trial.example.jp"), Mode::kShadow);
  EXPECT_EQ(policy->ModeFor("x@example.jp"), Mode::kEnforce);
  const EventTime end = EventTime::FromSeconds(1'806'451'200);  // 2027-03-31T00:00:00Z
  const EventTime before = end - Span::Millis(1);
  ASSERT_EQ(policy->allow.size(), 5u);
  EXPECT_EQ(policy->allow[0].owner, "noc");
  EXPECT_EQ(policy->allow[0].expires, end);
  EXPECT_EQ(policy->allowed.OfAccount("shop@example.jp", before), Ruling::kAllowed);
  EXPECT_EQ(policy->allowed.OfAccount("shop@example.jp", end), Ruling::kNone);
  EXPECT_EQ(policy->allowed.OfAccount("a@school.example.jp", end + Span::Hours(9) - Span::Millis(1)), Ruling::kAllowed);
  EXPECT_EQ(policy->allowed.OfAccount("a@school.example.jp", end + Span::Hours(9)), Ruling::kNone);
  const Place place{0, 64500};
  EXPECT_EQ(policy->allowed.OfSource(IpAddress::Parse("192.0.2.9").value(), {}, before), Ruling::kAllowed);
  EXPECT_EQ(policy->allowed.OfSource(IpAddress::Parse("192.0.3.9").value(), {}, before), Ruling::kNone);
  EXPECT_EQ(policy->allowed.OfSource(IpAddress::Parse("2001:db8:1::1").value(), {}, before), Ruling::kAllowed);
  EXPECT_EQ(policy->allowed.OfSource(IpAddress::Parse("198.51.100.1").value(), place, before), Ruling::kAllowed);
  EXPECT_NE(PolicyDigest(*policy), PolicyDigest(Policy::Default()));
}

TEST(PolicyYaml, NamesWhatIsWrongWithClassesAndAllowEntries) {
  const auto error = [](const std::string& yaml) { return std::string(ParsePolicy(yaml, "p.yaml").status().message()); };
  EXPECT_EQ(error("classes:\n  business:\n    accounts:\n      - a@b\n      - \"*b\"\n"),
            "p.yaml:5:9: classes.business.accounts[1]: expected an account such as hanako@example.jp, or *@example.jp for all of a "
            "domain, not \"*b\"");
  for (const char* wrong : {"\"\"", "\"*@\"", "\"*@a@b\"", "\"a b\"", "\"a@*\"", "\"a\\tb\""}) {
    EXPECT_THAT(error("shadow: {accounts: [" + std::string(wrong) + "]}\n"), testing::HasSubstr("p.yaml:1:21: shadow.accounts[0]: expected an account"))
        << wrong;
  }
  EXPECT_THAT(error("classes:\n  sender: {accounts: [a@b]}\n  business: {accounts: [A@b]}\n"),
              testing::StartsWith("p.yaml:3:25: classes.business.accounts[0]: it is in classes.sender.accounts already"));
  EXPECT_THAT(error("classes: {sender: {accounts: [a@b, a@b]}}\n"), testing::HasSubstr("accounts[1]: it is in the list already"));
  const std::string owner = "owner: o, reason: r, expires: 2030-01-01";
  const std::pair<std::string, std::string> entries[] = {
      {"{" + owner + "}", "p.yaml:1:9: allow[0]: expected one of account, network and asn"},
      {"{account: a, asn: 1, " + owner + "}", "p.yaml:1:9: allow[0]: expected one of account, network and asn"},
      {"{account: a, reason: r, expires: 2030-01-01}", "p.yaml:1:9: allow[0]: owner is missing: who answers for it?"},
      {"{account: a, owner: o, expires: 2030-01-01}", "p.yaml:1:9: allow[0]: reason is missing"},
      {"{account: a, owner: o, reason: r}", "p.yaml:1:9: allow[0]: expires is missing: when shall somebody look at it again?"},
      {"{account: a, owner: o, reason: r, expires: soon}", "p.yaml:1:9: allow[0]: expires: expected a date such as 2027-03-31"},
      {"{network: 192.0.2.0/99, " + owner + "}", "p.yaml:1:9: allow[0]: network: expected a network such as 192.0.2.0/24"},
      {"{account: \"*\", " + owner + "}", "p.yaml:1:9: allow[0]: account: expected an account"},
      {"{asn: 4294967296, " + owner + "}", "p.yaml:1:15: allow[0].asn: expected a whole number"},
      {"{acount: a, " + owner + "}", "p.yaml:1:10: allow[0].acount: unknown key"},
      {"{asn: 1, " + owner + "}, {asn: 1, " + owner + "}", "allow[1]: the same is allowed by an earlier entry already"},
  };
  for (const auto& [entry, words] : entries) EXPECT_THAT(error("allow: [" + entry + "]\n"), testing::HasSubstr(words)) << entry;
}

// Goal: the lists count in the version, and what is stored of a policy gives them back.
TEST(PolicyYaml, TheListsAreOfTheVersion) {
  const auto version = [](const std::string& yaml) { return ParsePolicy(yaml, "p.yaml")->version; };
  const std::string entry = "allow: [{asn: 1, owner: o, reason: r, expires: 2030-01-01}]\n";
  EXPECT_EQ(version(entry), version(entry));
  EXPECT_NE(version(entry), version("allow: [{asn: 1, owner: o, reason: r, expires: 2030-01-02}]\n"));
  EXPECT_NE(version("shadow: {accounts: [a]}\n"), version("shadow: {accounts: [b]}\n"));
  const auto policy = ParsePolicy(entry, "p.yaml");
  EXPECT_EQ(PolicyDigest(*policy), PolicyDigest(*ParsePolicy(entry, "p.yaml")));
}

TEST(PolicyYaml, NamesTheMistake) {
  EXPECT_EQ(ParsePolicy("detectors:\n  guesing: {}\n", "p.yaml").status().message(),
            "p.yaml:2:3: detectors.guesing: unknown key");
  EXPECT_EQ(ParsePolicy("home_countries: [jp]\n", "p.yaml").status().message(),
            "p.yaml:1:17: home_countries: expected ISO 3166 codes in capitals, such as JP");
  EXPECT_EQ(LoadPolicy("/nonexistent/p.yaml").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(LoadPolicy("/").ok());
}

constexpr char kRules[] =
    "version: site-7\n"
    "rules:\n"
    "  - name: abroad_and_busy\n"
    "    when: distinct_countries(1h) >= 3 && recipients(1h) > 5 * usual_recipients(1h)\n"
    "    score: 40\n"
    "    family: origin\n"
    "    mode: on\n"
    "    says: \"外国から、いつもより多く \\\"busy\\\"\"\n"
    "  - {name: quiet, when: \"!stray\", score: 1, family: mailbox}\n"
    "  - name: folded\n"
    "    when: >\n"
    "      messages(1h) > 100 &&\n"
    "      messages(1h) >\n"
    "      3 * usual_messages(1h)\n"
    "    score: 100\n"
    "    family: volume\n"
    "    mode: off\n";

TEST(PolicyYaml, ReadsOwnRules) {
  const auto policy = ParsePolicy(kRules, "site.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  const std::span<const rules::Rule> rules = policy->rules.rules();
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].name, "abroad_and_busy");
  EXPECT_EQ(rules[0].score, 40);
  EXPECT_EQ(rules[0].family, Family::kOrigin);
  EXPECT_EQ(rules[0].mode, rules::RuleMode::kOn);
  EXPECT_EQ(rules[0].says, "外国から、いつもより多く \"busy\"");
  EXPECT_EQ(rules[1].when, "!stray");
  EXPECT_EQ(rules[1].mode, rules::RuleMode::kShadow) << "unless it says otherwise";
  EXPECT_EQ(rules[2].when, "messages(1h) > 100 && messages(1h) > 3 * usual_messages(1h)") << "on one line";
  EXPECT_EQ(rules[2].mode, rules::RuleMode::kOff);
}

// Goal: the version stands for each value of each rule. Method: one changed in turn.
TEST(PolicyYaml, EachValueOfARuleCountsInTheVersion) {
  const auto policy = ParsePolicy(kRules, "site.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  const std::pair<std::string, std::string> kChanges[] = {{"abroad", "a_broad"}, {">= 3", ">= 4"}, {"score: 40", "score: 41"},
                                                          {"family: origin", "family: volume"}, {"mode: on", "mode: shadow"},
                                                          {"いつも", "つも"}, {"mode: off", "mode: shadow"}};
  for (const auto& [from, to] : kChanges) {
    std::string yaml = kRules;
    yaml.replace(yaml.find(from), from.size(), to);
    const auto other = ParsePolicy(yaml, "site.yaml");
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_NE(other->version, policy->version) << from;
    EXPECT_NE(PolicyDigest(*other), PolicyDigest(*policy)) << from;
  }
  EXPECT_EQ(ParsePolicy(kRules, "again")->version, policy->version);
}

// Goal: a mistake in a rule is found by file, line and column, however the rule is written.
TEST(PolicyYaml, NamesTheMistakeWithinARule) {
  const auto error = [](const std::string& rule) {
    return std::string(ParsePolicy("mode: shadow\nrules:\n" + rule, "p.yaml").status().message());
  };
  const std::string rest = "    score: 40\n    family: origin\n";
  using testing::StartsWith;
  EXPECT_THAT(error("  - name: n\n    when: mesages(1h) > 3\n" + rest), StartsWith("p.yaml:4:11: rules[0].when: there is no feature \"mesages\"; did you mean messages?"));
  EXPECT_THAT(error("  - name: n\n    when: stray && messages(32d) > 3\n" + rest), StartsWith("p.yaml:4:29: rules[0].when: a window is from 1s to 31d"));
  EXPECT_THAT(error("  - name: n\n    when: \"stray && 5\"\n" + rest), StartsWith("p.yaml:4:21: rules[0].when: \"&&\" wants yes or no"));
  EXPECT_THAT(error("  - name: n\n    when: 'stray &&'\n" + rest), StartsWith("p.yaml:4:20: rules[0].when: a number, a feature"));
  EXPECT_THAT(error("  - name: n\n    when: |\n      stray &&\n        1 < 2 < 3\n" + rest), StartsWith("p.yaml:6:15: rules[0].when: comparisons don't chain"));
  EXPECT_THAT(error("  - name: n\n    when: >-  # folded\n      stray &&\n      young +\n      1 > 2\n" + rest), StartsWith("p.yaml:6:7: rules[0].when: \"+\" wants a number"));
  EXPECT_THAT(error("  - name: n\n    when: stray &&\n      2\n" + rest), StartsWith("p.yaml:5:7: rules[0].when: \"&&\" wants yes or no"));
  EXPECT_THAT(error("  - {name: n, when: stray &&, score: 1, family: origin}\n"), StartsWith("p.yaml:3:29: rules[0].when: "));
  EXPECT_THAT(error("  - name: n\n    when: !stray && young\n" + rest), StartsWith("p.yaml:4:11: rules[0].when: what begins with \"!\" must be in quotes"));
  EXPECT_THAT(error("  - name: n\n    when: stray\n    score: 101\n    family: origin\n"), StartsWith("p.yaml:5:12: rules[0].score: expected a whole number"));
  EXPECT_THAT(error("  - name: n\n    when: stray\n    score: 1\n    family: colour\n"), StartsWith("p.yaml:6:13: rules[0].family: expected origin or"));
  EXPECT_THAT(error("  - name: n\n    where: stray\n"), StartsWith("p.yaml:4:5: rules[0].where: unknown key"));
  EXPECT_THAT(error("  - name: n\n    name: m\n"), StartsWith("p.yaml:4:5: rules[0].name: is given twice"));
  EXPECT_THAT(error("  - name: n\n    when: stray\n    score: 1\n"), StartsWith("p.yaml:3:5: rules[0]: the rule n wants a family"));
  EXPECT_THAT(error("  - name: n\n    score: 1\n    family: origin\n"), StartsWith("p.yaml:3:5: rules[0]: the rule n wants to know when"));
  EXPECT_THAT(error("  - {name: n, when: stray, score: 1, family: origin}\n  - {name: n, when: young, score: 1, family: origin}\n"),
              StartsWith("p.yaml:4:5: rules[1]: there is another rule of the name n"));
  EXPECT_THAT(error("  name: n\n"), StartsWith("p.yaml:3:3: rules: expected a list of at most 64"));
  EXPECT_THAT(error("  - stray\n"), StartsWith("p.yaml:3:5: rules[0]: expected keys and values"));
  EXPECT_THAT(error("  - name: n\n    says: \"a\\nb\"\n"), StartsWith("p.yaml:4:11: rules[0].says: expected"));
}

// Goal: what a partition keeps of its first policy gives that policy again.
TEST(PolicyYaml, TheDefaultsTextIsTheDefault) {
  const absl::StatusOr<PolicyText> text = LoadPolicyText("");
  ASSERT_TRUE(text.ok()) << text.status();
  const absl::StatusOr<Policy> again = ParsePolicy(text->yaml, "again");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->version, text->policy.version);
  EXPECT_EQ(PolicyDigest(*again), PolicyDigest(text->policy));
}

}  // namespace
}  // namespace sekisho::app
