#include "engine/app/partition_stores.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "engine/base/fail_point.h"

namespace sekisho::app {
namespace {

constexpr char kFollowed[] = "FOLLOWED";
constexpr char kFilling[] = ".filling";
constexpr char kRemoved[] = ".removed";

absl::Status Failed(const std::string& directory, const std::string& what) {
  return absl::UnavailableError("state directory " + directory + ": " + what);
}

// Whole or not at all: half of a store would be no store, and nobody's to overwrite.
void RemoveStore(const std::string& path, std::error_code& error) {
  const std::string aside = path + kRemoved;
  std::filesystem::remove_all(aside, error);
  if (error || !std::filesystem::exists(path, error)) return;
  std::filesystem::rename(path, aside, error);
  if (!error) std::filesystem::remove_all(aside, error);
}

// Whoever holds the lock writes its process id into it, for people.
absl::StatusOr<int> Lock(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Failed(directory, std::string("can't make its lock file: ") + std::strerror(errno));
  char text[32] = {};
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool in_use = errno == EWOULDBLOCK;
    const std::string error = std::strerror(errno);
    int64_t pid = 0;
    const ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n > 0) std::from_chars(text, text + n, pid);
    close(fd);
    if (!in_use) return Failed(directory, "can't lock it: " + error);
    return absl::FailedPreconditionError("state directory " + directory + " is in use by another engine" +
                                         (pid > 0 ? " (process " + std::to_string(pid) + ")" : "") +
                                         "; stop that one, or give each its own `state` and `name`");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const std::string error = std::strerror(errno);
    close(fd);
    return Failed(directory, "can't write its lock file: " + error);
  }
  return fd;
}

}  // namespace

// A worker's store: given back when it is closed, and set aside then if something in it couldn't be read.
class PartitionStores::Lent final : public RecordStore {
 public:
  Lent(PartitionStores* owner, PartitionId partition, std::unique_ptr<StateStore> store)
      : owner_(owner), partition_(partition), store_(std::move(store)) {}
  ~Lent() override {
    {
      const std::lock_guard lock(owner_->mutex_);
      owner_->entries_[partition_].store = nullptr;
    }
    store_.reset();
    if (!damage_.ok()) owner_->SetAside(partition_, damage_);
    owner_->GiveBack(partition_);
  }

  const std::optional<StateMarker>& marker() const override { return store_->marker(); }
  absl::Status Read(std::span<const AccountId> ids, std::vector<std::optional<std::string>>* records) override {
    return Note(store_->Read(ids, records));
  }
  absl::Status Commit(const PackedRecords& records, const StateMarker& marker) override {
    absl::Status status = Note(store_->Commit(records, marker));
    if (status.ok() && std::exchange(filled_, false)) FailPoint("restored_store");
    return status;
  }
  absl::Status Spill(const PackedRecords& records) override {
    filled_ = true;
    return Note(store_->Spill(records));
  }
  uint64_t bytes_on_disk() const override { return store_->bytes_on_disk(); }
  std::string name() const override { return store_->name(); }

 private:
  // Reads, and one commit, may run side by side.
  absl::Status Note(absl::Status status) {
    if (!absl::IsDataLoss(status)) return status;
    const std::lock_guard lock(owner_->mutex_);
    damage_.Update(status);
    return status;
  }

  PartitionStores* const owner_;
  const PartitionId partition_;
  std::unique_ptr<StateStore> store_;
  bool filled_ = false;  // from snapshots, and not yet closed by a marker
  absl::Status damage_;
};

PartitionStores::PartitionStores(std::string directory, uint64_t memory, NoticeSink notice)
    : directory_(std::move(directory)), notice_(std::move(notice)), memory_(std::make_shared<StoreMemory>(memory)) {}

PartitionStores::~PartitionStores() {
  if (lock_ >= 0) close(lock_);
}

absl::StatusOr<std::unique_ptr<PartitionStores>> PartitionStores::Open(const std::string& directory, uint64_t memory,
                                                                       NoticeSink notice) {
  std::error_code error;
  // Accounts and addresses will be in it.
  if (std::filesystem::create_directories(directory, error) && !error) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) return Failed(directory, "can't be made: " + error.message());
  if (access(directory.c_str(), W_OK | X_OK) != 0) return Failed(directory, std::strerror(errno));
  absl::StatusOr<int> lock = Lock(directory);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<PartitionStores> stores(new PartitionStores(directory, memory, std::move(notice)));
  stores->lock_ = *lock;
  // What a node that was killed had begun to read, or to remove, is of no use to anybody.
  std::vector<std::filesystem::path> leftovers;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == kFilling || entry.path().extension() == kRemoved) leftovers.push_back(entry.path());
  }
  for (const std::filesystem::path& path : leftovers) std::filesystem::remove_all(path, error);
  if (error) return Failed(directory, error.message());
  return stores;
}

std::string PartitionStores::Path(PartitionId partition) const {
  return directory_ + "/p-" + std::to_string(partition.value);
}

absl::StatusOr<std::unique_ptr<RecordStore>> PartitionStores::Open(PartitionId partition) {
  return OpenForWorker(partition, false);
}

absl::StatusOr<std::unique_ptr<RecordStore>> PartitionStores::Recreate(PartitionId partition) {
  return OpenForWorker(partition, true);
}

absl::StatusOr<std::unique_ptr<RecordStore>> PartitionStores::OpenForWorker(PartitionId partition, bool recreate) {
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[partition];
    if (entry.holder != Holder::kNobody) {
      entry.wanted = true;
      return absl::UnavailableError("partition " + std::to_string(partition.value) + ": its store isn't closed yet");
    }
    entry.holder = Holder::kWorker;
    entry.wanted = false;
  }
  // It is ours from here on; opening takes its time, and nobody else need wait for that.
  const std::string path = Path(partition);
  absl::StatusOr<std::unique_ptr<StateStore>> store = absl::UnknownError("");
  std::error_code error;
  if (recreate) RemoveStore(path, error);
  if (error) {
    store = Failed(path, "can't be removed: " + error.message());
  } else {
    store = OpenStore(partition, path);
  }
  if (!store.ok()) {
    GiveBack(partition);
    // To workers, "unavailable" means that somebody will give it back.
    if (absl::IsUnavailable(store.status())) return absl::InternalError(store.status().message());
    return store.status();
  }
  const std::lock_guard lock(mutex_);
  entries_[partition].store = store->get();
  return std::make_unique<Lent>(this, partition, *std::move(store));
}

absl::StatusOr<std::unique_ptr<StandbyLease>> PartitionStores::Lend(PartitionId partition, Span now, Span grace) {
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[partition];
    if (entry.wanted || entry.holder != Holder::kNobody) return absl::UnavailableError("a worker has it");
    if (!entry.free_since.has_value()) entry.free_since = now;
    if (entry.after_worker && now - *entry.free_since < grace) return absl::UnavailableError("a worker had it just now");
    entry.holder = Holder::kStandby;
  }
  absl::StatusOr<std::unique_ptr<StateStore>> store = OpenStore(partition, Path(partition));
  if (!store.ok()) {
    GiveBack(partition);
    return store.status();
  }
  return std::unique_ptr<StandbyLease>(new StandbyLease(this, partition, *std::move(store)));
}

absl::StatusOr<std::unique_ptr<StateStore>> PartitionStores::OpenStore(PartitionId partition, const std::string& path) {
  StoreOptions options;
  options.shared_memory = memory_;
  absl::StatusOr<std::unique_ptr<StateStore>> store = StateStore::Open(path, options);
  if (absl::IsDataLoss(store.status())) {
    SetAside(partition, store.status());
    store = StateStore::Open(path, options);
  }
  return store;
}

void PartitionStores::SetAside(PartitionId partition, const absl::Status& why) {
  const std::string path = Path(partition), aside = path + ".damaged";
  std::error_code error;
  std::filesystem::remove_all(aside, error);
  std::filesystem::rename(path, aside, error);
  notice_({NoticeLevel::kError,
           "store_damaged",
           {{"partition", std::to_string(partition.value)},
            {"why", std::string(why.message())},
            {"what_now", error ? "it can't be moved: " + error.message()
                               : "moved to " + aside + "; the state comes from the snapshots again"}}});
}

void PartitionStores::GiveBack(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[partition];
  entry.after_worker = entry.holder == Holder::kWorker;
  entry.free_since.reset();
  entry.holder = Holder::kNobody;
  entry.store = nullptr;
}

std::vector<PartitionStores::Usage> PartitionStores::usage() const {
  const std::lock_guard lock(mutex_);
  std::vector<Usage> all;
  for (const auto& [partition, entry] : entries_) {
    if (entry.store != nullptr) all.push_back({partition, entry.store->records_about(), entry.store->bytes_on_disk()});
  }
  return all;
}

StandbyLease::StandbyLease(PartitionStores* owner, PartitionId partition, std::unique_ptr<StateStore> store)
    : owner_(owner), partition_(partition) {
  Own(std::move(store));
  // In a store without a marker, whatever is there stands for nothing.
  std::ifstream file(owner_->Path(partition_) + "/" + kFollowed);
  Offset next;
  if (marker().has_value() && file >> next.value && next.value >= 0) followed_ = next;
}

StandbyLease::~StandbyLease() {
  Own(nullptr);
  if (!damage_.ok()) owner_->SetAside(partition_, damage_);
  if (filling_ != nullptr) {
    filling_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(filling_path(), ignored);
  }
  owner_->GiveBack(partition_);
}

bool StandbyLease::wanted() const {
  const std::lock_guard lock(owner_->mutex_);
  return owner_->entries_[partition_].wanted;
}

std::string StandbyLease::filling_path() const { return owner_->Path(partition_) + kFilling; }

void StandbyLease::Own(std::unique_ptr<StateStore> store) {
  {
    const std::lock_guard lock(owner_->mutex_);
    owner_->entries_[partition_].store = store.get();
  }
  store_ = std::move(store);
}

absl::Status StandbyLease::Note(absl::Status status) {
  if (absl::IsDataLoss(status)) damage_.Update(status);
  return status;
}

absl::Status StandbyLease::Keep(const PackedRecords& records, const StateMarker& marker, Offset followed) {
  if (absl::Status status = Note(store_->Commit(records, marker)); !status.ok()) return status;
  return Pass(followed);
}

absl::Status StandbyLease::Pass(Offset followed) {
  const std::string path = owner_->Path(partition_) + "/" + kFollowed, fresh = path + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << followed.value << "\n";
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0) return Failed(path, "can't be written");
  followed_ = followed;
  return absl::OkStatus();
}

absl::Status StandbyLease::BeginFilling() {
  filling_.reset();
  std::error_code error;
  std::filesystem::remove_all(filling_path(), error);
  if (error) return Failed(filling_path(), "can't be removed: " + error.message());
  StoreOptions options;
  options.shared_memory = owner_->memory_;
  absl::StatusOr<std::unique_ptr<StateStore>> store = StateStore::Open(filling_path(), options);
  if (!store.ok()) return store.status();
  filling_ = *std::move(store);
  return absl::OkStatus();
}

absl::Status StandbyLease::Spill(const PackedRecords& records) { return filling_->Spill(records); }

absl::Status StandbyLease::EndFilling(const std::optional<StateMarker>& marker, std::optional<Offset> followed) {
  if (marker.has_value()) {
    if (absl::Status status = filling_->Commit(PackedRecords(), *marker); !status.ok()) return status;
  }
  filling_.reset();
  Own(nullptr);
  const std::string path = owner_->Path(partition_);
  std::error_code error;
  RemoveStore(path, error);
  if (!error) std::filesystem::rename(filling_path(), path, error);
  // Whatever is there now is opened, so that there is always a store.
  absl::StatusOr<std::unique_ptr<StateStore>> store = owner_->OpenStore(partition_, path);
  if (!store.ok()) return store.status();
  Own(*std::move(store));
  followed_.reset();
  if (error) return Failed(path, "can't be replaced: " + error.message());
  return followed.has_value() ? Pass(*followed) : absl::OkStatus();
}

}  // namespace sekisho::app
