// Goal: an action means the same on both sides of the wire; every detector has a name that finds it again.
// Method: a full action of each kind goes there and back; then single fields are spoiled.
#include "engine/wire/action_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace sekisho::wire {
namespace {

using ::testing::HasSubstr;

Action FullAction() {
  Action a;
  a.id = {0x0123456789abcdef, 0xfedcba9876543210};
  a.account = "user@example.jp";
  a.kind = ActionKind::kSuspend;
  a.mode = Mode::kShadow;
  a.request = Request::kConfirmSuspension;
  a.time = EventTime::FromMillis(1'700'000'000'123);
  a.expires = a.time + Span::Hours(24);
  a.risk = 87;
  a.generation = 3;
  a.renewals = 1;
  a.policy = "v7";
  a.rule = "two_families";
  a.ip = "198.51.100.7";
  a.messages_since_onset = 4;
  a.onset = a.time - Span::Minutes(9);
  for (int id = 1; id < kDetectors; ++id) {
    a.signals.push_back({static_cast<DetectorId>(id), static_cast<Family>(id % kFamilies), id, id % 2 == 0,
                         {{"some_feature", -5, 70, Span::Hours(1)}, {"other_feature", 1, 2, Span()}}});
  }
  a.signals.back().rule = std::make_shared<const RuleText>(RuleText{"abroad", "外国から"});
  return a;
}

void ExpectSame(const Action& a, const Action& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.account, b.account);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.mode, b.mode);
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.expires, b.expires);
  EXPECT_EQ(a.risk, b.risk);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.renewals, b.renewals);
  EXPECT_EQ(a.policy, b.policy);
  EXPECT_EQ(a.rule, b.rule);
  EXPECT_EQ(a.ip, b.ip);
  EXPECT_EQ(a.messages_since_onset, b.messages_since_onset);
  EXPECT_EQ(a.onset, b.onset);
  ASSERT_EQ(a.signals.size(), b.signals.size());
  for (size_t i = 0; i < a.signals.size(); ++i) {
    EXPECT_EQ(a.signals[i].detector, b.signals[i].detector);
    EXPECT_EQ(a.signals[i].family, b.signals[i].family);
    EXPECT_EQ(a.signals[i].score, b.signals[i].score);
    EXPECT_EQ(a.signals[i].shadow, b.signals[i].shadow);
    ASSERT_EQ(a.signals[i].rule == nullptr, b.signals[i].rule == nullptr);
    if (a.signals[i].rule != nullptr) {
      EXPECT_EQ(a.signals[i].rule->name, b.signals[i].rule->name);
      EXPECT_EQ(a.signals[i].rule->says, b.signals[i].rule->says);
    }
    ASSERT_EQ(a.signals[i].evidence.size(), b.signals[i].evidence.size());
    for (size_t k = 0; k < a.signals[i].evidence.size(); ++k) {
      EXPECT_EQ(a.signals[i].evidence[k].feature, b.signals[i].evidence[k].feature);
      EXPECT_EQ(a.signals[i].evidence[k].value, b.signals[i].evidence[k].value);
      EXPECT_EQ(a.signals[i].evidence[k].threshold, b.signals[i].evidence[k].threshold);
      EXPECT_EQ(a.signals[i].evidence[k].window, b.signals[i].evidence[k].window);
    }
  }
}

TEST(ActionCodec, ThereAndBack) {
  for (int kind = 0; kind <= static_cast<int>(ActionKind::kRelease); ++kind) {
    Action sent = FullAction();
    sent.kind = static_cast<ActionKind>(kind);
    if (sent.kind == ActionKind::kRelease) {
      sent.mode = Mode::kEnforce;
      sent.expires = sent.onset = EventTime::Never();
      sent.signals.clear();
    }
    v1::Action message, buffer;
    EncodeAction(sent, &message);
    Action got;
    const absl::Status status = DecodeAction(message.SerializeAsString(), &buffer, &got);
    ASSERT_TRUE(status.ok()) << status;
    ExpectSame(sent, got);
  }
}

TEST(ActionCodec, SpoiledFieldsAreNamed) {
  struct Case {
    absl::StatusCode code;
    std::string says;
    std::function<void(v1::Action*)> spoil;
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kNewer = absl::StatusCode::kUnimplemented;
  const Case cases[] = {
      {kInvalid, "action.id: 3 bytes", [](v1::Action* a) { a->set_id("abc"); }},
      {kInvalid, "action.account", [](v1::Action* a) { a->clear_account(); }},
      {kNewer, "action.kind: 0", [](v1::Action* a) { a->clear_kind(); }},
      {kNewer, "action.mode: 9", [](v1::Action* a) { a->set_mode(static_cast<v1::Mode>(9)); }},
      {kInvalid, "action.risk", [](v1::Action* a) { a->set_risk(101); }},
      {kNewer, "action.signals.detector: no_such", [](v1::Action* a) { a->mutable_signals(0)->set_detector("no_such"); }},
      {kNewer, "action.signals.family: 0", [](v1::Action* a) { a->mutable_signals(0)->clear_family(); }},
      {kInvalid, "action.signals.score", [](v1::Action* a) { a->mutable_signals(0)->set_score(0); }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.says);
    v1::Action message, buffer;
    EncodeAction(FullAction(), &message);
    c.spoil(&message);
    Action action;
    const absl::Status status = DecodeAction(message.SerializeAsString(), &buffer, &action);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
  }
}

TEST(ActionCodec, RubbishIsRefused) {
  v1::Action buffer;
  Action action;
  EXPECT_EQ(DecodeAction("\xff\xff\xff", &buffer, &action).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeAction(std::string(kActionBytesMax + 1, 'x'), &buffer, &action).code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sekisho::wire
