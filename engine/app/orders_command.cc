#include "engine/app/orders_command.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "connectors/common/canonical.h"
#include "engine/app/cluster_options.h"
#include "engine/app/exit_code.h"
#include "engine/app/operator_key.h"
#include "engine/app/policy_yaml.h"
#include "engine/base/clock.h"
#include "engine/base/printable.h"
#include "engine/kafka/last_value.h"
#include "engine/kafka/order_producer.h"
#include "engine/wire/policy_mark.h"
#include "engine/wire/record_codec.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::app {
namespace {

constexpr char kClientId[] = "sekisho-orders";

struct SigningOptions {
  ClusterOptions cluster;
  std::string topic = "events";
  std::string key_id;
  std::string key_file;
  std::string operator_name;
};

struct PushOptions {
  SigningOptions signing;
  std::string file;
};

struct StatusOptions {
  ClusterOptions cluster;
  std::string topic = "snapshots";
};

struct ReleaseOptions {
  SigningOptions signing;
  std::string account, default_realm, reason;
  std::string grace = "1d";
  bool no_relapse_guard = false;
};

struct ExceptionOptions {
  SigningOptions signing;
  bool allow = true;
  std::string account, default_realm, network, domain;
  uint32_t asn = 0;
  std::string owner, reason, expires;
  bool withdraw = false;
};

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "sekisho: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

absl::StatusOr<std::string> ReadFile(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return absl::InvalidArgumentError(absl::StrCat(name, ": can't be read, or is empty"));
  return text.str();
}

absl::StatusOr<Span> SpanOf(const std::string& text, std::string_view option) {
  const std::optional<Span> span = ParseSpan(text);
  if (span.has_value() && *span >= Span()) return *span;
  return absl::InvalidArgumentError(absl::StrCat(std::string(option), " ", text, ": must be a number and a unit, like 12h or 30d"));
}

// The canonical login, as connectors write it.
absl::StatusOr<std::string> Login(const std::string& text, const std::string& default_realm) {
  connectors::CanonicalOptions options;
  options.default_realm = default_realm;
  std::string login(connectors::Canonicalizer(options, HashKey()).Login(text));
  if (login.empty()) return absl::InvalidArgumentError("an account must have a name");
  return login;
}

std::string WhoIsThis(const SigningOptions& options) {
  if (!options.operator_name.empty()) return options.operator_name;
  for (const char* name : {"SUDO_USER", "USER", "LOGNAME"}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  }
  return "";
}

uint64_t Nonce() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

// Signs the order and appends it: to the account's partition, or without one to each partition. Prints where it stands.
int Give(const SigningOptions& options, std::string_view account, std::variant<PolicyActivation, AccountRelease, Exception> what) {
  const auto key = ReadOperatorKey(options.key_file);
  if (!key.ok()) return Complain(key.status());
  wire::OperatorKeys keys;
  if (absl::Status status = keys.Add(options.key_id, *key); !status.ok()) return Complain(status);
  Order order;
  order.time = RealClock().Now();
  order.operator_name = WhoIsThis(options);
  if (order.operator_name.empty()) return Complain(absl::InvalidArgumentError("who gives this order? Say it by --operator"));
  order.nonce = Nonce();
  order.what = std::move(what);
  const absl::StatusOr<std::string> record = wire::SignOrder(order, keys, options.key_id);
  if (!record.ok()) return Complain(record.status());

  const auto settings = SettingsOf(options.cluster, kClientId);
  if (!settings.ok()) return Complain(settings.status());
  const auto producer = kafka::OrderProducer::Connect(*settings, options.topic, options.cluster.timeout());
  if (!producer.ok()) return Complain(producer.status());
  std::vector<kafka::OrderRecord> records;
  if (!account.empty()) {
    records.push_back({std::nullopt, std::string(account), *record});
  } else {
    for (int p = 0; p < (*producer)->partitions(); ++p) records.push_back({PartitionId{p}, "", *record});
  }
  int missing = 0;
  for (const kafka::OrderFate& fate : (*producer)->Send(records)) {
    if (fate.offset.ok()) {
      std::printf("partition %d: offset %lld\n", fate.partition.value, static_cast<long long>(fate.offset->value));
      continue;
    }
    ++missing;
    std::fprintf(stderr, "sekisho: partition %d: %s\n", fate.partition.value, std::string(fate.offset.status().message()).c_str());
  }
  if (missing == 0) return kExitOk;
  std::fprintf(stderr, "sekisho: %d of %zu partitions didn't take the order, or didn't say so: give it again, twice does no harm\n",
               missing, records.size());
  return kExitFailed;
}

int RunPush(const PushOptions& options) {
  const auto yaml = ReadFile(options.file);
  if (!yaml.ok()) return Complain(yaml.status());
  const absl::StatusOr<Policy> policy = ParsePolicy(*yaml, options.file);
  if (!policy.ok()) return Complain(policy.status());
  std::printf("%s: version %s\n", options.file.c_str(), policy->version.c_str());
  return Give(options.signing, "", PolicyActivation{policy->version, *yaml});
}

int RunStatus(const StatusOptions& options) {
  const auto settings = SettingsOf(options.cluster, kClientId);
  if (!settings.ok()) return Complain(settings.status());
  const auto markers = kafka::LastValues(*settings, options.topic, std::string(wire::kMarkerKey), options.cluster.timeout());
  if (!markers.ok()) return Complain(markers.status());
  std::optional<std::string> common;
  bool differ = false;
  for (const auto& [partition, value] : *markers) {
    if (!value.has_value()) {
      std::printf("partition %d: no engine has stored a state yet\n", partition.value);
      continue;
    }
    const auto mark = wire::DecodePolicyMark(*value);
    if (!mark.ok()) return Complain(absl::DataLossError(absl::StrCat("partition ", partition.value, ": ", std::string(mark.status().message()))));
    const std::string since = mark->from == Offset{0} ? "since it began" : absl::StrCat("since offset ", mark->from.value);
    std::printf("partition %d: version %s %s; folded up to offset %lld\n", partition.value, Printable(mark->version).c_str(), since.c_str(),
                static_cast<long long>(mark->next.value));
    differ |= common.has_value() && *common != mark->version;
    common = mark->version;
  }
  if (differ) std::fprintf(stderr, "sekisho: the partitions go by different policies; push the one that is wanted\n");
  return kExitOk;
}

int RunRelease(const ReleaseOptions& options) {
  const auto login = Login(options.account, options.default_realm);
  if (!login.ok()) return Complain(login.status());
  const auto grace = SpanOf(options.grace, "--grace");
  if (!grace.ok()) return Complain(grace.status());
  return Give(options.signing, *login, AccountRelease{*login, options.reason, *grace, !options.no_relapse_guard});
}

int RunException(const ExceptionOptions& options) {
  Exception exception;
  exception.allow = options.allow;
  exception.owner = options.owner;
  exception.reason = options.reason;
  exception.withdraw = options.withdraw;
  if (!options.expires.empty()) {
    const auto span = SpanOf(options.expires, "--expires");
    if (!span.ok()) return Complain(span.status());
    exception.expires = RealClock().Now() + *span;
  }
  Subject& subject = exception.subject;
  std::string account;
  if (!options.account.empty()) {
    const auto login = Login(options.account, options.default_realm);
    if (!login.ok()) return Complain(login.status());
    subject.kind = Subject::Kind::kAccount;
    subject.name = account = *login;
  } else if (!options.network.empty()) {
    const auto network = IpNetwork::Parse(options.network);
    if (!network) return Complain(absl::InvalidArgumentError(absl::StrCat("--network ", options.network, ": must be like 192.0.2.0/24 or 2001:db8::/32")));
    subject.kind = Subject::Kind::kNetwork;
    subject.network = network->first();
    subject.prefix_bits = static_cast<uint8_t>(network->prefix_bits());
  } else if (!options.domain.empty()) {
    subject.kind = Subject::Kind::kDomain;
    // Canonical logins are in lower case.
    for (const char c : options.domain) subject.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  } else {
    subject.kind = Subject::Kind::kAsn;
    subject.asn = options.asn;
  }
  return Give(options.signing, account, exception);
}

void AddSigning(CLI::App* command, SigningOptions* options) {
  AddCluster(command, &options->cluster);
  command->add_option("--key-id", options->key_id, "Name of the key, as the engines know it (operator_keys)")->required();
  command->add_option("--key", options->key_file, "File that holds the key, as openssl rand -hex 32 makes one")->required();
  command->add_option("--operator", options->operator_name, "Who gives the order (default: the user's name)");
  command->add_option("--topic", options->topic, "Where the engines read")->capture_default_str();
}

void AddException(CLI::App* app, bool allow, ExceptionOptions* options, std::function<int()>* run) {
  options->allow = allow;
  CLI::App* command = app->add_subcommand(
      allow ? "allow" : "deny", allow ? "Never act against an account or a domain's accounts, or take sources for the owners' own"
                                      : "Treat a network, an AS number, an account or a domain's accounts as judged bad");
  AddSigning(command, &options->signing);
  auto* subject = command->add_option_group("subject");
  subject->add_option("--account", options->account, "A login");
  subject->add_option("--network", options->network, "Sources: a network such as 192.0.2.0/24");
  subject->add_option("--asn", options->asn, "Sources: an AS number")->check(CLI::PositiveNumber);
  subject->add_option("--domain", options->domain, "All accounts of a domain");
  subject->require_option(1);
  command->add_option("--default-realm", options->default_realm, "Appended as @REALM to a login that has none");
  command->add_option("--owner", options->owner, "Who answers for the exception")->required();
  command->add_option("--reason", options->reason, "Why")->required();
  command->add_option("--expires", options->expires, "Ends after so long, e.g. 30d (default: when it is withdrawn)");
  command->add_flag("--withdraw", options->withdraw, "Take an earlier one back");
  command->callback([options, run] { *run = [options] { return RunException(*options); }; });
  command->footer(allow ? "\nExamples:\n"
                          "  sekisho allow --account shop@example.jp --owner noc --reason \"sends the newsletter\" --expires 90d \\\n"
                          "    --brokers kafka1:9092 --key-id noc --key noc.key\n"
                          "  sekisho allow --network 192.0.2.0/24 --owner noc --reason \"our own relays\" --brokers … --key-id noc --key noc.key\n"
                        : "\nExample:\n"
                          "  sekisho deny --asn 64500 --owner soc --reason \"rented by the thieves\" --expires 7d --brokers kafka1:9092 \\\n"
                          "    --key-id soc --key soc.key\n");
}

}  // namespace

void AddOrders(CLI::App* app, CLI::App* policy, std::function<int()>* run) {
  static PushOptions push_options;
  CLI::App* push = policy->add_subcommand("push", "Check FILE, then let every partition of a cluster decide by it");
  push->add_option("FILE", push_options.file, "Policy in YAML")->required();
  AddSigning(push, &push_options.signing);
  push->callback([run] { *run = [] { return RunPush(push_options); }; });
  push->footer("\nExample:\n"
               "  sekisho policy push site.yaml --brokers kafka1:9092 --key-id noc --key noc.key\n"
               "A partition decides by it from the printed offset on. Pushing it again changes nothing; pushing an old one rolls back.\n"
               "Its text, the jitter's passphrase included, then stands in the topics events and snapshots: who may read those, may\n"
               "know it.\n");

  static StatusOptions status_options;
  CLI::App* status = policy->add_subcommand("status", "Say by which policy each partition of a cluster decides, and since when");
  AddCluster(status, &status_options.cluster);
  status->add_option("--topic", status_options.topic, "Where the engines keep their states")->capture_default_str();
  status->callback([run] { *run = [] { return RunStatus(status_options); }; });
  status->footer("\nExample:\n  sekisho policy status --brokers kafka1:9092\n");

  static ReleaseOptions release_options;
  CLI::App* release = app->add_subcommand("release", "End an account's suspension or throttling");
  release->add_option("ACCOUNT", release_options.account, "The login, as the actions name it")->required();
  release->add_option("--reason", release_options.reason, "Why")->required();
  release->add_option("--grace", release_options.grace, "For so long, what would act against the account only notifies")->capture_default_str();
  release->add_flag("--no-relapse-guard", release_options.no_relapse_guard, "Also when the pattern that led to it returns");
  release->add_option("--default-realm", release_options.default_realm, "Appended as @REALM to a login that has none");
  AddSigning(release, &release_options.signing);
  release->callback([run] { *run = [] { return RunRelease(release_options); }; });
  release->footer("\nExample:\n"
                  "  sekisho release hanako@example.jp --reason \"has a new password\" --brokers kafka1:9092 --key-id noc --key noc.key\n"
                  "Without the grace, the evidence of yesterday could suspend the account again at its next message.\n");

  static ExceptionOptions allow_options, deny_options;
  AddException(app, true, &allow_options, run);
  AddException(app, false, &deny_options, run);
}

}  // namespace sekisho::app
