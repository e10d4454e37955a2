// From the spool to a log that delays, fails and refuses: order is kept, and nothing is skipped in silence.
#include "connectors/kafka/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "connectors/kafka/testing/fake_producer.h"
#include "connectors/kafka/testing/temp_folder.h"

namespace sekisho::connectors {
namespace {

using ::testing::ElementsAre;
using testing::FakeLog;
using testing::FakeProducer;

class Sending : public ::testing::Test {
 protected:
  Sending() : spool_(*Spool::Open(folder_.path())) { Restart(0); }

  void Restart(uint64_t place) {
    sender_ = std::make_unique<Sender>(spool_.get(), place, &producer_, &encoder_, options_,
                                       [this](const Notice& n) { notices_.emplace_back(n.name); });
  }
  void Event(const std::string& key, const std::string& value) {
    std::string entry;
    EncodeEventEntry(key, value, &entry);
    spool_->Append(entry);
    EncodeTakenEntry(0, ++lines_, &entry);
    spool_->Append(entry);
    EXPECT_TRUE(spool_->Flush().ok());
  }
  void Step(Span passes = Span::Millis(10)) {
    now_ = now_ + passes;
    const absl::StatusOr<bool> stepped = sender_->Step(now_, newest_, Span());
    EXPECT_TRUE(stepped.ok()) << stepped.status();
  }
  void StepUntilIdle() {
    for (int i = 0; i < 10'000 && !sender_->idle(); ++i) Step(Span::Seconds(1));
    EXPECT_TRUE(sender_->idle());
  }
  // Values of a partition, each once: a shard drops those that come again. Fails where one comes before an earlier one.
  std::vector<std::string> Folded(size_t partition) {
    std::vector<std::string> folded;
    for (const FakeLog::Record& record : log_.records[partition]) {
      if (std::find(folded.begin(), folded.end(), record.value) == folded.end()) folded.push_back(record.value);
    }
    return folded;
  }

  testing::TempFolder folder_;
  std::unique_ptr<Spool> spool_;
  FakeLog log_{1};
  FakeProducer producer_{&log_};
  EventEncoder encoder_{ConnectorName{"c", 1}};
  Sender::Options options_;
  std::unique_ptr<Sender> sender_;
  std::vector<std::string> notices_;
  EventTime now_ = EventTime::FromSeconds(1000), newest_;
  uint64_t lines_ = 0;
};

TEST_F(Sending, AcknowledgedMovesOverWhatWasDelivered) {
  Event("a", "1");
  Event("a", "2");
  EXPECT_FALSE(sender_->idle());
  StepUntilIdle();
  EXPECT_EQ(sender_->acknowledged(), spool_->end());
  EXPECT_THAT(Folded(0), ElementsAre("1", "2"));
}

// Goal: what is not acknowledged is not passed over, and is sent again after a restart.
TEST_F(Sending, UnacknowledgedIsSentAgain) {
  producer_.reports_a_poll_max = 0;
  Event("a", "1");
  Event("a", "2");
  for (int i = 0; i < 5; ++i) Step();
  EXPECT_EQ(sender_->acknowledged(), 0u);
  EXPECT_EQ(log_.records[0].size(), 2u);
  producer_.reports_a_poll_max = SIZE_MAX;
  ASSERT_TRUE(producer_.Reset().ok());
  Restart(sender_->acknowledged());
  StepUntilIdle();
  EXPECT_EQ(log_.records[0].size(), 4u);
  EXPECT_THAT(Folded(0), ElementsAre("1", "2"));
}

// Goal: after a failure nothing overtakes the event that failed. Method: failures at random places.
TEST_F(Sending, FailureGoesBack) {
  std::mt19937 random(11);
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) {
    sent.push_back(std::to_string(i));
    Event("a", sent.back());
    if (random() % 5 == 0) producer_.fail_after = random() % 4;
    if (random() % 7 == 0) Restart(sender_->acknowledged()), (void)producer_.Reset();
    Step(Span::Millis(random() % 3000));
  }
  StepUntilIdle();
  EXPECT_EQ(Folded(0), sent);
  EXPECT_GT(producer_.resets, 10u);
}

// Goal: one event that the brokers refuse costs itself and nothing else, and is said.
TEST_F(Sending, RefusedEventIsLostAlone) {
  log_.record_bytes_max = 10;
  for (int i = 0; i < 20; ++i) Event("a", i == 7 || i == 8 ? std::string(11, 'x') : std::to_string(i));
  StepUntilIdle();
  EXPECT_EQ(Folded(0).size(), 18u);
  EXPECT_EQ(sender_->counters().lost, 2u);
  EXPECT_THAT(notices_, ElementsAre("event_lost", "event_lost"));
}

TEST_F(Sending, FullQueueWaits) {
  producer_.queue_max = 3;
  for (int i = 0; i < 20; ++i) Event("a", std::to_string(i));
  StepUntilIdle();
  EXPECT_EQ(log_.records[0].size(), 20u);
}

// Goal: memory is bounded while Kafka is away.
TEST_F(Sending, InFlightIsBounded) {
  options_.in_flight_max = 8;
  Restart(0);
  log_.away = true;
  for (int i = 0; i < 20; ++i) Event("a", std::to_string(i));
  for (int i = 0; i < 20; ++i) Step();
  EXPECT_EQ(sender_->in_flight(), 8u);
  log_.away = false;
  StepUntilIdle();
  EXPECT_EQ(log_.records[0].size(), 20u);
}

// Goal: a quiet partition is told how far the logs have come: once for each new time, behind all events, at most once a
// second.
TEST_F(Sending, Heartbeats) {
  const auto heartbeats = [this] { return sender_->counters().heartbeats; };
  Event("a", "1");
  newest_ = EventTime::FromSeconds(500);
  Step();
  Step();
  EXPECT_EQ(heartbeats(), 0u);
  Step(Span::Seconds(1));
  EXPECT_EQ(heartbeats(), 1u);
  for (int i = 0; i < 5; ++i) Step(Span::Seconds(1));
  EXPECT_EQ(heartbeats(), 1u);
  newest_ = EventTime::FromSeconds(501);
  Step();
  EXPECT_EQ(heartbeats(), 2u);
  newest_ = EventTime::FromSeconds(502);
  Step();
  EXPECT_EQ(heartbeats(), 2u);
  Step(Span::Seconds(1));
  EXPECT_EQ(heartbeats(), 3u);
  // Not while events are under way.
  log_.away = true;
  Event("a", "2");
  newest_ = EventTime::FromSeconds(503);
  for (int i = 0; i < 5; ++i) Step(Span::Seconds(1));
  EXPECT_EQ(heartbeats(), 3u);
}

}  // namespace
}  // namespace sekisho::connectors
