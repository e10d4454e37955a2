// Committed snapshots of partitions, over a Reader.
//
// A transaction may be read in pieces: another's that is still open, a zombie's say, hides what stands behind its first
// record. So nothing is given out before the marker that closes it is known to be there. Where the newest marker stands is
// looked up first; everything before it may then be passed on as it comes, and what comes later is held until its marker does.
#ifndef SEKISHO_ENGINE_KAFKA_SNAPSHOTS_H_
#define SEKISHO_ENGINE_KAFKA_SNAPSHOTS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/kafka/asker.h"
#include "engine/kafka/reader.h"
#include "engine/stream/log.h"
#include "engine/wire/snapshot_codec.h"

namespace sekisho::kafka {

// A follower that would have to hold more than this is told to begin anew. One commit of a worker whose memory is full of
// changes is some hundreds of MB at most.
inline constexpr size_t kHeldBytesMax = size_t{512} << 20;

class KafkaSnapshots final : public Snapshots {
 public:
  // Both outlive it.
  KafkaSnapshots(std::string topic, wire::SnapshotOwner owner, Reader* reader, Asker* asker)
      : topic_(std::move(topic)), owner_(owner), reader_(reader), extents_(asker) {}

  absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(PartitionId partition) override;
  absl::StatusOr<std::unique_ptr<SnapshotReader>> Follow(PartitionId partition, Offset from) override;

 private:
  struct Extent {
    Offset begin;
    Offset closed;  // follows the newest committed marker; `begin` if there is none
    Offset end;
  };
  static absl::StatusOr<Extent> Find(Reader* reader, const std::string& topic, wire::SnapshotOwner owner, PartitionId partition);
  absl::StatusOr<Extent> Ask(PartitionId partition);

  const std::string topic_;
  const wire::SnapshotOwner owner_;
  Reader* const reader_;
  Questions<PartitionId, Extent> extents_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_SNAPSHOTS_H_
