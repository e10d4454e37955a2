#include "engine/app/worker_thread.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/app/store_writer.h"
#include "engine/base/clock.h"

namespace sekisho::app {
namespace {

// The longest sleep while nothing comes, because the store writer and timers wake nobody: short at first, for what has just
// been begun; each twice as long as the one before.
constexpr Span kIdleMin = Span::Millis(2), kIdleMax = Span::Millis(32);
constexpr Span kLook = Span::Millis(50);

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerThread>> WorkerThread::Start(const WorkerThreadOptions& options) {
  absl::StatusOr<std::unique_ptr<kafka::Client>> client = kafka::Client::Connect(options.client);
  if (!client.ok()) return client.status();
  std::unique_ptr<WorkerThread> worker(new WorkerThread(options, *std::move(client)));
  worker->thread_ = std::thread([raw = worker.get()] { raw->Run(); });
  return worker;
}

WorkerThread::WorkerThread(const WorkerThreadOptions& options, std::unique_ptr<kafka::Client> client)
    : options_(options), client_(std::move(client)) {}

WorkerThread::~WorkerThread() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

void WorkerThread::Run() {
  {
    // The writer holds stores of the worker's, and readers of the worker's live on the client: they end in this order.
    std::optional<Worker> worker;
    std::optional<StoreWriterThread> writer(std::in_place);
    const WorkerSeams seams{client_->log(), client_->group(), client_->publisher(), client_->snapshots(),
                            options_.stores, &*writer, options_.metrics};
    if (options_.open) {
      worker.emplace(options_.worker, options_.open, seams);
    } else {
      worker.emplace(options_.worker, options_.fold, seams);
    }
    status_ = Loop(&*worker);
    UpdateMetrics(*worker);
    if (options_.metrics != nullptr) options_.metrics->Close();
    writer.reset();
  }
  client_.reset();
  done_.store(true, std::memory_order_release);
}

absl::Status WorkerThread::Loop(Worker* worker) {
  Span look_at, second_at, idle = kIdleMin;
  while (!worker->stopped()) {
    if (stop_.load(std::memory_order_relaxed)) worker->Stop();
    const Span now = SteadyNow();
    if (options_.metrics != nullptr) options_.metrics->OnStepBegin();
    const absl::StatusOr<bool> progress = worker->Step({now, RealClock().Now()});
    if (options_.metrics != nullptr) options_.metrics->OnStepEnd();
    if (!progress.ok()) return progress.status();
    if (now >= look_at) {
      look_at = now + kLook;
      SayChanges(*worker, now);
    }
    if (now >= second_at) {
      second_at = now + Span::Seconds(1);
      UpdateMetrics(*worker);
    }
    if (!*progress) client_->Wait(idle);
    idle = *progress ? kIdleMin : std::min(idle * 2, kIdleMax);
  }
  SayChanges(*worker, SteadyNow());
  return absl::OkStatus();
}

void WorkerThread::UpdateMetrics(const Worker& worker) {
  const std::vector<kafka::TransactionReport> transactions = client_->TakeTransactions();
  if (options_.metrics != nullptr) options_.metrics->Update(worker, client_->lags(), transactions);
}

void WorkerThread::SayChanges(const Worker& worker, Span now) {
  const bool entities = static_cast<bool>(options_.open);
  const auto say = [this](std::string_view name, PartitionId partition, std::vector<std::pair<std::string_view, std::string>> more) {
    Notice notice{NoticeLevel::kInfo, name, {{"partition", std::to_string(partition.value)}, {"worker", std::to_string(options_.number)}}};
    for (auto& field : more) notice.fields.push_back(std::move(field));
    options_.notice(notice);
  };
  std::map<PartitionId, Seen> present;
  for (const Worker::PartitionView& view : worker.partitions()) {
    const auto before = seen_.find(view.id);
    Seen& seen = present[view.id] = before != seen_.end() ? before->second : Seen{false, now};
    if (before == seen_.end()) say(entities ? "entity_shard_assigned" : "partition_assigned", view.id, {});
    if (view.live && !seen.live) {
      say(entities ? "entity_shard_live" : "partition_live", view.id,
          {{"next", std::to_string(view.next.value)}, {"after_ms", std::to_string((now - seen.since).millis())}});
    }
    if (!view.live && seen.live) seen.since = now;
    seen.live = view.live;
  }
  for (const auto& [partition, seen] : seen_) {
    if (!present.contains(partition)) say(entities ? "entity_shard_given_up" : "partition_given_up", partition, {});
  }
  seen_ = std::move(present);
}

}  // namespace sekisho::app
