// StateStore: atomic commits, and a clear word for everything that goes wrong with a directory.
#include "engine/state/store.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/state/testing/commit_round.h"
#include "engine/state/testing/temporary_directory.h"

namespace sekisho {

class StoreTestPeer {
 public:
  static absl::Status PutFormat(StateStore* store, uint64_t format) { return store->PutFormat(format); }
};

namespace {

// The helper program of the kill tests, beside this one.
std::string Committer() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string() + "/state_committer";
}

struct Child {
  pid_t pid = -1;
  int output = -1;
};
Child StartCommitter(const std::string& directory, Durability durability, uint64_t first) {
  std::string arguments[] = {Committer(), directory, durability == Durability::kFlush ? "flush" : "log",
                             std::to_string(first)};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), arguments[3].data(), nullptr};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  Child child;
  if (posix_spawn(&child.pid, argv[0], &actions, nullptr, argv, environ) != 0) child.pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  child.output = ends[0];
  return child;
}
// The next number of a finished commit; nothing once the child has gone.
std::optional<uint64_t> NextFinished(const Child& child) {
  uint64_t commit = 0;
  if (read(child.output, &commit, sizeof commit) != static_cast<ssize_t>(sizeof commit)) return std::nullopt;
  return commit;
}

// Every record is of the marker's commit.
void ExpectWhole(StateStore* store, uint64_t accounts = 100) {
  ASSERT_TRUE(store->marker().has_value());
  std::vector<AccountId> ids;
  for (uint64_t n = 0; n < accounts; ++n) ids.push_back(RoundAccount(n));
  std::vector<std::optional<std::string>> records;
  ASSERT_TRUE(store->Read(ids, &records).ok());
  for (uint64_t n = 0; n < accounts; ++n) {
    ASSERT_TRUE(records[n].has_value());
    ASSERT_EQ(*records[n], RoundRecord(n, store->marker()->output_length));
  }
}

std::unique_ptr<StateStore> MustOpen(const std::string& directory, const StoreOptions& options = {}) {
  auto store = StateStore::Open(directory, options);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& directory, const std::string& says) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_NE(status.message().find(directory), std::string::npos) << status;
  EXPECT_NE(status.message().find(says), std::string::npos) << status;
}

// Goal: records and marker come back, absent ids are absent. Method: commit, read mixed ids, reopen, read again.
TEST(StoreTest, CommitsAndReadsBack) {
  for (const Durability durability : {Durability::kLog, Durability::kFlush}) {
    TemporaryDirectory directory;
    StoreOptions options;
    options.durability = durability;
    {
      auto store = MustOpen(directory.path(), options);
      EXPECT_FALSE(store->marker().has_value());
      EXPECT_TRUE(store->empty());
      ASSERT_TRUE(CommitRound(store.get(), 1).ok());
      ASSERT_TRUE(CommitRound(store.get(), 2).ok());
      ExpectWhole(store.get());
    }
    auto store = MustOpen(directory.path(), options);
    EXPECT_EQ(store->marker()->output_length, 2u);
    EXPECT_FALSE(store->empty());
    ExpectWhole(store.get());
    std::vector<std::optional<std::string>> records;
    const std::vector<AccountId> ids = {RoundAccount(1'000), RoundAccount(7), RoundAccount(1'001)};
    ASSERT_TRUE(store->Read(ids, &records).ok());
    EXPECT_FALSE(records[0].has_value());
    EXPECT_TRUE(records[1].has_value());
    EXPECT_FALSE(records[2].has_value());
  }
}

// Goal: a process that dies at any point leaves a whole commit, and the one it had finished last at least. Method: a child
// program commits as fast as it can and tells each finished commit through a pipe; it is killed at ten random points, with each
// kind of durability; every record must be of the marker's commit.
// Goal: figures of all stores that share a memory, and of one store.
TEST(StoreTest, TellsFigures) {
  TemporaryDirectory temporary;
  const auto memory = std::make_shared<StoreMemory>(size_t{8} << 20);
  StoreOptions options;
  options.shared_memory = memory;
  const auto figure = [&memory](std::string_view name) {
    for (const StoreTicker& ticker : memory->tickers()) {
      if (ticker.name == name) return ticker.value;
    }
    ADD_FAILURE() << "no " << name;
    return uint64_t{0};
  };
  auto a = StateStore::Open(temporary.path() + "/a", options), b = StateStore::Open(temporary.path() + "/b", options);
  ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  const uint64_t before = figure("keys_written_total");
  ASSERT_TRUE(CommitRound(a->get(), 1).ok());
  ASSERT_TRUE(CommitRound(b->get(), 1).ok());
  EXPECT_EQ(figure("keys_written_total"), before + 2 * (100 + 1)) << "of records and a marker each";
  std::vector<std::optional<std::string>> read;
  const std::vector<AccountId> ids = {RoundAccount(7), RoundAccount(1'000)};
  ASSERT_TRUE((*a)->Read(ids, &read).ok());
  EXPECT_EQ(figure("keys_read_total"), 2u);
  EXPECT_EQ(figure("keys_found_total"), 1u);
  EXPECT_GT(figure("log_bytes_total"), 0u);
}

TEST(StoreTest, KilledProcessLeavesAWholeCommit) {
  constexpr uint64_t kSeed = 20260301;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  for (const Durability durability : {Durability::kLog, Durability::kFlush}) {
    TemporaryDirectory directory;
    StoreOptions options;
    options.durability = durability;
    uint64_t commit = 1;
    for (int round = 0; round < 5; ++round) {
      const Child child = StartCommitter(directory.path(), durability, commit);
      ASSERT_GE(child.pid, 0);
      uint64_t finished = 0;
      for (uint64_t left = 1 + random() % 30; left > 0; --left) {
        const auto next = NextFinished(child);
        ASSERT_TRUE(next.has_value());
        finished = *next;
      }
      kill(child.pid, SIGKILL);
      int status = 0;
      waitpid(child.pid, &status, 0);
      EXPECT_TRUE(WIFSIGNALED(status));
      while (const auto next = NextFinished(child)) finished = *next;
      close(child.output);
      auto store = MustOpen(directory.path(), options);
      ASSERT_NE(store, nullptr);
      ExpectWhole(store.get());
      EXPECT_GE(store->marker()->output_length, finished);
      EXPECT_LE(store->marker()->output_length, finished + 1);
      commit = store->marker()->output_length + 1;
    }
  }
}

// Goal: one directory has one owner. Method: open it twice in this process, and once more from another.
TEST(StoreTest, AlreadyOpen) {
  TemporaryDirectory directory;
  auto store = MustOpen(directory.path());
  ExpectError(StateStore::Open(directory.path()).status(), absl::StatusCode::kFailedPrecondition, directory.path(),
              "open in another process");
  const Child child = StartCommitter(directory.path(), Durability::kLog, 1);
  ASSERT_GE(child.pid, 0);
  EXPECT_FALSE(NextFinished(child).has_value());
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  ASSERT_TRUE(CommitRound(store.get(), 1).ok());
}

// Goal: what isn't ours is not touched. Method: a directory with a stranger's file, and a file in the directory's place.
TEST(StoreTest, NotAStateDirectory) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() + "/letters.txt") << "dear";
  ExpectError(StateStore::Open(directory.path()).status(), absl::StatusCode::kFailedPrecondition, directory.path(),
              "holds files, but no state");
  const std::string file = directory.path() + "/letters.txt";
  ExpectError(StateStore::Open(file).status(), absl::StatusCode::kFailedPrecondition, file, "not a directory");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

// Goal: a directory of another version is refused by name. Method: a format number to come.
TEST(StoreTest, AnotherVersion) {
  TemporaryDirectory directory;
  {
    auto store = MustOpen(directory.path());
    ASSERT_TRUE(CommitRound(store.get(), 1).ok());
    ASSERT_TRUE(StoreTestPeer::PutFormat(store.get(), 7).ok());
  }
  ExpectError(StateStore::Open(directory.path()).status(), absl::StatusCode::kFailedPrecondition, directory.path(),
              "format 7");
}

// Goal: a damaged directory is an error that says so, never a crash, and never half a state. Method: overwrite, truncate
// or delete each kind of file; opening must fail, or give all of a commit.
TEST(StoreTest, DamagedFiles) {
  TemporaryDirectory parent;
  const std::string good = parent.path() + "/good";
  StoreOptions options;
  options.durability = Durability::kFlush;
  {
    auto store = MustOpen(good, options);
    for (uint64_t commit = 1; commit < 4; ++commit) ASSERT_TRUE(CommitRound(store.get(), commit, 2'000).ok());
  }
  for (const std::string kind : {"CURRENT", "MANIFEST", ".sst"}) {
    for (const std::string damage : {"overwritten", "truncated", "deleted"}) {
      const std::string bad = parent.path() + "/" + kind + "_" + damage;
      std::filesystem::copy(good, bad);
      for (const auto& file : std::filesystem::directory_iterator(bad)) {
        if (file.path().filename().string().find(kind) == std::string::npos) continue;
        const auto size = std::filesystem::file_size(file);
        if (damage == "deleted") {
          std::filesystem::remove(file);
        } else if (damage == "truncated") {
          std::filesystem::resize_file(file, size / 2);
        } else {
          std::fstream out(file.path(), std::ios::in | std::ios::out | std::ios::binary);
          for (std::uintmax_t at = 3; at < size; at += 97) out.seekp(static_cast<std::streamoff>(at)).put('~');
        }
      }
      auto store = StateStore::Open(bad, options);
      const absl::Status status = store.status();
      std::cout << kind << " " << damage << ": " << status.message() << "\n";
      if (!store.ok()) {
        EXPECT_NE(status.message().find(bad), std::string::npos) << status;
        continue;
      }
      // A manifest that ends early is one that hadn't been written further: an earlier commit, or none.
      EXPECT_EQ(kind + damage, "MANIFESTtruncated");
      if ((*store)->marker().has_value()) {
        ExpectWhole(store->get(), 2'000);
      } else {
        EXPECT_TRUE((*store)->empty());
      }
    }
  }
}

// Goal: a full disk is an error that says so, and what was committed before is still there once there is room. Method: a
// file system of 2 MB in memory, filled by commits; mounting it needs root.
TEST(StoreTest, FullDisk) {
  TemporaryDirectory directory;
  if (mount("none", directory.path().c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "mounting a small file system needs root";
  }
  uint64_t finished = 0;
  {
    StoreOptions options;
    options.write_buffer_bytes = 64 << 10;
    auto store = StateStore::Open(directory.path() + "/state", options);
    absl::Status status = store.status();
    while (status.ok() && finished < 100) {
      status = CommitRound(store->get(), finished + 1, 100 * (finished + 1));
      if (status.ok()) ++finished;
    }
    ExpectError(status, absl::StatusCode::kResourceExhausted, directory.path(), "disk is full");
  }
  EXPECT_GT(finished, 0u);
  EXPECT_EQ(mount("none", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
  {
    auto store = MustOpen(directory.path() + "/state");
    if (store != nullptr) {
      ExpectWhole(store.get(), 100 * store->marker()->output_length);
      EXPECT_GE(store->marker()->output_length, finished);
    }
  }
  EXPECT_EQ(umount(directory.path().c_str()), 0);
}

// Goal: also a store that opens on a disk without a byte of room says so, a new one and one that holds something, and opens
// once there is room. Method: as above, filled by a file.
TEST(StoreTest, OpensOnAFullDisk) {
  TemporaryDirectory directory;
  if (mount("none", directory.path().c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "mounting a small file system needs root";
  }
  const std::string old = directory.path() + "/old", ballast = directory.path() + "/ballast";
  {
    auto store = MustOpen(old);
    ASSERT_NE(store, nullptr);
    EXPECT_TRUE(CommitRound(store.get(), 1, 100).ok());
  }
  int refused = 0;
  for (const std::string& state : {directory.path() + "/new", old}) {
    // Whatever an attempt has given back is taken again.
    for (int attempt = 0; attempt < 3; ++attempt) {
      {
        std::ofstream file(ballast, std::ios::binary | std::ios::app);
        file << std::unitbuf;
        while (file.write("0123456789abcdef", 16)) {
        }
      }
      const auto store = StateStore::Open(state);
      if (store.ok()) continue;  // had reserved what it needed
      ++refused;
      ExpectError(store.status(), absl::StatusCode::kResourceExhausted, directory.path(), "disk is full");
    }
    std::filesystem::remove(ballast);
    EXPECT_NE(MustOpen(state), nullptr);
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(MustOpen(old)->marker()->output_length, 1u);
  EXPECT_EQ(umount(directory.path().c_str()), 0);
}

}  // namespace
}  // namespace sekisho
