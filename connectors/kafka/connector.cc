#include "connectors/kafka/connector.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/fail_point.h"

namespace sekisho::connectors {
namespace {

// A round's share: few enough that reports and signals are looked at in between, enough that a write is worth it.
constexpr size_t kLinesPerStep = 1024;

}  // namespace

Connector::Connector(const ConnectorOptions& options, LineHandler* handler, NoticeSink notice)
    : options_(options), handler_(handler), notice_(std::move(notice)) {
  sink_ = [this](const Event& event) { TakeEvent(event); };
}

Connector::~Connector() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

absl::StatusOr<std::unique_ptr<Connector>> Connector::Open(const ConnectorOptions& options, LineHandler* handler,
                                                           Producer* producer, NoticeSink notice) {
  std::unique_ptr<Connector> connector(new Connector(options, handler, std::move(notice)));
  if (absl::Status locked = connector->Lock(); !locked.ok()) return locked;
  if (absl::Status loaded = connector->Load(producer); !loaded.ok()) return loaded;
  return connector;
}

absl::Status Connector::Lock() {
  const std::string path = options_.state_folder + "/lock";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) return absl::UnavailableError(absl::StrCat(path, ": can't be opened: ", std::strerror(errno)));
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(options_.state_folder, ": another connector uses this folder; give each its own, or stop the other"));
}

absl::Status Connector::Load(Producer* producer) {
  const std::string spool_folder = options_.state_folder + "/spool";
  std::error_code error;
  std::filesystem::create_directory(spool_folder, error);
  if (error) return absl::UnavailableError(absl::StrCat(spool_folder, ": can't be made: ", error.message()));
  absl::StatusOr<std::unique_ptr<Spool>> spool = Spool::Open(spool_folder);
  if (!spool.ok()) return spool.status();
  spool_ = *std::move(spool);
  if (spool_->lost_bytes() > 0) {
    notice_({NoticeLevel::kError, "spool_cut", {{"bytes", absl::StrCat(spool_->lost_bytes())}}});
  }

  // What is left in a spool without its position file can still be sent, under the epoch it was written with.
  ConnectorPosition position;
  position.epoch = options_.new_epoch;
  position.spool_place = spool_->end();
  position.acknowledged_place = spool_->begin();
  absl::StatusOr<ConnectorPosition> found = LoadPosition(PositionPath());
  if (found.ok()) {
    const bool whole = found->acknowledged_place >= spool_->begin() && found->spool_place <= spool_->end() &&
                       found->acknowledged_place <= found->spool_place;
    if (!whole) {
      notice_({NoticeLevel::kError, "spool_lost", {{"folder", spool_folder}}});
      ++stats_.state_losses;
      found->spool_place = spool_->end();
      found->acknowledged_place = spool_->begin();
    }
    position = *std::move(found);
  } else if (!absl::IsNotFound(found.status())) {
    // Kept, so that somebody may look at it.
    std::filesystem::rename(PositionPath(), PositionPath() + ".damaged", error);
    notice_({NoticeLevel::kError, "position_lost", {{"reason", std::string(found.status().message())}}});
    ++stats_.state_losses;
  }

  epoch_ = position.epoch;
  for (ConnectorPosition::Stream& stream : position.streams) streams_.push_back({stream.path, nullptr, stream.file, {}});
  for (const std::string& path : options_.files) {
    const auto at = std::find_if(streams_.begin(), streams_.end(), [&path](const Stream& s) { return s.path == path; });
    const size_t number = static_cast<size_t>(at - streams_.begin());
    if (at == streams_.end()) streams_.push_back({path, nullptr, {}, {}});
    streams_[number].follower = std::make_unique<LogFollower>(path, options_.header, notice_);
    configured_.push_back(static_cast<uint32_t>(number));
  }
  if (streams_.size() > ConnectorPosition::kStreamsMax) {
    return absl::InvalidArgumentError(absl::StrCat("over ", ConnectorPosition::kStreamsMax, " files, those once configured included"));
  }
  if (absl::Status restored = position.parser_state.empty() ? absl::OkStatus() : handler_->RestoreState(position.parser_state);
      !restored.ok()) {
    notice_({NoticeLevel::kError, "parser_state_lost", {{"reason", std::string(restored.message())}}});
    ++stats_.state_losses;
  }
  absl::StatusOr<uint64_t> noted = Replay(position.spool_place);
  if (!noted.ok()) return noted.status();
  if (*noted < spool_->end()) {
    if (absl::Status cut = spool_->Cut(*noted); !cut.ok()) return cut;
  }
  encoder_ = std::make_unique<EventEncoder>(ConnectorName{options_.name, epoch_});
  sender_ = std::make_unique<Sender>(spool_.get(), position.acknowledged_place, producer, encoder_.get(), options_.sender, notice_);
  // The epoch must be on the disk before an event bears it.
  return SavePosition();
}

// Goes again over the lines that were taken since the position was written down, so that the parsers know what they knew.
// Their events are in the spool already. Returns the place behind the last entry that notes lines as taken.
absl::StatusOr<uint64_t> Connector::Replay(uint64_t from) {
  for (Stream& stream : streams_) {
    if (stream.follower != nullptr) stream.follower->Resume(stream.noted);
  }
  bool lost = false;
  uint64_t noted = from;
  Spool::Reader reader(spool_.get(), from);
  while (true) {
    std::string_view payload;
    const absl::StatusOr<bool> more = reader.Next(&payload);
    if (!more.ok()) return more.status();
    if (!*more) break;
    JournalEntry entry;
    if (!DecodeEntry(payload, &entry)) return absl::DataLossError("the spool holds an entry of another version");
    if (entry.kind == JournalEntry::Kind::kEvent) continue;
    noted = reader.place();
    if (entry.stream >= streams_.size()) {
      // Configured after the position was written down; it got its number in the order of the configuration.
      return absl::FailedPreconditionError(
          absl::StrCat("the spool tells of stream ", entry.stream, ", which isn't configured: configure the same files as before, in the same order"));
    }
    Stream& stream = streams_[entry.stream];
    if (entry.kind == JournalEntry::Kind::kFile) {
      // In full also while it is the same file: then the lines up to there come first.
      const bool same = entry.file.device == stream.noted.device && entry.file.inode == stream.noted.inode &&
                        entry.file.base == stream.noted.base;
      // What is known of its beginning by now tells it from another file that was written in its place.
      if (same && stream.follower != nullptr && entry.file.head_bytes > stream.noted.head_bytes) {
        FilePosition known = stream.noted;
        known.head_bytes = entry.file.head_bytes;
        known.head_digest = entry.file.head_digest;
        stream.follower->Resume(known);
      }
      if (same) ReplayTaken(&stream, entry.file.offset, &lost);
      stream.noted = entry.file;
      if (stream.follower != nullptr && !same) stream.follower->Resume(entry.file);
    } else {
      ReplayTaken(&stream, entry.offset, &lost);
      stream.noted.offset = entry.offset;
    }
  }
  for (Stream& stream : streams_) {
    if (stream.follower == nullptr || stream.follower->position().place() == stream.noted.place()) {
      if (stream.follower != nullptr && stream.noted.inode != 0 && stream.follower->position().inode == 0) stream.follower->SayGone();
      continue;
    }
    if (!stream.follower->Resume(stream.noted)) stream.follower->SayGone();
  }
  if (lost) {
    notice_({NoticeLevel::kWarning, "parser_state_incomplete", {{"reason", "files that had been read are gone"}}});
    ++stats_.state_losses;
  }
  return noted;
}

void Connector::ReplayTaken(Stream* stream, uint64_t offset, bool* lost) {
  if (stream->follower == nullptr) return;
  LogFollower& follower = *stream->follower;
  const uint64_t end = stream->noted.base + offset;
  const EventSink nobody = [](const Event&) {};
  FollowedLine line;
  follower.EndsAt(end);
  while (follower.position().place() < end && follower.Peek(&line) && line.raw.end_offset <= end) {
    std::string_view reason;
    if (!line.raw.too_long) handler_->Line(line.line, nobody, &reason);
    if (!line.line.time.never()) stats_.newest = std::max(stats_.newest, line.line.time);
    follower.Take();
  }
  follower.EndsAt(0);
  *lost = *lost || follower.position().place() != end;
}

Connector::Stream* Connector::Earliest(EventTime now, FollowedLine* line) {
  Stream* earliest = nullptr;
  for (const uint32_t number : configured_) {
    Stream& stream = streams_[number];
    FollowedLine next;
    if (stream.exhausted) continue;
    if (!stream.follower->Peek(&next)) {
      Note(&stream);  // Poll may change files
      stream.exhausted = !stream.follower->Poll(now) || !stream.follower->Peek(&next);
      if (stream.exhausted) continue;
    }
    if (!next.line.time.never()) stream.key = next.line.time;
    if (earliest != nullptr && earliest->key <= stream.key) continue;
    earliest = &stream;
    *line = next;
  }
  return earliest;
}

bool Connector::at_end() const {
  return std::all_of(configured_.begin(), configured_.end(),
                     [this](uint32_t number) { return streams_[number].exhausted && streams_[number].follower->at_end(); });
}

bool Connector::ReadLines(EventTime now) {
  for (const uint32_t number : configured_) streams_[number].exhausted = false;
  Stream* last = nullptr;
  size_t lines = 0;
  for (; lines < kLinesPerStep; ++lines) {
    FollowedLine line;
    Stream* stream = Earliest(now, &line);
    if (last != nullptr && stream != last) Note(last);
    last = stream;
    if (stream == nullptr) break;
    TakeLine(stream, line);
  }
  if (last != nullptr) Note(last);
  return lines > 0;
}

void Connector::TakeLine(Stream* stream, const FollowedLine& line) {
  const FilePosition& position = stream->follower->position();
  if (position.inode != stream->noted.inode || position.device != stream->noted.device || position.base != stream->noted.base) {
    Note(stream);  // a new file, before any of its lines
  }
  ++stats_.lines;
  if (!line.line.time.never()) stats_.newest = std::max(stats_.newest, line.line.time);
  if (line.raw.too_long) {
    ++stats_.too_long;
  } else {
    origin_ = {static_cast<uint32_t>(stream - streams_.data()), line.raw.byte_offset, 0};
    std::string_view reason;
    switch (handler_->Line(line.line, sink_, &reason)) {
      case ParseResult::kEvents:
        break;
      case ParseResult::kIgnored:
        ++stats_.ignored;
        break;
      case ParseResult::kNotMine:
      case ParseResult::kMalformed:
        ++stats_.unrecognised[reason];
        break;
    }
  }
  stream->follower->Take();
}

void Connector::TakeEvent(const Event& event) {
  const bool told = encoder_->Encode(event, origin_, &value_);
  ++origin_.index;
  if (!told) {
    ++stats_.unattributed;
    return;
  }
  ++stats_.events[handler_->Source()][static_cast<size_t>(event.kind)];
  EncodeEventEntry(event.account, value_, &entry_);
  spool_->Append(entry_);
}

void Connector::Note(Stream* stream) {
  const FilePosition& position = stream->follower->position();
  const uint32_t number = static_cast<uint32_t>(stream - streams_.data());
  const bool in_full = position.inode != stream->noted.inode || position.device != stream->noted.device ||
                       position.base != stream->noted.base || position.head_bytes != stream->noted.head_bytes;
  if (!in_full && position.offset == stream->noted.offset) return;
  if (in_full) EncodeFileEntry(number, position, &entry_);
  else EncodeTakenEntry(number, position.offset, &entry_);
  spool_->Append(entry_);
  stream->noted = position;
}

absl::Status Connector::Step(EventTime now, EventTime wall, bool drain, Span wait) {
  bool busy = false;
  const uint64_t spooled = spool_->end();
  stats_.spool_full = waiting_bytes() >= options_.spool_bytes_max;
  if (!drain && !stats_.spool_full && !spool_failing_) busy = ReadLines(now);
  if (absl::Status flushed = spool_->Flush(); !flushed.ok()) {
    ++stats_.spool_failures;
    if (!spool_failing_) notice_({NoticeLevel::kError, "spool_write", {{"reason", std::string(flushed.message())}}});
    spool_failing_ = true;
  } else if (spool_failing_) {
    spool_failing_ = false;
    notice_({NoticeLevel::kInfo, "spool_write", {{"reason", "works again"}}});
  }
  if (spool_->end() != spooled) FailPoint("spooled");
  // A heartbeat says how far the logs have come, never what is still ahead of the clock.
  const EventTime newest = stats_.newest.never() ? stats_.newest : std::min(stats_.newest, wall);
  const absl::StatusOr<bool> sent = sender_->Step(now, {newest, wall, busy}, busy ? Span() : wait);
  if (!sent.ok()) return sent.status();
  if (next_position_.never()) next_position_ = now + options_.position_every;
  const bool moved = spool_->end() != saved_place_ || sender_->acknowledged() != saved_acknowledged_;
  const bool frees_a_segment = sender_->acknowledged() - saved_acknowledged_ >= Spool::kSegmentBytesMax;
  if (!moved || (now < next_position_ && !frees_a_segment)) return absl::OkStatus();
  next_position_ = now + options_.position_every;
  if (absl::Status saved = SavePosition(); !saved.ok()) {
    ++stats_.spool_failures;
    notice_({NoticeLevel::kError, "position_write", {{"reason", std::string(saved.message())}}});
  }
  return absl::OkStatus();
}

absl::Status Connector::SavePosition() {
  if (absl::Status synced = spool_->Sync(); !synced.ok()) return synced;
  ConnectorPosition position;
  position.epoch = epoch_;
  position.spool_place = spool_->end();
  position.acknowledged_place = sender_->acknowledged();
  for (const Stream& stream : streams_) position.streams.push_back({stream.path, stream.noted});
  handler_->SaveState(&position.parser_state);
  if (absl::Status saved = connectors::SavePosition(position, PositionPath()); !saved.ok()) return saved;
  saved_place_ = position.spool_place;
  saved_acknowledged_ = position.acknowledged_place;
  FailPoint("position_saved");
  spool_->Trim(saved_acknowledged_);
  return absl::OkStatus();
}

}  // namespace sekisho::connectors
