#include "engine/simulate/names.h"

#include <array>
#include <vector>

#include "engine/base/hash.h"
#include "engine/simulate/random.h"
#include "engine/simulate/text.h"

namespace sekisho::simulate {
namespace {

constexpr std::string_view kGiven[] = {"akira",  "yuki",    "haruka", "kenji",   "naoko",   "takeshi",
                                       "emi",    "hiroshi", "yoko",   "daisuke", "mika",    "satoshi",
                                       "rie",    "kazuo",   "ayumi",  "jun",     "kana",    "makoto",
                                       "tomoko", "ryo",     "mai",    "koji",    "sachiko", "shin"};
constexpr std::string_view kSurnames[] = {
    "sato",      "suzuki",  "takahashi", "tanaka",   "watanabe", "ito",       "yamamoto",  "nakamura",
    "kobayashi", "kato",    "yoshida",   "yamada",   "sasaki",   "yamaguchi", "matsumoto", "inoue",
    "kimura",    "hayashi", "shimizu",   "saito",    "mori",     "abe",       "ikeda",     "hashimoto",
    "ishikawa",  "ogawa",   "okada",     "hasegawa", "fujita",   "goto"};
constexpr std::string_view kSyllables[] = {"ka",  "ki",  "ku",  "ko",  "sa",  "shi", "su",  "so",  "ta",
                                           "to",  "na",  "ni",  "no",  "ha",  "hi",  "ho",  "ma",  "mi",
                                           "mo",  "ya",  "yo",  "ra",  "ri",  "ru",  "ro",  "wa",  "be",
                                           "den", "ban", "dor", "lin", "mar", "nor", "vel", "tek", "sol"};

template <typename Array>
std::string_view Pick(const Array& array, uint64_t key) {
  return array[key % std::size(array)];
}

struct Suffixes {
  std::string_view country;
  std::array<std::string_view, 4> suffixes;
};
constexpr Suffixes kSuffixes[] = {
    {"JP", {"co.jp", "jp", "or.jp", "ne.jp"}},        {"US", {"com", "org", "net", "us"}},
    {"GB", {"co.uk", "co.uk", "org.uk", "uk"}},       {"BR", {"com.br", "com.br", "net.br", "org.br"}},
    {"AU", {"com.au", "com.au", "net.au", "org.au"}}, {"KR", {"co.kr", "co.kr", "or.kr", "kr"}},
    {"TW", {"com.tw", "com.tw", "org.tw", "tw"}},     {"CN", {"com.cn", "cn", "net.cn", "com.cn"}},
    {"NZ", {"co.nz", "co.nz", "org.nz", "nz"}},       {"ZA", {"co.za", "co.za", "org.za", "co.za"}},
    {"TR", {"com.tr", "com.tr", "org.tr", "com.tr"}}, {"ID", {"co.id", "co.id", "or.id", "id"}},
    {"TH", {"co.th", "co.th", "or.th", "in.th"}},     {"MX", {"com.mx", "mx", "org.mx", "com.mx"}},
    {"AR", {"com.ar", "com.ar", "org.ar", "com.ar"}}, {"HK", {"com.hk", "com.hk", "hk", "org.hk"}},
    {"SG", {"com.sg", "com.sg", "sg", "org.sg"}},     {"IN", {"in", "co.in", "in", "org.in"}},
};

struct Providers {
  std::string_view country;
  std::array<std::string_view, 8> domains;  // the greater ones first
};
constexpr Providers kProviders[] = {
    {"JP",
     {"gmail.com", "yahoo.co.jp", "docomo.ne.jp", "icloud.com", "ezweb.ne.jp", "softbank.ne.jp", "outlook.jp",
      "hotmail.com"}},
    {"KR",
     {"naver.com", "gmail.com", "daum.net", "hanmail.net", "nate.com", "kakao.com", "icloud.com",
      "outlook.com"}},
    {"CN",
     {"qq.com", "163.com", "126.com", "sina.com", "outlook.com", "foxmail.com", "139.com", "gmail.com"}},
    {"TW",
     {"gmail.com", "yahoo.com.tw", "hotmail.com", "icloud.com", "outlook.com", "msa.hinet.net", "yahoo.com",
      "seed.net.tw"}},
    {"DE",
     {"gmail.com", "gmx.de", "web.de", "t-online.de", "outlook.de", "icloud.com", "yahoo.de", "freenet.de"}},
    {"FR",
     {"gmail.com", "orange.fr", "free.fr", "hotmail.fr", "wanadoo.fr", "sfr.fr", "yahoo.fr", "laposte.net"}},
    {"IT",
     {"gmail.com", "libero.it", "hotmail.it", "alice.it", "virgilio.it", "yahoo.it", "tiscali.it",
      "icloud.com"}},
    {"RU", {"mail.ru", "yandex.ru", "gmail.com", "bk.ru", "list.ru", "rambler.ru", "inbox.ru", "icloud.com"}},
    {"PL",
     {"gmail.com", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "outlook.com", "poczta.onet.pl", "op.pl"}},
    {"BR",
     {"gmail.com", "hotmail.com", "yahoo.com.br", "uol.com.br", "bol.com.br", "terra.com.br", "outlook.com",
      "icloud.com"}},
    {"GB",
     {"gmail.com", "hotmail.co.uk", "btinternet.com", "yahoo.co.uk", "outlook.com", "icloud.com", "sky.com",
      "aol.com"}},
    {"",
     {"gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "aol.com", "icloud.com", "live.com",
      "comcast.net"}},
};

std::string LowerCode(const Networks& networks, CountryIndex country) {
  std::string code(networks.code(country));
  for (char& c : code) c = static_cast<char>(c - 'A' + 'a');
  return code;
}

}  // namespace

std::string PersonLocalPart(uint64_t unique) {
  const uint64_t key = PinnedMix64(unique ^ 0x10c41);
  const std::string_view given = Pick(kGiven, key >> 8);
  const std::string_view surname = Pick(kSurnames, key >> 24);
  std::string name;
  Text out(&name);
  switch (key & 7) {
    case 0:
      out << surname;
      break;
    case 1:
      out << given << '.' << surname;
      break;
    case 2:
      out << given.substr(0, 1) << surname;
      break;
    case 3:
      out << surname << '_' << given.substr(0, 1);
      break;
    case 4:
      out << given;
      break;
    case 5:
      out << surname << given;
      break;
    default:
      out << given << surname.substr(0, 1);
      break;
  }
  // An odd factor makes a bijection of 2^20 numbers; names stay different, and not in the order of the
  // accounts.
  const uint64_t low = (unique * 0x9e3b5ull + 0x3c1d7) & 0xfffff;
  out << low + ((unique >> 20) << 20);
  return name;
}

std::string MemberLocalPart(uint64_t company, uint32_t member) {
  const uint64_t key = PinnedMix64(company ^ 0xc0);
  // The surnames of one company start anywhere in the list and run on; the given initial tells rounds apart.
  const std::string_view surname = Pick(kSurnames, key + member);
  const size_t round = member / std::size(kSurnames);
  std::string name;
  Text out(&name);
  if (round > 0 || (key >> 20) % 3 == 0)
    out << Pick(kGiven, (key >> 32) + round).substr(0, round > 0 ? 2 : 1) << '.';
  out << surname;
  if (round > 0) out << round + 1;
  return name;
}

std::string StrangerLocalPart(uint64_t key) {
  std::string name;
  Text out(&name);
  switch (key % 10) {
    case 0:
      out << "info";
      break;
    case 1:
      out << Pick(kSurnames, key >> 8) << (key >> 40) % 100;
      break;
    case 2:
      out << Pick(kGiven, key >> 8) << '.' << Pick(kSurnames, key >> 20);
      break;
    case 3:
      out << Pick(kSyllables, key >> 8) << Pick(kSyllables, key >> 16) << '-' << (key >> 40) % 1000;
      break;
    default:
      out << Pick(kSyllables, key >> 8) << Pick(kSyllables, key >> 14) << Pick(kSyllables, key >> 20)
          << (key >> 40) % 2000;
  }
  return name;
}

std::string CompanyDomain(const Networks& networks, CountryIndex country, uint64_t key) {
  const uint64_t mixed = PinnedMix64(key ^ 0xd0a1);
  std::string domain;
  Text out(&domain);
  out << Pick(kSyllables, mixed) << Pick(kSyllables, mixed >> 8) << Pick(kSyllables, mixed >> 16);
  if ((mixed >> 24) % 3 == 0) out << Pick(kSyllables, mixed >> 28);
  if ((mixed >> 36) % 6 == 0) out << '-' << Pick(kSyllables, mixed >> 40) << Pick(kSyllables, mixed >> 46);
  if ((mixed >> 52) % 8 == 0) return domain += ".com";  // used everywhere
  for (const Suffixes& row : kSuffixes) {
    if (row.country == networks.code(country))
      return domain.append(".").append(Pick(row.suffixes, mixed >> 56));
  }
  return domain.append(".").append(LowerCode(networks, country));
}

std::string_view BigProvider(const Networks& networks, CountryIndex country, uint64_t key) {
  const Providers* found = &kProviders[std::size(kProviders) - 1];
  for (const Providers& row : kProviders) {
    if (row.country == networks.code(country)) found = &row;
  }
  // The k-th has about half the users of the one before it, but never none.
  constexpr uint64_t kShares[] = {38, 58, 70, 79, 86, 92, 96, 100};
  const uint64_t x = PinnedMix64(key) % 100;
  size_t k = 0;
  while (x >= kShares[k]) ++k;
  return found->domains[k];
}

std::string ReverseName(const Networks& networks, const Source& source) {
  const Carrier& carrier = networks.carrier(source.carrier);
  const uint64_t network = source.ip.network_key();
  const uint64_t style = Key({source.ip.region_key(), carrier.number, 0x7e5});
  const uint64_t unknown_percent = carrier.role == Role::kHosting ? 35 : 25;
  if (style % 100 < unknown_percent || Key({network, 0x7e6}) % 100 < 8) return "unknown";
  std::string name;
  Text out(&name);
  const std::array<uint8_t, 16>& bytes = source.ip.bytes();
  if (!source.ip.is_v4()) {
    if ((style >> 8) % 3 != 0) return "unknown";
    out << "v6-";
    for (size_t i = 4; i < 8; ++i) out << static_cast<int>(bytes[i]) << '-';
    out << Key({source.ip.source_key(), 1}) % 10'000;
  } else {
    const int a = bytes[12], b = bytes[13], c = bytes[14], d = bytes[15];
    switch ((style >> 8) % 4) {
      case 0:
        out << 'p' << a << '-' << b << '-' << c << '-' << d;
        break;
      case 1:
        out << "host";
        for (int part : {a, b, c, d}) out.Padded(static_cast<uint64_t>(part), 3);
        break;
      case 2:
        out << d << '.' << c << '.' << b << '.' << a;
        break;
      default:
        out << "ip" << a << b << '-' << d << '.' << Pick(kSyllables, network) << c;
    }
  }
  constexpr std::string_view kRoleWords[] = {".dynamic", ".mobile", ".cloud"};
  if ((style >> 16) % 2 == 0) out << kRoleWords[static_cast<size_t>(carrier.role)];
  out << ".as" << carrier.number << '.' << ((style >> 20) % 2 == 0 ? "net" : "ne") << '.'
      << LowerCode(networks, carrier.country);
  return name;
}

std::string MessageId(uint32_t style, uint64_t key, int64_t at_us, std::string_view sender_domain) {
  std::string id;
  Text out(&id);
  const uint64_t mixed = PinnedMix64(key ^ 0x31d);
  const uint64_t more = PinnedMix64(mixed);
  switch (style % 5) {
    case 0:  // a UUID
      out.Hex(mixed >> 32, 8) << '-';
      out.Hex((mixed >> 16) & 0xffff, 4) << '-';
      out.Hex((mixed & 0xfff) | 0x4000, 4) << '-';
      out.Hex((more >> 48 & 0x3fff) | 0x8000, 4) << '-';
      out.Hex(more & 0xffffffffffff, 12) << '@' << sender_domain;
      return id;
    case 1:
      out << at_us / 1000 << '.' << mixed % 1'000'000'000 << '@' << sender_domain;
      return id;
    case 2:
      out.Hex(static_cast<uint64_t>(at_us / 1'000'000), 8) << '.';
      out << mixed % 10'000'000 << '@' << sender_domain;
      return id;
    case 3:
      out.Hex(mixed & 0xffffffff, 8);
      out.Hex(more, 16) << '$';
      out.Hex((mixed >> 32) & 0xffffff, 6)
          << '@' << Pick(kSyllables, more) << Pick(kSyllables, more >> 8) << "pc";
      return id;
    default:
      out << (mixed % 900'000'000 + 100'000'000) << '.' << (more % 90'000 + 10'000) << '.' << at_us / 1000
          << '@' << sender_domain;
      return id;
  }
}

std::string WebmailSessionId(uint64_t key) {
  constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string id;
  uint64_t mixed = PinnedMix64(key ^ 0x3b);
  for (int i = 0; i < 16; ++i) {
    if (i == 8) mixed = PinnedMix64(mixed);
    id.push_back(kAlphabet[(mixed >> (i % 8 * 8)) % kAlphabet.size()]);
  }
  return id;
}

std::string DovecotSessionId(int64_t at_us, uint16_t port, const IpAddress& ip) {
  constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<uint8_t, 24> raw{};
  size_t size = 0;
  for (int i = 0; i < 6; ++i) raw[size++] = static_cast<uint8_t>(static_cast<uint64_t>(at_us) >> (8 * i));
  raw[size++] = static_cast<uint8_t>(port & 0xff);
  raw[size++] = static_cast<uint8_t>(port >> 8);
  for (size_t i = ip.is_v4() ? 12 : 0; i < 16; ++i) raw[size++] = ip.bytes()[i];
  std::string id;
  for (size_t i = 0; i + 3 <= size; i += 3) {
    const uint32_t word =
        static_cast<uint32_t>(raw[i]) << 16 | static_cast<uint32_t>(raw[i + 1]) << 8 | raw[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) id.push_back(kBase64[(word >> shift) & 63]);
  }
  return id;
}

std::string QueueId(int64_t at_us, uint64_t inode, bool long_form) {
  std::string id;
  Text out(&id);
  const uint64_t microseconds = static_cast<uint64_t>(at_us % 1'000'000);
  if (!long_form) {
    out.Hex(microseconds, 5).Hex(inode, 1);
    return id;
  }
  constexpr std::string_view kAlphabet = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
  const auto encode = [&](uint64_t value, uint64_t base, size_t width) {
    std::string digits;
    while (value > 0 || digits.size() < width) {
      digits.insert(digits.begin(), kAlphabet[value % base]);
      value /= base;
    }
    out << digits;
  };
  encode(static_cast<uint64_t>(at_us / 1'000'000), 52, 6);
  encode(microseconds, 52, 4);
  out << 'z';
  encode(inode, 51, 1);
  return id;
}

}  // namespace sekisho::simulate
