// One schedule: a seed decides what connectors append, which processes run when, what fails, dies, sleeps and comes back.
// At the end everything is left in peace, and what must hold is checked:
//   - what is visible of each partition's outputs is exactly what an undisturbed fold of the same log says, in its order;
//   - every event was folded once, and the state that is stored, locally and in the snapshots, is that fold's;
//   - the group has come to the end of every log (nothing hangs).
#ifndef SEKISHO_TESTS_SIMULATION_SIMULATION_H_
#define SEKISHO_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <string>

#include "tests/simulation/node.h"

namespace sekisho::simulation {

struct ScheduleStats {
  uint64_t records = 0, repeats = 0, actions = 0, dead_letters = 0, forgotten = 0;
  uint64_t sightings = 0, sightings_again = 0;  // told, and told once more
  uint64_t orders = 0, policies = 0;  // obeyed; partitions that ended under another policy than the first
  uint64_t kills = 0, sleeps = 0, lost_disks = 0, rebalances = 0, unknown = 0, restores = 0, muted = 0;
};

struct ScheduleResult {
  std::string failure;  // empty: all held
  ScheduleStats stats;
};

// The same seed gives the same schedule, to the byte.
ScheduleResult RunSchedule(uint64_t seed, FailPoints* fail_points);

}  // namespace sekisho::simulation

#endif  // SEKISHO_TESTS_SIMULATION_SIMULATION_H_
