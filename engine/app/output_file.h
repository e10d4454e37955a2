// A file that lines are appended to: every error is reported, and its length is known to the byte, so that a resumed run
// can cut what was written after the last commit.
#ifndef SEKISHO_ENGINE_APP_OUTPUT_FILE_H_
#define SEKISHO_ENGINE_APP_OUTPUT_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sekisho::app {

// Thread-compatible.
class OutputFile {
 public:
  // Standard output; its length starts at 0.
  static std::unique_ptr<OutputFile> Stdout();
  // An empty file; what was there is lost.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path);
  // The first `bytes` bytes of an existing regular file; the rest is cut off. FailedPrecondition when it is shorter.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Resume(const std::string& path, uint64_t bytes);

  ~OutputFile();  // closes; what wasn't flushed is lost
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Buffers; writes when the buffer is full. After an error the file takes nothing more and repeats that error.
  absl::Status Append(std::string_view text);
  // Everything appended is with the kernel.
  absl::Status Flush();
  // Everything appended survives a power cut.
  absl::Status Sync();
  // Bytes appended, with those that were there on Resume.
  uint64_t length() const { return length_; }
  const std::string& path() const { return path_; }

 private:
  OutputFile(int fd, std::string path, uint64_t length) : fd_(fd), path_(std::move(path)), length_(length) {}

  const int fd_;
  const std::string path_;
  uint64_t length_;
  std::string buffer_;
  absl::Status failed_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_OUTPUT_FILE_H_
