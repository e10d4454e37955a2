// The whole way from files to a log, through deaths of the process, rotations and failures at random.
#include "connectors/kafka/connector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "connectors/kafka/testing/fake_producer.h"
#include "connectors/kafka/testing/temp_folder.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

using ::testing::Contains;
using testing::AppendTo;
using testing::FakeLog;
using testing::FakeProducer;
using testing::TempFolder;

// A line is an account. The event also bears a hash of all lines seen so far, in their order, and that before this line:
// so the events form a chain, which breaks where a restart forgets something or goes over lines in another order.
class HistoryHandler : public LineHandler {
 public:
  ParseResult Line(const LogLine& line, const EventSink& sink, std::string_view* reason) override {
    if (line.message == "strange") {
      *reason = "not understood";
      return ParseResult::kNotMine;
    }
    const std::string before = std::to_string(history_);
    history_ = PinnedHash64(line.message, history_);
    const std::string session = std::to_string(history_);
    Event event;
    event.kind = Kind::kComplaint;
    event.service = Service::kImap;
    event.queue_id = before;
    event.time = EventTime::FromSeconds(1'700'000'000);
    event.account = line.message;
    event.session = session;
    sink(event);
    return ParseResult::kEvents;
  }
  std::string_view Source() const override { return "history"; }
  void SaveState(std::string* out) const override { ByteWriter(out).PutFixed64(history_); }
  absl::Status RestoreState(std::string_view bytes) override {
    history_ = ByteReader(bytes).Fixed64();
    return absl::OkStatus();
  }

 private:
  uint64_t history_ = 0;
};

class Connecting : public ::testing::Test {
 protected:
  static constexpr size_t kPartitions = 3;

  Connecting() {
    options_.name = "mx1";
    options_.state_folder = folder_ / "state";
    std::filesystem::create_directory(options_.state_folder);
    options_.files = {folder_ / "a.log", folder_ / "b.log"};
    options_.new_epoch = 5;
    options_.position_every = Span::Seconds(3);
  }

  void Start() {
    handler_ = std::make_unique<HistoryHandler>();
    producer_ = std::make_unique<FakeProducer>(&log_);
    absl::StatusOr<std::unique_ptr<Connector>> opened =
        Connector::Open(options_, handler_.get(), producer_.get(), [this](const Notice& n) { notices_.emplace_back(n.name); });
    ASSERT_TRUE(opened.ok()) << opened.status();
    connector_ = *std::move(opened);
  }
  // As SIGKILL would: nothing is said or saved.
  void Die() {
    connector_.reset();
    producer_.reset();
  }
  // As SIGKILL amid a write would: the last events are in the spool, but not that their lines were taken.
  void DieWriting() {
    Die();
    absl::StatusOr<std::unique_ptr<Spool>> spool = Spool::Open(options_.state_folder + "/spool");
    ASSERT_TRUE(spool.ok());
    std::string entry;
    EncodeEventEntry("ghost", "not an event", &entry);
    (*spool)->Append(entry);
    ASSERT_TRUE((*spool)->Flush().ok());
  }
  void Step(Span passes = Span::Millis(10), bool drain = false) {
    now_ = now_ + passes;
    const absl::Status stepped = connector_->Step(now_, now_, drain, Span());
    ASSERT_TRUE(stepped.ok()) << stepped;
  }
  void StepUntilQuiet() {
    for (int i = 0; i < 40; ++i) Step(Span::Millis(500));
    for (int i = 0; i < 1000 && !connector_->drained(); ++i) Step(Span::Seconds(1));
    EXPECT_TRUE(connector_->drained());
  }

  // Accounts in the log, with those that came again dropped as a shard drops them: by a mark for each stream. An origin
  // that comes with other contents than before is an error.
  std::multiset<std::string> Folded() {
    std::multiset<std::string> accounts;
    std::map<std::tuple<uint64_t, uint32_t, uint64_t, uint32_t>, std::string> by_origin;
    for (const auto& partition : log_.records) {
      std::map<std::pair<uint64_t, uint32_t>, std::pair<uint64_t, uint32_t>> marks;
      for (const FakeLog::Record& bytes : partition) {
        v1::Record record;
        EXPECT_TRUE(record.ParseFromString(bytes.value));
        if (!record.has_event()) continue;
        EXPECT_EQ(bytes.key, record.event().account());
        const v1::Origin& origin = record.event().origin();
        EXPECT_EQ(origin.connector(), "mx1");
        const auto [at, first] = by_origin.emplace(
            std::tuple(origin.epoch(), origin.stream(), origin.byte_position(), origin.index()), bytes.value);
        EXPECT_TRUE(first || at->second == bytes.value) << "one origin, two events";
        const std::pair<uint64_t, uint32_t> place = {origin.byte_position() + 1, origin.index()};
        std::pair<uint64_t, uint32_t>& mark = marks[{origin.epoch(), origin.stream()}];
        if (place <= mark) continue;
        mark = place;
        accounts.insert(record.event().account());
        after_[record.event().complaint().queue_id()] = record.event().session();
      }
    }
    return accounts;
  }

  // How many events follow one from another, from the first on. After Folded().
  size_t ChainLength() const {
    size_t length = 0;
    for (auto at = after_.find("0"); at != after_.end() && length <= after_.size(); at = after_.find(at->second)) ++length;
    return length;
  }

  TempFolder folder_;
  ConnectorOptions options_;
  std::map<std::string, std::string> after_;
  FakeLog log_{kPartitions};
  std::unique_ptr<HistoryHandler> handler_;
  std::unique_ptr<FakeProducer> producer_;
  std::unique_ptr<Connector> connector_;
  std::vector<std::string> notices_;
  EventTime now_ = EventTime::FromSeconds(1'800'000'000);
};

TEST_F(Connecting, ReadsAndSends) {
  AppendTo(options_.files[0], "ann\nstrange\n" + std::string(1 << 17, 'x') + "\n");
  AppendTo(options_.files[1], "bob\n");
  Start();
  StepUntilQuiet();
  EXPECT_EQ(Folded(), (std::multiset<std::string>{"ann", "bob"}));
  const ConnectorStats& stats = connector_->stats();
  EXPECT_EQ(stats.lines, 4u);
  EXPECT_EQ(stats.too_long, 1u);
  EXPECT_EQ(stats.unrecognised.at("not understood"), 1u);
  EXPECT_EQ(stats.events.at("history")[static_cast<size_t>(Kind::kComplaint)], 2u);
  EXPECT_TRUE(connector_->at_end());
  AppendTo(options_.files[1], "unfinished");
  StepUntilQuiet();
  EXPECT_TRUE(connector_->at_end());
  EXPECT_EQ(connector_->file(1).lag_bytes(), 10u);
  EXPECT_EQ(connector_->epoch(), 5u);
}

// Goal: whatever happens, each line counts once, and an event that comes twice is the same event.
// Method: lines, rotations of either kind, failures of the producer, its absence, and deaths, in random order. A writer
// that truncates waits until its lines were read: what it adds meanwhile nobody could have.
TEST_F(Connecting, NothingIsLostOrDoubled) {
  for (const unsigned seed : {1u, 2u, 3u, 4u, 5u}) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) std::filesystem::remove_all(entry.path());
    std::filesystem::create_directory(options_.state_folder);
    log_ = FakeLog(kPartitions);
    std::mt19937 random(seed);
    std::multiset<std::string> written;
    int rotated = 0;
    Start();
    for (int round = 0; round < 400; ++round) {
      const std::string& file = options_.files[random() % 2];
      switch (random() % 12) {
        case 0:
          random() % 2 == 0 ? Die() : DieWriting();
          Start();
          break;
        case 1:
          producer_->fail_after = random() % 5;
          break;
        case 2:
          producer_->reports_a_poll_max = random() % 3 == 0 ? SIZE_MAX : random() % 4;
          break;
        case 3:
          log_.away = random() % 2 == 0;
          break;
        case 4:
          // A few rounds apart, as rotations are, so that the writer has left the old file.
          if (std::filesystem::exists(file)) std::filesystem::rename(file, file + "." + std::to_string(1000 - ++rotated));
          for (int i = 0; i < 5; ++i) Step(Span::Millis(400));
          break;
        case 5:
          if (!std::filesystem::exists(file)) break;
          std::filesystem::copy_file(file, file + "-" + std::to_string(2000 + ++rotated));
          std::filesystem::resize_file(file, 0);
          for (int i = 0; i < 10; ++i) Step(Span::Millis(400));
          break;
        default:
          for (unsigned lines = random() % 20; lines > 0; --lines) {
            const std::string account = "account" + std::to_string(written.size());
            written.insert(account);
            AppendTo(file, account + "\n");
          }
      }
      Step(Span::Millis(random() % 500));
    }
    log_.away = false;
    producer_->fail_after = producer_->reports_a_poll_max = SIZE_MAX;
    StepUntilQuiet();
    after_.clear();
    EXPECT_EQ(Folded(), written);
    EXPECT_EQ(ChainLength(), written.size());
    for (size_t i = 0; i < connector_->file_count(); ++i) EXPECT_EQ(connector_->file(i).counters().gaps, 0u);
    Die();
  }
}

// Goal: a file that is truncated while the connector is dead is read on in its copy, also if the position was written down before
// its first line was read, so that nothing was known of its beginning then.
TEST_F(Connecting, TruncatedWhileDeadBehindAnOldPosition) {
  const auto copy_and_truncate = [this](const char* to) {
    std::filesystem::copy_file(options_.files[0], folder_ / to);
    std::filesystem::resize_file(options_.files[0], 0);
  };
  options_.position_every = Span::Hours(1);
  AppendTo(options_.files[0], "first\n");
  Start();
  StepUntilQuiet();
  copy_and_truncate("a.log.1");
  StepUntilQuiet();
  ASSERT_TRUE(connector_->SavePosition().ok());
  AppendTo(options_.files[0], "ann\n");
  StepUntilQuiet();
  Die();
  AppendTo(options_.files[0], "bob\n");
  std::filesystem::rename(folder_ / "a.log.1", folder_ / "a.log.2");
  // Files' times are as coarse as the kernel's clock.
  std::filesystem::last_write_time(folder_ / "a.log.2", std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  copy_and_truncate("a.log.1");
  AppendTo(options_.files[0], "carol, who is longer than both\n");
  Start();
  StepUntilQuiet();
  EXPECT_EQ(Folded(), (std::multiset<std::string>{"first", "ann", "bob", "carol, who is longer than both"}));
  EXPECT_EQ(ChainLength(), 4u);
  EXPECT_EQ(connector_->file(0).counters().gaps, 0u);
  EXPECT_EQ(connector_->stats().state_losses, 0u);
}

// Goal: with Kafka away, the spool stops at its bound, reading stops with it, and all comes through in the end.
TEST_F(Connecting, SpoolIsBounded) {
  options_.spool_bytes_max = 200'000;
  options_.sender.in_flight_max = 100;
  log_.away = true;
  Start();
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "account" + std::to_string(i) + "\n";
  AppendTo(options_.files[0], lines);
  for (int i = 0; i < 100; ++i) Step();
  EXPECT_TRUE(connector_->stats().spool_full);
  EXPECT_LT(connector_->waiting_bytes(), 600'000u);
  EXPECT_GT(connector_->file(0).lag_bytes(), 100'000u);
  Die();
  Start();
  log_.away = false;
  StepUntilQuiet();
  EXPECT_EQ(Folded().size(), 20'000u);
}

// Goal: a clean stop leaves nothing to be sent twice.
TEST_F(Connecting, CleanStopSendsNothingTwice) {
  AppendTo(options_.files[0], "ann\nbob\n");
  Start();
  StepUntilQuiet();
  ASSERT_TRUE(connector_->SavePosition().ok());
  Die();
  Start();
  AppendTo(options_.files[0], "cid\n");
  StepUntilQuiet();
  size_t records = 0;
  for (const auto& partition : log_.records) {
    for (const FakeLog::Record& record : partition) records += !record.key.empty();
  }
  EXPECT_EQ(records, 3u);
  EXPECT_EQ(Folded(), (std::multiset<std::string>{"ann", "bob", "cid"}));
}

// Goal: two connectors never share a folder; a damaged position is said, and begins a new epoch.
TEST_F(Connecting, StateFolder) {
  AppendTo(options_.files[0], "ann\n");
  Start();
  StepUntilQuiet();
  HistoryHandler other_handler;
  FakeProducer other_producer(&log_);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Connector::Open(options_, &other_handler, &other_producer, [](const Notice&) {}).status()));
  Die();
  std::filesystem::resize_file(options_.state_folder + "/position", 20);
  options_.new_epoch = 6;
  Start();
  EXPECT_THAT(notices_, Contains("position_lost"));
  EXPECT_EQ(connector_->epoch(), 6u);
  EXPECT_TRUE(std::filesystem::exists(options_.state_folder + "/position.damaged"));
  StepUntilQuiet();
  EXPECT_EQ(Folded().count("ann"), 2u);  // once in each epoch
}

}  // namespace
}  // namespace sekisho::connectors
