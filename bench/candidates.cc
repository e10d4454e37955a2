#include "bench/candidates.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <type_traits>

#include "engine/detect/detector.h"
#include "engine/respond/ladder.h"

namespace sekisho::bench {
namespace {

static_assert(std::is_trivially_copyable_v<Features>);

constexpr uint64_t kMagic = 0x31444e4143534b53;  // "SKSCAND1"

struct Closer {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, Closer>;

template <typename T>
bool Put(const T& value, std::FILE* f) {
  return std::fwrite(&value, sizeof value, 1, f) == 1;
}
template <typename T>
bool Get(T* value, std::FILE* f) {
  return std::fread(value, sizeof *value, 1, f) == 1;
}

struct AccountHeader {
  AccountId id;
  uint8_t kind = 0;
  int8_t attack = -1;
  EventTime since, first_abuse;
  uint64_t features = 0, abuse = 0;
};
static_assert(std::is_trivially_copyable_v<AccountHeader>);

// Of a thief's first messages so many are kept: whoever isn't stopped by then counts as missed anyway.
constexpr size_t kAbuseKept = 20'000;

}  // namespace

void CandidateKeeper::OnEvent(const Event& event, const AccountWindow&, const Features& features, std::span<const Signal>,
                              const Risk&, const Action*) {
  signals_.clear();
  Detect({features, lenient_, Jitter(lenient_, event.id, features.at)}, &signals_);
  if (signals_.empty()) return;
  const Decision most = Climb(Weigh(signals_, lenient_, false), lenient_, features.at);
  if (!most.act || most.kind < ActionKind::kNotify) return;
  Kept& kept = accounts_[std::string(event.account)];
  if (kept.day.never() || event.time - kept.day >= Span::Hours(24)) {
    kept.day = event.time;
    kept.today = 0;
  }
  if (++kept.today <= kKeptADay) kept.features.push_back(features);
}

absl::Status CandidateKeeper::Write(const Service& service, const std::string& path) const {
  const File f(std::fopen(path.c_str(), "wb"));
  bool ok = f != nullptr && Put(kMagic, f.get()) && Put(uint64_t{sizeof(Features)}, f.get()) && Put(service.truth().days, f.get()) &&
            Put(service.truth().start, f.get()) && Put(uint64_t{service.accounts().size()}, f.get());
  for (const simulate::AccountTruth& t : service.accounts()) {
    AccountHeader header;
    header.id = AccountId::FromLogin(t.account);
    header.kind = static_cast<uint8_t>(t.kind);
    const std::vector<app::AbuseMessage>* abuse = nullptr;
    if (t.stolen) {
      header.attack = static_cast<int8_t>(t.attack);
      header.since = t.compromised - service.truth().clock_error;
      header.first_abuse = t.first_abuse;
      abuse = &service.truth().accounts.find(t.account)->second.abuse;
      header.abuse = std::min(abuse->size(), kAbuseKept);
    }
    const auto kept = accounts_.find(t.account);
    if (kept != accounts_.end()) header.features = kept->second.features.size();
    ok = ok && Put(header, f.get());
    for (size_t i = 0; ok && i < header.abuse; ++i) ok = Put((*abuse)[i], f.get());
    for (size_t i = 0; ok && i < header.features; ++i) ok = Put(kept->second.features[i], f.get());
  }
  ok = ok && std::fflush(f.get()) == 0;
  return ok ? absl::OkStatus() : absl::UnavailableError("can't write " + path);
}

absl::Status Candidates::Add(const std::string& path) {
  const File f(std::fopen(path.c_str(), "rb"));
  if (f == nullptr) return absl::NotFoundError("can't read " + path);
  uint64_t magic = 0, size = 0, accounts = 0;
  double days = 0;
  EventTime start;
  if (!Get(&magic, f.get()) || !Get(&size, f.get()) || magic != kMagic || size != sizeof(Features)) {
    return absl::FailedPreconditionError(path + " was written by another version: remove it and let it be made again");
  }
  bool ok = Get(&days, f.get()) && Get(&start, f.get()) && Get(&accounts, f.get());
  for (uint64_t i = 0; ok && i < accounts; ++i) {
    AccountHeader header;
    ok = Get(&header, f.get()) && header.kind < simulate::kKindCount && header.attack < simulate::kAttackCount;
    if (!ok) break;
    app::OwnerScore& owner = owners_[std::string(simulate::KindName(static_cast<simulate::Kind>(header.kind)))];
    ++owner.accounts;
    owner.days += header.attack < 0 ? days : static_cast<double>((header.since - start).seconds()) / 86'400;
    if (header.features == 0 && header.attack < 0) continue;
    Account& account = accounts_.emplace_back();
    account.id = header.id;
    account.kind = header.kind;
    account.attack = header.attack;
    account.since = header.since;
    account.first_abuse = header.first_abuse;
    account.abuse.resize(header.abuse);
    for (app::AbuseMessage& message : account.abuse) ok = ok && Get(&message, f.get());
    account.begin = events_.size();
    events_.resize(events_.size() + header.features);
    account.end = events_.size();
    ok = ok && std::fread(events_.data() + account.begin, sizeof(Features), header.features, f.get()) == header.features;
  }
  return ok ? absl::OkStatus() : absl::DataLossError(path + " is damaged: remove it and let it be made again");
}

// `only`: a detector, or -1 for all.
void Candidates::Detect(const Policy& policy, std::vector<Scores>* scores, int only) {
  Policy narrowed = policy;
  for (int d = 0; d < kDetectors && only >= 0; ++d) {
    if (d != only) narrowed.detectors[static_cast<size_t>(d)] = DetectorMode::kOff;
  }
  std::vector<Signal> signals;
  for (const Account& account : accounts_) {
    for (size_t i = account.begin; i < account.end; ++i) {
      Scores& mine = (*scores)[i];
      if (only < 0) {
        mine.fill(0);
      } else {
        mine[static_cast<size_t>(only)] = 0;
      }
      signals.clear();
      sekisho::Detect({events_[i], narrowed, Jitter(policy, account.id, events_[i].at)}, &signals);
      for (const Signal& s : signals) {
        if (s.shadow) continue;
        mine[static_cast<size_t>(s.detector)] = static_cast<uint8_t>(s.score);
        families_[static_cast<size_t>(s.detector)] = s.family;
      }
    }
  }
}

app::Score Candidates::Base(const Policy& policy) {
  base_.resize(events_.size());
  Detect(policy, &base_, -1);
  return Judge(policy, base_);
}

app::Score Candidates::Try(const Policy& policy, DetectorId detector, bool keep) {
  if (detector == DetectorId::kNone) return Judge(policy, base_);
  tried_ = base_;
  Detect(policy, &tried_, static_cast<int>(detector));
  app::Score score = Judge(policy, tried_);
  if (keep) base_.swap(tried_);
  return score;
}

app::Score Candidates::Judge(const Policy& policy, const std::vector<Scores>& scores) const {
  app::Score score;
  score.owners = owners_;
  std::vector<Signal> signals;
  for (const Account& account : accounts_) {
    app::OwnerScore& owner = score.owners.at(std::string(simulate::KindName(static_cast<simulate::Kind>(account.kind))));
    bool notified = false, suspended = false;
    EventTime found;
    for (size_t i = account.begin; i < account.end && found.never(); ++i) {
      signals.clear();
      for (size_t d = 1; d < kDetectors; ++d) {
        if (scores[i][d] == 0) continue;
        Signal& s = signals.emplace_back();
        s.detector = static_cast<DetectorId>(d);
        s.family = families_[d];
        s.score = scores[i][d];
      }
      if (signals.empty()) continue;
      const EventTime at = events_[i].at;
      const Decision decision = Climb(Weigh(signals, policy, false), policy, at);
      if (!decision.act) continue;
      if (account.attack < 0 || at < account.since) {
        notified |= decision.kind == ActionKind::kNotify;
        suspended |= decision.kind == ActionKind::kSuspend;
        if (suspended && account.attack < 0) break;
      } else if (decision.kind == ActionKind::kSuspend) {
        found = at;
      }
    }
    owner.notified += notified;
    owner.suspended += suspended;
    if (account.attack < 0) continue;
    app::AttackScore& attack = score.attacks[std::string(simulate::AttackName(static_cast<simulate::Attack>(account.attack)))];
    ++attack.stolen;
    double escaped = 0;
    for (const app::AbuseMessage& message : account.abuse) {
      if (found.never() || message.time < found + app::kEnforcementDelay) escaped += message.recipients;
    }
    attack.escaped_recipients.push_back(escaped);
    if (found.never()) continue;
    ++attack.suspended;
    attack.seconds_to_suspend.push_back(std::max(0.0, static_cast<double>((found - account.first_abuse).millis()) / 1000));
    attack.by_second_day += attack.seconds_to_suspend.back() <= 2 * 86'400;
  }
  return score;
}

}  // namespace sekisho::bench
