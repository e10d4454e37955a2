// Goal: a finding is what the schema says, whatever the action holds, and in the pseudonymous mode says nothing of whose it is.
// Method: the part of the schema that is used here, written down as a table from OCSF 1.8.0, against findings of every kind of
// action, plain and hostile ones.
#include "engine/app/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <random>
#include <string>

#include "connectors/common/json.h"
#include "engine/base/ids.h"

namespace sekisho::app {
namespace {

using connectors::JsonReader;
using simdjson::dom::element;
using simdjson::dom::object;
using ::testing::HasSubstr;
using ::testing::Not;

enum class Type { kInteger, kText, kBool, kObject, kObjects, kTexts, kAny };

struct Attribute {
  Type type = Type::kAny;
  bool required = false;
  std::string object;                // of kObject and kObjects
  std::vector<int64_t> numbers = {}; // of an enumeration
};

struct ObjectSchema {
  std::map<std::string, Attribute, std::less<>> attributes;
  std::vector<std::string> at_least_one = {};
};

constexpr bool kRequired = true;

Attribute Integer(bool required, std::vector<int64_t> numbers = {}) { return {Type::kInteger, required, "", std::move(numbers)}; }
Attribute Text(bool required = false) { return {Type::kText, required, ""}; }
Attribute Bool() { return {Type::kBool, false, ""}; }
Attribute Object(std::string name, bool required = false) { return {Type::kObject, required, std::move(name)}; }
Attribute Objects(std::string name) { return {Type::kObjects, false, std::move(name)}; }
Attribute Texts() { return {Type::kTexts, false, ""}; }
Attribute Any() { return {Type::kAny, false, ""}; }

// OCSF 1.8.0: the class detection_finding with the profile security_control, and the objects that are used in it. Attributes that
// no finding of ours has are left out, none that is required.
const std::map<std::string, ObjectSchema>& Schema() {
  static const auto* const kSchema = new std::map<std::string, ObjectSchema>{
      {"detection_finding",
       {{{"activity_id", Integer(kRequired, {0, 1, 2, 3, 99})},
         {"activity_name", Text()},
         {"category_uid", Integer(kRequired, {2})},
         {"category_name", Text()},
         {"class_uid", Integer(kRequired, {2004})},
         {"class_name", Text()},
         {"type_uid", Integer(kRequired, {200400, 200401, 200402, 200403, 200499})},
         {"type_name", Text()},
         {"time", Integer(kRequired)},
         {"timezone_offset", Integer(false)},
         {"severity_id", Integer(kRequired, {0, 1, 2, 3, 4, 5, 6, 99})},
         {"severity", Text()},
         {"status_id", Integer(false, {0, 1, 2, 3, 4, 5, 6, 99})},
         {"status", Text()},
         {"message", Text()},
         {"metadata", Object("metadata", kRequired)},
         {"finding_info", Object("finding_info", kRequired)},
         {"confidence_id", Integer(false, {0, 1, 2, 3, 99})},
         {"confidence", Text()},
         {"risk_score", Integer(false)},
         {"is_alert", Bool()},
         {"action_id", Integer(false, {0, 1, 2, 3, 4, 99})},
         {"action", Text()},
         {"disposition_id", Integer(false, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,
                                            14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 99})},
         {"disposition", Text()},
         {"policy", Object("policy")},
         {"resources", Objects("resource_details")},
         {"evidences", Objects("evidences")},
         {"observables", Objects("observable")},
         {"remediation", Object("remediation")},
         {"unmapped", Any()}}}},
      {"metadata",
       {{{"version", Text(kRequired)},
         {"product", Object("product", kRequired)},
         {"profiles", Texts()},
         {"uid", Text()},
         {"correlation_uid", Text()},
         {"event_code", Text()},
         {"log_name", Text()},
         {"original_time", Text()}}}},
      {"product", {{{"name", Text()}, {"uid", Text()}, {"vendor_name", Text()}, {"version", Text()}}, {"name", "uid"}}},
      {"finding_info",
       {{{"uid", Text(kRequired)},
         {"title", Text()},
         {"desc", Text()},
         {"types", Texts()},
         {"created_time", Integer(false)},
         {"first_seen_time", Integer(false)},
         {"last_seen_time", Integer(false)},
         {"analytic", Object("analytic")},
         {"related_analytics", Objects("analytic")},
         {"attacks", Objects("attack")}}}},
      {"analytic",
       {{{"uid", Text()},
         {"name", Text()},
         {"desc", Text()},
         {"category", Text()},
         {"version", Text()},
         {"type_id", Integer(kRequired, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99})},
         {"type", Text()},
         {"state_id", Integer(false, {0, 1, 2, 3, 99})},
         {"state", Text()}},
        {"name", "uid"}}},
      {"attack", {{{"technique", Object("technique")}}, {"tactic", "technique", "sub_technique"}}},
      {"technique", {{{"uid", Text()}, {"name", Text()}}, {"name", "uid"}}},
      {"policy",
       {{{"name", Text()}, {"uid", Text()}, {"type", Text()}, {"version", Text()}, {"is_applied", Bool()}}, {"name", "type", "uid"}}},
      {"resource_details",
       {{{"uid", Text()},
         {"name", Text()},
         {"type", Text()},
         {"role_id", Integer(false, {0, 1, 2, 3, 4, 99})},
         {"role", Text()},
         {"owner", Object("user")}},
        {"name", "uid"}}},
      {"user",
       {{{"uid", Text()}, {"name", Text()}, {"type_id", Integer(false, {0, 1, 2, 3, 4, 99})}, {"type", Text()}},
        {"account", "name", "uid"}}},
      // "name" alone is not enough for one of these.
      {"evidences", {{{"name", Text()}, {"data", Any()}, {"src_endpoint", Object("network_endpoint")}}, {"data", "src_endpoint"}}},
      {"network_endpoint", {{{"ip", Text()}}, {"ip"}}},
      {"observable", {{{"name", Text()}, {"type_id", Integer(kRequired)}, {"type", Text()}, {"value", Text()}}}},
      {"remediation", {{{"desc", Text(kRequired)}}}},
  };
  return *kSchema;
}

void CheckObject(const std::string& name, const simdjson::simdjson_result<object>& value, const std::string& path);

void CheckAttribute(const Attribute& attribute, const element& value, const std::string& path) {
  switch (attribute.type) {
    case Type::kInteger: {
      int64_t number = 0;
      ASSERT_EQ(value.get(number), simdjson::SUCCESS) << path << " is no integer";
      if (!attribute.numbers.empty()) {
        EXPECT_THAT(attribute.numbers, ::testing::Contains(number)) << path;
      }
      return;
    }
    case Type::kText: EXPECT_TRUE(value.is_string()) << path; return;
    case Type::kBool: EXPECT_TRUE(value.is_bool()) << path; return;
    case Type::kObject: CheckObject(attribute.object, value.get_object(), path); return;
    case Type::kObjects:
    case Type::kTexts: {
      ASSERT_TRUE(value.is_array()) << path;
      const simdjson::dom::array array = value.get_array();
      EXPECT_GT(array.size(), 0u) << path << ": an array that says nothing is left out";
      for (const element item : array) {
        if (attribute.type == Type::kTexts) {
          EXPECT_TRUE(item.is_string()) << path;
        } else {
          CheckObject(attribute.object, item.get_object(), path + "[]");
        }
      }
      return;
    }
    case Type::kAny: return;
  }
}

void CheckObject(const std::string& name, const simdjson::simdjson_result<object>& value, const std::string& path) {
  const ObjectSchema& schema = Schema().at(name);
  ASSERT_EQ(value.error(), simdjson::SUCCESS) << path << " is no object";
  const object members = value.value_unsafe();
  std::map<std::string_view, int> seen;
  for (const auto [key, member] : members) {
    EXPECT_EQ(++seen[key], 1) << path << "." << key << " comes twice";
    const auto found = schema.attributes.find(key);
    ASSERT_NE(found, schema.attributes.end()) << path << "." << key << " is not in the schema";
    CheckAttribute(found->second, member, path + "." + std::string(key));
  }
  for (const auto& [key, attribute] : schema.attributes) {
    if (attribute.required) {
      EXPECT_EQ(seen.count(key), 1u) << path << "." << key << " is required";
    }
  }
  if (schema.at_least_one.empty()) return;
  size_t present = 0;
  for (const std::string& key : schema.at_least_one) present += seen.count(key);
  EXPECT_GT(present, 0u) << path << " lacks what identifies it";
}

// The finding, parsed; valid until the next call.
object Parse(const std::string& json) {
  static auto* const reader = new JsonReader;
  EXPECT_EQ(json.find('\n'), std::string::npos);
  const std::optional<object> parsed = reader->Parse(json);
  EXPECT_TRUE(parsed.has_value()) << json;
  return parsed.value_or(object());
}

void CheckFinding(const std::string& json) {
  SCOPED_TRACE(json);
  const object finding = Parse(json);
  CheckObject("detection_finding", finding, "");
  EXPECT_EQ(int64_t{finding["type_uid"]}, int64_t{finding["class_uid"]} * 100 + int64_t{finding["activity_id"]});
  EXPECT_EQ(std::string_view(finding["metadata"]["version"]), "1.8.0");
}

Action Suspension() {
  Action action;
  action.id = {0x0123456789abcdef, 0xfedcba9876543210};
  action.account = "sato@example.jp";
  action.kind = ActionKind::kSuspend;
  action.time = EventTime::FromMillis(1'772'409'600'123);
  action.expires = action.time + Span::Hours(24);
  action.risk = 90;
  action.generation = 2;
  action.policy = "v7";
  action.rule = "two_families";
  action.ip = "203.0.113.9";
  action.signals = {
      {DetectorId::kSendWithoutRead, Family::kMailbox, 30, true, {{"stray_messages_24h", 9, 5, Span::Hours(24)}}},
      {DetectorId::kGuessingThenUse, Family::kCredential, 40, false, {{"guessed_hours_ago", 3, 72, Span()}}},
      {DetectorId::kSourceRotation, Family::kOrigin, 50, false, {{"stray_passing_2h", 12, 8, Span::Hours(2)}}}};
  action.messages_since_onset = 13;
  action.onset = action.time - Span::Minutes(7);
  return action;
}

std::string_view At(const object& finding, const char* pointer) {
  const auto found = finding.at_pointer(pointer);
  std::string_view text;
  EXPECT_EQ(found.get(text), simdjson::SUCCESS) << pointer;
  return text;
}

int64_t NumberAt(const object& finding, const char* pointer) {
  int64_t number = -1;
  EXPECT_EQ(finding.at_pointer(pointer).get(number), simdjson::SUCCESS) << pointer;
  return number;
}

TEST(Finding, OfASuspension) {
  const std::string json = FindingJson(Suspension());
  CheckFinding(json);
  EXPECT_EQ(json, FindingJson(Suspension()));
  const object finding = Parse(json);
  EXPECT_EQ(NumberAt(finding, "/class_uid"), 2004);
  EXPECT_EQ(NumberAt(finding, "/type_uid"), 200401);
  EXPECT_EQ(NumberAt(finding, "/time"), 1'772'409'600'123);
  EXPECT_EQ(NumberAt(finding, "/severity_id"), 4);
  EXPECT_EQ(NumberAt(finding, "/action_id"), 2);
  EXPECT_EQ(NumberAt(finding, "/disposition_id"), 24);
  EXPECT_EQ(NumberAt(finding, "/risk_score"), 90);
  EXPECT_EQ(NumberAt(finding, "/finding_info/first_seen_time"), 1'772'409'600'123 - 7 * 60'000);
  EXPECT_EQ(At(finding, "/finding_info/uid"), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(At(finding, "/metadata/uid"), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(At(finding, "/resources/0/name"), "sato@example.jp");
  EXPECT_EQ(At(finding, "/resources/0/uid"), AccountId::FromLogin("sato@example.jp").hash.ToHex());
  EXPECT_EQ(At(finding, "/metadata/correlation_uid"), At(finding, "/resources/0/uid"));
  // The strongest that counts; a shadowed one comes last.
  EXPECT_EQ(At(finding, "/finding_info/analytic/uid"), "source_rotation");
  EXPECT_EQ(At(finding, "/finding_info/related_analytics/1/uid"), "send_without_read");
  EXPECT_EQ(At(finding, "/finding_info/related_analytics/1/state"), "Experimental");
  EXPECT_EQ(At(finding, "/evidences/0/src_endpoint/ip"), "203.0.113.9");
  EXPECT_EQ(At(finding, "/evidences/3/data/features/0/feature"), "stray_passing_2h");
  EXPECT_EQ(NumberAt(finding, "/evidences/3/data/features/0/window_s"), 7200);
  EXPECT_EQ(NumberAt(finding, "/unmapped/expires"), 1'772'409'600'123 + 86'400'000);
  EXPECT_TRUE(bool(finding["is_alert"]));
  EXPECT_EQ(At(finding, "/message"),
            "suspend, risk 90, rule two_families, send_without_read 30 (shadow), guessing_then_use 40, source_rotation 50: "
            "account sato@example.jp");
}

// Goal: every kind, mode and rule gives what the schema allows.
TEST(Finding, OfEveryKind) {
  for (int kind = 0; kind <= 4; ++kind) {
    for (const Mode mode : {Mode::kEnforce, Mode::kShadow}) {
      for (const std::string_view rule :
           {"two_families", "beyond_doubt", "risk", "circuit_breaker", "renewed", "expired", "operator", ""}) {
        Action action = Suspension();
        action.kind = static_cast<ActionKind>(kind);
        action.mode = mode;
        action.rule = rule;
        CheckFinding(FindingJson(action));
        const object finding = Parse(FindingJson(action));
        const bool release = action.kind == ActionKind::kRelease;
        EXPECT_EQ(NumberAt(finding, "/activity_id"), release ? 3 : 1);
        EXPECT_EQ(NumberAt(finding, "/status_id"), release ? 4 : 1);
        if (mode == Mode::kShadow) {
          EXPECT_EQ(NumberAt(finding, "/action_id"), 3) << "nothing is asked of anybody";
          EXPECT_FALSE(bool(finding["is_alert"]));
        }
        EXPECT_EQ(NumberAt(finding, "/severity_id") == 5, rule == "circuit_breaker");
      }
    }
  }
}

// A release at expiry has no source, no signals, no onset.
TEST(Finding, OfAnExpiry) {
  Action action = Suspension();
  action.kind = ActionKind::kRelease;
  action.rule = "expired";
  action.ip.clear();
  action.signals.clear();
  action.expires = action.onset = EventTime::Never();
  const std::string json = FindingJson(action);
  CheckFinding(json);
  const object finding = Parse(json);
  EXPECT_EQ(At(finding, "/finding_info/analytic/uid"), "expired");
  EXPECT_THAT(json, Not(HasSubstr("\"evidences\"")));
  EXPECT_THAT(json, Not(HasSubstr("first_seen_time")));
  EXPECT_THAT(json, Not(HasSubstr("\"expires\"")));
}

// Goal: a name that a thief chose is a name, whatever is in it.
TEST(Finding, OfHostileNames) {
  std::vector<std::string> names = {"\",\"severity_id\":0,\"x\":\"", "a\nb\r\t\x01\x7f", "\xff\xfe\xc0\xaf", "\xed\xa0\x80",
                                    std::string("nul\0nul", 7), "関所@例え.jp", "\\", "\xf4\x90\x80\x80", "\xee\xbe\x80", ""};
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string name;
    for (size_t n = random() % 40; n > 0; --n) name += static_cast<char>(random());
    names.push_back(name);
  }
  for (const std::string& name : names) {
    Action action = Suspension();
    action.account = name;
    action.ip = name;  // would be our own bug
    action.policy = name;
    const std::string json = FindingJson(action);
    CheckFinding(json);
    const object finding = Parse(json);
    std::string buffer;
    EXPECT_EQ(connectors::RawBytes(At(finding, "/resources/0/name"), &buffer), name);
    EXPECT_EQ(NumberAt(finding, "/severity_id"), 4);
    for (const char c : At(finding, "/message")) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << "could move a cursor";
  }
}

// Goal: whoever reads the findings and has a list of customers can't tell whose they are; whoever has the key can.
TEST(Finding, Pseudonymous) {
  const HashKey key = HashKey::FromPassphrase("of the provider"), other = HashKey::FromPassphrase("another");
  const Action action = Suspension();
  const std::string json = FindingJson(action, {key});
  CheckFinding(json);
  EXPECT_THAT(json, Not(HasSubstr("sato")));
  EXPECT_THAT(json, Not(HasSubstr("example.jp")));
  EXPECT_THAT(json, Not(HasSubstr(AccountId::FromLogin(action.account).hash.ToHex())));
  const std::string pseudonym = Pseudonym(key, action.account);
  EXPECT_EQ(pseudonym.size(), 16u);
  EXPECT_NE(pseudonym, Pseudonym(other, action.account));
  EXPECT_NE(pseudonym, Pseudonym(key, "suzuki@example.jp"));
  const object finding = Parse(json);
  EXPECT_EQ(At(finding, "/resources/0/name"), pseudonym);
  EXPECT_EQ(At(finding, "/resources/0/uid"), pseudonym);
  EXPECT_EQ(At(finding, "/metadata/correlation_uid"), pseudonym);
  EXPECT_EQ(At(finding, "/observables/0/value"), pseudonym);
}

}  // namespace
}  // namespace sekisho::app
