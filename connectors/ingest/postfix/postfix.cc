// One Postfix line to events. Each daemon's lines are few and fixed, so each has its own small function that reads from
// the left; QueueJoin remembers across lines.
#include "connectors/ingest/postfix/postfix.h"

#include <algorithm>
#include <utility>

#include "connectors/common/scan.h"
#include "connectors/common/smtp_reply.h"

namespace sekisho::connectors {
namespace {

enum class Daemon : uint8_t { kNotPostfix, kOther, kSmtpd, kCleanup, kQmgr, kDelivery, kBounce, kPickup };

// Program names look like "postfix[-instance][/service]/daemon".
Daemon DaemonOf(std::string_view program) {
  if (!program.starts_with("postfix")) return Daemon::kNotPostfix;
  const size_t slash = program.rfind('/');
  if (slash == std::string_view::npos) return Daemon::kNotPostfix;
  const std::string_view name = program.substr(slash + 1);
  switch (name.size()) {
    case 4:
      if (name == "qmgr") return Daemon::kQmgr;
      if (name == "smtp" || name == "lmtp" || name == "pipe") return Daemon::kDelivery;
      break;
    case 5:
      if (name == "smtpd") return Daemon::kSmtpd;
      if (name == "local" || name == "error" || name == "retry" || name == "relay") return Daemon::kDelivery;
      if (name == "oqmgr" || name == "nqmgr") return Daemon::kQmgr;
      break;
    case 6:
      if (name == "bounce") return Daemon::kBounce;
      if (name == "pickup") return Daemon::kPickup;
      break;
    case 7:
      if (name == "cleanup") return Daemon::kCleanup;
      if (name == "virtual" || name == "discard") return Daemon::kDelivery;
      break;
    default:
      break;
  }
  return Daemon::kOther;
}

// The stock master.cf names its submission services in syslog_name; plain "postfix/smtpd" can be any port.
Listener ListenerOf(std::string_view program) {
  const std::string_view service = program.substr(0, program.rfind('/'));
  if (service.ends_with("submissions") || service.ends_with("smtps")) return Listener::kPort465;
  if (service.ends_with("submission")) return Listener::kPort587;
  return Listener::kUnknown;
}

// "3F2504E04: ". "NOQUEUE" is one, too; see IsQueueId.
bool TakeQueueId(std::string_view* s, std::string_view* id) {
  size_t n = 0;
  while (n < s->size() && n <= kQueueIdBytesMax && IsAlnum((*s)[n])) ++n;
  if (n < 5 || n > kQueueIdBytesMax || n + 1 >= s->size() || (*s)[n] != ':' || (*s)[n + 1] != ' ') return false;
  *id = s->substr(0, n);
  s->remove_prefix(n + 2);
  return true;
}

bool IsQueueId(std::string_view id) { return id != "NOQUEUE"; }

struct Client {
  std::string_view name;
  IpAddress ip;  // unspecified where the log says "unknown"
  uint16_t port = 0;
};

// "NAME[IP]" or "NAME[IP]:port". A name the server looked up holds no blank, comma or bracket.
bool TakeClient(std::string_view* s, Client* client) {
  size_t open = 0;
  while (open < s->size() && (*s)[open] != '[') {
    const char c = (*s)[open];
    if (c == ' ' || c == ',' || c == ']' || c == '<') return false;
    ++open;
  }
  const size_t close = s->find(']', open);
  if (close == std::string_view::npos) return false;
  client->name = s->substr(0, open);
  if (const auto ip = IpAddress::Parse(s->substr(open + 1, close - open - 1))) client->ip = *ip;
  s->remove_prefix(close + 1);
  if (s->size() >= 2 && (*s)[0] == ':' && IsDigit((*s)[1])) {
    s->remove_prefix(1);
    const uint64_t port = TakeNumber(s);
    client->port = port <= UINT16_MAX ? static_cast<uint16_t>(port) : 0;
  }
  return true;
}

// The user name that begins a text in which further fields may follow; see the header for the rule.
std::string_view UserName(std::string_view s) {
  for (const std::string_view field : {", sasl_sender=", ", orig_queue_id=", ", orig_client="}) {
    s = s.substr(0, s.find(field));
  }
  return s;
}

// What the server says of itself, not of the password.
bool IsServerTrouble(std::string_view reason) {
  for (const std::string_view trouble :
       {"Connection lost to authentication server", "Temporary authentication failure", "Internal authentication failure",
        "generic failure", "Invalid authentication mechanism", "no mechanism available", "Authentication server error"}) {
    if (reason.starts_with(trouble)) return true;
  }
  return false;
}

FailureKind FailureOf(std::string_view reason) {
  if (reason.starts_with("bad protocol") || reason.starts_with("Invalid base64") || reason.starts_with("authentication cancel")) {
    return FailureKind::kAborted;
  }
  return reason.starts_with("user not found") ? FailureKind::kUnknownUser : FailureKind::kCredentials;
}

class Postfix final : public PostfixParser {
 public:
  Postfix(Canonicalizer* canonicalizer, PostfixOptions options)
      : canonicalizer_(canonicalizer), own_relays_(std::move(options.own_relays)), join_(options.queue_entries_max) {}

  std::string_view name() const override { return "postfix"; }

  ParseResult Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) override {
    const Daemon daemon = DaemonOf(line.program);
    if (daemon == Daemon::kNotPostfix) return ParseResult::kNotMine;
    switch (daemon) {
      case Daemon::kSmtpd: return Smtpd(line, sink, reason);
      case Daemon::kCleanup: return Cleanup(line, sink, reason);
      case Daemon::kQmgr: return Qmgr(line, sink, reason);
      case Daemon::kDelivery: return Delivery(line, sink, reason);
      case Daemon::kBounce: return Bounce(line);
      case Daemon::kPickup: return Pickup(line);
      default: return ParseResult::kIgnored;
    }
  }

  void SaveState(std::string* out) const override { join_.Save(out); }
  absl::Status RestoreState(std::string_view bytes) override { return join_.Restore(bytes); }
  const JoinCounters& join_counters() const override { return join_.counters(); }

 private:
  ParseResult Smtpd(const LogLine& line, const EventSink& sink, std::string_view* reason) {
    std::string_view s = line.message;
    if (Consume(&s, "disconnect from ")) return Disconnect(line, s, sink, reason);
    if (Consume(&s, "warning: ")) return SaslFailure(line, s, sink);
    std::string_view id;
    if (!TakeQueueId(&s, &id)) return ParseResult::kIgnored;
    if (Consume(&s, "client=")) return Accepted(line, id, s, sink, reason);
    if (Consume(&s, "reject: ") || Consume(&s, "milter-reject: ")) return Rejected(line, id, s, sink, reason);
    return ParseResult::kIgnored;
  }

  // QID: client=NAME[IP], sasl_method=M, sasl_username=U[, sasl_sender=S][, orig_queue_id=Q][, orig_client=NAME[IP]]
  ParseResult Accepted(const LogLine& line, std::string_view id, std::string_view s, const EventSink& sink,
                       std::string_view* reason) {
    Client client;
    if (!TakeClient(&s, &client)) return Malformed(reason, "postfix: client= without NAME[IP]");
    Event e = NewEvent(Kind::kSubmission, line);
    std::string_view login;
    if (Consume(&s, ", sasl_method=")) {
      const auto method = TakeUntil(&s, ", sasl_username=");
      if (!method) return Malformed(reason, "postfix: sasl_method without sasl_username");
      e.method = *method;
      login = canonicalizer_->Login(UserName(s));
    }
    if (login.empty()) {
      if (IsQueueId(id)) Arrived(line, id, s, client);
      return ParseResult::kEvents;
    }
    e.listener = ListenerOf(line.program);
    e.outcome = Outcome::kSuccess;
    e.account = login;
    e.ip = client.ip;
    e.client_name = client.name;
    e.client_port = client.port;
    if (IsQueueId(id)) {
      if (!join_.Submit(QueueJoin::HostKey(line.host), id, line.time, login, client.ip, e.listener)) return ParseResult::kEvents;
      e.queue_id = id;
    }
    sink(e);
    return ParseResult::kEvents;
  }

  // A client that named no account. It matters only where it can be the next hop of an account's message.
  void Arrived(const LogLine& line, std::string_view id, std::string_view s, const Client& client) {
    const uint64_t host = QueueJoin::HostKey(line.host);
    std::string_view original;
    if (Consume(&s, ", orig_queue_id=")) original = s.substr(0, s.find(','));
    if (original.empty() && !MayBeOurs(client.ip)) {
      join_.Forget(host, id);
      return;
    }
    join_.Arrive(host, id, line.time, original);
  }

  // warning: NAME[IP]: SASL METHOD authentication failed: REASON[, sasl_username=U]
  ParseResult SaslFailure(const LogLine& line, std::string_view s, const EventSink& sink) {
    Client client;
    if (!TakeClient(&s, &client) || !Consume(&s, ": SASL ")) return ParseResult::kIgnored;
    Event e = NewEvent(Kind::kLoginFailed, line);
    // The method is the client's own word, so it may not hold what ends it.
    size_t n = 0;
    while (n < s.size() && (IsAlnum(s[n]) || s[n] == '-' || s[n] == '_')) ++n;
    e.method = s.substr(0, n);
    s.remove_prefix(n);
    if (!Consume(&s, " authentication ")) return ParseResult::kIgnored;
    std::string_view user;
    if (Consume(&s, "failed")) {
      Consume(&s, ":");
      Consume(&s, " ");
      const size_t tail = s.starts_with("sasl_username=") ? 0 : s.find(", sasl_username=");
      if (tail != std::string_view::npos) {
        user = s.substr(s.find('=', tail) + 1);
        if (user == "(unavailable)") user = {};
        s = s.substr(0, tail);
      }
      if (IsServerTrouble(s)) return ParseResult::kIgnored;
      e.failure = FailureOf(s);
    } else if (Consume(&s, "aborted")) {
      e.failure = FailureKind::kAborted;
    } else {
      return ParseResult::kIgnored;
    }
    e.listener = ListenerOf(line.program);
    e.outcome = Outcome::kFailure;
    e.account = canonicalizer_->Login(user);
    e.ip = client.ip;
    e.client_name = client.name;
    e.client_port = client.port;
    sink(e);
    return ParseResult::kEvents;
  }

  // disconnect from NAME[IP] ehlo=1 auth=0/1 mail=1 rcpt=1/2 data=1 quit=1 commands=5/7
  ParseResult Disconnect(const LogLine& line, std::string_view s, const EventSink& sink, std::string_view* reason) {
    Client client;
    if (!TakeClient(&s, &client)) return Malformed(reason, "postfix: disconnect without NAME[IP]");
    if (s.empty()) return ParseResult::kIgnored;  // before 3.0: no counters
    Event e = NewEvent(Kind::kSession, line);
    e.listener = ListenerOf(line.program);
    e.ip = client.ip;
    e.client_name = client.name;
    while (Consume(&s, " ")) {
      const size_t equals = std::min(s.find('='), s.size());
      const std::string_view command = s.substr(0, equals);
      s.remove_prefix(std::min(equals + 1, s.size()));
      const uint64_t ok = TakeNumber(&s);
      const uint64_t tried = Consume(&s, "/") ? TakeNumber(&s) : ok;
      const auto cap = [](uint64_t v) { return static_cast<uint16_t>(std::min<uint64_t>(v, UINT16_MAX)); };
      if (command == "auth") {
        e.auth_ok = cap(ok);
        e.auth_tried = cap(tried);
      } else if (command == "rcpt") {
        e.rcpt_ok = cap(ok);
        e.rcpt_tried = cap(tried);
      }
    }
    sink(e);
    return ParseResult::kEvents;
  }

  // reject: RCPT from NAME[IP]: 554 5.7.1 …; milter-reject: END-OF-MESSAGE from NAME[IP]: 5.7.1 …
  ParseResult Rejected(const LogLine& line, std::string_view id, std::string_view s, const EventSink& sink,
                       std::string_view* reason) {
    Event e = NewEvent(Kind::kRejected, line);
    e.listener = ListenerOf(line.program);
    e.outcome = Outcome::kFailure;
    if (IsQueueId(id)) {
      e.queue_id = id;
      const QueueJoin::Index entry = join_.Find(QueueJoin::HostKey(line.host), id, line.time);
      if (const QueuedMessage* m = entry == QueueJoin::kNone ? nullptr : join_.message(entry)) {
        e.account = m->account;
        e.queue_id = m->first_id();
        e.ip = m->ip;
      }
    }
    if (s.starts_with("header ") || s.starts_with("body ")) {
      // What follows is the client's text: only the join can say whose it was.
      if (e.account.empty()) return ParseResult::kIgnored;
    } else {
      Client client;
      if (!TakeUntil(&s, " from ") || !TakeClient(&s, &client) || !Consume(&s, ": ")) {
        return Malformed(reason, "postfix: reject without NAME[IP]");
      }
      e.ip = client.ip;
      e.client_name = client.name;
      e.status = ParseReplyCode(s);
    }
    sink(e);
    return ParseResult::kEvents;
  }

  ParseResult Cleanup(const LogLine& line, const EventSink& sink, std::string_view* reason) {
    std::string_view s = line.message, id;
    if (!TakeQueueId(&s, &id)) return ParseResult::kIgnored;
    if (Consume(&s, "milter-reject: ") || Consume(&s, "reject: ")) return Rejected(line, id, s, sink, reason);
    return ParseResult::kIgnored;
  }

  // QID: from=<S>, size=N, nrcpt=N (queue active); QID: removed; QID: from=<S>, status=expired, returned to sender
  ParseResult Qmgr(const LogLine& line, const EventSink& sink, std::string_view* reason) {
    std::string_view s = line.message, id;
    if (!TakeQueueId(&s, &id)) return ParseResult::kIgnored;
    const bool removed = s == "removed";
    if (!removed && !Consume(&s, "from=<")) return ParseResult::kIgnored;
    const QueueJoin::Index entry = join_.Find(QueueJoin::HostKey(line.host), id, line.time);
    if (entry == QueueJoin::kNone) return ParseResult::kIgnored;
    if (removed) {
      join_.Removed(entry, line.time);
      return ParseResult::kEvents;
    }
    QueuedMessage* m = join_.message(entry);
    if (m == nullptr) return ParseResult::kIgnored;
    const auto sender = TakeBracketed(&s);
    if (!sender) return Malformed(reason, "postfix: from=< without end");
    if (Consume(&s, ", status=")) {
      if (!s.starts_with("expired") && !s.starts_with("force-expired")) return ParseResult::kIgnored;
      HeldOutcome o;
      o.time = line.time;
      o.outcome = Outcome::kExpired;
      EmitDelivery(*m, o, line.host, {}, sink);
      return ParseResult::kEvents;
    }
    if (m->queued) return ParseResult::kEvents;
    if (!Consume(&s, ", size=")) return Malformed(reason, "postfix: from= without size=");
    const uint64_t size = TakeNumber(&s);
    if (!Consume(&s, ", nrcpt=")) return Malformed(reason, "postfix: size= without nrcpt=");
    Event e = NewEvent(Kind::kQueued, line);
    e.listener = m->listener;
    e.outcome = Outcome::kSuccess;
    e.account = m->account;
    e.ip = m->ip;
    e.queue_id = m->first_id();
    e.size_bytes = size;
    e.recipients = static_cast<uint32_t>(std::min<uint64_t>(TakeNumber(&s), UINT32_MAX));
    if (!sender->empty()) {
      const Recipient address = canonicalizer_->Address(*sender, &address_);
      e.sender_domain = address.domain;
      e.sender_key = address.key;
    }
    m->queued = true;
    sink(e);
    return ParseResult::kEvents;
  }

  // QID: to=<R>[, orig_to=<O>], relay=NAME[IP]:PORT, …, dsn=X.Y.Z, status=WORD (TEXT)
  ParseResult Delivery(const LogLine& line, const EventSink& sink, std::string_view* reason) {
    std::string_view s = line.message, id;
    if (!TakeQueueId(&s, &id) || !Consume(&s, "to=<")) return ParseResult::kIgnored;
    const uint64_t host = QueueJoin::HostKey(line.host);
    const QueueJoin::Index entry = join_.Find(host, id, line.time);
    if (entry == QueueJoin::kNone) return ParseResult::kIgnored;

    auto recipient = TakeBracketed(&s);
    if (!recipient) return Malformed(reason, "postfix: to=< without end");
    if (Consume(&s, ", orig_to=<")) {
      // What the sender wrote counts, before aliases and rewriting. A local name alone says less than its result.
      const auto original = TakeBracketed(&s);
      if (!original) return Malformed(reason, "postfix: orig_to=< without end");
      if (original->find('@') != std::string_view::npos) recipient = original;
    }
    if (!Consume(&s, ", relay=")) return Malformed(reason, "postfix: to= without relay=");
    const std::string_view relay = TakeUntil(&s, ", ").value_or("");
    auto figures = TakeUntil(&s, "status=");  // delay=…, delays=…, dsn=…
    if (!figures) return Malformed(reason, "postfix: to= without status=");
    StatusCode code;  // none before 2.3
    if (TakeUntil(&*figures, "dsn=")) code = ParseStatusCode(figures->substr(0, figures->find(',')));
    const std::string_view word = s.substr(0, s.find(' '));
    s.remove_prefix(word.size());

    HeldOutcome o;
    o.time = line.time;
    o.status = code;
    if (word == "sent") {
      o.outcome = Outcome::kSent;
    } else if (word == "deferred") {
      o.outcome = Outcome::kDeferred;
    } else if (word == "bounced") {
      o.outcome = Outcome::kBounced;
    } else if (word == "expired") {
      o.outcome = Outcome::kExpired;
    } else {
      return ParseResult::kIgnored;  // address probes: deliverable, undeliverable
    }
    if (o.outcome != Outcome::kSent) o.spam_refusal = IsSpamRefusal(o.status, s);

    const QueuedMessage* m = join_.message(entry);
    if (m != nullptr && o.outcome == Outcome::kSent && HandedOver(line, entry, host, relay, s, sink)) {
      return ParseResult::kEvents;
    }
    if (m != nullptr && o.outcome == Outcome::kSent && join_.sent_counted(entry)) return ParseResult::kEvents;
    const Recipient address = canonicalizer_->Address(*recipient, &address_);
    o.key = address.key;
    if (m == nullptr) {
      o.domain = address.domain;
      o.host = line.host;
      join_.Wait(entry, std::move(o));
      return ParseResult::kEvents;
    }
    EmitDelivery(*m, o, line.host, address.domain, sink);
    return ParseResult::kEvents;
  }

  // Whether a `sent` only moved the message on within the fleet. Emits outcomes of the next hop that came early.
  bool HandedOver(const LogLine& line, QueueJoin::Index entry, uint64_t host, std::string_view relay,
                  std::string_view reply, const EventSink& sink) {
    constexpr std::string_view kQueuedAs = "queued as ";
    const size_t at = reply.rfind(kQueuedAs);
    Client next;
    if (at == std::string_view::npos || !TakeClient(&relay, &next) || next.ip.unspecified()) return false;
    std::string_view next_id = reply.substr(at + kQueuedAs.size());
    size_t n = 0;
    while (n < next_id.size() && IsAlnum(next_id[n])) ++n;
    if (n < 5 || n > kQueueIdBytesMax) return false;
    next_id = next_id.substr(0, n);
    waiting_.clear();
    const auto verdict =
        join_.Deliver(entry, host, next_id, next.ip, MayBeOurs(next.ip), line.time, &waiting_);
    const QueuedMessage& m = *join_.message(entry);
    for (const HeldOutcome& o : waiting_) EmitDelivery(m, o, o.host, o.domain, sink);
    return verdict == QueueJoin::HandOver::kFollowed;
  }

  ParseResult Bounce(const LogLine& line) {
    std::string_view s = line.message, id;
    if (!TakeQueueId(&s, &id)) return ParseResult::kIgnored;
    // "sender non-delivery notification: NEWQID" and its kin: the new message is nobody's.
    const auto kind = TakeUntil(&s, " notification: ");
    if (!kind) return ParseResult::kIgnored;
    join_.Forget(QueueJoin::HostKey(line.host), s);
    return ParseResult::kEvents;
  }

  ParseResult Pickup(const LogLine& line) {
    std::string_view s = line.message, id;
    if (!TakeQueueId(&s, &id) || !s.starts_with("uid=")) return ParseResult::kIgnored;
    join_.Forget(QueueJoin::HostKey(line.host), id);
    return ParseResult::kEvents;
  }

  static ParseResult Malformed(std::string_view* reason, std::string_view why) {
    *reason = why;
    return ParseResult::kMalformed;
  }

  static Event NewEvent(Kind kind, const LogLine& line) {
    Event e;
    e.kind = kind;
    e.service = Service::kSmtp;
    e.time = line.time;
    e.host = line.host;
    return e;
  }

  bool MayBeOurs(const IpAddress& ip) const {
    if (ip.unspecified()) return false;
    if (ip.is_private()) return true;
    return std::any_of(own_relays_.begin(), own_relays_.end(), [&](const IpNetwork& n) { return n.Contains(ip); });
  }

  Canonicalizer* const canonicalizer_;
  const std::vector<IpNetwork> own_relays_;
  QueueJoin join_;
  std::string address_;
  std::vector<HeldOutcome> waiting_;
};

}  // namespace

std::unique_ptr<PostfixParser> MakePostfixParser(Canonicalizer* canonicalizer, PostfixOptions options) {
  return std::make_unique<Postfix>(canonicalizer, std::move(options));
}

}  // namespace sekisho::connectors
