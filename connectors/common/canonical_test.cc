// Goal: one account has one name, and two have two. Method: pairs of spellings, hostile ones among them.
#include "connectors/common/canonical.h"

#include <gtest/gtest.h>

namespace sekisho::connectors {
namespace {

Canonicalizer Make(CanonicalOptions options) { return Canonicalizer(options, HashKey::FromPassphrase("test")); }

TEST(CanonicalizerTest, FoldsTrimsAndAddsTheRealm) {
  Canonicalizer c = Make({.default_realm = "example.jp"});
  EXPECT_EQ(c.Login(" Taro\t"), "taro@example.jp");
  EXPECT_EQ(c.Login("Taro@Example.JP"), "taro@example.jp");
  EXPECT_EQ(c.Login("taro+x@example.jp"), "taro+x@example.jp");
  EXPECT_EQ(c.Login("  "), "");
}

TEST(CanonicalizerTest, EveryRuleCanBeOff) {
  Canonicalizer c = Make({.default_realm = "", .fold_case = false, .extension_delimiter = '+'});
  EXPECT_EQ(c.Login("Taro+shop@Example.JP"), "Taro@Example.JP");
  EXPECT_EQ(c.Login("Taro+shop"), "Taro");
  EXPECT_EQ(c.Login("+shop@x"), "+shop@x");
}

TEST(CanonicalizerTest, HostileNamesStayDistinct) {
  Canonicalizer c = Make({});
  const std::string with_nul("a\0b", 3), broken = "a\xff" "b";
  EXPECT_EQ(c.Login(with_nul), with_nul);
  EXPECT_EQ(c.Login(broken), broken);
  // Only their last bytes tell these two apart.
  const std::string long_a = std::string(60'000, 'a') + "1", long_b = std::string(60'000, 'a') + "2";
  const std::string name_a(c.Login(long_a)), name_b(c.Login(long_b));
  EXPECT_EQ(name_a.size(), Canonicalizer::kLoginBytesMax);
  EXPECT_NE(name_a, name_b);
  EXPECT_EQ(c.Login(name_a), name_a);
  EXPECT_EQ(c.Login(std::string(256, 'a')), std::string(256, 'a'));
}

TEST(CanonicalizerTest, AddressesBecomeDomainAndKey) {
  Canonicalizer c = Make({.default_realm = "example.jp"});
  std::string buffer, other;
  const Recipient a = c.Address("Hanako@Example.COM", &buffer);
  EXPECT_EQ(a.domain, "example.com");
  EXPECT_EQ(a.key, c.Address("hanako@example.com", &other).key);
  EXPECT_NE(a.key, c.Address("hanako@example.org", &other).key);
  EXPECT_EQ(c.Address("root", &other).domain, "example.jp");
  EXPECT_EQ(c.Address("x@" + std::string(1000, 'd'), &other).domain.size(), Canonicalizer::kDomainBytesMax);
  EXPECT_NE(a.key, Canonicalizer({}, HashKey::FromPassphrase("other")).Address("hanako@example.com", &other).key);
}

}  // namespace
}  // namespace sekisho::connectors
