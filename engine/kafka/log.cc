#include "engine/kafka/log.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/settings.h"

namespace sekisho::kafka {
namespace {

EventTime AppendTime(const rd_kafka_message_t* message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t millis = rd_kafka_message_timestamp(message, &type);
  return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || millis < 0 ? EventTime::Never() : EventTime::FromMillis(millis);
}

constexpr Span kAskMax = Span::Seconds(2);
constexpr Span kLogDestroyMax = Span::Seconds(1);

// Reads and decodes.
class RecordReader : public LogReader {
 public:
  RecordReader(std::unique_ptr<PartitionStream> stream, const wire::OperatorKeys* keys, Locate locate, Role role = Role::kAccounts)
      : stream_(std::move(stream)), decoder_(keys, std::move(locate), role) {}

  absl::StatusOr<LogBatch> Read(size_t records_max) override {
    records_.clear();
    decoder_.Reset();
    if (absl::Status status = stream_->Next(records_max, Span(), &messages_); !status.ok()) return status;
    for (const rd_kafka_message_t* message : messages_) {
      const std::string_view bytes(static_cast<const char*>(message->payload), message->len);
      records_.push_back(decoder_.Decode(Offset{message->offset}, bytes));
      records_.back().appended = AppendTime(message);
    }
    return LogBatch{records_, stream_->next()};
  }
  Offset next() const { return stream_->next(); }
  EventTime newest() const { return stream_->newest(); }

 private:
  std::unique_ptr<PartitionStream> stream_;
  Decoder decoder_;
  std::vector<rd_kafka_message_t*> messages_;
  std::vector<LogRecord> records_;
};

}  // namespace

std::unique_ptr<LogReader> MakeLogReader(std::unique_ptr<PartitionStream> stream, const wire::OperatorKeys* keys, Locate locate) {
  return std::make_unique<RecordReader>(std::move(stream), keys, std::move(locate));
}

// Known to its log, for the lag.
class KafkaLog::PartitionReader final : public RecordReader {
 public:
  PartitionReader(KafkaLog* log, PartitionId id, std::unique_ptr<PartitionStream> stream)
      : RecordReader(std::move(stream), log->keys_, log->locate_, log->role_), log_(log), partition(id) {
    log_->readers_.insert(this);
  }
  ~PartitionReader() override { log_->readers_.erase(this); }

 private:
  KafkaLog* const log_;

 public:
  const PartitionId partition;
};

KafkaLog::KafkaLog(const std::string& topic, Role role, const wire::OperatorKeys* keys, Locate locate, const LogParts& parts)
    : topic_(topic),
      role_(role),
      keys_(keys != nullptr ? keys : &no_keys_),
      locate_(std::move(locate)),
      parts_(parts),
      trouble_of_{"heartbeats", parts.trouble},
      watermarks_(parts.asker) {}

absl::StatusOr<std::unique_ptr<KafkaLog>> KafkaLog::Make(const KafkaSettings& settings, const std::string& topic, Role role,
                                                         const wire::OperatorKeys* keys, Locate locate, const LogParts& parts) {
  absl::StatusOr<ConfHandle> conf = HeartbeatConf(settings);
  if (!conf.ok()) return conf.status();
  std::unique_ptr<KafkaLog> log(new KafkaLog(topic, role, keys, std::move(locate), parts));
  rd_kafka_conf_set_opaque(conf->get(), &log->trouble_of_);
  rd_kafka_conf_set_error_cb(conf->get(), Trouble::OnError);
  char text[kTextBytesMax];
  log->producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), text, sizeof(text));
  if (log->producer_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf->release();  // the client's now
  log->producer_topic_.reset(rd_kafka_topic_new(log->producer_, topic.c_str(), nullptr));
  if (log->producer_topic_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("topic ", topic, ": not a name that Kafka takes"));
  return log;
}

KafkaLog::~KafkaLog() {
  producer_topic_.reset();
  if (producer_ != nullptr) rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  DestroyWithin(producer_, kLogDestroyMax);
}

absl::StatusOr<Offset> KafkaLog::Begin(PartitionId partition) {
  absl::StatusOr<Watermarks> watermarks = watermarks_.Ask(
      partition, [reader = parts_.reader, topic = topic_, partition] { return reader->Ask(topic, partition, kAskMax); });
  if (!watermarks.ok()) return watermarks.status();
  return watermarks->begin;
}

absl::StatusOr<std::unique_ptr<LogReader>> KafkaLog::Open(PartitionId partition, Offset from) {
  absl::StatusOr<std::unique_ptr<PartitionStream>> stream = parts_.reader->Open(topic_, partition, from);
  if (!stream.ok()) return stream.status();
  return std::make_unique<PartitionReader>(this, partition, *std::move(stream));
}

void KafkaLog::AppendHeartbeat(PartitionId partition, EventTime time) {
  const std::string bytes = wire::EncodeTimePasses(time);
  // What can't be sent is made good by the next one.
  rd_kafka_produce(producer_topic_.get(), partition.value, RD_KAFKA_MSG_F_COPY, const_cast<char*>(bytes.data()), bytes.size(),
                   nullptr, 0, nullptr);
}

void KafkaLog::Poll() { rd_kafka_poll(producer_, 0); }

std::vector<PartitionLag> KafkaLog::lags() const {
  std::vector<PartitionLag> lags;
  for (const PartitionReader* reader : readers_) {
    const Offset end = parts_.reader->KnownEnd(topic_, reader->partition);
    lags.push_back({reader->partition, reader->next(), std::max(end, reader->next()), reader->newest()});
  }
  std::sort(lags.begin(), lags.end(), [](const auto& a, const auto& b) { return a.partition < b.partition; });
  return lags;
}

}  // namespace sekisho::kafka
