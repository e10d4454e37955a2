// A cluster's log in memory: what stands in it, and when it was sent, is said record by record.
#ifndef SEKISHO_ENGINE_APP_TESTING_FAKE_OFFLINE_LOG_H_
#define SEKISHO_ENGINE_APP_TESTING_FAKE_OFFLINE_LOG_H_

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"

namespace sekisho::app::testing {

class FakeOfflineLog final : public kafka::OfflineLog {
 public:
  explicit FakeOfflineLog(size_t partitions) : partitions_(partitions) {}

  // Views in `value` and `origin` must outlive the log. Returns the record's offset.
  Offset Add(int partition, LogValue value, EventTime sent, Origin origin = {}) {
    std::vector<LogRecord>& records = partitions_.at(static_cast<size_t>(partition)).records;
    LogRecord record;
    record.offset = Offset{static_cast<int64_t>(records.size())};
    record.origin = origin;
    record.value = std::move(value);
    record.appended = sent;
    records.push_back(std::move(record));
    return records.back().offset;
  }
  // As retention does.
  void ForgetBefore(int partition, Offset begin) { partitions_.at(static_cast<size_t>(partition)).begin = begin; }
  // From this offset on nothing comes, though the log has more.
  void StopAt(int partition, Offset offset) { partitions_.at(static_cast<size_t>(partition)).silent_from = offset; }
  // The next of all reads fails.
  void FailNextRead(absl::Status status) { failure_ = std::move(status); }
  // Called before each read.
  void OnRead(std::function<void()> told) { on_read_ = std::move(told); }

  static constexpr size_t kBatch = 3;

  absl::StatusOr<int> Partitions() override { return static_cast<int>(partitions_.size()); }
  absl::StatusOr<Offset> Begin(PartitionId id) override { return Of(id).begin; }
  absl::StatusOr<Offset> End(PartitionId id) override { return Offset{static_cast<int64_t>(Of(id).records.size())}; }
  absl::StatusOr<Offset> At(PartitionId id, EventTime time) override {
    const Stored& stored = Of(id);
    for (const LogRecord& record : stored.records) {
      if (record.offset >= stored.begin && record.appended >= time) return record.offset;
    }
    return End(id);
  }
  absl::StatusOr<std::unique_ptr<LogReader>> Open(PartitionId id, Offset from) override {
    return std::make_unique<Reader>(this, &Of(id), from);
  }
  void AppendHeartbeat(PartitionId, EventTime) override {}
  void Wait(Span) override {}

 private:
  struct Stored {
    std::vector<LogRecord> records;
    Offset begin;
    std::optional<Offset> silent_from;
  };
  class Reader final : public LogReader {
   public:
    Reader(FakeOfflineLog* log, const Stored* stored, Offset from) : log_(log), stored_(stored), next_(from) {}
    absl::StatusOr<LogBatch> Read(size_t records_max) override {
      if (log_->on_read_) log_->on_read_();
      if (!log_->failure_.ok()) return std::exchange(log_->failure_, absl::OkStatus());
      if (next_ < stored_->begin) return absl::OutOfRangeError(absl::StrCat("no longer holds offset ", next_.value));
      const int64_t end = std::min(static_cast<int64_t>(stored_->records.size()), stored_->silent_from.value_or(Offset{INT64_MAX}).value);
      const int64_t n = std::clamp<int64_t>(end - next_.value, 0, static_cast<int64_t>(std::min(records_max, kBatch)));
      // A copy: the log may grow while the batch is looked at.
      batch_.assign(stored_->records.begin() + next_.value, stored_->records.begin() + next_.value + n);
      next_ = Offset{next_.value + n};
      return LogBatch{batch_, next_};
    }

   private:
    FakeOfflineLog* const log_;
    const Stored* const stored_;
    Offset next_;
    std::vector<LogRecord> batch_;
  };

  Stored& Of(PartitionId id) { return partitions_.at(static_cast<size_t>(id.value)); }

  std::deque<Stored> partitions_;  // never move
  absl::Status failure_;
  std::function<void()> on_read_;
};

}  // namespace sekisho::app::testing

#endif  // SEKISHO_ENGINE_APP_TESTING_FAKE_OFFLINE_LOG_H_
