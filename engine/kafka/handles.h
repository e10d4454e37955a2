// librdkafka's objects, owned.
#ifndef SEKISHO_ENGINE_KAFKA_HANDLES_H_
#define SEKISHO_ENGINE_KAFKA_HANDLES_H_

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <memory>

#include "engine/base/time.h"

namespace sekisho::kafka {

// What librdkafka writes the text of an error into; it cuts it there.
constexpr size_t kTextBytesMax = 512;

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* p) const {
    destroy(p);
  }
};
template <typename T, auto destroy>
using Handle = std::unique_ptr<T, Destroy<destroy>>;

using ConfHandle = Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using TopicHandle = Handle<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using QueueHandle = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using ErrorHandle = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;
// All of them must be gone before their client is destroyed, which would wait for them for ever.
using PartitionsHandle = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using MetadataHandle = Handle<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using GroupMetadataHandle = Handle<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy>;
using MessageHandle = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;

// Destroys the client, whatever it is doing, beside the caller; waits for that at most so long, then lets it go on alone.
constexpr Span kDestroyMax = Span::Seconds(3);
void DestroyWithin(rd_kafka_t* client, Span at_most);

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_HANDLES_H_
