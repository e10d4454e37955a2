// Goal: each feature is what the table says, and the table is what README.md says. Method: one life whose numbers are counted
// by hand; every feature over its shortest and longest window on accounts empty and full.
#include "engine/rules/feature_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "engine/rules/rules_test_util.h"

namespace sekisho::rules {
namespace {

TEST(FeatureTableTest, TheReadmeHoldsIt) {
  std::stringstream readme;
  readme << std::ifstream("engine/rules/README.md").rdbuf();
  EXPECT_THAT(readme.str(), testing::HasSubstr(FeaturesMarkdown())) << "put the output of: sekisho features --markdown";
}

TEST(FeatureTableTest, NamesAreWordsAndDifferent) {
  std::set<std::string_view> names;
  for (const Feature& feature : AllFeatures()) {
    EXPECT_TRUE(names.insert(feature.name).second) << feature.name;
    EXPECT_LE(feature.name.size(), Feature::kNameBytesMax);
    EXPECT_TRUE(std::all_of(feature.name.begin(), feature.name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; })) << feature.name;
    EXPECT_FALSE(feature.meaning.empty() || feature.unit.empty()) << feature.name;
    EXPECT_EQ(feature.windows == Windows::kFixed, feature.fixed[0] != Span()) << feature.name;
    EXPECT_EQ(feature.type == Type::kYesNo, feature.unit == "yes or no") << feature.name;
    ASSERT_NE(feature.read, nullptr) << feature.name;
    EXPECT_EQ(&AllFeatures()[static_cast<size_t>(FindFeature(feature.name))], &feature);
  }
  EXPECT_EQ(FindFeature("nonsense"), -1);
}

TEST(FeatureTableTest, CountsWhatHappened) {
  TestAccount a;
  a.LiveAtHome();
  a.BeStolen();
  const Span h = Span::Hours(1), d31 = Span::Days(31);
  EXPECT_EQ(a.Value("messages", h), 3);
  EXPECT_EQ(a.Value("messages", Span::Minutes(15)), 2);
  EXPECT_EQ(a.Value("messages", d31), 23);
  EXPECT_EQ(a.Value("recipients", h), 60);
  EXPECT_EQ(a.Value("stray_messages", d31), 3);
  EXPECT_EQ(a.Value("stray_recipients", Span::Minutes(10)), 20) << "the window's far end is outside";
  EXPECT_EQ(a.Value("distinct_sources", d31), 4);
  EXPECT_EQ(a.Value("distinct_networks", h), 2) << "two of the three share a /24";
  EXPECT_EQ(a.Value("distinct_countries", h), 3);
  EXPECT_EQ(a.Value("distinct_countries", d31), 4);
  EXPECT_EQ(a.Value("distinct_countries", Span::Minutes(11)), 2);
  EXPECT_EQ(a.Value("stray_sources", h), 3);
  EXPECT_EQ(a.Value("passing_sources", h), 3);
  EXPECT_EQ(a.Value("far_passing_sources", Span::Minutes(15)), 2);
  EXPECT_EQ(a.Value("far_countries", h), 3);
  EXPECT_EQ(a.Value("most_messages", Span::Days(1)), 2);
  EXPECT_EQ(a.Value("most_recipients", Span::Days(1)), 6);
  EXPECT_EQ(a.Value("most_sources", Span::Days(1)), 1);
  EXPECT_EQ(a.Value("history_days"), 10);
  EXPECT_EQ(a.Value("event_recipients"), 20);
  EXPECT_EQ(a.Value("stray"), 1);
  EXPECT_EQ(a.Value("far_source"), 1);
  EXPECT_EQ(a.Value("known_source"), 0);
  EXPECT_EQ(a.Value("submission"), 1);
  EXPECT_EQ(a.Value("reads_mail"), 1);
  EXPECT_EQ(a.Value("hours_since_read"), 6);
  EXPECT_EQ(a.Value("hours_since_guess"), kNeverHours);
}

// 2 messages and 6 recipients on each of the ten days before.
TEST(FeatureTableTest, UsualIsTheMeanDaySpreadEvenly) {
  TestAccount a;
  a.Send(Span(), "203.0.113.5", "JP", 3);
  EXPECT_EQ(a.Value("usual_messages", Span::Days(1)), 0) << "today says nothing";
  TestAccount b;
  b.LiveAtHome();
  b.BeStolen();
  EXPECT_EQ(b.Value("usual_messages", Span::Days(1)), 2);
  EXPECT_EQ(b.Value("usual_recipients", Span::Days(1)), 6);
  EXPECT_EQ(b.Value("usual_recipients", Span::Days(7)), 42);
  EXPECT_EQ(b.Value("usual_recipients", Span::Hours(8)), 2);
  EXPECT_EQ(b.Value("usual_recipients", Span::Hours(1)), 1) << "rounded up";
  EXPECT_EQ(b.Value("usual_recipients", Span::Seconds(1)), 1);
}

TEST(FeatureTableTest, FailedLoginsAreCounted) {
  TestAccount a;
  a.LiveAtHome();
  for (int i = 0; i < 5; ++i) {
    a.Apply(EventKind::kLoginFailed, Span::Days(10) + Span::Seconds(i), "198.51.100." + std::to_string(1 + i), "BR", Service::kImap);
  }
  EXPECT_EQ(a.Value("failed_logins", Span::Minutes(1)), 5);
  EXPECT_EQ(a.Value("failing_sources", Span::Seconds(2)), 2);
  EXPECT_EQ(a.Value("failed_login"), 1);
  EXPECT_EQ(a.Value("messages", Span::Days(1)), 2) << "a rule may ask for anything then";
  EXPECT_EQ(a.Value("source_messages"), 0);
}

TEST(FeatureTableTest, WhatStraysDoIsCounted) {
  TestAccount a;
  a.LiveAtHome();
  a.BeStolen();
  EXPECT_EQ(a.Value("stray_run_messages"), 1) << "ten minutes apart are runs of one";
  EXPECT_EQ(a.Value("stray_senders", Span::Hours(1)), 0) << "no sender is known";
  EXPECT_EQ(a.Value("stray_refused_deliveries", Span::Hours(1)), 0);
  EXPECT_EQ(a.Value("complaints", Span::Days(3)), 0);
  EXPECT_EQ(a.Value("hours_since_release"), kNeverHours);
  EXPECT_EQ(a.Value("hosting_source"), 0);
  EXPECT_EQ(a.Value("domain_turned_accounts"), 0);
  a.Apply(EventKind::kComplaint, Span::Days(10) + Span::Hours(1), "192.0.2.9", "", Service::kSmtp);
  a.Apply(EventKind::kComplaint, Span::Days(10) + Span::Hours(2), "192.0.2.9", "", Service::kSmtp);
  EXPECT_EQ(a.Value("complaints", Span::Days(3)), 2);
  EXPECT_EQ(a.Value("complaints", Span::Hours(1)), 1);
  a.Apply(EventKind::kCredentialChanged, Span::Days(10) + Span::Hours(3), "0.0.0.0", "", Service::kUnknown);
  a.Send(Span::Days(10) + Span::Hours(6), "203.0.113.5", "JP");
  EXPECT_EQ(a.Value("hours_since_password_change"), 3);
  TestAccount far;
  far.LiveAtHome();
  far.Send(Span::Days(10), "198.51.100.77", "BR");
  EXPECT_GT(far.Value("travel_km"), 5'000) << "from Japan";
  EXPECT_GT(far.Value("travel_kmh"), far.Value("travel_km") / 6) << "the owner was there less than six hours ago";
}

// Networks of the owner's own country, from each of which one message comes.
TEST(FeatureTableTest, PassingAreasAreCounted) {
  TestAccount a;
  a.LiveAtHome();
  for (int i = 0; i < 4; ++i) a.Send(Span::Days(10) + Span::Minutes(20 * i), std::to_string(101 + i) + ".7.0.9", "JP");
  EXPECT_EQ(a.Value("passing_areas", Span::Hours(2)), 4);
  EXPECT_EQ(a.Value("passing_areas", Span::Minutes(30)), 2);
}

// Goal: no feature overflows or reads what isn't there (the sanitizers watch).
TEST(FeatureTableTest, EveryFeatureCanBeReadOfEveryAccount) {
  TestAccount empty, full;
  empty.Apply(EventKind::kLoginFailed, Span(), "198.51.100.1", "", Service::kImap);
  for (int i = 0; i < 5000; ++i) {
    full.Send(Span::Minutes(10 * i), "198.51." + std::to_string(i % 100) + "." + std::to_string(i % 250), i % 2 == 0 ? "US" : "BR", UINT32_MAX);
  }
  for (const Feature& feature : AllFeatures()) {
    for (const Span window : {kWindowLeast, Span::Hours(1), kWindowMost}) {
      const Span asked = feature.windows == Windows::kAny ? window : feature.fixed[0];
      for (const TestAccount* account : {&empty, &full}) {
        const int64_t value = feature.read(account->scene(), asked);
        EXPECT_GE(value, -1) << feature.name;
        EXPECT_LE(value, INT64_MAX / 1000) << feature.name << ": room for arithmetic";
        if (feature.type == Type::kYesNo) {
          EXPECT_LE(value, 1) << feature.name;
        }
      }
    }
  }
}

TEST(FeatureTableTest, WindowsAreWrittenAsRulesWriteThem) {
  EXPECT_EQ(WindowText(Span::Seconds(90)), "90s");
  EXPECT_EQ(WindowText(Span::Minutes(90)), "90m");
  EXPECT_EQ(WindowText(Span::Hours(36)), "36h");
  EXPECT_EQ(WindowText(Span::Days(31)), "31d");
}

}  // namespace
}  // namespace sekisho::rules
