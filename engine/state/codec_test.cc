// Stored bytes: what was ever written is read for ever, and damage is noticed.
#include "engine/state/codec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/state/testing/sample_account.h"

namespace sekisho {
namespace {

constexpr char kGoldenDirectory[] = "engine/state/testdata";

std::string Packed(const AccountWindow& account) {
  std::string bytes;
  EncodeRecord(account, &bytes);
  return bytes;
}

// Goal: every record ever stored is read, and means the same when written again. Method: each golden file is decoded and
// encoded to the same bytes. To add one after a new tag: SEKISHO_WRITE_GOLDEN=NAME build/release/codec_test, after the
// sample lives through what fills the new field.
TEST(CodecTest, GoldenRecordsStayReadable) {
  if (const char* name = std::getenv("SEKISHO_WRITE_GOLDEN"); name != nullptr) {
    for (const bool busy : {false, true}) {
      std::ofstream(std::string(kGoldenDirectory) + "/" + name + (busy ? "_busy.golden" : "_quiet.golden"), std::ios::binary)
          << Packed(SampleAccount(busy));
    }
  }
  int read = 0;
  for (const auto& file : std::filesystem::directory_iterator(kGoldenDirectory)) {
    if (file.path().extension() != ".golden") continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    AccountWindow account;
    ASSERT_TRUE(DecodeRecord(bytes, &account).ok()) << file.path();
    EXPECT_EQ(account.login, "hanako@example.jp") << file.path();
    EXPECT_TRUE(Packed(account) == bytes) << file.path();
    std::cout << file.path().filename() << ": " << bytes.size() << " bytes stored, "
              << sizeof(AccountWindow) + account.heap_bytes() << " in memory\n";
    ++read;
  }
  EXPECT_GE(read, 2);
}

// Goal: an account that was stored goes on exactly as one that wasn't. Method: the same further events after a round trip.
TEST(CodecTest, ADecodedAccountGoesOnAlike) {
  AccountWindow original = SampleAccount(true);
  AccountWindow decoded;
  ASSERT_TRUE(DecodeRecord(Packed(original), &decoded).ok());
  EXPECT_TRUE(Packed(original) == Packed(decoded));
  const EventTime from = original.last_seen;
  for (int64_t i = 0; i < 2'000; ++i) {
    LiveOn(&original, from, i);
    LiveOn(&decoded, from, i);
    if (i % 500 == 0) {
      ASSERT_TRUE(Packed(original) == Packed(decoded)) << i;
    }
  }
  EXPECT_TRUE(Packed(original) == Packed(decoded));
}

// Goal: a quiet account takes at most 512 bytes, a little more where its counters differ, and comes back whole. Method: two weeks of an
// owner who reads every two hours and sends a message a day, to a new recipient, to one he knows, to two, to an unreachable one.
TEST(CodecTest, AQuietAccountIsSmall) {
  Population population;
  population.log_began = EventTime::FromSeconds(1'770'000'000);
  for (const int life : {0, 1, 2, 3}) {
    AccountWindow account;
    account.login = "someone@example.jp";
    Event event;
    event.account = account.login;
    const auto apply = [&](EventKind kind, EventTime at, uint64_t n) {
      event.kind = kind;
      event.service = kind == EventKind::kLogin ? Service::kImap : Service::kSmtp;
      event.time = at;
      event.ip = IpAddress::FromV4(static_cast<uint32_t>(0xcb007100 + n % 2 * 256));
      event.place = {0x4a50, static_cast<uint32_t>(2000 + n % 2)};
      event.recipients = life == 2 ? 2 : 1;
      const EventRecipient recipient{"partner.example", PinnedMix64(life == 1 ? 7 : n)};
      event.recipient_list = {&recipient, kind == EventKind::kDelivery ? 1u : 0u};
      event.delivery = kind != EventKind::kDelivery ? DeliveryStatus::kNone : life == 3 ? DeliveryStatus::kBounced : DeliveryStatus::kSent;
      account.Apply(event, population, true);
    };
    uint64_t n = 0;
    for (int day = 0; day < 14; ++day) {
      const EventTime midnight = EventTime::FromSeconds(1'772'409'600) + Span::Days(day);
      for (int hour = 0; hour < 24; hour += 2) apply(EventKind::kLogin, midnight + Span::Hours(hour), n++);
      apply(EventKind::kSubmission, midnight + Span::Hours(8), n);
      apply(EventKind::kDelivery, midnight + Span::Hours(8) + Span::Seconds(1), n++);
    }
    const std::string bytes = Packed(account);
    std::cout << "life " << life << ": " << bytes.size() << " bytes\n";
    EXPECT_LE(bytes.size(), life < 2 ? 512u : 640u) << life;
    AccountWindow decoded;
    ASSERT_TRUE(DecodeRecord(bytes, &decoded).ok());
    EXPECT_TRUE(Packed(decoded) == bytes);
    const EventTime end = account.last_seen;
    for (const auto member : {&AccountWindow::messages, &AccountWindow::recipients, &AccountWindow::sent, &AccountWindow::recipients_judged,
                              &AccountWindow::recipients_new}) {
      EXPECT_EQ((decoded.*member).Count(end, Span::Days(14)), (account.*member).Count(end, Span::Days(14)));
    }
    EXPECT_EQ(decoded.messages.Count(end, Span::Days(14)), 14u);
    EXPECT_EQ(decoded.sources_a_day.DaysActive(end, 14), account.sources_a_day.DaysActive(end, 14));
  }
}

// Goal: a reader passes over the fields of a later version; another format is refused by name. Method: add a field that
// nobody has, then other format numbers.
TEST(CodecTest, LaterVersions) {
  std::string bytes = Packed(SampleAccount(false));
  const std::string before = bytes;
  ByteWriter writer(&bytes);
  writer.PutVarint(1'000'000);
  writer.PutBytes("from a later version");
  AccountWindow account;
  ASSERT_TRUE(DecodeRecord(bytes, &account).ok());
  EXPECT_TRUE(Packed(account) == before);

  for (const uint64_t format : {kRecordFormat - 1, kRecordFormat + 1}) {
    bytes[0] = static_cast<char>(format);
    const absl::Status status = DecodeRecord(bytes, &account);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << format;
    EXPECT_TRUE(account.login.empty());
  }
}

// Goal: damage never crashes, and what is accepted is whole. Method: cut and flip real records under a printed seed.
TEST(CodecTest, DamagedRecords) {
  constexpr uint64_t kSeed = 20260301;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  for (const bool busy : {false, true}) {
    const std::string good = Packed(SampleAccount(busy));
    for (int i = 0; i < 5'000; ++i) {
      std::string bad = good.substr(0, random() % 4 == 0 ? random() % good.size() : good.size());
      for (uint64_t flips = random() % 4; flips > 0 && !bad.empty(); --flips) {
        bad[random() % bad.size()] = static_cast<char>(random());
      }
      AccountWindow account;
      if (!DecodeRecord(bad, &account).ok()) {
        EXPECT_TRUE(account.login.empty());
        continue;
      }
      const std::string again = Packed(account);
      AccountWindow second;
      ASSERT_TRUE(DecodeRecord(again, &second).ok());
      EXPECT_TRUE(Packed(second) == again);
    }
  }
}

// Goal: the marker comes back, its later fields are passed over, damage is noticed.
TEST(CodecTest, Marker) {
  const StateMarker marker{std::string("in\0put", 6), std::string(100'000, 'f'), "dedupe", UINT64_MAX};
  std::string bytes;
  EncodeMarker(marker, &bytes);
  StateMarker decoded;
  ASSERT_TRUE(DecodeMarker(bytes, &decoded).ok());
  EXPECT_EQ(decoded, marker);
  std::string later = bytes;
  ByteWriter writer(&later);
  writer.PutVarint(99);
  writer.PutBytes("later");
  ASSERT_TRUE(DecodeMarker(later, &decoded).ok());
  EXPECT_EQ(decoded, marker);
  EXPECT_FALSE(DecodeMarker(bytes.substr(0, bytes.size() - 3), &decoded).ok());
  EXPECT_EQ(decoded, StateMarker());
}

}  // namespace
}  // namespace sekisho
