#include "connectors/kafka/kafka_producer.h"

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"

namespace sekisho::connectors {
namespace {

constexpr size_t kTextBytesMax = 512;
constexpr uint64_t kNoTag = std::numeric_limits<uint64_t>::max();

// May be changed by the configuration.
const KafkaSettings& Defaults() {
  static const KafkaSettings& settings = *new KafkaSettings{
      {"client.id", "sekisho-connect"},
      {"linger.ms", "5"},
      {"compression.codec", "lz4"},
      {"socket.nagle.disable", "true"},  // librdkafka before 2.10 waits for more to send
      {"socket.keepalive.enable", "true"},
      // After a broker's return, waiting longer for the next try would only be lag.
      {"reconnect.backoff.max.ms", "2000"},
  };
  return settings;
}

// What the promise stands on.
const KafkaSettings& Fixed() {
  static const KafkaSettings& settings = *new KafkaSettings{
      {"enable.idempotence", "true"},
      // A record that can't be delivered stops the producer, so that no later one gets ahead of it.
      {"enable.gapless.guarantee", "true"},
      {"acks", "all"},
      // Never given up: while the brokers are away, records wait.
      {"message.timeout.ms", "0"},
      // Kafka's own clients hash so; see also the engine, whose shards rely on it.
      {"partitioner", "murmur2_random"},
  };
  return settings;
}

class KafkaProducer : public Producer {
 public:
  KafkaProducer(KafkaSettings settings, std::string topic, NoticeSink notice)
      : settings_(std::move(settings)), topic_name_(std::move(topic)), notice_(std::move(notice)) {}
  ~KafkaProducer() override { Close(); }

  absl::Status Open() {
    char text[kTextBytesMax];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (const KafkaSettings* settings : {&Defaults(), static_cast<const KafkaSettings*>(&settings_), &Fixed()}) {
      for (const auto& [key, value] : *settings) {
        if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), text, sizeof(text)) == RD_KAFKA_CONF_OK) continue;
        rd_kafka_conf_destroy(conf);
        return absl::InvalidArgumentError(absl::StrCat("Kafka setting ", key, ": ", text));
      }
    }
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_error_cb(conf, OnTrouble);
    rd_kafka_conf_set_dr_msg_cb(conf, OnReport);
    rd_kafka_conf_set_log_cb(conf, nullptr);  // what matters comes through OnTrouble
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (client_ == nullptr) {
      rd_kafka_conf_destroy(conf);
      return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
    }
    rd_kafka_topic_conf_t* topic_conf = rd_kafka_default_topic_conf_dup(client_);
    rd_kafka_topic_conf_set_opaque(topic_conf, this);
    rd_kafka_topic_conf_set_partitioner_cb(topic_conf, Partition);
    topic_ = rd_kafka_topic_new(client_, topic_name_.c_str(), topic_conf);
    if (topic_ == nullptr) {
      absl::Status wrong = absl::InvalidArgumentError(absl::StrCat("topic ", topic_name_, ": ", rd_kafka_err2str(rd_kafka_last_error())));
      Close();
      return wrong;
    }
    broken_ = false;
    return absl::OkStatus();
  }

  Answer Produce(std::string_view key, std::string_view value, uint64_t tag) override {
    if (broken_ || topic_ == nullptr) return Answer::kBroken;
    if (Hand(RD_KAFKA_PARTITION_UA, key, value, tag)) return Answer::kTaken;
    switch (rd_kafka_last_error()) {
      case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return Answer::kFull;
      case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return Answer::kTooLarge;
      default:
        Trouble(rd_kafka_last_error(), OfTopic(rd_kafka_last_error()));
        broken_ = true;
        return Answer::kBroken;
    }
  }

  bool Tell(int32_t partition, std::string_view value) override {
    return !broken_ && topic_ != nullptr && Hand(partition, {}, value, kNoTag);
  }

  bool Tell(std::string_view key, std::string_view value) override {
    return !broken_ && topic_ != nullptr && Hand(RD_KAFKA_PARTITION_UA, key, value, kNoTag);
  }

  void Poll(Span wait, std::vector<Report>* reports) override {
    reports_ = reports;
    if (client_ != nullptr) rd_kafka_poll(client_, static_cast<int>(wait.millis()));
    reports_ = nullptr;
  }

  bool broken() const override { return broken_ || topic_ == nullptr; }

  absl::Status Reset() override {
    Close();
    return Open();
  }

  int32_t partitions() const override { return partitions_.load(std::memory_order_relaxed); }

 private:
  bool Hand(int32_t partition, std::string_view key, std::string_view value, uint64_t tag) {
    // librdkafka copies the value and never writes to it.
    return rd_kafka_produce(topic_, partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()), value.size(),
                            key.empty() ? nullptr : key.data(), key.size(), reinterpret_cast<void*>(tag)) == 0;
  }

  void Close() {
    if (client_ != nullptr) rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (client_ != nullptr) rd_kafka_poll(client_, 0);  // reports of what was purged go nowhere
    if (topic_ != nullptr) rd_kafka_topic_destroy(topic_);
    if (client_ != nullptr) rd_kafka_destroy(client_);
    topic_ = nullptr;
    client_ = nullptr;
  }

  // Once for each kind, until something is delivered again.
  void Trouble(rd_kafka_resp_err_t code, const std::string& reason) {
    if (!said_.insert(code).second) return;
    std::vector<std::pair<std::string_view, std::string>> fields = {{"code", rd_kafka_err2name(code)}, {"reason", reason}};
    if (const std::string_view hint = Hint(code); !hint.empty()) fields.emplace_back("hint", std::string(hint));
    notice_({NoticeLevel::kError, "kafka", std::move(fields)});
  }

  std::string OfTopic(rd_kafka_resp_err_t code) const { return absl::StrCat("topic ", topic_name_, ": ", rd_kafka_err2str(code)); }

  static std::string_view Hint(rd_kafka_resp_err_t code) {
    switch (code) {
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return "the topic isn't there: sekisho topics create";
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "this user may not write to the topic: grant it Write";
      case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "this user may not write to any topic: grant it Write; before Kafka 2.8, IdempotentWrite on the cluster as well";
      case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return "wrong user, password or mechanism; SCRAM against Kafka 4 needs librdkafka 2.6.1";
      case RD_KAFKA_RESP_ERR__SSL:
        return "see ssl.ca.location, and whether the port speaks TLS";
      default:
        return "";
    }
  }

  static void OnTrouble(rd_kafka_t* client, int code, const char* reason, void* self) {
    KafkaProducer* producer = static_cast<KafkaProducer*>(self);
    if (code != RD_KAFKA_RESP_ERR__FATAL) {
      producer->Trouble(static_cast<rd_kafka_resp_err_t>(code), reason);
      return;
    }
    char text[kTextBytesMax];
    const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, text, sizeof(text));
    // Who may write nowhere is refused before there is talk of a topic.
    producer->Trouble(cause, cause == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ? absl::StrCat("topic ", producer->topic_name_, ": ", text) : text);
    producer->broken_ = true;
  }

  static Fate FateOf(rd_kafka_resp_err_t error) {
    switch (error) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        return Fate::kAcknowledged;
      case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      case RD_KAFKA_RESP_ERR_INVALID_MSG:
      case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
      case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return Fate::kRefused;
      default:
        return Fate::kFailed;
    }
  }

  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    KafkaProducer* producer = static_cast<KafkaProducer*>(self);
    if (producer->reports_ == nullptr) return;  // Close
    const Fate fate = FateOf(message->err);
    if (fate == Fate::kAcknowledged) {
      if (!producer->said_.empty()) producer->notice_({NoticeLevel::kInfo, "kafka", {{"reason", "delivers again"}}});
      producer->said_.clear();
    } else {
      // Those that fail because another one did say nothing new.
      if (message->err != RD_KAFKA_RESP_ERR__FATAL && message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
          message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        producer->Trouble(message->err, producer->OfTopic(message->err));
      }
      producer->broken_ = true;
    }
    const uint64_t tag = reinterpret_cast<uint64_t>(message->_private);
    if (tag != kNoTag) producer->reports_->push_back({tag, fate, message->partition});
  }

  // Also how the number of partitions becomes known, without asking.
  static int32_t Partition(const rd_kafka_topic_t* topic, const void* key, size_t key_bytes, int32_t partitions, void* self,
                           void* tag) {
    static_cast<KafkaProducer*>(self)->partitions_.store(partitions, std::memory_order_relaxed);
    return rd_kafka_msg_partitioner_murmur2_random(topic, key, key_bytes, partitions, self, tag);
  }

  const KafkaSettings settings_;
  const std::string topic_name_;
  const NoticeSink notice_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  bool broken_ = true;
  std::set<rd_kafka_resp_err_t> said_;
  std::vector<Report>* reports_ = nullptr;  // during Poll
  std::atomic<int32_t> partitions_{0};      // set by librdkafka's threads
};

}  // namespace

absl::StatusOr<std::unique_ptr<Producer>> MakeKafkaProducer(const KafkaSettings& settings, const std::string& topic,
                                                            NoticeSink notice) {
  for (const auto& [key, value] : settings) {
    for (const auto& [fixed, wanted] : Fixed()) {
      if (key == fixed && value != wanted) {
        return absl::InvalidArgumentError(absl::StrCat("Kafka setting ", key, ": must be ", wanted, ", or events could be lost, doubled or reordered"));
      }
    }
  }
  auto producer = std::make_unique<KafkaProducer>(settings, topic, std::move(notice));
  if (absl::Status opened = producer->Open(); !opened.ok()) return opened;
  return producer;
}

}  // namespace sekisho::connectors
