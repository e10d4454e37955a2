// Goal: codes are read exactly; "spam" is heard in a receiver's words, and not in what a sender can put into them.
// Method: answers in the shapes that Postfix and Exim log.
#include "connectors/common/smtp_reply.h"

#include <gtest/gtest.h>

#include <string>

namespace sekisho::connectors {
namespace {

TEST(StatusCodeTest, ReadsThreeNumbersAndNothingLess) {
  EXPECT_EQ(ParseStatusCode("5.7.1"), (StatusCode{5, 7, 1}));
  EXPECT_EQ(ParseStatusCode("4.7.25 Client host rejected"), (StatusCode{4, 7, 25}));
  EXPECT_EQ(ParseStatusCode("5.12.345 <a@b>"), (StatusCode{5, 12, 345}));
  for (const char* bad : {"", "5", "5.7", "5.7.", "5..1", "3.7.1", "5.7.1.2", "5.7.1234", "5.1234.1", "a5.7.1"}) {
    EXPECT_EQ(ParseStatusCode(bad), StatusCode()) << bad;
  }
}

TEST(StatusCodeTest, AReplyMayHaveABasicCodeInFront) {
  EXPECT_EQ(ParseReplyCode("550 5.7.1 no"), (StatusCode{5, 7, 1}));
  EXPECT_EQ(ParseReplyCode("550-5.7.1 no"), (StatusCode{5, 7, 1}));
  EXPECT_EQ(ParseReplyCode("450 no"), (StatusCode{4, 0, 0}));
  EXPECT_EQ(ParseReplyCode("550"), (StatusCode{5, 0, 0}));
  EXPECT_EQ(ParseReplyCode("4.2.2 full"), (StatusCode{4, 2, 2}));
  EXPECT_EQ(ParseReplyCode("hello"), StatusCode());
}

TEST(SpamRefusalTest, ByCodeOrByWord) {
  EXPECT_TRUE(IsSpamRefusal({5, 7, 1}, "host mx.a[192.0.2.1] said: 550 5.7.1 no"));
  EXPECT_TRUE(IsSpamRefusal({5, 0, 0}, "host mx.a[192.0.2.1] said: 550 Looks like SPAM to me"));
  EXPECT_TRUE(IsSpamRefusal({4, 0, 0}, "421 poor reputation"));
  EXPECT_FALSE(IsSpamRefusal({5, 2, 2}, "host mx.a[192.0.2.1] said: 552 5.2.2 mailbox full"));
}

TEST(SpamRefusalTest, NeitherGreylistingNorUnknownRecipientsNorNames) {
  EXPECT_FALSE(IsSpamRefusal({4, 7, 1}, "450 4.7.1 Greylisted for 5 minutes"));
  EXPECT_FALSE(IsSpamRefusal({5, 1, 1}, "550 5.1.1 no such user, see our policy"));
  EXPECT_FALSE(IsSpamRefusal({5, 2, 2}, "552 5.2.2 <spam@blocked.example>: full"));
  EXPECT_FALSE(IsSpamRefusal({4, 2, 2}, "host antispam.example[192.0.2.1] said: 452 4.2.2 full"));
}

TEST(SpamRefusalTest, ALongReplyIsCutNotSearchedForever) {
  EXPECT_FALSE(IsSpamRefusal({5, 2, 0}, std::string(1 << 20, 'x') + "spam"));
}

}  // namespace
}  // namespace sekisho::connectors
