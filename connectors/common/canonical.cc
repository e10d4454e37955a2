// Canonical account names and hashed addresses.
#include "connectors/common/canonical.h"

#include <cstdio>
#include <utility>

namespace sekisho::connectors {
namespace {

constexpr bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string_view Trimmed(std::string_view s) {
  while (!s.empty() && IsBlank(s.front())) s.remove_prefix(1);
  while (!s.empty() && IsBlank(s.back())) s.remove_suffix(1);
  return s;
}

constexpr size_t kCutTailBytes = 17;  // '~' and 16 hex digits

// A name that was cut before, e.g. in an event that is read back.
bool IsCut(std::string_view login) {
  if (login.size() != Canonicalizer::kLoginBytesMax) return false;
  const std::string_view tail = login.substr(login.size() - kCutTailBytes);
  return tail[0] == '~' && tail.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

void FoldFrom(std::string* s, size_t start) {
  for (size_t i = start; i < s->size(); ++i) (*s)[i] = ToLower((*s)[i]);
}

}  // namespace

Canonicalizer::Canonicalizer(CanonicalOptions options, HashKey recipient_key)
    : options_(std::move(options)), key_(recipient_key) {}

std::string_view Canonicalizer::Login(std::string_view login) {
  login = Trimmed(login);
  buffer_.clear();
  if (login.empty()) return buffer_;
  // The last '@' divides: what a client puts before it is one local part, whatever it contains.
  const size_t at = login.rfind('@');
  std::string_view local = login.substr(0, at);
  if (options_.extension_delimiter != '\0') {
    const size_t delimiter = local.find(options_.extension_delimiter);
    if (delimiter != std::string_view::npos && delimiter > 0) local = local.substr(0, delimiter);
  }
  buffer_ = local;
  if (at != std::string_view::npos) {
    buffer_.append(login.substr(at));
  } else if (!options_.default_realm.empty() && !IsCut(login)) {
    buffer_.append("@").append(options_.default_realm);
  }
  if (options_.fold_case) FoldFrom(&buffer_, 0);
  if (buffer_.size() > kLoginBytesMax) {
    char tail[kCutTailBytes + 1];
    std::snprintf(tail, sizeof tail, "~%016llx", static_cast<unsigned long long>(PinnedHash64(buffer_)));
    buffer_.resize(kLoginBytesMax - kCutTailBytes);
    buffer_ += tail;
  }
  return buffer_;
}

Recipient Canonicalizer::Address(std::string_view address, std::string* buffer) const {
  *buffer = Trimmed(address);
  size_t at = buffer->rfind('@');
  if (at == std::string::npos && !options_.default_realm.empty()) {
    at = buffer->size();
    buffer->append("@").append(options_.default_realm);
  }
  const size_t domain = at == std::string::npos ? buffer->size() : at + 1;
  FoldFrom(buffer, options_.fold_case ? 0 : domain);
  Recipient recipient;
  recipient.key = KeyedHash64(key_, *buffer);
  recipient.domain = std::string_view(*buffer).substr(domain, kDomainBytesMax);
  return recipient;
}

}  // namespace sekisho::connectors
