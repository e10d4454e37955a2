// Reads partitions of choice from offsets of choice, each through a queue of its own; knows nothing of groups.
//
// It stands on librdkafka's simple consumer: what the group decides meanwhile can't get in its way, which is where the
// known holes of version 2.0.2 are.
#ifndef SEKISHO_ENGINE_KAFKA_READER_H_
#define SEKISHO_ENGINE_KAFKA_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/kafka/handles.h"
#include "engine/kafka/topics.h"
#include "engine/kafka/trouble.h"
#include "engine/kafka/wake.h"

namespace sekisho::kafka {

class Reader;

// One partition's records, in order. Thread-compatible. Its Reader outlives it.
class PartitionStream {
 public:
  ~PartitionStream();
  PartitionStream(const PartitionStream&) = delete;
  PartitionStream& operator=(const PartitionStream&) = delete;

  // At most `max` of the records that follow, waiting for the first up to `wait`. They are valid until the next call.
  //   OutOfRange: the log doesn't hold the next offset; found out for certain, which may take a few seconds. DataLoss: a
  //   record's checksum is wrong.
  absl::Status Next(size_t max, Span wait, std::vector<rd_kafka_message_t*>* messages);

  // Follows what Next gave.
  Offset next() const { return next_; }
  // The producer's time of the newest record that Next gave; Never(): none.
  EventTime newest() const { return newest_; }
  // All that was there to read when the brokers were asked last has been read.
  bool at_end() const { return at_end_; }

 private:
  friend class Reader;
  PartitionStream(Reader* reader, rd_kafka_topic_t* topic, std::string name, PartitionId partition, Offset from,
                  QueueHandle queue);
  absl::Status Check(const rd_kafka_message_t& message);
  absl::Status OutOfRange();
  absl::Status Start();
  void Drop();

  Reader* const reader_;
  rd_kafka_topic_t* const topic_;
  const std::string name_;
  const PartitionId partition_;
  QueueHandle queue_;
  Offset next_;
  EventTime newest_;
  bool at_end_ = false;
  int beyond_ = 0;  // times in a row that the next offset was past the log's end
  std::vector<rd_kafka_message_t*> taken_;
};

struct Watermarks {
  Offset begin;  // the first offset that is there
  Offset end;    // follows the last record that readers of committed data may see
};

// Thread-safe, but Poll.
class Reader {
 public:
  // `trouble` and `wake` outlive it.
  static absl::StatusOr<std::unique_ptr<Reader>> Make(const KafkaSettings& settings, Trouble* trouble, Wake* wake);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Serves what librdkafka wants to say. From one thread.
  void Poll() { rd_kafka_poll(client_, 0); }
  // FailedPrecondition: that partition is open already.
  absl::StatusOr<std::unique_ptr<PartitionStream>> Open(const std::string& topic, PartitionId partition, Offset from);
  // Blocks. Unavailable: no answer within `timeout`, or from a broker that no longer leads; asked again, another may know.
  absl::StatusOr<Watermarks> Ask(const std::string& topic, PartitionId partition, Span timeout);
  // As the brokers told with the last records; nothing is asked.
  Offset KnownEnd(const std::string& topic, PartitionId partition) const;

  rd_kafka_t* client() const { return client_; }

 private:
  friend class PartitionStream;
  // With mutex_ held.
  absl::StatusOr<rd_kafka_topic_t*> Topic(const std::string& name);
  Reader(Trouble* trouble, Wake* wake) : trouble_(trouble), wake_(wake), trouble_of_{"reader", trouble} {}

  Trouble* const trouble_;
  Wake* const wake_;
  TroubleOf trouble_of_;
  rd_kafka_t* client_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, TopicHandle> topics_;
  std::set<std::pair<std::string, PartitionId>> open_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_READER_H_
