// The part of MailWriter that isn't submission: mailboxes, webmail, mail from outside.
#include <algorithm>

#include "engine/simulate/mail_writer.h"
#include "engine/simulate/text.h"

namespace sekisho::simulate {
namespace {

constexpr std::string_view kWebmailPeer = "webmail-1.mail.example.jp[10.20.0.30]";
constexpr std::string_view kMailboxAddress = "10.20.0.20";

}  // namespace

void MailWriter::Session(Micros at, Micros length, ActivityService service, const Source& source,
                         std::string_view login, int fetched) {
  ++logins_;
  const Micros end = at + length;
  if (!text()) {
    TellLogin(at, LogFile::kImap1, service, login, source.ip);
    if (fetched == 0) return;
    Activity a;
    a.kind = ActivityKind::kMailboxAccess;
    a.service = service;
    a.file = LogFile::kImap1;
    a.account = login;
    lines_->Tell(end, a);
    return;
  }
  const uint64_t session = lines_->NewSession();
  const std::string_view name = service == ActivityService::kPop3 ? "pop3" : "imap";
  const std::string id = DovecotSessionId(at, static_cast<uint16_t>(words_.Between(10'000, 65'000)), source.ip);
  scratch_.clear();
  Text(&scratch_) << name << "-login: Login: user=<" << login << ">, method=PLAIN, rip=" << source.ip.ToString()
                  << ", lip=" << kMailboxAddress << ", mpid=" << kPidMark << ", TLS, session=<" << id << '>';
  lines_->Add(at, LogFile::kImap1, Program::kDovecot, Place::kFirst, session, scratch_);
  const int64_t bytes = fetched == 0 ? 0 : static_cast<int64_t>(words_.LogNormal(20'000.0 * fetched, 0.9));
  scratch_.clear();
  Text out(&scratch_);
  out << name << '(' << login << ")<" << kPidMark << "><" << id << ">: Disconnected: ";
  if (service == ActivityService::kPop3) {
    const uint64_t held = static_cast<uint64_t>(fetched) + words_.Below(40);
    out << "Logged out top=0/0, retr=" << fetched << '/' << bytes << ", del=" << fetched << '/' << held
        << ", size=" << bytes + static_cast<int64_t>(held) * 9'000;
  } else {
    // One after another: the order in which operands are evaluated is the compiler's.
    const bool logged_out = words_.Chance(0.6);
    const uint64_t in = 90 + words_.Below(400) + 60 * static_cast<uint64_t>(fetched);
    const int64_t sent = 700 + static_cast<int64_t>(words_.Below(900)) + bytes;
    out << (logged_out ? "Logged out" : "Connection closed") << " in=" << in << " out=" << sent
        << " deleted=" << (fetched > 0 ? words_.Below(2) : 0) << " expunged=0 trashed=0 hdr_count=" << fetched
        << " hdr_bytes=" << 900 * fetched << " body_count=" << fetched << " body_bytes=" << bytes;
  }
  lines_->Add(end, LogFile::kImap1, Program::kDovecot, Place::kLast, session, scratch_);
}

void MailWriter::Imap(Micros at, const Source& source, std::string_view login, Micros length, int fetched) {
  Session(at, std::max<Micros>(length, 100'000), ActivityService::kImap, source, login, fetched);
}

void MailWriter::Pop3(Micros at, const Source& source, std::string_view login, int fetched) {
  Session(at, random_.Between(300'000, 6'000'000), ActivityService::kPop3, source, login, fetched);
}

void MailWriter::FailImap(Micros at, const Source& source, std::string_view login, bool known_user,
                          int attempts) {
  failures_ += static_cast<uint64_t>(attempts);
  std::string ip, id;
  if (text()) {
    ip = source.ip.ToString();
    id = DovecotSessionId(at, static_cast<uint16_t>(words_.Between(10'000, 65'000)), source.ip);
  }
  Micros now = at;
  for (int i = 0; i < attempts; ++i) {
    if (text()) {
      const uint64_t worker = 2'000 + words_.Below(30), request = 1 + words_.Below(900);
      scratch_.clear();
      Text(&scratch_) << "auth-worker(" << worker
                      << "): conn unix:auth-worker (pid=1187,uid=118): auth-worker<" << request << ">: sql("
                      << login << ',' << ip << ",<" << id
                      << ">): " << (known_user ? "Password mismatch" : "unknown user");
      Add(now, LogFile::kImap1, Program::kDovecot, scratch_);
    } else {
      TellFailure(now, LogFile::kImap1, ActivityService::kUnknown, login, source.ip, known_user);
    }
    now += random_.Between(1'800'000, 4'000'000);
  }
  if (!text()) return;
  scratch_.clear();
  Text(&scratch_) << "imap-login: Disconnected: Connection closed (auth failed, " << attempts
                  << " attempts in " << (now - at) / kSecond << " secs): user=<" << login
                  << ">, method=PLAIN, rip=" << ip << ", lip=" << kMailboxAddress << ", TLS, session=<" << id
                  << '>';
  Add(now, LogFile::kImap1, Program::kDovecot, scratch_);
}

WebmailSession MailWriter::LoginWebmail(Micros at, const Source& source, std::string_view login) {
  ++logins_;
  WebmailSession session{{}, source.ip, std::string(login)};
  if (text()) {
    session.id = WebmailSessionId(words_.Next());
    scratch_.clear();
    Text(&scratch_) << '<' << std::string_view(session.id).substr(0, 8) << "> Successful login for " << login
                    << " (ID: " << PinnedHash64(login) % 90'000 + 10 << ") from " << session.ip.ToString()
                    << " in session " << session.id;
    Add(at, LogFile::kWebmailUserlogins, Program::kRoundcube, scratch_);
  } else {
    TellLogin(at, LogFile::kWebmailUserlogins, ActivityService::kWebmail, login, source.ip);
  }
  const Source webmail{webmail_ip_, source.carrier};
  const Micros before = random_.Between(30'000, 90'000);
  const Micros length = random_.Between(200'000, 900'000);
  Imap(at - before, webmail, login, length, static_cast<int>(random_.Below(4)));
  return session;
}

void MailWriter::FailWebmail(Micros at, const Source& source, std::string_view login, bool known_user) {
  if (text()) {
    const std::string id = WebmailSessionId(words_.Next());
    scratch_.clear();
    Text(&scratch_) << '<' << std::string_view(id).substr(0, 8) << "> Failed login for " << login << " from "
                    << source.ip.ToString() << " in session " << id << " (error: 0)";
    Add(at, LogFile::kWebmailUserlogins, Program::kRoundcube, scratch_);
  } else {
    TellFailure(at, LogFile::kWebmailUserlogins, ActivityService::kWebmail, login, source.ip, true);
  }
  const Source webmail{webmail_ip_, source.carrier};
  FailImap(at - random_.Between(30'000, 90'000), webmail, login, known_user, 1);
}

Micros MailWriter::SendWebmail(const WebmailSession& session, Micros at, const Envelope& envelope) {
  Connection c;
  c.session = lines_->NewSession();
  c.file = LogFile::kSubmission1;
  c.program = Program::kSubmission;
  c.ip = webmail_ip_;
  c.webmail = true;
  c.peer = kWebmailPeer;
  if (text()) lines_->Add(at, c.file, c.program, Place::kFirst, c.session, "connect from " + c.peer);
  std::string queue_id;
  at = Send(&c, at, session.login, envelope, &queue_id);
  const Micros done = at + static_cast<Micros>(envelope.size_bytes) + random_.Between(120'000, 300'000);
  if (text()) {
    scratch_.clear();
    Text out(&scratch_);
    out << '<' << std::string_view(session.id).substr(0, 8) << "> User " << session.login << " ["
        << session.ip.ToString() << "]; Message <" << envelope.MessageId() << "> for ";
    for (size_t i = 0; i < envelope.deliveries.size(); ++i) {
      out << (i > 0 ? ", " : "") << envelope.deliveries[i].to.address;
    }
    out << "; 250: 2.0.0 Ok: queued as " << queue_id;
    Add(done, LogFile::kWebmailSendmail, Program::kRoundcube, scratch_);
  } else {
    Activity a;
    a.kind = ActivityKind::kSubmission;
    a.service = ActivityService::kWebmail;
    a.file = LogFile::kWebmailSendmail;
    a.account = session.login;
    a.ip = session.ip;
    a.recipients = static_cast<uint32_t>(envelope.deliveries.size());
    recipients_.clear();
    for (const Delivery& delivery : envelope.deliveries) recipients_.push_back(delivery.to.address);
    a.recipient_list = recipients_;
    lines_->Tell(done, a);
  }
  Disconnect(&c, done + random_.Between(1'000, 9'000));
  return at;
}

void MailWriter::Inbound(Micros at, const Source& source, std::string_view to, bool refused) {
  if (!text()) return;  // no account acts here
  const uint64_t session = lines_->NewSession();
  const std::string peer = ReverseName(population_.networks(), source) + '[' + source.ip.ToString() + ']';
  lines_->Add(at, LogFile::kMx1, Program::kSmtpd, Place::kFirst, session, "connect from " + peer);
  at += random_.Between(200'000, 900'000);
  const Correspondent from =
      population_.MakeStranger(population_.networks().carrier(source.carrier).country, 0.4, random_.Next());
  if (refused) {
    scratch_.clear();
    Text(&scratch_) << "NOQUEUE: reject: RCPT from " << peer << ": 550 5.1.1 <" << to
                    << ">: Recipient address rejected: User unknown in virtual mailbox table; from=<"
                    << from.address << "> to=<" << to << "> proto=ESMTP helo=<" << from.domain << '>';
    lines_->Add(at, LogFile::kMx1, Program::kSmtpd, Place::kInside, session, scratch_);
    scratch_.clear();
    Text(&scratch_) << "disconnect from " << peer << " ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4";
    lines_->Add(at + random_.Between(100'000, 500'000), LogFile::kMx1, Program::kSmtpd, Place::kLast, session,
                scratch_);
    return;
  }
  Queued message;
  message.file = LogFile::kMx1;
  message.id = NewQueueId(at);
  message.arrived = message.gone = at;
  scratch_.clear();
  Text(&scratch_) << message.id << ": client=" << peer;
  lines_->Add(at, LogFile::kMx1, Program::kSmtpd, Place::kInside, session, scratch_);
  Envelope envelope;
  envelope.sender = from.address;
  envelope.sender_domain = from.domain;
  const auto style = static_cast<uint32_t>(random_.Below(5));
  envelope.message_id_style = style;
  envelope.message_id_key = random_.Next();
  envelope.message_id_domain = from.domain;
  envelope.written = at;
  envelope.size_bytes = static_cast<uint64_t>(random_.LogNormal(14'000, 1.1));
  envelope.deliveries.push_back(
      Delivery{Correspondent{std::string(to), std::string(kRealm), true, 0}, Fate::kSent});
  QueueLines(message, at + random_.Between(50'000, 300'000), envelope);
  const Micros end = at + static_cast<Micros>(envelope.size_bytes) + random_.Between(300'000, 900'000);
  scratch_.clear();
  Text(&scratch_) << "disconnect from " << peer << " ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5";
  lines_->Add(end, LogFile::kMx1, Program::kSmtpd, Place::kLast, session, scratch_);
  Deliver(&message, envelope, false);
}

}  // namespace sekisho::simulate
