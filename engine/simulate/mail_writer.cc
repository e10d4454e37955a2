#include "engine/simulate/mail_writer.h"

#include <algorithm>

#include "engine/simulate/text.h"

namespace sekisho::simulate {
namespace {

constexpr std::string_view kMailboxHost = "imap-1.mail.example.jp[10.20.0.20]:24";
constexpr std::string_view kRelayHost = "relay-1.mail.example.jp[10.20.0.40]:25";

std::string_view SubmissionPeer(LogFile file) {
  return file == LogFile::kSubmission2 ? "submission-2.mail.example.jp[10.20.0.12]"
                                       : "submission-1.mail.example.jp[10.20.0.11]";
}

}  // namespace

std::string Envelope::MessageId() const {
  return simulate::MessageId(message_id_style, message_id_key, written, message_id_domain);
}

MailWriter::MailWriter(const SimulateOptions& options, const Population& population, LogBuffer* lines)
    : options_(options), population_(population), lines_(lines), webmail_ip_(*IpAddress::Parse(kWebmailAddress)), random_(options.seed), words_(options.seed) {}

std::string MailWriter::NewQueueId(Micros at) {
  if (!text()) return {};
  return QueueId(at, 0x80000 + words_.Below(0x200000), options_.long_queue_ids);
}

void MailWriter::TellLogin(Micros at, LogFile file, ActivityService service, std::string_view login,
                           const IpAddress& ip) {
  if (text()) return;
  Activity a;
  a.kind = ActivityKind::kLogin;
  a.service = service;
  a.file = file;
  a.account = login;
  a.ip = ip;
  lines_->Tell(at, a);
}

void MailWriter::TellFailure(Micros at, LogFile file, ActivityService service, std::string_view login,
                             const IpAddress& ip, bool known_user) {
  if (text()) return;
  Activity a;
  a.kind = ActivityKind::kLoginFailed;
  a.service = service;
  a.file = file;
  a.account = login;
  a.ip = ip;
  a.unknown_user = !known_user;
  lines_->Tell(at, a);
}

void MailWriter::TellDelivery(Micros at, const Queued& message, const Delivery& delivery, ActivityOutcome outcome,
                              StatusDigits status, bool spam_refusal) {
  // A notice and mail from outside are no account's.
  if (text() || message.account.empty()) return;
  Activity a;
  a.kind = ActivityKind::kDelivery;
  a.service = ActivityService::kSmtp;
  a.file = message.file;
  a.account = message.account;
  a.ip = message.ip;
  a.message = message.number;
  a.outcome = outcome;
  a.status = status;
  a.spam_refusal = spam_refusal;
  const std::string_view to = delivery.to.address;
  a.recipient_list = {&to, 1};
  lines_->Tell(at, a);
}

Connection MailWriter::Connect(Micros at, const Source& source, const Mailer& mailer) {
  Connection c;
  c.session = lines_->NewSession();
  c.file = mailer.second_server ? LogFile::kSubmission2 : LogFile::kSubmission1;
  c.program = mailer.port465 ? Program::kSubmissions : Program::kSubmission;
  c.ip = source.ip;
  c.login_method = mailer.login_method;
  if (!text()) return c;
  c.peer = ReverseName(population_.networks(), source) + '[' + source.ip.ToString() + ']';
  lines_->Add(at, c.file, c.program, Place::kFirst, c.session, "connect from " + c.peer);
  return c;
}

void MailWriter::FailLogin(Connection* c, Micros at, std::string_view login) {
  ++failures_;
  ++c->auth_tried;
  TellFailure(at, c->file, ActivityService::kSmtp, login, c->ip, true);
  if (!text()) return;
  scratch_.clear();
  Text out(&scratch_);
  out << "warning: " << c->peer << ": SASL " << (c->login_method ? "LOGIN" : "PLAIN")
      << " authentication failed: " << (c->login_method ? "UGFzc3dvcmQ6" : "(reason unavailable)")
      << ", sasl_username=" << login;
  lines_->Add(at, c->file, c->program, Place::kInside, c->session, scratch_);
}

Micros MailWriter::Send(Connection* c, Micros at, std::string_view login, const Envelope& envelope,
                        std::string* queue_id) {
  ++submissions_;
  if (c->auth_ok == 0) {
    ++c->auth_ok;
    ++c->auth_tried;
    at += random_.Between(120'000, 900'000);  // TLS and authentication
  }
  ++c->messages;
  c->recipients += static_cast<uint32_t>(envelope.deliveries.size());
  Queued message{c->file, NewQueueId(at), at, at, login, c->ip, c->webmail, ++messages_};
  if (queue_id != nullptr) *queue_id = message.id;
  if (text()) {
    scratch_.clear();
    Text(&scratch_) << message.id << ": client=" << c->peer
                    << ", sasl_method=" << (c->login_method ? "LOGIN" : "PLAIN") << ", sasl_username=" << login;
    lines_->Add(at, c->file, c->program, Place::kInside, c->session, scratch_);
  } else {
    Activity a;
    a.kind = ActivityKind::kSubmission;
    a.service = ActivityService::kSmtp;
    a.file = c->file;
    a.account = login;
    a.ip = c->ip;
    a.via_webmail = c->webmail;
    a.message = message.number;
    lines_->Tell(at, a);
  }
  QueueLines(message, at + random_.Between(20'000, 300'000), envelope);
  Deliver(&message, envelope, true);
  return at;
}

void MailWriter::Disconnect(Connection* c, Micros at) {
  if (!text()) return;
  const bool starttls = c->program == Program::kSubmission;
  const uint32_t ok = (starttls ? 3 : 1) + c->auth_ok + 2 * c->messages + c->recipients + 1;
  scratch_.clear();
  Text out(&scratch_);
  out << "disconnect from " << c->peer << (starttls ? " ehlo=2 starttls=1" : " ehlo=1")
      << " auth=" << c->auth_ok;
  if (c->auth_tried > c->auth_ok) out << '/' << c->auth_tried;
  if (c->messages > 0) out << " mail=" << c->messages << " rcpt=" << c->recipients << " data=" << c->messages;
  out << " quit=1 commands=" << ok;
  if (c->auth_tried > c->auth_ok) out << '/' << ok + c->auth_tried - c->auth_ok;
  lines_->Add(at, c->file, c->program, Place::kLast, c->session, scratch_);
}

void MailWriter::QueueLines(const Queued& message, Micros at, const Envelope& envelope) {
  // The size is known once the message has come in: about a megabyte a second.
  const Micros come_in = at + static_cast<Micros>(envelope.size_bytes) + random_.Between(5'000, 60'000);
  if (text()) {
    scratch_.clear();
    Text(&scratch_) << message.id << ": message-id=<" << envelope.MessageId() << '>';
    Add(at, message.file, Program::kCleanup, scratch_);
    scratch_.clear();
    Text(&scratch_) << message.id << ": from=<" << envelope.sender << ">, size=" << envelope.size_bytes
                    << ", nrcpt=" << envelope.deliveries.size() << " (queue active)";
    Add(come_in, message.file, Program::kQmgr, scratch_);
  } else if (!message.account.empty() && message.file != LogFile::kRelay1) {
    Activity a;
    a.kind = ActivityKind::kQueued;
    a.service = ActivityService::kSmtp;
    a.file = message.file;
    a.account = message.account;
    a.ip = message.ip;
    a.via_webmail = message.webmail;
    a.message = message.number;
    a.recipients = static_cast<uint32_t>(envelope.deliveries.size());
    a.size_bytes = envelope.size_bytes;
    a.sender = envelope.sender;
    lines_->Tell(come_in, a);
  }
}

void MailWriter::Deliver(Queued* message, const Envelope& envelope, bool may_relay) {
  const Micros start =
      message->arrived + static_cast<Micros>(envelope.size_bytes) + random_.Between(380'000, 900'000);
  Envelope relayed;  // the part that passes the relay
  std::vector<Deferred> deferred;
  const bool relay = may_relay && options_.relay_share > 0 && random_.Chance(options_.relay_share);
  for (const Delivery& delivery : envelope.deliveries) {
    const Micros at = start + random_.Between(0, 400'000);
    if (relay && !delivery.to.local) {
      relayed.deliveries.push_back(delivery);
    } else if (!delivery.to.local &&
               (delivery.fate == Fate::kGreylisted || delivery.fate == Fate::kThrottled)) {
      deferred.push_back(
          {&delivery, delivery.fate == Fate::kGreylisted ? 1 : static_cast<int>(random_.Between(1, 3))});
      DeferOne(message, delivery, at);
    } else {
      DeliverOne(message, envelope, delivery, at);
    }
  }
  Retry(message, envelope, &deferred);
  if (!relayed.deliveries.empty()) {
    relayed.sender = envelope.sender;
    relayed.sender_domain = envelope.sender_domain;
    relayed.message_id_style = envelope.message_id_style;
    relayed.message_id_key = envelope.message_id_key;
    relayed.message_id_domain = envelope.message_id_domain;
    relayed.written = envelope.written;
    relayed.size_bytes = envelope.size_bytes + 240;  // its Received: header
    std::string relay_id;
    const Micros done = Relay(*message, relayed, start, &relay_id);
    for (const Delivery& delivery : relayed.deliveries) {
      if (!text()) break;
      DeliveryLine(*message, done, delivery, kRelayHost, done - message->arrived, "2.0.0", "sent",
                   "250 2.0.0 Ok: queued as " + relay_id);
    }
    message->gone = std::max(message->gone, done);
  }
  Remove(*message);
}

void MailWriter::DeferOne(Queued* message, const Delivery& delivery, Micros at) {
  const Micros done = at + static_cast<Micros>(random_.LogNormal(0.9e6, 0.7));
  const bool greylisted = delivery.fate == Fate::kGreylisted;
  message->gone = std::max(message->gone, done);
  const StatusDigits status{4, static_cast<uint8_t>(greylisted ? 2 : 7), 0};
  TellDelivery(done, *message, delivery, ActivityOutcome::kDeferred, status, !greylisted);
  if (!text()) return;
  const std::string host = MailHostOf(delivery.to);
  std::string answer;
  Text out(&answer);
  out << "host " << host << " said: ";
  if (greylisted) {
    out << "450 4.2.0 <" << delivery.to.address
        << ">: Recipient address rejected: Greylisted (in reply to RCPT TO command)";
  } else {
    out << "421 4.7.0 Too much mail from this network, try again later (in reply to MAIL FROM command)";
  }
  DeliveryLine(*message, done, delivery, host + ":25", done - message->arrived,
               greylisted ? "4.2.0" : "4.7.0", "deferred", answer);
}

void MailWriter::Retry(Queued* message, const Envelope& envelope, std::vector<Deferred>* deferred) {
  // The queue manager comes back after 5 min, then 10, then 20, and tries all that are left.
  Micros at = message->gone;
  for (Micros wait = 300 * kSecond; !deferred->empty(); wait *= 2) {
    at += wait + random_.Between(0, 120'000'000);
    if (text()) {
      scratch_.clear();
      Text(&scratch_) << message->id << ": from=<" << envelope.sender << ">, size=" << envelope.size_bytes
                      << ", nrcpt=" << deferred->size() << " (queue active)";
      Add(at, message->file, Program::kQmgr, scratch_);
    }
    std::vector<Deferred> left;
    for (Deferred& d : *deferred) {
      const Micros tried = at + random_.Between(100'000, 900'000);
      if (--d.rounds > 0) {
        DeferOne(message, *d.delivery, tried);
        left.push_back(d);
      } else {
        DeliverOne(message, envelope, *d.delivery, tried);
      }
    }
    deferred->swap(left);
  }
}

Micros MailWriter::Relay(const Queued& message, const Envelope& envelope, Micros at, std::string* relay_id) {
  const uint64_t session = lines_->NewSession();
  const std::string_view peer = SubmissionPeer(message.file);
  const auto line = [&](Micros when, Place place) {
    lines_->Add(when, LogFile::kRelay1, Program::kSmtpd, place, session, scratch_);
  };
  if (text()) {
    scratch_.clear();
    Text(&scratch_) << "connect from " << peer;
    line(at, Place::kFirst);
  }
  at += random_.Between(2'000, 30'000);
  Queued relayed = message;
  relayed.file = LogFile::kRelay1;
  relayed.id = NewQueueId(at);
  relayed.arrived = relayed.gone = at;
  *relay_id = relayed.id;
  if (text()) {
    scratch_.clear();
    Text(&scratch_) << relayed.id << ": client=" << peer;
    line(at, Place::kInside);
  }
  const Micros taken = at + static_cast<Micros>(envelope.size_bytes) / 20 + random_.Between(10'000, 90'000);
  QueueLines(relayed, at + random_.Between(2'000, 9'000), envelope);
  const Micros end = taken + random_.Between(500, 4'000);
  if (text()) {
    scratch_.clear();
    Text(&scratch_) << "disconnect from " << peer << " ehlo=1 mail=1 rcpt=" << envelope.deliveries.size()
                    << " data=1 quit=1 commands=" << envelope.deliveries.size() + 4;
    line(end, Place::kLast);
  }
  Deliver(&relayed, envelope, false);
  return taken;
}

std::string MailWriter::MailHostOf(const Correspondent& to) const {
  const Networks& networks = population_.networks();
  const uint64_t key = PinnedHash64(to.domain);
  const std::vector<int>& carriers = networks.carriers(to.country, Role::kHosting);
  std::string host(key % 3 == 0 ? "mx." : (key % 3 == 1 ? "mx1." : "mail."));
  host += to.domain;
  host += '[';
  host += networks.AddressV4(carriers[key % carriers.size()], key, key).ToString();
  return host += "]";
}

std::string MailWriter::Accepted(const Correspondent& to, Micros at) {
  std::string answer;
  Text out(&answer);
  switch (PinnedHash64(to.domain) % 4) {
    case 0: {
      const bool long_form = words_.Chance(0.3);
      out << "250 2.0.0 Ok: queued as " << QueueId(at, words_.Below(0x400000) + 0x10000, long_form);
      break;
    }
    case 1:
      out << "250 2.0.0 OK  " << at / kSecond << ' ' << WebmailSessionId(words_.Next()) << ".23 - gsmtp";
      break;
    case 2:
      out << "250 OK id=" << WebmailSessionId(words_.Next()).substr(0, 6) << "-000"
          << words_.Below(9000) + 1000;
      break;
    default:
      out << "250 2.6.0 Queued mail for delivery";
      break;
  }
  return answer;
}

void MailWriter::DeliveryLine(const Queued& message, Micros at, const Delivery& delivery,
                              std::string_view relay, Micros spent, std::string_view dsn,
                              std::string_view status, std::string_view answer) {
  const int64_t total_ms = std::max<int64_t>(spent / 1000, 20);
  const int64_t in_queue_ms = total_ms > 120'000 ? total_ms - 3'000 : total_ms / 5;
  const int64_t connect_ms = (total_ms - in_queue_ms) / 3;
  const int64_t transfer_ms = total_ms - in_queue_ms - connect_ms - 10;
  scratch_.clear();
  Text out(&scratch_);
  out << message.id << ": to=<" << delivery.to.address << ">, relay=" << relay << ", delay=";
  out.Delay(total_ms) << ", delays=";
  out.Delay(in_queue_ms) << '/';
  out.Delay(10) << '/';
  out.Delay(connect_ms) << '/';
  out.Delay(transfer_ms) << ", dsn=" << dsn << ", status=" << status << " (" << answer << ')';
  Add(at, message.file, delivery.to.local ? Program::kLmtp : Program::kSmtp, scratch_);
}

void MailWriter::DeliverOne(Queued* message, const Envelope& envelope, const Delivery& delivery, Micros at) {
  const Micros done = at + static_cast<Micros>(random_.LogNormal(delivery.to.local ? 0.06e6 : 0.9e6, 0.7));
  StatusDigits status{2, 0, 0};
  if (delivery.fate == Fate::kUnknownUser) status = {5, 1, 1};
  if (!delivery.to.local) {
    if (delivery.fate == Fate::kMailboxFull) status = {5, 2, 2};
    if (delivery.fate == Fate::kSpamRefused) status = {5, 7, 1};
    if (delivery.fate == Fate::kNoHost) status = {5, 4, 4};
  }
  const bool bounced = status.klass == 5;
  if (text()) {
    OutcomeLine(*message, delivery, done);
  } else {
    const ActivityOutcome outcome = bounced ? ActivityOutcome::kBounced : ActivityOutcome::kSent;
    TellDelivery(done, *message, delivery, outcome, status, status.subject == 7);
  }
  if (bounced) Bounce(message, envelope, done);
  message->gone = std::max(message->gone, done);
}

void MailWriter::OutcomeLine(const Queued& message, const Delivery& delivery, Micros done) {
  const std::string& address = delivery.to.address;
  std::string answer;
  Text out(&answer);
  const auto line = [&](std::string_view relay, std::string_view dsn, std::string_view status) {
    DeliveryLine(message, done, delivery, relay, done - message.arrived, dsn, status, answer);
  };
  if (delivery.to.local) {
    if (delivery.fate == Fate::kUnknownUser) {
      out << "host imap-1.mail.example.jp[10.20.0.20] said: 550 5.1.1 <" << address
          << "> User doesn't exist: " << address << " (in reply to RCPT TO command)";
      line(kMailboxHost, "5.1.1", "bounced");
    } else {
      out << "250 2.0.0 <" << address << "> " << DovecotSessionId(done, 0, IpAddress::FromV4(0)) << " Saved";
      line(kMailboxHost, "2.0.0", "sent");
    }
    return;
  }
  const std::string host = MailHostOf(delivery.to);
  const std::string relay = host + ":25";
  const auto said = [&](std::string_view words, std::string_view dsn, std::string_view command) {
    out << "host " << host << " said: 5" << (dsn == "5.2.2" ? "52 " : "50 ") << dsn << ' ' << words
        << " (in reply to " << command << ')';
    line(relay, dsn, "bounced");
  };
  switch (delivery.fate) {
    case Fate::kUnknownUser:
      said('<' + address + ">: Recipient address rejected: User unknown", "5.1.1", "RCPT TO command");
      break;
    case Fate::kMailboxFull:
      said('<' + address + ">: mailbox is full", "5.2.2", "RCPT TO command");
      break;
    case Fate::kSpamRefused:
      said(words_.Chance(0.5) ? "Message rejected as spam" : "Message refused by policy", "5.7.1",
           "end of DATA command");
      break;
    case Fate::kNoHost:
      out << "Host or domain name not found. Name service error for name=" << delivery.to.domain
          << " type=AAAA: Host not found";
      line("none", "5.4.4", "bounced");
      break;
    default:
      out << Accepted(delivery.to, done);
      line(relay, "2.0.0", "sent");
  }
}

void MailWriter::Bounce(Queued* message, const Envelope& envelope, Micros at) {
  at += random_.Between(4'000, 60'000);
  const Micros done = at + random_.Between(20'000, 200'000);
  message->gone = std::max(message->gone, done);
  if (!text()) return;
  Queued notice;
  notice.file = message->file;
  notice.id = NewQueueId(at);
  notice.arrived = notice.gone = at;
  scratch_.clear();
  Text(&scratch_) << message->id << ": sender non-delivery notification: " << notice.id;
  Add(at + words_.Between(1'000, 9'000), message->file, Program::kBounce, scratch_);
  scratch_.clear();
  std::string stamp;
  const CivilDay date = CivilFromDays(at / kDay);
  Text digits(&stamp);
  digits << date.year;
  for (int64_t part :
       {int64_t{date.month}, int64_t{date.day}, at / kHour % 24, at / kMinute % 60, at / kSecond % 60}) {
    digits.Padded(static_cast<uint64_t>(part), 2);
  }
  Text(&scratch_) << notice.id << ": message-id=<" << stamp << '.' << notice.id << "@mail.example.jp>";
  Add(at, message->file, Program::kCleanup, scratch_);
  scratch_.clear();
  Text(&scratch_) << notice.id << ": from=<>, size=" << envelope.size_bytes / 4 + 2'000 + words_.Below(900)
                  << ", nrcpt=1 (queue active)";
  Add(at + 3'000, message->file, Program::kQmgr, scratch_);
  Delivery back;
  back.to = Correspondent{envelope.sender, envelope.sender_domain, true, 0};
  DeliveryLine(
      notice, done, back, kMailboxHost, done - at, "2.0.0", "sent",
      "250 2.0.0 <" + envelope.sender + "> " + DovecotSessionId(done, 0, IpAddress::FromV4(0)) + " Saved");
  scratch_.clear();
  Text(&scratch_) << notice.id << ": removed";
  Add(done + 1'000, message->file, Program::kQmgr, scratch_);
}

void MailWriter::Remove(const Queued& message) {
  if (!text()) return;
  scratch_.clear();
  Text(&scratch_) << message.id << ": removed";
  Add(message.gone + words_.Between(500, 20'000), message.file, Program::kQmgr, scratch_);
}

}  // namespace sekisho::simulate
