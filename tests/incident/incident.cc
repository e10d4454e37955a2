#include "tests/incident/incident.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/hash.h"
#include "engine/geo/testing/mmdb_writer.h"

namespace sekisho::incident {
namespace {

// 2014-05-01T00:00:00Z, a Thursday.
constexpr EventTime kOwnerBegins = EventTime::FromSeconds(1'398'902'400);
constexpr int kOwnerDays = 31;
constexpr char kHome[] = "198.51.100.23";
constexpr char kPhoneNetwork[] = "203.0.113.";

const std::map<std::string, std::string>& CountryCodes() {
  static const auto& codes = *new std::map<std::string, std::string>{
      {"Argentina", "AR"},  {"Belarus", "BY"},    {"Czech_Republic", "CZ"},     {"India", "IN"},
      {"Indonesia", "ID"},  {"Israel", "IL"},     {"Korea_Republic_of", "KR"},  {"Kyrgyzstan", "KG"},
      {"Poland", "PL"},     {"Romania", "RO"},    {"Russian_Federation", "RU"}, {"Taiwan", "TW"},
      {"Ukraine", "UA"},    {"Uruguay", "UY"},
  };
  return codes;
}

// Collects lines by time.
class Log {
 public:
  void Put(EventTime time, const std::string& program, const std::string& message) {
    std::string stamp = FormatRfc3339(time);
    lines_.emplace_back(time, absl::StrCat(stamp, " mx1 ", program, ": ", message, "\n"));
  }

  void Read(EventTime time, const std::string& ip) {
    const std::string session = absl::StrCat("s", ++sessions_);
    Put(time, "dovecot", absl::StrCat("imap-login: Login: user=<", kAccount, ">, method=PLAIN, rip=", ip,
                                      ", lip=192.0.2.1, mpid=", 4000 + sessions_, ", TLS, session=<", session, ">"));
    Put(time + Span::Seconds(40), "dovecot",
        absl::StrCat("imap(", kAccount, ")<", 4000 + sessions_, "><", session,
                     ">: Logged out in=412 out=18230 deleted=0 expunged=0 trashed=0 hdr_count=6 hdr_bytes=2410 "
                     "body_count=2 body_bytes=9120"));
  }

  void Send(EventTime time, const std::string& ip, const std::string& recipient) {
    char id[16];
    std::snprintf(id, sizeof id, "%010" PRIX64, uint64_t{PinnedMix64(++messages_) & 0xffffffffff});
    const std::string queue_id = id;
    const std::string client = absl::StrCat("unknown[", ip, "]");
    const std::string smtpd = absl::StrCat("postfix/submission/smtpd[", 2000 + messages_ % 7, "]");
    Put(time, smtpd, absl::StrCat("connect from ", client));
    Put(time + Span::Millis(400), smtpd,
        absl::StrCat(queue_id, ": client=", client, ", sasl_method=LOGIN, sasl_username=", kAccount));
    Put(time + Span::Millis(600), "postfix/cleanup[2100]", absl::StrCat(queue_id, ": message-id=<", messages_, "@mx1>"));
    Put(time + Span::Millis(700), "postfix/qmgr[900]",
        absl::StrCat(queue_id, ": from=<", kAccount, ">, size=2190, nrcpt=1 (queue active)"));
    Put(time + Span::Millis(800), smtpd,
        absl::StrCat("disconnect from ", client, " ehlo=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=6"));
    const std::string domain = recipient.substr(recipient.find('@') + 1);
    Put(time + Span::Seconds(2), "postfix/smtp[2200]",
        absl::StrCat(queue_id, ": to=<", recipient, ">, relay=mx.", domain,
                     "[192.0.2.25]:25, delay=1.6, delays=0.3/0/0.6/0.7, dsn=2.0.0, status=sent (250 2.0.0 Ok)"));
    Put(time + Span::Millis(2010), "postfix/qmgr[900]", absl::StrCat(queue_id, ": removed"));
  }

  std::string Take() {
    std::stable_sort(lines_.begin(), lines_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string out;
    for (const auto& [time, line] : lines_) out += line;
    return out;
  }

 private:
  std::vector<std::pair<EventTime, std::string>> lines_;
  uint64_t sessions_ = 0;
  uint64_t messages_ = 0;
};

// Morning and evening at home, noon on the phone; two or three messages on a weekday, to people they know.
void Live(Log* log) {
  for (int day = 0; day < kOwnerDays; ++day) {
    const EventTime midnight = kOwnerBegins + Span::Days(day);
    const uint64_t dice = PinnedMix64(static_cast<uint64_t>(day));
    const std::string phone = absl::StrCat(kPhoneNetwork, 10 + dice % 200);
    const bool weekend = (day + 3) % 7 >= 5;
    log->Read(midnight + Span::Minutes(-90 + static_cast<int64_t>(dice >> 8 & 31)), kHome);  // half past seven in Tokyo
    log->Read(midnight + Span::Minutes(190 + static_cast<int64_t>(dice >> 16 & 31)), phone);
    log->Read(midnight + Span::Minutes(720 + static_cast<int64_t>(dice >> 24 & 31)), kHome);
    if (weekend) continue;
    log->Send(midnight + Span::Minutes(200 + static_cast<int64_t>(dice >> 32 & 15)), phone,
              absl::StrCat("friend", dice % 5, "@example.jp"));
    log->Send(midnight + Span::Minutes(730 + static_cast<int64_t>(dice >> 40 & 15)), kHome,
              absl::StrCat("colleague", (dice >> 3) % 7, "@work.example.jp"));
  }
}

}  // namespace

absl::StatusOr<std::vector<Use>> ReadUses(const std::string& path) {
  std::ifstream in(path);
  if (!in) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::vector<Use> uses;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    std::string elapsed, address, country;
    fields >> elapsed >> address >> country;
    int hours = 0, minutes = 0, seconds = 0;
    const auto ip = IpAddress::Parse(address);
    const auto code = CountryCodes().find(country);
    if (std::sscanf(elapsed.c_str(), "%d:%d:%d", &hours, &minutes, &seconds) != 3 || !ip || code == CountryCodes().end()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": not \"h:mm:ss address country\""));
    }
    uses.push_back({Span::Seconds(hours * 3600 + minutes * 60 + seconds), *ip, code->second});
  }
  return uses;
}

EventTime TheftBegins() { return kOwnerBegins + Span::Days(kOwnerDays); }

std::string LogLines(const std::vector<Use>& uses) {
  Log log;
  Live(&log);
  for (size_t i = 0; i < uses.size(); ++i) {
    log.Send(TheftBegins() + uses[i].elapsed, uses[i].ip.ToString(), absl::StrCat("target", i, "@far", i % 17, ".example"));
  }
  return log.Take();
}

absl::Status WriteGeo(const std::vector<Use>& uses, const std::string& path) {
  testing::MmdbWriter writer(testing::MmdbWriter::Layout::kCountryCode, "Sekisho-Incident-2014");
  writer.Add(*IpAddress::Parse("198.51.100.0"), 24, "JP");
  writer.Add(*IpAddress::Parse("203.0.113.0"), 24, "JP");
  for (const Use& use : uses) writer.Add(use.ip, 32, use.country);
  return writer.WriteFile(path, 1'401'580'800);
}

}  // namespace sekisho::incident
