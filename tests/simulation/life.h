// The lives of a few accounts over some days, as the records that connectors would append: logins, submissions, deliveries,
// thefts that lead to suspensions, and now and then something late, early or broken; among them operators' orders: policies,
// releases, exceptions.
#ifndef SEKISHO_TESTS_SIMULATION_LIFE_H_
#define SEKISHO_TESTS_SIMULATION_LIFE_H_

#include <memory>
#include <vector>

#include "tests/simulation/broker.h"
#include "tests/simulation/node.h"

namespace sekisho::simulation {

struct LifeOptions {
  int accounts = 12;
  int records = 300;
  int connectors = 3;
  int partitions = 3;
};

// What one connector appends, in its order; a connector that lost its place appends some of it again.
struct SentRecord {
  int partition = 0;
  OwnedRecord record;  // copy with Clone: its views point into itself
};

// Of the texts that orders bring; "first" is what a partition begins with.
absl::StatusOr<Policy> CompilePolicy(std::string_view text);

std::unique_ptr<OwnedRecord> Clone(const OwnedRecord& record);

// By connector. Times rise over all of them together, roughly.
std::vector<std::vector<std::unique_ptr<SentRecord>>> Live(const LifeOptions& options, Random* random);

}  // namespace sekisho::simulation

#endif  // SEKISHO_TESTS_SIMULATION_LIFE_H_
