// Writer and reader of sekisho's own events. The reader's fields are a table, so that it and the header can be compared.
#include "connectors/ingest/jsonl/jsonl.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <vector>

#include "connectors/common/json.h"
#include "connectors/common/log_time.h"

namespace sekisho::connectors {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kKinds[] = {"login",   "login_failed",   "submission",         "queued",          "delivery", "rejected",
                                       "session", "mailbox_access", "credential_changed", "content_verdict", "complaint"};
constexpr std::string_view kServices[] = {"unknown", "smtp", "imap", "pop3", "webmail", "sieve"};
constexpr std::string_view kOutcomes[] = {"", "success", "failure", "sent", "deferred", "bounced", "expired"};
constexpr std::string_view kFailures[] = {"",       "credentials", "unknown_user", "disabled",
                                          "aborted", "policy",      "internal"};
constexpr uint64_t kPorts[] = {0, 25, 465, 587};

// The place of `word` in `words`; nullopt where it isn't there, or empty.
template <typename Enum, size_t kCount>
std::optional<Enum> FromWord(std::string_view word, const std::string_view (&words)[kCount]) {
  for (size_t i = 0; i < kCount; ++i) {
    if (!word.empty() && words[i] == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <typename Enum, size_t kCount>
std::string_view ToWord(Enum value, const std::string_view (&words)[kCount]) {
  const size_t i = static_cast<size_t>(value);
  return i < kCount ? words[i] : "";
}

Outcome DefaultOutcome(Kind kind) {
  switch (kind) {
    case Kind::kLogin:
    case Kind::kSubmission:
    case Kind::kQueued:
      return Outcome::kSuccess;
    case Kind::kLoginFailed:
    case Kind::kRejected:
      return Outcome::kFailure;
    default:
      return Outcome::kNone;
  }
}

std::string Hex16(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::optional<uint64_t> FromHex16(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(digit);
  }
  return value;
}

std::optional<StatusCode> FromDsn(std::string_view text) {
  uint16_t parts[3] = {};
  size_t i = 0;
  for (int part = 0; part < 3; ++part) {
    if (part > 0 && (i >= text.size() || text[i++] != '.')) return std::nullopt;
    const size_t start = i;
    while (i < text.size() && i - start < 3 && text[i] >= '0' && text[i] <= '9') {
      parts[part] = static_cast<uint16_t>(parts[part] * 10 + (text[i++] - '0'));
    }
    if (i == start) return std::nullopt;
  }
  if (i != text.size()) return std::nullopt;
  return StatusCode{parts[0], parts[1], parts[2]};
}

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) { out_->push_back('{'); }
  ~Writer() { out_->push_back('}'); }

  std::string* Key(std::string_view key) {
    if (!first_) out_->push_back(',');
    first_ = false;
    out_->append("\"").append(key).append("\":");
    return out_;
  }
  void Text(std::string_view key, std::string_view value) {
    if (!value.empty()) AppendJsonString(value, Key(key));
  }
  void Number(std::string_view key, uint64_t value) {
    if (value != 0) Key(key)->append(std::to_string(value));
  }
  void Flag(std::string_view key, bool value) {
    if (value) Key(key)->append("true");
  }

 private:
  std::string* const out_;
  bool first_ = true;
};

class JsonlParser final : public Parser {
 public:
  explicit JsonlParser(Canonicalizer* canonicalizer) : canonicalizer_(canonicalizer) {}
  std::string_view name() const override { return "jsonl"; }
  ParseResult Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) override;

 private:
  // Each sets a field of `event_` and returns null, or returns what is wrong.
  const char* ReadWords(const object& line);
  const char* ReadTexts(const object& line);
  const char* ReadNumbers(const object& line);
  const char* ReadRecipients(const object& line);
  const char* ReadSender(const object& line);

  Canonicalizer* const canonicalizer_;
  JsonReader reader_;
  Event event_;
  std::vector<Recipient> recipients_;
  std::vector<std::string> domains_;
  std::string account_, sender_;
  std::array<std::string, 6> texts_;
};

// True where `key` is there and not null.
bool Has(const object& line, std::string_view key, element* value) {
  return line[key].get(*value) == simdjson::SUCCESS && !value->is_null();
}

const char* JsonlParser::ReadWords(const object& line) {
  element value;
  std::string_view word;
  if (!Has(line, "time", &value) || value.get(word) != simdjson::SUCCESS) return "time: missing, or no string";
  const auto time = ParseRfc3339(word);
  if (!time) return "time: not RFC 3339 with an offset";
  event_.time = *time;
  if (line["kind"].get(word) != simdjson::SUCCESS) return "kind: no string";
  const auto kind = FromWord<Kind>(word, kKinds);
  if (!kind) return "kind: an unknown word";
  event_.kind = *kind;
  if (Has(line, "service", &value)) {
    const auto service = value.get(word) == simdjson::SUCCESS ? FromWord<Service>(word, kServices) : std::nullopt;
    if (!service) return "service: an unknown word, or no string";
    event_.service = *service;
  }
  event_.outcome = DefaultOutcome(event_.kind);
  if (Has(line, "outcome", &value)) {
    const auto outcome = value.get(word) == simdjson::SUCCESS ? FromWord<Outcome>(word, kOutcomes) : std::nullopt;
    if (!outcome) return "outcome: an unknown word, or no string";
    if (event_.kind == Kind::kLogin && *outcome == Outcome::kFailure) event_.kind = Kind::kLoginFailed;
    const bool of_delivery = *outcome >= Outcome::kSent;
    if (of_delivery != (event_.kind == Kind::kDelivery)) return "outcome: doesn't fit the kind";
    if (event_.kind == Kind::kLoginFailed && *outcome != Outcome::kFailure) return "outcome: doesn't fit the kind";
    event_.outcome = *outcome;
  } else if (event_.kind == Kind::kDelivery) {
    return "outcome: missing in a delivery";
  }
  if (Has(line, "failure", &value)) {
    const auto failure = value.get(word) == simdjson::SUCCESS ? FromWord<FailureKind>(word, kFailures) : std::nullopt;
    if (!failure) return "failure: an unknown word, or no string";
    event_.failure = *failure;
  } else if (event_.kind == Kind::kLoginFailed) {
    event_.failure = FailureKind::kCredentials;
  }
  return nullptr;
}

const char* JsonlParser::ReadTexts(const object& line) {
  element value;
  std::string_view text;
  if (Has(line, "account", &value)) {
    if (value.get(text) != simdjson::SUCCESS) return "account: no string";
    event_.account = canonicalizer_->Login(RawBytes(text, &account_));
  }
  if (Has(line, "ip", &value)) {
    const auto ip = value.get(text) == simdjson::SUCCESS ? IpAddress::Parse(text) : std::nullopt;
    if (!ip) return "ip: not an address";
    event_.ip = *ip;
  }
  if (Has(line, "dsn", &value)) {
    const auto dsn = value.get(text) == simdjson::SUCCESS ? FromDsn(text) : std::nullopt;
    if (!dsn) return "dsn: not a code like 5.1.1";
    event_.status = *dsn;
  }
  const std::pair<const char*, std::string_view*> fields[] = {
      {"host", &event_.host},       {"queue_id", &event_.queue_id},       {"method", &event_.method},
      {"session", &event_.session}, {"client_name", &event_.client_name}, {"sender_domain", &event_.sender_domain}};
  static_assert(std::size(fields) == std::tuple_size_v<decltype(texts_)>);
  for (size_t i = 0; i < std::size(fields); ++i) {
    if (!Has(line, fields[i].first, &value)) continue;
    if (value.get(text) != simdjson::SUCCESS) return "host, queue_id, method, session, client_name or sender_domain: no string";
    *fields[i].second = RawBytes(text, &texts_[i]);
  }
  return nullptr;
}

const char* JsonlParser::ReadNumbers(const object& line) {
  element value;
  uint64_t number;
  if (Has(line, "listener", &value)) {
    if (value.get(number) != simdjson::SUCCESS) return "listener: no number";
    size_t i = std::size(kPorts) - 1;
    while (i > 0 && kPorts[i] != number) --i;
    if (i == 0) return "listener: none of 25, 465, 587";
    event_.listener = static_cast<Listener>(i);
  }
  if (Has(line, "size", &value) && value.get(event_.size_bytes) != simdjson::SUCCESS) return "size: no whole number";
  const std::pair<const char*, uint16_t*> small[] = {
      {"client_port", &event_.client_port}, {"auth_ok", &event_.auth_ok},       {"auth_tried", &event_.auth_tried},
      {"rcpt_ok", &event_.rcpt_ok},         {"rcpt_tried", &event_.rcpt_tried}};
  for (const auto& [key, field] : small) {
    if (!Has(line, key, &value)) continue;
    if (value.get(number) != simdjson::SUCCESS || number > UINT16_MAX) {
      return "client_port, auth_ok, auth_tried, rcpt_ok or rcpt_tried: no whole number in [0, 65535]";
    }
    *field = static_cast<uint16_t>(number);
  }
  const std::pair<const char*, bool*> flags[] = {{"via_webmail", &event_.via_webmail},
                                                 {"spam_refusal", &event_.spam_refusal}};
  for (const auto& [key, field] : flags) {
    if (Has(line, key, &value) && value.get(*field) != simdjson::SUCCESS) return "via_webmail or spam_refusal: no boolean";
  }
  if (Has(line, "score", &value)) {
    double score;
    if (value.get(score) != simdjson::SUCCESS || !(std::fabs(score) <= 1e6)) return "score: no number in [-1e6, 1e6]";
    event_.score_milli = static_cast<int32_t>(std::lround(score * 1000));
  }
  return nullptr;
}

const char* JsonlParser::ReadRecipients(const object& line) {
  recipients_.clear();
  element value, keys_value;
  simdjson::dom::array array, keys;
  uint64_t number;
  std::string_view text;
  // Grown beforehand: the views into these strings must not move.
  const auto room = [this](size_t count) {
    if (domains_.size() < count) domains_.resize(count);
    recipients_.reserve(count);
  };
  if (Has(line, "recipients", &value)) {
    if (value.get(number) == simdjson::SUCCESS) {
      if (number > std::numeric_limits<uint32_t>::max()) return "recipients: too many";
      event_.recipients = static_cast<uint32_t>(number);
    } else if (value.get(array) == simdjson::SUCCESS) {
      room(array.size());
      for (const element item : array) {
        if (item.get(text) != simdjson::SUCCESS) return "recipients: an item is no string";
        std::string raw;
        recipients_.push_back(canonicalizer_->Address(RawBytes(text, &raw), &domains_[recipients_.size()]));
      }
      event_.recipients = static_cast<uint32_t>(recipients_.size());
    } else {
      return "recipients: neither a number nor an array";
    }
  }
  const bool domains = Has(line, "recipient_domains", &value), hashes = Has(line, "recipient_keys", &keys_value);
  if (domains != hashes) return "recipient_domains, recipient_keys: one without the other";
  if (domains && recipients_.empty()) {
    if (value.get(array) != simdjson::SUCCESS || keys_value.get(keys) != simdjson::SUCCESS ||
        array.size() != keys.size()) {
      return "recipient_domains, recipient_keys: not two arrays of one length";
    }
    room(array.size());
    auto key_item = keys.begin();
    for (const element item : array) {
      std::string_view key;
      if (item.get(text) != simdjson::SUCCESS || (*key_item).get(key) != simdjson::SUCCESS) {
        return "recipient_domains, recipient_keys: an item is no string";
      }
      const auto hash = FromHex16(key);
      if (!hash) return "recipient_keys: not 16 hexadecimal digits";
      std::string& domain = domains_[recipients_.size()];
      domain = RawBytes(text, &sender_);
      recipients_.push_back({domain, *hash});
      ++key_item;
    }
  }
  event_.recipient_list = recipients_;
  return nullptr;
}

const char* JsonlParser::ReadSender(const object& line) {
  element value;
  std::string_view text;
  if (Has(line, "sender_key", &value)) {
    const auto hash = value.get(text) == simdjson::SUCCESS ? FromHex16(text) : std::nullopt;
    if (!hash) return "sender_key: not 16 hexadecimal digits";
    event_.sender_key = *hash;
  }
  if (Has(line, "sender", &value)) {
    if (value.get(text) != simdjson::SUCCESS) return "sender: no string";
    if (text.empty()) return nullptr;  // "<>"
    std::string raw;
    const Recipient sender = canonicalizer_->Address(RawBytes(text, &raw), &sender_);
    event_.sender_domain = sender.domain;
    event_.sender_key = sender.key;
  }
  return nullptr;
}

ParseResult JsonlParser::Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) {
  if (line.message.empty() || line.message.front() != '{') return ParseResult::kNotMine;
  const auto object = reader_.Parse(line.message);
  if (!object) {
    *reason = "not a JSON object";
    return ParseResult::kMalformed;
  }
  element kind;
  if (!Has(*object, "kind", &kind)) return ParseResult::kNotMine;
  event_ = Event();
  const char* wrong = ReadWords(*object);
  if (wrong == nullptr) wrong = ReadTexts(*object);
  if (wrong == nullptr) wrong = ReadNumbers(*object);
  if (wrong == nullptr) wrong = ReadRecipients(*object);
  if (wrong == nullptr) wrong = ReadSender(*object);
  if (wrong != nullptr) {
    *reason = wrong;
    return ParseResult::kMalformed;
  }
  sink(event_);
  return ParseResult::kEvents;
}

}  // namespace

std::string_view KindName(Kind kind) { return ToWord(kind, kKinds); }
std::string_view ServiceName(Service service) { return ToWord(service, kServices); }

void AppendJson(const Event& e, std::string* out) {
  Writer w(out);
  w.Text("time", FormatRfc3339(e.time));
  w.Text("kind", KindName(e.kind));
  w.Text("account", e.account);
  if (!e.ip.unspecified()) w.Text("ip", e.ip.ToString());
  if (e.service != Service::kUnknown) w.Text("service", ServiceName(e.service));
  w.Number("listener", kPorts[static_cast<size_t>(e.listener)]);
  w.Text("outcome", ToWord(e.outcome, kOutcomes));
  w.Text("failure", ToWord(e.failure, kFailures));
  w.Text("host", e.host);
  w.Text("queue_id", e.queue_id);
  w.Text("method", e.method);
  w.Text("session", e.session);
  w.Flag("via_webmail", e.via_webmail);
  w.Text("client_name", e.client_name);
  w.Number("client_port", e.client_port);
  w.Number("recipients", e.recipients);
  if (!e.recipient_list.empty()) {
    const char* comma = "";
    w.Key("recipient_domains")->push_back('[');
    for (const Recipient& r : e.recipient_list) {
      out->append(comma);
      AppendJsonString(r.domain, out);
      comma = ",";
    }
    out->push_back(']');
    comma = "";
    w.Key("recipient_keys")->push_back('[');
    for (const Recipient& r : e.recipient_list) {
      out->append(comma).append("\"").append(Hex16(r.key)).append("\"");
      comma = ",";
    }
    out->push_back(']');
  }
  w.Number("size", e.size_bytes);
  w.Text("sender_domain", e.sender_domain);
  if (e.sender_key != 0) w.Text("sender_key", Hex16(e.sender_key));
  if (e.status != StatusCode()) {
    w.Text("dsn", std::to_string(e.status.klass) + "." + std::to_string(e.status.subject) + "." +
                      std::to_string(e.status.detail));
  }
  w.Flag("spam_refusal", e.spam_refusal);
  if (e.score_milli != 0) {
    char score[24];
    const int64_t milli = e.score_milli;
    std::snprintf(score, sizeof score, "%s%lld.%03lld", milli < 0 ? "-" : "",
                  static_cast<long long>(std::abs(milli) / 1000), static_cast<long long>(std::abs(milli) % 1000));
    w.Key("score")->append(score);
  }
  w.Number("auth_ok", e.auth_ok);
  w.Number("auth_tried", e.auth_tried);
  w.Number("rcpt_ok", e.rcpt_ok);
  w.Number("rcpt_tried", e.rcpt_tried);
}

std::unique_ptr<Parser> MakeJsonlParser(Canonicalizer* canonicalizer) {
  return std::make_unique<JsonlParser>(canonicalizer);
}

}  // namespace sekisho::connectors
