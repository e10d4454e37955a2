// `sekisho features`: what an operator's rules may ask for, out of the table that compiles them.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "engine/app/commands.h"
#include "engine/app/exit_code.h"
#include "engine/app/json_writer.h"
#include "engine/app/output_file.h"
#include "engine/app/report.h"
#include "engine/app/terminal.h"
#include "engine/rules/feature_table.h"

namespace sekisho::app {
namespace {

std::string FeaturesText() {
  Table table;
  table.Row({"feature", "window", "unit", "meaning"});
  for (const rules::Feature& f : rules::AllFeatures()) {
    table.Row({std::string(f.name), rules::WindowsText(f), std::string(f.unit), std::string(f.meaning) + (f.blind ? " *" : "")});
  }
  return "What rules of the policy may ask for, such as messages(1h) > 100 && stray:\n" + table.ToString() +
         "* not read after a failed login: 0, no or -1 then\n";
}

std::string FeaturesJson() {
  std::string out;
  JsonWriter json(&out);
  json.Begin();
  json.BeginArray("features");
  for (const rules::Feature& f : rules::AllFeatures()) {
    json.BeginObject();
    json.Text("name", f.name);
    json.Text("type", f.type == rules::Type::kNumber ? "number" : "yes_or_no");
    if (f.windows == rules::Windows::kAny) {
      json.Number("window_s_min", rules::kWindowLeast.seconds());
      json.Number("window_s_max", rules::kWindowMost.seconds());
    }
    json.BeginArray("windows");
    for (const Span window : f.fixed) {
      if (window != Span()) json.Text(rules::WindowText(window));
    }
    json.EndArray();
    json.Text("unit", f.unit);
    json.Text("meaning", f.meaning);
    json.Bool("read_after_failed_login", !f.blind);
    json.EndObject();
  }
  json.EndArray();
  json.End();
  return out + '\n';
}

}  // namespace

int RunFeatures(const FeaturesOptions& options) {
  const std::unique_ptr<OutputFile> out = OutputFile::Stdout();
  absl::Status written =
      out->Append(options.json ? FeaturesJson() : options.markdown ? rules::FeaturesMarkdown() : FeaturesText());
  if (written.ok()) written = out->Flush();
  return written.ok() ? kExitOk : Complain(written);
}

}  // namespace sekisho::app
