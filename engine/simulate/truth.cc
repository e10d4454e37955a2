#include "engine/simulate/truth.h"

#include <algorithm>

namespace sekisho::simulate {

void Truth::Compromised(uint32_t index, Micros at) {
  const EventTime time = EventTime::FromMillis(at / 1000);
  Theft& theft = thefts_[index];
  if (theft.compromised.never() || time < theft.compromised) theft.compromised = time;
}

void Truth::Abused(uint32_t index, Micros at, uint32_t recipients, const IpAddress& client,
                   CountryIndex country) {
  Compromised(index, at);
  const EventTime time = EventTime::FromMillis(at / 1000);
  Theft& theft = thefts_[index];
  if (theft.first.never() || time < theft.first) theft.first = time;
  if (theft.last.never() || time > theft.last) theft.last = time;
  ++theft.messages;
  theft.recipients += recipients;
  theft.addresses.insert(client);
  theft.countries.insert(country);
  ++messages_;
  recent_.push_back(Recent{index, AbusiveMessage{time, recipients, client}});
}

void Truth::SortRecent() {
  std::stable_sort(recent_.begin(), recent_.end(),
                   [](const Recent& a, const Recent& b) { return a.message.time < b.message.time; });
}

void Truth::Fill(uint32_t index, AccountTruth* truth) const {
  const auto found = thefts_.find(index);
  if (found == thefts_.end()) return;
  const Theft& theft = found->second;
  truth->compromised = theft.compromised;
  truth->first_abuse = theft.first;
  truth->last_abuse = theft.last;
  truth->messages = theft.messages;
  truth->recipients = theft.recipients;
  truth->addresses = static_cast<uint32_t>(theft.addresses.size());
  truth->countries = static_cast<uint32_t>(theft.countries.size());
}

}  // namespace sekisho::simulate
