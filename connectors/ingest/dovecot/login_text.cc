// Anchors and candidates: see dovecot.h for why each direction is chosen.
#include "connectors/ingest/dovecot/login_text.h"

#include "connectors/common/text.h"

namespace sekisho::connectors::dovecot {
namespace {

constexpr auto kNone = std::string_view::npos;

bool IsWord(std::string_view s) {  // mechanisms and drivers
  if (s.empty() || s.size() > 40) return false;
  for (const char c : s) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!ok) return false;
  }
  return true;
}

// Up to the first blank or comma.
std::string_view FirstWord(std::string_view s) {
  size_t i = 0;
  while (i < s.size() && s[i] != ' ' && s[i] != ',') ++i;
  return s.substr(0, i);
}

// What the passdb drivers say of a failed attempt, at the start of the text behind their name.
FailureKind ReadAuthReason(std::string_view text) {
  struct Known {
    std::string_view start;
    FailureKind kind;
  };
  static constexpr Known kKnown[] = {
      {"unknown user", FailureKind::kUnknownUser},
      {"Unknown user", FailureKind::kUnknownUser},
      {"Password mismatch", FailureKind::kCredentials},
      {"password mismatch", FailureKind::kCredentials},
      {"invalid credentials", FailureKind::kCredentials},
      {"Invalid credentials", FailureKind::kCredentials},
      {"pam_authenticate() failed: User not known", FailureKind::kUnknownUser},
      {"pam_authenticate() failed: ", FailureKind::kCredentials},
      {"pam_acct_mgmt() failed: ", FailureKind::kDisabled},
      {"Authentication failure due to policy server refusal", FailureKind::kPolicy},
      {"User is disabled", FailureKind::kDisabled},
      {"User disabled", FailureKind::kDisabled},
      {"Account expired", FailureKind::kDisabled},
      {"Password expired", FailureKind::kDisabled},
  };
  for (const Known& known : kKnown) {
    if (text.substr(0, known.start.size()) == known.start) return known.kind;
  }
  return FailureKind::kNone;
}

// Takes ",IP" off the end of `*s`.
bool TakeIpFromEnd(std::string_view* s, IpAddress* ip) {
  constexpr size_t kIpBytesMax = 45;
  const std::string_view end = s->size() > kIpBytesMax + 1 ? s->substr(s->size() - kIpBytesMax - 1) : *s;
  const size_t comma = end.rfind(',');
  if (comma == kNone) return false;
  const auto parsed = IpAddress::Parse(end.substr(comma + 1));
  if (!parsed) return false;
  *ip = *parsed;
  s->remove_suffix(end.size() - comma);
  return true;
}

// "user,IP", "user,IP,<session>" or "user,IP,": what stands between a driver's parentheses.
bool ReadParameters(std::string_view s, LoginText* out) {
  constexpr size_t kSessionBytesMax = 128;
  out->session = {};
  if (!s.empty() && s.back() == '>') {
    const std::string_view end = s.size() > kSessionBytesMax ? s.substr(s.size() - kSessionBytesMax) : s;
    const size_t open = FindLast(end, ",<");
    if (open == kNone) return false;
    out->session = end.substr(open + 2, end.size() - open - 3);
    s.remove_suffix(end.size() - open);
  } else if (!s.empty() && s.back() == ',') {
    s.remove_suffix(1);
  }
  if (!TakeIpFromEnd(&s, &out->ip)) return false;
  out->user = s;
  return true;
}

}  // namespace

bool TakeLevel(std::string_view* text) {
  if (text->empty()) return true;
  switch (text->front()) {
    case 'I':
      if (text->substr(0, 6) == "Info: ") text->remove_prefix(6);
      return true;
    case 'D':
      return text->substr(0, 7) != "Debug: ";
    case 'W':
      return text->substr(0, 9) != "Warning: ";
    case 'E':
      return text->substr(0, 7) != "Error: ";
    case 'F':
      return text->substr(0, 7) != "Fatal: ";
    case 'P':
      return text->substr(0, 7) != "Panic: ";
    default:
      return true;
  }
}

const char* ReadLoginFields(std::string_view fields, LoginText* out) {
  size_t rip = FindLast(fields, " rip=");
  if (rip == kNone) {
    if (fields.substr(0, 4) != "rip=") return "no client address";
    rip = 0;
  } else {
    ++rip;
  }
  std::string_view tail = fields.substr(rip + 4);
  const std::string_view address = FirstWord(tail);
  const auto ip = IpAddress::Parse(address);
  if (!ip) return "the client's address is none";
  out->ip = *ip;
  tail.remove_prefix(address.size());
  // Another order of fields (login_log_format_elements), where the last rip= could be the client's invention.
  if (tail.find("user=<") != kNone) return "the fields are in an unknown order";
  const size_t session = FindLast(tail, "session=<");
  if (session != kNone) {
    const std::string_view rest = tail.substr(session + 9);
    const size_t end = rest.find('>');
    if (end != kNone) out->session = rest.substr(0, end);
  }
  std::string_view head = fields.substr(0, rip);
  if (head.size() >= 2 && head.substr(head.size() - 2) == ", ") head.remove_suffix(2);
  if (head.empty()) return nullptr;
  if (head.back() != '>') {
    const size_t method = FindLast(head, "method=");
    if (method == kNone || !IsWord(head.substr(method + 7))) return "the fields are in an unknown order";
    out->method = head.substr(method + 7);
    if (method == 0) return nullptr;
    head = head.substr(0, method);
    if (head.size() < 3 || head.substr(head.size() - 3) != ">, ") return "the fields are in an unknown order";
    head.remove_suffix(2);
  }
  if (head.size() < 7 || head.substr(0, 6) != "user=<") return "the fields are in an unknown order";
  out->user = head.substr(6, head.size() - 7);
  return nullptr;
}

FailureKind ReadLoginReason(std::string_view reason) {
  struct Known {
    std::string_view text;
    FailureKind kind;
  };
  static constexpr Known kKnown[] = {
      {"(no auth attempts", FailureKind::kNone},
      {"(auth failed, ", FailureKind::kCredentials},
      {"(proxy dest auth failed", FailureKind::kCredentials},
      {"(tried to use disallowed ", FailureKind::kPolicy},
      {"(tried to use disabled ", FailureKind::kPolicy},
      {"(user disabled", FailureKind::kDisabled},
      {"(password expired", FailureKind::kDisabled},
      {"(client didn't finish SASL auth", FailureKind::kAborted},
      {"(aborted authentication", FailureKind::kAborted},
      {"(internal failure", FailureKind::kInternal},
      {"(auth process communication failure", FailureKind::kInternal},
  };
  for (const Known& known : kKnown) {
    if (reason.find(known.text) != kNone) return known.kind;
  }
  return FailureKind::kNone;
}

AuthLine ReadAuthFailure(std::string_view text, LoginText* out) {
  const size_t open = text.find('(');
  if (open == kNone || !IsWord(text.substr(0, open))) return AuthLine::kOther;
  int found = 0;
  for (size_t i = text.find("): ", open); i != kNone; i = text.find("): ", i + 3)) {
    const FailureKind failure = ReadAuthReason(text.substr(i + 3));
    if (failure == FailureKind::kNone || !ReadParameters(text.substr(open + 1, i - open - 1), out)) continue;
    out->failure = failure;
    if (++found > 1) return AuthLine::kForged;
  }
  return found == 1 ? AuthLine::kFailure : AuthLine::kOther;
}

AuthLine ReadAuthFailure24(std::string_view text, LoginText* out) {
  int found = 0;
  for (size_t i = text.find(")<"); i != kNone; i = text.find(")<", i + 2)) {
    const std::string_view after = text.substr(i + 2, 128);
    const size_t end = after.find(">: ");
    if (end == kNone) continue;
    std::string_view rest = text.substr(i + 2 + end + 3);
    if (!TakeLevel(&rest)) continue;
    const size_t driver = rest.find(": ");
    if (driver == kNone || !IsWord(rest.substr(0, driver))) continue;
    const FailureKind failure = ReadAuthReason(rest.substr(driver + 2));
    if (failure == FailureKind::kNone) continue;
    std::string_view parameters = text.substr(1, i - 1);
    std::string_view method;
    const size_t sasl = parameters.size() > 46 ? parameters.find(",sasl:", parameters.size() - 46)
                                               : parameters.find(",sasl:");
    if (sasl != kNone && IsWord(parameters.substr(sasl + 6))) {
      method = parameters.substr(sasl + 6);
      parameters = parameters.substr(0, sasl);
    }
    if (!TakeIpFromEnd(&parameters, &out->ip)) continue;
    out->user = parameters;
    out->method = method;
    out->session = after.substr(0, end);
    out->failure = failure;
    if (++found > 1) return AuthLine::kForged;
  }
  return found == 1 ? AuthLine::kFailure : AuthLine::kOther;
}

AuthLine ReadPamFailure(std::string_view text, LoginText* out) {
  // "pam_" tells it from Dovecot's own "pam(user,…): …", whose user may be called "dovecot:auth".
  constexpr std::string_view kStart = "(dovecot:auth): authentication failure; ";
  const size_t module = text.find('(');
  if (text.substr(0, 4) != "pam_" || module == kNone || !IsWord(text.substr(0, module))) return AuthLine::kOther;
  if (text.substr(module, kStart.size()) != kStart) return AuthLine::kOther;
  // The claimed name (ruser) stands before the address; after it comes only the name of a user that exists.
  const size_t ruser = text.find(" ruser="), rhost = FindLast(text, " rhost=");
  if (ruser == kNone || rhost == kNone || rhost < ruser) return AuthLine::kOther;
  out->user = text.substr(ruser + 7, rhost - ruser - 7);
  const auto ip = IpAddress::Parse(FirstWord(text.substr(rhost + 7)));
  if (ip) out->ip = *ip;
  out->failure = FailureKind::kCredentials;
  return AuthLine::kFailure;
}

}  // namespace sekisho::connectors::dovecot
