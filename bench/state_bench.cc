// What state costs: the account table in memory, packing, commits by kind of durability, reads from the store.
// Usage: state_bench [--quick] [Google Benchmark's flags]
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/quick.h"
#include "engine/base/hash.h"
#include "engine/state/account_table.h"
#include "engine/state/codec.h"
#include "engine/state/store.h"
#include "engine/state/testing/sample_account.h"
#include "engine/state/testing/temporary_directory.h"

namespace sekisho {
namespace {

AccountId IdOf(uint64_t n) { return AccountId{Hash128{PinnedMix64(n), PinnedMix64(~n)}}; }

// A few hundred bytes, as a quiet account takes.
std::string QuietRecord() {
  std::string bytes;
  EncodeRecord(SampleAccount(false), &bytes);
  return bytes;
}

// Uniform over `accounts` resident records, in batches as the shard gets them. The time is of one batch.
void BM_FindResident(benchmark::State& state) {
  const uint64_t accounts = static_cast<uint64_t>(state.range(0));
  const bool prefetch = state.range(1) != 0;
  AccountTableOptions options;
  options.memory_bytes_max = size_t{64} << 30;
  AccountTable table(options);
  for (uint64_t n = 0; n < accounts; ++n) (*table.FindOrCreate(IdOf(n)))->login = "x";
  std::minstd_rand random(1);
  std::vector<AccountId> ids(AccountTable::kPrefetchBest << 14);
  for (AccountId& id : ids) id = IdOf((uint64_t{random()} << 20 ^ random()) % accounts);
  size_t at = 0;
  for (auto _ : state) {
    const std::span<const AccountId> batch(&ids[at], AccountTable::kPrefetchBest);
    at = (at + batch.size()) % ids.size();
    if (prefetch && !table.Prefetch(batch).ok()) state.SkipWithError("prefetch");
    for (const AccountId& id : batch) ++(*table.FindOrCreate(id))->judged_total;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(AccountTable::kPrefetchBest));
  state.counters["bytes_per_account"] = static_cast<double>(table.stats().bytes) / static_cast<double>(accounts);
}
BENCHMARK(BM_FindResident)->ArgNames({"accounts", "prefetch"})->ArgsProduct({{10'000, 1'000'000}, {0, 1}});

void BM_CreateAccounts(benchmark::State& state) {
  uint64_t n = 0;
  AccountTableOptions options;
  options.memory_bytes_max = size_t{64} << 30;
  auto table = std::make_unique<AccountTable>(options);
  for (auto _ : state) {
    (*table->FindOrCreate(IdOf(++n)))->login = "x";
    if (n % 500'000 != 0) continue;
    state.PauseTiming();
    table = std::make_unique<AccountTable>(options);
    state.ResumeTiming();
  }
}
BENCHMARK(BM_CreateAccounts);

void BM_EncodeDecode(benchmark::State& state) {
  const AccountWindow account = SampleAccount(state.range(0) != 0);
  std::string bytes;
  AccountWindow decoded;
  for (auto _ : state) {
    bytes.clear();
    EncodeRecord(account, &bytes);
    if (!DecodeRecord(bytes, &decoded).ok()) state.SkipWithError("decode");
  }
  state.counters["stored_bytes"] = static_cast<double>(bytes.size());
  state.counters["memory_bytes"] = static_cast<double>(sizeof(AccountWindow) + account.heap_bytes());
}
BENCHMARK(BM_EncodeDecode)->ArgName("busy")->Arg(0)->Arg(1);

// One commit of `records` changed accounts among 200,000.
void BM_Commit(benchmark::State& state) {
  TemporaryDirectory directory;
  StoreOptions options;
  options.durability = state.range(1) != 0 ? Durability::kFlush : Durability::kLog;
  auto store = StateStore::Open(directory.path() + "/state", options);
  if (!store.ok()) return state.SkipWithError(store.status().ToString().c_str());
  const std::string record = QuietRecord();
  const uint64_t records = static_cast<uint64_t>(state.range(0));
  uint64_t commit = 0;
  for (auto _ : state) {
    PackedRecords packed;
    for (uint64_t i = 0; i < records; ++i) packed.Add(IdOf((commit * records + i) % 200'000), record);
    StateMarker marker;
    marker.output_length = ++commit;
    if (const auto status = (*store)->Commit(packed, marker); !status.ok()) {
      return state.SkipWithError(status.ToString().c_str());
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(records));
  state.SetLabel(options.durability == Durability::kFlush ? "flush" : "log");
}
BENCHMARK(BM_Commit)
    ->ArgNames({"records", "flush"})
    ->ArgsProduct({{1, 1'000, 20'000}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// Records read back, `batch` at a time, of a store of 500,000 (present) or of strangers to it (absent).
void BM_Read(benchmark::State& state) {
  static TemporaryDirectory directory;
  static std::unique_ptr<StateStore> store = [] {
    auto opened = StateStore::Open(directory.path() + "/state");
    const std::string record = QuietRecord();
    for (uint64_t n = 0; n < 500'000;) {
      PackedRecords packed;
      for (uint64_t end = n + 20'000; n < end; ++n) packed.Add(IdOf(n), record);
      if (!opened.ok() || !(*opened)->Commit(packed, StateMarker()).ok()) return std::unique_ptr<StateStore>();
    }
    return *std::move(opened);
  }();
  if (store == nullptr) return state.SkipWithError("no store");
  const size_t batch = static_cast<size_t>(state.range(0));
  const bool present = state.range(1) != 0;
  std::minstd_rand random(1);
  std::vector<AccountId> ids(batch);
  std::vector<std::optional<std::string>> records;
  for (auto _ : state) {
    for (AccountId& id : ids) id = IdOf(random() % 500'000 + (present ? 0 : 1'000'000));
    if (!store->Read(ids, &records).ok()) state.SkipWithError("read");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch));
  state.counters["bytes_on_disk"] = static_cast<double>(store->bytes_on_disk());
}
BENCHMARK(BM_Read)->ArgNames({"batch", "present"})->ArgsProduct({{1, 16, 128}, {0, 1}});

// The table with room for a tenth of its accounts, over a scratch store.
void BM_TenthResident(benchmark::State& state) {
  constexpr uint64_t kAccounts = 50'000;
  TemporaryDirectory directory;
  AccountTableOptions options;
  options.scratch_parent = directory.path();
  const AccountWindow sample = SampleAccount(false);
  options.memory_bytes_max = kAccounts / 10 * (sizeof(AccountWindow) + sample.heap_bytes());
  AccountTable table(options);
  for (uint64_t n = 0; n < kAccounts; ++n) **table.FindOrCreate(IdOf(n)) = sample;
  std::minstd_rand random(1);
  std::vector<AccountId> ids(64);
  for (auto _ : state) {
    for (AccountId& id : ids) id = IdOf(random() % kAccounts);
    if (!table.Prefetch(ids).ok()) state.SkipWithError("prefetch");
    for (const AccountId& id : ids) ++(*table.FindOrCreate(id))->judged_total;
  }
  state.SetItemsProcessed(state.iterations() * 64);
  const AccountTableStats stats = table.stats();
  state.counters["read_back"] = static_cast<double>(stats.read);
  state.counters["bytes"] = static_cast<double>(stats.bytes);
}
BENCHMARK(BM_TenthResident)->UseRealTime();

}  // namespace
}  // namespace sekisho

int main(int argc, char** argv) {
  sekisho::BeginBenchmark(&argc, &argv);
  std::printf("AccountWindow: %zu bytes before its heap\n", sizeof(sekisho::AccountWindow));
  return sekisho::RunBenchmarks();
}
