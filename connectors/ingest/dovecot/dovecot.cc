// Which process wrote a line decides how it is read.
#include "connectors/ingest/dovecot/dovecot.h"

#include <optional>
#include <string>

#include "connectors/common/json.h"
#include "connectors/common/log_time.h"
#include "connectors/common/text.h"
#include "connectors/ingest/dovecot/login_text.h"
#include "connectors/ingest/dovecot/told_once.h"
#include "engine/base/bytes.h"

namespace sekisho::connectors {
namespace {

using dovecot::AuthLine;
using dovecot::LoginText;
using dovecot::Teller;
using dovecot::ToldOnce;
using simdjson::dom::object;

constexpr auto kNone = std::string_view::npos;

constexpr char kStateVersion = 1;

enum class Process : uint8_t { kOther, kLogin, kAuth, kImap, kPop3, kStats };

struct ProcessName {
  std::string_view name;
  Process process;
  Service service;
};
constexpr ProcessName kProcesses[] = {
    {"imap-login", Process::kLogin, Service::kImap},        {"pop3-login", Process::kLogin, Service::kPop3},
    {"submission-login", Process::kLogin, Service::kSmtp},  {"managesieve-login", Process::kLogin, Service::kSieve},
    {"imap", Process::kImap, Service::kImap},               {"pop3", Process::kPop3, Service::kPop3},
    {"auth", Process::kAuth, Service::kUnknown},            {"auth-worker", Process::kAuth, Service::kUnknown},
    {"dovecot-auth", Process::kAuth, Service::kUnknown},    {"stats", Process::kStats, Service::kUnknown},
};

const ProcessName* FindProcess(std::string_view name) {
  for (const ProcessName& p : kProcesses) {
    if (p.name == name) return &p;
  }
  return nullptr;
}

bool TakePrefix(std::string_view* s, std::string_view prefix) {
  if (s->substr(0, prefix.size()) != prefix) return false;
  s->remove_prefix(prefix.size());
  return true;
}

// The number at the start of `text`; nullopt where there is none.
std::optional<uint64_t> LeadingNumber(std::string_view text) {
  uint64_t value = 0;
  size_t i = 0;
  for (; i < text.size() && i < 18 && text[i] >= '0' && text[i] <= '9'; ++i) value = value * 10 + (text[i] - '0');
  if (i == 0) return std::nullopt;
  return value;
}

// The number behind the last `key` in `text`; nullopt where there is none.
std::optional<uint64_t> Counter(std::string_view text, std::string_view key) {
  const size_t at = FindLast(text, key);
  if (at == kNone) return std::nullopt;
  return LeadingNumber(text.substr(at + key.size()));
}

Service ServiceFromExport(std::string_view name) {
  if (name == "imap") return Service::kImap;
  if (name == "pop3") return Service::kPop3;
  if (name == "smtp" || name == "submission") return Service::kSmtp;
  if (name == "sieve" || name == "managesieve") return Service::kSieve;
  return Service::kUnknown;
}

// Numbers are exported as numbers or, by older versions, as strings.
uint64_t NumberField(const object& fields, std::string_view key) {
  uint64_t number;
  if (fields[key].get(number) == simdjson::SUCCESS) return number;
  return LeadingNumber(JsonReader::Text(fields, key)).value_or(0);
}

class DovecotParser final : public Parser {
 public:
  explicit DovecotParser(Canonicalizer* canonicalizer) : canonicalizer_(canonicalizer) {}
  std::string_view name() const override { return "dovecot"; }
  ParseResult Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) override;
  void SaveState(std::string* out) const override;
  absl::Status RestoreState(std::string_view bytes) override;

 private:
  ParseResult ParseLogin(Service service, std::string_view text, const EventSink& sink, std::string_view* reason);
  ParseResult ParseAuth(std::string_view text, const EventSink& sink, std::string_view* reason);
  ParseResult ParseSession(Process process, std::string_view text, const EventSink& sink);
  ParseResult ParseExport(std::string_view json, const EventSink& sink, std::string_view* reason);
  ParseResult ExportedLogin(const object& fields, bool passdb, const EventSink& sink);
  ParseResult ExportedSubmission(const object& fields, const EventSink& sink);
  ParseResult ExportedCommand(const object& fields, Service service, const EventSink& sink);
  void StartEvent(const LogLine& line);
  ParseResult TellFailure(const LoginText& text, Teller teller, const EventSink& sink);
  ParseResult TellLogin(Teller teller, const EventSink& sink);

  Canonicalizer* const canonicalizer_;
  ToldOnce failures_, logins_, accesses_;
  bool several_tell_of_logins_ = false;  // a proxy's or an exported login was seen
  bool exports_requests_ = false;        // auth_request_finished was seen
  bool exports_commands_ = false;        // imap_command_finished or pop3_command_finished was seen
  JsonReader json_;
  std::string sender_;
  Event event_;
};

void DovecotParser::SaveState(std::string* out) const {
  out->assign(1, kStateVersion);
  ByteWriter writer(out);
  for (const bool flag : {several_tell_of_logins_, exports_requests_, exports_commands_}) writer.PutVarint(flag);
  for (const ToldOnce* told : {&failures_, &logins_, &accesses_}) told->Save(&writer);
}

absl::Status DovecotParser::RestoreState(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != kStateVersion) return absl::DataLossError("Dovecot: state of another version");
  ByteReader reader(bytes.substr(1));
  for (bool* flag : {&several_tell_of_logins_, &exports_requests_, &exports_commands_}) *flag = reader.VarintUpTo(1) != 0;
  for (ToldOnce* told : {&failures_, &logins_, &accesses_}) told->Restore(&reader);
  if (reader.done()) return absl::OkStatus();
  several_tell_of_logins_ = exports_requests_ = exports_commands_ = false;
  failures_ = logins_ = accesses_ = ToldOnce();
  return absl::DataLossError("Dovecot: damaged state");
}

void DovecotParser::StartEvent(const LogLine& line) {
  event_ = Event();
  event_.time = line.time;
  event_.host = line.host;
}

ParseResult DovecotParser::Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) {
  std::string_view text = line.message;
  const ProcessName* process = nullptr;
  if (line.program == "dovecot") {
    TakePrefix(&text, "dovecot: ");
    if (!text.empty() && text.front() == '{') {
      StartEvent(line);
      return ParseExport(text, sink, reason);
    }
    const size_t name = text.find_first_of(":([<{ ");
    process = FindProcess(text.substr(0, name));
    if (process == nullptr) return ParseResult::kIgnored;
    text.remove_prefix(process->name.size());
  } else if (line.program.empty()) {
    if (text.empty() || text.front() != '{' || text.find("\"event\"") == kNone) return ParseResult::kNotMine;
    StartEvent(line);
    return ParseExport(text, sink, reason);
  } else {
    // PAM logs under the process's own name.
    process = FindProcess(line.program);
    if (process == nullptr || process->process != Process::kAuth) return ParseResult::kNotMine;
    StartEvent(line);
    LoginText login;
    if (dovecot::ReadPamFailure(text, &login) != AuthLine::kFailure) return ParseResult::kNotMine;
    return TellFailure(login, Teller::kPam, sink);
  }
  StartEvent(line);
  switch (process->process) {
    case Process::kLogin:
      return ParseLogin(process->service, text, sink, reason);
    case Process::kAuth:
      return ParseAuth(text, sink, reason);
    case Process::kImap:
    case Process::kPop3:
      event_.service = process->service;
      return ParseSession(process->process, text, sink);
    case Process::kStats:
      TakePrefix(&text, ": ");
      if (!dovecot::TakeLevel(&text) || text.empty() || text.front() != '{') return ParseResult::kIgnored;
      return ParseExport(text, sink, reason);
    case Process::kOther:
      break;
  }
  return ParseResult::kIgnored;
}

ParseResult DovecotParser::TellFailure(const LoginText& text, Teller teller, const EventSink& sink) {
  event_.kind = Kind::kLoginFailed;
  event_.outcome = Outcome::kFailure;
  event_.failure = text.failure;
  event_.account = canonicalizer_->Login(text.user);
  event_.ip = text.ip;
  event_.method = text.method;
  event_.session = text.session;
  if (!failures_.Claim(text.session, event_.account, text.ip, teller, event_.time)) return ParseResult::kIgnored;
  sink(event_);
  return ParseResult::kEvents;
}

ParseResult DovecotParser::TellLogin(Teller teller, const EventSink& sink) {
  event_.kind = Kind::kLogin;
  event_.outcome = Outcome::kSuccess;
  // Without a session id nothing says that two logins are the same. Where login processes alone tell of logins there is
  // nothing to remember, which spares most installations a cache miss a line.
  if (teller != Teller::kLoginProcess) several_tell_of_logins_ = true;
  if (several_tell_of_logins_ && !logins_.ClaimSession(event_.session, teller, event_.time)) return ParseResult::kIgnored;
  sink(event_);
  return ParseResult::kEvents;
}

ParseResult DovecotParser::ParseLogin(Service service, std::string_view text, const EventSink& sink,
                                      std::string_view* reason) {
  if (!TakePrefix(&text, ": ") || !dovecot::TakeLevel(&text)) return ParseResult::kIgnored;
  bool success = TakePrefix(&text, "Login: ") || TakePrefix(&text, "Logged in: ");
  Teller teller = Teller::kLoginProcess;
  FailureKind failure = FailureKind::kNone;
  if (!success) {
    // The reason is the server's own up to the first of these; a version that logs no user has nothing hostile in it.
    size_t fields = text.find(": user=<");
    if (fields == kNone) fields = text.find("): method=");
    if (fields == kNone) fields = text.find("): rip=");
    if (fields == kNone) return ParseResult::kIgnored;
    const std::string_view why = text.substr(0, fields + 1);
    text.remove_prefix(text.find(": ", fields) + 2);
    success = why.substr(0, 6) == "proxy(" && why.find("): started proxying to ") != kNone;
    if (success) teller = Teller::kProxy;
    if (!success) failure = dovecot::ReadLoginReason(why);
    if (!success && failure == FailureKind::kNone) return ParseResult::kIgnored;
  }
  LoginText login;
  login.failure = failure;
  const char* wrong = text.size() > kDovecotLoginLineBytesMax ? "the line may have been cut"
                                                              : dovecot::ReadLoginFields(text, &login);
  if (wrong != nullptr) {
    *reason = wrong;
    return ParseResult::kMalformed;
  }
  event_.service = service;
  if (!success) return TellFailure(login, teller, sink);
  event_.account = canonicalizer_->Login(login.user);
  event_.ip = login.ip;
  event_.method = login.method;
  event_.session = login.session;
  return TellLogin(teller, sink);
}

ParseResult DovecotParser::ParseAuth(std::string_view text, const EventSink& sink, std::string_view* reason) {
  LoginText login;
  Teller teller = Teller::kAuthProcess;
  const bool long_line = text.size() > kDovecotLoginLineBytesMax;
  // "(pid): text" may also be 2.4's "(user,ip)<session>: text" with a user to match: a line that reads both ways is forged.
  AuthLine found = text.substr(0, 1) == "(" ? dovecot::ReadAuthFailure24(text, &login) : AuthLine::kOther;
  const size_t start = text.find(": ");
  if (start < 24) text.remove_prefix(start + 2);
  if (found == AuthLine::kOther && !dovecot::TakeLevel(&text)) return ParseResult::kIgnored;
  // "conn unix:auth-worker (pid=1,uid=2): auth-worker<3>: "
  if (TakePrefix(&text, "conn ")) {
    for (const std::string_view end : {std::string_view("): "), std::string_view(">: ")}) {
      const size_t at = text.find(end);
      if (at == kNone || at > 100) return ParseResult::kIgnored;
      text.remove_prefix(at + 3);
    }
    if (!dovecot::TakeLevel(&text)) return ParseResult::kIgnored;
  }
  LoginText other;
  AuthLine found_other = dovecot::ReadPamFailure(text, &other);
  if (found_other != AuthLine::kOther) {
    teller = Teller::kPam;
  } else {
    found_other = dovecot::ReadAuthFailure(text, &other);
  }
  if (found_other != AuthLine::kOther) {
    found = found == AuthLine::kOther ? found_other : AuthLine::kForged;
    login = other;
  }
  if (found == AuthLine::kOther) return ParseResult::kIgnored;
  if (found == AuthLine::kForged) {
    *reason = "a user name or password that looks like a log line";
    return ParseResult::kMalformed;
  }
  if (long_line) {
    *reason = "the line may have been cut";
    return ParseResult::kMalformed;
  }
  return TellFailure(login, teller, sink);
}

ParseResult DovecotParser::ParseSession(Process process, std::string_view text, const EventSink& sink) {
  // "(user)<pid><session>: text", before 2.3 "(user): text"
  if (text.empty() || text.front() != '(') return ParseResult::kIgnored;
  size_t end = 0, rest = kNone;
  for (end = text.find(')'); end != kNone; end = text.find(')', end + 1)) {
    if (text.substr(end, 3) == "): ") {
      rest = end + 3;
    } else if (text.substr(end, 2) == ")<") {
      const size_t open = text.find("><", end), close = text.find(">: ", end);
      if (open == kNone || close == kNone || open > close) continue;
      event_.session = text.substr(open + 2, close - open - 2);
      rest = close + 3;
    }
    if (rest != kNone) break;
  }
  if (rest == kNone) return ParseResult::kIgnored;
  event_.account = canonicalizer_->Login(text.substr(1, end - 1));
  text.remove_prefix(rest);
  if (!dovecot::TakeLevel(&text)) return ParseResult::kIgnored;
  if (text.substr(0, 10) != "Logged out" && text.substr(0, 12) != "Disconnected" &&
      text.substr(0, 17) != "Connection closed") {
    return ParseResult::kIgnored;
  }
  bool fetched;
  if (process == Process::kPop3) {
    fetched = Counter(text, "retr=").value_or(0) > 0;
  } else {
    const auto headers = Counter(text, " hdr_count="), bodies = Counter(text, " body_count=");
    fetched = headers || bodies ? headers.value_or(0) + bodies.value_or(0) + Counter(text, " expunged=").value_or(0) > 0
                                : Counter(text, " out=").value_or(0) > kIdleImapBytesMax;
  }
  if (!fetched || event_.account.empty()) return ParseResult::kIgnored;
  if (exports_commands_ && !accesses_.ClaimOnce(event_.session, event_.time)) return ParseResult::kIgnored;
  event_.kind = Kind::kMailboxAccess;
  sink(event_);
  return ParseResult::kEvents;
}

ParseResult DovecotParser::ParseExport(std::string_view json, const EventSink& sink, std::string_view* reason) {
  const auto record = json_.Parse(json);
  if (!record) {
    *reason = "not a JSON object";
    return ParseResult::kMalformed;
  }
  const std::string_view name = JsonReader::Text(*record, "event");
  if (name.empty()) return ParseResult::kNotMine;
  object fields;
  if ((*record)["fields"].get(fields) != simdjson::SUCCESS) return ParseResult::kIgnored;
  for (const char* key : {"end_time", "start_time"}) {
    double seconds;
    const auto time = ParseRfc3339(JsonReader::Text(*record, key));
    if (time) {
      event_.time = *time;
      break;
    }
    if ((*record)[key].get(seconds) == simdjson::SUCCESS && seconds > 0 && seconds < 1e11) {
      event_.time = EventTime::FromMillis(static_cast<int64_t>(seconds * 1000));
      break;
    }
  }
  const std::string_view host = JsonReader::Text(*record, "hostname");
  if (!host.empty()) event_.host = host;
  const auto ip = IpAddress::Parse(JsonReader::Text(fields, "remote_ip"));
  if (ip) event_.ip = *ip;
  const uint64_t port = NumberField(fields, "remote_port");
  if (port <= UINT16_MAX) event_.client_port = static_cast<uint16_t>(port);
  event_.session = JsonReader::Text(fields, "session");
  event_.account = canonicalizer_->Login(JsonReader::Text(fields, "user"));
  if (name == "auth_request_finished") {
    exports_requests_ = true;
    return ExportedLogin(fields, false, sink);
  }
  if (name == "auth_passdb_request_finished") return ExportedLogin(fields, true, sink);
  if (name == "smtp_server_transaction_finished") return ExportedSubmission(fields, sink);
  if (name == "imap_command_finished") return ExportedCommand(fields, Service::kImap, sink);
  if (name == "pop3_command_finished") return ExportedCommand(fields, Service::kPop3, sink);
  return ParseResult::kIgnored;
}

ParseResult DovecotParser::ExportedLogin(const object& fields, bool passdb, const EventSink& sink) {
  const std::string_view service = JsonReader::Text(fields, "service");
  // Not a client's logins: an administrator's tool, and an administrator in the user's place.
  if (service == "doveadm" || service == "lmtp" || !JsonReader::Text(fields, "master_user").empty()) {
    return ParseResult::kIgnored;
  }
  event_.service = ServiceFromExport(service);
  const uint64_t port = NumberField(fields, "local_port");
  if (event_.service == Service::kSmtp) {
    event_.listener = port == 25    ? Listener::kPort25
                      : port == 465 ? Listener::kPort465
                      : port == 587 ? Listener::kPort587
                                    : Listener::kUnknown;
  }
  event_.method = JsonReader::Text(fields, "mechanism");
  if (event_.account.empty()) event_.account = canonicalizer_->Login(JsonReader::Text(fields, "original_user"));
  LoginText failure;
  const std::string account(event_.account);  // the canonicaliser's buffer is about to be used again
  failure.user = account;
  failure.method = event_.method;
  failure.session = event_.session;
  failure.ip = event_.ip;
  if (passdb) {
    if (exports_requests_) return ParseResult::kIgnored;
    const std::string_view result = JsonReader::Text(fields, "result");
    failure.failure = result == "password_mismatch" ? FailureKind::kCredentials
                      : result == "user_unknown"    ? FailureKind::kUnknownUser
                      : result == "user_disabled" || result == "pass_expired" ? FailureKind::kDisabled
                      : result == "internal_failure"                          ? FailureKind::kInternal
                                                                              : FailureKind::kNone;
    if (failure.failure == FailureKind::kNone) return ParseResult::kIgnored;
    return TellFailure(failure, Teller::kExportPassdb, sink);
  }
  const std::string_view error = JsonReader::Text(fields, "error");
  if (error.empty() && JsonReader::Text(fields, "success") == "yes") return TellLogin(Teller::kExport, sink);
  failure.failure = JsonReader::Text(fields, "policy_result") == "refused" ? FailureKind::kPolicy
                    : error == "internal failure"                          ? FailureKind::kInternal
                                                                           : FailureKind::kCredentials;
  return TellFailure(failure, Teller::kExport, sink);
}

ParseResult DovecotParser::ExportedSubmission(const object& fields, const EventSink& sink) {
  const uint64_t accepted = NumberField(fields, "recipients_succeeded");
  if (event_.account.empty() || accepted == 0 || JsonReader::Text(fields, "protocol") == "lmtp" ||
      JsonReader::Text(fields, "is_reset") == "yes") {
    return ParseResult::kIgnored;
  }
  event_.kind = Kind::kSubmission;
  event_.service = Service::kSmtp;
  event_.outcome = Outcome::kSuccess;
  event_.recipients = static_cast<uint32_t>(accepted < UINT32_MAX ? accepted : UINT32_MAX);
  const std::string_view sender = JsonReader::Text(fields, "mail_from");
  if (!sender.empty() && sender != "<>") {
    const Recipient hashed = canonicalizer_->Address(sender, &sender_);
    event_.sender_domain = hashed.domain;
    event_.sender_key = hashed.key;
  }
  sink(event_);
  return ParseResult::kEvents;
}

ParseResult DovecotParser::ExportedCommand(const object& fields, Service service, const EventSink& sink) {
  const std::string_view command = JsonReader::Text(fields, "cmd_name");
  exports_commands_ = true;
  const bool fetch = command == "FETCH" || command == "UID FETCH" || command == "RETR";
  if (!fetch || event_.account.empty() || !accesses_.ClaimOnce(event_.session, event_.time)) {
    return ParseResult::kIgnored;
  }
  event_.kind = Kind::kMailboxAccess;
  event_.service = service;
  sink(event_);
  return ParseResult::kEvents;
}

}  // namespace

std::unique_ptr<Parser> MakeDovecotParser(Canonicalizer* canonicalizer) {
  return std::make_unique<DovecotParser>(canonicalizer);
}

}  // namespace sekisho::connectors
