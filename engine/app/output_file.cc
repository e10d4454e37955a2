#include "engine/app/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sekisho::app {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

absl::Status ErrnoStatus(const std::string& what, int error) {
  const std::string message = what + ": " + std::strerror(error);
  return error == ENOSPC || error == EDQUOT || error == EFBIG ? absl::ResourceExhaustedError(message)
                                                              : absl::UnavailableError(message);
}

}  // namespace

std::unique_ptr<OutputFile> OutputFile::Stdout() {
  return std::unique_ptr<OutputFile>(new OutputFile(STDOUT_FILENO, "standard output", 0));
}

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return ErrnoStatus("can't create " + path, errno);
  return std::unique_ptr<OutputFile>(new OutputFile(fd, path, 0));
}

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Resume(const std::string& path, uint64_t bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("can't reopen " + path, errno);
  std::unique_ptr<OutputFile> file(new OutputFile(fd, path, bytes));
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus("can't examine " + path, errno);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(path + " isn't a regular file");
  if (static_cast<uint64_t>(info.st_size) < bytes) {
    return absl::FailedPreconditionError(path + " is shorter (" + std::to_string(info.st_size) +
                                         " bytes) than what the state says was written to it (" +
                                         std::to_string(bytes) + " bytes)");
  }
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) return ErrnoStatus("can't cut " + path, errno);
  if (lseek(fd, 0, SEEK_END) < 0) return ErrnoStatus("can't reach the end of " + path, errno);
  return file;
}

OutputFile::~OutputFile() {
  if (fd_ != STDOUT_FILENO) close(fd_);
}

absl::Status OutputFile::Append(std::string_view text) {
  if (!failed_.ok()) return failed_;
  buffer_ += text;
  length_ += text.size();
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush();
}

absl::Status OutputFile::Flush() {
  if (!failed_.ok()) return failed_;
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed_ = ErrnoStatus("can't write to " + path_, errno);
    rest.remove_prefix(static_cast<size_t>(n));
  }
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status OutputFile::Sync() {
  if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
  if (fdatasync(fd_) != 0) return failed_ = ErrnoStatus("can't make " + path_ + " durable", errno);
  return absl::OkStatus();
}

}  // namespace sekisho::app
