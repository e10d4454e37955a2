// What has been read and not yet been acknowledged, on the disk: an append-only log of small entries in segment files.
//
// It is both the buffer for the time that Kafka is away and the journal that makes a restart exact. Everything that was
// decided from the log files (which events, in which order, read up to where) is written here before an event leaves, so a
// connector that is killed goes on with the same events under the same origins, whatever has become of the files
// meanwhile. Entries hold encoded events, never log lines: recipients are hashed in them.
//
// An entry survives the death of the process once Append has returned, and the death of the machine once Sync has.
// A torn or damaged tail is cut off when the spool is opened, and said.
//
// Files: "spool-<place of the first entry, 16 hex digits>". Entry: length (4 bytes), PinnedHash64 of the payload seeded
// with its place (8 bytes), payload. A place is a byte count over the life of the spool; it never goes back.
#ifndef SEKISHO_CONNECTORS_KAFKA_SPOOL_H_
#define SEKISHO_CONNECTORS_KAFKA_SPOOL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sekisho::connectors {

// Thread-compatible.
class Spool {
 public:
  static constexpr uint64_t kSegmentBytesMax = 16 << 20;
  static constexpr size_t kEntryBytesMax = 1 << 20;

  // `folder` exists. An entry that is damaged ends the spool: what follows it is dropped, and lost_bytes() counts it.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const std::string& folder);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Puts an entry into a buffer; Flush writes what is there. At most kEntryBytesMax bytes, not empty.
  void Append(std::string_view payload);
  // On an error (a full disk) the entries stay in the buffer, the file is as before, and Flush may be tried again.
  absl::Status Flush();
  // Flush, and onto the disk.
  absl::Status Sync();

  // Reads flushed entries in their order.
  class Reader;

  // Drops the entries from `place` on. Nothing may be buffered.
  absl::Status Cut(uint64_t place);

  // Frees whole segments below `place`.
  void Trim(uint64_t place);

  uint64_t begin() const;                  // the oldest entry that is still there
  uint64_t end() const { return end_; }    // behind the last flushed entry
  size_t buffered_bytes() const { return buffer_.size(); }
  uint64_t lost_bytes() const { return lost_bytes_; }

 private:
  struct Segment {
    uint64_t bytes = 0;
    int fd = -1;
  };

  explicit Spool(std::string folder) : folder_(std::move(folder)) {}
  std::string Path(uint64_t first) const;
  absl::Status Load();
  absl::Status OpenSegment(uint64_t first);
  // How many bytes of a segment hold whole, undamaged entries.
  static uint64_t GoodBytes(int fd, uint64_t first, uint64_t bytes);

  const std::string folder_;
  std::map<uint64_t, Segment> segments_;  // by the place of their first entry; the last one is written to
  uint64_t end_ = 0, synced_ = 0;
  std::string buffer_;
  uint64_t lost_bytes_ = 0;
};

class Spool::Reader {
 public:
  // Reads on from `place`, which begins an entry or is the end. The spool outlives the reader.
  Reader(const Spool* spool, uint64_t place) : spool_(spool), place_(place) {}

  // False at the end. The payload is valid until the next call. An error of the disk or an entry that has been damaged since Open is DataLoss.
  absl::StatusOr<bool> Next(std::string_view* payload);
  uint64_t place() const { return place_; }
  // Goes back, or forth, to the beginning of an entry.
  void Seek(uint64_t place);

 private:
  // Makes `bytes` bytes at place_ available in buffer_.
  absl::StatusOr<std::string_view> Peek(size_t bytes);

  const Spool* spool_;
  uint64_t place_;
  std::string buffer_;
  uint64_t buffer_place_ = 0;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_SPOOL_H_
