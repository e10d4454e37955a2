#include "engine/kafka/reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/kafka/settings.h"

namespace sekisho::kafka {
namespace {

constexpr Span kRangeMax = Span::Seconds(2);
// A broker that was dead to the others for a while takes itself for the leader it was for some time, with the log's end as it
// was then.
constexpr int kBeyondMax = 50;
constexpr int kBeyondPauseMs = 100;

}  // namespace

PartitionStream::PartitionStream(Reader* reader, rd_kafka_topic_t* topic, std::string name, PartitionId partition,
                                 Offset from, QueueHandle queue)
    : reader_(reader), topic_(topic), name_(std::move(name)), partition_(partition), queue_(std::move(queue)), next_(from) {}

PartitionStream::~PartitionStream() {
  Drop();
  Wake::Silence(queue_.get());
  rd_kafka_consume_stop(topic_, partition_.value);
  queue_.reset();
  std::lock_guard<std::mutex> lock(reader_->mutex_);
  reader_->open_.erase({name_, partition_});
}

void PartitionStream::Drop() {
  for (rd_kafka_message_t* message : taken_) rd_kafka_message_destroy(message);
  taken_.clear();
}

absl::Status PartitionStream::Check(const rd_kafka_message_t& message) {
  const auto place = [this] { return absl::StrCat(name_, " [", partition_.value, "], offset ", next_.value); };
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      at_end_ = true;
      // What stands last may be no record but a transaction's marker: it has been read as well.
      next_ = std::max(next_, Offset{message.offset});
      return absl::OkStatus();
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return OutOfRange();
    // librdkafka would read on behind it.
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return absl::DataLossError(absl::StrCat(place(), ": the record is damaged: ", rd_kafka_message_errstr(&message)));
    default:
      reader_->trouble_->Say("reader", message.err, absl::StrCat(place(), ": ", rd_kafka_message_errstr(&message)));
      return absl::OkStatus();
  }
}

absl::Status PartitionStream::Start() {
  if (rd_kafka_consume_start_queue(topic_, partition_.value, next_.value, queue_.get()) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(name_, " [", partition_.value, "] can't be read: ", rd_kafka_err2str(rd_kafka_last_error())));
}

absl::Status PartitionStream::OutOfRange() {
  const absl::StatusOr<Watermarks> log = reader_->Ask(name_, partition_, kRangeMax);
  const auto where = [&] {
    return absl::StrCat(name_, " [", partition_.value, "] no longer holds offset ", next_.value, ": it begins at ", log->begin.value,
                        " and ends at ", log->end.value);
  };
  if (log.ok() && next_ < log->begin) {
    return absl::OutOfRangeError(absl::StrCat(where(), ". Keep the log longer (retention.ms; sekisho topics check)"));
  }
  if (log.ok() && next_ > log->end && ++beyond_ > kBeyondMax) {
    return absl::OutOfRangeError(absl::StrCat(where(), ". Records were lost, or the topic was made anew: then give the log another generation"));
  }
  rd_kafka_poll(reader_->client(), kBeyondPauseMs);
  rd_kafka_consume_stop(topic_, partition_.value);
  return Start();
}

absl::Status PartitionStream::Next(size_t max, Span wait, std::vector<rd_kafka_message_t*>* messages) {
  messages->clear();
  Drop();
  taken_.resize(max);
  const ssize_t got =
      rd_kafka_consume_batch_queue(queue_.get(), static_cast<int>(wait.millis()), taken_.data(), taken_.size());
  taken_.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  for (rd_kafka_message_t* message : taken_) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (absl::Status status = Check(*message); !status.ok()) return status;
      continue;
    }
    messages->push_back(message);
    next_ = Offset{message->offset + 1};
    at_end_ = false;
    beyond_ = 0;
  }
  if (messages->empty()) return absl::OkStatus();
  rd_kafka_timestamp_type_t type;
  if (const int64_t ms = rd_kafka_message_timestamp(messages->back(), &type); ms >= 0) newest_ = EventTime::FromMillis(ms);
  reader_->trouble_->Well("reader");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Reader>> Reader::Make(const KafkaSettings& settings, Trouble* trouble, Wake* wake) {
  absl::StatusOr<ConfHandle> conf = ReaderConf(settings);
  if (!conf.ok()) return conf.status();
  std::unique_ptr<Reader> reader(new Reader(trouble, wake));
  rd_kafka_conf_set_opaque(conf->get(), &reader->trouble_of_);
  rd_kafka_conf_set_error_cb(conf->get(), Trouble::OnError);
  char text[kTextBytesMax];
  reader->client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf->get(), text, sizeof(text));
  if (reader->client_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf->release();  // the client's now
  return reader;
}

Reader::~Reader() {
  topics_.clear();
  DestroyWithin(client_, kDestroyMax);
}

absl::StatusOr<rd_kafka_topic_t*> Reader::Topic(const std::string& name) {
  TopicHandle& handle = topics_[name];
  if (handle == nullptr) handle.reset(rd_kafka_topic_new(client_, name.c_str(), nullptr));
  if (handle != nullptr) return handle.get();
  return absl::InvalidArgumentError(absl::StrCat("topic ", name, ": ", rd_kafka_err2str(rd_kafka_last_error())));
}

absl::StatusOr<std::unique_ptr<PartitionStream>> Reader::Open(const std::string& topic, PartitionId partition, Offset from) {
  std::unique_lock<std::mutex> lock(mutex_);
  absl::StatusOr<rd_kafka_topic_t*> handle = Topic(topic);
  if (!handle.ok()) return handle.status();
  if (!open_.insert({topic, partition}).second) {
    return absl::FailedPreconditionError(absl::StrCat(topic, " [", partition.value, "] is being read already"));
  }
  QueueHandle queue(rd_kafka_queue_new(client_));
  wake_->SignalOn(queue.get());
  std::unique_ptr<PartitionStream> stream(new PartitionStream(this, *handle, topic, partition, from, std::move(queue)));
  lock.unlock();  // the stream's end takes it
  if (absl::Status started = stream->Start(); !started.ok()) return started;
  return stream;
}

absl::StatusOr<Watermarks> Reader::Ask(const std::string& topic, PartitionId partition, Span timeout) {
  {
    // librdkafka looks anew for the leaders of topics that it has a handle of. Of others it remembers them for as long as
    // metadata.max.age.ms says, however often a broker answers that it no longer leads.
    std::lock_guard<std::mutex> lock(mutex_);
    if (absl::Status known = Topic(topic).status(); !known.ok()) return known;
  }
  int64_t low = 0, high = 0;
  const rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(client_, topic.c_str(), partition.value, &low, &high,
                                                                     static_cast<int>(timeout.millis()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    trouble_->Say("reader", error, absl::StrCat(topic, " [", partition.value, "]: its offsets can't be asked for: ", rd_kafka_err2str(error)));
    return absl::UnavailableError(absl::StrCat(topic, " [", partition.value, "]: ", rd_kafka_err2str(error)));
  }
  return Watermarks{Offset{low}, Offset{high}};
}

Offset Reader::KnownEnd(const std::string& topic, PartitionId partition) const {
  int64_t low = 0, high = 0;
  if (rd_kafka_get_watermark_offsets(client_, topic.c_str(), partition.value, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR) return Offset{};
  return Offset{std::max<int64_t>(high, 0)};
}

}  // namespace sekisho::kafka
