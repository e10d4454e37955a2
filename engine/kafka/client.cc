#include "engine/kafka/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/asker.h"
#include "engine/kafka/group.h"
#include "engine/kafka/log.h"
#include "engine/kafka/publisher.h"
#include "engine/kafka/reader.h"
#include "engine/kafka/settings.h"
#include "engine/kafka/snapshots.h"
#include "engine/kafka/trouble.h"
#include "engine/kafka/wake.h"

namespace sekisho::kafka {
namespace {

class ConnectedClient final : public Client {
 public:
  explicit ConnectedClient(const ClientOptions& options)
      : notice_(options.notice), trouble_(std::make_shared<Trouble>()), wake_(std::make_shared<Wake>()) {}

  absl::Status Open(const ClientOptions& options) {
    asker_ = std::make_unique<Asker>(wake_.get());
    absl::StatusOr<std::unique_ptr<Reader>> reader = Reader::Make(options.settings, trouble_.get(), wake_.get());
    if (!reader.ok()) return reader.status();
    reader_ = *std::move(reader);
    absl::StatusOr<std::unique_ptr<KafkaLog>> log =
        KafkaLog::Make(options.settings, InputTopic(options.topics, options.role), options.role, options.keys, options.locate,
                       {reader_.get(), asker_.get(), trouble_.get()});
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    absl::StatusOr<std::unique_ptr<KafkaGroup>> group =
        KafkaGroup::Make({options.settings, options.group, options.instance, options.topics, options.role}, asker_.get(), trouble_.get(), wake_.get());
    if (!group.ok()) return group.status();
    group_ = *std::move(group);
    // Settings that only a transactional producer can refuse are refused now, not on its thread.
    if (absl::StatusOr<ConfHandle> conf = TransactionConf(options.settings, "check"); !conf.ok()) return conf.status();
    trouble_->Tell({NoticeLevel::kInfo, "kafka_client",
                    {{"instance", options.instance}, {"librdkafka", rd_kafka_version_str()}, {"rebalancing", "eager, range"}}});
    snapshots_ = std::make_unique<KafkaSnapshots>(options.topics.snapshots, OwnerOf(options.role), reader_.get(), asker_.get());
    publisher_ = std::make_unique<KafkaPublisher>(
        KafkaPublisher::Options{options.settings, options.group, options.instance, OutputContext{options.topics, options.role, options.event_partitions, options.log_id, options.finding}, options.steady},
        group_.get(), trouble_, wake_);
    return absl::OkStatus();
  }

  ~ConnectedClient() override {
    publisher_.reset();
    asker_.reset();  // what it is asking uses the rest
    trouble_->Deliver(notice_);
  }

  Log* log() override { return log_.get(); }
  Group* group() override { return group_.get(); }
  Publisher* publisher() override { return publisher_.get(); }
  Snapshots* snapshots() override { return snapshots_.get(); }

  void Wait(Span at_most) override {
    reader_->Poll();
    log_->Poll();
    trouble_->Deliver(notice_);
    wake_->Wait(at_most);
  }

  std::vector<PartitionLag> lags() override { return log_->lags(); }
  std::vector<TransactionReport> TakeTransactions() override { return publisher_->TakeReports(); }

 private:
  const NoticeSink notice_;
  const std::shared_ptr<Trouble> trouble_;
  const std::shared_ptr<Wake> wake_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Asker> asker_;
  std::unique_ptr<KafkaLog> log_;
  std::unique_ptr<KafkaGroup> group_;
  std::unique_ptr<KafkaSnapshots> snapshots_;
  std::unique_ptr<KafkaPublisher> publisher_;
};

class ConnectedOfflineLog final : public OfflineLog {
 public:
  ConnectedOfflineLog(std::string topic, const wire::OperatorKeys* keys, Locate locate, Span timeout)
      : topic_(std::move(topic)), keys_(keys != nullptr ? keys : &no_keys_), locate_(std::move(locate)), timeout_(timeout) {}

  absl::Status Open(const KafkaSettings& settings) {
    absl::StatusOr<std::unique_ptr<Reader>> reader = Reader::Make(settings, &trouble_, &wake_);
    if (!reader.ok()) return reader.status();
    reader_ = *std::move(reader);
    return Partitions().status();
  }

  absl::StatusOr<int> Partitions() override {
    const rd_kafka_metadata_t* asked = nullptr;
    const rd_kafka_resp_err_t error = rd_kafka_metadata(reader_->client(), 1, nullptr, &asked, static_cast<int>(timeout_.millis()));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Trouble(absl::UnavailableError(absl::StrCat("no broker answers: ", rd_kafka_err2str(error))));
    const MetadataHandle metadata(asked);
    for (int t = 0; t < metadata->topic_cnt; ++t) {
      if (topic_ == metadata->topics[t].topic && metadata->topics[t].partition_cnt > 0) return metadata->topics[t].partition_cnt;
    }
    return absl::NotFoundError(absl::StrCat("topic ", topic_, " isn't there, or this user may not see it"));
  }

  absl::StatusOr<Offset> Begin(PartitionId partition) override {
    absl::StatusOr<Watermarks> watermarks = reader_->Ask(topic_, partition, timeout_);
    if (!watermarks.ok()) return Trouble(watermarks.status());
    return watermarks->begin;
  }
  absl::StatusOr<Offset> End(PartitionId partition) override {
    absl::StatusOr<Watermarks> watermarks = reader_->Ask(topic_, partition, timeout_);
    if (!watermarks.ok()) return Trouble(watermarks.status());
    return watermarks->end;
  }
  absl::StatusOr<Offset> At(PartitionId partition, EventTime time) override {
    const PartitionsHandle asked(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_t* const one = rd_kafka_topic_partition_list_add(asked.get(), topic_.c_str(), partition.value);
    one->offset = time.millis();
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(reader_->client(), asked.get(), static_cast<int>(timeout_.millis()));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = one->err;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Trouble(absl::UnavailableError(absl::StrCat(topic_, " [", partition.value, "]: ", rd_kafka_err2str(error))));
    }
    if (one->offset < 0) return End(partition);
    return Offset{one->offset};
  }
  absl::StatusOr<std::unique_ptr<LogReader>> Open(PartitionId partition, Offset from) override {
    absl::StatusOr<std::unique_ptr<PartitionStream>> stream = reader_->Open(topic_, partition, from);
    if (!stream.ok()) return stream.status();
    return MakeLogReader(*std::move(stream), keys_, locate_);
  }
  void AppendHeartbeat(PartitionId, EventTime) override {}

  void Wait(Span at_most) override {
    reader_->Poll();
    wake_.Wait(at_most);
  }

 private:
  absl::Status Trouble(const absl::Status& status) {
    reader_->Poll();  // serves errors
    const std::string words = trouble_.last_words();
    if (words.empty()) return status;
    return absl::Status(status.code(), absl::StrCat(std::string(status.message()), " (", words, ")"));
  }

  const std::string topic_;
  const wire::OperatorKeys no_keys_;
  const wire::OperatorKeys* const keys_;
  const Locate locate_;
  const Span timeout_;
  kafka::Trouble trouble_;
  Wake wake_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  if (absl::Status status = CheckSettings(options.settings); !status.ok()) return status;
  auto client = std::make_unique<ConnectedClient>(options);
  if (absl::Status status = client->Open(options); !status.ok()) return status;
  return client;
}

absl::StatusOr<std::unique_ptr<OfflineLog>> OfflineLog::Connect(const KafkaSettings& settings, const std::string& topic,
                                                                const wire::OperatorKeys* keys, Locate locate, Span timeout) {
  if (absl::Status status = CheckSettings(settings); !status.ok()) return status;
  auto log = std::make_unique<ConnectedOfflineLog>(topic, keys, std::move(locate), timeout);
  if (absl::Status status = log->Open(settings); !status.ok()) return status;
  return log;
}

absl::StatusOr<Hash128> LogId(const KafkaSettings& settings, const std::string& topic, const std::string& generation, Span timeout) {
  if (absl::Status status = CheckSettings(settings); !status.ok()) return status;
  absl::StatusOr<ConfHandle> conf = AdminConf(settings);
  if (!conf.ok()) return conf.status();
  Trouble trouble;
  TroubleOf trouble_of{"admin", &trouble};
  rd_kafka_conf_set_opaque(conf->get(), &trouble_of);
  rd_kafka_conf_set_error_cb(conf->get(), Trouble::OnError);
  char text[kTextBytesMax];
  Handle<rd_kafka_t, rd_kafka_destroy> client(rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), text, sizeof(text)));
  if (client == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf->release();  // the client's now
  char* id = rd_kafka_clusterid(client.get(), static_cast<int>(timeout.millis()));
  if (id == nullptr) {
    rd_kafka_poll(client.get(), 0);  // serves errors
    return absl::UnavailableError(absl::StrCat("no broker answers (", trouble.last_words(), ")"));
  }
  const std::string cluster = id;
  rd_kafka_mem_free(client.get(), id);
  // Lengths, so that no two triples can be taken for each other.
  return PinnedHash128(absl::StrCat(cluster.size(), ":", cluster, topic.size(), ":", topic, generation.size(), ":", generation));
}

}  // namespace sekisho::kafka
