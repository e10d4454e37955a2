// Goal: the table keeps its limits, forgets in the right order, and survives as bytes.
// Method: small tables filled beyond their limits; a random walk against a plain map, from a printed seed; every
// truncation and many corruptions of a saved state.
#include "connectors/common/queue_join.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace sekisho::connectors {
namespace {

const EventTime kStart = EventTime::FromSeconds(1'772'355'600);
const IpAddress kIp = IpAddress::FromV4(0xc6336407);
const IpAddress kRelay = IpAddress::FromV4(0x0a000009);

std::string Id(int i) { return "ID" + std::to_string(100000 + i); }

TEST(QueueJoinTest, FullTableDropsTheLeastRecentlyUsed) {
  QueueJoin join(16);
  for (int i = 0; i < 16; ++i) join.Submit(1, Id(i), kStart, "a", kIp, Listener::kUnknown);
  EXPECT_NE(join.Find(1, Id(0), kStart), QueueJoin::kNone);  // used: now the newest
  join.Submit(1, Id(16), kStart, "a", kIp, Listener::kUnknown);
  EXPECT_EQ(join.size(), 16u);
  EXPECT_EQ(join.counters().evicted, 1u);
  EXPECT_NE(join.Find(1, Id(0), kStart), QueueJoin::kNone);
  EXPECT_EQ(join.Find(1, Id(1), kStart), QueueJoin::kNone);
  join.Removed(join.Find(1, Id(16), kStart), kStart);
  join.Submit(1, Id(17), kStart, "a", kIp, Listener::kUnknown);
  EXPECT_EQ(join.Find(1, Id(16), kStart), QueueJoin::kNone) << "removed ones go first";
}

TEST(QueueJoinTest, EntriesLiveFiveDaysAfterTheirLastLine) {
  QueueJoin join;
  join.Submit(1, "ABCDEF", kStart, "a", kIp, Listener::kUnknown);
  EventTime t = kStart + Span::Days(5);
  EXPECT_NE(join.Find(1, "ABCDEF", t), QueueJoin::kNone);
  t = t + Span::Days(5) + Span::Millis(1);
  EXPECT_EQ(join.Find(1, "ABCDEF", t), QueueJoin::kNone);
  EXPECT_EQ(join.Find(1, "ABCDEF", kStart - Span::Days(366)), QueueJoin::kNone);
  join.Submit(1, "ABCDEG", t, "a", kIp, Listener::kUnknown);
  EXPECT_EQ(join.size(), 1u) << "the stale one is gone";
}

TEST(QueueJoinTest, OneLineWithAWrongClockDoesNotEmptyTheTable) {
  QueueJoin join;
  for (int i = 0; i < 100; ++i) join.Submit(1, Id(i), kStart, "a", kIp, Listener::kUnknown);
  join.Submit(1, Id(100), kStart + Span::Days(366), "a", kIp, Listener::kUnknown);
  EXPECT_GE(join.size(), 99u);
}

TEST(QueueJoinTest, AnIdOnManyHostsStaysCheap) {
  QueueJoin join;
  for (uint64_t host = 0; host < 1000; ++host) join.Submit(host, "ABCDEF", kStart, "a", kIp, Listener::kUnknown);
  EXPECT_LE(join.size(), 16u);
  EXPECT_NE(join.Find(999, "ABCDEF", kStart), QueueJoin::kNone);
}

TEST(QueueJoinTest, WaitingOutcomesAreBounded) {
  QueueJoin join;
  join.Arrive(2, "NEXT01", kStart, "");
  const QueueJoin::Index next = join.Find(2, "NEXT01", kStart);
  for (uint32_t i = 0; i < kPendingPerEntryMax + 3; ++i) join.Wait(next, HeldOutcome{});
  EXPECT_EQ(join.waiting(), kPendingPerEntryMax);
  EXPECT_EQ(join.counters().pending_dropped, 3u);
  join.Submit(1, "FIRST1", kStart, "a", kIp, Listener::kUnknown);
  std::vector<HeldOutcome> waiting;
  EXPECT_EQ(join.Deliver(join.Find(1, "FIRST1", kStart), 1, "NEXT01", kRelay, true, kStart, &waiting), QueueJoin::HandOver::kFollowed);
  EXPECT_EQ(waiting.size(), kPendingPerEntryMax);
  EXPECT_EQ(join.waiting(), 0u);
}

TEST(QueueJoinTest, TheTwoSidesOfAHandOverMeetWithinTenMinutes) {
  for (const Span late : {kHandOverWindow, kHandOverWindow + Span::Millis(1)}) {
    const bool meets = late == kHandOverWindow;
    QueueJoin join;
    std::vector<HeldOutcome> waiting;
    join.Submit(1, "FIRST1", kStart, "a", kIp, Listener::kUnknown);
    EXPECT_EQ(join.Deliver(join.Find(1, "FIRST1", kStart), 1, "NEXT01", kRelay, true, kStart, &waiting), QueueJoin::HandOver::kCounted);
    join.Arrive(2, "NEXT01", kStart + late, "");
    const QueueJoin::Index next = join.Find(2, "NEXT01", kStart + late);
    EXPECT_EQ(join.message(next) != nullptr, meets);
    EXPECT_EQ(join.sent_counted(next), meets);
  }
}

TEST(QueueJoinTest, ALoopbackFilterIsOfItsOwnHost) {
  QueueJoin join;
  std::vector<HeldOutcome> waiting;
  const IpAddress loopback = IpAddress::FromV4(0x7f000001);
  join.Submit(1, "FIRST1", kStart, "a", kIp, Listener::kUnknown);
  join.Arrive(2, "NEXT01", kStart, "");
  EXPECT_EQ(join.Deliver(join.Find(1, "FIRST1", kStart), 1, "NEXT01", loopback, true, kStart, &waiting), QueueJoin::HandOver::kCounted);
  EXPECT_EQ(join.message(join.Find(2, "NEXT01", kStart)), nullptr);
}

TEST(QueueJoinTest, ExpectationsAreBounded) {
  QueueJoin join;
  std::vector<HeldOutcome> waiting;
  for (uint32_t i = 0; i < kExpectedMax + 100; ++i) {
    join.Submit(1, Id(static_cast<int>(i)), kStart, "a", kIp, Listener::kUnknown);
    const QueueJoin::Index entry = join.Find(1, Id(static_cast<int>(i)), kStart);
    join.Deliver(entry, 1, "NEXT" + std::to_string(i), kRelay, true, kStart, &waiting);
    join.Removed(entry, kStart);
  }
  std::string saved;
  join.Save(&saved);
  join.Arrive(2, "NEXT50", kStart, "");
  EXPECT_EQ(join.message(join.Find(2, "NEXT50", kStart)), nullptr) << "the oldest were let go";
  join.Arrive(2, "NEXT60000", kStart, "");
  EXPECT_NE(join.message(join.Find(2, "NEXT60000", kStart)), nullptr);
}

// The table against a plain map that never expires, over ids that are taken again and again on three hosts.
TEST(QueueJoinTest, AgreesWithAPlainMap) {
  constexpr uint32_t kSeed = 20260301;
  std::printf("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  QueueJoin join;
  std::map<std::pair<uint64_t, std::string>, std::string> oracle;
  EventTime t = kStart;
  for (int step = 0; step < 20000; ++step) {
    t = t + Span::Millis(static_cast<int64_t>(random() % 2000));
    const uint64_t host = random() % 3;
    const std::string id = Id(static_cast<int>(random() % 200));
    switch (random() % 4) {
      case 0: {
        const std::string account = "u" + std::to_string(random() % 50);
        join.Submit(host, id, t, account, kIp, Listener::kUnknown);
        oracle[{host, id}] = account;
        break;
      }
      case 1:
        join.Forget(host, id);
        oracle.erase({host, id});
        break;
      case 2:
        if (step % 50 == 0) {  // from time to time all moves to a new table
          std::string saved, again;
          join.Save(&saved);
          ASSERT_TRUE(join.Restore(saved).ok());
          join.Save(&again);
          ASSERT_EQ(saved, again);
        }
        break;
      default: {
        const QueueJoin::Index entry = join.Find(host, id, t);
        const auto known = oracle.find({host, id});
        ASSERT_EQ(entry != QueueJoin::kNone, known != oracle.end()) << step;
        if (entry == QueueJoin::kNone) break;
        ASSERT_EQ(join.message(entry)->account, known->second) << step;
      }
    }
    ASSERT_EQ(join.size(), oracle.size());
  }
}

std::string SavedExample() {
  QueueJoin join;
  std::vector<HeldOutcome> waiting;
  join.Submit(1, "FIRST1", kStart, "a@example.jp", kIp, Listener::kPort587);
  join.Submit(1, "FIRST2", kStart, "b@example.jp", kIp, Listener::kPort465);
  join.Arrive(2, "NEXT01", kStart, "FIRST1");
  join.Arrive(2, "NEXT02", kStart, "");
  join.Wait(join.Find(2, "NEXT02", kStart), {.time = kStart, .outcome = Outcome::kBounced, .status = {5, 7, 1}, .spam_refusal = true, .key = 7, .domain = "d", .host = "h"});
  join.Deliver(join.Find(1, "FIRST1", kStart), 1, "NEXT01", kRelay, true, kStart, &waiting);
  join.Deliver(join.Find(1, "FIRST2", kStart), 1, "NEXT03", kRelay, true, kStart, &waiting);
  join.Removed(join.Find(1, "FIRST1", kStart), kStart);
  std::string saved;
  join.Save(&saved);
  return saved;
}

TEST(QueueJoinTest, TornStateIsRefusedAndLeavesAnEmptyTable) {
  const std::string saved = SavedExample();
  for (size_t n = 0; n < saved.size(); ++n) {
    QueueJoin join;
    join.Submit(1, "OTHER1", kStart, "a", kIp, Listener::kUnknown);
    EXPECT_FALSE(join.Restore(saved.substr(0, n)).ok()) << n;
    EXPECT_EQ(join.size(), 0u);
  }
  QueueJoin join;
  EXPECT_FALSE(join.Restore(saved + "x").ok());
}

TEST(QueueJoinTest, CorruptStateNeverBreaksTheTable) {
  constexpr uint32_t kSeed = 20260302;
  std::printf("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  const std::string saved = SavedExample();
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = saved;
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    QueueJoin join(16);
    if (!join.Restore(bytes).ok()) {
      EXPECT_EQ(join.size(), 0u);
      continue;
    }
    for (int i = 0; i < 40; ++i) join.Submit(1, Id(i), kStart, "a", kIp, Listener::kUnknown);
    EXPECT_LE(join.size(), 16u);
  }
}

TEST(QueueJoinTest, ASmallerTableTakesWhatItCan) {
  QueueJoin large;
  for (int i = 0; i < 100; ++i) large.Submit(1, Id(i), kStart, "u" + std::to_string(i), kIp, Listener::kUnknown);
  std::string saved;
  large.Save(&saved);
  QueueJoin small(16);
  ASSERT_TRUE(small.Restore(saved).ok());
  EXPECT_EQ(small.size(), 16u);
  const QueueJoin::Index newest = small.Find(1, Id(99), kStart);
  ASSERT_NE(newest, QueueJoin::kNone);
  EXPECT_EQ(small.message(newest)->account, "u99");
}

}  // namespace
}  // namespace sekisho::connectors
