// An action as a finding for a security operations centre: JSON of the Open Cybersecurity Schema Framework, version 1.8.0,
// class Detection Finding (class_uid 2004) with the profile security_control. Published in the topic "findings".
//
// What goes where:
//   activity_id          Create (1); Close (3) for a release
//   severity_id          observe and release 1, notify 2, throttle 3, suspend 4; 5 if the circuit breaker spoke, because then
//                        many accounts are hit at once and a person is wanted
//   confidence_id        by the rule: beyond_doubt 3, two families or what followed from them 2, risk alone 1, expired 0
//   action, disposition  what the mail hosts are asked to do. In shadow: observed, detected
//   is_alert             notify, throttle and suspend, unless in shadow
//   finding_info.uid, metadata.uid  the action's id: a finding that comes twice is one
//   metadata.correlation_uid, resources[0].uid  the account, always by the same value: the hash that names it in the state, or
//                        its pseudonym. A release closes what stands of its correlation_uid
//   evidences            the source of the event that led to it; then one for each detector that spoke, with its features
//   unmapped             what the schema has no place for
//
// Whatever the account's name holds, the result is one line of valid JSON in UTF-8; bytes that are none are written as
// connectors/common/json.h says. The same action under the same options always gives the same bytes.
#ifndef SEKISHO_ENGINE_APP_FINDING_H_
#define SEKISHO_ENGINE_APP_FINDING_H_

#include <optional>
#include <string>

#include "engine/base/hash.h"
#include "engine/model/action.h"

namespace sekisho::app {

struct FindingOptions {
  // Hides accounts: instead of its name and of its plain hash, which can be guessed from a list of customers, a finding
  // carries 16 hexadecimal digits of a keyed hash. Whoever has the key and a name can compute it, to answer an owner.
  std::optional<HashKey> pseudonym_key;
};

std::string FindingJson(const Action& action, const FindingOptions& options = {});

// What stands for `account` under that key.
std::string Pseudonym(const HashKey& key, std::string_view account);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_FINDING_H_
