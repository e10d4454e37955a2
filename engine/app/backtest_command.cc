// `sekisho backtest`: files once through the parsers, then through two folds, one for each policy.
#include <memory>
#include <string>
#include <utility>

#include "engine/app/backtest_command.h"
#include "engine/app/commands.h"
#include "engine/app/dead_letter.h"
#include "engine/app/exit_code.h"
#include "engine/app/file_source.h"
#include "engine/app/geo_setup.h"
#include "engine/app/output_file.h"
#include "engine/app/policy_yaml.h"
#include "engine/app/pump.h"
#include "engine/app/report.h"
#include "engine/app/run_setup.h"
#include "engine/app/stop.h"
#include "engine/app/terminal.h"
#include "engine/base/clock.h"
#include "engine/cluster/local_entities.h"

namespace sekisho::app {
namespace {

constexpr size_t kAccountsShown = 50;

// Gives whoever polls it the batch that it was given.
class HeldBatch final : public Source {
 public:
  absl::StatusOr<Batch> Poll() override { return batch_; }
  void Hold(const Batch& batch) { batch_ = batch; }

 private:
  Batch batch_;
};

// One policy's fold. Doesn't move: the shard points into it. The side outlives it.
struct SideFold {
  SideFold(BacktestSide* side, uint64_t memory_bytes_max)
      : table(TableOptions(memory_bytes_max)),
        shard({FilesLogId(), PartitionId{0}}, &side->policy, &table),
        entities(FilesLogId(), &shard),
        pump(&source, &shard, &side->sink, &table) {
    pump.JudgeBy(&entities);
  }

  HeldBatch source;
  AccountTable table;
  Shard shard;
  LocalEntities entities;  // each policy's own: who turns depends on it
  Pump pump;
};

}  // namespace

absl::StatusOr<BacktestSide> OpenSide(const std::string& file) {
  absl::StatusOr<Policy> policy = LoadPolicy(file);
  if (!policy.ok()) return policy.status();
  policy->mode = Mode::kEnforce;
  return BacktestSide{file, *std::move(policy), {}};
}

absl::Status PrintBacktest(const BacktestOptions& options, const BacktestSide& now, const BacktestSide& before, BacktestFrame frame) {
  frame.now_file = now.file;
  frame.now_version = now.policy.version;
  frame.before_file = before.file;
  frame.before_version = before.policy.version;
  frame.left_out = now.sink.left_out() + before.sink.left_out();
  const Backtest result = Compare(now.sink.outcomes(), before.sink.outcomes());
  const std::unique_ptr<OutputFile> out = OutputFile::Stdout();
  absl::Status written = out->Append(options.json ? BacktestJson(result, frame)
                                                  : BacktestText(result, frame, options.all ? SIZE_MAX : kAccountsShown));
  return written.ok() ? out->Flush() : written;
}

int RunBacktest(const BacktestOptions& options) {
  absl::StatusOr<BacktestSide> now_side = OpenSide(options.judgement.policy);
  if (!now_side.ok()) return Complain(now_side.status());
  absl::StatusOr<BacktestSide> before_side = OpenSide(options.against);
  if (!before_side.ok()) return Complain(before_side.status());
  absl::StatusOr<GeoSet> geo = OpenGeo(options.judgement);
  if (!geo.ok()) return Complain(geo.status());
  if (options.input.files.empty()) return Complain(absl::InvalidArgumentError("over what? Give log files, or a cluster's log by --brokers"));
  DeadLetters dead_letters(nullptr);
  absl::StatusOr<std::unique_ptr<FileSource>> source = FileSource::Open(options.input, &*geo, &dead_letters);
  if (!source.ok()) return Complain(source.status());
  SideFold now(&*now_side, options.memory_bytes_max / 2), before(&*before_side, options.memory_bytes_max / 2);

  BacktestFrame frame;
  now.pump.OnFolded([&frame](const Event& event) {
    ++frame.events;
    if (frame.first.never()) frame.first = event.time;
  });
  Progress progress(&RealClock());
  for (bool more = true; more && !StopRequested();) {
    const absl::StatusOr<Batch> batch = (*source)->Poll();
    if (!batch.ok()) return Complain(batch.status());
    for (SideFold* fold : {&now, &before}) {
      fold->source.Hold(*batch);
      const absl::StatusOr<bool> pumped = fold->pump.Once();
      if (!pumped.ok()) return Complain(pumped.status());
    }
    more = !batch->end;
    progress.Update((*source)->disk_bytes_read(), (*source)->disk_bytes(), WithCommas(static_cast<int64_t>((*source)->stats().lines)) + " lines");
  }
  progress.Wipe();
  frame.accounts = now.shard.stats().accounts;
  frame.last = now.shard.now();

  if (absl::Status written = PrintBacktest(options, *now_side, *before_side, frame); !written.ok()) return Complain(written);
  return FinishInput(**source, StopRequested());
}

}  // namespace sekisho::app
