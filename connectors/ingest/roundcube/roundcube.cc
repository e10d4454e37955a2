// Finds the one place that can be the address, then reads to both sides of it.
#include "connectors/ingest/roundcube/roundcube.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "connectors/common/text.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::string_view kFrom = " from ";

bool StartsWith(std::string_view s, std::string_view prefix) { return s.substr(0, prefix.size()) == prefix; }

bool TakePrefix(std::string_view* s, std::string_view prefix) {
  if (!StartsWith(*s, prefix)) return false;
  s->remove_prefix(prefix.size());
  return true;
}

std::string_view Trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

// An address at the start of `s`; its length, or 0.
size_t ScanIp(std::string_view s, IpAddress* ip) {
  size_t n = 0;
  while (n < s.size() && n <= 45) {
    const char c = s[n];
    const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
    if (!fits) break;
    ++n;
  }
  if (n > 0 && s[n - 1] == '.') --n;  // the end of a sentence
  const auto parsed = IpAddress::Parse(s.substr(0, n));
  if (!parsed) return 0;
  *ip = *parsed;
  return n;
}

constexpr char kStateVersion = 1;

// What was found between a user name and the rest of the line.
struct Place {
  size_t at = kNone;  // of " from "
  IpAddress ip;
  std::string_view headers;  // inside the parentheses; empty where there are none
};

enum class Found : uint8_t { kNothing, kOne, kForged };

// The places in `s` where " from IP" stands, perhaps with headers, and ends as `ends` accepts the rest of the line.
// `last_is_true`: a place that reaches to the end without headers is the true one, whatever stands before it.
// More than kPlacesMax of them are nobody's name; the limit keeps the work linear.
constexpr int kPlacesMax = 16;

template <typename Ends>
Found FindPlace(std::string_view s, bool last_is_true, Ends ends, Place* out) {
  int found = 0, looked_at = 0;
  for (size_t at = s.find(kFrom); at != kNone; at = s.find(kFrom, at + 1)) {
    Place place;
    place.at = at;
    std::string_view rest = s.substr(at + kFrom.size());
    const size_t length = ScanIp(rest, &place.ip);
    if (length == 0) continue;
    if (++looked_at > kPlacesMax) return Found::kForged;
    rest.remove_prefix(length);
    if (rest.empty() && last_is_true) {
      *out = place;
      return Found::kOne;
    }
    bool fits = ends(rest);
    std::string_view headers = rest.substr(rest.empty() || rest.front() != ' ' ? 0 : 1);
    if (!fits && StartsWith(headers, "(X-")) {
      // The headers' own text may hold ')': each could be the end.
      for (size_t close = headers.find(')'); close != kNone && !fits; close = headers.find(')', close + 1)) {
        if (!ends(headers.substr(close + 1))) continue;
        place.headers = headers.substr(1, close - 1);
        fits = true;
      }
    }
    if (!fits) continue;
    *out = place;
    ++found;
  }
  return found == 0 ? Found::kNothing : found == 1 ? Found::kOne : Found::kForged;
}

// PHP's session ids and MTAs' queue ids.
bool IsIdByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ',' || c == '-';
}

bool IsDigits(std::string_view s) { return !s.empty() && s.find_first_not_of("0123456789") == kNone; }

// Takes " in session S[ (error: N)]" off the end of `*s`.
std::string_view TakeSession(std::string_view* s) {
  constexpr std::string_view kIn = " in session ";
  const size_t at = FindLast(*s, kIn);
  if (at == kNone) return {};
  std::string_view id = s->substr(at + kIn.size());
  if (!id.empty() && id.back() == ')') {
    constexpr std::string_view kError = " (error: ";
    const size_t error = id.find(kError);
    if (error == kNone || !IsDigits(id.substr(error + kError.size(), id.size() - error - kError.size() - 1))) return {};
    id = id.substr(0, error);
  }
  if (id.empty() || id.size() > 256 || !std::all_of(id.begin(), id.end(), IsIdByte)) return {};
  *s = s->substr(0, at);
  return id;
}

class RoundcubeParser final : public Parser {
 public:
  RoundcubeParser(Canonicalizer* canonicalizer, RoundcubeOptions options)
      : canonicalizer_(canonicalizer), options_(std::move(options)), told_(kToldSlots) {}
  std::string_view name() const override { return "roundcube"; }
  ParseResult Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) override;
  void SaveState(std::string* out) const override;
  absl::Status RestoreState(std::string_view bytes) override;

 private:
  enum class Log : uint8_t { kNoLog, kUserLogins, kErrors };
  struct Told {
    uint64_t key = 0;
    EventTime time;
    Log log = Log::kNoLog;
  };
  static constexpr size_t kToldSlots = 4096;  // 24 B each

  ParseResult ParseUserLogin(std::string_view text, bool success, const EventSink& sink, std::string_view* reason);
  ParseResult ParseImapError(std::string_view text, const EventSink& sink, std::string_view* reason);
  ParseResult ParseSent(std::string_view text, const EventSink& sink, std::string_view* reason);
  IpAddress TrueSource(const IpAddress& ip, std::string_view headers) const;
  bool Trusted(const IpAddress& ip) const;
  // Emits the failure in event_ unless the other log has told of it.
  ParseResult TellFailure(Log log, const EventSink& sink);

  Canonicalizer* const canonicalizer_;
  const RoundcubeOptions options_;
  std::vector<Told> told_;
  std::vector<Recipient> recipients_;
  std::vector<std::string> domains_;
  Event event_;
};

void RoundcubeParser::SaveState(std::string* out) const {
  out->assign(1, kStateVersion);
  ByteWriter writer(out);
  EventTime newest;
  for (const Told& told : told_) newest = std::max(newest, told.time);
  for (const Told& told : told_) {
    if (told.log == Log::kNoLog || newest - told.time > kToldTwiceWindow) continue;
    writer.PutVarint(static_cast<uint64_t>(told.log));
    writer.PutFixed64(told.key);
    writer.PutZigzag(told.time.millis());
  }
}

absl::Status RoundcubeParser::RestoreState(std::string_view bytes) {
  told_.assign(kToldSlots, {});
  if (bytes.empty() || bytes.front() != kStateVersion) return absl::DataLossError("Roundcube: state of another version");
  ByteReader reader(bytes.substr(1));
  while (reader.remaining() > 0) {
    const Log log = static_cast<Log>(reader.VarintUpTo(static_cast<uint64_t>(Log::kErrors)));
    const uint64_t key = reader.Fixed64();
    const EventTime time = EventTime::FromMillis(reader.Zigzag());
    if (reader.ok()) told_[key % kToldSlots] = {key, time, log};
  }
  if (reader.done()) return absl::OkStatus();
  told_.assign(kToldSlots, {});
  return absl::DataLossError("Roundcube: damaged state");
}

bool RoundcubeParser::Trusted(const IpAddress& ip) const {
  for (const IpNetwork& proxy : options_.trusted_proxies) {
    if (proxy.Contains(ip)) return true;
  }
  return false;
}

IpAddress RoundcubeParser::TrueSource(const IpAddress& ip, std::string_view headers) const {
  if (headers.empty() || !Trusted(ip)) return ip;
  constexpr std::string_view kForwarded = "X-Forwarded-For: ", kReal = "X-Real-IP: ";
  const size_t forwarded = headers.find(kForwarded);
  if (forwarded != kNone) {
    // Each proxy appends whom it saw: from the right, the first that is no proxy of ours.
    std::string_view list = headers.substr(forwarded + kForwarded.size());
    for (;;) {
      const size_t comma = list.rfind(',');
      const auto hop = IpAddress::Parse(Trimmed(comma == kNone ? list : list.substr(comma + 1)));
      if (!hop) return ip;
      if (!Trusted(*hop)) return *hop;
      if (comma == kNone) return ip;
      list = list.substr(0, comma);
    }
  }
  if (StartsWith(headers, kReal)) {
    const auto real = IpAddress::Parse(Trimmed(headers.substr(kReal.size())));
    if (real) return *real;
  }
  return ip;
}

ParseResult RoundcubeParser::TellFailure(Log log, const EventSink& sink) {
  event_.kind = Kind::kLoginFailed;
  event_.outcome = Outcome::kFailure;
  const auto& bytes = event_.ip.bytes();
  const uint64_t key =
      PinnedHash64(event_.account, PinnedHash64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  Told& told = told_[key % kToldSlots];
  if (told.key == key && told.log != Log::kNoLog && told.log != log && event_.time - told.time <= kToldTwiceWindow &&
      told.time - event_.time <= kToldTwiceWindow) {
    return ParseResult::kIgnored;
  }
  told = {key, event_.time, log};
  sink(event_);
  return ParseResult::kEvents;
}

ParseResult RoundcubeParser::ParseUserLogin(std::string_view text, bool success, const EventSink& sink,
                                            std::string_view* reason) {
  event_.session = TakeSession(&text);
  Place place;
  const Found found = FindPlace(text, true, [](std::string_view rest) { return rest.empty(); }, &place);
  if (found != Found::kOne) {
    *reason = found == Found::kNothing ? "no client address" : "a user name or header that looks like a log line";
    return ParseResult::kMalformed;
  }
  std::string_view user = text.substr(0, place.at);
  if (success) {
    const size_t id = FindLast(user, " (");
    if (id != kNone && (StartsWith(user.substr(id), " (ID: ") || StartsWith(user.substr(id), " (id "))) {
      user = user.substr(0, id);
    }
  }
  event_.account = canonicalizer_->Login(user);
  event_.ip = TrueSource(place.ip, place.headers);
  if (!success) {
    event_.failure = FailureKind::kCredentials;
    return TellFailure(Log::kUserLogins, sink);
  }
  event_.kind = Kind::kLogin;
  event_.outcome = Outcome::kSuccess;
  sink(event_);
  return ParseResult::kEvents;
}

ParseResult RoundcubeParser::ParseImapError(std::string_view text, const EventSink& sink, std::string_view* reason) {
  // Old versions end with the address; newer ones go on with the server's answer, a new sentence.
  const auto ends = [](std::string_view rest) {
    return rest.empty() || (rest.size() > 2 && rest[0] == '.' && rest[1] == ' ' && rest[2] >= 'A' && rest[2] <= 'Z');
  };
  Place place;
  const Found found = FindPlace(text, false, ends, &place);
  if (found != Found::kOne) {
    *reason = found == Found::kNothing ? "no client address" : "a user name or answer that looks like a log line";
    return ParseResult::kMalformed;
  }
  std::string_view user = text.substr(0, place.at);
  const size_t against = FindLast(user, " against ");
  if (against != kNone && user.find(' ', against + 9) == kNone) user = user.substr(0, against);
  event_.account = canonicalizer_->Login(user);
  event_.ip = TrueSource(place.ip, place.headers);
  const std::string_view answer = text.substr(place.at);
  event_.failure = answer.find(". Could not connect") != kNone ? FailureKind::kInternal : FailureKind::kCredentials;
  return TellFailure(Log::kErrors, sink);
}

ParseResult RoundcubeParser::ParseSent(std::string_view text, const EventSink& sink, std::string_view* reason) {
  // U [IP]; Message <ID> for A, B; 250: 2.0.0 Ok: queued as Q
  const size_t close = text.find("]; Message ");
  const size_t open = close == kNone ? kNone : text.rfind(" [", close);
  if (open == kNone) return ParseResult::kIgnored;
  const std::string_view source = text.substr(open + 2, close - open - 2);
  IpAddress ip;
  const size_t length = ScanIp(source, &ip);
  std::string_view headers = source.substr(length);
  TakePrefix(&headers, " ");
  if (length == 0 || (!headers.empty() && (!StartsWith(headers, "(X-") || headers.back() != ')'))) {
    *reason = "no client address";
    return ParseResult::kMalformed;
  }
  if (!headers.empty()) headers = headers.substr(1, headers.size() - 2);
  const std::string_view user = text.substr(0, open);
  text.remove_prefix(close + 11);
  const size_t to = text.find("for ");
  if (to == kNone) return ParseResult::kIgnored;
  text.remove_prefix(to + 4);
  // The server's answer begins with its code; the last such place, because an address may hold anything in quotes.
  size_t answer = kNone;
  for (size_t at = text.rfind("; "); at != kNone; at = at == 0 ? kNone : text.rfind("; ", at - 1)) {
    const std::string_view code = text.substr(at + 2, 3);
    if (code.size() == 3 && IsDigits(code)) {
      answer = at;
      break;
    }
  }
  if (answer == kNone || text[answer + 2] != '2') return ParseResult::kIgnored;
  std::string_view list = text.substr(0, answer);
  std::string_view reply = text.substr(answer + 2);
  recipients_.clear();
  size_t count = 1;
  for (const char c : list) count += c == ',' ? 1 : 0;
  if (domains_.size() < count) domains_.resize(count);  // before any view into them is taken
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view address = Trimmed(list.substr(0, comma));
    if (!address.empty()) {
      recipients_.push_back(canonicalizer_->Address(address, &domains_[recipients_.size()]));
    }
    list = comma == kNone ? std::string_view() : list.substr(comma + 1);
  }
  if (recipients_.empty()) return ParseResult::kIgnored;
  for (const std::string_view before : {std::string_view("queued as "), std::string_view("id=")}) {
    const size_t at = FindLast(reply, before);
    if (at == kNone) continue;
    const std::string_view id = reply.substr(at + before.size());
    size_t n = 0;
    while (n < id.size() && n < 32 && IsIdByte(id[n]) && id[n] != ',') ++n;
    event_.queue_id = id.substr(0, n);
    break;
  }
  event_.kind = Kind::kSubmission;
  event_.outcome = Outcome::kSuccess;
  event_.account = canonicalizer_->Login(user);
  event_.ip = TrueSource(ip, headers);
  event_.recipients = static_cast<uint32_t>(recipients_.size());
  event_.recipient_list = recipients_;
  sink(event_);
  return ParseResult::kEvents;
}

ParseResult RoundcubeParser::Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) {
  if (line.program != "roundcube") return ParseResult::kNotMine;
  std::string_view text = line.message;
  // log_session_id: "<first 8 letters of the session> "
  if (!text.empty() && text.front() == '<') {
    const size_t end = text.find("> ");
    if (end != kNone && end < 70) text.remove_prefix(end + 2);
  }
  event_ = Event();
  event_.time = line.time;
  event_.host = line.host;
  event_.service = Service::kWebmail;
  if (TakePrefix(&text, "Successful login for ")) return ParseUserLogin(text, true, sink, reason);
  if (TakePrefix(&text, "Failed login for ") || TakePrefix(&text, "FAILED login for ")) {
    return ParseUserLogin(text, false, sink, reason);
  }
  if (TakePrefix(&text, "IMAP Error: Login failed for ")) return ParseImapError(text, sink, reason);
  if (TakePrefix(&text, "User ")) return ParseSent(text, sink, reason);
  return ParseResult::kIgnored;
}

}  // namespace

std::unique_ptr<Parser> MakeRoundcubeParser(Canonicalizer* canonicalizer, RoundcubeOptions options) {
  return std::make_unique<RoundcubeParser>(canonicalizer, std::move(options));
}

}  // namespace sekisho::connectors
