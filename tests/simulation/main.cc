// simulation [--schedules N] [--seed-from S] [--verbose]: runs schedules S, S + 1, ... and stops at the first that fails,
// naming the seed that repeats it. Goal: nothing lost, nothing twice, through every fault. Method: see simulation.h.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/simulation/simulation.h"

namespace sekisho::simulation {
namespace {

int Main(int argc, char** argv) {
  uint64_t schedules = 300, seed_from = 1;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--schedules" && i + 1 < argc) {
      schedules = std::strtoull(argv[++i], nullptr, 10);
    } else if (flag == "--seed-from" && i + 1 < argc) {
      seed_from = std::strtoull(argv[++i], nullptr, 10);
    } else if (flag == "--verbose") {
      verbose = true;
    } else {
      std::cerr << "usage: simulation [--schedules N] [--seed-from S] [--verbose]\n";
      return 2;
    }
  }
  std::cout << "seeds " << seed_from << " to " << seed_from + schedules - 1 << std::endl;
  FailPoints fail_points;
  ScheduleStats sum;
  for (uint64_t seed = seed_from; seed < seed_from + schedules; ++seed) {
    const ScheduleResult result = RunSchedule(seed, &fail_points);
    const ScheduleStats& s = result.stats;
    if (verbose) {
      std::cout << "seed " << seed << ": " << s.records << " records, " << s.actions << " actions, " << s.kills << " kills, "
                << s.rebalances << " rebalances" << std::endl;
    }
    if (!result.failure.empty()) {
      std::cout << "FAILED: seed " << seed << ": " << result.failure << "\nagain: simulation --schedules 1 --seed-from " << seed
                << std::endl;
      return 1;
    }
    sum.records += s.records;
    sum.repeats += s.repeats;
    sum.actions += s.actions;
    sum.dead_letters += s.dead_letters;
    sum.forgotten += s.forgotten;
    sum.orders += s.orders;
    sum.policies += s.policies;
    sum.sightings += s.sightings;
    sum.sightings_again += s.sightings_again;
    sum.kills += s.kills;
    sum.sleeps += s.sleeps;
    sum.lost_disks += s.lost_disks;
    sum.rebalances += s.rebalances;
    sum.unknown += s.unknown;
    sum.restores += s.restores;
    sum.muted += s.muted;
  }
  std::cout << schedules << " schedules: " << sum.records << " records (" << sum.repeats << " repeats dropped), " << sum.actions
            << " actions, " << sum.dead_letters << " dead letters, " << sum.forgotten << " forgotten; 0 lost, 0 twice\n"
            << sum.orders << " orders obeyed, " << sum.policies << " partitions ended under another policy\n"
            << sum.sightings << " sightings told, " << sum.sightings_again << " told once more\n"
            << sum.kills << " kills, " << sum.sleeps << " sleeps, " << sum.lost_disks << " lost disks, " << sum.rebalances
            << " assignments, " << sum.unknown << " unknown outcomes, " << sum.restores << " restores, " << sum.muted
            << " records replayed\nkilled at";
  bool all = true;
  for (const std::string& point : AllFailPoints()) {
    const auto found = fail_points.killed.find(point);
    const uint64_t n = found == fail_points.killed.end() ? 0 : found->second;
    std::cout << " " << point << ":" << n;
    all &= n > 0;
  }
  std::cout << std::endl;
  // A few hundred schedules pass every point; a single one can't.
  if ((sum.orders == 0 || sum.policies == 0) && schedules >= 300) {
    std::cout << "FAILED: nobody gave an order" << std::endl;
    return 1;
  }
  if ((sum.sightings == 0 || sum.sightings_again == 0) && schedules >= 300) {
    std::cout << "FAILED: no sighting was told, or none had to be told again" << std::endl;
    return 1;
  }
  if (!all && schedules >= 300) {
    std::cout << "FAILED: a fail point was never reached" << std::endl;
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace sekisho::simulation

int main(int argc, char** argv) { return sekisho::simulation::Main(argc, argv); }
