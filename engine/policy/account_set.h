// Accounts by name: some exactly, some by their domain. What a policy file gives as "hanako@example.jp" and "*@example.jp".
#ifndef SEKISHO_ENGINE_POLICY_ACCOUNT_SET_H_
#define SEKISHO_ENGINE_POLICY_ACCOUNT_SET_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sekisho {

// Thread-compatible.
class AccountSet {
 public:
  enum class Match : uint8_t { kNone = 0, kDomain = 1, kExact = 2 };

  // The pattern as it is compared: in lower case (ASCII), as canonical logins are. Empty where it is none: blanks, control
  // characters, more than 255 bytes, or a star anywhere but in "*@domain".
  static std::string Normal(std::string_view pattern);

  // False: no pattern. The same twice is the same once.
  bool Add(std::string_view pattern);
  bool Has(std::string_view pattern) const;  // this very pattern

  // `login` is canonical. The domain is what follows the last '@'.
  Match Find(std::string_view login) const;

  bool empty() const { return exact_.empty() && domains_.empty(); }
  void clear();
  // In order: exact ones, then domains.
  std::vector<std::string> Patterns() const;

 private:
  using Names = std::set<std::string, std::less<>>;
  Names exact_, domains_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_POLICY_ACCOUNT_SET_H_
