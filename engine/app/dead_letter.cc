#include "engine/app/dead_letter.h"

#include "connectors/common/json.h"

namespace sekisho::app {
namespace {

using connectors::AppendJsonString;

bool EndsToken(char c) { return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '(' || c == ')' || c == '"'; }

}  // namespace

std::string RedactedExcerpt(std::string_view line) {
  const bool cut = line.size() > kExcerptBytesMax;
  if (cut) line = line.substr(0, kExcerptBytesMax);
  std::string out;
  size_t token = 0;  // where the present token starts in `out`
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '@') {
      // `"john doe"@example.jp`: the local part is the quoted text.
      if (!out.empty() && out.back() == '"') {
        const size_t quote = out.size() < 2 ? std::string::npos : out.rfind('"', out.size() - 2);
        token = quote == std::string::npos ? 0 : quote;
      }
      // `sasl_username=alice@…` keeps its key; within <> an '=' is part of the address.
      size_t local = token;
      if (token == 0 || out[token - 1] != '<') {
        const size_t equals = out.find('=', token);
        if (equals != std::string::npos) local = equals + 1;
      }
      out.resize(local);
      out += "*@";
      token = out.size();
    } else {
      out += c;
      if (EndsToken(c) || c == '<' || c == '>') token = out.size();
    }
  }
  // The last word of a cut line may be a local part whose '@' was cut off.
  if (cut) out.resize(token);
  return out;
}

void DeadLetters::CountOnly(std::string_view reason, uint64_t n) {
  if (n == 0) return;
  auto counter = by_reason_.find(reason);
  if (counter == by_reason_.end()) counter = by_reason_.emplace(std::string(reason), 0).first;
  counter->second += n;
}

void DeadLetters::Add(std::string_view file_name, uint64_t byte, std::string_view reason, std::string_view line) {
  CountOnly(reason, 1);
  if (file_ == nullptr || muted_ || !status_.ok()) return;
  std::string letter = "{\"file\":";
  AppendJsonString(file_name, &letter);
  letter += ",\"byte\":" + std::to_string(byte) + ",\"reason\":";
  AppendJsonString(reason, &letter);
  letter += ",\"excerpt\":";
  AppendJsonString(RedactedExcerpt(line), &letter);
  letter += "}\n";
  status_ = file_->Append(letter);
}

}  // namespace sekisho::app
