// `sekisho explain`: a replay that watches one account.
#include <cstdio>
#include <string>

#include "connectors/common/canonical.h"
#include "engine/app/commands.h"
#include "engine/app/exit_code.h"
#include "engine/app/file_source.h"
#include "engine/app/geo_setup.h"
#include "engine/app/output_file.h"
#include "engine/app/policy_yaml.h"
#include "engine/app/pump.h"
#include "engine/app/report.h"
#include "engine/app/run_setup.h"
#include "engine/app/stop.h"
#include "engine/app/story.h"
#include "engine/app/terminal.h"
#include "engine/cluster/local_entities.h"

namespace sekisho::app {
namespace {

constexpr uint64_t kMemoryBytesMax = uint64_t{1} << 30;

// Explaining prints the story, not the actions.
class NoSink : public Sink {
 public:
  absl::Status Publish(std::span<const Action>) override { return absl::OkStatus(); }
  absl::Status Commit(Offset) override { return absl::OkStatus(); }
};

}  // namespace

int RunExplain(const ExplainOptions& options) {
  absl::StatusOr<Policy> policy = LoadPolicy(options.judgement.policy);
  if (!policy.ok()) return Complain(policy.status());
  absl::StatusOr<GeoSet> geo = OpenGeo(options.judgement);
  if (!geo.ok()) return Complain(geo.status());
  DeadLetters dead_letters(nullptr);
  absl::StatusOr<std::unique_ptr<FileSource>> source = FileSource::Open(options.input, &*geo, &dead_letters);
  if (!source.ok()) return Complain(source.status());

  connectors::Canonicalizer canonicalizer({.default_realm = options.input.default_realm}, HashKey());
  const std::string login(canonicalizer.Login(options.account));
  const AccountId id = AccountId::FromLogin(login);
  AccountTable table(TableOptions(kMemoryBytesMax));
  Shard shard({FilesLogId(), PartitionId{0}}, &*policy, &table);
  Story story(id, &*policy, options.all);
  shard.set_observer(&story);
  NoSink sink;
  Pump pump(source->get(), &shard, &sink, &table);
  // What a replay knows of others is known here too.
  LocalEntities entities(FilesLogId(), &shard);
  pump.JudgeBy(&entities);
  pump.OnFolded([&story](const Event& event) { story.OnFolded(event); });

  Progress progress(&RealClock());
  for (bool more = true; more && !StopRequested();) {
    const absl::StatusOr<bool> pumped = pump.Once();
    if (!pumped.ok()) return Complain(pumped.status());
    more = *pumped;
    progress.Update((*source)->disk_bytes_read(), (*source)->disk_bytes(), "");
  }
  progress.Wipe();
  const absl::StatusOr<AccountWindow*> account = table.Find(id);
  if (!account.ok()) return Complain(account.status());
  const int code = FinishInput(**source, StopRequested());
  if (*account == nullptr) {
    std::fprintf(stderr, "sekisho: these logs hold nothing of the account %s\n", Printable(login).c_str());
    return code == kExitOk ? kExitFailed : code;
  }
  const std::unique_ptr<OutputFile> out = OutputFile::Stdout();
  absl::Status written = out->Append(story.Tell(login, **account));
  if (written.ok()) written = out->Flush();
  return written.ok() ? code : Complain(written);
}

}  // namespace sekisho::app
