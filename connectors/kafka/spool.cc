#include "connectors/kafka/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "connectors/kafka/disk_error.h"
#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

constexpr std::string_view kPrefix = "spool-";
constexpr size_t kHeaderBytes = 12;
constexpr size_t kReadBytes = 256 << 10;

void PutLittle(uint64_t value, size_t bytes, char* to) {
  for (size_t i = 0; i < bytes; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

uint64_t GetLittle(std::string_view from) {
  uint64_t value = 0;
  for (size_t i = from.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

// Bytes read, fewer only at the end of the file; -1 on an error.
ssize_t ReadAt(int fd, char* to, size_t size, uint64_t at) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd, to + done, size - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

// The place a segment's name stands for; false for other files.
bool ParseName(const std::string& name, uint64_t* first) {
  if (name.size() != kPrefix.size() + 16 || name.compare(0, kPrefix.size(), kPrefix) != 0) return false;
  const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), *first, 16);
  return error == std::errc() && end == name.data() + name.size();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const std::string& folder) {
  std::unique_ptr<Spool> spool(new Spool(folder));
  if (absl::Status loaded = spool->Load(); !loaded.ok()) return loaded;
  return spool;
}

Spool::~Spool() {
  for (const auto& [first, segment] : segments_) ::close(segment.fd);
}

std::string Spool::Path(uint64_t first) const {
  std::array<char, 17> hex;
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(first));
  return absl::StrCat(folder_, "/", std::string(kPrefix), hex.data());
}

uint64_t Spool::GoodBytes(int fd, uint64_t first, uint64_t bytes) {
  std::string payload;
  std::array<char, kHeaderBytes> header;
  uint64_t good = 0;
  while (good + kHeaderBytes <= bytes) {
    if (ReadAt(fd, header.data(), kHeaderBytes, good) != kHeaderBytes) break;
    const uint64_t length = GetLittle({header.data(), 4});
    if (length == 0 || length > kEntryBytesMax || good + kHeaderBytes + length > bytes) break;
    payload.resize(length);
    if (ReadAt(fd, payload.data(), length, good + kHeaderBytes) != static_cast<ssize_t>(length)) break;
    if (PinnedHash64(payload, first + good) != GetLittle({header.data() + 4, 8})) break;
    good += kHeaderBytes + length;
  }
  return good;
}

absl::Status Spool::OpenSegment(uint64_t first) {
  const std::string path = Path(first);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return DiskError(path, "opened");
  segments_[first] = {0, fd};
  return absl::OkStatus();
}

absl::Status Spool::Load() {
  std::vector<uint64_t> firsts;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    uint64_t first = 0;
    if (ParseName(entry.path().filename().string(), &first)) firsts.push_back(first);
  }
  if (error) return absl::UnavailableError(absl::StrCat(folder_, ": ", error.message()));
  std::sort(firsts.begin(), firsts.end());
  bool whole = true;  // no damage so far
  for (const uint64_t first : firsts) {
    struct stat status;
    if (absl::Status opened = OpenSegment(first); !opened.ok()) return opened;
    Segment& segment = segments_[first];
    if (::fstat(segment.fd, &status) != 0) return DiskError(Path(first), "looked at");
    const uint64_t bytes = static_cast<uint64_t>(status.st_size);
    const bool follows = segments_.size() == 1 || first == end_;
    if (whole && follows) {
      segment.bytes = GoodBytes(segment.fd, first, bytes);
      end_ = first + segment.bytes;
      whole = segment.bytes == bytes;
      lost_bytes_ += bytes - segment.bytes;
      if (!whole && ::ftruncate(segment.fd, static_cast<off_t>(segment.bytes)) != 0) return DiskError(Path(first), "cut off");
      continue;
    }
    // Behind damage, or behind a segment that is missing, nothing can be trusted to be the next entry.
    whole = false;
    lost_bytes_ += bytes;
    ::close(segment.fd);
    segments_.erase(first);
    ::unlink(Path(first).c_str());
  }
  return segments_.empty() ? OpenSegment(0) : absl::OkStatus();
}

void Spool::Append(std::string_view payload) {
  char header[kHeaderBytes];
  PutLittle(payload.size(), 4, header);
  PutLittle(PinnedHash64(payload, end_ + buffer_.size()), 8, header + 4);
  buffer_.append(header, kHeaderBytes);
  buffer_.append(payload);
}

absl::Status Spool::Flush() {
  if (buffer_.empty()) return absl::OkStatus();
  if (segments_.rbegin()->second.bytes >= kSegmentBytesMax) {
    if (absl::Status opened = OpenSegment(end_); !opened.ok()) return opened;
  }
  const uint64_t first = segments_.rbegin()->first;
  Segment& segment = segments_.rbegin()->second;
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = ::pwrite(segment.fd, buffer_.data() + done, buffer_.size() - done, static_cast<off_t>(segment.bytes + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      // Whole entries of what was written would be sent after a crash, though their position was never given out; the
      // next try overwrites them in any case.
      absl::Status failed = DiskError(Path(first), "written");
      [[maybe_unused]] const int cut = ::ftruncate(segment.fd, static_cast<off_t>(segment.bytes));
      return failed;
    }
    done += static_cast<size_t>(n);
  }
  segment.bytes += buffer_.size();
  end_ += buffer_.size();
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status Spool::Sync() {
  if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
  for (auto at = segments_.rbegin(); at != segments_.rend() && at->first + at->second.bytes > synced_; ++at) {
    if (::fdatasync(at->second.fd) != 0) return DiskError(Path(at->first), "synced");
  }
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return DiskError(folder_, "opened");
  const int synced = ::fsync(folder);
  ::close(folder);
  if (synced != 0) return DiskError(folder_, "synced");
  synced_ = end_;
  return absl::OkStatus();
}

absl::Status Spool::Cut(uint64_t place) {
  while (segments_.size() > 1 && segments_.rbegin()->first >= place) {
    ::unlink(Path(segments_.rbegin()->first).c_str());
    ::close(segments_.rbegin()->second.fd);
    segments_.erase(std::prev(segments_.end()));
  }
  auto& [first, segment] = *segments_.rbegin();
  segment.bytes = place - first;
  end_ = place;
  if (::ftruncate(segment.fd, static_cast<off_t>(segment.bytes)) != 0) return DiskError(Path(first), "cut off");
  return absl::OkStatus();
}

void Spool::Trim(uint64_t place) {
  while (segments_.size() > 1 && segments_.begin()->first + segments_.begin()->second.bytes <= place) {
    ::unlink(Path(segments_.begin()->first).c_str());
    ::close(segments_.begin()->second.fd);
    segments_.erase(segments_.begin());
  }
}

uint64_t Spool::begin() const { return segments_.begin()->first; }

void Spool::Reader::Seek(uint64_t place) {
  place_ = place;
  if (place < buffer_place_) buffer_.clear();
}

absl::StatusOr<std::string_view> Spool::Reader::Peek(size_t bytes) {
  const uint64_t skip = place_ - buffer_place_;  // only with a buffer, which then begins at or before place_
  if (!buffer_.empty() && skip + bytes <= buffer_.size()) return std::string_view(buffer_).substr(skip, bytes);
  auto at = spool_->segments_.upper_bound(place_);
  if (at == spool_->segments_.begin()) return absl::DataLossError("the spool no longer holds what is wanted of it");
  --at;
  const uint64_t in_segment = place_ - at->first;
  const uint64_t available = at->second.bytes - std::min(in_segment, at->second.bytes);
  if (available < bytes) return absl::DataLossError(absl::StrCat(spool_->Path(at->first), ": broken off at ", in_segment));
  buffer_.resize(std::min<uint64_t>(available, std::max(bytes, kReadBytes)));
  buffer_place_ = place_;
  if (ReadAt(at->second.fd, buffer_.data(), buffer_.size(), in_segment) != static_cast<ssize_t>(buffer_.size())) {
    buffer_.clear();
    return absl::DataLossError(absl::StrCat(spool_->Path(at->first), ": can't be read: ", std::strerror(errno)));
  }
  return std::string_view(buffer_).substr(0, bytes);
}

absl::StatusOr<bool> Spool::Reader::Next(std::string_view* payload) {
  if (place_ >= spool_->end_) return false;
  const auto header = Peek(kHeaderBytes);
  if (!header.ok()) return header.status();
  const size_t length = GetLittle(header->substr(0, 4));
  const uint64_t hash = GetLittle(header->substr(4, 8));
  if (length == 0 || length > kEntryBytesMax) return absl::DataLossError("the spool holds an entry of impossible length");
  const auto entry = Peek(kHeaderBytes + length);
  if (!entry.ok()) return entry.status();
  *payload = entry->substr(kHeaderBytes);
  if (PinnedHash64(*payload, place_) != hash) return absl::DataLossError("the spool holds a damaged entry");
  place_ += kHeaderBytes + length;
  return true;
}

}  // namespace sekisho::connectors
