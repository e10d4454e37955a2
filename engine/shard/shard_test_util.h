// Scripted lives of a few accounts, fed event by event into a shard with a table in memory. For tests.
#ifndef SEKISHO_ENGINE_SHARD_SHARD_TEST_UTIL_H_
#define SEKISHO_ENGINE_SHARD_SHARD_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/shard/shard.h"

namespace sekisho {

inline constexpr uint16_t Country(const char* code) { return static_cast<uint16_t>(code[0] << 8 | code[1]); }
inline const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() : shard_(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy_, &table_) {}

  Event Make(EventKind kind, Service service, const std::string& ip, uint16_t country, EventTime at) {
    Event e;
    e.kind = kind;
    e.service = service;
    e.account = login_;
    e.id = AccountId::FromLogin(login_);
    e.time = at;
    if (!ip.empty()) e.ip = IpAddress::Parse(ip).value();
    e.place.country = country;
    return e;
  }
  // As a source does: a heartbeat brings the time, then comes the event.
  FoldResult Fold(const Event& e) {
    if (heartbeats_) {
      EXPECT_TRUE(shard_.Tick(e.time, Offset{offset_++}, &actions_).ok());
    }
    return shard_.Fold(e, Offset{offset_++}, &actions_).value();
  }
  FoldResult Send(const std::string& ip, const char* country, EventTime at) {
    return Fold(Make(EventKind::kSubmission, Service::kSmtp, ip, Country(country), at));
  }
  FoldResult Read(const std::string& ip, const char* country, EventTime at) {
    return Fold(Make(EventKind::kLogin, Service::kImap, ip, Country(country), at));
  }
  void Deliver(const std::string& ip, const char* country, EventTime at, uint64_t recipient) {
    Event e = Make(EventKind::kDelivery, Service::kSmtp, ip, Country(country), at);
    const EventRecipient r{"example.com", recipient};
    e.recipient_list = {&r, 1};
    e.delivery = DeliveryStatus::kSent;
    Fold(e);
  }
  // A week of an owner who polls from home and sends three messages a day to the same people.
  EventTime LiveAtHome() {
    EventTime at = kStart;
    for (int i = 0; i < 56; ++i, at = at + Span::Hours(3)) {
      Read("203.0.113.5", "JP", at);
      if (i % 3 == 0) {
        Send("203.0.113.5", "JP", at + Span::Minutes(1));
        Deliver("203.0.113.5", "JP", at + Span::Minutes(2), static_cast<uint64_t>(i % 4));
      }
    }
    return at;
  }
  // Five messages from as many far countries within five minutes; `nth` makes the addresses differ from other rotations'.
  void Rotate(EventTime at, int nth) {
    const char* countries[] = {"RU", "UA", "BY", "PL", "RO"};
    for (int i = 0; i < 5; ++i) {
      Send("198." + std::to_string(18 + nth) + "." + std::to_string(i) + ".1", countries[i], at + Span::Minutes(i));
    }
  }
  void Release(Span grace, bool relapse_guard) {
    EXPECT_TRUE(shard_.Release({login_, "called us", grace, relapse_guard}, shard_.now(), Offset{offset_++}, &actions_).value());
  }
  void Allow(Subject subject, bool withdraw = false) {
    Exception exception;
    exception.subject = std::move(subject);
    exception.withdraw = withdraw;
    EXPECT_EQ(shard_.Except(exception), Exceptions::Outcome::kDone);
  }
  std::vector<ActionKind> Kinds() const {
    std::vector<ActionKind> kinds;
    for (const Action& a : actions_) kinds.push_back(a.kind);
    return kinds;
  }

  std::string login_ = "u@example.jp";
  Policy policy_ = Policy::Default();
  AccountTable table_;
  Shard shard_;
  bool heartbeats_ = true;
  int64_t offset_ = 0;
  std::vector<Action> actions_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_SHARD_SHARD_TEST_UTIL_H_
