// Commits to a state directory for ever, as fast as it can, and tells each finished commit's number on standard output: for
// tests that kill it. A program of its own, for RocksDB's threads don't survive a fork.
// Usage: state_committer DIRECTORY log|flush FIRST. Exit 1: can't open; 2: can't commit; 3: nobody listens.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "engine/state/store.h"
#include "engine/state/testing/commit_round.h"

int main(int argc, char** argv) {
  if (argc != 4) return 1;
  sekisho::StoreOptions options;
  options.durability = std::string(argv[2]) == "flush" ? sekisho::Durability::kFlush : sekisho::Durability::kLog;
  options.write_buffer_bytes = 256 << 10;  // flushes in the background meanwhile
  auto store = sekisho::StateStore::Open(argv[1], options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  for (uint64_t commit = std::stoull(argv[3]);; ++commit) {
    if (!sekisho::CommitRound(store->get(), commit).ok()) return 2;
    if (write(STDOUT_FILENO, &commit, sizeof commit) != sizeof commit) return 3;
  }
}
