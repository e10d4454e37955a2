// Goal: the published rotation is stopped within its first five messages, and the month of its owner's use before it is
// not. Method: the incident's log lines through the program itself, with a geo database of the published countries; what was
// done, and how many messages escaped, is compared with rotating-addresses-2014.golden, which SEKISHO_UPDATE_GOLDEN=1 rewrites.
#include "tests/incident/incident.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace sekisho::incident {
namespace {

// From an action to what it does in the mail fleet.
constexpr Span kEnforced = Span::Seconds(2);

TEST(Incident, StoppedWithinFiveMessagesAndItsOwnerIsNot) {
  const auto uses = ReadUses("tests/data/rotating-addresses-2014.tsv");
  ASSERT_TRUE(uses.ok()) << uses.status();
  ASSERT_EQ(uses->size(), 84u);
  const auto dir = std::filesystem::path(::testing::TempDir()) / "sekisho_incident";
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "mail.log", std::ios::binary) << LogLines(*uses);
  ASSERT_TRUE(WriteGeo(*uses, (dir / "country.mmdb").string()).ok());

  const std::string command = std::string(SEKISHO_BINARY) + " replay --geo " + (dir / "country.mmdb").string() +
                              " --out " + (dir / "actions.jsonl").string() + " " + (dir / "mail.log").string() + " 2>" +
                              (dir / "summary").string();
  ASSERT_EQ(std::system(command.c_str()), 0) << command;

  std::ifstream in(dir / "actions.jsonl");
  std::string line, done, stopped, until;  // times as they are written: in the order of time, letter by letter
  while (std::getline(in, line)) {
    const auto action = nlohmann::json::parse(line);
    ASSERT_EQ(action.at("account"), kAccount);
    const std::string time = action.at("time"), kind = action.at("action"), rule = action.at("rule");
    EXPECT_GE(time, FormatRfc3339(TheftBegins())) << "against the owner: " << line;
    EXPECT_EQ(action.at("mode"), "enforce");
    done += time + " " + kind + " by " + rule + ":";
    for (const auto& e : action.at("evidence")) {
      done += " " + e.at("detector").get<std::string>() + "=" + e.at("score").dump() + "(" + e.at("feature").get<std::string>() +
              " " + e.at("value").dump() + "/" + e.at("threshold").dump() + ")";
    }
    done += "\n";
    if (kind == "suspend" && stopped.empty()) stopped = time, until = action.at("expires");
  }
  ASSERT_FALSE(stopped.empty());
  size_t escaped = 0;
  for (const Use& use : *uses) {
    const EventTime sent = TheftBegins() + use.elapsed;
    if (FormatRfc3339(sent - kEnforced) <= stopped || FormatRfc3339(sent) >= until) ++escaped;
  }
  EXPECT_LE(escaped, 5u);
  done += std::to_string(escaped) + " of the thief's " + std::to_string(uses->size()) + " messages escaped\n";

  const std::string golden = "tests/incident/rotating-addresses-2014.golden";
  if (std::getenv("SEKISHO_UPDATE_GOLDEN") != nullptr) std::ofstream(golden) << done;
  std::ifstream known(golden);
  std::stringstream want;
  want << known.rdbuf();
  EXPECT_EQ(done, want.str()) << golden;
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace sekisho::incident
