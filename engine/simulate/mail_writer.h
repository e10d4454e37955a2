// What the servers log when somebody connects, logs in, sends or reads: the lines of Postfix 3.7, Dovecot 2.3
// and Roundcube 1.6. Owners and thieves go through the very same functions, which aren't told who is who.
#ifndef SEKISHO_ENGINE_SIMULATE_MAIL_WRITER_H_
#define SEKISHO_ENGINE_SIMULATE_MAIL_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/simulate/lines.h"
#include "engine/simulate/names.h"
#include "engine/simulate/population.h"
#include "engine/simulate/random.h"

namespace sekisho::simulate {

// What becomes of one recipient's copy.
enum class Fate : uint8_t {
  kSent,
  kGreylisted,   // deferred with 4.2.0, taken some minutes later
  kThrottled,    // deferred with 4.7.0, taken after an hour or so
  kUnknownUser,  // 5.1.1
  kMailboxFull,  // 5.2.2
  kSpamRefused,  // 5.7.1
  kNoHost,       // 5.4.4: the domain doesn't exist
};

struct Delivery {
  Correspondent to;
  Fate fate = Fate::kSent;
};

struct Envelope {
  std::string sender;
  std::string sender_domain;
  // What its Message-ID is made of.
  uint32_t message_id_style = 0;
  uint64_t message_id_key = 0;
  std::string message_id_domain;
  Micros written = 0;
  uint64_t size_bytes = 0;
  std::vector<Delivery> deliveries;  // not empty

  // As in its header, without the brackets.
  std::string MessageId() const;
};

// An open connection to a submission server.
struct Connection {
  uint64_t session = 0;
  LogFile file = LogFile::kSubmission1;
  Program program = Program::kSubmission;
  IpAddress ip;
  std::string peer;  // "name[address]"; only where text is wanted
  bool webmail = false;
  bool login_method = false;
  uint32_t auth_ok = 0, auth_tried = 0, messages = 0, recipients = 0;
};

// An open webmail session.
struct WebmailSession {
  std::string id;
  IpAddress ip;  // true source
  std::string login;
};

// Thread-compatible. Where the lines' place is taken by activities, the same things happen at the same times: what
// only text shows (ids, words, counters) is drawn from a generator of its own.
class MailWriter {
 public:
  MailWriter(const SimulateOptions& options, const Population& population, LogBuffer* lines);

  // Begins the part of a day that belongs to one account or purpose: what is drawn from here on depends on
  // `key` alone, so that what an owner's lines look like doesn't depend on what a thief did before.
  void Begin(uint64_t key) {
    random_ = Random(key);
    words_ = Random(PinnedMix64(key));
  }

  // Submission. Times of one connection must not go back. Send returns the time of its client= line: when the
  // server took the first recipient.
  Connection Connect(Micros at, const Source& source, const Mailer& mailer);
  void FailLogin(Connection* connection, Micros at, std::string_view login);
  // `queue_id`, if not null, gets the message's queue id.
  Micros Send(Connection* connection, Micros at, std::string_view login, const Envelope& envelope,
              std::string* queue_id = nullptr);
  void Disconnect(Connection* connection, Micros at);

  // Mailbox. A session that lasts `length`, in which `fetched` messages are read.
  void Imap(Micros at, const Source& source, std::string_view login, Micros length, int fetched);
  void Pop3(Micros at, const Source& source, std::string_view login, int fetched);
  void FailImap(Micros at, const Source& source, std::string_view login, bool known_user, int attempts);

  // Webmail: the login is logged with the true source; mailbox and submission servers see the webmail host.
  WebmailSession LoginWebmail(Micros at, const Source& source, std::string_view login);
  void FailWebmail(Micros at, const Source& source, std::string_view login, bool known_user);
  Micros SendWebmail(const WebmailSession& session, Micros at, const Envelope& envelope);

  // A message from outside for one of ours, or a refused one.
  void Inbound(Micros at, const Source& source, std::string_view to, bool refused);

  bool wants_text() const { return lines_->wants_text(); }
  uint64_t submissions() const { return submissions_; }
  uint64_t logins() const { return logins_; }
  uint64_t failures() const { return failures_; }

 private:
  // A message in one host's queue.
  struct Queued {
    LogFile file;
    std::string id;  // only where text is wanted
    Micros arrived;
    Micros gone;  // when its last recipient was settled
    // Who submitted it; nobody for mail from outside and notices.
    std::string_view account;
    IpAddress ip;
    bool webmail = false;
    uint64_t number = 0;
  };

  // A recipient to be tried again, and how often until it is taken.
  struct Deferred {
    const Delivery* delivery;
    int rounds;
  };

  void Add(Micros at, LogFile file, Program program, std::string_view message) {
    lines_->Add(at, file, program, Place::kAlone, 0, message);
  }
  bool text() const { return wants_text(); }
  std::string NewQueueId(Micros at);
  void TellLogin(Micros at, LogFile file, ActivityService service, std::string_view login, const IpAddress& ip);
  void TellFailure(Micros at, LogFile file, ActivityService service, std::string_view login, const IpAddress& ip,
                   bool known_user);
  void TellDelivery(Micros at, const Queued& message, const Delivery& delivery, ActivityOutcome outcome,
                    StatusDigits status, bool spam_refusal);
  void QueueLines(const Queued& message, Micros at, const Envelope& envelope);
  void Deliver(Queued* message, const Envelope& envelope, bool may_relay);
  void DeferOne(Queued* message, const Delivery& delivery, Micros at);
  void Retry(Queued* message, const Envelope& envelope, std::vector<Deferred>* deferred);
  // Settles one recipient for good; one that was deferred before is taken now.
  void DeliverOne(Queued* message, const Envelope& envelope, const Delivery& delivery, Micros at);
  void OutcomeLine(const Queued& message, const Delivery& delivery, Micros done);
  void Session(Micros at, Micros length, ActivityService service, const Source& source, std::string_view login,
               int fetched);
  Micros Relay(const Queued& message, const Envelope& envelope, Micros at, std::string* relay_id);
  void DeliveryLine(const Queued& message, Micros at, const Delivery& delivery, std::string_view relay,
                    Micros spent, std::string_view dsn, std::string_view status, std::string_view answer);
  void Bounce(Queued* message, const Envelope& envelope, Micros at);
  void Remove(const Queued& message);
  // "mx.example.net[192.0.2.1]" of a recipient's domain.
  std::string MailHostOf(const Correspondent& to) const;
  std::string Accepted(const Correspondent& to, Micros at);

  const SimulateOptions& options_;
  const Population& population_;
  LogBuffer* lines_;
  const IpAddress webmail_ip_;
  Random random_;
  Random words_;
  std::string scratch_;
  std::vector<std::string_view> recipients_;
  uint64_t messages_ = 0;
  uint64_t submissions_ = 0;
  uint64_t logins_ = 0;
  uint64_t failures_ = 0;
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_MAIL_WRITER_H_
