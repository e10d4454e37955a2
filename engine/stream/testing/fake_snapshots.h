// Snapshots in memory that fail on demand: what owners have committed, partition by partition.
#ifndef SEKISHO_ENGINE_STREAM_TESTING_FAKE_SNAPSHOTS_H_
#define SEKISHO_ENGINE_STREAM_TESTING_FAKE_SNAPSHOTS_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/stream/log.h"

namespace sekisho {

// Thread-compatible.
class FakeSnapshots final : public Snapshots {
 public:
  // One owner's commit. Its place in the partition's list is its offset.
  void Commit(PartitionId partition, PackedRecords records, ShardMarker marker) {
    commits_[partition].push_back({std::move(records), std::move(marker)});
  }
  // The next Read of any reader gives this instead.
  void FailNextRead(absl::Status status) { fail_read_ = std::move(status); }
  // The next Open or Follow does.
  void FailNextOpen(absl::Status status) { fail_open_ = std::move(status); }
  // Where Follow was asked to begin, each time.
  const std::vector<std::pair<PartitionId, Offset>>& followed() const { return followed_; }

  absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(PartitionId partition) override {
    return Make(partition, Offset{0}, /*endless=*/false);
  }
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Follow(PartitionId partition, Offset from) override {
    followed_.emplace_back(partition, from);
    return Make(partition, from, /*endless=*/true);
  }

 private:
  struct Entry {
    PackedRecords records;
    ShardMarker marker;
  };
  class Reader final : public SnapshotReader {
   public:
    Reader(FakeSnapshots* owner, PartitionId partition, size_t at, bool endless)
        : owner_(owner), partition_(partition), at_(at), endless_(endless), end_(owner->commits_[partition].size()) {
      filled_ = at > 0;
    }
    absl::StatusOr<SnapshotBatch> Read() override {
      if (!owner_->fail_read_.ok()) return std::exchange(owner_->fail_read_, absl::OkStatus());
      const std::vector<Entry>& commits = owner_->commits_[partition_];
      SnapshotBatch batch;
      if (!filled_) {
        // One commit's records a batch; only the last one says what they all stand for.
        if (at_ < end_) batch.records = commits[at_++].records;
        if (at_ < end_) return batch;
        batch.end = filled_ = true;
        if (end_ > 0) {
          batch.marker = commits[end_ - 1].marker;
          batch.next = Offset{static_cast<int64_t>(end_)};
        }
        return batch;
      }
      if (!endless_ || at_ >= commits.size()) return batch;
      batch.records = commits[at_].records;
      batch.marker = commits[at_].marker;
      batch.next = Offset{static_cast<int64_t>(++at_)};
      return batch;
    }

   private:
    FakeSnapshots* const owner_;
    const PartitionId partition_;
    size_t at_;
    const bool endless_;
    const size_t end_;
    bool filled_ = false;
  };
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Make(PartitionId partition, Offset from, bool endless) {
    if (!fail_open_.ok()) return std::exchange(fail_open_, absl::OkStatus());
    return std::make_unique<Reader>(this, partition, static_cast<size_t>(from.value), endless);
  }

  std::map<PartitionId, std::vector<Entry>> commits_;
  std::vector<std::pair<PartitionId, Offset>> followed_;
  absl::Status fail_read_, fail_open_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STREAM_TESTING_FAKE_SNAPSHOTS_H_
