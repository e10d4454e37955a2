// From the spool to a log that delays, fails and refuses: order is kept, and nothing is skipped in silence.
#include "connectors/kafka/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "connectors/kafka/testing/fake_producer.h"
#include "connectors/kafka/testing/temp_folder.h"

namespace sekisho::connectors {
namespace {

using ::testing::ElementsAre;
using testing::FakeLog;
using testing::FakeProducer;

class Sending : public ::testing::Test {
 protected:
  static constexpr EventTime kLog = EventTime::FromSeconds(1'700'000'000);

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
  // An event of so many minutes after kLog.
  void EventAt(int64_t minutes, const std::string& key = "a") {
    v1::Record record;
    record.mutable_event()->set_account(key);
    record.mutable_event()->set_time_ms((kLog + Span::Minutes(minutes)).millis());
    Event(key, record.SerializeAsString());
  }
  // What a partition holds, in minutes after kLog: "h": a heartbeat.
  std::vector<std::string> Times(size_t partition) {
    std::vector<std::string> times;
    for (const FakeLog::Record& bytes : log_.records[partition]) {
      v1::Record record;
      EXPECT_TRUE(record.ParseFromString(bytes.value));
      const int64_t at = record.has_event() ? record.event().time_ms() : record.control().heartbeat().time_ms();
      times.push_back((record.has_event() ? "" : "h") + std::to_string((at - kLog.millis()) / 60'000));
    }
    return times;
  }
  void Step(Span passes = Span::Millis(10)) {
    now_ = now_ + passes;
    const absl::StatusOr<bool> stepped = sender_->Step(now_, {newest_, wall_, more_}, Span());
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
  EventTime now_ = EventTime::FromSeconds(1000), newest_, wall_ = kLog + Span::Hours(24 * 30);
  bool more_ = false;
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

// Goal: an old, sparse log read at once tells the time before each event that jumps, and not before others.
TEST_F(Sending, JumpsAreToldBeforehand) {
  for (const int64_t minutes : {0, 3, 60, 64, 65, 300}) EventAt(minutes);
  StepUntilIdle();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0", "3", "h60", "60", "64", "h65", "65", "h300", "300"));
}

// Goal: partitions without events of their own are told as well.
TEST_F(Sending, JumpsAreToldToAllPartitions) {
  log_.records.resize(3);
  for (int64_t i = 0; i < 20; ++i) EventAt(i * 30, "a");
  StepUntilIdle();
  EXPECT_EQ(sender_->counters().heartbeats, 60u);
  EXPECT_EQ(log_.records[0].size() + log_.records[1].size() + log_.records[2].size(), 80u);
  for (const auto& partition : log_.records) EXPECT_GE(partition.size(), 20u);
}

// Goal: a broken clock moves no time, whether it runs ahead in a line, in a host of three, or behind; honest jumps are still told.
TEST_F(Sending, ABrokenClockIsNotTold) {
  for (const int64_t minutes : {0, 9000, 1, 9001, 2, 3, 9002, 4, 40, -900, 41, 42, 80, 81}) EventAt(minutes);
  StepUntilIdle();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0", "9000", "1", "9001", "2", "3", "9002", "4", "h40", "40", "-900", "41", "42", "h80", "80", "81"));
}

// Goal: a burst of a broken clock isn't a majority.
TEST_F(Sending, ABurstOfABrokenClockIsNotTold) {
  EventAt(0);
  for (int64_t i = 0; i < 12; ++i) EventAt(9000 + i);
  for (int64_t i = 0; i < 40; ++i) EventAt(1);
  StepUntilIdle();
  EXPECT_EQ(sender_->counters().heartbeats, 1u);
  EXPECT_EQ(log_.records[0].size(), 54u);
}

TEST_F(Sending, NothingIsToldAheadOfTheWallClock) {
  wall_ = kLog + Span::Minutes(10);
  for (const int64_t minutes : {0, 12, 60, 61, 62}) EventAt(minutes);
  StepUntilIdle();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0", "h10", "12", "60", "61", "62"));
}

// Goal: at the end of the logs, the wall clock is a witness against a file that lags.
TEST_F(Sending, TheWallClockIsAWitness) {
  for (const int64_t minutes : {0, 100, 50, 51, 52}) EventAt(minutes);
  wall_ = kLog + Span::Minutes(101);
  StepUntilIdle();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0", "h100", "100", "50", "51", "52"));
}

// Goal: a log of another century is not mixed up with today: it goes as it is.
TEST_F(Sending, ALogAheadOfTheWallClockIsNotTold) {
  wall_ = kLog - Span::Hours(24);
  for (const int64_t minutes : {0, 60, 61, 200}) EventAt(minutes);
  StepUntilIdle();
  EXPECT_THAT(Times(0), ElementsAre("0", "60", "61", "200"));
}

// Goal: while more is being read, what jumps waits for witnesses, but not for ever.
TEST_F(Sending, WaitsForWitnesses) {
  EventAt(0);
  StepUntilIdle();
  more_ = true;
  EventAt(100);
  for (int i = 0; i < 10; ++i) Step();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0"));
  EventAt(1);
  EventAt(2);
  more_ = false;
  StepUntilIdle();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0", "100", "1", "2"));
  more_ = true;
  EventAt(200);
  Step();
  EXPECT_FALSE(sender_->idle());
  Step(options_.witness_wait);
  Step();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0", "100", "1", "2", "h200", "200"));
}

// Goal: before the number of partitions is known, an event's own is told, and the second event waits until it is.
TEST_F(Sending, PartitionsThatAreNotKnownYet) {
  producer_.knows_partitions = false;
  EventAt(0);
  EventAt(30);
  Step();
  EXPECT_EQ(sender_->in_flight(), 1u);
  StepUntilIdle();
  EXPECT_THAT(Times(0), ElementsAre("h0", "0", "h30", "30"));
}

// Goal: after a failure at any point, no event that jumps stands without its heartbeat.
TEST_F(Sending, ALostHeartbeatIsToldAgain) {
  for (size_t fails = 0; fails < 12; ++fails) {
    log_.records[0].clear();
    (void)producer_.Reset();
    Restart(spool_->end());
    for (int64_t i = 0; i < 5; ++i) EventAt(i * 30);
    producer_.fail_after = fails;
    StepUntilIdle();
    int64_t time = -1;
    std::set<std::string> events;
    for (const std::string& at : Times(0)) {
      if (at[0] == 'h') {
        time = std::max<int64_t>(time, std::stoll(at.substr(1)));
      } else {
        EXPECT_LE(std::stoll(at), time);
        events.insert(at);
      }
    }
    EXPECT_EQ(events.size(), 5u) << fails;
  }
}

}  // namespace
}  // namespace sekisho::connectors
