#include "engine/app/policy_yaml.h"

#include <deque>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/printable.h"
#include "engine/rules/rule_set.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::app {
namespace {

constexpr int64_t kCountMax = 1'000'000'000;
constexpr size_t kHomeCountriesMax = 32;

// An operator's rule as its file has it.
struct RuleEntry {
  rules::Rule rule;
  int family = -1;  // -1: not said
};

// A policy and what only its file knows.
struct PolicyFile {
  Policy policy = Policy::Default();
  std::string jitter_passphrase = "sekisho";
  // Of the policy's own rules, as they are written; deque, because tables of fields point into it while it grows.
  std::deque<RuleEntry> rules;
};

// Adds the keys of one detector below its section.
class DetectorKeys {
 public:
  DetectorKeys(YamlFields* fields, Policy* policy, DetectorId id, std::string doc)
      : fields_(fields), path_("detectors." + std::string(Name(id))) {
    fields_->Section(path_, std::move(doc));
    fields_->Enum(path_ + ".mode", &policy->detectors[static_cast<size_t>(id)],
                  {{"enforce", static_cast<int>(DetectorMode::kOn)},
                   {"shadow", static_cast<int>(DetectorMode::kShadow)},
                   {"off", static_cast<int>(DetectorMode::kOff)}},
                  "shadow: the signal is computed and told, but nothing follows from it");
  }
  void Count(const std::string& key, int64_t* field, std::string doc) {
    fields_->Integer(path_ + "." + key, field, 1, kCountMax, std::move(doc));
  }
  void Percent(const std::string& key, int64_t* field, std::string doc) {
    fields_->Integer(path_ + "." + key, field, 0, 100'000, std::move(doc));
  }
  void Score(const std::string& key, int32_t* field, std::string doc) {
    fields_->Integer(path_ + "." + key, field, 0, 100, std::move(doc));
  }
  void Limit(const std::string& key, struct Limit* limit, std::string doc) {
    fields_->Section(path_ + "." + key, std::move(doc));
    Count(key + ".at_least", &limit->at_least, "The signal is raised from this count on");
    Score(key + ".score", &limit->score, "Points of risk it then brings");
  }

 private:
  YamlFields* const fields_;
  const std::string path_;
};

void AddOrigin(YamlFields* f, Policy* p) {
  DetectorKeys velocity(f, p, DetectorId::kCountryVelocity,
                        "Countries far from the owner's that unfamiliar sources sent from");
  velocity.Limit("two_hours", &p->country_velocity.two_hours,
                 "Within 2 h. Lower finds a rotation a message earlier, and stops trips through two countries");
  velocity.Limit("first_two", &p->country_velocity.first_two, "Within 2 h; too weak to act on alone");
  velocity.Limit("day", &p->country_velocity.day, "Within 24 h: a slower rotation");

  DetectorKeys rotation(f, p, DetectorId::kSourceRotation,
                        "Unfamiliar sources that sent at most three messages each and moved on");
  rotation.Limit("two_hours", &p->source_rotation.two_hours,
                 "Within 2 h. Lower finds a rotation earlier, and stops people who walk between networks");
  rotation.Limit("day", &p->source_rotation.day, "Within 24 h");
  rotation.Limit("far_day", &p->source_rotation.far_day, "Within 24 h, counting only sources in countries new to the owner");

  DetectorKeys dispersion(f, p, DetectorId::kSourceDispersion,
                          "More sources in 24 h than the account is used to, a third of them unfamiliar at least");
  dispersion.Count("sources_min", &p->source_dispersion.sources_min,
                   "Fewer are never too many: a phone on the road meets a new address with each cell");
  dispersion.Percent("usual_factor_percent", &p->source_dispersion.usual_factor_percent,
                     "Of the most sources on one earlier day");
  dispersion.Score("score", &p->source_dispersion.score, "Points of risk");
}

void AddRate(YamlFields* f, Policy* p, DetectorId id, Policy::Rate* rate, std::string doc) {
  DetectorKeys keys(f, p, id, std::move(doc));
  keys.Count("hour_limit", &rate->hour_limit, "Within 1 h; fewer are never too many");
  keys.Count("day_limit", &rate->day_limit, "Within 24 h; fewer are never too many");
  keys.Percent("usual_factor_percent", &rate->usual_factor_percent,
               "Of the most on one earlier day: a newsletter's habit raises its own limit");
  keys.Score("score", &rate->score, "Points of risk");
  keys.Score("score_high", &rate->score_high, "Points of risk from three times the limit on");
}

void AddVolume(YamlFields* f, Policy* p) {
  DetectorKeys burst(f, p, DetectorId::kSourceBurst, "Messages that unfamiliar sources sent");
  burst.Limit("minute", &p->source_burst.minute, "Within 1 min, from sources in countries new to the owner");
  burst.Limit("ten_minutes", &p->source_burst.ten_minutes,
              "Within 10 min. Lower lets fewer recipients escape, and stops owners who mail from a new place in a hurry");
  burst.Limit("hour", &p->source_burst.hour, "Within 1 h");
  burst.Limit("hour_high", &p->source_burst.hour_high, "Within 1 h, beyond what people send by hand");
  burst.Count("recipients_per_message", &p->source_burst.recipients_per_message,
              "So many recipients weigh like one message");
  burst.Count("recipients_messages_min", &p->source_burst.recipients_messages_min,
              "Recipients count from so many messages on: one message to a whole club is no burst");
  burst.Count("judged_min", &p->source_burst.judged_min,
              "From so many recipients on, the score is halved where most of them are people the account knows");
  burst.Percent("read_factor_percent", &p->source_burst.read_factor_percent,
                "Where mail is read too, if only a little, a source may send so much more");
  burst.Percent("near_factor_percent", &p->source_burst.near_factor_percent,
                "Sources in the owner's own country may send so much more");
  burst.Percent("near_score_percent", &p->source_burst.near_score_percent, "Their scores are this part of the others'");
  AddRate(f, p, DetectorId::kSendRate, &p->send_rate, "Messages of the account, from whatever source");
  AddRate(f, p, DetectorId::kRecipientRate, &p->recipient_rate, "Recipients of the account, from whatever source");
}

void AddRecipients(YamlFields* f, Policy* p) {
  DetectorKeys tendency(f, p, DetectorId::kRecipientTendency, "Recipients that the account never wrote to");
  tendency.Percent("new_percent_min", &p->recipient_tendency.new_percent_min, "Their share of that hour's recipients");
  tendency.Percent("usual_new_percent_max", &p->recipient_tendency.usual_new_percent_max,
                   "An account with a larger share by habit (a shop) is only judged by `habitual`");
  tendency.Limit("few", &p->recipient_tendency.few,
                 "New recipients within 1 h of unfamiliar sources in countries new to the owner. Lower finds "
                 "ten-messages-a-day abuse sooner, and stops travellers who make new friends");
  tendency.Limit("many", &p->recipient_tendency.many, "The same, many of them");
  tendency.Limit("near_few", &p->recipient_tendency.near_few, "The same, of sources in the owner's own country");
  tendency.Limit("near_many", &p->recipient_tendency.near_many, "The same, many of them");
  tendency.Limit("habitual", &p->recipient_tendency.habitual,
                 "Of sources in countries new to the owner, where strangers are this account's habit");
  tendency.Limit("unread_source", &p->recipient_tendency.unread_source,
                 "Of a source in the owner's surroundings that never read mail, where the owner reads from others");
  tendency.Limit("known_source", &p->recipient_tendency.known_source,
                 "The same from a source that is the owner's: most often an honest mailing");
}

void AddMailboxAndCredential(YamlFields* f, Policy* p) {
  DetectorKeys unread(f, p, DetectorId::kSendWithoutRead,
                      "Unfamiliar sources send, and nobody reads mail from there, where the owner does read mail");
  unread.Count("messages_min", &p->send_without_read.messages_min, "Messages within 24 h; fewer say nothing");
  unread.Count("history_days_min", &p->send_without_read.history_days_min,
               "Days of history from which on the habit is settled; before, a traveller may look the same");
  unread.Score("far_score", &p->send_without_read.far_score, "Points of risk in a country new to the owner");
  unread.Score("far_score_unsettled", &p->send_without_read.far_score_unsettled,
               "The same before the habit is settled");

  DetectorKeys guessing(f, p, DetectorId::kGuessing, "Somebody is trying passwords");
  guessing.Count("failures_min", &p->guessing.failures_min, "Failed logins within 1 h by unfamiliar sources");
  guessing.Count("sources_min", &p->guessing.sources_min, "Distinct sources of them: one stale phone is only one");
  guessing.Score("score", &p->guessing.score, "Points of risk; low, because most guessing finds nothing");

  DetectorKeys use(f, p, DetectorId::kGuessingThenUse, "A password was guessed, and somebody unfamiliar sends");
  use.Count("hours_max", &p->guessing_then_use.hours_max, "Hours between the guessed login and the sending");
  use.Score("score", &p->guessing_then_use.score, "Points of risk when another source sends");
  use.Score("same_source_score", &p->guessing_then_use.same_source_score, "Points when the source that guessed sends");
}

void AddOutcome(YamlFields* f, Policy* p) {
  DetectorKeys surge(f, p, DetectorId::kBounceSurge, "Deliveries that failed for good or were refused as spam");
  surge.Limit("failed", &p->bounce_surge.failed, "Within 1 h. Lower is earlier, and hits old address books");
  surge.Limit("failed_high", &p->bounce_surge.failed_high, "Within 1 h, beyond any address book");
  surge.Percent("percent_min", &p->bounce_surge.percent_min, "Their share of that hour's deliveries, at least");
}

void AddReputation(YamlFields* f, Policy* p) {
  DetectorKeys shared(f, p, DetectorId::kSharedSource,
                      "An unfamiliar source sends from a network over which other accounts were suspended in the last 72 h");
  shared.Count("accounts_min", &p->shared_source.accounts_min,
               "Other accounts found bad there. Lower lets one thief's few accounts condemn a network");
  shared.Limit("some", &p->shared_source.some, "Bad among all accounts seen there, lower confidence bound in thousandths");
  shared.Limit("most", &p->shared_source.most, "The same where hardly anybody good is seen");
  shared.Score("denied_score", &p->shared_source.denied_score, "Points of risk when an operator denied the source or the account");
}

// Line breaks and indentation are the file's business.
std::string OneLine(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      blank = !out.empty();
      continue;
    }
    if (std::exchange(blank, false)) out += ' ';
    out += c;
  }
  return out;
}

YamlFields RuleFields(RuleEntry* entry) {
  rules::Rule* const rule = &entry->rule;
  YamlFields fields;
  fields.Word("name", "1 to " + std::to_string(rules::kRuleNameBytesMax) + " of a-z, 0-9 and _",
              [rule](const std::string& text) -> std::string {
                if (!rules::IsRuleName(text)) return "expected 1 to " + std::to_string(rules::kRuleNameBytesMax) + " of a-z, 0-9 and _";
                rule->name = text;
                return "";
              },
              [rule] { return rule->name; }, "what actions call it: own_rule:NAME");
  fields.Expression("when", "an expression, at most " + std::to_string(rules::kExpressionBytesMax) + " bytes",
                    [rule](const std::string& text) -> std::optional<YamlFields::Flaw> {
                      rules::Pool pool;
                      rules::Expression unused;
                      if (std::optional<rules::Flaw> flaw = rules::Compile(text, &pool, &unused)) {
                        return YamlFields::Flaw{flaw->at, std::move(flaw->what)};
                      }
                      rule->when = OneLine(text);
                      return std::nullopt;
                    },
                    [rule] { return rule->when; },
                    "what it watches for, such as distinct_countries(1h) >= 3 && recipients(1h) > 5 * usual_recipients(1h)");
  fields.Integer("score", &rule->score, 1, 100, "points of risk");
  std::vector<YamlFields::Choice> families;
  for (int f = 0; f < kFamilies; ++f) families.push_back({Name(static_cast<Family>(f)), f});
  fields.Enum("family", &entry->family, std::move(families), "what kind of evidence it is; of one kind only the strongest counts");
  fields.Enum("mode", &rule->mode,
              {{"on", static_cast<int>(rules::RuleMode::kOn)},
               {"shadow", static_cast<int>(rules::RuleMode::kShadow)},
               {"off", static_cast<int>(rules::RuleMode::kOff)}},
              "shadow, unless it says otherwise: told, but nothing follows from it");
  fields.Word("says", "at most " + std::to_string(rules::kSaysBytesMax) + " bytes of UTF-8",
              [rule](const std::string& text) -> std::string {
                if (text.size() > rules::kSaysBytesMax || Printable(text, text.size() + 1) != text) {
                  return "expected at most " + std::to_string(rules::kSaysBytesMax) + " bytes of UTF-8 without control characters";
                }
                rule->says = text;
                return "";
              },
              [rule] { return rule->says; }, "the finding as \"sekisho explain\" tells it; may be left out");
  return fields;
}

void AddRules(YamlFields* f, PolicyFile* file) {
  const auto item = [file](size_t i) {
    if (i == file->rules.size()) file->rules.emplace_back();
    return RuleFields(&file->rules[i]);
  };
  const auto done = [file](size_t i) -> std::string {
    rules::Rule rule = file->rules[i].rule;
    if (rule.name.empty()) return "a rule wants a name";
    if (rule.when.empty()) return "the rule " + rule.name + " wants to know when";
    if (rule.score == 0) return "the rule " + rule.name + " wants a score";
    if (file->rules[i].family < 0) return "the rule " + rule.name + " wants a family";
    rule.family = static_cast<Family>(file->rules[i].family);
    return file->policy.rules.Add(std::move(rule));
  };
  const auto example = [] {
    static RuleEntry entry;
    return RuleFields(&entry);
  };
  f->Items("rules", {rules::kRulesMax, [file] { return file->rules.size(); }, item, done, example},
           "Your own rules, beside the detectors: expressions over the features that \"sekisho features\" lists. Each is an "
           "item of the list with these keys");
}

void AddRung(YamlFields* f, const std::string& name, Policy::Rung* rung, bool expires, std::string doc) {
  const std::string path = "ladder." + name;
  f->Section(path, std::move(doc));
  f->Integer(path + ".risk", &rung->risk, 1, 100, "Risk from which on it is taken");
  f->Integer(path + ".families", &rung->families, 1, kFamilies, "Independent kinds of evidence it needs");
  if (expires) {
    f->Duration(path + ".lasts", &rung->lasts, Span::Minutes(1), Span::Days(30),
                "It ends by itself after this; longer is safer against the thief and harder on a wrongly hit owner");
  }
}

void AddResponse(YamlFields* f, Policy* p) {
  f->Section("ladder", "What follows from which risk. Each rung ends by itself; suspending needs two kinds of evidence");
  AddRung(f, "observe", &p->observe, false, "Tell the operator's log");
  AddRung(f, "notify", &p->notify, false, "Tell the owner and the help desk");
  AddRung(f, "throttle", &p->throttle, true, "Slow the account's sending down");
  AddRung(f, "suspend", &p->suspend, true, "Stop the account's sending; receiving goes on");
  f->Integer("ladder.beyond_doubt_score", &p->beyond_doubt_score, 1, 100,
             "country_velocity and source_rotation, each with this score at least, suspend together");
  f->Duration("ladder.announce_every", &p->announce_every, Span::Minutes(1), Span::Days(30),
              "observe and notify are said at most so often about one account");
  f->Duration("ladder.evidence_fresh", &p->evidence_fresh, Span::Minutes(1), Span::Days(7),
              "A suspension is renewed if unfamiliar sources still sent or tried this shortly before it expires");
  f->Duration("ladder.suspend_max", &p->suspend_max, Span::Minutes(1), Span::Days(90),
              "Renewals double a suspension up to this");
  f->Section("circuit_breaker",
             "Too many suspensions at once are more likely our mistake: they become throttles, and a person is called");
  f->Integer("circuit_breaker.suspensions_min", &p->circuit_breaker.suspensions_min, 1, kCountMax,
             "Fewer within 10 min never trip it");
  f->Integer("circuit_breaker.usual_factor", &p->circuit_breaker.usual_factor, 1, 1000,
             "Times the usual number within 10 min");
}

YamlFields FieldsOf(PolicyFile* file) {
  YamlFields fields;
  Policy* p = &file->policy;
  fields.Text("version", &p->version, 64,
              "Names this policy in each action. A short hash is appended when values differ from the defaults");
  fields.Enum("mode", &p->mode,
              {{"enforce", static_cast<int>(Mode::kEnforce)}, {"shadow", static_cast<int>(Mode::kShadow)}},
              "shadow: everything is computed and told, nothing is enforced");
  fields.Words(
      "home_countries", kHomeCountriesMax, "ISO 3166 codes in capitals, such as JP",
      [p](const std::vector<std::string>& words) -> std::string {
        std::vector<uint16_t> countries;
        for (const std::string& word : words) {
          if (word.size() != 2 || word[0] < 'A' || word[0] > 'Z' || word[1] < 'A' || word[1] > 'Z') {
            return "expected ISO 3166 codes in capitals, such as JP";
          }
          countries.push_back(static_cast<uint16_t>(word[0] << 8 | word[1]));
        }
        p->home_countries = std::move(countries);
        return "";
      },
      [p] {
        std::vector<std::string> words;
        for (const uint16_t c : p->home_countries) {
          words.push_back({static_cast<char>(c >> 8), static_cast<char>(c & 0xff)});
        }
        return words;
      },
      "Where the customers live; an empty list: learned from the accounts");
  fields.Section("jitter", "Thresholds move by account and day, so that what one account teaches a thief doesn't hold for "
                           "the next, or tomorrow");
  fields.Integer("jitter.percent", &p->jitter_percent, 0, 50, "Up or down by at most this; 0 switches it off");
  fields.Text("jitter.passphrase", &file->jitter_passphrase, 256,
              "Whoever knows it can foresee the thresholds: choose your own");
  fields.Section("detectors", "Each brings points of risk. Of one family (origin and mailbox count as one) only the "
                              "strongest counts");
  AddOrigin(&fields, p);
  AddVolume(&fields, p);
  AddRecipients(&fields, p);
  AddMailboxAndCredential(&fields, p);
  AddOutcome(&fields, p);
  AddReputation(&fields, p);
  AddRules(&fields, file);
  AddResponse(&fields, p);
  return fields;
}

}  // namespace

absl::StatusOr<Policy> ParsePolicy(std::string_view yaml, const std::string& file_name) {
  PolicyFile file;
  YamlFields fields = FieldsOf(&file);
  if (absl::Status status = fields.Load(yaml, file_name); !status.ok()) return status;
  const std::string values = fields.Print();
  if (values != DefaultPolicyYaml()) {
    file.policy.version += "-" + PinnedHash128(values).ToHex().substr(0, 8);
  }
  file.policy.jitter_key = HashKey::FromPassphrase(file.jitter_passphrase);
  return std::move(file.policy);
}

absl::StatusOr<Policy> LoadPolicy(const std::string& path) {
  absl::StatusOr<PolicyText> text = LoadPolicyText(path);
  if (!text.ok()) return text.status();
  return std::move(text->policy);
}

absl::StatusOr<PolicyText> LoadPolicyText(const std::string& path) {
  if (path.empty()) return PolicyText{Policy::Default(), DefaultPolicyYaml()};
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError("can't open policy " + path);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || !text) return absl::UnavailableError("can't read policy " + path);
  std::string yaml = text.str();
  absl::StatusOr<Policy> policy = ParsePolicy(yaml, path);
  if (!policy.ok()) return policy.status();
  return PolicyText{*std::move(policy), std::move(yaml)};
}

std::string PolicyDigest(const Policy& policy) {
  PolicyFile file{policy, "", {}};
  for (const rules::Rule& rule : policy.rules.rules()) file.rules.push_back({rule, static_cast<int>(rule.family)});
  std::string values = FieldsOf(&file).Print();
  values.append(policy.jitter_key.bytes.begin(), policy.jitter_key.bytes.end());
  return PinnedHash128(values).ToHex();
}

std::string DefaultPolicyYaml() {
  PolicyFile file;
  return FieldsOf(&file).Print();
}

}  // namespace sekisho::app
