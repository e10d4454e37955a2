// Lines of a file, a compressed file, or standard input, without a copy for each line.
#ifndef SEKISHO_CONNECTORS_COMMON_LINE_SOURCE_H_
#define SEKISHO_CONNECTORS_COMMON_LINE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/time.h"

namespace sekisho::connectors {

// One line as it stands in its stream. Offsets count uncompressed bytes.
struct RawLine {
  std::string_view text;     // without its line end (LF or CRLF); NUL bytes are kept
  uint64_t byte_offset = 0;  // of its first byte
  uint64_t end_offset = 0;   // one past its line end: where the next line begins
  // Stands for all bytes of the stream up to `end_offset`: a chain of PinnedHash64 over the lines. Of a line too long
  // only the length of what was cut off goes in.
  uint64_t digest = 0;
  bool too_long = false;     // `text` is its first kLineBytesMax bytes, the rest was skipped
};

// Gzip and Zstandard are told by their first bytes, not by the name. Memory: at most kMemoryBytesMax and the
// decompressor's window. Thread-compatible.
class LineSource {
 public:
  static constexpr size_t kLineBytesMax = 64 << 10;
  static constexpr size_t kReadBytes = 256 << 10;
  static constexpr size_t kMemoryBytesMax = 2 * (kReadBytes + kLineBytesMax + 2) + kReadBytes;

  // "-" is standard input. Errors name the file and what is wrong with it: missing, unreadable, a directory.
  static absl::StatusOr<std::unique_ptr<LineSource>> Open(const std::string& path);
  ~LineSource();
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;

  // The next line; false at the end, or on an error (see status()). A last line without a line end is given too, except
  // before an error: half a line says something else than the whole. `line->text` is valid until the second next call.
  bool Next(RawLine* line);

  // OK until a read fails or a compressed file turns out broken or cut off. Names the file and the place.
  const absl::Status& status() const { return status_; }

  // Goes on behind what an earlier run has read: skips lines up to `end_offset` and checks that they are the same
  // (`digest` is that of the last one). FailedPrecondition: the file has changed. To be called before Next().
  absl::Status SkipTo(uint64_t end_offset, uint64_t digest);

  const std::string& path() const { return path_; }
  // Of the file as it lies on the disk (compressed), for progress: bytes read so far, and its size when it was opened; 0
  // where it has none (a pipe).
  uint64_t disk_bytes_read() const { return disk_bytes_read_; }
  uint64_t disk_bytes() const { return disk_bytes_; }
  // The file's last change; Never() for standard input and pipes.
  EventTime modified() const { return modified_; }

 private:
  class Decoder;
  class PlainDecoder;
  class GzipDecoder;
  class ZstdDecoder;

  LineSource(std::string path, int fd, bool owns_fd);
  absl::Status Start();
  // Bytes of the file into [to, to + size); 0 at the end, -1 on an error.
  ptrdiff_t ReadDisk(char* to, size_t size);
  // Makes more of the stream follow the unread tail; false when there is no more.
  bool Refill();
  void SkipLongLine(RawLine* line);
  absl::Status Broken(std::string_view what) const;

  const std::string path_;
  const int fd_;
  const bool owns_fd_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<char[]> compressed_;  // input of the decoder; of a plain file only its first bytes
  size_t compressed_begin_ = 0, compressed_end_ = 0;
  // Two buffers in turn, so that the last line survives a refill.
  std::unique_ptr<char[]> buffers_[2];
  int turn_ = 0;
  size_t begin_ = 0, end_ = 0;  // the unread part of buffers_[turn_]
  bool ended_ = false;
  bool switched_ = false;       // this call of Next() has changed buffers
  uint64_t offset_ = 0;         // of begin_
  uint64_t digest_ = 0;
  uint64_t disk_bytes_read_ = 0, disk_bytes_ = 0;
  EventTime modified_;
  absl::Status status_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_COMMON_LINE_SOURCE_H_
