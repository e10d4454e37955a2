// The policy file's table, by subject: policy_yaml.cc puts it together.
#ifndef SEKISHO_ENGINE_APP_POLICY_YAML_PARTS_H_
#define SEKISHO_ENGINE_APP_POLICY_YAML_PARTS_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "engine/model/order.h"
#include "engine/policy/policy.h"
#include "engine/rules/rule_set.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::app {

inline constexpr int64_t kPolicyCountMax = 1'000'000'000;

// What one entry of `allow` says, as it is written.
struct AllowText {
  std::string account, network, owner, reason, expires;
  uint32_t asn = 0;
};

// An operator's rule as its file has it.
struct RuleEntry {
  rules::Rule rule;
  int family = -1;  // -1: not said
};

// A policy and what only its file knows. The tables point into it.
struct PolicyFile {
  Policy policy = Policy::Default();
  std::string jitter_passphrase = "sekisho";
  std::vector<AllowText> allow;
  // Of the policy's own rules, as they are written; deque, because tables of fields point into it while it grows.
  std::deque<RuleEntry> rules;
};

// policy_yaml_detectors.cc: each with its mode, limits and scores.
void AddDetectors(YamlFields* fields, Policy* policy);

// policy_yaml_accounts.cc: whose accounts they are, what is in shadow, what is allowed, and what networks are.
void AddSourceClasses(YamlFields* fields, Policy* policy);
void AddClasses(YamlFields* fields, Policy* policy);
void AddAllow(YamlFields* fields, PolicyFile* file);
AllowText TextOf(const Exception& exception);

// policy_yaml_rules.cc
void AddRules(YamlFields* fields, PolicyFile* file);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_POLICY_YAML_PARTS_H_
