// Log files as a source: lines merged by time, parsed, placed on the map, and handed over as the fold's events.
//
// Deterministic: the same files under the same options give the same records with the same offsets in the same batches,
// so a later run finds the place where an earlier one stopped by reading again from the start.
//
// Heartbeats. A quiet night is no reason to distrust the first event of the morning, so a jump ahead in time that the
// next records confirm is announced to the shard by a heartbeat. A lone line with a wrong date is not confirmed: the
// shard refuses it, and nothing else moves.
#ifndef SEKISHO_ENGINE_APP_FILE_SOURCE_H_
#define SEKISHO_ENGINE_APP_FILE_SOURCE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/common/event.h"
#include "connectors/ingest/ingest.h"
#include "engine/app/arena.h"
#include "engine/app/commands.h"
#include "engine/app/dead_letter.h"
#include "engine/app/run_marker.h"
#include "engine/geo/geo.h"
#include "engine/stream/stream.h"

namespace sekisho::app {

// What was read, beside the pipeline's own counters.
struct InputStats {
  uint64_t lines = 0;       // all of them
  uint64_t too_long = 0;    // never parsed
  uint64_t no_account = 0;  // events that name no account: nothing to fold them into
  // Lines of other programs; at most kProgramsMax of them by name, the rest as "(others)".
  std::map<std::string, uint64_t, std::less<>> other_programs;

  static constexpr size_t kProgramsMax = 50;
};

// Thread-compatible.
class FileSource : public Source {
 public:
  // `geo` and `dead_letters` outlive the source. InvalidArgument: an option says nothing (a zone, an address). A file that
  // can't be read is no error: see unreadable().
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(const InputOptions& options, const GeoSet* geo,
                                                          DeadLetters* dead_letters);

  absl::StatusOr<Batch> Poll() override;

  // Is told of every event as the parsers give it, also of those that the fold doesn't want. Before the first Poll.
  void OnPlainEvent(connectors::EventSink told) { plain_ = std::move(told); }
  // Puts the line that record `index` of the present batch came from aside, for `reason`.
  void Refuse(size_t index, std::string_view reason);

  // How far each file has been read, at the end of the present batch.
  std::vector<InputMark> Marks() const;
  const InputStats& stats() const { return stats_; }
  const connectors::Pipeline::Counters& counters() const { return pipeline_.counters(); }
  // Bytes on disk read so far, and in all (0: unknown), for the progress bar.
  uint64_t disk_bytes_read() const { return files_->disk_bytes_read(); }
  uint64_t disk_bytes() const { return files_->disk_bytes(); }
  // One message for each input that couldn't be read, or not to its end.
  std::vector<std::string> unreadable() const;

  static constexpr uint64_t kBatchLines = 256;

 private:
  // Where a record came from.
  struct Origin {
    uint32_t file = 0;
    uint64_t byte = 0;
    std::string_view line;  // in the arena; its beginning
  };

  FileSource(const InputOptions& options, const connectors::Pipeline::Options& pipeline, const GeoSet* geo,
             DeadLetters* dead_letters);
  bool ReadLine();
  void Take(const connectors::Event& event);
  // Makes the present line a dead letter.
  void PutAside(std::string_view reason);
  void CountUnrecognised(const connectors::MergedLine& line, std::string_view reason);
  // Of the next records after `index`, at most `witnesses`: do half of them at least lie beyond `limit`? True of none.
  bool Confirmed(size_t index, size_t witnesses, EventTime limit) const;
  void AddHeartbeats();
  // More records are wanted before the batch's last jump ahead can be judged.
  bool JumpUnsettled() const { return jump_ != kNoJump && records_.size() - jump_ <= kWitnessesOfDays; }

  // After a wrong jump of up to a day, true records are still taken; after a longer one they would all be too late.
  static constexpr size_t kWitnesses = 3, kWitnessesOfDays = 20;
  static constexpr size_t kNoJump = SIZE_MAX;

  const InputOptions options_;
  const GeoSet* const geo_;
  DeadLetters* const dead_letters_;
  connectors::Pipeline pipeline_;
  std::unique_ptr<connectors::MergedFiles> files_;
  connectors::EventSink take_, plain_;
  InputStats stats_;

  // The present batch.
  Arena arena_;
  std::vector<Record> records_;
  std::vector<Origin> origins_;  // of each record
  int64_t next_offset_ = 0;

  // The present line.
  Origin line_;
  std::string_view line_text_;

  EventTime clock_;          // the time that records and heartbeats have brought
  EventTime newest_;         // likewise within this batch, before it is known what to believe
  size_t jump_ = kNoJump;    // the last record of this batch that lay far beyond newest_
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_FILE_SOURCE_H_
