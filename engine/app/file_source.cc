#include "engine/app/file_source.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "connectors/common/log_time.h"
#include "engine/app/event_model.h"
#include "engine/app/terminal.h"
#include "engine/base/clock.h"
#include "engine/shard/shard.h"

namespace sekisho::app {
namespace {

// The shard believes jumps up to kFutureMax (10 min) by itself; a heartbeat has to come before that.
constexpr Span kJump = Span::Minutes(8);

EventTime TimeOf(const Record& record) {
  const Event* event = std::get_if<Event>(&record.value);
  return event != nullptr ? event->time : EventTime::Never();
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(const InputOptions& options, const GeoSet* geo,
                                                             DeadLetters* dead_letters) {
  absl::StatusOr<absl::TimeZone> zone = connectors::ParseTimeZone(options.timezone);
  if (!zone.ok()) return absl::InvalidArgumentError("--timezone: " + std::string(zone.status().message()));
  connectors::Pipeline::Options pipeline;
  pipeline.canonical.default_realm = options.default_realm;
  pipeline.key = HashKey::FromPassphrase(options.recipient_key);
  for (const std::string& host : options.webmail_hosts) {
    const std::optional<IpNetwork> network = IpNetwork::Parse(host);
    if (!network) {
      return absl::InvalidArgumentError("--webmail-host: \"" + Printable(host) + "\" is no address or network");
    }
    pipeline.webmail.push_back(*network);
  }
  if (!options.complaint_verp.empty() && std::count(options.complaint_verp.begin(), options.complaint_verp.end(), '*') != 1) {
    return absl::InvalidArgumentError("--complaint-verp: \"" + Printable(options.complaint_verp) +
                                      "\" must hold one '*', where the account stands");
  }
  pipeline.complaints = {options.complaint_headers, options.complaint_verp};
  std::unique_ptr<FileSource> source(new FileSource(options, pipeline, geo, dead_letters));
  std::optional<int> year;
  if (options.year != 0) year = options.year;
  source->files_ = connectors::MergedFiles::Open(options.files, {*zone, year, RealClock().Now()});
  return source;
}

FileSource::FileSource(const InputOptions& options, const connectors::Pipeline::Options& pipeline, const GeoSet* geo,
                       DeadLetters* dead_letters)
    : options_(options), geo_(geo), dead_letters_(dead_letters), pipeline_(pipeline) {
  take_ = [this](const connectors::Event& event) { Take(event); };
}

absl::StatusOr<Batch> FileSource::Poll() {
  arena_.Clear();
  records_.clear();
  origins_.clear();
  jump_ = kNoJump;
  newest_ = clock_;
  bool more = true;
  for (uint64_t lines = 0; more && (lines < kBatchLines || (JumpUnsettled() && lines < 4 * kBatchLines)); ++lines) {
    more = ReadLine();
  }
  AddHeartbeats();
  for (Record& record : records_) record.offset = Offset{next_offset_++};
  return Batch{records_, Offset{next_offset_}, !more};
}

bool FileSource::ReadLine() {
  connectors::MergedLine line;
  if (!files_->Next(&line)) return false;
  ++stats_.lines;
  line_ = {line.file, line.raw.byte_offset, {}};
  line_text_ = line.raw.text;
  if (line.raw.too_long) {
    ++stats_.too_long;
    PutAside("line too long");
    return true;
  }
  std::string_view reason;
  switch (pipeline_.Line(line.line, take_, &reason)) {
    case connectors::ParseResult::kEvents:
    case connectors::ParseResult::kIgnored:
      break;
    case connectors::ParseResult::kNotMine:
      CountUnrecognised(line, reason);
      break;
    case connectors::ParseResult::kMalformed:
      PutAside(reason);
      break;
  }
  return true;
}

void FileSource::PutAside(std::string_view reason) {
  dead_letters_->Add(options_.files[line_.file], line_.byte, reason, line_text_);
}

void FileSource::CountUnrecognised(const connectors::MergedLine& line, std::string_view reason) {
  // Another program's line is no trouble of ours; a line of no program at all may be.
  if (line.line.program.empty()) return PutAside(reason);
  auto found = stats_.other_programs.find(line.line.program);
  if (found == stats_.other_programs.end()) {
    const bool full = stats_.other_programs.size() >= InputStats::kProgramsMax;
    found = stats_.other_programs.try_emplace(full ? "(others)" : std::string(line.line.program), 0).first;
  }
  ++found->second;
}

void FileSource::Take(const connectors::Event& from) {
  if (plain_) plain_(from);
  const std::optional<EventKind> kind = FoldedKind(from.kind);
  if (!kind) return;
  if (from.account.empty()) {
    ++stats_.no_account;
    return;
  }
  if (line_.line.data() == nullptr) line_.line = arena_.Copy(line_text_.substr(0, kExcerptBytesMax));
  origins_.push_back(line_);
  Event& to = std::get<Event>(records_.emplace_back().value);
  ToModel(from, *kind, from.ip.unspecified() ? GeoInfo() : geo_->Lookup(from.ip), &to);
  to.account = arena_.Copy(from.account);
  to.host = arena_.Copy(from.host);
  const std::span<EventRecipient> recipients = arena_.Array<EventRecipient>(from.recipient_list.size());
  for (size_t i = 0; i < recipients.size(); ++i) {
    recipients[i] = {arena_.Copy(from.recipient_list[i].domain), from.recipient_list[i].key};
  }
  to.recipient_list = recipients;
  if (to.time.never()) return;
  if (newest_.never() || to.time > newest_ + kJump) jump_ = records_.size() - 1;
  newest_ = std::max(newest_, to.time);
}

bool FileSource::Confirmed(size_t index, size_t witnesses, EventTime limit) const {
  const size_t from = index + 1, until = std::min(records_.size(), from + witnesses);
  size_t beyond = 0;
  for (size_t i = from; i < until; ++i) beyond += TimeOf(records_[i]) > limit;
  return from >= until || 2 * beyond >= until - from;
}

void FileSource::AddHeartbeats() {
  for (size_t i = 0; i < records_.size(); ++i) {
    const EventTime at = TimeOf(records_[i]);
    if (at.never()) continue;
    EventTime beat;
    if (clock_.never()) {
      // The first record's date may be the wrong one: then the next one's counts.
      if (Confirmed(i, kWitnesses, at - kJump)) {
        clock_ = at;
      } else {
        beat = TimeOf(records_[i + 1]);
      }
    } else if (at <= clock_ + kJump) {
      clock_ = std::max(clock_, at);
    } else if (Confirmed(i, at > clock_ + kLateMax ? kWitnessesOfDays : kWitnesses, at - kJump)) {
      beat = at;
    }
    if (beat.never()) continue;
    clock_ = beat;
    const auto place = static_cast<std::ptrdiff_t>(i);
    records_.insert(records_.begin() + place, Record{{}, Heartbeat{beat}});
    origins_.insert(origins_.begin() + place, origins_[i]);
    ++i;
  }
}

void FileSource::Refuse(size_t index, std::string_view reason) {
  const Origin& origin = origins_[index];
  dead_letters_->Add(options_.files[origin.file], origin.byte, reason, origin.line);
}

std::vector<InputMark> FileSource::Marks() const {
  std::vector<InputMark> marks;
  for (size_t i = 0; i < files_->size(); ++i) {
    marks.push_back({options_.files[i], files_->end_offset(i), files_->digest(i)});
  }
  return marks;
}

std::vector<std::string> FileSource::unreadable() const {
  std::vector<std::string> messages;
  for (size_t i = 0; i < files_->size(); ++i) {
    if (!files_->error(i).ok()) messages.emplace_back(files_->error(i).message());
  }
  return messages;
}

}  // namespace sekisho::app
