#include "engine/kafka/handles.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace sekisho::kafka {

void DestroyWithin(rd_kafka_t* client, Span at_most) {
  if (client == nullptr) return;
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  const auto state = std::make_shared<Done>();
  std::thread([client, state] {
    // A static member doesn't leave its group, so there is nothing to close in good order.
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    std::lock_guard<std::mutex> lock(state->mutex);
    state->done = true;
    state->changed.notify_all();
  }).detach();
  std::unique_lock<std::mutex> lock(state->mutex);
  state->changed.wait_for(lock, std::chrono::milliseconds(at_most.millis()), [&state] { return state->done; });
}

}  // namespace sekisho::kafka
