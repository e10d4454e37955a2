// Each form is scanned from the left by hand and gives up at the first byte that doesn't fit.
#include "connectors/common/syslog.h"

#include <array>
#include <cstring>

#include "connectors/common/json.h"
#include "connectors/common/scan.h"

namespace sekisho::connectors {
namespace {

constexpr int64_t kDaySeconds = 86'400;

constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Host names, addresses, and the "relay/host" chains of some collectors.
constexpr std::array<bool, 256> kHostBytes = [] {
  std::array<bool, 256> ok{};
  for (int c = 0; c < 256; ++c) {
    const char ch = static_cast<char>(c);
    ok[c] = IsLetter(ch) || IsDigit(ch) || ch == '.' || ch == '-' || ch == '_' || ch == ':' || ch == '/';
  }
  return ok;
}();

// Program names ("postfix/submission/smtpd", "auth-worker").
constexpr std::array<bool, 256> kProgramBytes = [] {
  std::array<bool, 256> ok{};
  for (int c = 0; c < 256; ++c) {
    const char ch = static_cast<char>(c);
    ok[c] = IsLetter(ch) || IsDigit(ch) || ch == '.' || ch == '-' || ch == '_' || ch == '/';
  }
  return ok;
}();

template <typename Table>
size_t Run(std::string_view s, const Table& table) {
  size_t i = 0;
  while (i < s.size() && table[static_cast<uint8_t>(s[i])]) ++i;
  return i;
}

std::string_view AfterBlanks(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  return s;
}

// "prog[pid]: message" or "prog: message".
bool TakeProgram(std::string_view s, LogLine* line) {
  const size_t name = Run(s, kProgramBytes);
  size_t i = name;
  if (name == 0 || i >= s.size()) return false;
  if (s[i] == '[') {
    for (++i; i < s.size() && IsDigit(s[i]);) ++i;
    if (i >= s.size() || s[i] != ']') return false;
    ++i;
  }
  if (i >= s.size() || s[i] != ':') return false;
  line->program = s.substr(0, name);
  line->message = AfterBlanks(s.substr(i + 1));
  return true;
}

// The services whose names open the lines of Dovecot's own log, each followed by ':', '(' or '['.
bool IsDovecotService(std::string_view s) {
  static constexpr std::string_view kNames[] = {
      "imap-login", "pop3-login", "submission-login", "managesieve-login", "auth-worker", "auth",       "imap",
      "pop3",       "submission", "managesieve",      "lmtp",              "lda",         "master",     "config",
      "stats",      "anvil",      "log",              "indexer",           "doveadm",     "dovecot-auth",
      "indexer-worker", "ssl-params", "dict", "director", "replicator", "quota-status", "imap-hibernate"};
  const size_t name = Run(s, kProgramBytes);
  if (name == 0 || name >= s.size() || (s[name] != ':' && s[name] != '(' && s[name] != '[')) return false;
  for (const std::string_view known : kNames) {
    if (s.substr(0, name) == known) return true;
  }
  return false;
}

// What follows a time that no host follows.
void TakeBareMessage(std::string_view s, LogLine* line) {
  line->message = s;
  if (IsDovecotService(s)) {
    line->program = "dovecot";
  } else {
    TakeProgram(s, line);
  }
}

// "host prog[pid]: message"; a first word that is no host name opens the message.
void TakeHostAndProgram(std::string_view s, LogLine* line) {
  const size_t host = Run(s, kHostBytes);
  if (host == 0 || host >= s.size() || s[host] != ' ' || s[host - 1] == ':') return TakeBareMessage(s, line);
  line->host = s.substr(0, host);
  const std::string_view rest = AfterBlanks(s.substr(host + 1));
  line->message = rest;
  TakeProgram(rest, line);
}

}  // namespace

struct HeaderParser::Json {
  JsonReader reader;
  std::string texts[2];  // host, program and message of this line and of the one before
  int turn = 0;
};

HeaderParser::HeaderParser(const HeaderOptions& options)
    : clock_(options.zone), year_(options.first_year), reference_(options.reference) {}
HeaderParser::~HeaderParser() = default;
HeaderParser::HeaderParser(HeaderParser&&) noexcept = default;

LogLine HeaderParser::Parse(std::string_view raw) {
  LogLine line;
  line.message = raw;
  if (raw.empty()) return line;
  if (raw[0] == '<') {
    size_t i = 1;
    while (i < raw.size() && i <= 3 && IsDigit(raw[i])) ++i;
    if (i == 1 || i >= raw.size() || raw[i] != '>') return line;
    const std::string_view rest = raw.substr(i + 1);
    if (rest.empty()) return line;
    if (rest.size() > 2 && rest[0] == '1' && rest[1] == ' ' && ParseRfc5424(rest.substr(2), &line)) return line;
    raw = rest;
  }
  const char c = raw[0];
  if (IsLetter(c)) {
    ParseRfc3164(raw, &line);
  } else if (IsDigit(c)) {
    ParseIso(raw, &line);
  } else if (c == '{') {
    ParseJson(raw, &line);
  } else if (c == '[') {
    ParseRoundcube(raw, &line);
  } else if (c == '@') {
    ParseTai64n(raw, &line);
  }
  return line;
}

EventTime HeaderParser::FromLocal(int64_t day, int clock_s, int millis) {
  return EventTime::FromMillis(clock_.ToUtc(day * kDaySeconds + clock_s) * 1000 + millis);
}

void HeaderParser::SetReference(EventTime reference) {
  if (reference_.never() || reference.never() || reference.day() != reference_.day()) short_date_[0] = '\0';
  reference_ = reference;
}

std::optional<int64_t> HeaderParser::InferDay(int month, int day) {
  if (year_) {
    const auto same = DayNumber(*year_, month, day);
    if (!has_last_day_) {
      if (!same) return std::nullopt;
    } else {
      const auto next = DayNumber(*year_ + 1, month, day), previous = DayNumber(*year_ - 1, month, day);
      const int64_t step = same ? *same - last_day_ : next ? *next - 365 - last_day_ : 0;
      if (step < -182 && next) {
        last_day_ = *next;
        ++*year_;
        return next;
      }
      if (step > 330 && previous) {
        last_day_ = *previous;
        --*year_;
        return previous;
      }
      if (!same) return std::nullopt;
    }
    last_day_ = *same;
    has_last_day_ = true;
    return same;
  }
  if (reference_.never()) return std::nullopt;
  // Nine years back there is a Feb 29, also around a century that has none.
  const int64_t limit = reference_.day() + 1;
  const int newest = 1970 + static_cast<int>(limit / 365);
  for (int y = newest; y > newest - 10; --y) {
    const auto candidate = DayNumber(y, month, day);
    if (candidate && *candidate <= limit) return candidate;
  }
  return std::nullopt;
}

bool HeaderParser::ParseRfc3164(std::string_view raw, LogLine* line) {
  if (raw.size() < 16 || raw[3] != ' ') return false;
  const bool unpadded = IsDigit(raw[4]) && raw[5] == ' ';  // "Mar 1 09:00:00"
  const size_t clock = unpadded ? 6 : 7;
  if (raw[clock - 1] != ' ') return false;
  const int clock_s = ScanClock(raw.substr(clock));
  if (clock_s < 0) return false;
  if (std::memcmp(short_date_, raw.data(), sizeof short_date_) != 0) {
    const int month = MonthFromName(raw);
    const int day = raw[4] == ' ' ? ScanDigits(raw.substr(5), 1) : ScanDigits(raw.substr(4), unpadded ? 1 : 2);
    if (month == 0 || day < 1 || day > 31) return false;
    std::memcpy(short_date_, raw.data(), sizeof short_date_);
    short_day_ = InferDay(month, day);
  }
  size_t used = clock + 8;
  int millis;
  used += ScanFraction(raw.substr(used), &millis);
  if (used >= raw.size() || raw[used] != ' ') return false;
  if (short_day_) line->time = FromLocal(*short_day_, clock_s, millis);
  TakeHostAndProgram(raw.substr(used + 1), line);
  return true;
}

bool HeaderParser::ParseIso(std::string_view raw, LogLine* line) {
  if (raw.size() < 20 || raw[4] != '-' || raw[7] != '-') return false;
  const char separator = raw[10];
  if (separator != 'T' && separator != ' ') return false;
  if (std::memcmp(long_date_, raw.data(), sizeof long_date_) != 0) {
    const auto day = DayNumber(ScanDigits(raw, 4), ScanDigits(raw.substr(5), 2), ScanDigits(raw.substr(8), 2));
    if (!day) return false;
    std::memcpy(long_date_, raw.data(), sizeof long_date_);
    long_day_ = day;
  }
  const int clock_s = ScanClock(raw.substr(11));
  if (clock_s < 0) return false;
  std::string_view rest = raw.substr(19);
  int millis, east_s = 0;
  rest.remove_prefix(ScanFraction(rest, &millis));
  // "…09:00:00+09:00 host" and, apart, Exim's "09:00:00 +0900 message".
  const bool apart = rest.size() > 1 && rest[0] == ' ' && (rest[1] == '+' || rest[1] == '-');
  const std::string_view zone_text = rest.substr(apart ? 1 : 0);
  const size_t zone = ScanOffset(zone_text, &east_s);
  const std::string_view after = zone > 0 ? zone_text.substr(zone) : rest;
  if (after.empty() || after[0] != ' ') return false;
  line->time = zone > 0 ? EventTime::FromMillis((*long_day_ * kDaySeconds + clock_s - east_s) * 1000 + millis)
                        : FromLocal(*long_day_, clock_s, millis);
  rest = AfterBlanks(after);
  if (separator == 'T') {
    TakeHostAndProgram(rest, line);
    return true;
  }
  line->message = rest;
  if (IsDovecotService(rest)) {
    line->program = "dovecot";
  } else if (!rest.empty() && rest[0] == '[') {
    size_t i = 1;  // Exim's log_selector +pid
    while (i < rest.size() && IsDigit(rest[i])) ++i;
    if (i > 1 && i + 1 < rest.size() && rest[i] == ']' && rest[i + 1] == ' ') line->message = rest.substr(i + 2);
  }
  return true;
}

bool HeaderParser::ParseRfc5424(std::string_view s, LogLine* line) {
  // TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG]
  std::string_view fields[5];
  for (std::string_view& field : fields) {
    const size_t end = s.find(' ');
    if (end == std::string_view::npos || end == 0) return false;
    field = s.substr(0, end);
    s.remove_prefix(end + 1);
  }
  std::optional<EventTime> time;
  if (fields[0] != "-") {
    time = ParseRfc3339(fields[0]);
    if (!time) return false;
  }
  if (s.empty()) return false;
  if (s[0] == '-') {
    s.remove_prefix(1);
  } else {
    while (!s.empty() && s[0] == '[') {
      bool quoted = false;
      size_t i = 1;
      for (; i < s.size(); ++i) {
        if (quoted && s[i] == '\\') {
          ++i;
        } else if (s[i] == '"') {
          quoted = !quoted;
        } else if (s[i] == ']' && !quoted) {
          break;
        }
      }
      if (i >= s.size()) return false;
      s.remove_prefix(i + 1);
    }
  }
  if (!s.empty() && s[0] != ' ') return false;
  if (!s.empty()) s.remove_prefix(1);
  if (s.substr(0, 3) == "\xef\xbb\xbf") s.remove_prefix(3);
  if (time) line->time = *time;
  if (fields[1] != "-") line->host = fields[1];
  if (fields[2] != "-") line->program = fields[2];
  line->message = AfterBlanks(s);
  return true;
}

bool HeaderParser::ParseRoundcube(std::string_view raw, LogLine* line) {
  // "[01-Mar-2026 09:00:00 +0000]: message"
  if (raw.size() < 30 || raw[3] != '-' || raw[7] != '-' || raw[12] != ' ' || raw[21] != ' ') return false;
  const auto day = DayNumber(ScanDigits(raw.substr(8), 4), MonthFromName(raw.substr(4)), ScanDigits(raw.substr(1), 2));
  const int clock_s = ScanClock(raw.substr(13));
  int east_s;
  const std::string_view tail = raw.substr(22);
  const size_t zone = ScanOffset(tail, &east_s);
  if (!day || clock_s < 0 || zone == 0 || tail.substr(zone, 2) != "]:") return false;
  line->time = EventTime::FromSeconds(*day * kDaySeconds + clock_s - east_s);
  line->program = "roundcube";
  line->message = AfterBlanks(tail.substr(zone + 2));
  return true;
}

bool HeaderParser::ParseTai64n(std::string_view raw, LogLine* line) {
  if (raw.size() < 26 || raw[25] != ' ') return false;
  uint64_t seconds = 0, nanos = 0;
  for (size_t i = 1; i < 25; ++i) {
    const char c = raw[i];
    const int digit = IsDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    uint64_t* const part = i <= 16 ? &seconds : &nanos;
    *part = *part << 4 | static_cast<uint64_t>(digit);
  }
  // The label of 1970-01-01T00:00:00Z is 2^62 + 10; leap seconds are left uncounted, as multilog leaves them.
  constexpr uint64_t kEpochLabel = (uint64_t{1} << 62) + 10;
  if (seconds < kEpochLabel || seconds - kEpochLabel > UINT64_C(253402300799)) return false;
  line->time = EventTime::FromMillis(static_cast<int64_t>((seconds - kEpochLabel) * 1000 + nanos / 1'000'000 % 1000));
  TakeBareMessage(AfterBlanks(raw.substr(26)), line);
  return true;
}

void HeaderParser::ParseJson(std::string_view raw, LogLine* line) {
  line->message = raw;
  // journald's key is looked for as text: inside a JSON string its quotes would be escaped.
  if (raw.find("\"__REALTIME_TIMESTAMP\"") != std::string_view::npos && ParseJournald(raw, line)) return;
  const size_t key = raw.find("time\"");
  if (key == std::string_view::npos) return;
  std::string_view rest = AfterBlanks(raw.substr(key + 5));
  if (rest.empty() || rest[0] != ':') return;
  rest = AfterBlanks(rest.substr(1));
  if (rest.empty() || rest[0] != '"') return;
  rest = rest.substr(1, 40);
  const auto time = ParseRfc3339(rest.substr(0, rest.find('"')));
  if (time) line->time = *time;
}

bool HeaderParser::ParseJournald(std::string_view raw, LogLine* line) {
  if (!json_) json_ = std::make_unique<Json>();
  const auto object = json_->reader.Parse(raw);
  if (!object) return false;
  const std::string_view stamp = JsonReader::Text(*object, "__REALTIME_TIMESTAMP");
  const std::string_view host = JsonReader::Text(*object, "_HOSTNAME");
  const std::string_view program = JsonReader::Text(*object, "SYSLOG_IDENTIFIER");
  int64_t micros = 0;
  if (stamp.empty() || stamp.size() > 18) return false;
  for (const char c : stamp) {
    if (!IsDigit(c)) return false;
    micros = micros * 10 + (c - '0');
  }
  std::string& out = json_->texts[json_->turn ^= 1];
  out.clear();
  out.append(host).append(program);
  simdjson::dom::element message;
  if ((*object)["MESSAGE"].get(message) == simdjson::SUCCESS) {
    std::string_view text;
    simdjson::dom::array bytes;
    if (message.get(text) == simdjson::SUCCESS) {
      out.append(text);
    } else if (message.get(bytes) == simdjson::SUCCESS) {  // what is no UTF-8 comes as numbers
      for (const simdjson::dom::element byte : bytes) {
        uint64_t value;
        if (byte.get(value) != simdjson::SUCCESS || value > 255) return false;
        out.push_back(static_cast<char>(value));
      }
    }
  }
  const std::string_view all = out;
  line->time = EventTime::FromMillis(micros / 1000);
  line->host = all.substr(0, host.size());
  line->program = all.substr(host.size(), program.size());
  line->message = all.substr(host.size() + program.size());
  return true;
}

}  // namespace sekisho::connectors
