// Goal: what is remembered of strays' sending and of its outcomes is told as features.h says, isn't learned from abuse, and
// survives packing. Method: short scripted lives; a packed copy after each.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/window/account_window.h"
#include "engine/window/features.h"

namespace sekisho {
namespace {

constexpr uint16_t kJapan = 'J' << 8 | 'P', kUkraine = 'U' << 8 | 'A';
const EventTime kStrayStart = EventTime::FromSeconds(1'772'409'600);

class StrayRecordTest : public ::testing::Test {
 protected:
  StrayRecordTest() {
    population_.log_began = kStrayStart - Span::Days(30);
    for (int i = 0; i < 56; ++i, now_ = now_ + Span::Hours(3)) Apply(At(EventKind::kLogin, Service::kImap, false));
  }
  // Each test leaves an account that must pack and unpack to the same.
  void TearDown() override {
    std::string bytes, again;
    ByteWriter writer(&bytes);
    account_.Encode(&writer);
    AccountWindow copy;
    ByteReader reader(bytes);
    ASSERT_TRUE(copy.Decode(&reader));
    ByteWriter second(&again);
    copy.Encode(&second);
    EXPECT_EQ(bytes, again);
  }

  Event At(EventKind kind, Service service, bool thief) {
    Event e;
    e.kind = kind;
    e.service = service;
    e.account = "u@example.jp";
    e.time = now_;
    e.ip = IpAddress::Parse(thief ? "198.51.100.7" : "203.0.113.5").value();
    e.place.country = thief ? kUkraine : kJapan;
    return e;
  }
  Features Apply(const Event& e) {
    const AccountWindow::Touch touch = account_.Apply(e, population_, true);
    return ReadFeatures(account_, e, touch, population_);
  }
  // `n` messages, a minute apart.
  Features Send(int n, bool thief = true, uint64_t sender = 0) {
    Features f;
    for (int i = 0; i < n; ++i) {
      Event e = At(EventKind::kSubmission, Service::kSmtp, thief);
      e.sender_key = sender;
      f = Apply(e);
      now_ = now_ + Span::Minutes(1);
    }
    return f;
  }
  Features Answer(DeliveryStatus status, uint16_t klass, bool spam, bool thief = true) {
    Event e = At(EventKind::kDelivery, Service::kSmtp, thief);
    e.delivery = status;
    e.status_class = klass;
    e.spam_refusal = spam;
    return Apply(e);
  }
  void OurLimitRefuses() {
    Event e = At(EventKind::kLoginFailed, Service::kSmtp, true);
    e.failure = FailureKind::kPolicy;
    Apply(e);
  }
  Features Name(uint64_t sender, bool thief) {
    Event e = At(EventKind::kQueued, Service::kSmtp, thief);
    e.sender_key = sender;
    return Apply(e);
  }
  void Pause(Span length) { now_ = now_ + length; }

  EventTime now_ = kStrayStart;
  Population population_;
  AccountWindow account_;
};

TEST_F(StrayRecordTest, AnOrdinaryAccountHasNone) {
  Send(20, false, 1);
  Answer(DeliveryStatus::kSent, 2, false, false);
  EXPECT_EQ(account_.stray_record.get(), nullptr);
  EXPECT_EQ(account_.senders.size(), 1u);
}

TEST_F(StrayRecordTest, RisingRunsAreSteps) {
  EXPECT_EQ(Send(4).stray_run_rises_24h, 0);
  Pause(Span::Minutes(20));
  EXPECT_EQ(Send(5).stray_run_rises_24h, 0);  // not yet a step above 4
  Features f = Send(1);
  EXPECT_EQ(f.stray_run_rises_24h, 1);
  EXPECT_EQ(f.stray_run_messages, 6);
  Pause(Span::Minutes(20));
  EXPECT_EQ(Send(9).stray_run_rises_24h, 2);
  Pause(Span::Minutes(20));
  EXPECT_EQ(Send(3).stray_run_rises_24h, 0);  // a smaller one begins anew
}

TEST_F(StrayRecordTest, TheDayBeforeIsWhatCameBeforeALongPause) {
  Send(10);
  Pause(Span::Hours(1));
  EXPECT_EQ(Send(20).stray_day_before, 0);
  Pause(Span::Hours(18));
  Features f = Send(5);
  EXPECT_EQ(f.stray_day_before, 30);
  EXPECT_EQ(f.stray_run_messages, 5);
  EXPECT_EQ(f.stray_run_rises_24h, 0);  // steps don't reach over a night
  Pause(Span::Hours(60));
  EXPECT_EQ(Send(5).stray_day_before, 0);
}

TEST_F(StrayRecordTest, OurOwnRefusalsCountOnlyWhileNothingStands) {
  Send(4);
  OurLimitRefuses();
  Pause(Span::Minutes(20));
  EXPECT_EQ(Send(8).stray_refused_runs_24h, 1);
  account_.standing.verdict = ActionKind::kThrottle;
  OurLimitRefuses();
  account_.standing.verdict = ActionKind::kRelease;
  Pause(Span::Minutes(20));
  EXPECT_EQ(Send(12).stray_refused_runs_24h, 1);
  EXPECT_EQ(account_.failures.Count(now_, Span::Days(1)), 0u);  // and they are no guesses
}

TEST_F(StrayRecordTest, RunsAreFew) {
  for (size_t i = 0; i < 3 * kRunsMax; ++i) {
    Send(1);
    Pause(Span::Hours(1));
  }
  EXPECT_EQ(account_.stray_record.get()->runs.size(), kRunsMax);
  Pause(kRunsKept + Span::Hours(1));
  Send(1);
  EXPECT_EQ(account_.stray_record.get()->runs.size(), 1u);
}

TEST_F(StrayRecordTest, RefusalsForGoodForNowAndOfUnknownRecipientsStandApart) {
  Send(10);
  Answer(DeliveryStatus::kBounced, 5, true);
  Answer(DeliveryStatus::kBounced, 5, false);   // no such user
  Answer(DeliveryStatus::kDeferred, 4, true);
  Answer(DeliveryStatus::kExpired, 4, true);    // put off until it was given up
  Features f = Answer(DeliveryStatus::kSent, 2, false);
  EXPECT_EQ(f.stray_refused_24h, 1);
  EXPECT_EQ(f.stray_put_off_24h, 2);
  EXPECT_EQ(f.refused_24h, 1);
  EXPECT_EQ(f.failed_1h, 4);  // for bounce_surge: refused, unknown, put off, given up
  EXPECT_EQ(f.finished_24h, 5);
}

TEST_F(StrayRecordTest, WhatStraysCausedIsNoHabit) {
  for (int i = 0; i < 14; ++i) Answer(DeliveryStatus::kBounced, 5, true, false);
  Send(40);
  for (int i = 0; i < 40; ++i) Answer(DeliveryStatus::kBounced, 5, true);
  Pause(Span::Days(2));
  EXPECT_EQ(Answer(DeliveryStatus::kBounced, 5, true, false).usual_refused_day, 2);  // 14 in 9 days
}

TEST_F(StrayRecordTest, SendersOfTheOwnersSourcesAreTheOwners) {
  Send(1, false, 7);
  Name(8, false);
  Send(1, true, 7);
  EXPECT_EQ(Name(8, true).stray_senders_1h, 0);
  Name(9, true);
  EXPECT_EQ(Name(10, true).stray_senders_1h, 2);
  EXPECT_EQ(Name(10, true).stray_senders_1h, 2);
  EXPECT_EQ(Name(0, true).stray_senders_1h, 2);  // a bounce has none
  EXPECT_EQ(account_.senders.size(), 2u);        // nothing was learned from the stray
}

TEST_F(StrayRecordTest, ManyNamesOnTwoDaysAreAHabit) {
  for (int day = 0; day < 2; ++day) {
    Send(1, false);
    for (uint64_t i = 1; i <= 20; ++i) Name(static_cast<uint64_t>(day) * 100 + i, false);
    Features f = Send(1);
    EXPECT_EQ(Name(1'000 + static_cast<uint64_t>(day), true).sends_under_many_names, day == 1) << f.stray;
    Pause(Span::Days(1));
  }
  EXPECT_EQ(account_.senders.size(), kSendersMax);
  Pause(Span::Days(40));
  for (int i = 0; i < 20; ++i, now_ = now_ + Span::Hours(3)) Apply(At(EventKind::kLogin, Service::kImap, false));
  Send(1);
  EXPECT_FALSE(Name(2'000, true).sends_under_many_names);
}

TEST_F(StrayRecordTest, NoSenderIsLearnedWhileAVerdictStands) {
  account_.standing.verdict = ActionKind::kSuspend;
  Send(1, false, 7);
  EXPECT_TRUE(account_.senders.empty());
}

TEST_F(StrayRecordTest, Complaints) {
  Event e = At(EventKind::kComplaint, Service::kSmtp, true);
  e.ip = IpAddress();
  EXPECT_EQ(Apply(e).complaints_72h, 1);
  EXPECT_EQ(Apply(e).usual_complaints_72h, 0);
  Pause(Span::Days(7));
  EXPECT_EQ(Send(1, false).complaints_72h, 0);
  e.time = now_;
  const Features f = Apply(e);
  EXPECT_EQ(f.complaints_72h, 1);
  EXPECT_EQ(f.usual_complaints_72h, 1);  // two in four weeks
}

TEST_F(StrayRecordTest, AReleaseIsRememberedAfterASuspensionOnly) {
  Send(5);
  Standing& standing = account_.standing;
  standing.since = now_;
  standing.released = now_ + Span::Hours(1);
  standing.announced[static_cast<size_t>(ActionKind::kThrottle)] = now_;
  Pause(Span::Hours(3));
  EXPECT_EQ(Send(1).released_hours_ago, -1);  // it was a throttling
  standing.announced[static_cast<size_t>(ActionKind::kSuspend)] = standing.since;
  Features f = Send(1);
  EXPECT_EQ(f.released_hours_ago, 2);
  EXPECT_TRUE(f.source_returned);
  EXPECT_FALSE(f.password_changed);
  EXPECT_EQ(f.stray_messages_since_release, 2);
  account_.credential_changed = standing.since + Span::Minutes(5);
  EXPECT_TRUE(Send(1).password_changed);
}

}  // namespace
}  // namespace sekisho
