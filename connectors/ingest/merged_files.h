// Several log files as one, merged by the lines' times.
#ifndef SEKISHO_CONNECTORS_INGEST_MERGED_FILES_H_
#define SEKISHO_CONNECTORS_INGEST_MERGED_FILES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "connectors/common/line_source.h"
#include "connectors/common/parser.h"
#include "connectors/common/syslog.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// The views are valid until the next call of MergedFiles::Next().
struct MergedLine {
  uint32_t file = 0;  // index into the paths
  RawLine raw;
  LogLine line;       // its header, taken off once
  // Where the merge stands: never later than the line's own time. Goes back where a file does.
  EventTime key;
};

// The order. A line's key is the earlier of its own time and that of the next line of its file, so that one line dated
// into the future doesn't hold up its file. Where the next line has no time, that of the last line before that had one
// stands in. A line without time has the key of the line before. The file with the earliest key comes first, of equal
// ones that which was named first. So the order depends on nothing but the files, and within a file it is the file's.
//
// Mail. A file that begins like a mail message, or like an mbox file of several, gives its messages as lines: `line` is of the program
// kMailProgram, has the message's time, and its message is the text, its lines ended by LF, at most kMailBytesMax of
// it. `raw` has the message's place, but not its text: that is content. In an mbox file a line "From …" with a date, after an
// empty one, begins the next message: whatever delivered them there must have quoted such lines of their bodies (">From"), as all
// do that write the common forms of mbox. A file of one message isn't divided.
//
// A line is given once the one after it has been read: the last line of a pipe that stays open waits.
//
// Thread-compatible. Costs one comparison a line more than reading the files one by one, and little for a single file.
class MergedFiles {
 public:
  struct Options {
    absl::TimeZone zone = absl::UTCTimeZone();
    std::optional<int> year;  // of the first date without one, in each file; see HeaderOptions
    EventTime now = EventTime::Never();  // stands for the last change of what has none: standard input and pipes
  };

  // The rest of a message is passed over: reports have what counts at their beginning. 64 kB for each of two messages a file.
  static constexpr size_t kMailBytesMax = 64 << 10;

  // Files that can't be opened don't stop the others; see error(). "-" is standard input.
  static std::unique_ptr<MergedFiles> Open(const std::vector<std::string>& paths, const Options& options);

  // False when every file has ended.
  bool Next(MergedLine* line);

  size_t size() const { return files_.size(); }
  // Why file `i` couldn't be opened, or not be read to its end; OK otherwise. Names the file.
  const absl::Status& error(size_t i) const { return files_[i].error; }
  // Of file `i`: where the last line that Next() gave ends, and what it is the digest of (RawLine). 0 and 0 before.
  uint64_t end_offset(size_t i) const { return files_[i].end_offset; }
  uint64_t digest(size_t i) const { return files_[i].digest; }
  // For progress, over all files: see LineSource.
  uint64_t disk_bytes_read() const;
  uint64_t disk_bytes() const;

 private:
  struct Slot {
    RawLine raw;
    LogLine line;
    std::string mail;  // a message's text
  };
  enum class Format : uint8_t { kUnknown, kLog, kMessage, kMbox };
  struct File {
    std::unique_ptr<LineSource> source;    // null once it has ended
    std::unique_ptr<HeaderParser> header;
    Slot slots[2];
    Format format = Format::kUnknown;
    std::optional<RawLine> next_message;   // the mbox line that ended the last message; without its text
    int current = 0;                       // the line to be given; the other slot holds the one after it
    bool has_next = false;
    EventTime key, last_timed;
    uint64_t end_offset = 0, digest = 0;
    uint64_t disk_bytes_read = 0, disk_bytes = 0;  // once source is null
    absl::Status error;
  };

  MergedFiles() = default;
  // Reads a line into the slot that is free.
  void Read(File* file);
  // Takes the message that begins with slot's raw line, or behind it, if that is mbox's. False: an error cut it off.
  static bool ReadMessage(File* file, Slot* slot);
  // Makes the next line the current one; false where there is none.
  bool Advance(File* file);
  bool Before(uint32_t a, uint32_t b) const;

  std::vector<File> files_;
  std::vector<uint32_t> waiting_;  // a heap of the files that have lines, the first on top
  std::optional<uint32_t> given_;  // the file that the last line came from, not in the heap
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_INGEST_MERGED_FILES_H_
