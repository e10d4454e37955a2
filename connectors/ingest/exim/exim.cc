// One Exim line to events: a message id or the words of the line say what it is, then it is read from the left.
#include "connectors/ingest/exim/exim.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "connectors/common/scan.h"
#include "connectors/common/smtp_reply.h"

namespace sekisho::connectors {
namespace {

// Recipients named by one line: each costs a look at its address, and a message may have thousands.
constexpr size_t kRecipientsListedMax = 256;

// "16ZCW1-0005MB-00", since 4.97 "1rhPzs-00000000VCC-1abc".
bool IsMessageId(std::string_view id) {
  size_t dash1 = 6, dash2;
  if (id.size() == 16) {
    dash2 = 13;
  } else if (id.size() == 23) {
    dash2 = 18;
  } else {
    return false;
  }
  for (size_t i = 0; i < id.size(); ++i) {
    if (i == dash1 || i == dash2 ? id[i] != '-' : !IsAlnum(id[i])) return false;
  }
  return true;
}

bool TakeMessageId(std::string_view* s, std::string_view* id) {
  for (const size_t n : {size_t{16}, size_t{23}}) {
    if (s->size() > n && (*s)[n] == ' ' && IsMessageId(s->substr(0, n))) {
      *id = s->substr(0, n);
      s->remove_prefix(n + 1);
      return true;
    }
  }
  return false;
}

// Takes what a syslog daemon or Exim itself may have put in front of a message: "host exim[pid]: ", a second date,
// "[pid] ". Returns whether the program's name was there.
bool TakePrefixes(std::string_view* s) {
  bool named = false;
  const size_t blank = s->find(' ');
  if (blank != std::string_view::npos) {
    std::string_view rest = s->substr(blank + 1);
    if (Consume(&rest, "exim")) {
      Consume(&rest, "4");
      if (Consume(&rest, "[")) {
        TakeNumber(&rest);
        if (Consume(&rest, "]: ")) {
          *s = rest;
          named = true;
        }
      }
    }
  }
  const auto at = [s](size_t i) { return i < s->size() ? (*s)[i] : '\0'; };
  if (IsDigit(at(0)) && at(4) == '-' && at(7) == '-' && at(10) == ' ' && at(13) == ':' && at(16) == ':') {
    std::string_view rest = s->substr(11);
    rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    Consume(&rest, " ");
    if (rest.starts_with('+') || rest.starts_with('-')) TakeUntil(&rest, " ");
    *s = rest;
  }
  if (at(0) == '[') {
    std::string_view rest = s->substr(1);
    if (!rest.empty() && IsDigit(rest[0])) {
      TakeNumber(&rest);
      if (Consume(&rest, "] ")) *s = rest;
    }
  }
  return named;
}

struct Host {
  std::string_view name;
  IpAddress ip;  // unspecified where the line has none
  uint16_t port = 0;
  Listener listener = Listener::kUnknown;
};

// "name (helo) [IP]:port I=[IP]:port", each part but one optional. Takes up to the end of the address.
Host TakeHost(std::string_view* s) {
  Host host;
  size_t end = s->size();
  for (const std::string_view next : {" I=[", " P=", " U=", " F=", " Ci=", ": ", " rejected ", " temporarily "}) {
    end = std::min(end, s->substr(0, end).find(next));
  }
  const std::string_view spec = s->substr(0, end);
  size_t open = 0;
  while (open < spec.size() && spec[open] != ' ' && spec[open] != '(' && spec[open] != '[') {
    if (spec[open] == '=') return host;
    ++open;
  }
  host.name = spec.substr(0, open);
  if (open < spec.size() && spec[open] == ' ') ++open;
  if (open < spec.size() && spec[open] == '(') {
    // The last one: what a HELO name holds can only come before it.
    const size_t last = spec.rfind(") [");
    if (last == std::string_view::npos || last < open) return host;
    open = last + 2;
  }
  if (open >= spec.size() || spec[open] != '[') return host;
  const size_t close = spec.find(']', open);
  if (close == std::string_view::npos) return host;
  if (const auto ip = IpAddress::Parse(spec.substr(open + 1, close - open - 1))) host.ip = *ip;
  s->remove_prefix(close + 1);
  if (s->size() >= 2 && (*s)[0] == ':' && IsDigit((*s)[1])) {
    s->remove_prefix(1);
    host.port = static_cast<uint16_t>(std::min<uint64_t>(TakeNumber(s), UINT16_MAX));
  }
  std::string_view rest = *s;
  if (Consume(&rest, " I=[") && TakeUntil(&rest, "]") && Consume(&rest, ":")) {
    switch (TakeNumber(&rest)) {
      case 25: host.listener = Listener::kPort25; break;
      case 465: host.listener = Listener::kPort465; break;
      case 587: host.listener = Listener::kPort587; break;
      default: break;
    }
  }
  return host;
}

// An address at the front: it ends at a blank, but not at one within quotes.
std::string_view TakeAddress(std::string_view* s) {
  const size_t end = std::min(s->find(' ', QuotedBytes(*s)), s->size());
  const std::string_view address = s->substr(0, end);
  s->remove_prefix(end);
  return address;
}

// The value of A= among the fields before S=; DN= and SNI= are the client's words, in quotes.
std::optional<std::string_view> FindAuthenticator(std::string_view fields) {
  while (TakeUntil(&fields, " ")) {
    if (Consume(&fields, "A=")) return fields;
    for (const std::string_view quoted : {"DN=", "SNI="}) {
      if (Consume(&fields, quoted)) fields.remove_prefix(QuotedBytes(fields));
    }
  }
  return std::nullopt;
}

// "driver[:id[:sender]]", after which a few flags may stand.
bool SplitAuthenticator(std::string_view value, std::string_view* driver, std::string_view* user) {
  value = value.substr(0, value.find(" PRX="));
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view flag : {" K", " L", " PRDR", " SMTPUTF8"}) {
      if (value.ends_with(flag)) {
        value.remove_suffix(flag.size());
        more = true;
      }
    }
  }
  const auto name = TakeUntil(&value, ":");
  if (!name) return false;
  *driver = *name;
  *user = value.substr(0, value.find(':'));
  return !user->empty();
}

// The remote server's answer in an error text: from its three digits on; empty where there is none.
std::string_view ReplyIn(std::string_view text) {
  while (TakeUntil(&text, ": ")) {
    if (text.size() >= 4 && (text[0] == '4' || text[0] == '5') && IsDigit(text[1]) && IsDigit(text[2]) &&
        (text[3] == ' ' || text[3] == '-')) {
      return text;
    }
  }
  return {};
}

class Exim final : public EximParser {
 public:
  Exim(Canonicalizer* canonicalizer, EximOptions options)
      : canonicalizer_(canonicalizer), own_relays_(std::move(options.own_relays)), join_(options.queue_entries_max) {}

  std::string_view name() const override { return "exim"; }

  ParseResult Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) override {
    if (!line.program.empty() && !line.program.starts_with("exim")) return ParseResult::kNotMine;
    std::string_view s = line.message;
    const bool named = TakePrefixes(&s) || !line.program.empty();
    std::string_view id;
    if (TakeMessageId(&s, &id)) return OfMessage(line, id, s, sink, reason);
    if (Consume(&s, "H=")) return Rejected(line, s, sink);
    const ParseResult result = LoginFailed(line, s, sink);
    return result == ParseResult::kNotMine && named ? ParseResult::kIgnored : result;
  }

  void SaveState(std::string* out) const override { join_.Save(out); }
  absl::Status RestoreState(std::string_view bytes) override { return join_.Restore(bytes); }
  const JoinCounters& join_counters() const override { return join_.counters(); }

 private:
  ParseResult OfMessage(const LogLine& line, std::string_view id, std::string_view s, const EventSink& sink,
                        std::string_view* reason) {
    if (Consume(&s, "<= ")) return Arrived(line, id, s, sink, reason);
    if (Consume(&s, "H=")) return Rejected(line, s, sink);
    const bool completed = s == "Completed" || s.starts_with("Completed ");
    const std::string_view flag = s.substr(0, 3);
    const bool sent = flag == "=> " || flag == "-> " || flag == ">> ";
    const bool deferred = flag == "== ", failed = flag == "** ";
    if (!completed && !sent && !deferred && !failed) return ParseResult::kIgnored;
    const uint64_t host = QueueJoin::HostKey(line.host);
    const QueueJoin::Index entry = join_.Find(host, id, line.time);
    if (entry == QueueJoin::kNone) return ParseResult::kIgnored;
    if (completed) {
      join_.Removed(entry, line.time);
      return ParseResult::kEvents;
    }
    s.remove_prefix(3);
    HeldOutcome o;
    o.time = line.time;
    o.outcome = sent ? Outcome::kSent : deferred ? Outcome::kDeferred : Outcome::kBounced;
    std::string_view recipient = TakeRecipient(&s);
    if (!sent) {
      if (recipient.ends_with(':')) recipient.remove_suffix(1);
      const std::string_view reply = ReplyIn(s);
      o.status = ParseReplyCode(reply);
      o.spam_refusal = IsSpamRefusal(o.status, reply);
      if (failed && s.find("retry timeout exceeded") != std::string_view::npos && reply.empty()) o.outcome = Outcome::kExpired;
    }
    const QueuedMessage* m = join_.message(entry);
    if (m != nullptr && sent && (HandedOver(line, entry, host, s, sink) || join_.sent_counted(entry))) {
      return ParseResult::kEvents;
    }
    const Recipient address = canonicalizer_->Address(recipient, &address_);
    o.key = address.key;
    if (m != nullptr) {
      EmitDelivery(*m, o, line.host, address.domain, sink);
    } else {
      o.domain = address.domain;
      o.host = line.host;
      join_.Wait(entry, std::move(o));
    }
    return ParseResult::kEvents;
  }

  // "address", "address <original>", "address (parents) <original>", "|command <original>", ":blackhole: <original>"
  static std::string_view TakeRecipient(std::string_view* s) {
    std::string_view address;
    if (s->starts_with('|') || s->starts_with('/')) {
      const size_t end = std::min({s->find(" <"), s->find(" R="), s->size()});
      address = s->substr(0, end);
      s->remove_prefix(end);
    } else {
      address = TakeAddress(s);
    }
    std::string_view rest = *s;
    if (Consume(&rest, " (") && !TakeUntil(&rest, ")")) return address;
    if (!Consume(&rest, " <")) return address;
    const auto original = TakeBracketed(&rest);
    if (!original) return address;
    *s = rest;
    return original->find('@') == std::string_view::npos ? address : *original;
  }

  bool HandedOver(const LogLine& line, QueueJoin::Index entry, uint64_t host, std::string_view fields,
                  const EventSink& sink) {
    const auto before = TakeUntil(&fields, " H=");
    if (!before) return false;
    const Host next = TakeHost(&fields);
    const auto transport = TakeUntil(&fields, " C=\"");
    if (!transport || next.ip.unspecified()) return false;
    const size_t at = fields.rfind(" id=");
    if (at == std::string_view::npos) return false;
    const std::string_view tail = fields.substr(at + 4);
    const std::string_view id = tail.substr(0, tail.find_first_of("\" "));
    if (!IsMessageId(id)) return false;
    waiting_.clear();
    const auto verdict = join_.Deliver(entry, host, id, next.ip, MayBeOurs(next.ip), line.time, &waiting_);
    for (const HeldOutcome& o : waiting_) EmitDelivery(*join_.message(entry), o, o.host, o.domain, sink);
    return verdict == QueueJoin::HandOver::kFollowed;
  }

  // ID <= sender H=name (helo) [IP]:port I=[IP]:port P=esmtpsa X=… A=driver:user S=1234 id=… T="…" for a@b c@d
  ParseResult Arrived(const LogLine& line, std::string_view id, std::string_view s, const EventSink& sink,
                      std::string_view* reason) {
    const uint64_t host_key = QueueJoin::HostKey(line.host);
    const std::string_view sender = TakeAddress(&s);
    Host host;
    std::string_view driver, user, login;
    if (Consume(&s, " H=")) host = TakeHost(&s);
    const size_t size_at = s.find(" S=");
    if (size_at == std::string_view::npos) {
      *reason = "exim: arrival without S=";
      return ParseResult::kMalformed;
    }
    const auto authenticator = FindAuthenticator(s.substr(0, size_at));
    if (authenticator && SplitAuthenticator(*authenticator, &driver, &user)) login = canonicalizer_->Login(user);
    s.remove_prefix(size_at + 3);
    if (login.empty()) {
      if (MayBeOurs(host.ip)) {
        join_.Arrive(host_key, id, line.time, {});
      } else {
        join_.Forget(host_key, id);
      }
      return ParseResult::kEvents;
    }
    Event e = NewEvent(Kind::kSubmission, line, host);
    e.outcome = Outcome::kSuccess;
    e.account = login;
    e.queue_id = id;
    e.method = driver;
    e.size_bytes = TakeNumber(&s);
    if (!sender.empty() && sender != "<>") {
      const Recipient address = canonicalizer_->Address(sender, &address_);
      e.sender_domain = address.domain;
      e.sender_key = address.key;
    }
    e.recipients = ListRecipients(s);
    e.recipient_list = recipients_;
    if (join_.Submit(host_key, id, line.time, login, host.ip, host.listener)) sink(e);
    return ParseResult::kEvents;
  }

  // The addresses after the last " for ". All of them must look like addresses, or it is part of a subject.
  uint32_t ListRecipients(std::string_view s) {
    recipients_.clear();
    const size_t at = s.rfind(" for ");
    if (at == std::string_view::npos) return 0;
    s.remove_prefix(at + 4);
    uint32_t count = 0;
    while (Consume(&s, " ")) {
      const std::string_view address = TakeAddress(&s);
      if (address.empty() || address.find('@') == std::string_view::npos || address.back() == '"') {
        recipients_.clear();
        return 0;
      }
      if (count < kRecipientsListedMax) {
        recipients_.push_back(canonicalizer_->Address(address, &domains_[count]));
      }
      ++count;
    }
    return count;
  }

  // [text: ]driver authenticator failed for name (helo) [IP]:port I=[IP]:port: 535 text (set_id=user)
  ParseResult LoginFailed(const LogLine& line, std::string_view s, const EventSink& sink) {
    // An administrator's log_message may stand in front, as one word.
    size_t n = 0;
    const auto take_word = [&] {
      n = 0;
      while (n < s.size() && (IsAlnum(s[n]) || s[n] == '_' || s[n] == '-' || s[n] == '.')) ++n;
    };
    take_word();
    if (n > 0 && s.substr(n).starts_with(": ")) {
      s.remove_prefix(n + 2);
      take_word();
    }
    const std::string_view driver = s.substr(0, n);
    s.remove_prefix(n);
    if (driver.empty() || !Consume(&s, " authenticator failed ")) return ParseResult::kNotMine;
    if (!Consume(&s, "for H=") && !Consume(&s, "for ") && !Consume(&s, "H=")) return ParseResult::kIgnored;
    Event e = NewEvent(Kind::kLoginFailed, line, TakeHost(&s));
    e.outcome = Outcome::kFailure;
    e.method = driver;
    std::string_view answer = ReplyIn(s);
    if (answer.empty()) {  // the form with "H=" has no colon
      while (TakeUntil(&s, " ") && !(s.size() > 3 && (s[0] == '4' || s[0] == '5') && IsDigit(s[1]) && IsDigit(s[2]))) {
      }
      answer = s;
    }
    e.failure = answer.starts_with('4')      ? FailureKind::kInternal
                : answer.starts_with("501")  ? FailureKind::kAborted
                                             : FailureKind::kCredentials;
    if (TakeUntil(&answer, "(set_id=")) {
      const size_t end = answer.ends_with(')') ? answer.size() - 1 : answer.rfind("):");
      e.account = canonicalizer_->Login(answer.substr(0, end));
    }
    sink(e);
    return ParseResult::kEvents;
  }

  // H=name (helo) [IP]… F=<sender> rejected RCPT <recipient>: text
  ParseResult Rejected(const LogLine& line, std::string_view s, const EventSink& sink) {
    const Host host = TakeHost(&s);
    if (s.find(" rejected ") == std::string_view::npos) return ParseResult::kIgnored;
    Event e = NewEvent(Kind::kRejected, line, host);
    e.outcome = Outcome::kFailure;
    sink(e);
    return ParseResult::kEvents;
  }

  static Event NewEvent(Kind kind, const LogLine& line, const Host& host) {
    Event e;
    e.kind = kind;
    e.service = Service::kSmtp;
    e.time = line.time;
    e.host = line.host;
    e.ip = host.ip;
    e.client_name = host.name;
    e.client_port = host.port;
    e.listener = host.listener;
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
  std::vector<std::string> domains_ = std::vector<std::string>(kRecipientsListedMax);
  std::vector<Recipient> recipients_;
  std::vector<HeldOutcome> waiting_;
};

}  // namespace

std::unique_ptr<EximParser> MakeEximParser(Canonicalizer* canonicalizer, EximOptions options) {
  return std::make_unique<Exim>(canonicalizer, std::move(options));
}

}  // namespace sekisho::connectors
