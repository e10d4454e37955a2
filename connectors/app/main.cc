// `sekisho-connect`: brings a mail host's log files to Kafka as events. This file reads the command line.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "connectors/app/connect_daemon.h"
#include "engine/base/fail_point.h"

int main(int argc, char** argv) {
  sekisho::connectors::DaemonOptions options;
  CLI::App app("Follows mail servers' log files and sends what happened to accounts to Kafka, each event once.", "sekisho-connect");
  app.set_version_flag("--version", SEKISHO_VERSION);
  app.add_option("--config", options.config, "Configuration in YAML; examples/connect.yaml explains every key")->required();
  auto* check = app.add_flag("--check", options.check, "Only say whether the configuration is right");
  app.add_flag("--once", options.once, "Read all files to their end, wait until Kafka has everything, and end")->excludes(check);
  app.footer(
      "\nExamples:\n"
      "  sekisho-connect --config /etc/sekisho/connect.yaml\n"
      "  sekisho-connect --config /etc/sekisho/connect.yaml --check\n"
      "  sekisho-connect --config backfill.yaml --once\n"
      "SIGTERM or Ctrl-C: waits up to 5 seconds for Kafka, writes the position down, and ends. What Kafka hasn't\n"
      "acknowledged stays in the state folder, and leaves at the next start.\n"
      "\nExit codes:\n"
      "  0    done, or stopped in order\n"
      "  1    failed: another connector has the state folder, the disk, ...\n"
      "  2    wrong usage, or a wrong configuration\n"
      "  3    --once: done, but a file was missing, or ended amid a line\n");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  // For tests: where to die.
  const char* fail_point = std::getenv("SEKISHO_FAIL_POINT");
  if (fail_point != nullptr && *fail_point != '\0' && !sekisho::ArmFailPoint(fail_point)) {
    std::fputs("sekisho-connect: SEKISHO_FAIL_POINT: expected NAME or NAME:N, or either behind stop:\n", stderr);
    return 2;
  }
  return sekisho::connectors::RunDaemon(options);
}
