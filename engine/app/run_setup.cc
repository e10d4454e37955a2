#include "engine/app/run_setup.h"

#include <unistd.h>

#include <cstdlib>

#include "engine/app/policy_yaml.h"
#include "engine/base/clock.h"

namespace sekisho::app {

std::vector<std::pair<std::string, std::string>> DescribeSetup(const InputOptions& input, const Policy& policy,
                                                               const GeoSet& geo) {
  std::string webmail_hosts;
  for (const std::string& host : input.webmail_hosts) webmail_hosts += host + " ";
  return {{"the version of sekisho", SEKISHO_VERSION},
          {"--default-realm", input.default_realm},
          {"--timezone", input.timezone},
          {"--year", std::to_string(input.year)},
          {"--webmail-host", webmail_hosts},
          {"--recipient-key (its hash)", PinnedHash128("recipient key " + input.recipient_key).ToHex()},
          {"the policy", policy.version},
          {"the policy's values (their hash)", PolicyDigest(policy)},
          {"the geo data", geo.version()}};
}

Hash128 FilesLogId() { return PinnedHash128("files"); }

AccountTableOptions TableOptions(uint64_t memory_bytes_max) {
  AccountTableOptions options;
  options.memory_bytes_max = memory_bytes_max;
  if (const char* directory = std::getenv("TMPDIR")) options.scratch_parent = directory;
  options.index_seed = PinnedMix64(static_cast<uint64_t>(RealClock().Now().millis()) ^
                                   static_cast<uint64_t>(getpid()) << 32);
  return options;
}

}  // namespace sekisho::app
