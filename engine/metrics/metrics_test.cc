// The page as a scrape gets it, and its server.
#include "engine/metrics/metrics.h"
#include "engine/metrics/process.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace sekisho {
namespace {

using ::testing::HasSubstr;

std::string Get(int port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    EXPECT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    char part[4096];
    for (ssize_t n; (n = ::recv(fd, part, sizeof(part), 0)) > 0;) answer.append(part, static_cast<size_t>(n));
  }
  ::close(fd);
  return answer;
}

TEST(Metrics, Page) {
  Metrics metrics;
  Counter* events = metrics.AddCounter("sekisho_events_total", "Events.", {{"kind", "login"}});
  events->Add(3);
  metrics.AddCounter("sekisho_events_total", "Events.", {{"kind", "we\"ird\\\n"}})->Set(7);
  metrics.AddGauge("sekisho_spool_bytes", "Bytes.")->Set(1.5);
  metrics.AddSecondsCounter("sekisho_busy_seconds_total", "Time.")->Add(2'500'000);
  Histogram* seconds = metrics.AddHistogram("sekisho_commit_seconds", "Time.", {0.1, 1});
  for (const double value : {0.1, 0.5, 2.0}) seconds->Observe(value);
  EXPECT_EQ(metrics.AddCounter("sekisho_events_total", "Events.", {{"kind", "login"}}), events);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("# TYPE sekisho_events_total counter\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_events_total{kind=\"login\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("kind=\"we\\\"ird\\\\\\n\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_spool_bytes 1.5\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_busy_seconds_total 2.5\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_commit_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_commit_seconds_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_commit_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_commit_seconds_count 3\n"));
  EXPECT_THAT(text, HasSubstr("sekisho_commit_seconds_sum 2.6\n"));
}

TEST(Metrics, HiddenGauge) {
  Metrics metrics;
  Gauge* mine = metrics.AddGauge("sekisho_lag_records", "Records.", {{"partition", "1"}});
  metrics.AddGauge("sekisho_lag_records", "Records.", {{"partition", "2"}})->Set(5);
  mine->Set(4);
  EXPECT_THAT(metrics.Text(), HasSubstr("partition=\"1\"} 4\n"));
  mine->Hide();
  EXPECT_THAT(metrics.Text(), ::testing::Not(HasSubstr("partition=\"1\"")));
  EXPECT_THAT(metrics.Text(), HasSubstr("partition=\"2\"} 5\n"));
  metrics.AddGauge("sekisho_lag_records", "Records.", {{"partition", "2"}})->Hide();
  EXPECT_EQ(metrics.Text(), "");
  mine->Set(0);
  EXPECT_THAT(metrics.Text(), HasSubstr("partition=\"1\"} 0\n"));
}

TEST(Metrics, Serves) {
  Metrics metrics, other;
  metrics.AddCounter("sekisho_events_total", "Events.")->Add(3);
  const absl::StatusOr<int> port = metrics.Serve("127.0.0.1:0");
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_THAT(Get(*port, "/metrics"), HasSubstr("sekisho_events_total 3\n"));
  EXPECT_EQ(other.Serve("127.0.0.1:" + std::to_string(*port)).status().code(), absl::StatusCode::kUnavailable);
}

TEST(ProcessMetrics, OfThisProcess) {
  Metrics metrics;
  ProcessMetrics process(&metrics);
  std::vector<char> memory(size_t{32} << 20, 'x');
  process.Update();
  const std::string text = metrics.Text();
  const auto value = [&text](const std::string& name) {
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  };
  EXPECT_GT(value("process_resident_memory_bytes"), static_cast<double>(memory.size()));
  EXPECT_LT(value("process_resident_memory_bytes"), 1e12);
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GE(value("process_threads"), 1);
}

// Goal: nothing is lost between threads.
TEST(Metrics, Threads) {
  Metrics metrics;
  Counter* counter = metrics.AddCounter("a_total", "A.");
  Histogram* histogram = metrics.AddHistogram("b_seconds", "B.", LatencyBounds());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        counter->Add();
        histogram->Observe(1);
      }
    });
  }
  for (int i = 0; i < 10; ++i) metrics.Text();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter->value(), 40'000u);
  EXPECT_EQ(histogram->sum(), 40'000);
}

}  // namespace
}  // namespace sekisho
