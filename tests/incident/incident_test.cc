// Goal: the published rotation is stopped within its first five messages, and the month of its owner's use before it is
// not. Method: the incident's log lines through the program itself, with a geo database of the published countries.
#include "tests/incident/incident.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sekisho::incident {
namespace {

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
  std::string line, suspended;
  while (std::getline(in, line)) {
    const auto action = nlohmann::json::parse(line);
    ASSERT_EQ(action.at("account"), kAccount);
    const std::string time = action.at("time");
    EXPECT_GE(time, FormatRfc3339(TheftBegins())) << "against the owner: " << line;
    if (action.at("action") == "suspend" && suspended.empty()) suspended = time;
  }
  ASSERT_FALSE(suspended.empty());
  size_t messages = 0;
  while (messages < uses->size() && FormatRfc3339(TheftBegins() + (*uses)[messages].elapsed) <= suspended) ++messages;
  std::printf("suspended at %s, at message %zu of %zu\n", suspended.c_str(), messages, uses->size());
  EXPECT_LE(messages, 5u);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace sekisho::incident
