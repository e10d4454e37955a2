// Goal: on one machine a company's accounts that turn tell of the next one, from the events alone; a judgement is never enough by
// itself; and a run that goes on from its state says what it would have said. Method: lives of a company through the real shard.
#include "engine/cluster/local_entities.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/state/account_table.h"

namespace sekisho {
namespace {

const EventTime kLocalBegin = EventTime::FromSeconds(1'772'409'600);
constexpr uint16_t kJapan = 0x4a50;
constexpr uint16_t kAbroad[] = {0x5255, 0x5541, 0x4259, 0x504c, 0x524f, 0x4252};
constexpr uint32_t kOffice = 0xcb007105;

struct Told {
  std::string account;
  EventTime time;
  ActionKind kind;
  int32_t risk;
  std::vector<std::pair<DetectorId, int32_t>> signals;
  bool operator==(const Told&) const = default;
};

// A shard with what judges beside it.
class Machine {
 public:
  Machine() { Begin(); }

  void Take(const Event& event) {
    std::vector<Action> actions;
    ASSERT_TRUE(shard_->Tick(event.time, Offset{offset_++}, &actions).ok());
    ASSERT_TRUE(entities_->Settle().ok());
    ASSERT_TRUE(shard_->Fold(event, Offset{offset_++}, &actions).ok());
    ASSERT_TRUE(entities_->Settle().ok());
    for (const Action& action : actions) {
      Told told{action.account, action.time, action.kind, action.risk, {}};
      for (const Signal& signal : action.signals) told.signals.emplace_back(signal.detector, signal.score);
      told_.push_back(std::move(told));
    }
  }
  // All that isn't the accounts' is lost but for what was encoded.
  void Restart() {
    std::string fold;
    shard_->EncodeState(&fold);
    const std::string entities = entities_->Encode();
    Begin();
    ASSERT_TRUE(shard_->DecodeState(fold).ok());
    ASSERT_TRUE(entities_->Decode(entities).ok());
    std::string again;
    shard_->EncodeState(&again);
    ASSERT_EQ(again, fold);
    ASSERT_EQ(entities_->Encode(), entities);
  }
  const std::vector<Told>& told() const { return told_; }
  LocalEntities& entities() { return *entities_; }
  Shard& shard() { return *shard_; }

 private:
  void Begin() {
    entities_.reset();
    shard_ = std::make_unique<Shard>(ShardOptions{Hash128{1, 2}, PartitionId{0}}, &policy_, &table_);
    entities_ = std::make_unique<LocalEntities>(Hash128{1, 2}, shard_.get());
  }

  Policy policy_ = [] {
    Policy policy = Policy::Default();
    policy.jitter_percent = 0;
    policy.home_countries = {kJapan};
    return policy;
  }();
  AccountTable table_;
  std::unique_ptr<Shard> shard_;
  std::unique_ptr<LocalEntities> entities_;
  int64_t offset_ = 0;
  std::vector<Told> told_;
};

// Events in the order of their times.
class Lives {
 public:
  // `people` of a domain work for two days: they read and send from their office.
  void Work(const std::string& domain, int people) {
    for (int hour = 0; hour < 48; hour += 3) {
      for (int i = 0; i < people; ++i) {
        const EventTime at = kLocalBegin + Span::Hours(hour) + Span::Seconds(i);
        Add(Login(domain, i), EventKind::kLogin, Service::kImap, kOffice, kJapan, at);
        Add(Login(domain, i), EventKind::kSubmission, Service::kSmtp, kOffice, kJapan, at + Span::Minutes(1));
      }
    }
  }
  // Messages of one account from far countries in turn, a minute apart; `over` the source of all of them, or 0.
  void Rob(const std::string& domain, int person, EventTime from, int messages, uint32_t over = 0) {
    for (int i = 0; i < messages; ++i) {
      const auto n = static_cast<uint32_t>(i);
      const uint32_t source = over != 0 ? over : 0x25140000 + (static_cast<uint32_t>(person) << 12) + (n << 8) + 9;
      Add(Login(domain, person), EventKind::kSubmission, Service::kSmtp, source, over != 0 ? kAbroad[0] : kAbroad[n % 6],
          from + Span::Minutes(i));
    }
  }
  void Add(const std::string& login, EventKind kind, Service service, uint32_t source, uint16_t country, EventTime at) {
    events_.push_back({login, kind, service, source, country, at});
  }
  void Play(Machine* machine, int restart_every = 0) {
    std::stable_sort(events_.begin(), events_.end(), [](const One& a, const One& b) { return a.at < b.at; });
    int n = 0;
    for (const One& one : events_) {
      Event event;
      event.kind = one.kind;
      event.service = one.service;
      event.account = one.login;
      event.id = AccountId::FromLogin(one.login);
      event.time = one.at;
      event.ip = IpAddress::FromV4(one.source);
      event.place.country = one.country;
      machine->Take(event);
      if (restart_every > 0 && ++n % restart_every == 0) machine->Restart();
    }
  }
  static std::string Login(const std::string& domain, int person) { return "p" + std::to_string(person) + "@" + domain; }

 private:
  struct One {
    std::string login;
    EventKind kind;
    Service service;
    uint32_t source;
    uint16_t country;
    EventTime at;
  };
  std::vector<One> events_;
};

const EventTime kTheft = kLocalBegin + Span::Hours(50);

int32_t CohortScore(const Machine& machine, const std::string& login) {
  int32_t score = 0;
  for (const Told& told : machine.told()) {
    if (told.account != login) continue;
    for (const auto& [detector, points] : told.signals) {
      if (detector == DetectorId::kDomainCohort) score = std::max(score, points);
    }
  }
  return score;
}

TEST(LocalEntitiesTest, TheThirdOfACompanyIsFoundSoonerThanTheFirst) {
  Lives lives;
  lives.Work("company.example", 12);
  for (int person = 0; person < 4; ++person) lives.Rob("company.example", person, kTheft + Span::Minutes(5 * person), 5);
  Machine machine;
  lives.Play(&machine);
  EXPECT_EQ(CohortScore(machine, "p0@company.example"), 0);
  EXPECT_GT(CohortScore(machine, "p3@company.example"), 0);
  const auto suspended_after = [&machine](int person) {
    for (const Told& told : machine.told()) {
      if (told.account == Lives::Login("company.example", person) && told.kind == ActionKind::kSuspend) {
        return (told.time - (kTheft + Span::Minutes(5 * person))).seconds();
      }
    }
    return int64_t{1'000'000};
  };
  EXPECT_LT(suspended_after(3), suspended_after(0));
}

TEST(LocalEntitiesTest, AmongThousandsOfAProvidersAccountsAFewAreNoCohort) {
  Lives lives;
  lives.Work("provider.example", 300);
  for (int person = 0; person < 8; ++person) lives.Rob("provider.example", person, kTheft + Span::Minutes(5 * person), 5);
  Machine machine;
  lives.Play(&machine);
  for (int person = 0; person < 8; ++person) EXPECT_EQ(CohortScore(machine, Lives::Login("provider.example", person)), 0) << person;
}

TEST(LocalEntitiesTest, AnOfficeThatMovedIsNoCohort) {
  Lives lives;
  lives.Work("company.example", 12);
  for (int person = 0; person < 12; ++person) lives.Rob("company.example", person, kTheft + Span::Minutes(person), 6, 0x25140007);
  Machine machine;
  lives.Play(&machine);
  for (int person = 0; person < 12; ++person) EXPECT_EQ(CohortScore(machine, Lives::Login("company.example", person)), 0) << person;
}

// An owner on his first day abroad, while his company is being robbed and others were over the very network he sits in.
TEST(LocalEntitiesTest, JudgementsAloneSuspendNobody) {
  Lives lives;
  lives.Work("company.example", 12);
  for (int person = 0; person < 8; ++person) lives.Rob("company.example", person, kTheft + Span::Minutes(person), 8);
  Machine machine;
  lives.Play(&machine);
  const Judgement network{IpAddress::FromV4(0xc6336400), 24, 900, 9, 0, kTheft + Span::Hours(72), EntityKind::kNetwork, {}};
  ASSERT_TRUE(machine.shard().Judge({PartitionId{7}, Offset{1}, kTheft, {network}}));
  const size_t before = machine.told().size();
  Lives traveller;
  for (int i = 0; i < 2; ++i) {
    traveller.Add("p11@company.example", EventKind::kSubmission, Service::kSmtp, 0xc6336407, kAbroad[0], kTheft + Span::Minutes(30 + i));
  }
  traveller.Play(&machine);
  EXPECT_GT(CohortScore(machine, "p11@company.example"), 0);
  for (size_t i = before; i < machine.told().size(); ++i) {
    EXPECT_LT(machine.told()[i].kind, ActionKind::kThrottle) << machine.told()[i].account << " risk " << machine.told()[i].risk;
  }
}

TEST(LocalEntitiesTest, ARestartAtAnyTimeChangesNothing) {
  Lives lives;
  lives.Work("company.example", 12);
  lives.Work("other.example", 5);
  for (int person = 0; person < 5; ++person) lives.Rob("company.example", person, kTheft + Span::Minutes(4 * person), 5);
  Machine never, often;
  lives.Play(&never);
  lives.Play(&often, 7);
  ASSERT_GT(never.told().size(), 5u);
  EXPECT_EQ(never.told(), often.told());
  EXPECT_EQ(never.entities().Encode(), often.entities().Encode());
}

TEST(LocalEntitiesTest, AStateThatIsDamagedOrOfAnotherLogIsRefused) {
  Lives lives;
  lives.Work("company.example", 3);
  Machine machine;
  lives.Play(&machine);
  const std::string good = machine.entities().Encode();
  AccountTable table;
  const Policy policy;
  Shard shard({Hash128{1, 2}, PartitionId{0}}, &policy, &table);
  LocalEntities same(Hash128{1, 2}, &shard);
  for (size_t n = 0; n < good.size(); n += 3) EXPECT_FALSE(same.Decode(good.substr(0, n)).ok()) << n;
  EXPECT_TRUE(same.Decode(good).ok());
  LocalEntities other(Hash128{1, 3}, &shard);
  EXPECT_TRUE(absl::IsFailedPrecondition(other.Decode(good)));
}

}  // namespace
}  // namespace sekisho
