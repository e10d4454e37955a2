// A simulated mail service from its lines or activities to our actions: the shipped parsers where there are lines, the shipped
// fold, an entity shard that judges networks, and beside them the plain rules on the same events.
#ifndef SEKISHO_BENCH_DETECTION_SERVICE_H_
#define SEKISHO_BENCH_DETECTION_SERVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "bench/plain_rules.h"
#include "bench/simulated_events.h"
#include "connectors/common/canonical.h"
#include "connectors/common/event.h"
#include "connectors/common/syslog.h"
#include "connectors/ingest/ingest.h"
#include "engine/app/score.h"
#include "engine/cluster/local_entities.h"
#include "engine/geo/geo.h"
#include "engine/shard/shard.h"
#include "engine/simulate/simulate.h"

namespace sekisho::bench {

// One shard folds all, and an entity shard beside it hears of its sightings and answers at once. Over Kafka the way there and back
// takes a commit, a second or two.
class Service final : public simulate::LogSink, public simulate::ActivitySink, public simulate::TruthSink {
 public:
  // All outlive the service; `rules` and `observer` may be null.
  Service(const simulate::SimulateOptions& options, const Policy& policy, const GeoDatabase& geo, PlainRules* rules,
          FoldObserver* observer);

  absl::Status Line(simulate::LogFile file, EventTime at, std::string_view line) override;
  absl::Status Tell(EventTime at, const simulate::Activity& activity) override;
  absl::Status Abuse(std::string_view account, const simulate::AbusiveMessage& message) override;
  absl::Status Account(const simulate::AccountTruth& truth) override;

  uint64_t events() const { return events_; }  // folded
  const std::vector<Action>& actions() const { return actions_; }
  const app::Truth& truth() const { return truth_; }
  const std::vector<simulate::AccountTruth>& accounts() const { return accounts_; }

 private:
  void OnEvent(const connectors::Event& event);

  const GeoDatabase& geo_;
  PlainRules* const rules_;
  connectors::Canonicalizer canonical_;
  SimulatedEvents activities_{&canonical_};
  connectors::Pipeline pipeline_;
  std::vector<connectors::HeaderParser> headers_;
  connectors::EventSink sink_;
  std::vector<EventRecipient> recipients_;
  AccountTable table_;
  Shard shard_;
  LocalEntities entities_;
  int64_t offset_ = 0;
  uint64_t events_ = 0;
  absl::Status status_;
  std::vector<Action> actions_;
  std::vector<simulate::AccountTruth> accounts_;
  app::Truth truth_;
};

// Actions in force, as scoring takes them. Shadowed ones stop nobody.
std::vector<app::ScoredAction> ToScored(const std::vector<Action>& actions);

}  // namespace sekisho::bench

#endif  // SEKISHO_BENCH_DETECTION_SERVICE_H_
