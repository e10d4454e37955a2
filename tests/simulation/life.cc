#include "tests/simulation/life.h"

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace sekisho::simulation {
namespace {

constexpr uint16_t Country(const char* code) { return static_cast<uint16_t>(code[0] << 8 | code[1]); }
constexpr std::array<uint16_t, 8> kAbroad = {Country("RU"), Country("UA"), Country("BY"), Country("PL"),
                                             Country("RO"), Country("BR"), Country("VN"), Country("IN")};
const EventTime kStart = EventTime::FromSeconds(1'772'409'600);

void Point(OwnedRecord* record) {
  record->record.bytes = record->bytes;
  record->record.origin.connector = record->connector;
  if (Event* event = std::get_if<Event>(&record->record.value)) {
    event->account = record->account;
    event->recipient_list = record->recipients;
  }
}

// Each text is the policy's version too, but for the one that can't be read.
const std::array<std::string, 4> kPolicyTexts = {"first", "mild", "strict", "unreadable"};

class Author {
 public:
  Author(const LifeOptions& options, Random* random)
      : options_(options), random_(random), sent_(static_cast<size_t>(options.connectors)),
        position_(static_cast<size_t>(options.connectors)) {}

  std::vector<std::vector<std::unique_ptr<SentRecord>>> Write() {
    for (int n = 0; n < options_.records;) {
      Pass();
      if (random_->OneIn(25)) n += GiveOrder();
      const int account = static_cast<int>(random_->Between(0, options_.accounts - 1));
      if (random_->OneIn(8)) {
        n += Theft(account);
      } else {
        n += Day(account);
      }
    }
    return std::move(sent_);
  }

 private:
  void Pass() {
    const EventTime before = at_;
    at_ = at_ + (random_->OneIn(30) ? Span::Hours(random_->Between(6, 40)) : Span::Seconds(random_->Between(1, 400)));
    if (at_ - before < Span::Minutes(5)) return;
    // Quiet hosts say what time it is, or a jump would look like a broken clock.
    for (size_t connector = 0; connector < sent_.size(); ++connector) {
      for (int partition = 0; partition < options_.partitions; ++partition) {
        auto sent = std::make_unique<SentRecord>();
        sent->partition = partition;
        sent->record.record.value = Heartbeat{at_};
        sent_[connector].push_back(std::move(sent));
      }
    }
  }

  std::string NameOf(int account) const { return "user" + std::to_string(account) + "@example.jp"; }
  int PartitionOf(std::string_view login) const {
    return static_cast<int>(AccountId::FromLogin(login).hash.low % static_cast<uint64_t>(options_.partitions));
  }

  // An operator's order, among what some connector appends: so it may come again, like all that a connector sends.
  int GiveOrder() {
    Order order;
    order.time = at_;
    order.operator_name = "operator";
    order.nonce = random_->Next();
    const std::string login = NameOf(static_cast<int>(random_->Between(0, options_.accounts - 1)));
    bool everywhere = true;
    if (random_->OneIn(4)) return GiveJudgements();
    switch (random_->Between(1, 5)) {
      case 1:
      case 2: {
        const std::string text = kPolicyTexts[static_cast<size_t>(random_->Between(0, std::ssize(kPolicyTexts) - 1))];
        order.what = PolicyActivation{text, text};
        break;
      }
      case 3:
        order.what = AccountRelease{login, "by plan", Span::Hours(random_->Between(0, 40)), random_->OneIn(2)};
        everywhere = false;
        break;
      default: {
        Exception exception;
        exception.allow = !random_->OneIn(4);
        exception.withdraw = random_->OneIn(3);
        if (random_->OneIn(2)) exception.expires = at_ + Span::Hours(random_->Between(1, 40));
        exception.subject.kind = static_cast<Subject::Kind>(random_->Between(1, 4));
        exception.subject.name = exception.subject.kind == Subject::Kind::kDomain ? "example.jp" : login;
        exception.subject.asn = 64500;
        exception.subject.network = IpAddress::FromV4(0xc6336400u + static_cast<uint32_t>(random_->Between(0, 200)) * 256);
        exception.subject.prefix_bits = static_cast<uint8_t>(random_->Between(16, 24));
        everywhere = exception.subject.kind != Subject::Kind::kAccount;
        order.what = exception;
      }
    }
    const auto connector = static_cast<size_t>(random_->Between(0, options_.connectors - 1));
    for (int partition = 0; partition < options_.partitions; ++partition) {
      if (!everywhere && partition != PartitionOf(login)) continue;
      auto sent = std::make_unique<SentRecord>();
      sent->partition = partition;
      sent->record.bytes = "order";
      sent->record.record.value = order;
      Point(&sent->record);
      sent_[connector].push_back(std::move(sent));
    }
    return 1;
  }

  // What an entity shard would say of the networks that thieves come from here.
  int GiveJudgements() {
    JudgementBatch batch;
    batch.offset = Offset{++judged_};
    batch.time = at_;
    for (int i = 0; i < 5; ++i) {
      const IpAddress network = IpAddress::FromV4(0xc6336400u + static_cast<uint32_t>(random_->Between(0, 200)) * 256);
      batch.judgements.push_back({network, 24, random_->OneIn(4) ? 0 : static_cast<int32_t>(random_->Between(1, 1000)),
                                  static_cast<uint32_t>(random_->Between(2, 9)), 1, at_ + Span::Hours(random_->Between(1, 72))});
    }
    const auto connector = static_cast<size_t>(random_->Between(0, options_.connectors - 1));
    for (int partition = 0; partition < options_.partitions; ++partition) {
      auto sent = std::make_unique<SentRecord>();
      sent->partition = partition;
      sent->record.bytes = "judgements";
      sent->record.record.value = batch;
      Point(&sent->record);
      sent_[connector].push_back(std::move(sent));
    }
    return 1;
  }

  Event Make(EventKind kind, int account, uint32_t source, uint16_t country) {
    Event event;
    event.kind = kind;
    event.service = kind == EventKind::kLogin ? Service::kImap : Service::kSmtp;
    event.time = at_;
    event.ip = IpAddress::FromV4(source);
    event.place.country = country;
    account_ = NameOf(account);
    return event;
  }

  void Send(int account, Event event, std::vector<EventRecipient> recipients = {}) {
    auto sent = std::make_unique<SentRecord>();
    OwnedRecord& record = sent->record;
    record.account = account_;
    event.id = AccountId::FromLogin(record.account);
    sent->partition = PartitionOf(record.account);
    const auto connector = static_cast<size_t>(account % options_.connectors);
    record.connector = "mx" + std::to_string(connector);
    record.bytes = "record of " + record.account;
    record.recipients = std::move(recipients);
    if (random_->OneIn(100)) event.time = event.time - Span::Days(2);
    if (random_->OneIn(100)) event.time = event.time + Span::Hours(1);
    record.record.value = event;
    if (random_->OneIn(100)) record.record.value = Unusable{"undecodable", "by plan"};
    StreamPosition& position = position_[connector];
    if (random_->OneIn(3)) {
      ++position.index;
    } else {
      position.byte += static_cast<uint64_t>(random_->Between(40, 200));
      position.index = 0;
    }
    record.record.origin.epoch = 7;
    record.record.origin.stream = 1;
    record.record.origin.position = position;
    // What can't be decoded has no origin either, so a repeat of it can't be told: it is sent once only.
    Point(&record);
    sent_[connector].push_back(std::move(sent));
  }

  int Day(int account) {
    const uint32_t home = 0x0a000000u + static_cast<uint32_t>(account);
    Send(account, Make(EventKind::kLogin, account, 0xcb007100u + home % 250, Country("JP")));
    if (!random_->OneIn(2)) return 1;
    Send(account, Make(EventKind::kSubmission, account, 0xcb007100u + home % 250, Country("JP")));
    return 2;
  }

  int Theft(int account) {
    const int messages = static_cast<int>(random_->Between(3, 12));
    const auto first = static_cast<size_t>(random_->Between(0, 7));
    for (int i = 0; i < messages; ++i) {
      const uint16_t country = kAbroad[(first + static_cast<size_t>(i)) % kAbroad.size()];
      const uint32_t source = 0xc6336400u + static_cast<uint32_t>(random_->Between(1, 60'000));
      Send(account, Make(EventKind::kSubmission, account, source, country));
      Event delivery = Make(EventKind::kDelivery, account, source, country);
      delivery.delivery = DeliveryStatus::kSent;
      Send(account, delivery, {{"example.com", random_->Next() | 1}});
      at_ = at_ + Span::Seconds(random_->Between(5, 60));
    }
    return 2 * messages;
  }

  const LifeOptions options_;
  Random* const random_;
  std::vector<std::vector<std::unique_ptr<SentRecord>>> sent_;
  std::vector<StreamPosition> position_;
  EventTime at_ = kStart;
  std::string account_;
  int64_t judged_ = 0;
};

}  // namespace

absl::StatusOr<Policy> CompilePolicy(std::string_view text) {
  Policy policy;
  policy.version = text;
  if (text == "mild") {
    policy.mode = Mode::kShadow;
  } else if (text == "strict") {
    policy.suspend.risk = policy.throttle.risk = 40;
    policy.suspend.lasts = Span::Hours(2);
    policy.evidence_fresh = Span::Hours(12);
  } else if (text != "first") {
    return absl::InvalidArgumentError("not a policy");
  }
  return policy;
}

std::unique_ptr<OwnedRecord> Clone(const OwnedRecord& record) {
  auto copy = std::make_unique<OwnedRecord>(record);
  Point(copy.get());
  return copy;
}

std::vector<std::vector<std::unique_ptr<SentRecord>>> Live(const LifeOptions& options, Random* random) {
  return Author(options, random).Write();
}

}  // namespace sekisho::simulation
