#include "engine/kafka/publisher.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "engine/base/fail_point.h"
#include "engine/kafka/settings.h"

namespace sekisho::kafka {
namespace {

constexpr size_t kTextBytesMax = 512;
constexpr std::string_view kMetadataMagic = "sekisho 1 ";
// librdkafka's own limit of the attempt; past it, it is asked again whether the whole may go on.
constexpr int kCallMs = 5'000;
// Of another's transaction: it is asked for again.
constexpr int kAbortOtherMs = 2'000;
constexpr Span kAbortMax = Span::Seconds(5);
constexpr Span kDestroyMax = Span::Seconds(3);
constexpr Span kStopMax = Span::Seconds(3);
constexpr std::chrono::milliseconds kIdlePoll{500};
constexpr Span kBackoffMin = Span::Millis(100);
constexpr Span kBackoffMax = Span::Seconds(5);
constexpr int kRoomMs = 20;

// By the group: the offsets are no longer this worker's to commit.
bool RefusedByGroup(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
      return true;
    default:
      return false;
  }
}

// Another took the producer's place: the next owner of its partitions, or the coordinator when the transaction took too long.
bool Fenced(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
      return true;
    default:
      return false;
  }
}

absl::StatusOr<rd_kafka_t*> MakeProducer(const KafkaSettings& settings, const std::string& transactional_id, TroubleOf* trouble_of) {
  absl::StatusOr<ConfHandle> conf = TransactionConf(settings, transactional_id);
  if (!conf.ok()) return conf.status();
  if (trouble_of != nullptr) {
    rd_kafka_conf_set_opaque(conf->get(), trouble_of);
    rd_kafka_conf_set_error_cb(conf->get(), Trouble::OnError);
  }
  char text[kTextBytesMax];
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), text, sizeof(text));
  if (producer == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
  conf->release();  // the producer's now
  return producer;
}

void DestroyProducer(rd_kafka_t* producer) {
  if (producer == nullptr) return;
  rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  DestroyWithin(producer, kDestroyMax);
}

// Makes records known that are in no transaction: all of them acknowledged, or an error. Made anew after one.
class Announcer {
 public:
  Announcer(const KafkaSettings& settings, TroubleOf trouble_of) : settings_(settings) { static_cast<TroubleOf&>(state_) = trouble_of; }
  ~Announcer() { DestroyProducer(producer_); }
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  absl::Status Announce(const std::function<absl::Status(const Emit&)>& produce, Span at_most) {
    if (absl::Status made = Make(); !made.ok()) return made;
    state_.failed = 0;
    absl::Status status = produce([this](const OutRecord& record) { return Produce(record); });
    const rd_kafka_resp_err_t flushed = rd_kafka_flush(producer_, static_cast<int>(at_most.millis()));
    if (status.ok() && flushed != RD_KAFKA_RESP_ERR_NO_ERROR) status = absl::UnavailableError("records are not acknowledged yet");
    if (status.ok() && state_.failed > 0) status = absl::UnavailableError(absl::StrCat(state_.failed, " records were not taken"));
    if (!status.ok()) DestroyProducer(std::exchange(producer_, nullptr));
    return status;
  }

 private:
  // The opaque of librdkafka's callbacks, which run in flush and poll, on the one thread that calls them.
  struct State : TroubleOf {
    size_t failed = 0;
  };

  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    State* state = static_cast<State*>(static_cast<TroubleOf*>(opaque));
    ++state->failed;
    state->trouble->Say(state->who, message->err, rd_kafka_err2str(message->err));
  }

  absl::Status Make() {
    if (producer_ != nullptr) return absl::OkStatus();
    absl::StatusOr<ConfHandle> conf = AnnouncementConf(settings_);
    if (!conf.ok()) return conf.status();
    rd_kafka_conf_set_opaque(conf->get(), static_cast<TroubleOf*>(&state_));
    rd_kafka_conf_set_error_cb(conf->get(), Trouble::OnError);
    rd_kafka_conf_set_dr_msg_cb(conf->get(), OnReport);
    char text[kTextBytesMax];
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), text, sizeof(text));
    if (producer_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("Kafka settings: ", text));
    conf->release();  // the producer's now
    return absl::OkStatus();
  }

  absl::Status Produce(const OutRecord& record) {
    const std::string topic(record.topic);
    const std::string_view value = record.value.value_or(std::string_view());
    while (true) {
      // librdkafka copies the value and never writes to it.
      const rd_kafka_resp_err_t error = rd_kafka_producev(
          producer_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(record.partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
          RD_KAFKA_V_KEY(record.key.data(), record.key.size()), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || state_.failed > 0) return absl::UnavailableError(rd_kafka_err2str(error));
      rd_kafka_poll(producer_, kRoomMs);
    }
  }

  const KafkaSettings settings_;
  State state_;
  rd_kafka_t* producer_ = nullptr;
};

std::vector<std::string> OutputTopics(const OutputContext& context) {
  const Topics& topics = context.topics;
  if (context.role == Role::kEntities) return {topics.dead_letter};
  return {topics.actions_suspend, topics.actions_notify, topics.verdicts, topics.findings, topics.dead_letter};
}

}  // namespace

std::string TransactionalId(std::string_view group, std::string_view instance, std::string_view kind) {
  return absl::StrCat(std::string(group), "-", std::string(instance), "-", std::string(kind));
}

std::string OwnerMetadata(std::string_view instance) { return absl::StrCat(std::string(kMetadataMagic), std::string(instance)); }

std::string OwnerFromMetadata(std::string_view metadata) {
  if (metadata.substr(0, kMetadataMagic.size()) != kMetadataMagic) return "";
  return std::string(metadata.substr(kMetadataMagic.size()));
}

absl::Status AbortOpenTransaction(const KafkaSettings& settings, const std::string& transactional_id) {
  absl::StatusOr<rd_kafka_t*> producer = MakeProducer(settings, transactional_id, nullptr);
  if (!producer.ok()) return producer.status();
  ErrorHandle error(rd_kafka_init_transactions(*producer, kAbortOtherMs));
  const absl::Status status = error == nullptr ? absl::OkStatus() : absl::UnavailableError(rd_kafka_error_string(error.get()));
  DestroyProducer(*producer);
  return status;
}

// All of it that both threads touch is under the mutex; the rest is the helper thread's.
class TransactionChannel::Worker {
 public:
  Worker(const Options& options, std::shared_ptr<Trouble> trouble, std::shared_ptr<Wake> wake)
      : options_(options), trouble_(std::move(trouble)), wake_(std::move(wake)),
        transactional_id_(TransactionalId(options.group, options.instance, options.kind)),
        trouble_of_{options.kind, trouble_.get(), absl::StrCat("transactional id ", transactional_id_)}, announcer_(options.settings, trouble_of_) {}

  void Run() {
    Span backoff = kBackoffMin;
    while (!stopping()) {
      if (producer_ == nullptr && !Start()) {
        Pause(&backoff);
        continue;
      }
      std::optional<Job> job = AwaitJob();
      if (!job.has_value()) continue;
      const bool committed = Perform(*job);
      SetOutcome(committed ? Publishing::kCommitted : Publishing::kUnknown);
      if (committed) {
        backoff = kBackoffMin;
        trouble_->Well(options_.kind);
      } else {
        Pause(&backoff);
      }
    }
    Drop();
    std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  void Stop() {
    std::unique_lock<std::mutex> lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::milliseconds(kStopMax.millis()), [this] { return done_; });
  }

  void Begin(Job job) {
    std::lock_guard<std::mutex> lock(mutex_);
    began_ = Now();
    ready_ = false;
    job_ = std::move(job);
    changed_.notify_all();
  }

  absl::StatusOr<Publishing> Poll() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (outcome_.has_value()) return *std::exchange(outcome_, std::nullopt);
    return ready_ ? Publishing::kIdle : Publishing::kBusy;
  }

  std::vector<TransactionReport> TakeReports() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(reports_, {});
  }

 private:
  Span Now() const { return options_.steady ? options_.steady() : Span(); }

  bool stopping() {
    std::lock_guard<std::mutex> lock(mutex_);
    return stop_;
  }

  void Pause(Span* backoff) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(backoff->millis()), [this] { return stop_; });
    *backoff = std::min(*backoff * 2, kBackoffMax);
  }

  // Fences whoever used this id before, and ends what it left open.
  bool Start() {
    absl::StatusOr<rd_kafka_t*> made = MakeProducer(options_.settings, transactional_id_, &trouble_of_);
    if (!made.ok()) {
      trouble_->Say(options_.kind, RD_KAFKA_RESP_ERR__INVALID_ARG, std::string(made.status().message()));
      return false;
    }
    producer_ = *made;
    while (!stopping()) {
      ErrorHandle error(rd_kafka_init_transactions(producer_, kCallMs));
      rd_kafka_poll(producer_, 0);  // serves errors
      if (error == nullptr) {
        LearnTopics();
        return true;
      }
      trouble_->Say(options_.kind, rd_kafka_error_code(error.get()), absl::StrCat(trouble_of_.subject, ": ", rd_kafka_error_string(error.get())));
      if (!rd_kafka_error_is_retriable(error.get())) break;
    }
    Drop();
    return false;
  }

  void Drop() {
    topics_.clear();
    DestroyProducer(std::exchange(producer_, nullptr));
  }

  // librdkafka (before 2.10.1) sends the first record to a topic that it doesn't know up to a second later.
  void LearnTopics() {
    for (const std::string& name : options_.produced) {
      TopicHandle topic(rd_kafka_topic_new(producer_, name.c_str(), nullptr));
      if (topic == nullptr) continue;
      const rd_kafka_metadata_t* metadata = nullptr;
      rd_kafka_metadata(producer_, 0, topic.get(), &metadata, kCallMs);
      if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
      topics_.push_back(std::move(topic));
    }
  }

  std::optional<Job> AwaitJob() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!ready_ && !job_.has_value()) {
      ready_ = true;
      wake_->Signal();
    }
    changed_.wait_for(lock, kIdlePoll, [this] { return stop_ || job_.has_value(); });
    if (stop_) return std::nullopt;
    std::optional<Job> job = std::exchange(job_, std::nullopt);
    lock.unlock();
    rd_kafka_poll(producer_, 0);  // serves errors
    char text[kTextBytesMax];
    if (!job.has_value() && rd_kafka_fatal_error(producer_, text, sizeof(text)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      lock.lock();
      if (job_.has_value()) return std::exchange(job_, std::nullopt);  // it will find out
      ready_ = false;
      lock.unlock();
      Drop();
    }
    return job;
  }

  void SetOutcome(Publishing outcome) {
    std::lock_guard<std::mutex> lock(mutex_);
    constexpr size_t kReportsMax = 10'000;
    if (reports_.size() < kReportsMax) {
      reports_.push_back({options_.kind == kSnapshotsKind, outcome == Publishing::kCommitted, Now() - began_, records_, bytes_});
    }
    outcome_ = outcome;
    wake_->Signal();
  }

  void Pass(std::string_view what) { FailPoint(absl::StrCat(std::string(options_.kind), "_", std::string(what))); }

  // True: committed. False: it failed or may have; the producer is fit for the next one, or gone.
  bool Perform(const Job& job) {
    records_ = bytes_ = 0;
    deadline_ = Now() + TransactionTimeout(options_.settings);
    if (job.generation == nullptr) return false;  // lost before it began
    if (job.announce) {
      if (const absl::Status announced = announcer_.Announce(job.announce, Span::Millis(kCallMs)); !announced.ok()) return false;
      Pass("announced");
    }
    if (!Try([this] { return rd_kafka_begin_transaction(producer_); })) return false;
    Pass("begun");
    if (const absl::Status produced = job.produce([this](const OutRecord& record) { return Produce(record); }); !produced.ok()) {
      Abort();
      return false;
    }
    Pass("produced");
    if (!SendOffsets(job)) return false;
    Pass("offsets_sent");
    if (!Try([this] { return rd_kafka_commit_transaction(producer_, kCallMs); })) return false;
    Pass("committed");
    return true;
  }

  absl::Status Produce(const OutRecord& record) {
    rd_kafka_headers_t* headers = nullptr;
    if (!record.headers.empty()) {
      headers = rd_kafka_headers_new(record.headers.size());
      for (const auto& [name, value] : record.headers) {
        rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(), static_cast<ssize_t>(value.size()));
      }
    }
    const std::string topic(record.topic);
    while (true) {
      const std::string_view value = record.value.value_or(std::string_view());
      // librdkafka copies the value and never writes to it.
      const rd_kafka_resp_err_t error = rd_kafka_producev(
          producer_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(record.partition),
          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(record.key.data(), record.key.size()),
          RD_KAFKA_V_VALUE(record.value.has_value() ? const_cast<char*>(value.data()) : nullptr, value.size()),
          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++records_;
        bytes_ += record.key.size() + value.size();
        return absl::OkStatus();
      }
      if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && !stopping() && !Overdue()) {
        rd_kafka_poll(producer_, kRoomMs);
        continue;
      }
      if (headers != nullptr) rd_kafka_headers_destroy(headers);
      trouble_->Say(options_.kind, error, absl::StrCat(topic, ": ", rd_kafka_err2str(error)));
      return absl::UnavailableError(rd_kafka_err2str(error));
    }
  }

  bool Overdue() const { return options_.steady && Now() >= deadline_; }

  bool SendOffsets(const Job& job) {
    PartitionsHandle offsets(rd_kafka_topic_partition_list_new(static_cast<int>(job.offsets.size())));
    const std::string metadata = OwnerMetadata(options_.instance);
    for (const auto& [partition, offset] : job.offsets) {
      rd_kafka_topic_partition_t* entry = rd_kafka_topic_partition_list_add(offsets.get(), options_.topic.c_str(), partition.value);
      entry->offset = offset.value;
      entry->metadata = std::malloc(metadata.size());  // the list's now, which frees it
      std::memcpy(entry->metadata, metadata.data(), metadata.size());
      entry->metadata_size = metadata.size();
    }
    return Try([&] {
      return rd_kafka_send_offsets_to_transaction(producer_, offsets.get(), job.generation->metadata.get(), kCallMs);
    });
  }

  // False: it failed, and was cleared up.
  bool Try(const std::function<rd_kafka_error_t*()>& call) {
    constexpr int kTriesMax = 6;  // with kCallMs, the default of transaction.timeout.ms
    for (int tries = 1;; ++tries) {
      ErrorHandle error(call());
      if (error == nullptr) return true;
      const bool again = rd_kafka_error_is_retriable(error.get()) && !rd_kafka_error_is_fatal(error.get()) &&
                         !rd_kafka_error_txn_requires_abort(error.get());
      if (again && tries < kTriesMax && !stopping()) continue;
      Complain(*error);
      if (rd_kafka_error_txn_requires_abort(error.get())) {
        Abort();
      } else {
        // Whether it took effect, only the next producer's start can settle.
        Drop();
      }
      return false;
    }
  }

  void Complain(const rd_kafka_error_t& error) {
    const rd_kafka_resp_err_t code = rd_kafka_error_code(&error);
    const char* reason = rd_kafka_error_string(&error);
    if (RefusedByGroup(code) || Fenced(code)) {
      trouble_->Tell({NoticeLevel::kWarning, "transaction_refused",
                      {{"client", std::string(options_.kind)}, {"code", rd_kafka_err2name(code)}, {"reason", reason}}});
      return;
    }
    trouble_->Say(options_.kind, code, absl::StrCat(trouble_of_.subject, ": ", reason));
  }

  void Abort() {
    ErrorHandle error(rd_kafka_abort_transaction(producer_, static_cast<int>(kAbortMax.millis())));
    if (error != nullptr) Drop();
  }

  const Options options_;
  const std::shared_ptr<Trouble> trouble_;
  const std::shared_ptr<Wake> wake_;
  const std::string transactional_id_;
  TroubleOf trouble_of_;
  Announcer announcer_;
  rd_kafka_t* producer_ = nullptr;
  std::vector<TopicHandle> topics_;
  uint64_t records_ = 0, bytes_ = 0;  // of the present transaction
  Span deadline_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false, done_ = false;
  bool ready_ = false;
  std::optional<Job> job_;
  std::optional<Publishing> outcome_;
  Span began_;
  std::vector<TransactionReport> reports_;
};

TransactionChannel::TransactionChannel(const Options& options, std::shared_ptr<Trouble> trouble, std::shared_ptr<Wake> wake)
    : worker_(std::make_shared<Worker>(options, std::move(trouble), std::move(wake))) {
  // A call that librdkafka doesn't return from must not keep the process from ending.
  std::thread([worker = worker_] { worker->Run(); }).detach();
}

TransactionChannel::~TransactionChannel() { worker_->Stop(); }

void TransactionChannel::Begin(Job job) { worker_->Begin(std::move(job)); }
absl::StatusOr<Publishing> TransactionChannel::Poll() { return worker_->Poll(); }
std::vector<TransactionReport> TransactionChannel::TakeReports() { return worker_->TakeReports(); }

KafkaPublisher::KafkaPublisher(const Options& options, KafkaGroup* group, const std::shared_ptr<Trouble>& trouble,
                               const std::shared_ptr<Wake>& wake)
    : context_(std::make_shared<const OutputContext>(options.context)),
      instance_(options.instance),
      group_(group),
      outputs_({options.settings, options.group, options.instance, kOutputsKind, InputTopic(options.context.topics, options.context.role),
                OutputTopics(options.context), options.steady},
               trouble, wake),
      snapshots_({options.settings, options.group, options.instance, kSnapshotsKind, options.context.topics.snapshots,
                  {options.context.topics.snapshots}, options.steady},
                 trouble, wake) {}

void KafkaPublisher::BeginOutputs(std::vector<OutputPart> parts) {
  TransactionChannel::Job job;
  job.generation = group_->generation();
  for (const OutputPart& part : parts) {
    job.offsets.push_back({part.partition, part.next});
    group_->Forget(part.partition);
  }
  const std::string owner = absl::StrCat(instance_, "/", job.generation == nullptr ? -1 : job.generation->number);
  const auto all = std::make_shared<const std::vector<OutputPart>>(std::move(parts));
  job.produce = [all, context = context_, owner](const Emit& emit) {
    for (const OutputPart& part : *all) {
      if (absl::Status emitted = EmitOutputs(part, *context, owner, emit); !emitted.ok()) return emitted;
    }
    return absl::OkStatus();
  };
  if (context_->role == Role::kEntities) {
    job.announce = [all, context = context_](const Emit& emit) {
      for (const OutputPart& part : *all) {
        if (absl::Status emitted = EmitJudgements(part, *context, emit); !emitted.ok()) return emitted;
      }
      return absl::OkStatus();
    };
  }
  outputs_.Begin(std::move(job));
}

void KafkaPublisher::BeginSnapshots(std::vector<SnapshotPart> parts) {
  TransactionChannel::Job job;
  job.generation = group_->generation();
  for (const SnapshotPart& part : parts) job.offsets.push_back({part.partition, part.marker.next});
  job.produce = [parts = std::make_shared<std::vector<SnapshotPart>>(std::move(parts)), context = context_](const Emit& emit) {
    for (const SnapshotPart& part : *parts) {
      if (absl::Status emitted = EmitSnapshot(part, *context, emit); !emitted.ok()) return emitted;
    }
    return absl::OkStatus();
  };
  snapshots_.Begin(std::move(job));
}

std::vector<TransactionReport> KafkaPublisher::TakeReports() {
  std::vector<TransactionReport> reports = outputs_.TakeReports();
  for (const TransactionReport& report : snapshots_.TakeReports()) reports.push_back(report);
  return reports;
}

}  // namespace sekisho::kafka
