#include "engine/kafka/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace sekisho::kafka {
namespace {

constexpr int kTransactionTimeoutMs = 30'000;
// Since then a full prefetch queue no longer makes the fetcher pause for a second.
constexpr int kHasFetchBackoff = 0x020200ff;

// Whose value is the engine's alone.
constexpr std::array kOwn = {
    "acks", "request.required.acks", "auto.offset.reset", "check.crcs", "delivery.timeout.ms", "enable.auto.commit",
    "enable.auto.offset.store", "enable.gapless.guarantee", "enable.idempotence", "enable.partition.eof", "group.id",
    "group.instance.id", "group.protocol", "isolation.level", "message.timeout.ms", "partition.assignment.strategy",
    "partitioner", "transactional.id",
};

KafkaSettings Common() {
  return {
      {"client.id", "sekisho"},
      {"socket.nagle.disable", "true"},  // librdkafka before 2.10 waits for more to send
      {"socket.keepalive.enable", "true"},
      // After a broker's return, waiting longer for the next try would only be lag.
      {"reconnect.backoff.max.ms", "2000"},
      // How long a dead leader or coordinator may stay unnoticed.
      {"socket.timeout.ms", "10000"},
      {"topic.metadata.refresh.fast.interval.ms", "100"},
      {"topic.metadata.propagation.max.ms", "5000"},
  };
}

absl::StatusOr<ConfHandle> Build(const KafkaSettings& defaults, const KafkaSettings& settings, const KafkaSettings& fixed) {
  ConfHandle conf(rd_kafka_conf_new());
  char text[kTextBytesMax];
  const KafkaSettings common = Common();
  for (const KafkaSettings* part : {&common, &defaults, &settings, &fixed}) {
    for (const auto& [key, value] : *part) {
      if (rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), text, sizeof(text)) == RD_KAFKA_CONF_OK) continue;
      return absl::InvalidArgumentError(absl::StrCat("Kafka setting ", key, ": ", text));
    }
  }
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);  // what matters comes as an error
  return conf;
}

}  // namespace

absl::Status CheckSettings(const KafkaSettings& settings) {
  bool brokers = false;
  for (const auto& [key, value] : settings) {
    if (std::find(kOwn.begin(), kOwn.end(), key) != kOwn.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Kafka setting ", key, ": remove it; the engine sets it itself, or records could be lost or doubled"));
    }
    brokers |= key == "bootstrap.servers" || key == "metadata.broker.list";
  }
  if (!brokers) return absl::InvalidArgumentError("Kafka setting bootstrap.servers: missing");
  // Some settings are good by themselves and not together (transaction.timeout.ms and socket.timeout.ms), which librdkafka says
  // only when it makes a client. The one for transactions is otherwise made on a helper thread, and made again for ever.
  absl::StatusOr<ConfHandle> conf = TransactionConf(settings, "check");
  if (!conf.ok()) return conf.status();
  char text[kTextBytesMax];
  rd_kafka_t* const trial = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), text, sizeof(text));
  if (trial == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf->release();  // the client's now
  rd_kafka_destroy(trial);
  return absl::OkStatus();
}

absl::StatusOr<ConfHandle> MemberConf(const KafkaSettings& settings, const std::string& group, const std::string& instance) {
  return Build({{"session.timeout.ms", "6000"},
                // Also how soon the others learn that somebody has gone.
                {"heartbeat.interval.ms", "500"},
                // A worker that hangs is alive to its session: this is how long the others wait for it.
                {"max.poll.interval.ms", "60000"}},
               settings,
               {{"group.id", group},
                {"group.instance.id", instance},
                // All at once or nothing: cooperative rebalancing has known holes below librdkafka 2.14.2, and a partition
                // that comes back to its worker costs nothing here.
                {"partition.assignment.strategy", "range"},
                {"enable.auto.commit", "false"},
                {"enable.auto.offset.store", "false"},
                // Makes rd_kafka_committed ask for stable offsets only.
                {"isolation.level", "read_committed"}});
}

absl::StatusOr<ConfHandle> OffsetsConf(const KafkaSettings& settings, const std::string& group) {
  return Build({}, settings,
               {{"group.id", group},
                {"enable.auto.commit", "false"},
                {"enable.auto.offset.store", "false"},
                {"isolation.level", "read_uncommitted"}});
}

absl::StatusOr<ConfHandle> ReaderConf(const KafkaSettings& settings) {
  KafkaSettings defaults = {
      {"fetch.wait.max.ms", "100"},
      {"fetch.error.backoff.ms", "100"},
      {"queued.min.messages", "200000"},
      {"queued.max.messages.kbytes", "65536"},  // of each partition
  };
  if (rd_kafka_version() >= kHasFetchBackoff) defaults.emplace_back("fetch.queue.backoff.ms", "20");
  return Build(defaults, settings,
               {{"enable.auto.commit", "false"},
                {"enable.auto.offset.store", "false"},
                {"isolation.level", "read_committed"},
                // Says when a partition's committed records have been read, though what stands last is no record.
                {"enable.partition.eof", "true"},
                {"check.crcs", "true"},
                {"auto.offset.reset", "error"}});
}

Span TransactionTimeout(const KafkaSettings& settings) {
  int ms = kTransactionTimeoutMs;
  for (const auto& [key, value] : settings) {
    if (key == "transaction.timeout.ms") std::from_chars(value.data(), value.data() + value.size(), ms);
  }
  return Span::Millis(ms);
}

absl::StatusOr<ConfHandle> TransactionConf(const KafkaSettings& settings, const std::string& transactional_id) {
  return Build({{"transaction.timeout.ms", absl::StrCat(kTransactionTimeoutMs)},
                {"linger.ms", "1"},
                {"compression.codec", "lz4"},
                {"queue.buffering.max.messages", "500000"},
                {"queue.buffering.max.kbytes", "131072"},
                // Right after a transaction, the coordinator is still at it when the next one begins: "concurrent
                // transactions", try again. The default, 100, would be most of what a transaction takes.
                {"retry.backoff.ms", "5"}},
               settings,
               {{"transactional.id", transactional_id},
                {"message.timeout.ms", absl::StrCat(TransactionTimeout(settings).millis())},
                // Kafka's own clients hash so.
                {"partitioner", "murmur2_random"}});
}

absl::StatusOr<ConfHandle> AnnouncementConf(const KafkaSettings& settings) {
  return Build({{"linger.ms", "1"}, {"compression.codec", "lz4"}}, settings,
               // Gapless: a batch that overtook a refused one would move the mark past it.
               {{"enable.idempotence", "true"}, {"enable.gapless.guarantee", "true"}, {"acks", "all"}, {"message.timeout.ms", absl::StrCat(TransactionTimeout(settings).millis())}});
}

absl::StatusOr<ConfHandle> HeartbeatConf(const KafkaSettings& settings) {
  return Build({{"linger.ms", "0"}}, settings, {{"message.timeout.ms", "5000"}, {"acks", "1"}});
}

absl::StatusOr<ConfHandle> AdminConf(const KafkaSettings& settings) { return Build({}, settings, {}); }

}  // namespace sekisho::kafka
