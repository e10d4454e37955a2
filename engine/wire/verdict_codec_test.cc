// Goal: what stands after an action is told, and nothing where nothing stands. Method: each kind, each mode.
#include "engine/wire/verdict_codec.h"

#include <gtest/gtest.h>

namespace sekisho::wire {
namespace {

Action SomeAction(ActionKind kind) {
  Action action;
  action.id = {0x0123456789abcdef, 0xfedcba9876543210};
  action.account = "user@example.jp";
  action.kind = kind;
  action.time = EventTime::FromMillis(1'700'000'000'123);
  action.expires = action.time + Span::Hours(24);
  action.generation = 3;
  action.policy = "v7";
  return action;
}

TEST(VerdictCodecTest, SaysWhatStands) {
  v1::Verdict message;
  ASSERT_TRUE(EncodeVerdict(SomeAction(ActionKind::kSuspend), &message));
  EXPECT_EQ(message.account(), "user@example.jp");
  EXPECT_EQ(message.kind(), v1::VERDICT_KIND_SUSPEND);
  EXPECT_EQ(message.mode(), v1::MODE_ENFORCE);
  EXPECT_EQ(message.generation(), 3u);
  EXPECT_EQ(message.time_ms(), 1'700'000'000'123);
  EXPECT_EQ(message.expires_ms(), 1'700'000'000'123 + 86'400'000);
  EXPECT_EQ(message.action_id(), std::string("\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10", 16));
  EXPECT_EQ(message.policy(), "v7");

  ASSERT_TRUE(EncodeVerdict(SomeAction(ActionKind::kThrottle), &message));
  EXPECT_EQ(message.kind(), v1::VERDICT_KIND_THROTTLE);
  Action release = SomeAction(ActionKind::kRelease);
  release.expires = EventTime::Never();
  ASSERT_TRUE(EncodeVerdict(release, &message));
  EXPECT_EQ(message.kind(), v1::VERDICT_KIND_CLEAR);
  EXPECT_FALSE(message.has_expires_ms()) << "left over from the one before";
}

TEST(VerdictCodecTest, NothingStandsAfterTheRest) {
  v1::Verdict message;
  EXPECT_FALSE(EncodeVerdict(SomeAction(ActionKind::kObserve), &message));
  EXPECT_FALSE(EncodeVerdict(SomeAction(ActionKind::kNotify), &message));
  for (const ActionKind kind : {ActionKind::kThrottle, ActionKind::kSuspend, ActionKind::kRelease}) {
    Action shadow = SomeAction(kind);
    shadow.mode = Mode::kShadow;
    EXPECT_FALSE(EncodeVerdict(shadow, &message));
  }
}

}  // namespace
}  // namespace sekisho::wire
