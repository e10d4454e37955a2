// A directory for one test, removed with all its files when the test ends.
#ifndef SEKISHO_ENGINE_STATE_TESTING_TEMPORARY_DIRECTORY_H_
#define SEKISHO_ENGINE_STATE_TESTING_TEMPORARY_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace sekisho {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_((std::filesystem::temp_directory_path() / "sekisho-test-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  // Empty where it couldn't be made.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_STATE_TESTING_TEMPORARY_DIRECTORY_H_
