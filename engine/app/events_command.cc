// `sekisho events`: what the parsers understood, as JSON Lines.
#include <cstdio>
#include <string>

#include "connectors/ingest/jsonl/jsonl.h"
#include "engine/app/commands.h"
#include "engine/app/dead_letter.h"
#include "engine/app/exit_code.h"
#include "engine/app/file_source.h"
#include "engine/app/output_file.h"
#include "engine/app/report.h"
#include "engine/app/stop.h"
#include "engine/app/terminal.h"

namespace sekisho::app {

int RunEvents(const EventsOptions& options) {
  const GeoSet geo;  // events say addresses, not places
  DeadLetters dead_letters(nullptr);
  absl::StatusOr<std::unique_ptr<FileSource>> source = FileSource::Open(options.input, &geo, &dead_letters);
  if (!source.ok()) return Complain(source.status());

  const std::unique_ptr<OutputFile> out = OutputFile::Stdout();
  absl::Status written;
  std::string line;
  (*source)->OnPlainEvent([&](const connectors::Event& event) {
    line.clear();
    connectors::AppendJson(event, &line);
    line += '\n';
    if (written.ok()) written = out->Append(line);
  });
  Progress progress(&RealClock());
  bool more = true;
  while (more && written.ok() && !StopRequested()) {
    const absl::StatusOr<Batch> batch = (*source)->Poll();
    if (!batch.ok()) return Complain(batch.status());
    more = !batch->end;
    progress.Update((*source)->disk_bytes_read(), (*source)->disk_bytes(), "");
  }
  if (written.ok()) written = out->Flush();
  if (!written.ok()) return Complain(written);
  progress.Wipe();
  std::fputs(InputReport(**source, dead_letters).c_str(), stderr);
  return FinishInput(**source, StopRequested());
}

}  // namespace sekisho::app
