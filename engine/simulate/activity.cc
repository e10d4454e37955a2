#include "engine/simulate/activity.h"

#include <algorithm>
#include <cstring>

namespace sekisho::simulate {
namespace {

// Everything of fixed length, in memory's own layout: the same process reads it.
struct Fixed {
  ActivityKind kind;
  ActivityService service;
  ActivityOutcome outcome;
  LogFile file;
  bool unknown_user, via_webmail, spam_refusal;
  StatusDigits status;
  std::array<uint8_t, 16> ip;
  uint32_t recipients;
  uint16_t recipients_named;
  uint64_t size_bytes;
  uint64_t message;
};

void PutName(std::string_view name, std::string* bytes) {
  const uint16_t length = static_cast<uint16_t>(std::min<size_t>(name.size(), 0xffff));
  bytes->append(reinterpret_cast<const char*>(&length), sizeof(length));
  bytes->append(name.substr(0, length));
}

std::string_view TakeName(std::string_view* bytes) {
  uint16_t length = 0;
  std::memcpy(&length, bytes->data(), sizeof(length));
  const std::string_view name = bytes->substr(sizeof(length), length);
  bytes->remove_prefix(sizeof(length) + name.size());
  return name;
}

}  // namespace

void PackActivity(const Activity& a, std::string* bytes) {
  Fixed fixed;
  std::memset(static_cast<void*>(&fixed), 0, sizeof(fixed));
  fixed.kind = a.kind;
  fixed.service = a.service;
  fixed.outcome = a.outcome;
  fixed.file = a.file;
  fixed.unknown_user = a.unknown_user;
  fixed.via_webmail = a.via_webmail;
  fixed.spam_refusal = a.spam_refusal;
  fixed.status = a.status;
  fixed.ip = a.ip.bytes();
  fixed.recipients = a.recipients;
  fixed.recipients_named = static_cast<uint16_t>(a.recipient_list.size());
  fixed.size_bytes = a.size_bytes;
  fixed.message = a.message;
  bytes->assign(reinterpret_cast<const char*>(&fixed), sizeof(fixed));
  PutName(a.account, bytes);
  PutName(a.sender, bytes);
  for (std::string_view recipient : a.recipient_list) PutName(recipient, bytes);
}

Activity UnpackActivity(std::string_view bytes, std::vector<std::string_view>* recipients) {
  Fixed fixed;
  std::memcpy(static_cast<void*>(&fixed), bytes.data(), sizeof(fixed));
  bytes.remove_prefix(sizeof(fixed));
  Activity a;
  a.kind = fixed.kind;
  a.service = fixed.service;
  a.outcome = fixed.outcome;
  a.file = fixed.file;
  a.unknown_user = fixed.unknown_user;
  a.via_webmail = fixed.via_webmail;
  a.spam_refusal = fixed.spam_refusal;
  a.status = fixed.status;
  a.ip = IpAddress::FromBytes(fixed.ip);
  a.recipients = fixed.recipients;
  a.size_bytes = fixed.size_bytes;
  a.message = fixed.message;
  a.account = TakeName(&bytes);
  a.sender = TakeName(&bytes);
  recipients->clear();
  for (uint16_t i = 0; i < fixed.recipients_named; ++i) recipients->push_back(TakeName(&bytes));
  a.recipient_list = *recipients;
  return a;
}

}  // namespace sekisho::simulate
