// Goal: the table of networks is sound, addresses come from the blocks they should, and names are unique
// where a login must be. Method: exhaustive over the table; random draws from a fixed seed.
#include "engine/simulate/networks.h"

#include <algorithm>
#include <set>

#include "engine/simulate/lines.h"
#include "engine/simulate/names.h"
#include "engine/simulate/random.h"
#include "gtest/gtest.h"

namespace sekisho::simulate {
namespace {

TEST(NetworksTest, BlocksOfDifferentCountriesNeverOverlap) {
  const Networks networks;
  struct Range {
    uint32_t first, last;
    CountryIndex country;
  };
  std::vector<Range> ranges;
  for (CountryIndex c = 0; c < networks.country_count(); ++c) {
    for (Role role : {Role::kResidential, Role::kMobile, Role::kHosting}) {
      ASSERT_FALSE(networks.carriers(c, role).empty()) << networks.code(c);
      for (int index : networks.carriers(c, role)) {
        for (const Block& block : networks.carrier(index).v4) {
          const uint32_t size = block.bits == 32 ? 1 : 1u << (32 - block.bits);
          EXPECT_EQ(block.base.v4() % size, 0u) << block.base.ToString();
          EXPECT_FALSE(block.base.is_private());
          ranges.push_back({block.base.v4(), block.base.v4() + (size - 1), c});
        }
      }
    }
  }
  EXPECT_GE(networks.country_count(), 45);
  EXPECT_GT(ranges.size(), 800u);
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].country == ranges[i - 1].country) continue;
    EXPECT_GT(ranges[i].first, ranges[i - 1].last);
  }
}

TEST(NetworksTest, AddressesLieInTheBlocksOfTheirCarrier) {
  const Networks networks;
  Random random(17);
  for (int i = 0; i < 20'000; ++i) {
    const auto c = static_cast<CountryIndex>(random.Below(static_cast<uint64_t>(networks.country_count())));
    const std::vector<int>& carriers = networks.carriers(c, static_cast<Role>(random.Below(3)));
    const int index = carriers[random.Below(carriers.size())];
    const IpAddress v4 = networks.AddressV4(index, random.Next(), random.Next());
    const IpAddress v6 = networks.AddressV6(index, random.Next(), random.Next());
    const auto inside = [](const std::vector<Block>& blocks, const IpAddress& ip) {
      return std::any_of(blocks.begin(), blocks.end(), [&](const Block& b) {
        return IpNetwork::Parse(b.base.ToString() + "/" + std::to_string(b.bits))->Contains(ip);
      });
    };
    EXPECT_TRUE(inside(networks.carrier(index).v4, v4)) << v4.ToString();
    EXPECT_TRUE(inside(
        networks.carrier(index).v6.empty() ? networks.carrier(index).v4 : networks.carrier(index).v6, v6))
        << v6.ToString();
  }
}

TEST(NamesTest, LoginsOfPeopleDiffer) {
  std::set<std::string> names;
  for (uint64_t i = 0; i < 200'000; ++i) EXPECT_TRUE(names.insert(PersonLocalPart(i)).second);
  std::set<std::string> members;
  for (uint32_t i = 0; i < 60; ++i) EXPECT_TRUE(members.insert(MemberLocalPart(99, i)).second);
}

TEST(LinesTest, CalendarDays) {
  const CivilDay epoch = CivilFromDays(0), leap = CivilFromDays(19'782), monday = CivilFromDays(20'514);
  EXPECT_EQ(epoch.year, 1970);
  EXPECT_EQ(leap.month * 100 + leap.day, 229);  // 2024-02-29
  EXPECT_EQ(monday.year * 10'000 + monday.month * 100 + monday.day, 20'260'302);
}

}  // namespace
}  // namespace sekisho::simulate
