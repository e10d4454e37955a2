#include "connectors/app/connect_metrics.h"

namespace sekisho::connectors {
namespace {

// "" for what no engine is told of.
const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kLogin: return "login";
    case Kind::kLoginFailed: return "login_failed";
    case Kind::kSubmission: return "submission";
    case Kind::kQueued: return "queued";
    case Kind::kDelivery: return "delivery";
    case Kind::kMailboxAccess: return "mailbox_access";
    case Kind::kCredentialChanged: return "credential_changed";
    case Kind::kContentVerdict: return "content_verdict";
    case Kind::kComplaint: return "complaint";
    case Kind::kRejected:
    case Kind::kSession: break;
  }
  return "";
}

}  // namespace

ConnectMetrics::ConnectMetrics(Metrics* metrics, const std::string& version, uint64_t spool_bytes_max)
    : metrics_(metrics),
      rounds_(metrics->AddCounter("sekisho_connect_rounds_total", "Rounds of reading and sending; where it stands still, the daemon hangs.")),
      lines_(metrics->AddCounter("sekisho_connect_lines_total", "Log lines that were read.")),
      ignored_(metrics->AddCounter("sekisho_connect_lines_ignored_total", "Lines that were understood and say nothing of accounts.")),
      too_long_(metrics->AddCounter("sekisho_connect_lines_too_long_total", "Lines that were too long to be parsed.")),
      unattributed_(metrics->AddCounter("sekisho_connect_events_unattributed_total",
                                        "Events that stay here: of no account, or of a kind that no engine is told of.")),
      rotations_(metrics->AddCounter("sekisho_connect_file_rotations_total", "Times that a log file was left for its successor.")),
      truncations_(metrics->AddCounter("sekisho_connect_file_truncations_total", "Times that a log file was found truncated.")),
      gaps_(metrics->AddCounter("sekisho_connect_gaps_total", "Times that something in a log file couldn't be read any more.")),
      gap_bytes_(metrics->AddCounter("sekisho_connect_gap_bytes_total", "Bytes in those gaps, as far as known.")),
      produced_(metrics->AddCounter("sekisho_connect_events_produced_total",
                                    "Events handed to the producer, again after a failure.")),
      acknowledged_(metrics->AddCounter("sekisho_connect_events_acknowledged_total", "Events that Kafka acknowledged.")),
      failures_(metrics->AddCounter("sekisho_connect_producer_failures_total",
                                    "Times that sending failed and went back to the oldest unacknowledged event.")),
      lost_(metrics->AddCounter("sekisho_connect_events_lost_total", "Events that no broker took.")),
      heartbeats_(metrics->AddCounter("sekisho_connect_heartbeats_total", "Times that a partition was told the time, when quiet or before a jump.")),
      spool_failures_(metrics->AddCounter("sekisho_connect_spool_failures_total",
                                          "Times that the disk didn't take what was to be written.")),
      state_losses_(metrics->AddCounter("sekisho_connect_state_losses_total",
                                        "Times that the restart couldn't rebuild what was known before.")),
      spool_bytes_(metrics->AddGauge("sekisho_connect_spool_bytes", "Size of the spool on the disk.")),
      waiting_bytes_(metrics->AddGauge("sekisho_connect_spool_waiting_bytes", "Bytes in the spool that Kafka hasn't acknowledged.")),
      spool_full_(metrics->AddGauge("sekisho_connect_spool_full", "1 while reading waits because the spool is full.")),
      in_flight_(metrics->AddGauge("sekisho_connect_events_in_flight", "Events on their way to Kafka.")),
      lag_bytes_(metrics->AddGauge("sekisho_connect_lag_bytes", "Bytes in the log files, over all of them, that weren't read yet.")),
      newest_(metrics->AddGauge("sekisho_connect_newest_event_timestamp_seconds",
                                "Time of the newest line that was read; 0: none yet.")) {
  metrics->AddGauge("sekisho_connect_spool_max_bytes", "Bound of what may wait in the spool.")->Set(static_cast<double>(spool_bytes_max));
  metrics->AddGauge("sekisho_connect_build_info", "1; the version is in the label.", {{"version", version}})->Set(1);
}

void ConnectMetrics::Update(const Connector& connector) {
  const ConnectorStats& stats = connector.stats();
  rounds_->Add();
  lines_->Set(stats.lines);
  ignored_->Set(stats.ignored);
  too_long_->Set(stats.too_long);
  unattributed_->Set(stats.unattributed);
  for (const auto& [source, counts] : stats.events) {
    const auto [at, is_new] = events_.try_emplace(source);
    for (size_t kind = 0; kind < counts.size(); ++kind) {
      const char* name = NameOf(static_cast<Kind>(kind));
      if (is_new && *name != '\0') {
        at->second[kind] = metrics_->AddCounter("sekisho_connect_events_total", "Events for Kafka, by the log they came from and kind.",
                                                {{"source", std::string(source)}, {"kind", name}});
      }
      if (at->second[kind] != nullptr) at->second[kind]->Set(counts[kind]);
    }
  }
  for (const auto& [reason, count] : stats.unrecognised) {
    Counter*& counter = unrecognised_[reason];
    if (counter == nullptr) {
      counter = metrics_->AddCounter("sekisho_connect_lines_unrecognised_total", "Lines of other programs, and broken ones, by reason.",
                                     {{"reason", std::string(reason)}});
    }
    counter->Set(count);
  }
  LogFollower::Counters files;
  uint64_t lag_bytes = 0;
  for (size_t i = 0; i < connector.file_count(); ++i) {
    const LogFollower& file = connector.file(i);
    files.rotations += file.counters().rotations;
    files.truncations += file.counters().truncations;
    files.gaps += file.counters().gaps;
    files.gap_bytes += file.counters().gap_bytes;
    lag_bytes += file.lag_bytes();
  }
  rotations_->Set(files.rotations);
  truncations_->Set(files.truncations);
  gaps_->Set(files.gaps);
  gap_bytes_->Set(files.gap_bytes);
  lag_bytes_->Set(static_cast<double>(lag_bytes));
  const Sender::Counters& sent = connector.sender().counters();
  produced_->Set(sent.produced);
  acknowledged_->Set(sent.acknowledged);
  failures_->Set(sent.failures);
  lost_->Set(sent.lost);
  heartbeats_->Set(sent.heartbeats);
  spool_failures_->Set(stats.spool_failures);
  state_losses_->Set(stats.state_losses);
  spool_bytes_->Set(static_cast<double>(connector.spool_bytes()));
  waiting_bytes_->Set(static_cast<double>(connector.waiting_bytes()));
  spool_full_->Set(stats.spool_full ? 1 : 0);
  in_flight_->Set(static_cast<double>(connector.sender().in_flight()));
  newest_->Set(stats.newest.never() ? 0 : static_cast<double>(stats.newest.millis()) / 1000);
}

}  // namespace sekisho::connectors
