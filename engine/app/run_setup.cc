#include "engine/app/run_setup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "engine/app/policy_yaml.h"
#include "engine/base/clock.h"

namespace sekisho::app {
namespace {

// Dates without a year are placed by the year of their file's last change.
std::string YearsOfLastChange(const InputOptions& input) {
  std::string years;
  for (const std::string& file : input.files) {
    struct stat info;
    const bool known = input.year == 0 && stat(file.c_str(), &info) == 0;
    years += (known ? FormatRfc3339(EventTime::FromSeconds(info.st_mtime)).substr(0, 4) : "-") + " ";
  }
  return years;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> DescribeSetup(const InputOptions& input, const Policy& policy,
                                                               const GeoSet& geo) {
  std::string webmail_hosts;
  for (const std::string& host : input.webmail_hosts) webmail_hosts += host + " ";
  std::string complaint_headers;
  for (const std::string& name : input.complaint_headers) complaint_headers += name + " ";
  return {{"the version of sekisho", SEKISHO_VERSION},
          {"--default-realm", input.default_realm},
          {"--timezone", input.timezone},
          {"--year", std::to_string(input.year)},
          {"the year of the files' last change", YearsOfLastChange(input)},
          {"--webmail-host", webmail_hosts},
          {"--complaint-header", complaint_headers},
          {"--complaint-verp", input.complaint_verp},
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
