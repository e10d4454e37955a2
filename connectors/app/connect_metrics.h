// What sekisho-connect shows to Prometheus: "sekisho_connect_…". The numbers are kept by the connector and copied here.
#ifndef SEKISHO_CONNECTORS_APP_CONNECT_METRICS_H_
#define SEKISHO_CONNECTORS_APP_CONNECT_METRICS_H_

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "connectors/kafka/connector.h"
#include "engine/metrics/metrics.h"

namespace sekisho::connectors {

// Thread-compatible.
class ConnectMetrics {
 public:
  // `metrics` outlives it.
  ConnectMetrics(Metrics* metrics, const std::string& version, uint64_t spool_bytes_max);

  // Copies all numbers, once a round of the daemon.
  void Update(const Connector& connector);

 private:
  using ByKind = std::array<Counter*, ConnectorStats::kKinds>;

  Metrics* const metrics_;
  std::map<std::string_view, ByKind> events_;            // by source
  std::map<std::string_view, Counter*> unrecognised_;    // by reason
  Counter *rounds_, *lines_, *ignored_, *too_long_, *unattributed_;
  Counter *rotations_, *truncations_, *gaps_, *gap_bytes_;
  Counter *produced_, *acknowledged_, *failures_, *lost_, *heartbeats_, *spool_failures_, *state_losses_;
  Gauge *spool_bytes_, *waiting_bytes_, *spool_full_, *in_flight_, *lag_bytes_, *newest_;
};

}  // namespace sekisho::connectors

#endif  // SEKISHO_CONNECTORS_APP_CONNECT_METRICS_H_
