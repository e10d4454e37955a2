// Goal: a question finds its way to a new leader. Method: librdkafka's own imitation of a cluster, which moves a leader at the wanted
// moment; that the reader reads is tested against real brokers (tests/kafka).
#include "engine/kafka/reader.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <memory>

namespace sekisho::kafka {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

// A topic that is asked about before it is read: librdkafka remembers the leader of such a one for a quarter of an hour.
TEST(ReaderTest, FindsALeaderThatHasMoved) {
  char text[256];
  const Handle<rd_kafka_t, rd_kafka_destroy> host(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text)));
  const Handle<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy> cluster(rd_kafka_mock_cluster_new(host.get(), 2));
  ASSERT_EQ(rd_kafka_mock_topic_create(cluster.get(), "t", 1, 2), RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_EQ(rd_kafka_mock_partition_set_leader(cluster.get(), "t", 0, 1), RD_KAFKA_RESP_ERR_NO_ERROR);

  Trouble trouble;
  Wake wake;
  auto reader = Reader::Make({{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster.get())}}, &trouble, &wake);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto ask = [&] { return (*reader)->Ask("t", PartitionId{0}, Span::Seconds(2)).ok(); };
  const auto ask_until_it_answers = [&] {
    for (const auto end = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < end;) {
      if (ask()) return true;
    }
    return false;
  };
  ASSERT_TRUE(ask_until_it_answers());
  ASSERT_EQ(rd_kafka_mock_partition_set_leader(cluster.get(), "t", 0, 2), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_FALSE(ask()) << "the old leader still answers: this test shows nothing";
  EXPECT_TRUE(ask_until_it_answers());
}

}  // namespace
}  // namespace sekisho::kafka
