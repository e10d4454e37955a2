// Commits whose wholeness can be checked: each rewrites every record with the commit's number.
#ifndef SEKISHO_ENGINE_STATE_TESTING_COMMIT_ROUND_H_
#define SEKISHO_ENGINE_STATE_TESTING_COMMIT_ROUND_H_

#include <cstdint>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "engine/base/bytes.h"
#include "engine/base/ids.h"
#include "engine/state/store.h"

namespace sekisho {

inline AccountId RoundAccount(uint64_t n) { return AccountId::FromLogin("user" + std::to_string(n)); }

// 400 bytes that compress badly, so that disks fill.
inline std::string RoundRecord(uint64_t n, uint64_t commit) {
  std::mt19937_64 random(n * 1'000'003 + commit);
  std::string record;
  for (int i = 0; i < 50; ++i) ByteWriter(&record).PutFixed64(random());
  return record;
}

inline absl::Status CommitRound(StateStore* store, uint64_t commit, uint64_t accounts = 100) {
  PackedRecords records;
  for (uint64_t n = 0; n < accounts; ++n) records.Add(RoundAccount(n), RoundRecord(n, commit));
  StateMarker marker;
  marker.input = std::to_string(commit);
  marker.output_length = commit;
  return store->Commit(records, marker);
}

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_TESTING_COMMIT_ROUND_H_
