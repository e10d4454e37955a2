// Two policies over a range of a cluster's log: each partition once, one after the other, through two folds like an engine's own.
//
// Both sides fold what stands in the log: repeats of events once, operators' releases and exceptions, and what entity shards
// judged then; nothing is judged anew. Policies that were pushed are passed over. What stood before the range is unknown to both.
#ifndef SEKISHO_ENGINE_APP_BACKTEST_RANGE_H_
#define SEKISHO_ENGINE_APP_BACKTEST_RANGE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "engine/app/backtest_command.h"
#include "engine/app/cluster_log.h"
#include "engine/base/time.h"

namespace sekisho::app {

// Records whose own time stamps, which their producers gave them, are in [since, until), as far as these rise; Never(): from
// the log's beginning, or up to the end that it has when the reading begins.
struct LogRange {
  EventTime since, until;
};

struct RangeFold {
  LogRange range;
  ReadLimits limits;
  uint64_t memory_bytes_max = uint64_t{1} << 30;  // of both sides' accounts together
  // Told after each batch how many of the range's offsets are behind. May be null.
  std::function<void(uint64_t done, uint64_t all)> progress;
};

// What is done goes to the sides' sinks, what was folded to `frame`. Blocks as the log does.
//   NotFound: the range holds no event that could be folded. Errors of one partition name it.
absl::Status FoldRange(const RangeFold& options, kafka::OfflineLog* log, BacktestSide* now, BacktestSide* before, BacktestFrame* frame);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_BACKTEST_RANGE_H_
