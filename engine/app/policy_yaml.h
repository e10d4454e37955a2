// The policy file: YAML in, engine/policy's plain values out.
#ifndef SEKISHO_ENGINE_APP_POLICY_YAML_H_
#define SEKISHO_ENGINE_APP_POLICY_YAML_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/policy/policy.h"

namespace sekisho::app {

// The policy of a YAML text; keys that aren't given keep their defaults. `file_name` is for messages only.
// InvalidArgument: "FILE:LINE:COLUMN: KEY: what is wrong".
//
// The version is the one the file gives, then "-" and 8 hex digits that stand for every value, unless all values are the
// defaults: two policies that differ never have one version, whatever their authors forgot to change.
absl::StatusOr<Policy> ParsePolicy(std::string_view yaml, const std::string& file_name);

// Of a file; NotFound, Unavailable or the errors of ParsePolicy. An empty path gives the default policy.
absl::StatusOr<Policy> LoadPolicy(const std::string& path);

// The same with the full text, which gives the policy again wherever it is read.
struct PolicyText {
  Policy policy;
  std::string yaml;
};
absl::StatusOr<PolicyText> LoadPolicyText(const std::string& path);

// Stands for every value of the policy: equal for equal policies, and the same on every machine.
std::string PolicyDigest(const Policy& policy);

// The default policy, each key under its documentation. deploy/policy.yaml is this text.
std::string DefaultPolicyYaml();

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_POLICY_YAML_H_
