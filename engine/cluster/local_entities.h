// The entity shard of one machine, in the process that folds its accounts: what an event means for networks, domains and
// campaigns is judged at once, and the judgement holds from the next event on. The judging is the cluster's own
// (entity_partition.h); only the way there and back is shorter, and nothing on it can come twice.
//
// So what is decided follows from the events alone, however they come in batches and whenever is committed.
#ifndef SEKISHO_ENGINE_CLUSTER_LOCAL_ENTITIES_H_
#define SEKISHO_ENGINE_CLUSTER_LOCAL_ENTITIES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/hash.h"
#include "engine/cluster/entity_partition.h"
#include "engine/model/sighting.h"
#include "engine/shard/shard.h"

namespace sekisho {

// Thread-compatible: belongs to the thread that owns the shard.
class LocalEntities {
 public:
  // From now on the shard tells its sightings here. It must neither fold nor be told otherwise after this object is gone, and
  // must outlive it. `log_id`: of the log of events.
  LocalEntities(Hash128 log_id, Shard* shard);
  LocalEntities(const LocalEntities&) = delete;
  LocalEntities& operator=(const LocalEntities&) = delete;
  ~LocalEntities() { shard_->set_sightings(nullptr); }

  // To be called after each record that the shard folded. The error is a bug's.
  absl::Status Settle();

  // The state, which belongs to the same commit as the shard's.
  std::string Encode();
  //   FailedPrecondition  it is of another log, or of a later version
  //   DataLoss            it is damaged
  absl::Status Decode(std::string_view bytes);

  const EntityStats& stats() const { return entities_->stats(); }

 private:
  EntitySetup setup_;
  Shard* const shard_;
  std::unique_ptr<EntityPartition> entities_;
  std::vector<Sighting> sightings_;
  std::vector<Output> outputs_;  // scratch
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_CLUSTER_LOCAL_ENTITIES_H_
