#include "engine/kafka/wake.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace sekisho::kafka {
namespace {

constexpr uint64_t kOne = 1;

}  // namespace

Wake::Wake() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Wake::~Wake() {
  if (fd_ >= 0) close(fd_);
}

void Wake::Signal() {
  // Full: it is readable already.
  [[maybe_unused]] const ssize_t written = write(fd_, &kOne, sizeof(kOne));
}

void Wake::SignalOn(rd_kafka_queue_t* queue) { rd_kafka_queue_io_event_enable(queue, fd_, &kOne, sizeof(kOne)); }

void Wake::Silence(rd_kafka_queue_t* queue) { rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0); }

void Wake::Wait(Span at_most) {
  pollfd descriptor = {fd_, POLLIN, 0};
  poll(&descriptor, 1, static_cast<int>(std::clamp<int64_t>(at_most.millis(), 0, 60'000)));
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof(count));
}

}  // namespace sekisho::kafka
