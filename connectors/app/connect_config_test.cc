// Goal: a configuration is read strictly, every mistake is named by file, line and key, and the example is right.
// Method: small files and the exact message; the example that is shipped.
#include "connectors/app/connect_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "connectors/kafka/testing/temp_folder.h"

namespace sekisho::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;

constexpr char kLeast[] =
    "name: mx1\n"
    "state: /var/lib/x\n"
    "kafka: {bootstrap.servers: 'b:9092', linger.ms: 7}\n"
    "files: [/var/log/a, ../b]\n";

std::string ErrorOf(const std::string& more) { return std::string(ParseConnectConfig(more, "f.yaml", "/etc/x").status().message()); }

TEST(ConnectConfig, TakesTheLeastAndTheMost) {
  absl::StatusOr<ConnectConfig> config = ParseConnectConfig(kLeast, "f.yaml", "/etc/x");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "mx1");
  EXPECT_EQ(config->topic, "events");
  EXPECT_THAT(config->files, ElementsAre("/var/log/a", "/etc/b"));
  EXPECT_THAT(config->kafka, ElementsAre(std::pair("bootstrap.servers", "b:9092"), std::pair("linger.ms", "7")));
  const TempFolder folder;
  testing::AppendTo(folder / "key", "a secret\r\nanother line\n");
  config = ParseConnectConfig(std::string(kLeast) +
                                  "topic: other\ndefault_realm: example.jp\ntimezone: Asia/Tokyo\nwebmail_hosts: [192.0.2.1, 2001:db8::/32]\n"
                                  "trusted_proxies: [10.0.0.0/8]\nown_relays: [198.51.100.7]\nspool_max: 2MiB\nposition_every: 2s\n"
                                  "heartbeat: 500ms\nmetrics: 127.0.0.1:0\nrecipient_key_file: ./key\n",
                              "f.yaml", folder / ".");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->topic, "other");
  EXPECT_EQ(config->pipeline.canonical.default_realm, "example.jp");
  EXPECT_EQ(config->zone.name(), "Asia/Tokyo");
  EXPECT_EQ(config->pipeline.webmail.size(), 2u);
  EXPECT_EQ(config->pipeline.trusted_proxies.size(), 1u);
  EXPECT_EQ(config->pipeline.own_relays.size(), 1u);
  EXPECT_EQ(config->spool_max, uint64_t{2} << 20);
  EXPECT_EQ(config->position_every, Span::Seconds(2));
  EXPECT_EQ(config->heartbeat, Span::Millis(500));
  EXPECT_EQ(KeyedHash64(config->pipeline.key, "x"), KeyedHash64(HashKey::FromPassphrase("a secret"), "x"));
}

TEST(ConnectConfig, NamesWhatIsWrong) {
  EXPECT_EQ(ErrorOf("nmae: x\n"), "f.yaml:1:1: nmae: unknown key");
  EXPECT_EQ(ErrorOf("name: x y\n"), "f.yaml:1:7: name: expected 1 to 64 letters, digits, '.', '_' or '-', not \"x y\"");
  EXPECT_EQ(ErrorOf("name: x\nstate: y\nfiles: [a]\n"), "f.yaml: kafka: is missing");
  EXPECT_EQ(ErrorOf("kafka: {sasl.password: secret}\n"), "f.yaml:1:8: kafka: bootstrap.servers is missing: where the brokers are");
  EXPECT_EQ(ErrorOf("files: []\n"), "f.yaml:1:8: files: expected one file at least");
  EXPECT_EQ(ErrorOf("files: [a, b, a]\n"), "f.yaml:1:8: files: a is there twice");
  EXPECT_THAT(ErrorOf("files: [mail.log.1.gz]\n"), HasSubstr("mail.log.1.gz is compressed"));
  EXPECT_THAT(ErrorOf("files: ['-']\n"), HasSubstr("is no path of a file"));
  EXPECT_EQ(ErrorOf("webmail_hosts: [192.0.2.1, mars]\n"), "f.yaml:1:16: webmail_hosts: \"mars\" is no address or network");
  EXPECT_THAT(ErrorOf("timezone: Asia/Atlantis\n"), HasSubstr("f.yaml:1:11: timezone: "));
  EXPECT_THAT(ErrorOf("spool_max: 1\n"), HasSubstr("f.yaml:1:12: spool_max: expected a size from 1MiB"));
  EXPECT_THAT(ErrorOf(std::string(kLeast) + "recipient_key_file: /nowhere/key\n"), HasSubstr("f.yaml: recipient_key_file: /nowhere/key: can't be read"));
  const TempFolder folder;
  testing::AppendTo(folder / "key", "\n");
  EXPECT_THAT(ErrorOf(std::string(kLeast) + "recipient_key_file: " + (folder / "key") + "\n"), HasSubstr("expected a secret"));
  EXPECT_THAT(std::string(LoadConnectConfig("/nowhere/f.yaml").status().message()), HasSubstr("/nowhere/f.yaml: can't be read: No such file"));
}

// Every key that there is stands in the example, as it is or commented out.
TEST(ConnectConfig, TheExampleIsRightAndWhole) {
  const absl::StatusOr<ConnectConfig> config = LoadConnectConfig("deploy/examples/connect.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  std::ifstream file("deploy/examples/connect.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  ConnectConfig defaults;
  std::istringstream printed(ConnectFields(&defaults).Print());
  size_t keys = 0;
  for (std::string line; std::getline(printed, line);) {
    if (line.starts_with('#')) continue;
    ++keys;
    const std::string key = line.substr(0, line.find(':') + 1);
    EXPECT_TRUE(text.str().find("\n" + key) != std::string::npos || text.str().find("\n# " + key) != std::string::npos) << key;
  }
  EXPECT_GT(keys, 10u);
}

}  // namespace
}  // namespace sekisho::connectors
