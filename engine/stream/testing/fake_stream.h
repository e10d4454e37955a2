// A source and a sink in memory that fail on demand.
#ifndef SEKISHO_ENGINE_STREAM_TESTING_FAKE_STREAM_H_
#define SEKISHO_ENGINE_STREAM_TESTING_FAKE_STREAM_H_

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "engine/stream/stream.h"

namespace sekisho::testing {

// Gives out the records it was told, `batch_records` at a time, then says end.
class FakeSource : public Source {
 public:
  explicit FakeSource(size_t batch_records = 3) : batch_records_(batch_records) {}

  // `event`'s views must outlive the source.
  void Add(const Event& event) { records_.push_back({Offset{next_++}, event}); }
  void AddHeartbeat(EventTime time) { records_.push_back({Offset{next_++}, Heartbeat{time}}); }
  // Next Poll returns this instead of records; the position doesn't move.
  void FailNext(absl::Status status) { failures_.push_back(std::move(status)); }
  // As a restart does: Poll goes on with the record at `offset`.
  void SeekTo(Offset offset) { position_ = static_cast<size_t>(offset.value); }

  absl::StatusOr<Batch> Poll() override {
    if (!failures_.empty()) {
      absl::Status status = std::move(failures_.front());
      failures_.pop_front();
      return status;
    }
    const size_t n = std::min(batch_records_, records_.size() - position_);
    Batch batch;
    batch.records = std::span<const Record>(records_).subspan(position_, n);
    position_ += n;
    batch.next = Offset{static_cast<int64_t>(position_)};
    batch.end = position_ == records_.size();
    return batch;
  }

 private:
  const size_t batch_records_;
  std::vector<Record> records_;
  std::deque<absl::Status> failures_;
  int64_t next_ = 0;
  size_t position_ = 0;
};

// Keeps what is committed apart from what is only published, as a transaction does.
class FakeSink : public Sink {
 public:
  void FailNextPublish(absl::Status status) { publish_failures_.push_back(std::move(status)); }
  // The commit fails and, if `takes_effect`, has happened all the same: the unknown outcome of a real transaction.
  void FailNextCommit(absl::Status status, bool takes_effect = false) {
    commit_failures_.push_back({std::move(status), takes_effect});
  }
  // As a restart does: forgets what wasn't committed.
  void Reopen() { pending_.clear(); }

  const std::vector<Action>& visible() const { return visible_; }
  Offset committed() const { return committed_; }

  absl::Status Publish(std::span<const Action> actions) override {
    if (!publish_failures_.empty()) {
      absl::Status status = std::move(publish_failures_.front());
      publish_failures_.pop_front();
      return status;
    }
    pending_.insert(pending_.end(), actions.begin(), actions.end());
    return absl::OkStatus();
  }

  absl::Status Commit(Offset next) override {
    absl::Status status;
    if (!commit_failures_.empty()) {
      const auto [failure, takes_effect] = std::move(commit_failures_.front());
      commit_failures_.pop_front();
      if (!takes_effect) return failure;
      status = failure;
    }
    visible_.insert(visible_.end(), pending_.begin(), pending_.end());
    pending_.clear();
    committed_ = next;
    return status;
  }

 private:
  std::deque<absl::Status> publish_failures_;
  std::deque<std::pair<absl::Status, bool>> commit_failures_;
  std::vector<Action> pending_, visible_;
  Offset committed_;
};

}  // namespace sekisho::testing

#endif  // SEKISHO_ENGINE_STREAM_TESTING_FAKE_STREAM_H_
