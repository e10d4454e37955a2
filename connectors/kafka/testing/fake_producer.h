// A producer over a log in memory, which delays, fails and refuses on demand.
#ifndef SEKISHO_CONNECTORS_KAFKA_TESTING_FAKE_PRODUCER_H_
#define SEKISHO_CONNECTORS_KAFKA_TESTING_FAKE_PRODUCER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/producer.h"
#include "engine/base/hash.h"

namespace sekisho::connectors::testing {

// The brokers: outlive producers, as they do in life.
struct FakeLog {
  struct Record {
    std::string key, value;
  };
  explicit FakeLog(size_t partitions) : records(partitions) {}
  std::vector<std::vector<Record>> records;  // by partition
  size_t record_bytes_max = 1 << 20;         // beyond: refused
  bool away = false;                         // nothing is appended, nothing fails
};

// Poll appends and reports what was produced, oldest first, unless told otherwise.
class FakeProducer : public Producer {
 public:
  explicit FakeProducer(FakeLog* log) : log_(log) {}

  // The next Polls report so many records at most; appended they are all the same.
  size_t reports_a_poll_max = SIZE_MAX;
  // After so many more records, one fails without having been appended, and all behind it.
  size_t fail_after = SIZE_MAX;
  size_t queue_max = SIZE_MAX;
  size_t resets = 0;
  bool knows_partitions = true;  // otherwise once something was appended

  Answer Produce(std::string_view key, std::string_view value, uint64_t tag) override {
    if (broken_) return Answer::kBroken;
    if (waiting_.size() >= queue_max) return Answer::kFull;
    const int32_t partition = static_cast<int32_t>(PinnedHash64(key) % log_->records.size());
    waiting_.push_back({tag, partition, std::string(key), std::string(value)});
    return Answer::kTaken;
  }

  bool Tell(int32_t partition, std::string_view value) override {
    if (broken_) return false;
    waiting_.push_back({kNoTag, partition, "", std::string(value)});
    return true;
  }
  bool Tell(std::string_view key, std::string_view value) override {
    return Tell(static_cast<int32_t>(PinnedHash64(key) % log_->records.size()), value);
  }

  void Poll(Span, std::vector<Report>* reports) override {
    if (!log_->away) Append();
    for (size_t i = 0; i < reports_a_poll_max && !done_.empty(); ++i) {
      reports->push_back(done_.front());
      done_.pop_front();
    }
  }

  bool broken() const override { return broken_; }
  absl::Status Reset() override {
    ++resets;
    broken_ = false;
    waiting_.clear();
    done_.clear();
    return absl::OkStatus();
  }
  int32_t partitions() const override { return knows_partitions ? static_cast<int32_t>(log_->records.size()) : 0; }

 private:
  static constexpr uint64_t kNoTag = UINT64_MAX;
  struct Waiting {
    uint64_t tag;
    int32_t partition;
    std::string key, value;
  };

  void Append() {
    for (; !waiting_.empty(); waiting_.pop_front()) {
      Waiting& record = waiting_.front();
      Fate fate = broken_ ? Fate::kFailed : Fate::kAcknowledged;
      if (!broken_ && record.value.size() > log_->record_bytes_max) fate = Fate::kRefused;
      if (!broken_ && fail_after-- == 0) fate = Fate::kFailed;
      if (fate == Fate::kAcknowledged) log_->records[static_cast<size_t>(record.partition)].push_back({record.key, record.value});
      broken_ = broken_ || fate != Fate::kAcknowledged;
      if (record.tag != kNoTag) done_.push_back({record.tag, fate, record.partition});
      knows_partitions = true;
    }
  }

  FakeLog* const log_;
  std::deque<Waiting> waiting_;
  std::deque<Report> done_;
  bool broken_ = false;
};

}  // namespace sekisho::connectors::testing

#endif  // SEKISHO_CONNECTORS_KAFKA_TESTING_FAKE_PRODUCER_H_
