// Goal: a source's class is that of the longest network or the AS number that the policy names, and unknown without.
#include "engine/window/source_classes.h"

#include <gtest/gtest.h>

namespace sekisho {
namespace {

SourceClass Of(const SourceClasses& classes, const std::string& ip, uint32_t asn = 0) {
  return classes.Of(IpAddress::Parse(ip).value(), Place{0, asn});
}

TEST(SourceClassesTest, TheLongestNetworkThenTheAsNumber) {
  SourceClasses classes;
  EXPECT_EQ(Of(classes, "192.0.2.1", 64500), SourceClass::kUnknown);
  EXPECT_EQ(classes.Set(SourceClass::kHosting, {"AS64500", "192.0.2.0/24", "2001:db8::/32"}), "");
  EXPECT_EQ(classes.Set(SourceClass::kVpn, {"192.0.2.128/25", "2001:db8:1::1"}), "");
  EXPECT_EQ(Of(classes, "192.0.2.1"), SourceClass::kHosting);
  EXPECT_EQ(Of(classes, "192.0.2.129"), SourceClass::kVpn);
  EXPECT_EQ(Of(classes, "192.0.3.1"), SourceClass::kUnknown);
  EXPECT_EQ(Of(classes, "192.0.3.1", 64500), SourceClass::kHosting);
  EXPECT_EQ(Of(classes, "192.0.2.129", 64500), SourceClass::kVpn);
  EXPECT_EQ(Of(classes, "2001:db8:1::1"), SourceClass::kVpn);
  EXPECT_EQ(Of(classes, "2001:db8:1::2"), SourceClass::kHosting);
}

TEST(SourceClassesTest, AListTakesTheEarlierOnesPlace) {
  SourceClasses classes;
  EXPECT_EQ(classes.Set(SourceClass::kHosting, {"AS64500"}), "");
  EXPECT_EQ(classes.Set(SourceClass::kHosting, {"AS64501"}), "");
  EXPECT_EQ(Of(classes, "192.0.2.1", 64500), SourceClass::kUnknown);
  EXPECT_EQ(Of(classes, "192.0.2.1", 64501), SourceClass::kHosting);
}

TEST(SourceClassesTest, WhatIsNoNetworkIsRefusedByName) {
  SourceClasses classes;
  EXPECT_EQ(classes.Set(SourceClass::kHosting, {"AS64500"}), "");
  for (const char* word : {"AS", "AS0", "64500", "AS64500x", "AS4294967296", "192.0.2.0/33", "as64500", ""}) {
    EXPECT_NE(classes.Set(SourceClass::kHosting, {"AS64501", word}), "") << word;
  }
  EXPECT_EQ(Of(classes, "192.0.2.1", 64500), SourceClass::kHosting);
}

TEST(SourceClassesTest, TheDefaultNamesWellKnownOperators) {
  const SourceClasses classes = SourceClasses::Default();
  EXPECT_EQ(Of(classes, "192.0.2.1", 16509), SourceClass::kHosting);
  EXPECT_EQ(Of(classes, "192.0.2.1", 4713), SourceClass::kResidential);
  EXPECT_EQ(Of(classes, "192.0.2.1", 64500), SourceClass::kUnknown);
}

}  // namespace
}  // namespace sekisho
