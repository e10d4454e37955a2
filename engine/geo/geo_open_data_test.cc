// Goal: exact agreement with databases that nobody here wrote, and no harm from files collected because they once broke
// some reader. Method: MaxMind's test databases beside the repository; every network of each source file is looked up by
// its first address, and country and AS number compared. Latitude and longitude are not compared: they are not kept.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/geo/geo.h"

namespace sekisho {
namespace {

namespace fs = std::filesystem;

fs::path OpenData() {
  const char* shared = std::getenv("SEKISHO_SHARED");
  return fs::path(shared != nullptr ? shared : "../shared") / "logs" / "maxmind";
}

// "::1.2.3.0/120" and "1.2.3.0/24" are one network; an IPv6 one stays itself.
std::optional<IpAddress> FirstAddress(std::string network) {
  network.resize(network.find('/'));
  if (network.starts_with("::") && network.find('.') != std::string::npos) network.erase(0, 2);
  return IpAddress::Parse(network);
}

GeoInfo Labelled(const nlohmann::json& record) {
  GeoInfo want;
  for (const char* key : {"country", "registered_country"}) {
    if (want.country == 0 && record.contains(key) && record[key].contains("iso_code")) {
      want.country = ParseCountry(record[key]["iso_code"].get<std::string>());
    }
  }
  if (record.contains("autonomous_system_number")) want.asn = record["autonomous_system_number"].get<uint32_t>();
  return want;
}

TEST(GeoOpenData, EveryLabelledNetworkAgrees) {
  if (!fs::exists(OpenData())) GTEST_SKIP() << OpenData() << " is absent";
  int databases = 0;
  for (const auto& file : fs::directory_iterator(OpenData() / "source-data")) {
    const std::string name = file.path().stem().string();
    auto db = GeoDatabase::Open((OpenData() / "test-data" / (name + ".mmdb")).string());
    if (!db.ok()) {
      std::printf("%-36s %s\n", name.c_str(), std::string(db.status().message()).substr(0, 160).c_str());
      continue;
    }
    std::ifstream in(file.path());
    int labelled = 0, matched = 0;
    // A source names some networks twice or nests them: the most specific, last named record is what the file holds for
    // an address, so one expectation is kept for each first address.
    std::map<std::string, std::pair<int, GeoInfo>> expected;
    const nlohmann::json networks = nlohmann::json::parse(in);
    for (const auto& entry : networks) {
      for (const auto& [network, record] : entry.items()) {
        const auto ip = FirstAddress(network);
        ASSERT_TRUE(ip.has_value()) << network;
        const int bits = std::atoi(network.c_str() + network.find('/') + 1);
        const GeoInfo want = Labelled(record);
        auto& slot = expected.try_emplace(ip->ToString(), bits, want).first->second;
        if (bits >= slot.first) slot = {bits, want};
      }
    }
    for (const auto& [address, want] : expected) {
      if (want.second == GeoInfo{}) continue;
      ++labelled;
      const IpAddress ip = *IpAddress::Parse(address);
      const GeoInfo got = (*db)->Lookup(ip);
      const bool same = got == want.second;
      matched += same;
      EXPECT_TRUE(same) << name << " " << address << ": got " << CountryName(got.country) << " " << got.asn << ", labelled "
                        << CountryName(want.second.country) << " " << want.second.asn;
    }
    std::printf("%-36s %d of %d networks agree\n", name.c_str(), matched, labelled);
    if (labelled > 0) ++databases;
  }
  EXPECT_GE(databases, 7);
}

TEST(GeoOpenData, FilesThatBrokeReadersDoNoHarm) {
  if (!fs::exists(OpenData())) GTEST_SKIP() << OpenData() << " is absent";
  int opened = 0, refused = 0;
  for (const char* folder : {"bad-data", "test-data"}) {
    for (const auto& file : fs::recursive_directory_iterator(OpenData() / folder)) {
      if (!file.is_regular_file()) continue;
      const auto begin = std::chrono::steady_clock::now();
      auto db = GeoDatabase::Open(file.path().string());
      if (db.ok()) {
        for (uint32_t k = 0; k < 4096; ++k) (*db)->Lookup(IpAddress::FromV4(k << 20 | 0x1234));
      }
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      EXPECT_LT(seconds, 10.0) << file.path();
      db.ok() ? ++opened : ++refused;
      if (std::string(folder) == "bad-data") {
        std::printf("%-52s %s\n", file.path().filename().c_str(),
                    db.ok() ? "opened" : std::string(db.status().message()).substr(file.path().string().size(), 90).c_str());
      }
    }
  }
  std::printf("%d opened, %d refused\n", opened, refused);
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace sekisho
