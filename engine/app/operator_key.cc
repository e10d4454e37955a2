#include "engine/app/operator_key.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace sekisho::app {

absl::StatusOr<std::string> ReadOperatorKey(const std::string& path) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  // A little more than a key may have, so that one too long shows.
  std::string bytes(kOperatorKeyBytesMax + 3, '\0');
  if (!file || std::filesystem::is_directory(path, error)) return absl::InvalidArgumentError(absl::StrCat(path, ": can't be read"));
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad()) return absl::InvalidArgumentError(absl::StrCat(path, ": can't be read"));
  bytes.resize(static_cast<size_t>(file.gcount()));
  while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) bytes.pop_back();
  if (bytes.size() < kOperatorKeyBytesMin || bytes.size() > kOperatorKeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": must hold ", kOperatorKeyBytesMin, " to ", kOperatorKeyBytesMax,
                                                   " bytes, such as `openssl rand -hex 32` gives"));
  }
  return bytes;
}

}  // namespace sekisho::app
