#include "connectors/common/mail_text.h"

#include <algorithm>

#include "connectors/common/log_time.h"
#include "connectors/common/scan.h"

namespace sekisho::connectors {
namespace {

constexpr std::string_view kFirstFields[] = {
    "Return-Path", "Received",     "Delivered-To", "X-Original-To",  "Envelope-To", "Date",           "From",
    "To",          "Subject",      "Message-ID",   "MIME-Version",   "Content-Type", "DKIM-Signature", "Authentication-Results",
    "Sender",      "ARC-Seal",     "Reply-To",     "X-Envelope-From"};

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool IsMailBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void SkipBlanks(std::string_view* s) {
  while (!s->empty() && IsMailBlank(s->front())) s->remove_prefix(1);
}

// Where a field's name ends (at its ':'); npos where the line is no field.
size_t NameEnd(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ':') return i == 0 ? std::string_view::npos : i;
    if (line[i] <= ' ' || line[i] > '~') return std::string_view::npos;
  }
  return std::string_view::npos;
}

// Takes 1 to `most` digits; -1 where there is none.
int TakeDigits(std::string_view* s, size_t most) {
  int v = 0;
  size_t i = 0;
  for (; i < s->size() && i < most && IsDigit((*s)[i]); ++i) v = v * 10 + ((*s)[i] - '0');
  s->remove_prefix(i);
  return i == 0 ? -1 : v;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view TrimmedOfBlanks(std::string_view s) {
  SkipBlanks(&s);
  while (!s.empty() && IsMailBlank(s.back())) s.remove_suffix(1);
  return s;
}

bool LooksLikeMail(std::string_view line) {
  if (Consume(&line, "From ")) {
    // "From hanako@example.jp Thu Nov 26 13:05:30 2026"
    const size_t blank = line.find(' ');
    return blank != std::string_view::npos && line.find(':', blank) != std::string_view::npos;
  }
  const size_t end = NameEnd(line);
  if (end == std::string_view::npos) return false;
  return std::any_of(std::begin(kFirstFields), std::end(kFirstFields),
                     [&](std::string_view name) { return EqualsIgnoringCase(line.substr(0, end), name); });
}

bool MailFields::Next(std::string_view* name, std::string_view* value) {
  while (!rest_.empty()) {
    size_t line_end = std::min(rest_.find('\n'), rest_.size());
    if (line_end == 0 || (line_end == 1 && rest_[0] == '\r')) {
      rest_.remove_prefix(std::min(line_end + 1, rest_.size()));
      return false;
    }
    const size_t colon = NameEnd(rest_.substr(0, line_end));
    // Lines that begin with a blank go on with the field.
    while (line_end + 1 < rest_.size() && (rest_[line_end + 1] == ' ' || rest_[line_end + 1] == '\t')) {
      line_end = std::min(rest_.find('\n', line_end + 1), rest_.size());
    }
    const std::string_view field = rest_.substr(0, line_end);
    rest_.remove_prefix(std::min(line_end + 1, rest_.size()));
    if (colon == std::string_view::npos) continue;
    *name = field.substr(0, colon);
    *value = field.substr(colon + 1);
    return true;
  }
  return false;
}

std::optional<std::string> FindMailField(std::string_view text, std::string_view wanted) {
  MailFields fields(text);
  std::string_view name, value;
  while (fields.Next(&name, &value)) {
    if (!EqualsIgnoringCase(name, wanted)) continue;
    std::string out(TrimmedOfBlanks(value.substr(0, kMailFieldBytesMax)));
    out.erase(std::remove(out.begin(), out.end(), '\r'), out.end());
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
  }
  return std::nullopt;
}

std::optional<EventTime> ParseMailDate(std::string_view s) {
  s = TrimmedOfBlanks(s);
  if (const size_t comma = s.find(','); comma != std::string_view::npos && comma <= 9) {
    s.remove_prefix(comma + 1);
    SkipBlanks(&s);
  }
  const int day = TakeDigits(&s, 2);
  SkipBlanks(&s);
  const int month = MonthFromName(s);
  if (day < 0 || month == 0) return std::nullopt;
  s.remove_prefix(3);
  SkipBlanks(&s);
  const int year = TakeDigits(&s, 4);
  const auto days = DayNumber(year, month, day);
  SkipBlanks(&s);
  const int hour = TakeDigits(&s, 2);
  if (!days || hour < 0 || hour > 23 || !Consume(&s, ":")) return std::nullopt;
  const int minute = TakeDigits(&s, 2);
  int second = 0;
  if (Consume(&s, ":")) second = TakeDigits(&s, 2);
  if (minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  SkipBlanks(&s);
  int east = 0;
  if (ScanOffset(s, &east) == 0 && !s.starts_with("GMT") && !s.starts_with("UT")) return std::nullopt;
  return EventTime::FromSeconds(*days * 86'400 + hour * 3'600 + minute * 60 + second - east);
}

EventTime MailTime(std::string_view message) {
  for (const std::string_view name : {"Received", "Date"}) {
    const std::optional<std::string> value = FindMailField(message, name);
    if (!value) continue;
    // A Received field ends with its date, after the last ';'.
    const size_t mark = name == "Received" ? value->rfind(';') : std::string::npos;
    const auto time = ParseMailDate(std::string_view(*value).substr(mark == std::string::npos ? 0 : mark + 1));
    if (time) return *time;
  }
  return EventTime::Never();
}

}  // namespace sekisho::connectors
