// Goal: every layout gives its country or AS number; look-ups agree with a slow, obvious reader; files that are missing,
// damaged or hostile give a clear refusal. Method: databases written by testing/mmdb_writer, the database that ships
// with the project, and that database cut and altered at random places from a printed seed.
#include "engine/geo/geo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "engine/geo/testing/mmdb_writer.h"

namespace sekisho {
namespace {

using ::sekisho::testing::MmdbFile;
using ::sekisho::testing::MmdbHead;
using ::sekisho::testing::MmdbMetadata;
using ::sekisho::testing::MmdbPointer;
using ::sekisho::testing::MmdbText;
using ::sekisho::testing::MmdbWriter;
using ::testing::HasSubstr;

constexpr char kShipped[] = "deploy/geo/country.mmdb";  // tests run in the source folder

IpAddress Ip(std::string_view text) {
  auto ip = IpAddress::Parse(text);
  EXPECT_TRUE(ip.has_value()) << text;
  return ip.value_or(IpAddress());
}

// A folder of one test's own.
class GeoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = std::filesystem::path(::testing::TempDir()) / (std::string("sekisho_geo_") + info->name());
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string Put(std::string_view name, std::string_view bytes) {
    const std::string path = (dir_ / name).string();
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  std::unique_ptr<GeoDatabase> OpenOrDie(const MmdbWriter& writer) {
    auto db = GeoDatabase::Open(Put("test.mmdb", writer.Bytes(1'700'000'000)));
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? std::move(*db) : nullptr;
  }
  std::filesystem::path dir_;
};

TEST_F(GeoTest, EveryCountryLayoutIsRead) {
  using L = MmdbWriter::Layout;
  for (L layout : {L::kCountryCode, L::kIsoCode, L::kRegistered, L::kCountryText}) {
    MmdbWriter writer(layout);
    writer.Add(Ip("198.51.100.0"), 24, "JP");
    writer.Add(Ip("2001:db8:1::"), 48, "fr");
    auto db = OpenOrDie(writer);
    ASSERT_NE(db, nullptr);
    EXPECT_EQ(db->Lookup(Ip("198.51.100.7")), (GeoInfo{0x4a50, 0}));
    EXPECT_EQ(CountryName(db->Lookup(Ip("2001:db8:1:2::3")).country), "FR");
    EXPECT_EQ(db->Lookup(Ip("198.51.101.0")), GeoInfo{});
    EXPECT_TRUE(db->has_country());
    EXPECT_FALSE(db->has_asn());
  }
}

TEST_F(GeoTest, EveryAsLayoutIsRead) {
  MmdbWriter numbers(MmdbWriter::Layout::kAsNumber);
  numbers.Add(Ip("198.51.100.0"), 24, "4200000001");
  EXPECT_EQ(OpenOrDie(numbers)->Lookup(Ip("198.51.100.255")).asn, 4200000001u);
  MmdbWriter text(MmdbWriter::Layout::kAsText);
  text.Add(Ip("198.51.100.0"), 24, "AS2497");
  text.Add(Ip("203.0.113.0"), 24, "AS99999999999");  // no AS number is that large
  auto db = OpenOrDie(text);
  EXPECT_EQ(db->Lookup(Ip("198.51.100.0")).asn, 2497u);
  EXPECT_EQ(db->Lookup(Ip("203.0.113.1")).asn, 0u);
}

TEST_F(GeoTest, PrivateAndTeredoAreUnknownAnd6to4IsItsInnerAddress) {
  MmdbWriter writer(MmdbWriter::Layout::kCountryCode);
  writer.Add(Ip("0.0.0.0"), 1, "US");
  writer.Add(Ip("198.51.100.0"), 24, "JP");
  writer.Add(Ip("2001::"), 16, "DE");
  auto db = OpenOrDie(writer);
  ASSERT_NE(db, nullptr);
  EXPECT_EQ(db->Lookup(Ip("10.1.2.3")), GeoInfo{});
  EXPECT_EQ(db->Lookup(Ip("127.0.0.1")), GeoInfo{});
  EXPECT_EQ(db->Lookup(IpAddress()), GeoInfo{});
  EXPECT_EQ(CountryName(db->Lookup(Ip("9.9.9.9")).country), "US");
  EXPECT_EQ(CountryName(db->Lookup(Ip("2001:200::1")).country), "DE");
  EXPECT_EQ(db->Lookup(Ip("2001:0:200::1")), GeoInfo{});
  EXPECT_EQ(CountryName(db->Lookup(Ip("2002:c633:6401::1")).country), "JP");
  EXPECT_EQ(db->Lookup(Ip("2002:0a01:0203::1")), GeoInfo{});
}

// Random networks, nested by width; the oracle walks the list backwards.
TEST_F(GeoTest, AgreesWithAListOfNetworks) {
  const uint32_t seed = 20140401;
  std::mt19937 random(seed);
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  struct Net {
    uint32_t base;
    int bits;
    std::string country;
  };
  std::vector<Net> nets;
  MmdbWriter writer(MmdbWriter::Layout::kCountryCode);
  for (int bits = 2; bits <= 32; ++bits) {
    for (int i = 0; i < 40; ++i) {
      const uint32_t mask = ~uint32_t{0} << (32 - bits);
      const uint32_t inside = i % 2 == 0 || nets.empty() ? random() : nets[random() % nets.size()].base | (random() >> 12);
      nets.push_back({inside & mask, bits, {static_cast<char>('A' + random() % 26), static_cast<char>('A' + random() % 26)}});
      writer.Add(IpAddress::FromV4(nets.back().base), bits, nets.back().country);
    }
  }
  auto db = OpenOrDie(writer);
  ASSERT_NE(db, nullptr);
  for (int i = 0; i < 50'000; ++i) {
    uint32_t address = random();
    if (i % 2 == 0) address = nets[random() % nets.size()].base + random() % 3 - 1;
    const IpAddress ip = IpAddress::FromV4(address);
    std::string want;
    for (auto net = nets.rbegin(); net != nets.rend() && want.empty(); ++net) {
      if ((address ^ net->base) >> (32 - net->bits) == 0) want = net->country;
    }
    if (ip.is_private()) want = "";
    ASSERT_EQ(CountryName(db->Lookup(ip).country), want) << ip.ToString();
  }
}

TEST_F(GeoTest, VersionNamesTypeTimeAndContent) {
  MmdbWriter writer(MmdbWriter::Layout::kCountryCode, "My Type/1");
  writer.Add(Ip("198.51.100.0"), 24, "JP");
  auto one = GeoDatabase::Open(Put("one.mmdb", writer.Bytes(1'700'000'000)));
  auto same = GeoDatabase::Open(Put("same.mmdb", writer.Bytes(1'700'000'000)));
  auto later = GeoDatabase::Open(Put("later.mmdb", writer.Bytes(1'700'000'001)));
  ASSERT_TRUE(one.ok() && same.ok() && later.ok());
  EXPECT_THAT((*one)->version(), ::testing::StartsWith("My_Type_1-1700000000-"));
  EXPECT_EQ((*one)->version(), (*same)->version());
  EXPECT_NE((*one)->version(), (*later)->version());
}

TEST_F(GeoTest, SetJoinsCountryAndAs) {
  EXPECT_EQ(GeoSet().version(), "none");
  EXPECT_EQ(GeoSet().Lookup(Ip("198.51.100.1")), GeoInfo{});
  MmdbWriter country(MmdbWriter::Layout::kCountryCode), asn(MmdbWriter::Layout::kAsNumber);
  country.Add(Ip("198.51.100.0"), 24, "JP");
  asn.Add(Ip("198.51.100.0"), 24, "2497");
  const GeoSet both(OpenOrDie(country), OpenOrDie(asn));
  EXPECT_EQ(both.Lookup(Ip("198.51.100.1")), (GeoInfo{0x4a50, 2497}));
  EXPECT_THAT(both.version(), HasSubstr("+"));
}

TEST_F(GeoTest, FindsTheFirstDirectoryThatHasTheFile) {
  Put("country.mmdb", "x");
  std::filesystem::create_directories(dir_ / "folder" / "country.mmdb");
  EXPECT_EQ(FindGeoFile({(dir_ / "none").string(), (dir_ / "folder").string(), dir_.string()}, "country.mmdb"),
            (dir_ / "country.mmdb").string());
  EXPECT_EQ(FindGeoFile({"/nonexistent"}, "country.mmdb"), "");
}

TEST_F(GeoTest, WhatCannotBeADatabaseIsRefusedByName) {
  const struct {
    std::string path;
    absl::StatusCode code;
    std::string says;
  } cases[] = {
      {(dir_ / "absent.mmdb").string(), absl::StatusCode::kNotFound, "no such file"},
      {dir_.string(), absl::StatusCode::kInvalidArgument, "not a regular file"},
      {Put("empty.mmdb", ""), absl::StatusCode::kInvalidArgument, "not an MMDB file"},
      {Put("text.mmdb", "1.2.3.4,JP\n"), absl::StatusCode::kInvalidArgument, "not an MMDB file"},
      {Put("mark.mmdb", "\xab\xcd\xefMaxMind.com"), absl::StatusCode::kInvalidArgument, "damaged metadata"},
  };
  for (const auto& c : cases) {
    const absl::Status status = GeoDatabase::Open(c.path).status();
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.path));
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
  }
}

// One node whose both sides are the record at data offset 0.
std::string OneRecord(std::string_view data) {
  std::string tree;
  for (int side = 0; side < 2; ++side) tree += std::string("\0\0\0\x11", 4);
  return MmdbFile(tree, data, MmdbMetadata(1, 6, "Hostile", 1));
}

TEST_F(GeoTest, HostileFilesAreRefused) {
  const std::string deep_maps = [] {
    std::string out;
    for (int i = 0; i < 4'000'000; ++i) out += MmdbHead(7, 1) + MmdbText("a");
    return out;
  }();
  const std::string deep_metadata = [] {
    std::string out;
    for (int i = 0; i < 40'000; ++i) out += MmdbHead(7, 1) + MmdbText("a");
    return out;
  }();
  std::string self_tree(8, '\0');  // one node, both of whose children are itself
  const struct {
    const char* what;
    std::string bytes;
    const char* says;
  } cases[] = {
      {"nesting that would overflow a recursive reader", OneRecord(deep_maps), "nested too deep"},
      {"nesting in the metadata", MmdbFile("", "", deep_metadata), "nested too deep"},
      {"text longer than the file", OneRecord(MmdbHead(7, 1) + MmdbText("country_code") + MmdbHead(2, 5000) + "JP"),
       "runs past the data"},
      {"a map of sixteen million members", OneRecord(MmdbHead(7, 16'000'000) + MmdbText("a")), "runs past the data"},
      {"a key that is a number", OneRecord(MmdbHead(7, 1) + std::string("\xa1\x07", 2) + MmdbText("JP")), "not text"},
      {"a key that points outside", OneRecord(MmdbHead(7, 1) + MmdbPointer(90'000) + MmdbText("JP")), "outside the data"},
      {"a pointer to itself", OneRecord(MmdbHead(7, 1) + MmdbText("country") + MmdbPointer(9)), ""},
      {"a tree that is a circle", MmdbFile(self_tree, MmdbText("x"), MmdbMetadata(1, 4, "Hostile", 1)), "not a tree"},
      {"records of another kind", OneRecord(MmdbHead(7, 1) + MmdbText("colour") + MmdbText("red")), "names a country"},
      {"a tree of no known family", MmdbFile(self_tree, MmdbText("x"), MmdbMetadata(1, 5, "Hostile", 1)), ""},
      {"more nodes than bytes", MmdbFile(self_tree, MmdbText("x"), MmdbMetadata(4'000'000'000u, 6, "Hostile", 1)),
       "larger than the file"},
      {"as many nodes as wrap around in 32 bits",
       MmdbFile(self_tree, MmdbText("x"), MmdbMetadata(0x20000001, 6, "Hostile", 1)), "larger than the file"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const absl::Status status = GeoDatabase::Open(Put("hostile.mmdb", c.bytes)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
  }
}

TEST_F(GeoTest, ShippedDatabaseKnowsPublicResolvers) {
  auto db = GeoDatabase::Open(kShipped);
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_GT((*db)->ranges(), 100'000u);
  EXPECT_EQ(CountryName((*db)->Lookup(Ip("8.8.8.8")).country), "US");
  EXPECT_EQ(CountryName((*db)->Lookup(Ip("202.12.27.33")).country), "JP");  // M root server
  EXPECT_EQ(CountryName((*db)->Lookup(Ip("2001:200::1")).country), "JP");   // WIDE
}

// A damaged copy either opens, and then answers every look-up, or is refused; never anything else.
TEST_F(GeoTest, DamagedCopiesNeverDoHarm) {
  std::ifstream in(kShipped, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  ASSERT_GT(whole.size(), 1'000'000u);
  const uint32_t seed = 7;
  std::mt19937 random(seed);
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  for (int i = 0; i < 24; ++i) {
    std::string bytes = whole;
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    // The data and metadata are the last kilobytes: aim half of the blows there.
    for (int blow = 0; blow < 20; ++blow) {
      const size_t span = blow % 2 == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 6000);
      bytes[bytes.size() - 1 - random() % span] = static_cast<char>(random());
    }
    auto db = GeoDatabase::Open(Put("damaged.mmdb", bytes));
    if (!db.ok()) continue;
    for (int k = 0; k < 1000; ++k) (*db)->Lookup(IpAddress::FromV4(random()));
  }
}

}  // namespace
}  // namespace sekisho
