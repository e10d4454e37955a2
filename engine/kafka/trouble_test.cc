// Goal: an outage is one line, not thousands, and its end is another. Method: says things, and looks at what is delivered.
#include "engine/kafka/trouble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sekisho::kafka {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Delivered(Trouble* trouble) {
  std::vector<std::string> lines;
  trouble->Deliver([&lines](const Notice& notice) {
    std::string line(notice.name);
    for (const auto& [name, value] : notice.fields) line += " " + std::string(name) + "=" + value;
    lines.push_back(line);
  });
  return lines;
}

TEST(TroubleTest, SaysItOnceUntilItIsWellAgain) {
  Trouble trouble;
  for (int i = 0; i < 3; ++i) trouble.Say("group", RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "no");
  EXPECT_THAT(Delivered(&trouble), ElementsAre("kafka client=group code=GROUP_AUTHORIZATION_FAILED reason=no hint=this user may not use the "
                                               "consumer group: grant it Read on the group"));
  EXPECT_THAT(Delivered(&trouble), ElementsAre());
  trouble.Well("outputs");
  EXPECT_THAT(Delivered(&trouble), ElementsAre()) << "another's success says nothing";
  trouble.Well("group");
  trouble.Well("group");
  EXPECT_THAT(Delivered(&trouble), ElementsAre("kafka_well client=group"));
  trouble.Say("group", RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "again");
  EXPECT_EQ(Delivered(&trouble).size(), 1u);
}

TEST(TroubleTest, ALostConnectionIsNewsOnlyWhenAllAreLostAndThenForAllClients) {
  Trouble trouble;
  trouble.Say("group", RD_KAFKA_RESP_ERR__TRANSPORT, "broker 1: refused");
  EXPECT_THAT(Delivered(&trouble), ElementsAre());
  trouble.Say("group", RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
  trouble.Say("reader", RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
  EXPECT_THAT(Delivered(&trouble), ElementsAre("kafka client=any code=_ALL_BROKERS_DOWN reason=1/1 brokers are down (broker 1: refused)"));
  trouble.Well("outputs");
  EXPECT_THAT(Delivered(&trouble), ElementsAre("kafka_well client=outputs"));
}

TEST(LastWordsTest, AReasonThatSaysMoreStays) {
  LastWords words;
  words.Take(RD_KAFKA_RESP_ERR__TRANSPORT, "refused");
  words.Take(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
  EXPECT_EQ(words.text(), "refused");
  words.Take(RD_KAFKA_RESP_ERR__AUTHENTICATION, "no such user");
  words.Take(RD_KAFKA_RESP_ERR__TRANSPORT, "disconnected");
  EXPECT_EQ(words.text(), "no such user: " + std::string(HintFor(RD_KAFKA_RESP_ERR__AUTHENTICATION)));
  words.Forget();
  EXPECT_EQ(words.text() + std::string(words.hint()), "");
}

}  // namespace
}  // namespace sekisho::kafka
