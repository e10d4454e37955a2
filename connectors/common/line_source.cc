// Reading, decompressing, and cutting into lines.
#include "connectors/common/line_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/hash.h"

namespace sekisho::connectors {
namespace {

constexpr size_t kBufferBytes = LineSource::kReadBytes + LineSource::kLineBytesMax + 2;

absl::Status SystemError(const std::string& path, std::string_view what, int error) {
  const std::string message = path + ": " + std::string(what) + ": " + std::strerror(error);
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

}  // namespace

// Bytes of the uncompressed stream.
class LineSource::Decoder {
 public:
  explicit Decoder(LineSource* source) : source_(source) {}
  virtual ~Decoder() = default;
  // Into [to, to + size), size > 0; 0 at the end, -1 on an error (then source_->status_ says which).
  virtual ptrdiff_t Read(char* to, size_t size) = 0;

 protected:
  // True when there is input between compressed_begin_ and compressed_end_; false at the end or on an error.
  bool FillInput() {
    if (source_->compressed_begin_ < source_->compressed_end_) return true;
    const ptrdiff_t n = source_->ReadDisk(source_->compressed_.get(), kReadBytes);
    source_->compressed_begin_ = 0;
    source_->compressed_end_ = n > 0 ? static_cast<size_t>(n) : 0;
    return n > 0;
  }
  ptrdiff_t Fail(std::string_view what) {
    if (source_->status_.ok()) source_->status_ = source_->Broken(what);
    return -1;
  }
  LineSource* const source_;
};

class LineSource::PlainDecoder final : public Decoder {
 public:
  using Decoder::Decoder;
  ptrdiff_t Read(char* to, size_t size) override {
    const size_t rest = source_->compressed_end_ - source_->compressed_begin_;
    if (rest == 0) return source_->ReadDisk(to, size);
    const size_t n = rest < size ? rest : size;
    std::memcpy(to, source_->compressed_.get() + source_->compressed_begin_, n);
    source_->compressed_begin_ += n;
    return static_cast<ptrdiff_t>(n);
  }
};

class LineSource::GzipDecoder final : public Decoder {
 public:
  using Decoder::Decoder;
  ~GzipDecoder() override {
    if (ready_) inflateEnd(&stream_);
  }
  ptrdiff_t Read(char* to, size_t size) override {
    if (!ready_) {
      if (inflateInit2(&stream_, 15 + 16) != Z_OK) return Fail("no memory for gzip");
      ready_ = true;
    }
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (!FillInput()) {
        if (!source_->status_.ok()) return -1;
        return in_member_ ? Fail("the gzip data end in the middle") : 0;
      }
      if (!in_member_ && inflateReset(&stream_) != Z_OK) return Fail("gzip");
      in_member_ = true;
      stream_.next_in = reinterpret_cast<Bytef*>(source_->compressed_.get() + source_->compressed_begin_);
      stream_.avail_in = static_cast<uInt>(source_->compressed_end_ - source_->compressed_begin_);
      const int result = inflate(&stream_, Z_NO_FLUSH);
      source_->compressed_begin_ = source_->compressed_end_ - stream_.avail_in;
      if (result == Z_STREAM_END) {
        in_member_ = false;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return stream_.avail_out < size ? static_cast<ptrdiff_t>(size - stream_.avail_out)
                                        : Fail("the gzip data are broken");
      }
    }
    return static_cast<ptrdiff_t>(size - stream_.avail_out);
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool in_member_ = false;
};

class LineSource::ZstdDecoder final : public Decoder {
 public:
  explicit ZstdDecoder(LineSource* source) : Decoder(source), context_(ZSTD_createDCtx()) {}
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  ptrdiff_t Read(char* to, size_t size) override {
    if (context_ == nullptr) return Fail("no memory for zstd");
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      if (!FillInput() && (!source_->status_.ok() || !in_frame_)) return source_->status_.ok() ? 0 : -1;
      const bool dry = source_->compressed_begin_ == source_->compressed_end_;
      ZSTD_inBuffer in{source_->compressed_.get(), source_->compressed_end_, source_->compressed_begin_};
      const size_t result = ZSTD_decompressStream(context_, &out, &in);
      source_->compressed_begin_ = in.pos;
      if (ZSTD_isError(result)) {
        return Fail(std::string("the zstd data are broken (") + ZSTD_getErrorName(result) + ")");
      }
      in_frame_ = result != 0;
      if (dry && out.pos == 0) return Fail("the zstd data end in the middle");
    }
    return static_cast<ptrdiff_t>(out.pos);
  }

 private:
  ZSTD_DCtx* const context_;
  bool in_frame_ = false;
};

absl::StatusOr<std::unique_ptr<LineSource>> LineSource::Open(const std::string& path) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "cannot be opened", errno);
  std::unique_ptr<LineSource> source(new LineSource(standard_input ? "standard input" : path, fd, !standard_input));
  if (absl::Status s = source->Start(); !s.ok()) return s;
  return source;
}

LineSource::LineSource(std::string path, int fd, bool owns_fd) : path_(std::move(path)), fd_(fd), owns_fd_(owns_fd) {}

LineSource::~LineSource() {
  if (owns_fd_) close(fd_);
}

absl::Status LineSource::Start() {
  struct stat info;
  if (fstat(fd_, &info) != 0) return SystemError(path_, "cannot be looked at", errno);
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError(path_ + ": is a directory, not a log file");
  if (S_ISREG(info.st_mode)) {
    disk_bytes_ = static_cast<uint64_t>(info.st_size);
    modified_ = EventTime::FromMillis(info.st_mtim.tv_sec * int64_t{1000} + info.st_mtim.tv_nsec / 1'000'000);
  }
  // Buffers are left uninitialised: pages that are never used cost nothing.
  compressed_.reset(new char[kReadBytes]);
  for (auto& buffer : buffers_) buffer.reset(new char[kBufferBytes]);
  unsigned char magic[4] = {};
  while (compressed_end_ < sizeof magic) {
    const ptrdiff_t n = ReadDisk(compressed_.get() + compressed_end_, sizeof magic - compressed_end_);
    if (n < 0) return status_;
    if (n == 0) break;
    compressed_end_ += static_cast<size_t>(n);
  }
  std::memcpy(magic, compressed_.get(), compressed_end_);
  const bool zstd_frame = magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd;
  const bool zstd_skippable = (magic[0] & 0xf0) == 0x50 && magic[1] == 0x2a && magic[2] == 0x4d && magic[3] == 0x18;
  if (magic[0] == 0x1f && magic[1] == 0x8b) {
    decoder_ = std::make_unique<GzipDecoder>(this);
  } else if (zstd_frame || zstd_skippable) {
    decoder_ = std::make_unique<ZstdDecoder>(this);
  } else {
    decoder_ = std::make_unique<PlainDecoder>(this);
  }
  return absl::OkStatus();
}

ptrdiff_t LineSource::ReadDisk(char* to, size_t size) {
  for (;;) {
    const ssize_t n = read(fd_, to, size);
    if (n >= 0) {
      disk_bytes_read_ += static_cast<uint64_t>(n);
      return n;
    }
    if (errno == EINTR) continue;
    status_ = SystemError(path_, "reading stopped at byte " + std::to_string(disk_bytes_read_), errno);
    return -1;
  }
}

absl::Status LineSource::Broken(std::string_view what) const {
  return absl::DataLossError(path_ + ": " + std::string(what) + " at byte " +
                             std::to_string(disk_bytes_read_ - (compressed_end_ - compressed_begin_)) +
                             " of the file, after " + std::to_string(offset_) + " bytes of whole lines");
}

bool LineSource::Refill() {
  if (!switched_) {
    const size_t tail = end_ - begin_;
    std::memcpy(buffers_[turn_ ^ 1].get(), buffers_[turn_].get() + begin_, tail);
    turn_ ^= 1;
    begin_ = 0;
    end_ = tail;
    switched_ = true;
  }
  if (ended_) return false;
  if (end_ == kBufferBytes) return true;
  const ptrdiff_t n = decoder_->Read(buffers_[turn_].get() + end_, kBufferBytes - end_);
  if (n <= 0) {
    ended_ = true;
    return false;
  }
  end_ += static_cast<size_t>(n);
  return true;
}

bool LineSource::Next(RawLine* line) {
  switched_ = false;
  line->too_long = false;
  line->byte_offset = offset_;
  size_t searched = 0;
  for (;;) {
    const char* const start = buffers_[turn_].get() + begin_;
    const size_t available = end_ - begin_;
    const char* const newline = static_cast<const char*>(std::memchr(start + searched, '\n', available - searched));
    size_t taken;
    if (newline != nullptr) {
      taken = static_cast<size_t>(newline - start) + 1;
    } else if (available > kLineBytesMax + 1) {
      SkipLongLine(line);
      return status_.ok();
    } else {
      searched = available;
      if (Refill()) continue;
      if (!status_.ok() || available == 0) return false;
      taken = available;
    }
    // Refill() may have moved the line.
    const char* const text = buffers_[turn_].get() + begin_;
    size_t length = taken - (newline != nullptr ? 1 : 0);
    if (length > 0 && text[length - 1] == '\r') --length;
    if (length > kLineBytesMax) {
      line->too_long = true;
      digest_ = PinnedMix64(PinnedHash64({text, kLineBytesMax}, digest_) ^ (taken - kLineBytesMax));
      length = kLineBytesMax;
    } else {
      digest_ = PinnedHash64({text, taken}, digest_);
    }
    line->text = {text, length};
    begin_ += taken;
    offset_ += taken;
    line->end_offset = offset_;
    line->digest = digest_;
    return true;
  }
}

void LineSource::SkipLongLine(RawLine* line) {
  Refill();  // puts the line to the front of a buffer that no other line is in
  char* const scratch = buffers_[turn_].get() + kLineBytesMax;
  uint64_t skipped = 0;
  size_t have = end_ - kLineBytesMax;
  for (;;) {
    const char* const newline = static_cast<const char*>(std::memchr(scratch, '\n', have));
    if (newline != nullptr) {
      const size_t used = static_cast<size_t>(newline - scratch) + 1;
      skipped += used;
      begin_ = kLineBytesMax + used;
      end_ = kLineBytesMax + have;
      break;
    }
    skipped += have;
    const ptrdiff_t n = ended_ ? 0 : decoder_->Read(scratch, kBufferBytes - kLineBytesMax);
    if (n <= 0) {
      ended_ = true;
      begin_ = end_ = kLineBytesMax;
      break;
    }
    have = static_cast<size_t>(n);
  }
  line->too_long = true;
  line->text = {buffers_[turn_].get(), kLineBytesMax};
  digest_ = PinnedMix64(PinnedHash64(line->text, digest_) ^ skipped);
  offset_ += kLineBytesMax + skipped;
  line->end_offset = offset_;
  line->digest = digest_;
}

absl::Status LineSource::SkipTo(uint64_t end_offset, uint64_t digest) {
  RawLine line;
  while (line.end_offset < end_offset) {
    if (!Next(&line)) {
      if (!status_.ok()) return status_;
      return absl::FailedPreconditionError(path_ + ": has changed: it ends at byte " + std::to_string(line.end_offset) +
                                           ", but " + std::to_string(end_offset) + " bytes had been read");
    }
  }
  if (line.end_offset != end_offset || line.digest != (end_offset == 0 ? 0 : digest)) {
    return absl::FailedPreconditionError(path_ + ": has changed: its first " + std::to_string(end_offset) +
                                         " bytes are not those that had been read");
  }
  return absl::OkStatus();
}

}  // namespace sekisho::connectors
