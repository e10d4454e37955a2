// `sekisho policy check` and `sekisho policy default`.
#include <cstdio>
#include <string>

#include "engine/app/commands.h"
#include "engine/app/exit_code.h"
#include "engine/app/output_file.h"
#include "engine/app/policy_yaml.h"

namespace sekisho::app {

int RunPolicyCheck(const std::string& file) {
  const absl::StatusOr<Policy> policy = LoadPolicy(file);
  if (!policy.ok()) {
    std::fprintf(stderr, "sekisho: %s\n", std::string(policy.status().message()).c_str());
    return kExitUsage;
  }
  std::printf("%s: valid; its version is %s\n", file.c_str(), policy->version.c_str());
  return kExitOk;
}

int RunPolicyDefault() {
  const std::unique_ptr<OutputFile> out = OutputFile::Stdout();
  absl::Status written = out->Append(DefaultPolicyYaml());
  if (written.ok()) written = out->Flush();
  if (written.ok()) return kExitOk;
  std::fprintf(stderr, "sekisho: %s\n", std::string(written.message()).c_str());
  return kExitFailed;
}

}  // namespace sekisho::app
