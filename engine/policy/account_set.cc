#include "engine/policy/account_set.h"

#include <algorithm>

namespace sekisho {
namespace {

constexpr size_t kPatternBytesMax = 255;
constexpr std::string_view kWholeDomain = "*@";

}  // namespace

std::string AccountSet::Normal(std::string_view pattern) {
  const bool domain = pattern.substr(0, kWholeDomain.size()) == kWholeDomain;
  const std::string_view name = domain ? pattern.substr(kWholeDomain.size()) : pattern;
  const bool clean = std::none_of(name.begin(), name.end(), [](char c) {
    return (c >= 0 && c <= ' ') || c == 0x7f || c == '*';
  });
  if (name.empty() || pattern.size() > kPatternBytesMax || !clean) return "";
  if (domain && name.find('@') != std::string_view::npos) return "";
  std::string normal(pattern);
  for (char& c : normal) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return normal;
}

bool AccountSet::Add(std::string_view pattern) {
  const std::string normal = Normal(pattern);
  if (normal.empty()) return false;
  if (normal.front() == '*') {
    domains_.insert(normal.substr(kWholeDomain.size()));
  } else {
    exact_.insert(normal);
  }
  return true;
}

bool AccountSet::Has(std::string_view pattern) const {
  const std::string normal = Normal(pattern);
  if (normal.empty()) return false;
  return normal.front() == '*' ? domains_.contains(std::string_view(normal).substr(kWholeDomain.size())) : exact_.contains(normal);
}

AccountSet::Match AccountSet::Find(std::string_view login) const {
  if (!exact_.empty() && exact_.contains(login)) return Match::kExact;
  if (domains_.empty()) return Match::kNone;
  const size_t sign = login.rfind('@');
  if (sign == std::string_view::npos) return Match::kNone;
  return domains_.contains(login.substr(sign + 1)) ? Match::kDomain : Match::kNone;
}

void AccountSet::clear() {
  exact_.clear();
  domains_.clear();
}

std::vector<std::string> AccountSet::Patterns() const {
  std::vector<std::string> patterns(exact_.begin(), exact_.end());
  for (const std::string& domain : domains_) patterns.push_back(std::string(kWholeDomain) + domain);
  return patterns;
}

}  // namespace sekisho
