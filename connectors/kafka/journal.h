// What the spool's entries say, and the position file: the two things that a connector's restart stands on.
//
// Entries, by their first byte:
//   'E' an event: key, encoded record
//   'F' a stream reads this file now, and has taken so much of it: stream, FilePosition
//   'T' more of that file was taken: stream, offset
// The events of some lines come before the 'F' or 'T' that says the lines were taken. Events behind the last of these
// belong to lines that will be read again.
//
// The position file stands for the spool up to a place, so that no more than the rest need be gone over again. It is
// replaced as a whole (written beside, synced, renamed).
#ifndef SEKISHO_CONNECTORS_KAFKA_JOURNAL_H_
#define SEKISHO_CONNECTORS_KAFKA_JOURNAL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/kafka/log_follower.h"

namespace sekisho::connectors {

struct JournalEntry {
  enum class Kind : char { kEvent = 'E', kFile = 'F', kTaken = 'T' };
  Kind kind = Kind::kEvent;
  std::string_view key, value;  // event; views into the entry
  uint32_t stream = 0;          // file, taken
  FilePosition file;            // file
  uint64_t offset = 0;          // taken: FilePosition::offset
};

void EncodeEventEntry(std::string_view key, std::string_view value, std::string* out);
void EncodeFileEntry(uint32_t stream, const FilePosition& file, std::string* out);
void EncodeTakenEntry(uint32_t stream, uint64_t offset, std::string* out);
// False: not an entry of this version.
bool DecodeEntry(std::string_view bytes, JournalEntry* entry);

struct ConnectorPosition {
  static constexpr size_t kStreamsMax = 10'000;
  struct Stream {
    std::string path;  // as configured; the stream keeps its number as long as this file of positions lives
    FilePosition file;
    bool operator==(const Stream&) const = default;
  };
  uint64_t epoch = 0;
  uint64_t spool_place = 0;         // all below stands for the spool's entries before it
  uint64_t acknowledged_place = 0;  // events before it need not be sent again
  std::vector<Stream> streams;      // by number
  std::string parser_state;
  bool operator==(const ConnectorPosition&) const = default;
};

// NotFound: there is none. DataLoss: damaged, or of a version that isn't known.
absl::StatusOr<ConnectorPosition> LoadPosition(const std::string& path);
// On the disk once it returns OK; otherwise the old one stands.
absl::Status SavePosition(const ConnectorPosition& position, const std::string& path);

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_KAFKA_JOURNAL_H_
