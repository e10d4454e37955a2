// A folder that goes away with the test.
#ifndef SEKISHO_CONNECTORS_KAFKA_TESTING_TEMP_FOLDER_H_
#define SEKISHO_CONNECTORS_KAFKA_TESTING_TEMP_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace sekisho::connectors::testing {

class TempFolder {
 public:
  TempFolder() : path_(::testing::TempDir() + "sekisho-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
  }
  ~TempFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void AppendTo(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace sekisho::connectors::testing

#endif  // SEKISHO_CONNECTORS_KAFKA_TESTING_TEMP_FOLDER_H_
