// Goal: thresholds move by account and by day, within their bound, and the same way every time.
// Method: many accounts and days under two keys.
#include "engine/policy/policy.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sekisho {
namespace {

TEST(JitterTest, MovesByAccountAndDayWithinItsBound) {
  const Policy policy = Policy::Default();
  const EventTime monday = EventTime::FromSeconds(1'772'409'600);
  std::set<int32_t> by_account, by_day;
  for (int i = 0; i < 200; ++i) {
    const int32_t a = Jitter(policy, AccountId::FromLogin("user" + std::to_string(i)), monday);
    const int32_t d = Jitter(policy, AccountId::FromLogin("user"), monday + Span::Days(i));
    EXPECT_LE(std::abs(a), policy.jitter_percent);
    by_account.insert(a);
    by_day.insert(d);
  }
  EXPECT_GT(by_account.size(), 15u);
  EXPECT_GT(by_day.size(), 15u);
}

TEST(JitterTest, IsTheSameAllDayAndDependsOnTheKey) {
  Policy policy = Policy::Default();
  const EventTime midnight = EventTime::FromSeconds(1'772'409'600 / 86400 * 86400);
  const AccountId id = AccountId::FromLogin("u@example.jp");
  EXPECT_EQ(Jitter(policy, id, midnight), Jitter(policy, id, midnight + Span::Hours(23)));
  int differing = 0;
  Policy other = policy;
  other.jitter_key = HashKey::FromPassphrase("another");
  for (int d = 0; d < 50; ++d) {
    differing += Jitter(policy, id, midnight + Span::Days(d)) != Jitter(other, id, midnight + Span::Days(d));
  }
  EXPECT_GT(differing, 30);
  policy.jitter_percent = 0;
  EXPECT_EQ(Jitter(policy, id, midnight), 0);
}

TEST(JitterTest, RoundsToNearestAndNeverToNothing) {
  EXPECT_EQ(Jittered(100, 10), 110);
  EXPECT_EQ(Jittered(3, 10), 3);
  EXPECT_EQ(Jittered(3, -10), 3);
  EXPECT_EQ(Jittered(1, -60), 1);
}

}  // namespace
}  // namespace sekisho
