// `sekisho backtest`: files once through the parsers, then through two folds, one for each policy.
#include <cstdio>
#include <memory>
#include <string>

#include "engine/app/backtest.h"
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

// One policy's fold. Doesn't move: the shard points into it.
struct Side {
  Side(Policy decides, uint64_t memory_bytes_max)
      : policy(std::move(decides)),
        table(TableOptions(memory_bytes_max)),
        shard({FilesLogId(), PartitionId{0}}, &policy, &table),
        entities(FilesLogId(), &shard),
        pump(&source, &shard, &sink, &table) {
    pump.JudgeBy(&entities);
  }

  const Policy policy;
  HeldBatch source;
  AccountTable table;
  Shard shard;
  LocalEntities entities;  // each policy's own: who turns depends on it
  OutcomeSink sink;
  Pump pump;
};

// What the policy would do is asked, so it isn't to be held back as a whole; detectors and rules in shadow stay there.
absl::StatusOr<Policy> Unmuted(const std::string& file) {
  absl::StatusOr<Policy> policy = LoadPolicy(file);
  if (policy.ok()) policy->mode = Mode::kEnforce;
  return policy;
}

}  // namespace

int RunBacktest(const BacktestOptions& options) {
  absl::StatusOr<Policy> now_policy = Unmuted(options.judgement.policy);
  if (!now_policy.ok()) return Complain(now_policy.status());
  absl::StatusOr<Policy> before_policy = Unmuted(options.against);
  if (!before_policy.ok()) return Complain(before_policy.status());
  absl::StatusOr<GeoSet> geo = OpenGeo(options.judgement);
  if (!geo.ok()) return Complain(geo.status());
  DeadLetters dead_letters(nullptr);
  absl::StatusOr<std::unique_ptr<FileSource>> source = FileSource::Open(options.input, &*geo, &dead_letters);
  if (!source.ok()) return Complain(source.status());
  Side now(*std::move(now_policy), options.memory_bytes_max / 2), before(*std::move(before_policy), options.memory_bytes_max / 2);

  BacktestFrame frame{options.judgement.policy, now.policy.version, options.against, before.policy.version, 0, 0, {}, {}, 0};
  now.pump.OnFolded([&frame](const Event& event) {
    ++frame.events;
    if (frame.first.never()) frame.first = event.time;
  });
  Progress progress(&RealClock());
  for (bool more = true; more && !StopRequested();) {
    const absl::StatusOr<Batch> batch = (*source)->Poll();
    if (!batch.ok()) return Complain(batch.status());
    for (Side* side : {&now, &before}) {
      side->source.Hold(*batch);
      const absl::StatusOr<bool> pumped = side->pump.Once();
      if (!pumped.ok()) return Complain(pumped.status());
    }
    more = !batch->end;
    progress.Update((*source)->disk_bytes_read(), (*source)->disk_bytes(), WithCommas(static_cast<int64_t>((*source)->stats().lines)) + " lines");
  }
  progress.Wipe();
  frame.accounts = now.shard.stats().accounts;
  frame.last = now.shard.now();
  frame.left_out = now.sink.left_out() + before.sink.left_out();

  const Backtest result = Compare(now.sink.outcomes(), before.sink.outcomes());
  const std::unique_ptr<OutputFile> out = OutputFile::Stdout();
  absl::Status written = out->Append(options.json ? BacktestJson(result, frame)
                                                  : BacktestText(result, frame, options.all ? SIZE_MAX : kAccountsShown));
  if (written.ok()) written = out->Flush();
  if (!written.ok()) return Complain(written);
  return FinishInput(**source, StopRequested());
}

}  // namespace sekisho::app
