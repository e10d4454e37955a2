// Enhanced status codes, and the words receivers use for "this is spam".
#include "connectors/common/smtp_reply.h"

#include <array>
#include <cstddef>

#include "connectors/common/scan.h"

namespace sekisho::connectors {
namespace {

// Reads up to three digits at `*i`; false where there is none or a fourth.
bool TakeNumber(std::string_view s, size_t* i, uint16_t* value) {
  const size_t start = *i;
  uint16_t v = 0;
  while (*i < s.size() && IsDigit(s[*i]) && *i - start < 4) v = static_cast<uint16_t>(v * 10 + (s[(*i)++] - '0'));
  *value = v;
  return *i > start && *i - start <= 3;
}

constexpr std::string_view kSpamWords[] = {"spam",      "blocked", "block list",  "blocklist", "blacklist", "black list",
                                           "denylist",  "dnsbl",   "reputation",  "policy",    "abuse",     "junk mail",
                                           "unsolicited", "bulk mail"};

}  // namespace

StatusCode ParseStatusCode(std::string_view s) {
  StatusCode code;
  if (s.size() < 5 || (s[0] != '2' && s[0] != '4' && s[0] != '5') || s[1] != '.') return {};
  code.klass = static_cast<uint16_t>(s[0] - '0');
  size_t i = 2;
  if (!TakeNumber(s, &i, &code.subject) || i >= s.size() || s[i] != '.') return {};
  ++i;
  if (!TakeNumber(s, &i, &code.detail) || (i < s.size() && (IsDigit(s[i]) || s[i] == '.'))) return {};
  return code;
}

StatusCode ParseReplyCode(std::string_view s) {
  if (s.size() >= 3 && IsDigit(s[0]) && IsDigit(s[1]) && IsDigit(s[2]) &&
      (s.size() == 3 || s[3] == ' ' || s[3] == '-')) {
    const StatusCode code = ParseStatusCode(s.substr(s.size() == 3 ? 3 : 4));
    if (code.klass != 0) return code;
    if (s[0] == '2' || s[0] == '4' || s[0] == '5') return {static_cast<uint16_t>(s[0] - '0'), 0, 0};
    return {};
  }
  return ParseStatusCode(s);
}

bool IsSpamRefusal(StatusCode code, std::string_view reply) {
  if (code.subject == 1) return false;
  if (const size_t said = reply.find("said: "); said != std::string_view::npos) reply.remove_prefix(said + 6);
  std::array<char, kReplyBytesMax> buffer;
  size_t n = 0;
  bool quoted = false;
  for (const char c : reply.substr(0, kReplyBytesMax)) {
    if (c == '<') quoted = true;
    if (!quoted) buffer[n++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (c == '>') quoted = false;
  }
  const std::string_view text(buffer.data(), n);
  if (text.find("greylist") != std::string_view::npos || text.find("graylist") != std::string_view::npos) return false;
  if (code.subject == 7 && code.klass >= 4) return true;
  for (const std::string_view word : kSpamWords) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace sekisho::connectors
