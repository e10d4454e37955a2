// Goal: an address has one value however it was written, and nothing that is no address gets one.
// Method: pairs of spellings, and texts that must be refused.
#include "engine/base/ip.h"

#include <gtest/gtest.h>

#include <string>

namespace sekisho {
namespace {

IpAddress Ip(std::string_view s) { return IpAddress::Parse(s).value(); }

TEST(IpAddressTest, OneAddressHasOneValue) {
  EXPECT_EQ(Ip("::ffff:192.0.2.1"), Ip("192.0.2.1"));
  EXPECT_EQ(Ip("IPv6:2001:db8::1"), Ip("2001:DB8:0::1"));
  EXPECT_EQ(Ip("192.0.2.1").ToString(), "192.0.2.1");
  EXPECT_EQ(Ip("2001:DB8:0::1").ToString(), "2001:db8::1");
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  for (const char* bad : {"", ":", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "[1.2.3.4]", "1.2.3.4:25",
                          "fe80::1%eth0", "unknown", "12345::", "1.2.3.4x"}) {
    EXPECT_FALSE(IpAddress::Parse(bad)) << bad;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("::1\0x", 5)));
  EXPECT_FALSE(IpAddress::Parse(std::string(5000, '1')));
}

TEST(IpAddressTest, KeysGroupAsDocumented) {
  EXPECT_NE(Ip("192.0.2.1").source_key(), Ip("192.0.2.2").source_key());
  EXPECT_EQ(Ip("192.0.2.1").network_key(), Ip("192.0.2.2").network_key());
  EXPECT_NE(Ip("192.0.2.1").network_key(), Ip("192.0.3.1").network_key());
  EXPECT_EQ(Ip("192.0.2.1").region_key(), Ip("192.0.3.1").region_key());
  EXPECT_EQ(Ip("2001:db8:1:2::1").source_key(), Ip("2001:db8:1:2:ffff::9").source_key());
  EXPECT_NE(Ip("2001:db8:1:2::1").source_key(), Ip("2001:db8:1:3::1").source_key());
  EXPECT_EQ(Ip("2001:db8:1:2::1").network_key(), Ip("2001:db8:1:3::1").network_key());
}

TEST(IpAddressTest, PrivateRangesSayNothingOfAPlace) {
  for (const char* s : {"10.1.2.3", "127.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1",
                        "100.127.255.255", "0.0.0.0", "::", "::1", "fe80::1", "fd00::1"}) {
    EXPECT_TRUE(Ip(s).is_private()) << s;
  }
  for (const char* s : {"172.32.0.1", "100.128.0.1", "100.63.255.255", "192.169.0.1", "2001:db8::1", "8.8.8.8"}) {
    EXPECT_FALSE(Ip(s).is_private()) << s;
  }
}

TEST(IpNetworkTest, SaysItsFirstAddressAndPrefix) {
  EXPECT_EQ(IpNetwork::Parse("192.0.2.77/25")->ToString(), "192.0.2.0/25");
  EXPECT_EQ(IpNetwork::Parse("192.0.2.200/25")->ToString(), "192.0.2.128/25");
  EXPECT_EQ(IpNetwork::Parse("192.0.2.7")->ToString(), "192.0.2.7/32");
  EXPECT_EQ(IpNetwork::Parse("192.0.2.7/0")->ToString(), "0.0.0.0/0");
  EXPECT_EQ(IpNetwork::Parse("2001:db8:1:2::3/47")->ToString(), "2001:db8::/47");
  EXPECT_EQ(IpNetwork::Parse("2001:db8::/0")->ToString(), "::/0");
  EXPECT_EQ(IpNetwork::Of(Ip("192.0.2.77"), 24)->ToString(), "192.0.2.0/24");
  EXPECT_EQ(IpNetwork::Of(Ip("2001:db8::1"), 128)->ToString(), "2001:db8::1/128");
  EXPECT_FALSE(IpNetwork::Of(Ip("192.0.2.77"), 33));
  EXPECT_FALSE(IpNetwork::Of(Ip("2001:db8::1"), 129));
  EXPECT_FALSE(IpNetwork::Of(Ip("2001:db8::1"), -1));
}

TEST(IpNetworkTest, ContainsByPrefix) {
  const IpNetwork net = IpNetwork::Parse("192.0.2.0/25").value();
  EXPECT_TRUE(net.Contains(Ip("192.0.2.127")));
  EXPECT_FALSE(net.Contains(Ip("192.0.2.128")));
  EXPECT_TRUE(IpNetwork::Parse("2001:db8::/32")->Contains(Ip("2001:db8:ffff::1")));
  EXPECT_TRUE(IpNetwork::Parse("192.0.2.9")->Contains(Ip("192.0.2.9")));
  EXPECT_TRUE(IpNetwork::Parse("0.0.0.0/0")->Contains(Ip("203.0.113.7")));
  EXPECT_FALSE(IpNetwork::Parse("0.0.0.0/0")->Contains(Ip("2001:db8::1")));
  for (const char* bad : {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/x", "/24", "2001:db8::/129"}) {
    EXPECT_FALSE(IpNetwork::Parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace sekisho
