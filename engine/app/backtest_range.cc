#include "engine/app/backtest_range.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/app/run_setup.h"
#include "engine/cluster/partition.h"

namespace sekisho::app {
namespace {

struct Part {
  PartitionId id;
  Offset begin, end;
};

absl::StatusOr<Offset> BeginOf(kafka::OfflineLog* log, PartitionId id, const LogRange& range) {
  return range.since.never() ? log->Begin(id) : log->At(id, range.since);
}

absl::StatusOr<std::vector<Part>> PartsOf(kafka::OfflineLog* log, const LogRange& range) {
  const absl::StatusOr<int> count = log->Partitions();
  if (!count.ok()) return count.status();
  std::vector<Part> parts;
  for (int p = 0; p < *count; ++p) {
    const PartitionId id{p};
    const absl::StatusOr<Offset> begin = BeginOf(log, id, range);
    if (!begin.ok()) return begin.status();
    const absl::StatusOr<Offset> end = range.until.never() ? log->End(id) : log->At(id, range.until);
    if (!end.ok()) return end.status();
    parts.push_back({id, *begin, std::max(*begin, *end)});
  }
  return parts;
}

// One policy's fold of one partition. Doesn't move: the partition points into it. The side outlives it.
class SideFold {
 public:
  SideFold(BacktestSide* side, PartitionId id, Offset begin, uint64_t memory_bytes_max) : side_(side) {
    setup_.policy = side->policy;
    setup_.table = TableOptions(memory_bytes_max);
    partition_ = *Partition::Open(&setup_, id, nullptr, begin, &counts_);  // without a state there is nothing to be refused
  }
  SideFold(const SideFold&) = delete;
  SideFold& operator=(const SideFold&) = delete;

  absl::Status Fold(const LogBatch& batch) {
    outputs_.clear();
    actions_.clear();
    if (absl::Status status = partition_->Fold(batch, Offset{0}, &outputs_); !status.ok()) return status;
    for (Output& output : outputs_) {
      if (Action* action = std::get_if<Action>(&output)) actions_.push_back(std::move(*action));
    }
    return side_->sink.Publish(actions_);
  }

  // What became of the last batch: a dead letter for each record that was refused.
  const std::vector<Output>& outputs() const { return outputs_; }
  const FoldCounts& counts() const { return counts_; }
  uint64_t accounts() const { return partition_->shard_stats().accounts; }

 private:
  BacktestSide* const side_;
  FoldSetup setup_;  // reads no policies: a pushed one is refused
  FoldCounts counts_;
  std::unique_ptr<Partition> partition_;
  std::vector<Output> outputs_;
  std::vector<Action> actions_;  // scratch
};

// The times of the batch's events that weren't refused.
void NoteTimes(const LogBatch& batch, const std::vector<Output>& outputs, BacktestFrame* frame) {
  auto output = outputs.begin();
  for (const LogRecord& record : batch.records) {
    // Both are in the log's order.
    const auto about = [&record](const Output& o) {
      const DeadLetter* letter = std::get_if<DeadLetter>(&o);
      return letter != nullptr && letter->offset >= record.offset;
    };
    output = std::find_if(output, outputs.end(), about);
    if (output != outputs.end() && std::get<DeadLetter>(*output).offset == record.offset) continue;
    const Event* event = std::get_if<Event>(&record.value);
    if (event == nullptr) continue;
    if (frame->first.never() || event->time < frame->first) frame->first = event->time;
    frame->last = std::max(frame->last, event->time);
  }
}

void Count(const SideFold& fold, BacktestFrame* frame) {
  frame->accounts += fold.accounts();
  const FoldCounts& counts = fold.counts();
  for (const auto& by_service : counts.events) {
    for (const uint64_t n : by_service) frame->events += n;
  }
  for (const auto& [reason, n] : counts.dead_letters) frame->passed_over[reason] += n;
  if (counts.repeats > 0) frame->passed_over["repeat"] += counts.repeats;
}

absl::Status NothingThere(const BacktestFrame& frame, uint64_t offsets) {
  if (offsets == 0) return absl::NotFoundError("the log holds no records in that range: begin earlier, or end later");
  std::string why;
  for (const auto& [reason, n] : frame.passed_over) absl::StrAppend(&why, why.empty() ? ": " : ", ", n, " ", reason);
  return absl::NotFoundError(absl::StrCat("the log holds no usable event in that range", why));
}

}  // namespace

absl::Status FoldRange(const RangeFold& options, kafka::OfflineLog* log, BacktestSide* now, BacktestSide* before, BacktestFrame* frame) {
  const absl::StatusOr<std::vector<Part>> parts = PartsOf(log, options.range);
  if (!parts.ok()) return parts.status();
  uint64_t all = 0, done = 0;
  for (const Part& part : *parts) all += static_cast<uint64_t>(part.end.value - part.begin.value);
  for (const Part& part : *parts) {
    if (options.limits.stop()) return absl::OkStatus();
    const auto fold_part = [&]() -> absl::Status {
      // Asked again: meanwhile the log may have lost its oldest records.
      const absl::StatusOr<Offset> begin = BeginOf(log, part.id, options.range);
      if (!begin.ok()) return begin.status();
      Offset next = part.begin;
      SideFold now_fold(now, part.id, *begin, options.memory_bytes_max / 2);
      SideFold before_fold(before, part.id, *begin, options.memory_bytes_max / 2);
      const auto fold = [&](const LogBatch& batch) {
        for (SideFold* side : {&now_fold, &before_fold}) {
          if (absl::Status status = side->Fold(batch); !status.ok()) return status;
        }
        NoteTimes(batch, now_fold.outputs(), frame);
        done += static_cast<uint64_t>(batch.next.value - std::exchange(next, batch.next).value);
        if (options.progress) options.progress(done, all);
        return absl::OkStatus();
      };
      absl::Status status = ReadRange(log, part.id, *begin, part.end, options.limits, fold);
      Count(now_fold, frame);
      return status;
    };
    if (absl::Status status = fold_part(); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("partition ", part.id.value, ": ", std::string(status.message())));
    }
  }
  if (frame->events == 0 && !options.limits.stop()) return NothingThere(*frame, all);
  return absl::OkStatus();
}

}  // namespace sekisho::app
