#include "bench/mail_traffic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "engine/base/hash.h"

namespace sekisho {
namespace {

using connectors::Event;
using connectors::Kind;
using connectors::Outcome;
using connectors::Service;

constexpr uint64_t kStreams = 16;
constexpr double kZipfRest = 0.1;  // one less the exponent
// The busiest accounts only poll: a service's monitoring, a client that looks each second.
constexpr uint64_t kPollers = 100;
constexpr int kTheftMessages = 8;
constexpr std::array<std::string_view, kStreams> kHosts = {"mx01", "mx02", "mx03", "mx04", "mx05", "mx06", "mx07", "mx08",
                                                           "mx09", "mx10", "mx11", "mx12", "mx13", "mx14", "mx15", "mx16"};
// First parts of networks far from Japan, in a dozen countries.
constexpr std::array<uint32_t, 16> kFar = {5, 31, 41, 62, 77, 88, 95, 105, 109, 177, 181, 186, 190, 196, 200, 212};

}  // namespace

MailTraffic::MailTraffic(const Options& options)
    : options_(options),
      zipf_span_(std::pow(static_cast<double>(options.accounts) + 1, kZipfRest) - 1),
      state_(PinnedMix64(options.seed)),
      positions_(kStreams) {}

uint64_t MailTraffic::Draw() { return PinnedMix64(state_ += 0x9e3779b97f4a7c15ull); }

uint64_t MailTraffic::PickAccount() {
  const uint64_t r = Draw();
  if ((r & 1) != 0) return (r >> 1) % options_.accounts;
  const double u = static_cast<double>(r >> 11) * 0x1p-53;
  const double rank = std::pow(1 + u * zipf_span_, 1 / kZipfRest) - 1;
  return std::min(static_cast<uint64_t>(rank), options_.accounts - 1);
}

uint32_t MailTraffic::AddressOf(uint64_t account, uint64_t r) const {
  const bool elsewhere = r % 16 == 0;
  const uint64_t place = PinnedMix64(elsewhere ? account * 4 + (r >> 8) % 4 : ~account);
  return static_cast<uint32_t>(0x85000000u | (place & 0xffffff));
}

void MailTraffic::Fill(const Message& message, Event* event) {
  event->service = Service::kSmtp;
  event->listener = connectors::Listener::kPort587;
  event->ip = IpAddress::FromV4(message.ip);
  if (message.step == 0) {
    event->kind = Kind::kLogin;
    event->outcome = Outcome::kSuccess;
    event->method = "PLAIN";
    return;
  }
  queue_id_.clear();
  for (uint64_t k = message.key, i = 0; i < 11; ++i, k >>= 4) queue_id_.push_back("0123456789ABCDEF"[k & 15]);
  event->queue_id = queue_id_;
  recipient_ = {message.stolen ? "victim.example" : "partner.example", message.key | 1};
  if (!message.stolen) recipient_.key = PinnedMix64(message.account * 8 + message.key % 8) | 1;
  switch (message.step) {
    case 1:
      event->kind = Kind::kSubmission;
      event->outcome = Outcome::kSuccess;
      return;
    case 2:
      event->kind = Kind::kQueued;
      event->outcome = Outcome::kSuccess;
      event->recipients = 1;
      event->size_bytes = 2000 + message.key % 60'000;
      return;
    default:
      event->kind = Kind::kDelivery;
      event->outcome = Outcome::kSent;
      event->status = {2, 0, 0};
      event->recipient_list = {&recipient_, 1};
      return;
  }
}

MailTraffic::Item MailTraffic::Next(EventTime now) {
  if (options_.theft_every > 0 && count_ % options_.theft_every == options_.theft_every - 1) {
    // None of the pollers, whose address is their only habit.
    const uint64_t first = std::min(kPollers, options_.accounts - 1);
    thieves_.push({now, first + Draw() % (options_.accounts - first), 0});
    ++thefts_;
  }
  ++count_;
  if (!thieves_.empty() && thieves_.top().due <= now) {
    Theft theft = thieves_.top();
    thieves_.pop();
    const uint64_t r = Draw();
    const uint32_t far = kFar[(theft.account + static_cast<uint64_t>(theft.messages) * 5) % kFar.size()];
    messages_.push_back({theft.account, far << 24 | static_cast<uint32_t>(r & 0xffffff), true, 0, Draw()});
    theft.due = now + options_.theft_gap;
    if (++theft.messages < kTheftMessages) thieves_.push(theft);
  }

  Item item;
  Event& event = item.event;
  const uint64_t r = Draw();
  uint64_t account = 0;
  if (!messages_.empty() && (r & 1) != 0) {
    Message message = messages_.front();
    messages_.pop_front();
    account = message.account;
    item.stolen = message.stolen;
    Fill(message, &event);
    if (++message.step < 4) messages_.push_back(message);
  } else {
    account = PickAccount();
    const uint32_t ip = AddressOf(account, r >> 16);
    const uint64_t kind = account < kPollers ? 0 : (r >> 8) % 1000;
    event.ip = IpAddress::FromV4(ip);
    event.service = Service::kImap;
    event.outcome = Outcome::kSuccess;
    event.kind = Kind::kLogin;
    event.method = "PLAIN";
    if (kind >= 885) {
      const Message message{account, ip, false, 0, Draw()};
      Fill(message, &event);
      messages_.push_back({account, ip, false, 1, message.key});
    } else if (kind >= 825) {
      event.kind = Kind::kLoginFailed;
      event.outcome = Outcome::kFailure;
      event.failure = connectors::FailureKind::kCredentials;
    } else if (kind >= 735) {
      event.service = Service::kWebmail;
    } else if (kind >= 615) {
      event.kind = Kind::kMailboxAccess;
    }
  }
  login_ = "user";
  login_ += std::to_string(account);
  login_ += "@example.jp";
  event.account = login_;
  event.time = now;
  if (!item.stolen && (r >> 32) % 100 == 0) event.time = now - Span::Millis(static_cast<int64_t>((r >> 40) % 300'000));
  const uint64_t stream = (r >> 4) % kStreams;
  event.host = kHosts[stream];
  event.client_port = static_cast<uint16_t>(1024 + (r >> 20) % 60'000);
  item.origin = {static_cast<uint32_t>(stream + 1), positions_[stream], 0};
  positions_[stream] += 150;
  item.twice = (r >> 24) % 1000 == 0;
  return item;
}

}  // namespace sekisho
