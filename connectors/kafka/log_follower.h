// Follows one log file as it grows, through rotation by rename and by truncation, and across restarts.
//
// The file is a *stream*: its contents over time, one file behind the other, with places that only grow. A place in it,
// once given out with an event, never means anything else.
//
// Rotation by rename (logrotate's default): the old file is read to its end, until it has been quiet for kSettle, so that
// what a writer still had to say isn't missed; then the new one. After a longer absence the files between are found by
// their names (FILE.1, FILE-20260301, …) and read in the order of their last change. Compressed ones are not read:
// use logrotate's delaycompress.
// Rotation by truncation (copytruncate): told by a file that has become shorter or begins otherwise; what hadn't been read
// is looked for in the copy: known by its beginning, or, if nothing was read of it yet, by the file that was read before. What a writer adds between the copy and the truncation is lost to everybody.
// What can't be found is a *gap*: counted and said.
//
// Dates without a year are taken by the file's last change: see HeaderOptions::reference.
#ifndef SEKISHO_CONNECTORS_KAFKA_LOG_FOLLOWER_H_
#define SEKISHO_CONNECTORS_KAFKA_LOG_FOLLOWER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/common/line_source.h"
#include "connectors/common/parser.h"
#include "connectors/common/syslog.h"
#include "engine/base/notice.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// Which file a stream is in, and how far it has been taken. Names a file by what it is, not by its name.
struct FilePosition {
  uint64_t device = 0, inode = 0;  // 0, 0: no file yet
  uint64_t base = 0;               // the stream's place of the file's first byte
  uint64_t offset = 0;             // bytes of the file that were taken
  // The file's first bytes, to know it again under another inode (a copy), and to see that it is another one under the
  // same: at most kHeadBytes, never more than `offset`.
  uint64_t head_bytes = 0, head_digest = 0;
  // The file that was read before it, 0 where none had been rotated away: what came between the two is unread.
  uint64_t previous_inode = 0;
  bool operator==(const FilePosition&) const = default;
  uint64_t place() const { return base + offset; }
};

// Views are valid until Take().
struct FollowedLine {
  RawLine raw;   // offsets are places of the stream; no digest
  LogLine line;
};

// Thread-compatible.
class LogFollower {
 public:
  static constexpr size_t kHeadBytes = 1024;
  static constexpr size_t kReadBytes = 256 << 10;
  static constexpr Span kSettle = Span::Seconds(1);
  // How long a file that has been left is still watched for late writes, which would be a gap.
  static constexpr Span kWatch = Span::Seconds(30);

  struct Counters {
    uint64_t rotations = 0, truncations = 0;
    uint64_t gaps = 0;       // times that something couldn't be read
    uint64_t gap_bytes = 0;  // as far as known
  };

  LogFollower(std::string path, const HeaderOptions& header, NoticeSink notice);
  ~LogFollower();
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  // Goes to the file that `position` names, wherever it has been moved to. False: it isn't there any more; the next file
  // will begin behind that place. Whether this is a gap is the caller's to say, by SayGone.
  bool Resume(const FilePosition& position);
  void SayGone();

  // The next whole line of the present file, read ahead; false where there is none yet. Never changes files.
  bool Peek(FollowedLine* line);
  // The line that Peek gave has been used.
  void Take();

  // To be called when Peek is false, and not much more often than a look at the file system is worth: changes to the next
  // file where this one has ended. `now` is any clock that goes on. Returns true if Peek may have something.
  bool Poll(EventTime now);

  // For going again over what was read before a restart: the bytes up to `place` are a line even without a line end.
  void EndsAt(uint64_t place) { ends_at_ = place; }

  // `offset` is behind the last line taken.
  const FilePosition& position() const { return position_; }
  // As of the last Poll: there is nothing more to read, here or in a newer file. A beginning of a line without its end, which
  // lag_bytes counts, is nothing yet.
  bool at_end() const { return at_end_; }
  // Bytes that lie untaken in the file and those that follow it. As the last Poll saw them.
  uint64_t lag_bytes() const { return ahead_bytes_ + (seen_bytes_ > position_.offset ? seen_bytes_ - position_.offset : 0); }
  const std::string& path() const { return path_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Candidate {
    std::string path;
    uint64_t device = 0, inode = 0, bytes = 0;
    int64_t changed_ns = 0;
    bool is_current = false;  // bears the stream's own name
  };
  struct Left {
    int fd = -1;
    uint64_t bytes = 0;
    EventTime until;
  };

  // The stream's own file last, older ones before it by their last change.
  std::vector<Candidate> Candidates() const;
  bool OpenFile(const Candidate& candidate, const FilePosition& position);
  void CloseFile();
  void ForgetBuffer();
  // Reads on; false when there is nothing more at present.
  bool Fill();
  // Finds the next line in what has been read; false where it has no end yet.
  bool FindLine(RawLine* raw);
  void GiveLine(std::string_view text, size_t buffer_bytes, RawLine* raw);
  void ExtendHead();
  bool HeadHolds() const;
  // The stream's name belongs to another file now. Leaves for it, or the next one on the way to it, when it is time.
  bool Rotated(EventTime now);
  void Truncated(uint64_t bytes_before);
  // Opens a copy of the present file, of which nothing was read.
  bool TakeUnreadCopy();
  void LeaveFor(const Candidate& next, EventTime now);
  void WatchLeft(EventTime now);
  void Gap(std::string_view what, uint64_t bytes);
  void Say(NoticeLevel level, std::string_view name, std::vector<std::pair<std::string_view, std::string>> fields) const;

  const std::string path_;
  const NoticeSink notice_;
  HeaderParser header_;
  FilePosition position_;
  int fd_ = -1;
  uint64_t seen_bytes_ = 0;        // the file's size when it was last looked at
  std::string buffer_;             // bytes of the file; from cursor_ on not taken yet
  size_t cursor_ = 0, scanned_ = 0;  // [cursor_, scanned_) holds no line end
  std::string long_line_;          // the beginning of a line too long, whose end hasn't been found
  uint64_t long_bytes_ = 0;        // of it, no longer in the buffer
  std::optional<uint64_t> ends_at_;
  bool final_ = false;             // the file won't grow: what is left without a line end is a line
  std::optional<FollowedLine> peeked_;
  size_t peeked_buffer_bytes_ = 0;
  EventTime quiet_since_;          // since when nothing came though a newer file is there; Never(): not so
  // Whether a copy of the file was looked for before its first byte is read: when it was empty, and when it no longer was.
  enum class Looked : unsigned char { kNot, kEmpty, kGrown } looked_ = Looked::kNot;
  bool missing_said_ = false;
  bool at_end_ = false;
  uint64_t ahead_bytes_ = 0;       // in the files that follow
  std::vector<Left> left_;
  Counters counters_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_LOG_FOLLOWER_H_
