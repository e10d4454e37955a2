// Goal: the numbers of a connector are on the page, and its labels are few and known.
// Method: a real line of Postfix, one of another program and one too long, through the parsers and a fake producer.
#include "connectors/app/connect_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "connectors/app/pipeline_handler.h"
#include "connectors/kafka/testing/fake_producer.h"
#include "connectors/kafka/testing/temp_folder.h"

namespace sekisho::connectors {
namespace {

using ::testing::HasSubstr;

TEST(ConnectMetrics, ShowWhatTheConnectorCounts) {
  const testing::TempFolder folder;
  ConnectorOptions options;
  options.name = "mx1";
  options.state_folder = folder / "state";
  options.files = {folder / "mail.log"};
  std::filesystem::create_directory(options.state_folder);
  testing::AppendTo(options.files[0],
                    "2026-03-01T09:00:00Z mx1 postfix/smtpd[9]: warning: unknown[192.0.2.1]: SASL PLAIN authentication failed: x, "
                    "sasl_username=ann@example.jp\n"
                    "2026-03-01T09:00:01Z mx1 cron[1]: ran\n" +
                        std::string(1 << 17, 'x') + "\nhalf a li");
  PipelineHandler handler({});
  testing::FakeLog log(3);
  testing::FakeProducer producer(&log);
  const auto connector = Connector::Open(options, &handler, &producer, [](const Notice&) {});
  ASSERT_TRUE(connector.ok()) << connector.status();
  Metrics metrics;
  ConnectMetrics connect_metrics(&metrics, "1.2.3", options.spool_bytes_max);
  for (int i = 0; i < 10; ++i) {
    const EventTime now = EventTime::FromSeconds(1'800'000'000 + i);
    ASSERT_TRUE((*connector)->Step(now, now, false, Span()).ok());
  }
  connect_metrics.Update(**connector);
  const std::string page = metrics.Text();
  for (const char* line : {
           "sekisho_connect_lines_total 3\n",
           "sekisho_connect_lines_too_long_total 1\n",
           "sekisho_connect_lines_unrecognised_total{reason=\"another program's line\"} 1\n",
           "sekisho_connect_events_total{source=\"postfix\",kind=\"login_failed\"} 1\n",
           "sekisho_connect_events_total{source=\"postfix\",kind=\"login\"} 0\n",
           "sekisho_connect_events_acknowledged_total 1\n",
           "sekisho_connect_events_lost_total 0\n",
           "sekisho_connect_gaps_total 0\n",
           "sekisho_connect_lag_bytes 9\n",
           "sekisho_connect_spool_waiting_bytes 0\n",
           "sekisho_connect_newest_event_timestamp_seconds 1772355601\n",
           "sekisho_connect_build_info{version=\"1.2.3\"} 1\n",
       }) {
    EXPECT_THAT(page, HasSubstr(line));
  }
  EXPECT_EQ(page.find("ann"), std::string::npos);
  EXPECT_EQ(page.find("192.0.2.1"), std::string::npos);
}

}  // namespace
}  // namespace sekisho::connectors
