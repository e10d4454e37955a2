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
#include "engine/kafka/announcer.h"
#include "engine/kafka/producer.h"
#include "engine/kafka/settings.h"

namespace sekisho::kafka {
namespace {

constexpr std::string_view kMetadataMagic = "sekisho 1 ";
// librdkafka's own limit of the attempt; past it, it is asked again whether the whole may go on.
constexpr int kCallMs = 5'000;
// Of another's transaction: it is asked for again.
constexpr int kAbortOtherMs = 2'000;
constexpr Span kAbortMax = Span::Seconds(5);
constexpr Span kStopMax = Span::Seconds(3);
constexpr std::chrono::milliseconds kIdlePoll{500};
constexpr Span kBackoffMin = Span::Millis(100);
constexpr Span kBackoffMax = Span::Seconds(5);

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
  absl::StatusOr<rd_kafka_t*> producer = MakeProducer(TransactionConf(settings, transactional_id), nullptr);
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
    absl::StatusOr<rd_kafka_t*> made = MakeProducer(TransactionConf(options_.settings, transactional_id_), &trouble_of_);
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
      if (const absl::Status announced = announcer_.Announce(job.announce, [this] { return GivesUp(); }); !announced.ok()) return false;
      Pass("announced");
    }
    if (!Try([this] { return rd_kafka_begin_transaction(producer_); })) return false;
    Pass("begun");
    if (const absl::Status produced = job.produce([this](const OutRecord& record) { return Produce(record); }); !produced.ok()) {
      Abort();
      return false;
    }
    Pass("produced");
    if (records_ > 0) Pass("filled");
    if (!SendOffsets(job)) return false;
    Pass("offsets_sent");
    if (!Try([this] { return rd_kafka_commit_transaction(producer_, kCallMs); })) return false;
    Pass("committed");
    return true;
  }

  absl::Status Produce(const OutRecord& record) {
    const rd_kafka_resp_err_t error = ProduceRecord(producer_, record, [this] { return GivesUp(); });
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      trouble_->Say(options_.kind, error, absl::StrCat(std::string(record.topic), ": ", rd_kafka_err2str(error)));
      return absl::UnavailableError(rd_kafka_err2str(error));
    }
    ++records_;
    bytes_ += record.key.size() + record.value.value_or(std::string_view()).size();
    return absl::OkStatus();
  }

  bool GivesUp() { return stopping() || (options_.steady && Now() >= deadline_); }

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
  Span deadline_;                     // likewise: from then on the brokers would abort it anyway

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
