// Takes a report apart: header, parts, fields.
#include "connectors/ingest/arf/arf.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "connectors/common/mail_text.h"
#include "connectors/common/queue_join.h"
#include "connectors/common/scan.h"

namespace sekisho::connectors {
namespace {

// A report has three parts; some put one more.
constexpr size_t kPartsMax = 8;
// RFC 2046.
constexpr size_t kBoundaryBytesMax = 70;

constexpr std::string_view kComplaints[] = {"abuse", "fraud", "virus"};

// The value of a Content-Type's parameter, without its quotes; empty where there is none. Names stand after a ';' only, so that a
// value can't be taken for one.
std::string Parameter(std::string_view type, std::string_view name) {
  size_t at = 0;
  while ((at = type.find(';', at)) != std::string_view::npos) {
    std::string_view s = TrimmedOfBlanks(type.substr(++at));
    const size_t equals = s.find('=');
    if (equals == std::string_view::npos) return "";
    const std::string_view here = TrimmedOfBlanks(s.substr(0, equals));
    s = TrimmedOfBlanks(s.substr(equals + 1));
    const size_t quoted = QuotedBytes(s);
    if (EqualsIgnoringCase(here, name)) {
      if (quoted >= 2) return std::string(s.substr(1, quoted - 2));
      return std::string(TrimmedOfBlanks(s.substr(0, s.find(';'))));
    }
    // Goes on behind a quoted value, which may hold a ';' of its own.
    if (quoted > 0) at = static_cast<size_t>(s.data() - type.data()) + quoted;
  }
  return "";
}

bool IsType(std::string_view type, std::string_view wanted) {
  return EqualsIgnoringCase(TrimmedOfBlanks(type.substr(0, type.find(';'))), wanted);
}

struct Parts {
  std::array<std::string_view, kPartsMax> part;
  size_t count = 0;
};

// The parts of a multipart body: what stands between lines "--BOUNDARY". Without a last one, the last part goes to the end.
Parts Split(std::string_view body, std::string_view boundary) {
  Parts parts;
  size_t begin = std::string_view::npos;  // of the present part
  size_t at = 0;
  while (at < body.size()) {
    const size_t end = std::min(body.find('\n', at), body.size());
    std::string_view line = body.substr(at, end - at);
    if (Consume(&line, "--") && Consume(&line, boundary)) {
      const bool last = Consume(&line, "--");
      if (TrimmedOfBlanks(line).empty()) {
        if (begin != std::string_view::npos) parts.part[parts.count++] = body.substr(begin, at - begin);
        begin = end + 1;
        if (last || parts.count == kPartsMax) return parts;
      }
    }
    at = end + 1;
  }
  if (begin != std::string_view::npos && begin < body.size()) parts.part[parts.count++] = body.substr(begin);
  return parts;
}

std::string_view BodyOf(std::string_view part) {
  MailFields fields(part);
  std::string_view name, value;
  while (fields.Next(&name, &value)) {}
  return fields.body();
}

// "<a@b>" or "a@b".
std::string_view WithoutBrackets(std::string_view address) {
  address = TrimmedOfBlanks(address);
  if (!Consume(&address, "<")) return address;
  const auto inside = TakeBracketed(&address);
  return inside ? *inside : address;
}

class ArfParser final : public Parser {
 public:
  ArfParser(Canonicalizer* canonicalizer, ArfOptions options)
      : canonicalizer_(canonicalizer), options_(std::move(options)) {}
  std::string_view name() const override { return "arf"; }

  ParseResult Parse(const LogLine& line, const EventSink& sink, std::string_view* reason) override {
    if (line.program != kMailProgram) return ParseResult::kNotMine;
    const std::string_view message = line.message;
    const std::optional<std::string> type = FindMailField(message, "Content-Type");
    // Other mail lies about in such a mailbox, too.
    if (!type || !IsType(*type, "multipart/report") ||
        !EqualsIgnoringCase(Parameter(*type, "report-type"), "feedback-report")) {
      return ParseResult::kIgnored;
    }
    const std::string boundary = Parameter(*type, "boundary");
    if (boundary.empty() || boundary.size() > kBoundaryBytesMax) return Malformed(reason, "arf: no boundary");
    const Parts parts = Split(BodyOf(message), boundary);
    std::string_view report, original;
    for (size_t i = 0; i < parts.count; ++i) {
      const std::string part_type = FindMailField(parts.part[i], "Content-Type").value_or("");
      if (report.empty() && IsType(part_type, "message/feedback-report")) {
        report = BodyOf(parts.part[i]);
      } else if (original.empty() && (IsType(part_type, "message/rfc822") || IsType(part_type, "text/rfc822-headers") ||
                                      IsType(part_type, "message/global"))) {
        original = BodyOf(parts.part[i]);
      }
    }
    const std::optional<std::string> feedback = FindMailField(report, "Feedback-Type");
    if (!feedback) return Malformed(reason, "arf: no feedback-report part with a Feedback-Type");
    if (std::none_of(std::begin(kComplaints), std::end(kComplaints),
                     [&](std::string_view t) { return EqualsIgnoringCase(*feedback, t); })) {
      return ParseResult::kIgnored;
    }
    Event e;
    e.kind = Kind::kComplaint;
    e.service = Service::kSmtp;
    e.time = MailTime(message);
    if (e.time.never()) return Malformed(reason, "arf: no time in Received or Date");
    queue_id_.clear();
    login_ = AccountOf(report, original);
    e.account = canonicalizer_->Login(login_);
    e.queue_id = queue_id_;
    sink(e);
    return ParseResult::kEvents;
  }

 private:
  static ParseResult Malformed(std::string_view* reason, std::string_view what) {
    *reason = what;
    return ParseResult::kMalformed;
  }

  std::string AccountOf(std::string_view report, std::string_view original) {
    std::string from_received = Received(original);
    for (const std::string& name : options_.account_headers) {
      const std::optional<std::string> value = FindMailField(original, name);
      if (value && !value->empty()) return std::string(WithoutBrackets(*value));
    }
    if (!options_.verp.empty()) {
      for (const auto& [text, name] : {std::pair(report, "Original-Mail-From"), std::pair(original, "Return-Path")}) {
        const std::optional<std::string> sender = FindMailField(text, name);
        if (!sender) continue;
        if (std::string account = FromVerp(WithoutBrackets(*sender)); !account.empty()) return account;
      }
    }
    return from_received;
  }

  // The last '=' of what stands for the account is its '@'.
  std::string FromVerp(std::string_view sender) const {
    const size_t star = options_.verp.find('*');
    if (star == std::string::npos) return "";
    const std::string_view before = std::string_view(options_.verp).substr(0, star);
    const std::string_view after = std::string_view(options_.verp).substr(star + 1);
    if (sender.size() <= before.size() + after.size() || !EqualsIgnoringCase(sender.substr(0, before.size()), before) ||
        !EqualsIgnoringCase(sender.substr(sender.size() - after.size()), after)) {
      return "";
    }
    std::string account(sender.substr(before.size(), sender.size() - before.size() - after.size()));
    if (const size_t at = account.rfind('='); at != std::string::npos) account[at] = '@';
    return account;
  }

  // The login of the topmost Received field that has one; its queue id goes to `queue_id_`. Postfix gives it a line of its own,
  // which neither the client's HELO name nor a recipient's address can hold:
  //   from laptop (unknown [198.51.100.7])
  //           (Authenticated sender: hanako@example.jp)
  //           by mx1.example.jp (Postfix) with ESMTPSA id 4F2A
  std::string Received(std::string_view original) {
    MailFields fields(original);
    std::string_view name, value;
    while (fields.Next(&name, &value)) {
      if (!EqualsIgnoringCase(name, "Received")) continue;
      std::string_view rest = value.substr(0, kMailFieldBytesMax);
      while (const auto line = TakeUntil(&rest, "\n")) {
        std::string_view text = TrimmedOfBlanks(*line);
        if (!Consume(&text, "(Authenticated sender: ") || !text.ends_with(")")) continue;
        text.remove_suffix(1);
        if (const auto before = TakeUntil(&rest, " id ")) {
          size_t n = 0;
          while (n < rest.size() && n < kQueueIdBytesMax && (IsAlnum(rest[n]) || rest[n] == '-')) ++n;
          queue_id_ = rest.substr(0, n);
        }
        return std::string(TrimmedOfBlanks(text));
      }
    }
    return "";
  }

  Canonicalizer* const canonicalizer_;
  const ArfOptions options_;
  std::string login_, queue_id_;
};

}  // namespace

std::unique_ptr<Parser> MakeArfParser(Canonicalizer* canonicalizer, ArfOptions options) {
  return std::make_unique<ArfParser>(canonicalizer, std::move(options));
}

}  // namespace sekisho::connectors
