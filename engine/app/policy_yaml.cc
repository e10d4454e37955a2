#include "engine/app/policy_yaml.h"

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/app/policy_yaml_parts.h"
#include "engine/base/hash.h"
#include "engine/yaml/yaml_fields.h"

namespace sekisho::app {
namespace {

constexpr size_t kHomeCountriesMax = 32;

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
             "source_rotation with this score at least suspends together with one of the next two");
  f->Integer("ladder.beyond_doubt_velocity_score", &p->beyond_doubt_velocity_score, 1, 100, "country_velocity with this score at least");
  f->Integer("ladder.beyond_doubt_domestic_score", &p->beyond_doubt_domestic_score, 1, 100, "domestic_rotation with this score at least");
  f->Duration("ladder.announce_every", &p->announce_every, Span::Minutes(1), Span::Days(30),
              "observe and notify are said at most so often about one account");
  f->Duration("ladder.evidence_fresh", &p->evidence_fresh, Span::Minutes(1), Span::Days(7),
              "A suspension is renewed if unfamiliar sources still sent or tried this shortly before it expires");
  f->Duration("ladder.suspend_max", &p->suspend_max, Span::Minutes(1), Span::Days(90),
              "Renewals double a suspension up to this");
  f->Section("ladder.relapse", "After a release that an operator guarded, and its grace: the same signals need less risk to suspend again");
  f->Duration("ladder.relapse.lasts", &p->relapse_guard.lasts, Span(), Span::Days(90), "So long after the grace; 0s switches it off");
  f->Integer("ladder.relapse.points", &p->relapse_guard.points, 0, 50,
             "So much less; more stops a thief who comes back sooner, and an owner who was wrongly hit again");
  f->Section("circuit_breaker",
             "Too many suspensions at once are more likely our mistake: they become throttles, and a person is called");
  f->Integer("circuit_breaker.suspensions_min", &p->circuit_breaker.suspensions_min, 1, kPolicyCountMax,
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
  AddSourceClasses(&fields, p);
  fields.Section("jitter", "Thresholds move by account and day, so that what one account teaches a thief doesn't hold for "
                           "the next, or tomorrow");
  fields.Integer("jitter.percent", &p->jitter_percent, 0, 50, "Up or down by at most this; 0 switches it off");
  fields.Text("jitter.passphrase", &file->jitter_passphrase, 256,
              "Whoever knows it can foresee the thresholds: choose your own");
  AddClasses(&fields, p);
  AddAllow(&fields, file);
  AddDetectors(&fields, p);
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
  PolicyFile file{policy, "", {}, {}};
  for (const Exception& exception : policy.allow) file.allow.push_back(TextOf(exception));
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
