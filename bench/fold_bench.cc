// The fold alone: events already decoded, every detector on, one core, a million accounts in use. Prints events a second,
// and the bytes that a quiet and a busy account take, in memory and packed.
// Usage: fold_bench [ACCOUNTS [EVENTS]]. Wanted: 500,000 events/s; a quiet account packed in 512 B, a busy one in 16 KiB.
#include <sys/resource.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/shard/shard.h"

namespace sekisho {
namespace {

constexpr int64_t kChunkEvents = 100'000;
constexpr uint64_t kSeed = 0x5e1c150;

// A population's day, without end: each event belongs to a random account, which has a home address and sometimes another.
// Of a hundred events about sixty are logins, ten submissions with their queued and delivery events, the rest failures.
class Generator {
 public:
  Generator(int64_t accounts, int64_t events_a_day) : accounts_(accounts), events_a_day_(events_a_day) {}

  // Fills `events`; logins are kept beside them, because an event only has views.
  void Fill(std::vector<Event>* events, std::vector<std::string>* logins, std::vector<EventRecipient>* recipients) {
    events->clear();
    logins->resize(kChunkEvents);
    recipients->resize(kChunkEvents);
    for (int64_t i = 0; i < kChunkEvents; ++i, ++count_) {
      const uint64_t r = PinnedMix64(kSeed + static_cast<uint64_t>(count_));
      // The first round makes every account known.
      const uint64_t any = count_ < accounts_ ? static_cast<uint64_t>(count_) : r >> 20;
      const uint64_t account = (pending_ == 0 ? any : pending_account_) % static_cast<uint64_t>(accounts_);
      std::string& login = (*logins)[static_cast<size_t>(i)];
      login = "user" + std::to_string(account) + "@example.jp";
      Event& event = events->emplace_back();
      event.time = EventTime::FromSeconds(1'772'409'600) + Span::Millis(count_ * 86'400'000 / events_a_day_);
      event.account = login;
      event.id = AccountId::FromLogin(login);
      const bool elsewhere = r % 16 == 0;
      const uint64_t place = PinnedMix64(elsewhere ? r % 64 * 7919 + account : account);
      event.ip = IpAddress::FromV4(static_cast<uint32_t>(0x85000000u | (place & 0xffffff)));
      event.place = {0x4a50, static_cast<uint32_t>(2000 + place % 40)};
      Choose(r, account, &event, &(*recipients)[static_cast<size_t>(i)]);
    }
  }

 private:
  void Choose(uint64_t r, uint64_t account, Event* event, EventRecipient* recipient) {
    if (pending_ == 2) {
      event->kind = EventKind::kQueued;
      event->recipients = 1;
      event->size_bytes = 4096;
    } else if (pending_ == 1) {
      event->kind = EventKind::kDelivery;
      event->delivery = DeliveryStatus::kSent;
      *recipient = {"partner.example", PinnedMix64(account * 8 + r % 8)};
      event->recipient_list = {recipient, 1};
    } else if (r % 80 < 10 && count_ >= accounts_) {
      event->kind = EventKind::kSubmission;
      event->service = Service::kSmtp;
      pending_account_ = account;
      pending_ = 3;
    } else if (r % 80 < 74) {
      event->kind = EventKind::kLogin;
      event->service = Service::kImap;
    } else {
      event->kind = EventKind::kLoginFailed;
      event->failure = FailureKind::kCredentials;
    }
    if (pending_ > 0) --pending_;
  }

  const int64_t accounts_, events_a_day_;
  int64_t count_ = 0;
  int pending_ = 0;  // events of the present message that are still to come
  uint64_t pending_account_ = 0;
};

// One account that sends `messages_a_day` and is read every two hours, for two weeks.
void PrintAccountBytes(const char* name, int messages_a_day, int sources) {
  AccountWindow account;
  Population population;
  population.log_began = EventTime::FromSeconds(1'770'000'000);
  account.login = "someone@example.jp";
  Event event;
  event.account = account.login;
  event.id = AccountId::FromLogin(account.login);
  const auto apply = [&](EventKind kind, EventTime at, uint64_t n) {
    event.kind = kind;
    event.service = kind == EventKind::kLogin ? Service::kImap : Service::kSmtp;
    event.time = at;
    event.ip = IpAddress::FromV4(static_cast<uint32_t>(0x85000000u + n % static_cast<uint64_t>(sources) * 257));
    event.place = {0x4a50, static_cast<uint32_t>(2000 + n % static_cast<uint64_t>(sources) % 5)};
    EventRecipient recipient{"partner.example", PinnedMix64(n % 200)};
    event.recipient_list = kind == EventKind::kDelivery ? std::span<const EventRecipient>(&recipient, 1)
                                                        : std::span<const EventRecipient>();
    event.delivery = kind == EventKind::kDelivery ? DeliveryStatus::kSent : DeliveryStatus::kNone;
    account.Apply(event, population, true);
  };
  uint64_t n = 0;
  for (int day = 0; day < 14; ++day) {
    const EventTime midnight = EventTime::FromSeconds(1'772'409'600) + Span::Days(day);
    for (int hour = 0; hour < 24; hour += 2) apply(EventKind::kLogin, midnight + Span::Hours(hour), n++);
    for (int i = 0; i < messages_a_day; ++i) {
      const EventTime at = midnight + Span::Hours(8) + Span::Millis(int64_t{36'000'000} * i / messages_a_day);
      apply(EventKind::kSubmission, at, n);
      apply(EventKind::kDelivery, at + Span::Seconds(1), n++);
    }
  }
  std::string packed;
  ByteWriter writer(&packed);
  account.Encode(&writer);
  std::printf("%s: %zu B in memory, %zu B packed\n", name, sizeof account + account.heap_bytes(), packed.size());
}

int Run(int64_t accounts, int64_t events_total) {
  const Policy policy = Policy::Default();
  AccountTable table{AccountTableOptions{.memory_bytes_max = size_t{8} << 30}};
  Shard shard({PinnedHash128("fold_bench"), PartitionId{0}}, &policy, &table);
  Generator generator(accounts, accounts * 5);
  std::vector<Event> events;
  std::vector<std::string> logins;
  std::vector<EventRecipient> recipients;
  std::vector<Action> actions;
  std::vector<AccountId> ids;
  std::clock_t busy = 0;  // processor time: the machine may be shared
  int64_t offset = 0, measured = 0;
  // Twice around before measuring: by then accounts are old acquaintances.
  while (offset < events_total) {
    generator.Fill(&events, &logins, &recipients);
    const std::clock_t start = std::clock();
    for (size_t i = 0; i < events.size(); i += AccountTable::kPrefetchBest) {
      ids.clear();
      const size_t end = std::min(events.size(), i + AccountTable::kPrefetchBest);
      for (size_t k = i; k < end; ++k) ids.push_back(events[k].id);
      if (!table.Prefetch(ids).ok()) return 1;
      for (size_t k = i; k < end; ++k) {
        if (!shard.Fold(events[k], Offset{offset++}, &actions).ok()) return 1;
      }
    }
    actions.clear();
    if (offset <= 2 * accounts) continue;
    busy += std::clock() - start;
    measured += kChunkEvents;
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double seconds = static_cast<double>(busy) / CLOCKS_PER_SEC;
  std::printf("fold: %.0f events/s (%.3f us each), %" PRIu64 " accounts in use, %.0f B of memory each, max RSS %ld MiB\n",
              static_cast<double>(measured) / seconds, seconds * 1e6 / static_cast<double>(measured),
              shard.stats().accounts, static_cast<double>(table.stats().bytes) / static_cast<double>(accounts), usage.ru_maxrss / 1024);
  PrintAccountBytes("a quiet account (1 message a day, 2 sources)", 1, 2);
  PrintAccountBytes("a busy account (2,000 messages a day, 500 sources)", 2000, 500);
  return 0;
}

}  // namespace
}  // namespace sekisho

int main(int argc, char** argv) {
  const int64_t accounts = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
  const int64_t events = argc > 2 ? std::atoll(argv[2]) : 5 * accounts;
  if (accounts < 1 || events <= 2 * accounts) {
    std::fputs("usage: fold_bench [ACCOUNTS [EVENTS]], EVENTS more than twice ACCOUNTS\n", stderr);
    return 2;
  }
  return sekisho::Run(accounts, events);
}
