#include "connectors/kafka/log_follower.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

constexpr size_t kLeftMax = 8;  // one descriptor each

// ".1", "-20260301", ".2026-03-01": how rotated files are named. Anything else (".gz", ".bak") isn't taken for one.
bool IsRotationSuffix(std::string_view suffix) {
  if (suffix.size() < 2 || (suffix[0] != '.' && suffix[0] != '-') || suffix[1] < '0' || suffix[1] > '9') return false;
  return suffix.find_first_not_of("0123456789.-") == std::string_view::npos;
}

int64_t ChangedNs(const struct stat& status) {
  return static_cast<int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

EventTime Changed(const struct stat& status) { return EventTime::FromMillis(ChangedNs(status) / 1'000'000); }

uint64_t Size(const struct stat& status) { return status.st_size < 0 ? 0 : static_cast<uint64_t>(status.st_size); }

// The digest of the first `bytes` bytes, 0 of none; false if there are fewer.
bool HeadDigest(int fd, uint64_t bytes, uint64_t* digest) {
  *digest = 0;
  if (bytes == 0) return true;
  char head[LogFollower::kHeadBytes];
  if (bytes > sizeof(head) || ::pread(fd, head, bytes, 0) != static_cast<ssize_t>(bytes)) return false;
  *digest = PinnedHash64({head, bytes});
  return true;
}

bool HasHead(const std::string& path, const FilePosition& position) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  uint64_t digest = 0;
  const bool same = HeadDigest(fd, position.head_bytes, &digest) && digest == position.head_digest;
  ::close(fd);
  return same;
}

}  // namespace

LogFollower::LogFollower(std::string path, const HeaderOptions& header, NoticeSink notice)
    : path_(std::move(path)), notice_(std::move(notice)), header_(header) {}

LogFollower::~LogFollower() {
  CloseFile();
  for (const Left& left : left_) ::close(left.fd);
}

void LogFollower::Say(NoticeLevel level, std::string_view name,
                      std::vector<std::pair<std::string_view, std::string>> fields) const {
  fields.emplace_back("file", path_);
  notice_({level, name, std::move(fields)});
}

void LogFollower::Gap(std::string_view what, uint64_t bytes) {
  ++counters_.gaps;
  counters_.gap_bytes += bytes;
  Say(NoticeLevel::kError, "gap", {{"what", std::string(what)}, {"bytes_known", absl::StrCat(bytes)}});
}

void LogFollower::ForgetBuffer() {
  buffer_.clear();
  cursor_ = scanned_ = 0;
  long_line_.clear();
  long_bytes_ = 0;
  peeked_.reset();
}

void LogFollower::CloseFile() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  ForgetBuffer();
  final_ = false;
  looked_ = Looked::kNot;
  quiet_since_ = EventTime::Never();
}

std::vector<LogFollower::Candidate> LogFollower::Candidates() const {
  const std::filesystem::path path(path_);
  const std::string name = path.filename().string();
  std::vector<Candidate> found;
  std::error_code error;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string other = entry.path().filename().string();
    const bool current = other == name;
    if (!current && (other.compare(0, name.size(), name) != 0 || !IsRotationSuffix(std::string_view(other).substr(name.size())))) continue;
    struct stat status;
    if (::stat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    found.push_back({entry.path().string(), status.st_dev, status.st_ino, Size(status), ChangedNs(status), current});
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.is_current, a.changed_ns, a.path) < std::tie(b.is_current, b.changed_ns, b.path);
  });
  return found;
}

bool LogFollower::OpenFile(const Candidate& candidate, const FilePosition& position) {
  // Without O_NONBLOCK, a pipe in place of the file would hold up everything.
  const int fd = ::open(candidate.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (!missing_said_) Say(NoticeLevel::kError, "file_unreadable", {{"path", candidate.path}, {"reason", std::strerror(errno)}});
    missing_said_ = true;
    return false;
  }
  struct stat status;
  // Between the look and the opening the name may have gone to another file: the next Poll looks again.
  if (::fstat(fd, &status) != 0 || status.st_dev != candidate.device || status.st_ino != candidate.inode) {
    ::close(fd);
    return false;
  }
  CloseFile();
  fd_ = fd;
  missing_said_ = false;
  position_ = position;
  position_.device = candidate.device;
  position_.inode = candidate.inode;
  seen_bytes_ = Size(status);
  header_.SetReference(Changed(status));
  return true;
}

bool LogFollower::Resume(const FilePosition& position) {
  CloseFile();
  position_ = position;
  if (position.inode == 0) return true;
  const std::vector<Candidate> candidates = Candidates();
  for (const bool same_inode : {true, false}) {
    for (const Candidate& candidate : candidates) {
      const bool is_it = candidate.device == position.device && candidate.inode == position.inode;
      if (is_it != same_inode || candidate.bytes < position.offset || !HasHead(candidate.path, position)) continue;
      // Without a head to compare, only the inode says that it is the file.
      if (!same_inode && position.head_bytes == 0) continue;
      if (OpenFile(candidate, position)) return true;
    }
  }
  position_ = {};
  position_.base = position.place();
  return false;
}

void LogFollower::SayGone() { Gap("the file that was being read is gone: what it held beyond was not read", 0); }

bool LogFollower::HeadHolds() const {
  uint64_t digest = 0;
  return HeadDigest(fd_, position_.head_bytes, &digest) && digest == position_.head_digest;
}

void LogFollower::ExtendHead() {
  const uint64_t bytes = std::min<uint64_t>(position_.offset, kHeadBytes);
  uint64_t digest = 0;
  if (bytes == position_.head_bytes || !HeadDigest(fd_, bytes, &digest)) return;
  position_.head_bytes = bytes;
  position_.head_digest = digest;
}

bool LogFollower::Fill() {
  if (fd_ < 0) return false;
  const bool again = ends_at_ && *ends_at_ > 0;  // as it was read before
  if (position_.offset == 0 && looked_ != Looked::kGrown && !again) return false;
  buffer_.erase(0, cursor_);
  scanned_ -= cursor_;
  cursor_ = 0;
  const size_t had = buffer_.size();
  buffer_.resize(had + kReadBytes);
  ssize_t n = 0;
  do {
    n = ::pread(fd_, buffer_.data() + had, kReadBytes, static_cast<off_t>(position_.offset + long_bytes_ + had));
  } while (n < 0 && errno == EINTR);
  // A file truncated and written anew meanwhile shows by its beginning; looked at after the read, so that what was read
  // is the old file's. Poll finds the same and deals with it.
  if (n > 0 && !HeadHolds()) n = 0;
  if (struct stat status; n > 0 && ::fstat(fd_, &status) == 0) header_.SetReference(Changed(status));
  buffer_.resize(had + static_cast<size_t>(std::max<ssize_t>(n, 0)));
  return n > 0;
}

void LogFollower::GiveLine(std::string_view text, size_t buffer_bytes, RawLine* raw) {
  peeked_buffer_bytes_ = buffer_bytes;
  raw->too_long = !long_line_.empty() || text.size() > LineSource::kLineBytesMax;
  raw->text = long_line_.empty() ? text.substr(0, LineSource::kLineBytesMax) : std::string_view(long_line_);
  if (!raw->too_long && raw->text.ends_with('\r')) raw->text.remove_suffix(1);
  raw->byte_offset = position_.place();
  raw->end_offset = position_.place() + long_bytes_ + buffer_bytes;
}

bool LogFollower::FindLine(RawLine* raw) {
  while (true) {
    std::string_view rest = std::string_view(buffer_).substr(cursor_);
    const uint64_t rest_place = position_.place() + long_bytes_;
    bool ends = false;  // `rest` ends where a line is known to
    if (ends_at_ && *ends_at_ > rest_place && *ends_at_ - rest_place <= rest.size()) {
      rest = rest.substr(0, *ends_at_ - rest_place);
      ends = true;
    }
    const size_t line_end = rest.find('\n', std::min(scanned_ - cursor_, rest.size()));
    if (line_end != std::string_view::npos) {
      GiveLine(rest.substr(0, line_end), line_end + 1, raw);
      return true;
    }
    if (ends) {
      GiveLine(rest, rest.size(), raw);
      return true;
    }
    scanned_ = cursor_ + rest.size();
    if (rest.size() > LineSource::kLineBytesMax) {
      if (long_line_.empty()) long_line_ = rest.substr(0, LineSource::kLineBytesMax);
      long_bytes_ += rest.size();
      buffer_.clear();
      cursor_ = scanned_ = 0;
    }
    if (Fill()) continue;
    rest = std::string_view(buffer_).substr(cursor_);  // Fill has moved it
    if (!final_ || (rest.empty() && long_bytes_ == 0)) return false;
    GiveLine(rest, rest.size(), raw);
    return true;
  }
}

bool LogFollower::Peek(FollowedLine* line) {
  if (!peeked_) {
    FollowedLine next;
    if (!FindLine(&next.raw)) return false;
    next.line = header_.Parse(next.raw.text);
    peeked_ = next;
  }
  *line = *peeked_;
  return true;
}

void LogFollower::Take() {
  if (!peeked_) return;
  position_.offset += peeked_->raw.end_offset - peeked_->raw.byte_offset;
  cursor_ += peeked_buffer_bytes_;
  scanned_ = cursor_;
  long_line_.clear();
  long_bytes_ = 0;
  peeked_.reset();
  if (position_.head_bytes < kHeadBytes) ExtendHead();
}

bool LogFollower::Poll(EventTime now) {
  WatchLeft(now);
  at_end_ = false;
  if (fd_ < 0) {
    const std::vector<Candidate> candidates = Candidates();
    FilePosition from;
    from.base = position_.place();
    if (candidates.size() > 1) from.previous_inode = candidates[candidates.size() - 2].inode;
    ahead_bytes_ = 0;
    if (!candidates.empty() && candidates.back().is_current && OpenFile(candidates.back(), from)) return seen_bytes_ > 0;
    if (!missing_said_) Say(NoticeLevel::kWarning, "file_missing", {});
    missing_said_ = true;
    at_end_ = true;
    return false;
  }
  struct stat status;
  if (::fstat(fd_, &status) != 0) return false;
  const uint64_t before = seen_bytes_;
  const uint64_t read_end = position_.offset + long_bytes_ + (buffer_.size() - cursor_);
  seen_bytes_ = Size(status);
  if (seen_bytes_ < read_end || !HeadHolds()) {
    Truncated(std::max(before, read_end));
    return true;
  }
  if (position_.offset == 0 && (looked_ == Looked::kNot || (looked_ == Looked::kEmpty && seen_bytes_ > 0))) {
    looked_ = seen_bytes_ > 0 ? Looked::kGrown : Looked::kEmpty;
    if (TakeUnreadCopy()) return true;
  }
  if (seen_bytes_ > read_end) {
    quiet_since_ = EventTime::Never();
    final_ = false;
    return true;
  }
  struct stat named;
  if (::stat(path_.c_str(), &named) == 0) {
    at_end_ = named.st_dev == position_.device && named.st_ino == position_.inode;
    if (at_end_) {
      ahead_bytes_ = 0;
      return false;
    }
  }
  return Rotated(now);
}

bool LogFollower::Rotated(EventTime now) {
  struct stat status;
  if (::fstat(fd_, &status) != 0) return false;
  const Candidate* next = nullptr;
  ahead_bytes_ = 0;
  const std::vector<Candidate> candidates = Candidates();
  for (const Candidate& candidate : candidates) {
    if (candidate.device == position_.device && candidate.inode == position_.inode) continue;
    if (!candidate.is_current && candidate.changed_ns <= ChangedNs(status)) continue;
    // A copy of this very file, which copytruncate makes.
    if (!candidate.is_current && position_.head_bytes > 0 && HasHead(candidate.path, position_)) continue;
    if (next == nullptr) next = &candidate;
    ahead_bytes_ += candidate.bytes;
  }
  at_end_ = next == nullptr;  // moved away, and nothing in its place yet
  if (at_end_) return false;
  if (quiet_since_.never()) quiet_since_ = now;
  if (now - quiet_since_ < kSettle) return false;
  if (!final_) {
    final_ = true;
    return true;  // the rest, if any, is a line now
  }
  LeaveFor(*next, now);
  return true;
}

bool LogFollower::TakeUnreadCopy() {
  const std::vector<Candidate> candidates = Candidates();
  if (candidates.empty() || !candidates.back().is_current || candidates.back().inode != position_.inode) return false;
  // When the file that was read before was last changed: of two files of one tick nobody knows which is the later one.
  std::optional<int64_t> previous_ns;
  if (position_.previous_inode == 0) previous_ns = 0;
  for (const Candidate& candidate : candidates) {
    if (candidate.inode == position_.previous_inode) previous_ns = candidate.changed_ns;
  }
  if (!previous_ns) return false;
  for (const Candidate& candidate : candidates) {
    if (candidate.is_current) break;
    if (candidate.inode != position_.previous_inode && candidate.changed_ns > *previous_ns) {
      const FilePosition position = position_;
      if (!OpenFile(candidate, position)) return false;
      ++counters_.truncations;
      Say(NoticeLevel::kInfo, "file_truncated", {{"copy", candidate.path}});
      return true;
    }
  }
  return false;
}

void LogFollower::LeaveFor(const Candidate& next, EventTime now) {
  const FilePosition left_position = position_;
  const int left_fd = ::dup(fd_);
  FilePosition from;
  from.base = position_.place();
  from.previous_inode = position_.inode;
  if (!OpenFile(next, from)) {
    if (left_fd >= 0) ::close(left_fd);
    return;
  }
  if (left_fd >= 0) left_.push_back({left_fd, left_position.offset, now + kWatch});
  if (left_.size() > kLeftMax) {
    ::close(left_.front().fd);
    left_.erase(left_.begin());
  }
  ahead_bytes_ -= std::min(ahead_bytes_, next.bytes);
  ++counters_.rotations;
  Say(NoticeLevel::kInfo, "file_rotated", {{"bytes_read", absl::StrCat(left_position.offset)}, {"next", next.path}});
}

void LogFollower::WatchLeft(EventTime now) {
  for (size_t i = 0; i < left_.size();) {
    Left& left = left_[i];
    struct stat status;
    if (::fstat(left.fd, &status) == 0 && Size(status) > left.bytes) {
      Gap("written to a rotated file after it had been left", Size(status) - left.bytes);
      left.bytes = Size(status);
    }
    if (now < left.until) {
      ++i;
      continue;
    }
    ::close(left.fd);
    left_.erase(left_.begin() + static_cast<ptrdiff_t>(i));
  }
}

void LogFollower::Truncated(uint64_t bytes_before) {
  ++counters_.truncations;
  for (const Candidate& candidate : Candidates()) {
    if (candidate.device == position_.device && candidate.inode == position_.inode) continue;
    if (position_.head_bytes == 0 || candidate.bytes < position_.offset || !HasHead(candidate.path, position_)) continue;
    const FilePosition position = position_;
    if (!OpenFile(candidate, position)) continue;
    Say(NoticeLevel::kInfo, "file_truncated", {{"copy", candidate.path}});
    return;
  }
  Say(NoticeLevel::kWarning, "file_truncated", {{"copy", "none found: what was written just before is not known"}});
  if (bytes_before > position_.offset) Gap("the file was truncated before it was read to its end", bytes_before - position_.offset);
  FilePosition from;
  from.device = position_.device;
  from.inode = position_.inode;
  from.previous_inode = position_.previous_inode;
  from.base = position_.base + std::max(bytes_before, position_.offset);
  position_ = from;
  seen_bytes_ = 0;
  looked_ = Looked::kNot;
  ForgetBuffer();
  final_ = false;
}

}  // namespace sekisho::connectors
