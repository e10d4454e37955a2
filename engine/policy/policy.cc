// Keyed jitter, and whom the policy speaks of: the only parts of a policy that compute.
#include "engine/policy/policy.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace sekisho {

int32_t Jitter(const Policy& policy, AccountId account, EventTime at) {
  if (policy.jitter_percent <= 0) return 0;
  char bytes[24];
  const uint64_t words[3] = {account.hash.high, account.hash.low, static_cast<uint64_t>(at.day())};
  for (int w = 0; w < 3; ++w) {
    for (int i = 0; i < 8; ++i) bytes[w * 8 + i] = static_cast<char>(words[w] >> (8 * i));
  }
  const uint64_t h = KeyedHash64(policy.jitter_key, {bytes, sizeof bytes});
  return static_cast<int32_t>(h % static_cast<uint64_t>(2 * policy.jitter_percent + 1)) - policy.jitter_percent;
}

CustomerClass Policy::ClassOf(std::string_view login) const {
  const AccountSet::Match as_business = business.Find(login);
  const AccountSet::Match as_sender = senders.Find(login);
  if (as_business == AccountSet::Match::kNone && as_sender == AccountSet::Match::kNone) return CustomerClass::kConsumer;
  return as_sender > as_business ? CustomerClass::kSender : CustomerClass::kBusiness;
}

bool Policy::Allow(const Exception& exception) {
  if (allow.size() >= kAllowEntriesMax) return false;
  if (allowed.Apply(exception, EventTime::Never()) != Exceptions::Outcome::kDone) return false;
  allow.push_back(exception);
  return true;
}

std::string_view Name(CustomerClass customer) {
  switch (customer) {
    case CustomerClass::kConsumer: return "consumer";
    case CustomerClass::kBusiness: return "business";
    case CustomerClass::kSender: return "sender";
  }
  return "unknown";
}

int64_t Jittered(int64_t threshold, int32_t jitter) {
  return std::max<int64_t>(1, (threshold * (100 + jitter) + 50) / 100);
}

}  // namespace sekisho
