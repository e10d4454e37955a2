// AccountTable against a plain map of records: memory's size, commits and crashes never change an answer.
#include "engine/state/account_table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/state/testing/temporary_directory.h"

namespace sekisho {
namespace {

AccountId IdOf(uint64_t n) { return AccountId::FromLogin("user" + std::to_string(n) + "@example.jp"); }

// A small change that depends on all changes before it.
void Change(AccountWindow* account, uint64_t n, int64_t second) {
  if (account->login.empty()) account->login = "user" + std::to_string(n) + "@example.jp";
  const EventTime at = EventTime::FromSeconds(1'772'323'200 + second);
  if (account->first_seen.never()) account->first_seen = at;
  account->last_seen = at;
  account->messages.Add(at, static_cast<uint32_t>(1 + n % 3));
  account->sources_seen.Add(at, static_cast<uint64_t>(second) % 7);
  account->messages_a_day.Add(at);
  ++account->judged_total;
}

std::string Packed(const AccountWindow& account) {
  std::string bytes;
  EncodeRecord(account, &bytes);
  return bytes;
}

// Goal: the table answers as a map would, however small its memory and whenever it commits. Method: 60,000 random changes
// of 3,000 accounts (some popular) with room for all, for a few hundred, and for hardly any; with a durable store (which
// commits when due, and at random), with a scratch store, prefetched or not; every record compared at the end.
TEST(AccountTableTest, AnswersAsAMapWould) {
  constexpr uint64_t kSeed = 20260301;
  std::cout << "seed " << kSeed << "\n";
  for (const bool durable : {false, true}) {
    for (const size_t memory : {size_t{1} << 30, size_t{1} << 20, size_t{20'000}}) {
      TemporaryDirectory directory;
      std::unique_ptr<StateStore> store;
      if (durable) {
        auto opened = StateStore::Open(directory.path() + "/state");
        ASSERT_TRUE(opened.ok()) << opened.status();
        store = *std::move(opened);
      }
      AccountTableOptions options;
      options.memory_bytes_max = memory;
      options.scratch_parent = directory.path();
      AccountTable table(options, store.get());
      std::map<uint64_t, AccountWindow> oracle;
      std::mt19937_64 random(kSeed);
      for (int64_t i = 0; i < 60'000;) {
        std::vector<uint64_t> batch(1 + random() % 32);
        for (uint64_t& n : batch) n = random() % (1 + random() % 3'000);
        if (random() % 2 == 0) {
          std::vector<AccountId> ids;
          for (const uint64_t n : batch) ids.push_back(IdOf(n));
          ASSERT_TRUE(table.Prefetch(ids).ok());
        }
        for (const uint64_t n : batch) {
          ++i;
          if (random() % 8 == 0) {
            const auto found = table.Find(IdOf(n));
            ASSERT_TRUE(found.ok());
            ASSERT_EQ(*found != nullptr, oracle.contains(n));
            continue;
          }
          const auto found = table.FindOrCreate(IdOf(n));
          ASSERT_TRUE(found.ok());
          ASSERT_EQ((*found)->login.empty(), !oracle.contains(n));
          Change(*found, n, i);
          Change(&oracle[n], n, i);
        }
        if (durable && (table.commit_due() || random() % 200 == 0)) {
          ASSERT_TRUE(table.Commit({"at", "fold", "", static_cast<uint64_t>(i)}).ok());
        }
      }
      for (const auto& [n, account] : oracle) {
        const auto found = table.Find(IdOf(n));
        ASSERT_TRUE(found.ok());
        ASSERT_NE(*found, nullptr);
        ASSERT_EQ(Packed(**found), Packed(account));
      }
      const AccountTableStats stats = table.stats();
      std::cout << (durable ? "durable" : "scratch") << ", room for " << memory << " bytes: " << stats.in_memory
                << " in memory, " << stats.bytes << " bytes, " << stats.evicted << " evicted, " << stats.read
                << " read back, " << stats.commits << " commits\n";
      EXPECT_EQ(stats.evicted > 0, memory < size_t{1} << 30);
      if (!durable) {
        EXPECT_LE(stats.bytes, memory + 64 * 1'024);
      }
    }
  }
}

// Goal: what was committed is what a new process finds, and nothing later. Method: commit, change more, drop the table and
// the store, reopen.
TEST(AccountTableTest, ReopensAtTheLastCommit) {
  TemporaryDirectory directory;
  std::map<uint64_t, std::string> committed;
  {
    auto store = StateStore::Open(directory.path());
    ASSERT_TRUE(store.ok()) << store.status();
    AccountTable table({}, store->get());
    for (uint64_t n = 0; n < 100; ++n) {
      AccountWindow* account = *table.FindOrCreate(IdOf(n));
      Change(account, n, 5);
      committed[n] = Packed(*account);
    }
    ASSERT_TRUE(table.Commit({"here", "fold", "marks", 77}).ok());
    for (uint64_t n = 50; n < 150; ++n) Change(*table.FindOrCreate(IdOf(n)), n, 6);
  }
  auto store = StateStore::Open(directory.path());
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->marker(), (StateMarker{"here", "fold", "marks", 77}));
  AccountTable table({}, store->get());
  for (uint64_t n = 0; n < 150; ++n) {
    AccountWindow* account = *table.Find(IdOf(n));
    ASSERT_EQ(account != nullptr, n < 100);
    if (account != nullptr) {
      EXPECT_EQ(Packed(*account), committed[n]);
    }
  }
}

// Goal: a record that was asked for but not filled in leaves no trace. Method: prefetch and find strangers, commit, reopen.
TEST(AccountTableTest, StrangersLeaveNoTrace) {
  TemporaryDirectory directory;
  {
    auto store = StateStore::Open(directory.path());
    ASSERT_TRUE(store.ok());
    AccountTable table({}, store->get());
    const std::vector<AccountId> ids = {IdOf(1), IdOf(2), IdOf(2)};
    ASSERT_TRUE(table.Prefetch(ids).ok());
    EXPECT_EQ(*table.Find(IdOf(1)), nullptr);
    ASSERT_TRUE(table.Commit({}).ok());
    EXPECT_EQ(table.stats().written, 0u);
  }
  auto store = StateStore::Open(directory.path());
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE((*store)->empty());
}

// Goal: the scratch store goes with the table. Method: force spills, then look at the directory.
TEST(AccountTableTest, ScratchIsRemoved) {
  TemporaryDirectory directory;
  {
    AccountTableOptions options;
    options.memory_bytes_max = 100'000;
    options.scratch_parent = directory.path();
    AccountTable table(options);
    for (uint64_t n = 0; n < 500; ++n) Change(*table.FindOrCreate(IdOf(n)), n, 5);
    EXPECT_FALSE(std::filesystem::is_empty(directory.path()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

// Goal: a scratch directory that can't be made is an error that says so.
TEST(AccountTableTest, ScratchThatCantBeMade) {
  AccountTableOptions options;
  options.memory_bytes_max = 1;
  options.scratch_parent = "/nonexistent";
  AccountTable table(options);
  Change(*table.FindOrCreate(IdOf(1)), 1, 5);
  const auto second = table.FindOrCreate(IdOf(2));
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find("/nonexistent"), std::string::npos);
}

// Goal: accounts whose ids share every bit that the index looks at are told apart, with the index at its fullest. Method:
// ids that differ only in their high word.
TEST(AccountTableTest, CollidingIds) {
  AccountTable table;
  for (uint64_t i = 0; i < 1'000; ++i) {
    const AccountId id{Hash128{i, 42}};
    (*table.FindOrCreate(id))->login = std::to_string(i);
  }
  for (uint64_t i = 0; i < 1'000; ++i) {
    const auto found = table.Find(AccountId{Hash128{i, 42}});
    ASSERT_TRUE(found.ok());
    EXPECT_EQ((*found)->login, std::to_string(i));
  }
}

// Goal: a copy frozen for somebody else to write holds exactly what had changed, survives that its records change on, and
// its records stay in memory until it is stored. Method: a table with room for hardly anything over a durable store; the
// store, reopened, must hold the copy, not what came after it.
TEST(AccountTableTest, AFrozenCopyStandsForItsMoment) {
  TemporaryDirectory directory;
  auto store = StateStore::Open(directory.path() + "/state");
  ASSERT_TRUE(store.ok()) << store.status();
  AccountTableOptions options;
  options.memory_bytes_max = 20'000;
  auto table = std::make_unique<AccountTable>(options, store->get());
  std::map<uint64_t, std::string> frozen;
  for (uint64_t n = 0; n < 200; ++n) {
    AccountWindow* account = *table->FindOrCreate(IdOf(n));
    Change(account, n, static_cast<int64_t>(n));
    frozen[n] = Packed(*account);
  }
  PackedRecords copy;
  table->BeginFreeze(&copy);
  size_t some = 50;
  ASSERT_FALSE(table->FreezeSome(&some));
  EXPECT_EQ(some, 0u);
  ASSERT_EQ(copy.size(), 50u);
  // Copied already or not: none of this is in the copy.
  for (uint64_t n = 0; n < 300; n += 2) Change(*table->FindOrCreate(IdOf(n)), n, 5'000);
  some = 20;
  ASSERT_FALSE(table->FreezeSome(&some));
  for (uint64_t n = 1; n < 150; n += 2) Change(*table->FindOrCreate(IdOf(n)), n, 5'000);
  some = 200;
  ASSERT_TRUE(table->FreezeSome(&some));
  ASSERT_EQ(copy.size(), 200u);
  for (uint64_t n = 151; n < 300; n += 2) Change(*table->FindOrCreate(IdOf(n)), n, 5'000);
  EXPECT_GE(table->stats().in_memory, 300u) << "not stored, so not to be dropped";
  StateMarker marker;
  marker.input = "here";
  ASSERT_TRUE((*store)->Commit(copy, marker).ok());
  ASSERT_TRUE(table->Thaw().ok());
  table.reset();
  store->reset();

  store = StateStore::Open(directory.path() + "/state");
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->marker()->input, "here");
  AccountTable reopened(options, store->get());
  for (const auto& [n, packed] : frozen) EXPECT_EQ(Packed(**reopened.Find(IdOf(n))), packed);
  EXPECT_EQ(*reopened.Find(IdOf(250)), nullptr);
}

}  // namespace
}  // namespace sekisho
