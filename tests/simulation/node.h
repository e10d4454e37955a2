// One engine process over the broker in memory: the worker under test and the seams it is given, each of which may be slow,
// fail, or kill the process at any of its calls. Killing is an exception that unwinds to the simulation, which then drops
// the node; what the disk and the broker hold stays.
#ifndef SEKISHO_TESTS_SIMULATION_NODE_H_
#define SEKISHO_TESTS_SIMULATION_NODE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cluster/worker.h"
#include "tests/simulation/broker.h"

namespace sekisho::simulation {

// The same numbers from the same seed on every machine: the standard's distributions don't promise that.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // In [low, high].
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }
  uint64_t Next() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

struct Crash {
  std::string_view point;
};

// Every place where a process can be killed, and how often it was.
struct FailPoints {
  std::map<std::string, uint64_t, std::less<>> killed;
};

struct Disk {
  struct Partition {
    std::map<AccountId, std::string> records;
    std::optional<StateMarker> marker;
    bool open = false;
  };
  std::map<int, std::shared_ptr<Partition>> partitions;
};

struct NodeOptions {
  std::string instance;
  uint64_t seed = 0;
  bool faults = true;     // until Calm
  // Dies at the nth time the named point is passed; empty: by nobody's plan but the simulation's.
  std::string crash_point;
  int64_t crash_countdown = 0;
};

class Node {
 public:
  Node(const NodeOptions& options, Broker* broker, const FoldSetup* setup, std::shared_ptr<Disk> disk,
       FailPoints* fail_points);
  ~Node();
  Node(const Node&) = delete;

  // Throws Crash. An error is the worker's: the process ends with it.
  absl::StatusOr<bool> Step(EventTime wall);
  void Calm() { options_.faults = false; options_.crash_point.clear(); }
  void Stop() { worker_->Stop(); }
  bool stopped() const { return worker_->stopped(); }
  void LeaveGroup();
  const Worker& worker() const { return *worker_; }
  const std::string& instance() const { return options_.instance; }
  const std::shared_ptr<Disk>& disk() const { return disk_; }

 private:
  struct LogSeam;
  struct GroupSeam;
  struct PublisherSeam;
  struct SnapshotSeam;
  struct StoreSeam;
  struct WriterSeam;
  struct Seams;
  uint64_t member() const;
  void StoreClosed(const RecordStore* store);
  // Called by the seams at each of their calls.
  void Point(std::string_view name);
  bool Fault(int64_t one_in) { return options_.faults && random_.OneIn(one_in); }
  // How long something takes, ms.
  int64_t Delay();

  NodeOptions options_;
  Broker* const broker_;
  std::shared_ptr<Disk> disk_;
  FailPoints* const fail_points_;
  Random random_;
  bool dying_ = false;
  std::unique_ptr<Seams> seams_;
  std::unique_ptr<Worker> worker_;
};

// All names that Point is called with.
const std::vector<std::string>& AllFailPoints();

}  // namespace sekisho::simulation

#endif  // SEKISHO_TESTS_SIMULATION_NODE_H_
