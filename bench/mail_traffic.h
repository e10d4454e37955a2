// The traffic of a mail service that does not exist, one event after the other, without end: what its connectors would send.
// A pure function of seed and times, so two runs see the same.
//
// Of a hundred events: 48 IMAP logins, 8 readings of mail, 6 webmail logins, 4 failed logins, and 34 that belong to messages
// (login, submission, queued, delivery, among other accounts' events). Half of the accounts are picked uniformly, half by
// Zipf's law (exponent 0.9), so that some are always warm and most are cold. Everybody has a home address and, one event in
// sixteen, one of four others. 1% of the events come late, by up to five minutes, and 0.1% twice.
//
// Now and then an account is stolen: eight messages, each from another foreign address, as operators of large mail services
// saw and published. It is sure to be suspended; which event of it leads to that, is the policy's business.
#ifndef SEKISHO_BENCH_MAIL_TRAFFIC_H_
#define SEKISHO_BENCH_MAIL_TRAFFIC_H_

#include <cstdint>
#include <deque>
#include <queue>
#include <string>
#include <vector>

#include "connectors/common/event.h"
#include "engine/base/time.h"

namespace sekisho {

class MailTraffic {
 public:
  struct Options {
    uint64_t seed = 1;
    uint64_t accounts = 100'000;   // at least 1
    uint64_t theft_every = 0;      // events; 0: nobody steals
    Span theft_gap = Span::Minutes(3);  // between two messages of one thief
  };
  explicit MailTraffic(const Options& options);

  struct Item {
    connectors::Event event;      // its views are good until the next call
    connectors::Origin origin;
    bool stolen = false;          // the thief's
    bool twice = false;           // to be sent a second time, as it is
  };
  // `now` never goes back.
  Item Next(EventTime now);

  uint64_t thefts() const { return thefts_; }

 private:
  // A message's way: 0 login, 1 submission, 2 queued, 3 delivery.
  struct Message {
    uint64_t account = 0;
    uint32_t ip = 0;
    bool stolen = false;
    int step = 0;
    uint64_t key = 0;
  };
  struct Theft {
    EventTime due;
    uint64_t account = 0;
    int messages = 0;  // so far
    bool operator>(const Theft& other) const { return due > other.due; }
  };

  uint64_t Draw();
  uint64_t PickAccount();
  uint32_t AddressOf(uint64_t account, uint64_t r) const;
  void Fill(const Message& message, connectors::Event* event);

  const Options options_;
  const double zipf_span_;
  uint64_t state_, count_ = 0, thefts_ = 0;
  std::deque<Message> messages_;
  std::priority_queue<Theft, std::vector<Theft>, std::greater<>> thieves_;
  std::vector<uint64_t> positions_;  // of each stream
  std::string login_, queue_id_;
  connectors::Recipient recipient_;
};

}  // namespace sekisho

#endif  // SEKISHO_BENCH_MAIL_TRAFFIC_H_
