// What a worker waits on: anything that may have come makes the descriptor readable.
#ifndef SEKISHO_ENGINE_KAFKA_WAKE_H_
#define SEKISHO_ENGINE_KAFKA_WAKE_H_

#include <cstdint>

#include "engine/base/time.h"
#include "engine/kafka/handles.h"

namespace sekisho::kafka {

class Wake {
 public:
  Wake();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  // Thread-safe.
  void Signal();
  // Each time the queue, empty before, gets something.
  void SignalOn(rd_kafka_queue_t* queue);
  // No more. Must be called before the queue's owner goes, who may live a little longer than the descriptor.
  static void Silence(rd_kafka_queue_t* queue);
  // Until a signal since the last Wait, or until `at_most` has passed.
  void Wait(Span at_most);

 private:
  int fd_;
};

}  // namespace sekisho::kafka

#endif  // SEKISHO_ENGINE_KAFKA_WAKE_H_
