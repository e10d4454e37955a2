// The names that appear in the lines: logins, mail domains, reverse names, message ids. All made from
// numbers, so none is stored; any resemblance to a real mailbox is chance. Large mail providers appear under
// their own domains, because half of the world's mail goes to them.
#ifndef SEKISHO_ENGINE_SIMULATE_NAMES_H_
#define SEKISHO_ENGINE_SIMULATE_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/ip.h"
#include "engine/simulate/networks.h"

namespace sekisho::simulate {

inline constexpr std::string_view kRealm = "mail.example.jp";  // the service's own domain
inline constexpr std::string_view kWebmailAddress =
    "10.20.0.30";  // as submission and IMAP servers see the webmail

// An address and the carrier it belongs to (index into Networks), which decides its reverse name.
struct Source {
  IpAddress ip;
  int carrier = 0;
};

// "given.surname1234" and the like; different for different `unique` numbers.
std::string PersonLocalPart(uint64_t unique);
// "surname" or "g.surname"; different within one company for member numbers in [0, 200).
std::string MemberLocalPart(uint64_t company, uint32_t member);
// A local part for somebody elsewhere; not unique.
std::string StrangerLocalPart(uint64_t key);

// A company's domain in a country, e.g. "takamori.co.jp"; `key` decides.
std::string CompanyDomain(const Networks& networks, CountryIndex country, uint64_t key);
// One of the large mail providers that people of that country use, the greater ones more often.
std::string_view BigProvider(const Networks& networks, CountryIndex country, uint64_t key);

// What the server's reverse lookup gives for an address: "unknown" for some networks, a generated name in
// others. A function of the address alone.
std::string ReverseName(const Networks& networks, const Source& source);

// "<…>" without the brackets, in the manner of mailer number `style`.
std::string MessageId(uint32_t style, uint64_t key, int64_t at_us, std::string_view sender_domain);

// Sixteen characters of [0-9a-z], as PHP's session ids begin.
std::string WebmailSessionId(uint64_t key);

// Dovecot's session id: base64 of the low 48 bits of the time in microseconds, the port and the address.
std::string DovecotSessionId(int64_t at_us, uint16_t port, const IpAddress& ip);

// Postfix's queue id: microseconds and inode in hexadecimal, or the long form (base 52, its own alphabet).
std::string QueueId(int64_t at_us, uint64_t inode, bool long_form);

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_NAMES_H_
