// Whose accounts they are, what is in shadow, what is allowed, and what networks are.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/common/log_time.h"
#include "engine/app/policy_yaml_parts.h"

namespace sekisho::app {
namespace {

// Accounts by patterns. What `elsewhere` holds already can't be in this list too.
void AddAccounts(YamlFields* f, const std::string& path, AccountSet* accounts, const AccountSet* elsewhere, std::string elsewhere_path,
                 std::string doc) {
  f->Items(
      path, kAccountPatternsMax, "such as \"hanako@example.jp\", or \"*@example.jp\" for a domain's", [accounts] { accounts->clear(); },
      [accounts, elsewhere, elsewhere_path](const std::string& pattern) -> std::string {
        if (elsewhere != nullptr && elsewhere->Has(pattern)) return "it is in " + elsewhere_path + " already: expected another account";
        if (accounts->Has(pattern)) return "it is in the list already: expected another account";
        return accounts->Add(pattern) ? "" : "expected an account such as hanako@example.jp, or *@example.jp for all of a domain";
      },
      [accounts] { return accounts->Patterns(); }, std::move(doc));
}

// "" or what is wrong with the entry.
std::string ReadAllow(const AllowText& text, Exception* exception) {
  const int subjects = (text.account.empty() ? 0 : 1) + (text.network.empty() ? 0 : 1) + (text.asn == 0 ? 0 : 1);
  if (subjects != 1) return "expected one of account, network and asn";
  Subject& subject = exception->subject;
  if (!text.account.empty()) {
    const std::string pattern = AccountSet::Normal(text.account);
    if (pattern.empty()) return "account: expected an account such as hanako@example.jp, or *@example.jp for all of a domain";
    const bool domain = pattern.front() == '*';
    subject.kind = domain ? Subject::Kind::kDomain : Subject::Kind::kAccount;
    subject.name = domain ? pattern.substr(2) : pattern;
  } else if (!text.network.empty()) {
    const std::optional<IpNetwork> network = IpNetwork::Parse(text.network);
    if (!network) return "network: expected a network such as 192.0.2.0/24 or 2001:db8::/32";
    subject.kind = Subject::Kind::kNetwork;
    subject.network = network->first();
    subject.prefix_bits = static_cast<uint8_t>(network->prefix_bits());
  } else {
    subject.kind = Subject::Kind::kAsn;
    subject.asn = text.asn;
  }
  if (text.owner.empty()) return "owner is missing: who answers for it?";
  if (text.reason.empty()) return "reason is missing";
  if (text.expires.empty()) return "expires is missing: when shall somebody look at it again?";
  const std::string_view at_midnight = text.expires.size() == 10 ? "T00:00:00Z" : "";
  const std::optional<EventTime> expires = connectors::ParseRfc3339(text.expires + std::string(at_midnight));
  if (!expires) return "expires: expected a date such as 2027-03-31, or a time such as 2027-03-31T18:00:00+09:00";
  exception->expires = *expires;
  exception->owner = text.owner;
  exception->reason = text.reason;
  return "";
}

}  // namespace

void AddSourceClasses(YamlFields* f, Policy* p) {
  f->Section("source_classes",
             "What kind of network a source is in. A source that no list names is of unknown class, and nothing is concluded "
             "from that. AS numbers need AS data (--asn)");
  const auto list = [&](SourceClass c, std::string doc) {
    f->Words("source_classes." + std::string(Name(c)), SourceClasses::kWordsMax, "networks or AS numbers, such as 192.0.2.0/24 or AS64500",
             [p, c](const std::vector<std::string>& words) { return p->source_classes.Set(c, words); },
             [p, c] { return p->source_classes.words(c); }, std::move(doc));
  };
  list(SourceClass::kResidential, "Homes and offices");
  list(SourceClass::kCarrier, "Phones, many behind one address; their country is the carrier's, not the phone's");
  list(SourceClass::kHosting, "Rented servers. Too wide a list takes owners' new VPNs for thieves' servers");
  list(SourceClass::kFetcher, "Clouds from which mail programs and mailbox imports log in for their users");
  list(SourceClass::kVpn, "Exits of VPN services");
  list(SourceClass::kTor, "Exits of Tor; they change daily, so keep the list by a script");
  list(SourceClass::kOwn, "The operator's own: relays, monitors, load balancers. They are nowhere, and never judged");
}

void AddClasses(YamlFields* f, Policy* p) {
  f->Section("classes", "Whose accounts they are; one that no list names is a consumer's. An account's own name comes before its "
                        "domain's. Domains are better than many accounts: a policy's text is stored with each snapshot");
  f->Section("classes.business", "A person confirms a suspension: until then the account is throttled for as long, and the action "
                                 "asks for it. `sekisho deny --account` confirms, `sekisho release` refuses");
  AddAccounts(f, "classes.business.accounts", &p->business, &p->senders, "classes.sender.accounts", "Which accounts");
  f->Section("classes.sender", "Newsletters and applications: they may send more");
  AddAccounts(f, "classes.sender.accounts", &p->senders, &p->business, "classes.business.accounts", "Which accounts");
  const auto volume = [f](const std::string& name, Policy::VolumeLimits* limits, std::string doc) {
    const std::string path = "classes.sender." + name;
    f->Section(path, std::move(doc));
    f->Integer(path + ".hour_limit", &limits->hour_limit, 1, kPolicyCountMax, "Within 1 h; fewer are never too many");
    f->Integer(path + ".day_limit", &limits->day_limit, 1, kPolicyCountMax, "Within 24 h; fewer are never too many");
  };
  volume("send_rate", &p->sender_send_rate, "In place of the detector's own limits");
  volume("recipient_rate", &p->sender_recipient_rate, "In place of the detector's own limits");
  f->Section("shadow", "What is computed and told as ever, while nothing of it is enforced; a detector has a mode of its own");
  AddAccounts(f, "shadow.accounts", &p->shadowed, nullptr, "", "Which accounts: try the engine on one domain first");
}

AllowText TextOf(const Exception& exception) {
  AllowText text;
  const Subject& subject = exception.subject;
  switch (subject.kind) {
    case Subject::Kind::kAccount: text.account = subject.name; break;
    case Subject::Kind::kDomain: text.account = "*@" + subject.name; break;
    case Subject::Kind::kNetwork:
      text.network = subject.network.ToString() + "/" + std::to_string(subject.prefix_bits);
      break;
    case Subject::Kind::kAsn: text.asn = subject.asn; break;
  }
  text.owner = exception.owner;
  text.reason = exception.reason;
  text.expires = FormatRfc3339(exception.expires);
  return text;
}

void AddAllow(YamlFields* f, PolicyFile* file) {
  Policy* const p = &file->policy;
  std::vector<AllowText>* const texts = &file->allow;
  YamlFields::Records entries;
  entries.expects = "each with account, network or asn, and with owner, reason and expires, such as {account: \"shop@example.jp\", "
                    "owner: \"noc\", reason: \"sends the newsletter\", expires: \"2027-03-31\"}";
  entries.clear = [p, texts] {
    texts->clear();
    p->allow.clear();
    p->allowed = Exceptions(kAllowEntriesMax);
  };
  entries.size = [texts] { return texts->size(); };
  entries.fields = [texts](size_t i) {
    if (i == texts->size()) texts->emplace_back();
    AllowText* text = &(*texts)[i];
    YamlFields fields;
    fields.Text("account", &text->account, 255, "Whatever it does, nothing is enforced");
    fields.Text("network", &text->network, 64, "Its sources are the owners'");
    fields.Integer("asn", &text->asn, 0, UINT32_MAX, "Its sources are the owners'");
    fields.Text("owner", &text->owner, 100, "Who answers for it");
    fields.Text("reason", &text->reason, 250, "Why");
    fields.Text("expires", &text->expires, 40, "When it ends");
    return fields;
  };
  entries.check = [p, texts](size_t i) -> std::string {
    Exception exception;
    if (std::string wrong = ReadAllow((*texts)[i], &exception); !wrong.empty()) return wrong;
    for (const Exception& earlier : p->allow) {
      if (earlier.subject == exception.subject) return "the same is allowed by an earlier entry already";
    }
    return p->Allow(exception) ? "" : "too many entries";
  };
  f->AddRecords("allow", kAllowEntriesMax, entries,
                "Of these accounts (or a domain's, \"*@example.jp\") what they do is told and nothing is enforced; sources in these "
                "networks or AS numbers count as the owners', whosoever's. An order of `sekisho allow` or `sekisho deny` comes before");
}

}  // namespace sekisho::app
