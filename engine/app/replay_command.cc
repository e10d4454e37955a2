// `sekisho replay`: files through one shard to JSON Lines.
//
// A durable run (--state) commits about once a second: the output is synced to the disk, then one atomic batch holds the
// changed accounts, the fold's state, how far each input was read and how long the output was. A run that finds such a
// batch reads its inputs again from the start, because lines that belong together (a message's, by queue id) lie apart;
// up to the committed place nothing is folded or written, and the place must hold the very bytes it held. Then it cuts
// the output to its committed length and goes on. When commits happen never changes what comes out.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/common/line_source.h"
#include "engine/app/commands.h"
#include "engine/app/dead_letter.h"
#include "engine/app/exit_code.h"
#include "engine/app/file_source.h"
#include "engine/app/geo_setup.h"
#include "engine/app/output_file.h"
#include "engine/app/policy_yaml.h"
#include "engine/app/pump.h"
#include "engine/app/report.h"
#include "engine/app/run_marker.h"
#include "engine/app/run_setup.h"
#include "engine/app/run_sink.h"
#include "engine/app/stop.h"
#include "engine/app/terminal.h"
#include "engine/base/clock.h"
#include "engine/cluster/local_entities.h"
#include "engine/state/account_table.h"
#include "engine/state/store.h"

namespace sekisho::app {
namespace {

constexpr Span kCommitEvery = Span::Seconds(1);

// Why the shard refuses an event, in dead letters.
constexpr std::string_view kTooLate = "too late: more than a day behind the log";
constexpr std::string_view kInFuture = "in the future: far ahead of the lines around it";
constexpr std::string_view kInvalid = "without a time";

// A file that is written must be none that is read: opening it would empty it.
absl::Status CheckOutputs(const ReplayOptions& options) {
  if (options.out == options.dead_letter) return absl::InvalidArgumentError("--out and --dead-letter must be two files");
  std::vector<std::string> inputs = options.input.files;
  for (const std::string& output : {options.out, options.dead_letter}) {
    struct stat written, read;
    if (output.empty() || output == "-" || stat(output.c_str(), &written) != 0 || !S_ISREG(written.st_mode)) continue;
    for (const std::string& input : inputs) {
      if (stat(input.c_str(), &read) != 0 || read.st_dev != written.st_dev || read.st_ino != written.st_ino) continue;
      return absl::InvalidArgumentError(output + " would be overwritten, but is also " + input);
    }
    inputs.push_back(output);
  }
  return absl::OkStatus();
}

// With --state, whatever a resumed run must find again has to be a file.
absl::Status CheckDurable(const ReplayOptions& options) {
  if (options.state.empty()) return absl::OkStatus();
  const auto regular_or_new = [](const std::string& path) {
    struct stat info;
    return stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode);
  };
  if (options.out == "-" || !regular_or_new(options.out)) {
    return absl::InvalidArgumentError("with --state, --out must be a regular file: its end is cut on resume");
  }
  if (!regular_or_new(options.dead_letter)) {
    return absl::InvalidArgumentError("with --state, --dead-letter must be a regular file: its end is cut on resume");
  }
  for (const std::string& file : options.input.files) {
    if (file == "-") return absl::InvalidArgumentError("with --state, standard input can't be read: it can't be read again");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<OutputFile>> OpenOutput(const std::string& path, std::optional<uint64_t> resume_at) {
  if (path == "-") return OutputFile::Stdout();
  return resume_at ? OutputFile::Resume(path, *resume_at) : OutputFile::Create(path);
}

// A finished run has nothing to go on with, but must not pass over inputs that have changed since.
absl::Status CheckUnchanged(const RunMarker& marker) {
  for (const InputMark& input : marker.inputs) {
    absl::StatusOr<std::unique_ptr<connectors::LineSource>> file = connectors::LineSource::Open(input.path);
    if (!file.ok()) {
      if (input.end_offset == 0) continue;  // it wasn't readable then, either
      return file.status();
    }
    if (absl::Status same = (*file)->SkipTo(input.end_offset, input.digest); !same.ok()) return same;
    connectors::RawLine line;
    if ((*file)->Next(&line)) {
      return absl::FailedPreconditionError(input.path + " has grown since the run was finished: use another --state");
    }
  }
  return absl::OkStatus();
}

// The source stands where the earlier run had committed, if the files up to there are what they were.
absl::Status CheckPlace(const RunMarker& committed, const FileSource& source) {
  const std::vector<InputMark> present = source.Marks();
  for (size_t i = 0; i < committed.inputs.size(); ++i) {
    const InputMark& was = committed.inputs[i];
    if (present[i] == was) continue;
    return absl::FailedPreconditionError(was.path + " has changed since this run began (before byte " +
                                         std::to_string(std::max(was.end_offset, present[i].end_offset)) +
                                         "): restore it, or use another --state directory");
  }
  if (source.stats().lines == committed.lines) return absl::OkStatus();
  return absl::FailedPreconditionError("the inputs have changed since this run began: use another --state directory");
}

std::string PerformanceReport(const AccountTable& table, uint64_t memory_bytes_max, uint64_t lines, Span elapsed) {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  const AccountTableStats stats = table.stats();
  Table out;
  out.Row({"memory of the accounts", FormatBytes(stats.bytes), "of at most " + FormatBytes(memory_bytes_max)});
  out.Row({"accounts in memory", WithCommas(static_cast<int64_t>(stats.in_memory)), "read back " + WithCommas(static_cast<int64_t>(stats.read))});
  out.Row({"memory of the process", FormatBytes(static_cast<uint64_t>(usage.ru_maxrss) * 1024), "at its most"});
  const auto per_second = [lines](int64_t millis) {
    return WithCommas(static_cast<int64_t>(lines) * 1000 / std::max<int64_t>(1, millis)) + " lines/s";
  };
  const auto millis = [](const timeval& t) { return int64_t{t.tv_sec} * 1000 + t.tv_usec / 1000; };
  out.Row({"speed", per_second(elapsed.millis()),
           per_second(millis(usage.ru_utime) + millis(usage.ru_stime)) + " of processor time"});
  return "Resources\n" + out.ToString();
}

class Replay {
 public:
  explicit Replay(const ReplayOptions& options) : options_(options) {}

  int Run() {
    if (absl::Status status = Open(); !status.ok()) return Complain(status);
    if (committed_ && committed_->finished) return SayFinished();
    const EventTime start = RealClock().Now();
    if (absl::Status status = Loop(); !status.ok()) {
      if (!options_.state.empty()) {
        std::fputs("sekisho: what was committed is safe: the same command goes on from there\n", stderr);
      }
      return Complain(status);
    }
    std::fputs((InputReport(*source_, *dead_letters_) + report_.ToString(shard_->stats()) +
                PerformanceReport(*table_, options_.memory_bytes_max, source_->stats().lines,
                                  RealClock().Now() - start))
                   .c_str(),
               stderr);
    const int code = FinishInput(*source_, stopped_);
    if (stopped_ && store_ != nullptr) std::fputs("sekisho: committed; the same command goes on from here\n", stderr);
    return code;
  }

 private:
  // Top to bottom: what is needed first is opened first. After this nothing is constructed.
  absl::Status Open() {
    if (absl::Status status = CheckOutputs(options_); !status.ok()) return status;
    if (absl::Status status = CheckDurable(options_); !status.ok()) return status;
    absl::StatusOr<Policy> policy = LoadPolicy(options_.judgement.policy);
    if (!policy.ok()) return policy.status();
    policy_ = *std::move(policy);
    absl::StatusOr<GeoSet> geo = OpenGeo(options_.judgement);
    if (!geo.ok()) return geo.status();
    geo_ = *std::move(geo);

    setup_.setup = DescribeSetup(options_.input, policy_, geo_);
    setup_.setup.emplace_back("--out", options_.out);
    setup_.setup.emplace_back("--dead-letter", options_.dead_letter);
    setup_.setup.emplace_back("--no-entities", options_.entities ? "no" : "yes");
    for (const std::string& file : options_.input.files) setup_.inputs.push_back({file, 0, 0});
    if (absl::Status status = OpenStore(); !status.ok()) return status;
    if (committed_ && committed_->finished) return CheckUnchanged(*committed_);

    const auto length = [this](uint64_t n) { return committed_ ? std::optional(n) : std::nullopt; };
    absl::StatusOr<std::unique_ptr<OutputFile>> out =
        OpenOutput(options_.out, length(store_ && store_->marker() ? store_->marker()->output_length : 0));
    if (!out.ok()) return out.status();
    out_ = *std::move(out);
    if (!options_.dead_letter.empty()) {
      absl::StatusOr<std::unique_ptr<OutputFile>> file =
          OpenOutput(options_.dead_letter, length(committed_ ? committed_->dead_letter_bytes : 0));
      if (!file.ok()) return file.status();
      dead_letter_file_ = *std::move(file);
    }
    dead_letters_ = std::make_unique<DeadLetters>(dead_letter_file_.get());
    absl::StatusOr<std::unique_ptr<FileSource>> source =
        FileSource::Open(options_.input, &geo_, dead_letters_.get());
    if (!source.ok()) return source.status();
    source_ = *std::move(source);

    table_ = std::make_unique<AccountTable>(TableOptions(options_.memory_bytes_max), store_.get());
    shard_ = std::make_unique<Shard>(ShardOptions{FilesLogId(), PartitionId{0}}, &policy_, table_.get());
    if (options_.entities) entities_ = std::make_unique<LocalEntities>(FilesLogId(), shard_.get());
    if (committed_) {
      if (entities_ != nullptr) {
        if (absl::Status status = entities_->Decode(committed_->entities); !status.ok()) return status;
      }
      if (absl::Status status = shard_->DecodeState(store_->marker()->fold); !status.ok()) return status;
      dead_letters_->CountOnly(kTooLate, shard_->stats().late);
      dead_letters_->CountOnly(kInFuture, shard_->stats().future);
      dead_letters_->CountOnly(kInvalid, shard_->stats().invalid);
      report_.ResumedAfter(shard_->stats().actions[static_cast<size_t>(ActionKind::kSuspend)]);
    }
    RunSink::CommitState commit;
    if (store_ != nullptr) {
      commit = [this](Offset next, uint64_t output_length) { return CommitState(next, output_length); };
    }
    sink_ = std::make_unique<RunSink>(out_.get(), &report_, std::move(commit));
    pump_ = std::make_unique<Pump>(source_.get(), shard_.get(), sink_.get(), table_.get());
    pump_->JudgeBy(entities_.get());
    if (committed_) pump_->ResumeAt(committed_->next);
    pump_->OnRefused([this](size_t index, FoldResult result) {
      source_->Refuse(index, result == FoldResult::kLate     ? kTooLate
                             : result == FoldResult::kFuture ? kInFuture
                                                             : kInvalid);
    });
    return absl::OkStatus();
  }

  absl::Status OpenStore() {
    if (options_.state.empty()) return absl::OkStatus();
    absl::StatusOr<std::unique_ptr<StateStore>> store = StateStore::Open(options_.state);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    if (!store_->marker()) return absl::OkStatus();
    absl::StatusOr<RunMarker> marker = RunMarker::Decode(store_->marker()->input);
    if (!marker.ok()) return absl::Status(marker.status().code(), options_.state + ": " + std::string(marker.status().message()));
    if (absl::Status same = CheckSameRun(*marker, setup_); !same.ok()) return same;
    committed_ = *std::move(marker);
    return absl::OkStatus();
  }

  absl::Status Loop() {
    Progress progress(&RealClock());
    uint64_t muted_until = committed_ ? committed_->lines : 0;
    if (muted_until > 0) {
      std::fprintf(stderr, "sekisho: going on after line %s\n", WithCommas(static_cast<int64_t>(muted_until)).c_str());
      dead_letters_->set_muted(true);
    }
    next_commit_ = RealClock().Now() + kCommitEvery;
    for (bool more = true; more;) {
      if (StopRequested()) {
        stopped_ = true;
        break;
      }
      absl::StatusOr<bool> pumped = pump_->Once();
      if (!pumped.ok()) return pumped.status();
      more = *pumped;
      if (!dead_letters_->status().ok()) return dead_letters_->status();
      if (muted_until > 0) {
        if (source_->stats().lines < muted_until && more) continue;
        if (absl::Status same = CheckPlace(*committed_, *source_); !same.ok()) return same;
        muted_until = 0;
        dead_letters_->set_muted(false);
        continue;
      }
      progress.Update(source_->disk_bytes_read(), source_->disk_bytes(),
                      WithCommas(static_cast<int64_t>(source_->stats().lines)) + " lines");
      if (store_ == nullptr || !CommitIsDue()) continue;
      if (absl::Status status = pump_->Commit(); !status.ok()) return status;
      lines_committed_ = source_->stats().lines;
      next_commit_ = RealClock().Now() + kCommitEvery;
    }
    // Stopped while still reading what was folded before: the committed state stands as it is.
    if (muted_until > 0) return absl::OkStatus();
    finished_ = !stopped_;
    if (dead_letter_file_ != nullptr) {
      if (absl::Status status = dead_letter_file_->Flush(); !status.ok()) return status;
    }
    return pump_->Commit();
  }

  bool CommitIsDue() const {
    if (table_->commit_due()) return true;
    if (options_.commit_lines > 0) return source_->stats().lines - lines_committed_ >= options_.commit_lines;
    return RealClock().Now() >= next_commit_;
  }

  absl::Status CommitState(Offset next, uint64_t output_length) {
    RunMarker marker = setup_;
    marker.inputs = source_->Marks();
    marker.lines = source_->stats().lines;
    marker.next = next;
    marker.finished = finished_;
    if (entities_ != nullptr) marker.entities = entities_->Encode();
    if (dead_letter_file_ != nullptr) {
      if (absl::Status status = dead_letter_file_->Sync(); !status.ok()) return status;
      marker.dead_letter_bytes = dead_letter_file_->length();
    }
    StateMarker state;
    state.input = marker.Encode();
    shard_->EncodeState(&state.fold);
    state.output_length = output_length;
    return table_->Commit(state);
  }

  int SayFinished() {
    std::fprintf(stderr, "sekisho: this run was finished before (%s lines); %s is complete, nothing was changed\n",
                 WithCommas(static_cast<int64_t>(committed_->lines)).c_str(), Printable(options_.out).c_str());
    return kExitOk;
  }

  const ReplayOptions options_;
  Policy policy_;
  GeoSet geo_;
  RunMarker setup_;
  std::unique_ptr<StateStore> store_;
  std::optional<RunMarker> committed_;  // by an earlier run
  std::unique_ptr<OutputFile> out_, dead_letter_file_;
  std::unique_ptr<DeadLetters> dead_letters_;
  std::unique_ptr<FileSource> source_;
  std::unique_ptr<AccountTable> table_;
  std::unique_ptr<Shard> shard_;
  std::unique_ptr<LocalEntities> entities_;
  ActionReport report_;
  std::unique_ptr<RunSink> sink_;
  std::unique_ptr<Pump> pump_;
  EventTime next_commit_;
  uint64_t lines_committed_ = 0;  // at the last commit
  bool stopped_ = false, finished_ = false;
};

}  // namespace

int RunReplay(const ReplayOptions& options) { return Replay(options).Run(); }

}  // namespace sekisho::app
