// Goal: the policy file, its documentation and the defaults in the code are one.
// Method: deploy/policy.yaml against the printed default; every value changed in turn must be read back and change the
// version; mistakes must name their place.
#include "engine/app/policy_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

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
    if (value == "enforce") {
      other = "shadow";
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

TEST(PolicyYaml, NamesTheMistake) {
  EXPECT_EQ(ParsePolicy("detectors:\n  guesing: {}\n", "p.yaml").status().message(),
            "p.yaml:2:3: detectors.guesing: unknown key");
  EXPECT_EQ(ParsePolicy("home_countries: [jp]\n", "p.yaml").status().message(),
            "p.yaml:1:17: home_countries: expected ISO 3166 codes in capitals, such as JP");
  EXPECT_EQ(LoadPolicy("/nonexistent/p.yaml").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(LoadPolicy("/").ok());
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
